"""Rows of metadata tables that expire: files go whose rows are all too old, and rows of files that have many such."""

from __future__ import annotations

import struct
from typing import Any

from pileus.engines.iceberg import rows, snapshots
from pileus.engines.iceberg.manifests import Entry
from pileus.engines.iceberg.metadata import Metadata, schema_of
from pileus.kernel import Call, names
from pileus.kernel.blobs import threaded

from .table_files import Files

COLUMNS = ("record_timestamp", "report_time")
"""What tells of a row when it came: in a journal, or in a table of Storage Lens."""
SLACK = 86_400.0
"""Seconds for which a row may stay with younger ones of its file."""


async def expired(call: Call, limit: float, counted: dict[str, Any], before: Metadata, files: Files) -> Metadata | None:
    """The table without the rows that are older than the limit; None if there are none."""
    counted.update(deletedDataFiles=0, deletedRecords=0, removedFilesSize=0)
    column = next(field for field in schema_of(before)["fields"] if field["name"] in COLUMNS)
    gone: list[str] = []
    made: list[Entry] = []
    for file in await snapshots.data_files(before, files):
        oldest, youngest = at(file, column["id"], upper=False), at(file, column["id"], upper=True)
        if oldest >= limit or (youngest >= limit and oldest >= limit - SLACK):
            continue
        gone.append(file["file_path"])
        left = None
        if youngest >= limit:
            left = await younger(before, files, file, column["name"], limit)
            made.append(left)
        counted["deletedDataFiles"] += left is None
        counted["deletedRecords"] += file["record_count"] - (left["record_count"] if left else 0)
        counted["removedFilesSize"] += file["file_size_in_bytes"] - (left["file_size_in_bytes"] if left else 0)
    if not gone:
        return None
    return await snapshots.changed(before, files, call.now, added=made, removed=gone, operation="overwrite")


async def younger(before: Metadata, files: Files, file: Entry, column: str, limit: float) -> Entry:
    """A file with only those rows that are not too old."""
    content = await threaded(rows.since, await files.read(file["file_path"]), column, limit)
    body = await threaded(rows.parquet, content)
    path = f"{before['location']}/data/{names.uuid4()}.parquet"
    await files.write(path, body)
    return rows.data_file(path, len(body), content, before)


def at(file: Entry, number: int, *, upper: bool) -> float:
    """The time of a file's oldest or youngest row."""
    bound = rows.bound(file, number, upper=upper)
    micros: int = struct.unpack("<q", bound)[0] if bound else 0
    return micros / 1_000_000
