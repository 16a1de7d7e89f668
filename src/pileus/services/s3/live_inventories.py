"""Live inventories: all objects of a bucket and all their versions, as rows of a metadata table.

"S3 Metadata live inventory tables schema", S3 User Guide. First the table is filled with what there is (backfilling).
Then, within an hour, the rows of all keys that the journal has told of are made anew from what there is by then. The
files of the table lie in the order of keys, each with those up to the next file's first, so that only files are
rewritten that have to do with what has changed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from functools import partial
from typing import Any

from pileus.engines.iceberg import rows, snapshots
from pileus.engines.iceberg.metadata import Metadata, schema_of
from pileus.kernel import Call, Record
from pileus.kernel.blobs import threaded

from . import s3, table_files
from .buckets import Bucket
from .journals import SCHEMA as JOURNAL
from .journals import about, arranged, file_of, itself, written_file
from .listing_versions import every
from .metadata_tables import Setup, failed
from .objects import Object
from .table_files import Files
from .tables import Table
from .versions import Version

ROWS = 50_000
"""In one file."""
BATCH = 10_000
"""Keys that are brought up to date at a time."""
WAIT = 900.0
"""Seconds for which changes come together; AWS promises an hour."""
KEY = 2
"""The number of the column by which files are in order."""

Members = dict[str, Any]
_JOURNALS_OWN = ("record_type", "record_timestamp", "requester", "source_ip_address", "request_id")
SCHEMA = {"type": "struct", "fields": [each for each in JOURNAL["fields"] if each["name"] not in _JOURNALS_OWN]}


class Touched(Record, scope="cloud", key=("room", "name")):
    """A key whose rows are to be made anew, and the sequence numbers of what has happened to its versions."""

    room: str
    name: str
    numbers: dict[str, str]


class Refreshing(Record, scope="cloud"):
    """That an inventory is to be brought up to date."""

    room: str
    due: float


def touch(call: Call, setup: Setup, told: list[Members]) -> None:
    """Note keys that a journal has told of."""
    for row in told:
        found = Touched.get(call, setup.room, row["key"]) or Touched(setup.room, row["key"], {})
        found.numbers[row["version_id"] or ""] = row["sequence_number"]
        found.put(call)
    if setup.inventory["status"] == "ACTIVE":
        plan(call, setup)


def plan(call: Call, setup: Setup) -> None:
    """Have the inventory brought up to date soon, unless that is planned."""
    if Refreshing.get(call, setup.room) is None:
        Refreshing(setup.room, call.now + WAIT).put(call)
        refresh_inventory.later(call, room=setup.room, delay=WAIT)


def row_of(call: Call, bucket: Bucket, version: Version, number: str) -> Members:
    told: Members = {
        "bucket": bucket.name,
        "key": version.name,
        "sequence_number": number,
        "version_id": version.version if bucket.versioned else None,
        "is_delete_marker": version.held is None,
    }
    if version.held is None:
        return told | {"last_modified_date": version.modified}
    return told | about(version.held)


# Backfilling


@s3.task(retries=8)
async def backfill_inventory(call: Call, room: str) -> None:
    """Fill the table with all that there is, in place of all that an earlier try has left there."""
    found = standing(call, room)
    if found is None:
        return
    setup, bucket = found
    try:
        await table_files.commit(
            call, setup.inventory["arn"], partial(filled, call, bucket), partial(begun, call, bucket)
        )
    except table_files.Lost:
        gone(call, room)


def standing(call: Call, room: str) -> tuple[Setup, Bucket] | None:
    """The set-up of an inventory and its bucket, if both are still there."""
    setup = Setup.get(call, room)
    bucket = Bucket.get(call, call.partition, setup.name) if setup else None
    if setup is None or bucket is None or bucket.room != room or setup.inventory.get("state") != "ENABLED":
        return None
    return setup, bucket


def gone(call: Call, room: str) -> None:
    with call.transaction():
        failed(call, room, "inventory", "DestinationTableNotFound", "The destination table doesn't exist.")


async def filled(call: Call, bucket: Bucket, before: Metadata, files: Files) -> Metadata:
    held = [file["file_path"] for file in await snapshots.data_files(before, files)]
    made: list[Members] = []
    waiting: list[Members] = []
    async for version in every(call, bucket):
        if len(waiting) >= ROWS and waiting[-1]["key"] != version.name:
            made.append(await file_of(before, files, waiting))
            waiting = []
        waiting.append(row_of(call, bucket, version, call.cloud.runner.number()))
    if waiting:
        made.append(await file_of(before, files, waiting))
    return await snapshots.changed(before, files, call.now, added=made, removed=held, operation="overwrite")


def begun(call: Call, bucket: Bucket, _: Table) -> None:
    """The inventory is there; what has changed meanwhile is to come into it."""
    setup = Setup.get(call, bucket.room)
    if setup is not None:
        setup.inventory["status"] = "ACTIVE"
        setup.put(call)
        if Touched.first(call, bucket.room) is not None:
            plan(itself(call, bucket), setup)


# Keeping it up to date


@s3.task(retries=8)
async def refresh_inventory(call: Call, room: str) -> None:
    """Make the rows of all keys anew of which something is known to have happened."""
    with call.transaction():
        if (planned := Refreshing.get(call, room)) is not None:
            planned.delete(call)
    found = standing(call, room)
    if found is None:
        return
    setup, bucket = found
    while touched := list(Touched.scan(call, room, limit=BATCH)):
        try:
            await table_files.commit(
                call,
                setup.inventory["arn"],
                partial(refreshed, call, bucket, touched),
                partial(settled, call, touched),
            )
        except table_files.Lost:
            gone(call, room)
            return


def settled(call: Call, done: list[Touched], _: Table) -> None:
    """Forget keys that are up to date, unless something has happened to them since."""
    for each in done:
        if Touched.get(call, each.room, each.name) == each:
            each.delete(call)


async def refreshed(
    call: Call, bucket: Bucket, touched: list[Touched], before: Metadata, files: Files
) -> Metadata | None:
    held = sorted(await snapshots.data_files(before, files), key=first_key)
    edges = [first_key(file) for file in held]
    by_file: dict[int, list[Touched]] = {}
    for each in touched:
        by_file.setdefault(max(bisect_right(edges, each.name.encode()) - 1, 0), []).append(each)
    made: list[Members] = []
    for index, some in by_file.items():
        content = await files.read(held[index]["file_path"]) if held else b""
        keys = [each.name for each in some]
        rest, known = await threaded(rows.parted, content, "key", keys, ("version_id", "sequence_number"))
        told = await threaded(arranged, schema_of(before), anew(call, bucket, some, known))
        parts = await threaded(rows.in_order, [rest, told], "key", ROWS)
        made += [await written_file(before, files, part) for part in parts]
    removed = [held[index]["file_path"] for index in by_file] if held else []
    if not made and not removed:
        return None
    return await snapshots.changed(before, files, call.now, added=made, removed=removed, operation="overwrite")


def first_key(file: Members) -> bytes:
    return rows.bound(file, KEY) or b""


def anew(call: Call, bucket: Bucket, touched: list[Touched], known: list[Members]) -> list[Members]:
    """The rows of keys as they are now, under the sequence numbers that are known of them."""
    numbers = {(row["key"], row["version_id"]): row["sequence_number"] for row in known}
    told = []
    for each in touched:
        for version in versions_of(call, bucket, each.name):
            key = version.version if bucket.versioned else None
            number = each.numbers.get(key or "") or numbers.get((each.name, key)) or call.cloud.runner.number()
            told.append(row_of(call, bucket, version, number))
    return told


def versions_of(call: Call, bucket: Bucket, name: str) -> Iterator[Version]:
    """All versions of a key, the newest first."""
    if (current := Object.get(call, bucket.room, name)) is not None:
        yield Version.of(current)
    yield from Version.scan(call, bucket.room, name)


def forget(call: Call, room: str) -> None:
    """Forget what an inventory still was to know."""
    for kind in (Touched, Refreshing):
        kind.delete_all(call, room)
