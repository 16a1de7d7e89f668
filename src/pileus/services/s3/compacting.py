"""Compaction: many small files of a table become few, with the same rows, in a snapshot of its own ("replace").

Files are put together that have the same columns and lie in the same partition; the rows of a table that has a sort
order come in that order, as far as it is one of whole columns, or in the z-order of those. Tables with deletion files
are left to their engines, as are those of other versions of the format than the second: in the third rows have ids.
"""

from __future__ import annotations

import json
from functools import partial
from itertools import takewhile
from typing import Any

from pileus.engines.iceberg import manifests, rows, snapshots
from pileus.engines.iceberg.manifests import Entry, Manifest
from pileus.engines.iceberg.metadata import Metadata, numbered
from pileus.kernel import Call, names
from pileus.kernel.blobs import threaded

from .table_files import Files

LEAST = 5
"""Files that are worth it."""
NEARLY = 0.75
"""What part of the size that is aimed at makes a file large enough."""
HELD = 64 * 1024 * 1024
"""Bytes of files that are put together at a time."""

Members = dict[str, Any]


async def compacted(call: Call, size: int, strategy: str, before: Metadata, files: Files) -> Metadata | None:
    """The table with its small files put together; None if there is nothing to do."""
    if before["format-version"] != 2:
        return None
    if any(told.get("content", 0) != manifests.DATA for told in await snapshots.listed(before, files)):
        return None
    after, worked = before, False
    groups: dict[str, tuple[Manifest, list[Entry]]] = {}
    for part in await snapshots.parts(before, files):
        for entry in part.live:
            file = entry["data_file"]
            if file["file_format"].upper() != "PARQUET" or file["file_size_in_bytes"] >= size * NEARLY:
                continue
            where = json.dumps([part.told["partition_spec_id"], file["partition"]], default=str, sort_keys=True)
            groups.setdefault(where, (part.manifest, []))[1].append(file)
    for manifest, small in groups.values():
        for batch in batches(small, min(size, HELD)):
            made = await put_together(before, files, batch, strategy)
            gone = [path for _, paths in made for path in paths]
            if gone:
                added = [file for file, _ in made]
                after = await snapshots.changed(
                    after, files, call.now, added=added, removed=gone, operation="replace", like=manifest
                )
                worked = True
    return after if worked else None


def batches(small: list[Entry], size: int) -> list[list[Entry]]:
    """Files that are put together, up to the size that is aimed at."""
    found: list[list[Entry]] = []
    batch: list[Entry] = []
    held = 0
    for file in small:
        if batch and held + file["file_size_in_bytes"] > size:
            found.append(batch)
            batch, held = [], 0
        batch.append(file)
        held += file["file_size_in_bytes"]
    found.append(batch)
    return [each for each in found if len(each) >= LEAST]


def order(metadata: Metadata) -> list[Members]:
    """The columns by which a table wants its rows in order: number, direction, and where missing values go."""
    wanted = numbered(metadata["sort-orders"], "order-id", metadata["default-sort-order-id"])
    return list(takewhile(lambda field: field["transform"] == "identity", wanted["fields"]))


async def put_together(
    before: Metadata, files: Files, batch: list[Entry], strategy: str
) -> list[tuple[Entry, list[str]]]:
    """One file for all of a batch that have the same columns, and the addresses of those that it stands for."""
    sorting = order(before) if strategy != "binpack" else []
    join = partial(rows.joined, order=sorting, woven=strategy == "z-order")
    alike: dict[str, list[tuple[str, Any]]] = {}
    for file in batch:
        content = await threaded(rows.opened, await files.read(file["file_path"]))
        alike.setdefault(content.schema.to_string(), []).append((file["file_path"], content))
    made = []
    for some in alike.values():
        if len(some) < 2:
            continue
        together = await threaded(join, [content for _, content in some])
        body = await threaded(rows.parquet, together)
        path = f"{before['location']}/data/{names.uuid4()}.parquet"
        await files.write(path, body)
        told = rows.data_file(path, len(body), together, before, batch[0]["partition"])
        made.append((told, [path for path, _ in some]))
    return made
