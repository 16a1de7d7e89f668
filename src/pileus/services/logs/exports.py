"""Export tasks: the events of a group in a time, as files in S3 (User Guide, "Exporting log data to Amazon S3")."""

from __future__ import annotations

import datetime
import gzip
from typing import Any

from pileus.kernel import Call, Fault, Record, identity, names

from . import faults, logs, retention
from .groups import Group, standard
from .parts import Stream
from .protection import shown
from .scanning import forwards

ACTIVE = ("PENDING", "RUNNING")
MOST_OCTETS = 50_000_000
"""Of a file, before it is packed."""

Members = dict[str, Any]


class Export(Record, indexes={"by_time": ("created",)}, kw_only=True):
    """An export task."""

    id: str
    created: float
    name: str
    group: str
    streams: str
    """The prefix of their names."""
    start: int
    end: int
    bucket: str
    prefix: str
    status: str = "PENDING"
    message: str = ""
    finished: float = 0.0


@logs.operation(honours=["from"])
async def create_export_task(
    call: Call,
    log_group_name: str,
    to: int,
    destination: str,
    request: Members,
    task_name: str = "",
    log_stream_name_prefix: str = "",
    destination_prefix: str = "exportedlogs",
) -> Members:
    """Begin an export, if the bucket takes a test file; there is one at a time."""
    group = standard(Group.named(call, log_group_name))
    start = request["from"]  # which Python has for itself
    if start > to:
        raise faults.invalid("The specified time range is not valid: from must be before to.")
    if any(one.status in ACTIVE for one in Export.scan(call)):
        raise faults.limit()
    try:
        await write(
            call, group, destination, f"{destination_prefix}/aws-logs-write-test", b"Permission Check Successful"
        )
    except Fault as fault:
        if fault.code == "NoSuchBucket":
            raise faults.invalid("The given bucket does not exist. Please provide a valid bucket.") from None
        raise faults.invalid(
            "GetBucketAcl call on the given bucket failed. Please check if CloudWatch Logs has been granted permission "
            "to perform this operation."
        ) from None
    with call.transaction():
        export = Export(
            id=names.uuid4(),
            created=call.now,
            name=task_name,
            group=log_group_name,
            streams=log_stream_name_prefix,
            start=start,
            end=to,
            bucket=destination,
            prefix=destination_prefix,
        ).put(call)
        carry_out_export.later(call, number=export.id)
    return {"taskId": export.id}


async def write(call: Call, group: Group, bucket: str, key: str, body: bytes) -> None:
    """Put a file, as the service in this Region, or, if the bucket knows only that, as the service."""
    for principal in (f"logs.{call.region}.amazonaws.com", "logs.amazonaws.com"):
        ours = identity.service(principal, f"{group.arn(call)}:*", call.account)
        try:
            await call.aws("s3", principal=ours).put_object(
                bucket=bucket, key=key, body=body, acl="bucket-owner-full-control"
            )
            return
        except Fault as fault:
            if fault.code != "AccessDenied" or principal == "logs.amazonaws.com":
                raise


@logs.task
async def carry_out_export(call: Call, number: str) -> None:
    """Write the files, one or more for each stream."""
    export = Export.get(call, number)
    if export is None or export.status not in ACTIVE:
        return
    status, message = "COMPLETED", "Completed successfully"
    try:
        if group := Group.get(call, export.group):
            prefix = export.streams
            for stream in list(Stream.scan(call, group.id, since=(prefix,), before=(prefix + "\U0010ffff",))):
                await write_stream(call, group, stream, export)
    except Fault as fault:
        status, message = "FAILED", fault.message
    with call.transaction():
        export = Export.get(call, number)
        if export is not None and export.status in ACTIVE:
            export.status, export.message, export.finished = status, message, call.now
            export.put(call)


async def write_stream(call: Call, group: Group, stream: Stream, export: Export) -> None:
    mask = shown(call, group, False)
    lines: list[bytes] = []
    size = files = 0
    start = max(export.start, retention.horizon(call, group))

    async def flush() -> None:
        key = f"{export.prefix}/{export.id}/{stream.name.replace('/', '-')}/{files:06d}.gz"
        await write(call, group, export.bucket, key, gzip.compress(b"".join(lines), mtime=0))

    for one in forwards(call, stream, start, export.end):
        lines.append(f"{iso(one.at)} {mask(one.ingested, one.message)}\n".encode())
        size += len(lines[-1])
        if size > MOST_OCTETS:
            await flush()
            lines, size, files = [], 0, files + 1
    if lines:
        await flush()


def iso(at: int) -> str:
    return f"{datetime.datetime.fromtimestamp(at / 1000, datetime.UTC):%Y-%m-%dT%H:%M:%S}.{at % 1000:03d}Z"


@logs.operation
def describe_export_tasks(
    call: Call, task_id: str = "", status_code: str = "", next_token: str = "", limit: int = 50
) -> Members:
    """Export tasks, the newest first."""
    page = Export.page(
        call,
        limit=limit,
        token=next_token,
        index="by_time",
        reverse=True,
        where=lambda one: task_id in ("", one.id) and status_code in ("", one.status),
    )
    return {"exportTasks": [described(one) for one in page.items], "nextToken": page.token}


def by_task(call: Call, task_id: str) -> Export:
    if found := Export.get(call, task_id):
        return found
    raise faults.missing("The specified export task does not exist.")


@logs.operation(on=by_task)
def cancel_export_task(call: Call, export: Export) -> None:
    if export.status not in ACTIVE:
        raise Fault("InvalidOperationException", "The specified export task has already finished.")
    export.status, export.finished = "CANCELLED", call.now
    export.put(call)


def described(one: Export) -> Members:
    return {
        "taskId": one.id,
        "taskName": one.name or None,
        "logGroupName": one.group,
        "from": one.start,
        "to": one.end,
        "destination": one.bucket,
        "destinationPrefix": one.prefix,
        "status": {"code": one.status, "message": one.message or None},
        "executionInfo": {
            "creationTime": int(one.created * 1000),
            "completionTime": int(one.finished * 1000) if one.finished else None,
        },
    }
