"""Journals: tables that have a row for each change of an object of a bucket.

"S3 Metadata journal tables schema", S3 User Guide. S3 notes the rows (`s3/journals`); a task puts those that have come
together into the table, and takes them from the notes in the transaction in which the table has them.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from pileus.engines.iceberg import rows, snapshots
from pileus.engines.iceberg.metadata import Metadata, schema_of
from pileus.kernel import Call, Fault, names
from pileus.kernel.blobs import threaded
from pileus.services.s3.journals import Journaled, Writing
from pileus.services.s3.metadata_tables import Setup, failed
from pileus.services.s3.tables import Table

from . import s3tables, table_files
from .table_files import Files

BATCH = 20_000
"""Rows in one file."""

Members = dict[str, Any]


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


@s3tables.task(retries=8)
async def write_journal(call: Call, room: str) -> None:
    """Put the rows that wait into the table."""
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

    if Journaled.get(call, done[0].room, done[0].number) is None:
        raise table_files.Overtaken
    setup = Setup.get(call, done[0].room)
    for each in done:
        each.delete(call)
    if setup is not None and setup.inventory.get("state") == "ENABLED":
        touch(call, setup, [each.row for each in done])
