"""Rows of metadata tables that expire: files go whose rows are all too old, and rows of files that have many such."""

from __future__ import annotations

import struct
from typing import Any

from pileus.engines.iceberg import rows, snapshots
from pileus.engines.iceberg.manifests import Entry
from pileus.engines.iceberg.metadata import Metadata
from pileus.kernel import Call, names
from pileus.kernel.blobs import threaded

from .table_files import Files

COLUMN = 5
"""The number of `record_timestamp` in a journal."""
SLACK = 86_400.0
"""Seconds for which a row may stay with younger ones of its file."""


async def expired(call: Call, limit: float, counted: dict[str, Any], before: Metadata, files: Files) -> Metadata | None:
    """The table without the rows that are older than the limit; None if there are none."""
    counted.update(deletedDataFiles=0, deletedRecords=0, removedFilesSize=0)
    gone: list[str] = []
    made: list[Entry] = []
    for file in await snapshots.data_files(before, files):
        oldest, youngest = at(file, upper=False), at(file, upper=True)
        if oldest >= limit or (youngest >= limit and oldest >= limit - SLACK):
            continue
        gone.append(file["file_path"])
        left = None
        if youngest >= limit:
            left = await younger(before, files, file, limit)
            made.append(left)
        counted["deletedDataFiles"] += left is None
        counted["deletedRecords"] += file["record_count"] - (left["record_count"] if left else 0)
        counted["removedFilesSize"] += file["file_size_in_bytes"] - (left["file_size_in_bytes"] if left else 0)
    if not gone:
        return None
    return await snapshots.changed(before, files, call.now, added=made, removed=gone, operation="overwrite")


async def younger(before: Metadata, files: Files, file: Entry, limit: float) -> Entry:
    """A file with only those rows that are not too old."""
    content = await threaded(rows.since, await files.read(file["file_path"]), "record_timestamp", limit)
    body = await threaded(rows.parquet, content)
    path = f"{before['location']}/data/{names.uuid4()}.parquet"
    await files.write(path, body)
    return rows.data_file(path, len(body), content, before)


def at(file: Entry, *, upper: bool) -> float:
    """The time of a file's oldest or youngest row."""
    bound = rows.bound(file, COLUMN, upper=upper)
    micros: int = struct.unpack("<q", bound)[0] if bound else 0
    return micros / 1_000_000
