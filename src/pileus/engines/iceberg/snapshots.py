"""Snapshots: files added to a table and taken from it, so that its readers see the one or the other whole.

What changes a table is handed `Files`, which read and write by address, and gives the metadata to be committed.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

from . import manifests, updates
from .manifests import ADDED, DELETED, EXISTING, Entry, Manifest
from .metadata import MAIN, Metadata, schema_of, snapshot

LARGE = 256 * 1024
"""Bytes of a manifest from which on it is read and written on a thread."""
MOST_MANIFESTS = 100
"""Before they are written as one."""


class Files(Protocol):
    """The files of a table."""

    async def read(self, path: str) -> bytes: ...

    async def write(self, path: str, content: bytes) -> None: ...


class Part(NamedTuple):
    """A manifest of the current snapshot, and what it says."""

    told: Entry
    """As the list of manifests tells of it."""
    manifest: Manifest

    @property
    def live(self) -> list[Entry]:
        """Its entries, but for files that are gone, with the numbers that they have from it."""
        return [
            {
                **entry,
                "status": EXISTING,
                "snapshot_id": inherited(entry["snapshot_id"], self.told["added_snapshot_id"]),
                "sequence_number": inherited(entry.get("sequence_number"), self.told["sequence_number"]),
                "file_sequence_number": inherited(entry.get("file_sequence_number"), self.told["sequence_number"]),
            }
            for entry in self.manifest.entries
            if entry["status"] != DELETED
        ]


def inherited(own: int | None, given: int) -> int:
    return given if own is None else own


async def listed(metadata: Metadata, files: Files) -> list[Entry]:
    """The manifests of the current snapshot."""
    current = snapshot(metadata)
    return manifests.read_list(await files.read(current["manifest-list"])) if current else []


async def parts(metadata: Metadata, files: Files) -> list[Part]:
    """The manifests of the current snapshot that tell of rows, read."""
    found = await listed(metadata, files)
    rows = [told for told in found if told.get("content", 0) == manifests.DATA]
    return [Part(told, await opened(await files.read(told["manifest_path"]))) for told in rows]


async def opened(content: bytes) -> Manifest:
    """A manifest, read without keeping others waiting for long."""
    return manifests.read(content) if len(content) < LARGE else await asyncio.to_thread(manifests.read, content)


async def data_files(metadata: Metadata, files: Files) -> list[Entry]:
    """The files of rows that the current snapshot is made of."""
    return [entry["data_file"] for part in await parts(metadata, files) for entry in part.live]


async def changed(
    metadata: Metadata,
    files: Files,
    at: float,
    *,
    added: Iterable[Entry] = (),
    removed: Iterable[str] = (),
    operation: str = "append",
    like: Manifest | None = None,
) -> Metadata:
    """The metadata after a change: files that come, and files that go by their addresses.

    `like` is a manifest that the added files' own is like, where the table has partitions.
    """
    number, before = random.getrandbits(62) + 1, snapshot(metadata)
    sequence, added, gone = metadata["last-sequence-number"] + 1, list(added), set(removed)
    kept, lost = await rest(metadata, files, gone, number, sequence)
    if added:
        entries = [_entry(ADDED, number, file) for file in added]
        manifest = like or manifests.plain(schema_of(metadata))
        kept.append(await _written(metadata, files, entries, manifest, number, sequence))
    path = f"{metadata['location']}/metadata/snap-{number}-0-{uuid.uuid4()}.avro"
    parent = before["snapshot-id"] if before else None
    await files.write(path, manifests.write_list(kept, number, parent, sequence))
    made = {
        "snapshot-id": number,
        "sequence-number": sequence,
        "timestamp-ms": max(int(at * 1000), metadata["last-updated-ms"]),
        "manifest-list": path,
        "summary": {"operation": operation, **totals(before, added, lost)},
        "schema-id": metadata["current-schema-id"],
    }
    if parent is not None:
        made["parent-snapshot-id"] = parent
    ref = {"action": "set-snapshot-ref", "ref-name": MAIN, "type": "branch", "snapshot-id": number}
    return updates.apply(metadata, [{"action": "add-snapshot", "snapshot": made}, ref], at)


async def rest(
    metadata: Metadata, files: Files, gone: set[str], number: int, sequence: int
) -> tuple[list[Entry], list[Entry]]:
    """The manifests that a new snapshot goes on with, and the files that it does not."""
    held = await listed(metadata, files)
    if not gone and len(held) < MOST_MANIFESTS:
        return held, []
    kept = [told for told in held if told.get("content", 0) != manifests.DATA]
    lost: list[Entry] = []
    merged: dict[int, tuple[Manifest, list[Entry]]] = {}
    for part in await parts(metadata, files):
        going = [entry for entry in part.live if entry["data_file"]["file_path"] in gone]
        if not going and len(held) < MOST_MANIFESTS:
            kept.append(part.told)
            continue
        lost += [entry["data_file"] for entry in going]
        _, entries = merged.setdefault(part.told["partition_spec_id"], (part.manifest, []))
        for entry in part.live:
            leaves = entry["data_file"]["file_path"] in gone
            entries.append({**entry, "status": DELETED, "snapshot_id": number} if leaves else entry)
    for manifest, entries in merged.values():
        kept.append(await _written(metadata, files, entries, manifest, number, sequence))
    return kept, lost


def _entry(status: int, number: int, file: Entry) -> Entry:
    return {
        "status": status,
        "snapshot_id": number,
        "sequence_number": None,
        "file_sequence_number": None,
        "data_file": file,
    }


async def _written(
    metadata: Metadata, files: Files, entries: list[Entry], like: Manifest, number: int, sequence: int
) -> Entry:
    path = f"{metadata['location']}/metadata/{uuid.uuid4()}-m0.avro"
    few = len(entries) < LARGE // 256
    content = manifests.write(entries, like) if few else await asyncio.to_thread(manifests.write, entries, like)
    await files.write(path, content)
    spec = int(like.metadata.get("partition-spec-id", "0"))
    return manifests.summary(path, len(content), entries, spec, number, sequence)


def totals(before: dict[str, Any] | None, added: list[Entry], lost: list[Entry]) -> dict[str, str]:
    """What a snapshot's summary counts."""
    counted = {
        "data-files": (len(added), len(lost)),
        "records": tuple(sum(file["record_count"] for file in some) for some in (added, lost)),
        "files-size": tuple(sum(file["file_size_in_bytes"] for file in some) for some in (added, lost)),
    }
    told = {}
    for name, (more, less) in counted.items():
        sofar = int(before["summary"].get(f"total-{name}", 0)) if before and "summary" in before else 0
        told[f"total-{name}"] = str(sofar + more - less)
        if more:
            told[f"added-{name}"] = str(more)
        if less:
            told[f"{'removed' if name == 'files-size' else 'deleted'}-{name}"] = str(less)
    return told
