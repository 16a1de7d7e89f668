"""Journals: what happens to the objects of a bucket, as rows of a metadata table, within a minute or so.

"S3 Metadata journal tables schema", S3 User Guide. A change notes its row in its own transaction; a task puts the rows
that have come together into the table, and takes them from here in the transaction in which the table has them.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from pileus.engines.iceberg import rows, snapshots
from pileus.engines.iceberg.metadata import Metadata, schema_of
from pileus.kernel import Call, Fault, Record, identity, names
from pileus.kernel.blobs import threaded

from . import s3, table_files
from .buckets import Bucket
from .objects import Object
from .table_files import Files
from .tables import METADATA, Table
from .versions import Version

CREATE, UPDATE, DELETE = "CREATE", "UPDATE_METADATA", "DELETE"
WAIT = 120.0
"""Seconds for which rows come together."""
BATCH = 20_000
"""Rows in one file."""
STATUS = {"AES256": "SSE-S3", "aws:kms": "SSE-KMS", "aws:kms:dsse": "DSSE-KMS", "SSE-C": "SSE-C"}

Members = dict[str, Any]


class Journaled(Record, scope="cloud", key=("room", "number")):
    """A row that waits for being written."""

    room: str
    number: str
    row: Members


class Writing(Record, scope="cloud"):
    """That a journal is to be written."""

    room: str
    due: float


def field(number: int, name: str, kind: Any, *, required: bool = False) -> Members:
    return {"id": number, "name": name, "type": kind, "required": required}


def texts(key: int, value: int) -> Members:
    return {
        "type": "map",
        "key-id": key,
        "key": "string",
        "value-id": value,
        "value": "string",
        "value-required": False,
    }


SCHEMA: Members = {
    "type": "struct",
    "fields": [
        field(1, "bucket", "string", required=True),
        field(2, "key", "string", required=True),
        field(3, "sequence_number", "string", required=True),
        field(4, "record_type", "string", required=True),
        field(5, "record_timestamp", "timestamp", required=True),
        field(6, "version_id", "string"),
        field(7, "is_delete_marker", "boolean"),
        field(8, "size", "long"),
        field(9, "last_modified_date", "timestamp"),
        field(10, "e_tag", "string"),
        field(11, "storage_class", "string"),
        field(12, "is_multipart", "boolean"),
        field(13, "encryption_status", "string"),
        field(14, "is_bucket_key_enabled", "boolean"),
        field(15, "kms_key_arn", "string"),
        field(16, "checksum_algorithm", "string"),
        field(17, "object_tags", texts(18, 19)),
        field(20, "user_metadata", texts(21, 22)),
        field(23, "requester", "string"),
        field(24, "source_ip_address", "string"),
        field(25, "request_id", "string"),
    ],
}


def note(call: Call, bucket: Bucket, found: Object | Version, kind: str) -> None:
    """Write down a row of the journal."""
    held = found.held if isinstance(found, Version) else found
    number = call.cloud.runner.number()
    row: Members = {
        "bucket": bucket.name,
        "key": found.name,
        "sequence_number": number,
        "record_type": kind,
        "record_timestamp": call.now,
        "version_id": found.version if bucket.versioned else None,
        "is_delete_marker": held is None,
        "requester": call.principal.account or call.principal.arn,
        "source_ip_address": call.source_ip or None,
        "request_id": call.request_id,
    }
    if kind != DELETE and held is not None:
        row |= about(held)
    Journaled(bucket.room, number, row).put(call)
    plan(call, bucket)


def about(held: Object) -> Members:
    """What metadata tables tell of an object."""
    return {
        "size": held.size,
        "last_modified_date": held.modified,
        "e_tag": held.etag,
        "storage_class": held.storage_class,
        "is_multipart": held.parts > 0,
        "encryption_status": STATUS[held.seal.algorithm],
        "is_bucket_key_enabled": held.seal.bucket_key if held.seal.algorithm == "aws:kms" else None,
        "kms_key_arn": held.seal.kms_key or None,
        "checksum_algorithm": held.algorithm or None,
        "object_tags": held.tags,
        "user_metadata": held.metadata,
    }


def plan(call: Call, bucket: Bucket, delay: float = WAIT) -> None:
    """Have the journal written soon, unless that is planned."""
    if Writing.get(call, bucket.room) is None:
        Writing(bucket.room, call.now + delay).put(call)
        write_journal.later(itself(call, bucket), room=bucket.room, delay=delay)


def itself(call: Call, bucket: Bucket) -> Call:
    """S3 Metadata on behalf of a bucket."""
    who = identity.service(METADATA, bucket.arn(call), bucket.owner)
    return call.at(service="s3", account=bucket.owner, region=bucket.region, principal=who, source_ip="", members={})


@s3.task(retries=8)
async def write_journal(call: Call, room: str) -> None:
    """Put the rows that wait into the table."""
    from .metadata_tables import Setup, failed

    with call.transaction():
        if (planned := Writing.get(call, room)) is not None:
            planned.delete(call)
        setup = Setup.get(call, room)
        if setup is None or setup.journal.get("status") != "ACTIVE":
            return  # it is written once it is there
    while waiting := list(Journaled.scan(call, room, limit=BATCH)):
        try:
            await table_files.commit(
                call, setup.journal["arn"], partial(added, call, waiting), partial(written, call, waiting)
            )
        except table_files.Overtaken:
            continue
        except table_files.Lost:
            with call.transaction():
                failed(call, room, "journal", "DestinationTableNotFound", "The destination table doesn't exist.")
            return
        except Fault as fault:
            if fault.code != "AccessDenied":
                raise
            with call.transaction():
                failed(call, room, "journal", "AccessDeniedWritingToTable", fault.message)
            return


async def added(call: Call, waiting: list[Journaled], before: Metadata, files: Files) -> Metadata:
    """The table with rows more."""
    told = [each.row for each in waiting]
    return await snapshots.changed(before, files, call.now, added=[await file_of(before, files, told)])


async def file_of(before: Metadata, files: Files, told: list[Members]) -> Members:
    """Write rows as a file of a table; what its manifest tells of it."""
    return await written_file(before, files, await threaded(arranged, schema_of(before), told))


async def written_file(before: Metadata, files: Files, content: Any) -> Members:
    """The same with rows that are an Arrow table."""
    body = await threaded(rows.parquet, content)
    path = f"{before['location']}/data/{names.uuid4()}.parquet"
    await files.write(path, body)
    return rows.data_file(path, len(body), content, before)


def arranged(schema: Members, told: list[Members]) -> Any:
    """Rows as an Arrow table."""
    times = [each["name"] for each in schema["fields"] if each["type"] in ("timestamp", "timestamptz")]
    maps = [each["name"] for each in schema["fields"] if isinstance(each["type"], dict)]
    shaped = []
    for row in told:
        moments = {name: rows.moment(row[name]) for name in times if isinstance(row.get(name), float)}
        pairs = {name: list(row[name].items()) for name in maps if isinstance(row.get(name), dict)}
        shaped.append({**row, **moments, **pairs})
    return rows.table(schema, shaped)


def written(call: Call, done: list[Journaled], _: Table) -> None:
    """Forget rows that the table has; the live inventory is to know of them."""
    from .live_inventories import touch
    from .metadata_tables import Setup

    if Journaled.get(call, done[0].room, done[0].number) is None:
        raise table_files.Overtaken
    setup = Setup.get(call, done[0].room)
    for each in done:
        each.delete(call)
    if setup is not None and setup.inventory.get("state") == "ENABLED":
        touch(call, setup, [each.row for each in done])


def forget(call: Call, room: str) -> None:
    """Forget what waits to be told of a bucket."""
    for kind in (Journaled, Writing):
        kind.delete_all(call, room)
