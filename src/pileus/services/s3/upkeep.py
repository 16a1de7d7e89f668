"""The upkeep of tables: snapshots that are old go, then files that nothing refers to; records expire; small files are
put together ("Maintenance for tables", S3 User Guide).

A table is looked after some hours after it has changed, and again when something of it will be due. A table whose
metadata cannot be read, because its owner has written others, is left alone and its jobs are told as failed.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Any, NamedTuple

from pileus.engines.iceberg import manifests, snapshots, updates
from pileus.engines.iceberg.metadata import Metadata, snapshot
from pileus.kernel import Call, Fault, Record, identity

from . import compacting, expiring_records, s3, table_files, versions
from .buckets import Bucket
from .objects import Object
from .table_files import Files
from .tables import LENS, MAINTENANCE, METADATA, Table, beside, bucket_of, table_of

log = logging.getLogger("pileus.s3")

REMOVAL = "icebergUnreferencedFileRemoval"
COMPACTION = "icebergCompaction"
SNAPSHOTS = "icebergSnapshotManagement"
EXPIRATION = "expiration"
USUALLY: dict[str, dict[str, Any]] = {
    REMOVAL: {"unreferencedDays": 3, "nonCurrentDays": 10},
    COMPACTION: {"targetFileSizeMB": 512, "strategy": "auto"},
    SNAPSHOTS: {"minSnapshotsToKeep": 1, "maxSnapshotAgeHours": 120},
}
AFTER = 3 * 3600.0
"""Seconds after which a table that has changed is looked after."""
SOONEST = 3600.0
DAY = 86_400.0
HOUR = 3600.0
SLICE = 1000

Members = dict[str, Any]


class Upkeep(Record):
    """When a table is looked after next."""

    address: str
    due: float


class Loose(Record, scope="cloud", key=("room", "name")):
    """A file that nothing refers to, and since when it is not current any more."""

    room: str
    name: str
    since: float


def configured(held: Members, kind: str) -> Members:
    """How something is maintained: as it was set, else as usual."""
    found = held.get(kind, {})
    return {
        "status": found.get("status", "enabled"),
        "settings": {kind: USUALLY[kind] | found.get("settings", {}).get(kind, {})},
    }


def settings(held: Members, kind: str) -> Members | None:
    """The settings of a kind of maintenance; None if it is disabled."""
    found = configured(held, kind)
    told: Members = found["settings"][kind]
    return told if found["status"] == "enabled" else None


def plan(call: Call, table: Table, due: float | None = None) -> None:
    """Have a table looked after, unless that is planned for an earlier time."""
    call = beside(call, table.address)
    due = call.now + AFTER if due is None else due
    found = Upkeep.get(call, table.address)
    if found is not None and call.now <= found.due <= due:
        return
    Upkeep(table.address, due).put(call)
    who = identity.service(MAINTENANCE, table.address, table.account)
    at = call.at(service="s3", principal=who, source_ip="", members={})
    look_after.later(at, address=table.address, planned=due, due=due)


@s3.task
async def look_after(call: Call, address: str, planned: float) -> None:
    """Do what is due of a table, and plan what will be."""
    found = Upkeep.get(call, address)
    if found is None or found.due != planned:
        return
    table = table_of(call, address)
    if table is None or not table.location or not manifests.needed():
        with call.transaction():
            found.delete(call)
        return
    following = [await done(call, table, kind) for kind in (COMPACTION, EXPIRATION, SNAPSHOTS, REMOVAL)]
    with call.transaction():
        if Upkeep.get(call, address) == found:
            found.delete(call)
        table = table_of(call, address)
        due = [at for at in following if at is not None]
        if table is not None and due:
            plan(call, table, max(min(due), call.now + SOONEST))


async def done(call: Call, table: Table, kind: str) -> float | None:
    """Do one kind of maintenance and note how it went; when something of it will be due."""
    bucket = bucket_of(call, table.address)
    held = bucket.removal if kind == REMOVAL and bucket else table.maintenance
    if kind == EXPIRATION:
        wanted = table.expiration.get("settings") if table.expiration.get("status") == "enabled" else None
    else:
        wanted = settings(held, kind)
    if wanted is None or (table.source and kind != REMOVAL):
        return None
    told: Members = {"status": "Successful", "lastRunTimestamp": call.now}
    following = None
    try:
        following = await WORK[kind](call, table, wanted, told)
    except table_files.Lost:
        return None
    except (Fault, ValueError, KeyError, TypeError, OSError) as wrong:
        log.warning("%s of %s failed: %s", kind, table.address, wrong)
        told |= {"status": "Failed", "failureMessage": str(wrong) or type(wrong).__name__}
    with call.transaction():
        again = table_of(call, table.address)
        if again is not None:
            again.jobs[kind] = told
            again.put(call)
    return following


def quietly(_: Table) -> None:
    """Nothing else is to be done with the commit."""


# Snapshots


async def expire_snapshots(call: Call, table: Table, wanted: Members, told: Members) -> float | None:
    """Have old snapshots go. Those that a branch or a tag names stay."""
    age = wanted["maxSnapshotAgeHours"] * HOUR
    await table_files.commit(
        call, table.address, partial(without_old, call, age, wanted["minSnapshotsToKeep"]), quietly
    )
    _, _, after = await table_files.current(call, table.address)
    waiting = removable(after, wanted["minSnapshotsToKeep"])
    return min((each["timestamp-ms"] / 1000 + age for each in waiting), default=None)


async def without_old(call: Call, age: float, least: int, before: Metadata, files: Files) -> Metadata | None:
    limit = (call.now - age) * 1000
    gone = [each["snapshot-id"] for each in removable(before, least) if each["timestamp-ms"] <= limit]
    if not gone:
        return None
    return updates.apply(before, [{"action": "remove-snapshots", "snapshot-ids": gone}], call.now)


def removable(metadata: Metadata, least: int) -> list[Members]:
    """The snapshots that need not stay, however old they are."""
    kept = {ref["snapshot-id"] for ref in metadata.get("refs", {}).values()}
    at = snapshot(metadata)
    for _ in range(least):
        if at is None:
            break
        kept.add(at["snapshot-id"])
        parent = at.get("parent-snapshot-id")
        at = None if parent is None else snapshot(metadata, parent)
    return [each for each in metadata.get("snapshots", []) if each["snapshot-id"] not in kept]


# Files


class Gone(NamedTuple):
    """What a look at a slice of a warehouse has found."""

    last: str
    due: list[float]


async def remove_unreferenced(call: Call, table: Table, wanted: Members, told: Members) -> float | None:
    """Have files go that nothing refers to, some days after they have become noncurrent."""
    table, files, metadata = await table_files.current(call, table.address)
    known = {table.key_of(path) for path in await referred(metadata, files)} | {table.location}
    due: list[float] = []
    last = ""
    while True:
        with call.transaction():
            seen = look_at(call, table, known, wanted, last)
        if seen is None:
            break
        last = seen.last
        due += seen.due
    return min(due, default=None)


async def referred(metadata: Metadata, files: Files) -> set[str]:
    """The addresses of all files that a table's metadata refer to."""
    found = {each["metadata-file"] for each in metadata.get("metadata-log", [])}
    for place in ("statistics", "partition-statistics"):
        found |= {each["statistics-path"] for each in metadata.get(place, [])}
    for each in metadata.get("snapshots", []):
        found.add(each["manifest-list"])
        for told in manifests.read_list(await files.read(each["manifest-list"])):
            if told["manifest_path"] in found:
                continue
            found.add(told["manifest_path"])
            held = await snapshots.opened(await files.read(told["manifest_path"]))
            found |= {entry["data_file"]["file_path"] for entry in held.entries if entry["status"] != manifests.DELETED}
    return {path for path in found if path.startswith(f"{files.table.root}/")}


def look_at(call: Call, table: Table, known: set[str], wanted: Members, last: str) -> Gone | None:
    """Remove what is due of some of a warehouse's files; None at its end."""
    bucket = Bucket.get(call, call.partition, table.warehouse)
    if bucket is None:
        return None
    some = list(Object.scan(call, bucket.room, above=(last,), limit=SLICE))
    due = []
    for found in some:
        loose = Loose.get(call, bucket.room, found.name)
        if found.name in known:
            if loose is not None:
                loose.delete(call)
            continue
        begins = found.modified + wanted["unreferencedDays"] * DAY
        if loose is None and begins <= call.now:
            loose = Loose(bucket.room, found.name, call.now).put(call)
        ends = (loose.since if loose else begins) + wanted["nonCurrentDays"] * DAY
        if loose is not None and ends <= call.now:
            loose.delete(call)
            versions.remove(call, bucket, found)
        else:
            due.append(ends if loose else begins)
    return Gone(some[-1].name, due) if some else None


async def compact(call: Call, table: Table, wanted: Members, told: Members) -> float | None:
    """Put small files together."""
    size = wanted["targetFileSizeMB"] * 1024 * 1024
    change = partial(compacting.compacted, call, size, wanted["strategy"])
    await table_files.commit(call, table.address, change, quietly)
    return None


async def expire_records(call: Call, table: Table, wanted: Members, told: Members) -> float | None:
    """Have old rows of a metadata table go."""
    if table.manager not in (METADATA, LENS):
        return None
    limit = call.now - wanted["days"] * DAY
    counted: Members = {"deletedDataFiles": 0, "deletedRecords": 0, "removedFilesSize": 0}
    await table_files.commit(call, table.address, partial(expiring_records.expired, call, limit, counted), quietly)
    told["metrics"] = counted
    _, files, after = await table_files.current(call, table.address)
    return call.now + DAY if await snapshots.data_files(after, files) else None


WORK = {COMPACTION: compact, EXPIRATION: expire_records, SNAPSHOTS: expire_snapshots, REMOVAL: remove_unreferenced}
