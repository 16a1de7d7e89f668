"""Exports to S3: all of a table as it was at a moment, or what has changed in a span of time.

The files are AWS's: gzipped data files, a manifest that lists them, one that sums up, and their MD5 sums. Developer
Guide, "DynamoDB data export to Amazon S3". Left out: a filtered export's BilledSizeBytes counts what was read.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from pileus.kernel import Call, Fault, Record, Unfinished, names

from . import documents, dynamodb, faults, spans
from .filtering import Filter, filter_of
from .records import load, size_of
from .recovery import earliest
from .snapshots import Snapshot, hold, release, snapshot
from .tables import Members, Table, below
from .tables import short as short_name

AT_ONCE = 1000
FILE = 16 * 1024 * 1024
"""So many bytes go into a data file, before they are compressed."""
SHORTEST, LONGEST = 15 * 60, 24 * 3600
REMEMBERED = 8 * 3600.0
MOST_LISTED = 25


class Export(Record, key=("table", "id"), arn="table/{table}/export/{id}", kw_only=True):
    """An export."""

    table: str
    id: str
    source: Table
    asked: Members
    """The request, in wire names, with its defaults."""
    started: float
    at: float
    status: str = "IN_PROGRESS"
    ended: float = 0.0
    items: int = 0
    size: int = 0
    failure: tuple[str, str] | None = None


class Token(Record):
    """A client token, and the export that it stands for."""

    token: str
    table: str
    id: str
    digest: bytes
    at: float


def of_table(call: Call, table_arn: str) -> Table:
    name = short_name(table_arn)
    if table := Table.get(call, name):
        return table
    raise Fault("TableNotFoundException", f"Table not found: {name}")


@dynamodb.operation(on=of_table)
def export_table_to_point_in_time(
    call: Call,
    table: Table,
    s3_bucket: str,
    export_time: float | None = None,
    client_token: str = "",
    s3_bucket_owner: str = "",
    s3_prefix: str = "",
    s3_sse_algorithm: str = "",
    s3_sse_kms_key_id: str = "",
    export_format: str = "DYNAMODB_JSON",
    export_type: str = "FULL_EXPORT",
    incremental_export_specification: Members | None = None,
    filter_specification: Members | None = None,
) -> dict[str, Any]:
    """Begin an export, which goes on in the background."""
    if not table.recovery_since:
        raise Fault(
            "PointInTimeRecoveryUnavailableException",
            f"Point in time recovery is not enabled for table '{table.name}'",
        )
    asked: Members = {
        "S3Bucket": s3_bucket,
        "S3BucketOwner": s3_bucket_owner,
        "S3Prefix": s3_prefix,
        "S3SseAlgorithm": s3_sse_algorithm,
        "S3SseKmsKeyId": s3_sse_kms_key_id,
        "ExportFormat": export_format,
        "ExportType": export_type,
        "IncrementalExportSpecification": incremental_export_specification,
        "FilterSpecification": filter_specification,
        "ClientToken": client_token,
    }
    asked = {name: value for name, value in asked.items() if value}
    digest = hashlib.blake2b(msgspec.msgpack.encode([asked, export_time])).digest()
    if known := remembered(call, client_token, digest):
        return {"ExportDescription": described(call, known)}
    if export_format == "ION":
        documents.ion()
    if filter_specification:
        filter_of(table, filter_specification)
    at = call.now if export_time is None else export_time
    check_time(call, table, at)
    if export_type == "INCREMENTAL_EXPORT":
        asked["IncrementalExportSpecification"] = span_of(call, table, incremental_export_specification)
    return {"ExportDescription": described(call, begun(call, table, asked, at, digest))}


def begun(call: Call, table: Table, asked: Members, at: float, digest: bytes) -> Export:
    hold(call, table)
    table.put(call)
    number = f"{int(call.now * 1000):014d}-{names.uuid4()[:8]}"
    new = Export(table=table.name, id=number, source=table, asked=asked, started=call.now, at=at).put(call)
    if token := asked.get("ClientToken"):
        Token(token=token, table=table.name, id=number, digest=digest, at=call.now).put(call)
    export.later(call, table=table.name, number=number)
    return new


def remembered(call: Call, token: str, digest: bytes) -> Export | None:
    known = Token.get(call, token) if token else None
    if known is None or call.now - known.at >= REMEMBERED:
        return None
    if known.digest != digest:
        raise Fault("ExportConflictException", "There was a conflict when writing to the specified S3 bucket.")
    return Export.get(call, known.table, known.id)


def check_time(call: Call, table: Table, at: float) -> None:
    if not int(earliest(call, table)) <= int(at) <= int(call.now):
        raise Fault(
            "InvalidExportTimeException",
            "The specified ExportTime is outside of the point in time recovery window.",
        )


def span_of(call: Call, table: Table, given: Members | None) -> Members:
    """The span of an incremental export, which is between a quarter of an hour and a day."""
    start = (given or {}).get("ExportFromTime")
    if start is None:
        raise faults.invalid("ExportFromTime must be specified for incremental exports")
    end = (given or {}).get("ExportToTime", call.now)
    check_time(call, table, start)
    check_time(call, table, end)
    if not SHORTEST <= end - start <= LONGEST:
        raise Fault(
            "InvalidExportTimeException",
            "The difference between ExportFromTime and ExportToTime must be between 15 minutes and 24 hours.",
        )
    view = (given or {}).get("ExportViewType", "NEW_AND_OLD_IMAGES")
    return {"ExportFromTime": start, "ExportToTime": end, "ExportViewType": view}


# Exporting


@dynamodb.task
async def export(call: Call, table: str, number: str) -> None:
    """Write the files of an export."""
    made = Export.get(call, table, number)
    if made is None or made.status != "IN_PROGRESS":
        return
    try:
        await Writer(call, made).write()
        made.status = "COMPLETED"
    except (Fault, Unfinished) as fault:
        made.status, made.failure = "FAILED", (f"S3{fault.code}", fault.message)
    with call.transaction():
        made.ended = call.now
        made.put(call)
        release(call, table, made.source.box)


class Writer:
    """The files of an export."""

    def __init__(self, call: Call, export: Export) -> None:
        self.call = call
        self.export = export
        prefix = export.asked.get("S3Prefix", "")
        self.root = f"{prefix.rstrip('/')}/AWSDynamoDB" if prefix else "AWSDynamoDB"
        self.own = f"{self.root}/{export.id}"
        self.ion = export.asked["ExportFormat"] == "ION"
        self.incremental = export.asked["ExportType"] == "INCREMENTAL_EXPORT"
        self.data = f"{self.root if self.incremental else self.own}/data"
        given = export.asked.get("FilterSpecification")
        self.filter: Filter | None = filter_of(export.source, given) if given else None
        self.files: list[Members] = []

    async def write(self) -> None:
        export = self.export
        export.items = export.size = 0
        await self.put(f"{self.own}/_started", b"")
        lines: list[bytes] = []
        gathered = 0
        async for line in self.changed() if self.incremental else self.all():
            lines.append(line)
            gathered += len(line)
            if gathered >= FILE:
                await self.data_file(lines)
                lines, gathered = [], 0
        if lines or not self.files:
            await self.data_file(lines)
        await self.manifests()

    async def all(self) -> AsyncIterator[bytes]:
        export = self.export
        taken: Snapshot = snapshot(self.call, export.source, export.at)
        start: bytes | None = b""
        while start is not None:
            with self.call.transaction():
                rows, start = taken.read(self.call, start, AT_ONCE)
            for place, raw in rows:
                export.size += size_of(raw)
                item = load(raw)
                if self.filter is None or (item := self.filter(place, item)):
                    yield self.line({"Item": item}, ("Item",))
            await asyncio.sleep(0)

    async def changed(self) -> AsyncIterator[bytes]:
        span = self.export.asked["IncrementalExportSpecification"]
        with self.call.transaction():
            changes = spans.changes(self.call, self.export.source, span["ExportFromTime"], span["ExportToTime"])
        for place, change in changes:
            if self.filter and not (change.new and self.filter(place, change.new)):
                continue
            told: Members = {
                "Metadata": {"WriteTimestampMicros": str(int(change.at * 1e6))},
                "Keys": change.keys,
            }
            if change.old is not None and span["ExportViewType"] == "NEW_AND_OLD_IMAGES":
                told["OldImage"] = change.old
            if change.new is not None:
                told["NewImage"] = change.new
            self.export.size += change.size
            yield self.line(told, ("Keys", "OldImage", "NewImage"))

    def line(self, document: Members, of_items: tuple[str, ...]) -> bytes:
        self.export.items += 1
        return documents.to_ion(document, of_items) if self.ion else documents.to_json(document)

    async def data_file(self, lines: list[bytes]) -> None:
        packed = await asyncio.to_thread(gzip.compress, b"".join(line + b"\n" for line in lines), 6, mtime=0)
        key = f"{self.data}/{names.token(26).lower()}.{'ion' if self.ion else 'json'}.gz"
        etag = await self.put(key, packed)
        self.files.append(
            {
                "itemCount": len(lines),
                "md5Checksum": md5(packed),
                "etag": etag.strip('"'),
                "dataFileS3Key": key,
            }
        )

    async def manifests(self) -> None:
        listed = b"".join(documents.to_json(file) + b"\n" for file in self.files)
        for name, content in (("manifest-files", listed), ("manifest-summary", documents.to_json(self.summary()))):
            await self.put(f"{self.own}/{name}.json", content)
            await self.put(f"{self.own}/{name}.md5", md5(content).encode())

    def summary(self) -> Members:
        export, asked = self.export, self.export.asked
        told: Members = {
            "version": "2023-08-01",
            "exportArn": export.arn(self.call),
            "startTime": iso(export.started),
            "endTime": iso(self.call.now),
            "tableArn": export.source.arn(self.call),
            "tableId": export.source.id,
        }
        if self.incremental:
            span = asked["IncrementalExportSpecification"]
            told["exportFromTime"] = iso(span["ExportFromTime"])
            told["exportToTime"] = iso(span["ExportToTime"])
        else:
            told["exportTime"] = iso(export.at)
        told |= {
            "s3Bucket": asked["S3Bucket"],
            "s3Prefix": asked.get("S3Prefix"),
            "s3SseAlgorithm": asked.get("S3SseAlgorithm", "AES256"),
            "s3SseKmsKeyId": asked.get("S3SseKmsKeyId"),
            "manifestFilesS3Key": f"{self.own}/manifest-files.json",
            "billedSizeBytes": export.size,
            "itemCount": export.items,
            "outputFormat": asked["ExportFormat"],
        }
        if self.incremental:
            told["outputView"] = asked["IncrementalExportSpecification"]["ExportViewType"]
        return told | {"exportType": asked["ExportType"]}

    async def put(self, key: str, content: bytes) -> str:
        asked = self.export.asked
        algorithm = asked.get("S3SseAlgorithm")
        answer = await self.call.aws("s3").put_object(
            bucket=asked["S3Bucket"],
            key=key,
            body=content,
            expected_bucket_owner=asked.get("S3BucketOwner"),
            server_side_encryption="aws:kms" if algorithm == "KMS" else algorithm,
            ssekms_key_id=asked.get("S3SseKmsKeyId"),
        )
        return str(answer["ETag"])


def md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# Describing


def found(call: Call, export_arn: str) -> Export:
    named = below(export_arn, "export")
    there = Export.get(call, *named) if named else None
    if there is None:
        raise Fault("ExportNotFoundException", f"Export not found: {export_arn}")
    return there


def described(call: Call, export: Export) -> Members:
    told: Members = {
        "ExportArn": export.arn(call),
        "ExportStatus": export.status,
        "StartTime": export.started,
        "TableArn": export.source.arn(call),
        "TableId": export.source.id,
        **export.asked,
    }
    if export.asked["ExportType"] == "FULL_EXPORT":
        told["ExportTime"] = export.at
    told.setdefault("S3SseAlgorithm", "AES256")
    if export.ended:
        told["EndTime"] = export.ended
    if export.status == "COMPLETED":
        told |= {"BilledSizeBytes": export.size, "ItemCount": export.items}
        prefix = export.asked.get("S3Prefix", "")
        root = f"{prefix.rstrip('/')}/AWSDynamoDB" if prefix else "AWSDynamoDB"
        told["ExportManifest"] = f"{root}/{export.id}/manifest-summary.json"
    if export.failure:
        told["FailureCode"], told["FailureMessage"] = export.failure
    return told


@dynamodb.operation(on=found)
def describe_export(call: Call, export: Export) -> dict[str, Any]:
    """An export, and what has become of it."""
    return {"ExportDescription": described(call, export)}


@dynamodb.operation
def list_exports(
    call: Call, table_arn: str = "", max_results: int = MOST_LISTED, next_token: str = ""
) -> dict[str, Any]:
    """Exports of a table, or of all."""
    own = [short_name(table_arn)] if table_arn else []
    page = Export.page(call, *own, limit=max_results, token=next_token)
    told: dict[str, Any] = {
        "ExportSummaries": [
            {"ExportArn": one.arn(call), "ExportStatus": one.status, "ExportType": one.asked["ExportType"]}
            for one in page.items
        ]
    }
    return told | ({"NextToken": page.token} if page.token else {})
