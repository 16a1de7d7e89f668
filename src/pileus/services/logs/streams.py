"""Log streams: create, list, delete."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, names, paging

from . import faults, logs
from .groups import Group
from .parts import Chunk, Stream

MOST_LISTED = 50
DAY_MS = 86_400_000

Members = dict[str, Any]


def find(call: Call, group: Group, name: str) -> Stream:
    if stream := Stream.get(call, group.id, name):
        return stream
    raise faults.no_stream()


@logs.operation(on=Group.named)
def create_log_stream(call: Call, group: Group, log_stream_name: str) -> None:
    """Create a stream in a group."""
    if ":" in log_stream_name or "*" in log_stream_name:
        raise faults.invalid(
            "1 validation error detected: Value at 'logStreamName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [^:*]*"
        )
    if Stream.get(call, group.id, log_stream_name):
        raise faults.exists("The specified log stream already exists")
    Stream(group=group.id, name=log_stream_name, id=names.token(8), created=call.now).put(call)


@logs.operation(on=Group.named)
def delete_log_stream(call: Call, group: Group, log_stream_name: str) -> None:
    """Delete a stream with its events."""
    stream = find(call, group, log_stream_name)
    stream.delete(call)
    Chunk.delete_all(call, group.id, stream.id)


@logs.operation(on=Group.one_of)
def describe_log_streams(
    call: Call,
    group: Group,
    log_stream_name_prefix: str = "",
    order_by: str = "LogStreamName",
    descending: bool = False,
    next_token: str = "",
    limit: int = MOST_LISTED,
) -> Members:
    """Streams by name, or by when their last event was."""
    wrong = faults.invalid("The specified nextToken is invalid.")
    if order_by == "LastEventTime":
        if log_stream_name_prefix:
            raise faults.invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
        found = sorted(Stream.scan(call, group.id), key=lambda stream: (stream.latest, stream.name), reverse=descending)
        start = paging.opened(call, next_token, wrong) if next_token else 0
        token = paging.sealed(call, start + limit) if start + limit < len(found) else None
        return {"logStreams": [described(call, group, one) for one in found[start : start + limit]], "nextToken": token}
    bounds: Members = {"since": (log_stream_name_prefix,), "before": (log_stream_name_prefix + "\U0010ffff",)}
    if next_token and descending:
        bounds["before"] = paging.opened(call, next_token, wrong)
        next_token = ""
    page = Stream.page(call, group.id, limit=limit, token=next_token, invalid=wrong, reverse=descending, **bounds)
    return {"logStreams": [described(call, group, stream) for stream in page.items], "nextToken": page.token}


def described(call: Call, group: Group, stream: Stream) -> Members:
    seen = stream.ingested != 0
    return {
        "logStreamName": stream.name,
        "creationTime": int(stream.created * 1000),
        "firstEventTimestamp": stream.earliest if seen else None,
        "lastEventTimestamp": stream.latest if seen else None,
        "lastIngestionTime": stream.ingested if seen else None,
        "uploadSequenceToken": sequence_token(stream),
        "arn": f"{group.arn(call)}:log-stream:{stream.name}",
        "storedBytes": 0,
    }


def sequence_token(stream: Stream) -> str:
    """What nobody needs any more, and some clients still want to see."""
    return f"{int.from_bytes(stream.id.encode(), 'big') * 10**9 + stream.number:056d}"
