"""Streams: what has happened to the items of a table in the last day, in order, for the streams API to read.

A stream is one shard at a time. After four hours the next write closes it and opens its child.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from pileus.kernel import Call, Record

from . import dynamodb, values
from .tables import Table
from .values import Item

KEPT = 24 * 3600.0
SHARD_AGE = 4 * 3600.0
FIRST = 10**20
"""What is added to sequence numbers when they are told, for those have at least 21 digits."""


class Stream(Record, key=("table", "label")):
    """A stream that there is or was of a table; it can be read for a day after it was closed."""

    table: str
    label: str
    id: str
    view: str
    created: float
    keys: list[dict[str, str]]
    closed: float | None = None

    def arn(self, call: Call) -> str:
        return call.arn(f"table/{self.table}/stream/{self.label}", "dynamodb")


class Shard(Record, key=("table", "label", "number")):
    """A part of a stream."""

    table: str
    label: str
    number: int
    id: str
    start: int
    opened: float
    last: int | None = None
    """Its last sequence number, once it is closed."""


class Head(Record, key=("table", "label")):
    """Where a stream is written."""

    table: str
    label: str
    shard: int
    opened: float
    next: int = 1


class Change(Record, key=("table", "label", "shard", "sequence"), array_like=True):
    """What has happened to one item."""

    table: str
    label: str
    shard: int
    sequence: int
    at: float
    keys: Item
    old: Item | None
    new: Item | None
    identity: dict[str, str] | None = None


def opened(call: Call, table: Table) -> str:
    """Begin a stream; its label, which tells when."""
    at = call.now
    while Stream.get(call, table.name, label := label_of(at)):
        at += 0.001
    Stream(table=table.name, label=label, id=table.box, view=table.view, created=call.now, keys=table.keys).put(call)
    head = Head(table=table.name, label=label, shard=0, opened=call.now)
    open_shard(call, head)
    head.put(call)
    return label


def label_of(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]


def closed(call: Call, table: Table) -> None:
    """End a table's stream, which can be read for another day."""
    stream, head = Stream.get(call, table.name, table.label), Head.get(call, table.name, table.label)
    if stream and head:
        close_shard(call, head)
        stream.closed = call.now
        stream.put(call)
        forget_stream.later(call, table=table.name, label=table.label, delay=KEPT)


def open_shard(call: Call, head: Head) -> None:
    digest = hashlib.blake2b(f"{head.table}/{head.label}/{head.shard}".encode(), digest_size=4).hexdigest()
    Shard(
        table=head.table,
        label=head.label,
        number=head.shard,
        id=f"shardId-{int(call.now * 1000):020d}-{digest}",
        start=head.next,
        opened=call.now,
    ).put(call)
    forget_shard.later(call, table=head.table, label=head.label, number=head.shard, delay=SHARD_AGE + KEPT)


def close_shard(call: Call, head: Head) -> None:
    if shard := Shard.get(call, head.table, head.label, head.shard):
        shard.last = max(head.next - 1, shard.start)
        shard.put(call)


def tell(call: Call, table: Table, old: Item | None, new: Item | None, identity: dict[str, str] | None) -> None:
    """Write into a table's stream what has happened to an item."""
    head = Head.get(call, table.name, table.label)
    item = new or old
    assert head is not None and item is not None
    if call.now - head.opened >= SHARD_AGE:
        close_shard(call, head)
        head.shard, head.opened = head.shard + 1, call.now
        open_shard(call, head)
    view = table.view
    Change(
        table=table.name,
        label=table.label,
        shard=head.shard,
        sequence=head.next,
        at=call.now,
        keys=table.schema.of(item),
        old=old if view in ("OLD_IMAGE", "NEW_AND_OLD_IMAGES") else ({} if old else None),
        new=new if view in ("NEW_IMAGE", "NEW_AND_OLD_IMAGES") else ({} if new else None),
        identity=identity,
    ).put(call)
    head.next += 1
    head.put(call)
    call.wake(("dynamodbstreams", table.name, table.label))


@dynamodb.task
def forget_shard(call: Call, table: str, label: str, number: int) -> None:
    """All that was ever in this part of a stream is older than a day."""
    Change.delete_all(call, table, label, number)
    shard = Shard.get(call, table, label, number)
    if shard and shard.last is not None:
        shard.delete(call)


@dynamodb.task
def forget_stream(call: Call, table: str, label: str) -> None:
    """A stream was closed a day ago."""
    for kind in (Change, Shard, Head, Stream):
        kind.delete_all(call, table, label)


def told(call: Call, stream: Stream, change: Change) -> dict[str, Any]:
    """A change as the streams API tells it."""
    record: dict[str, Any] = {
        "ApproximateCreationDateTime": float(int(change.at)),
        "Keys": change.keys,
        "SequenceNumber": str(FIRST + change.sequence),
        "SizeBytes": values.size(change.keys) + sum(values.size(image) for image in (change.old, change.new) if image),
        "StreamViewType": stream.view,
    }
    if change.new:
        record["NewImage"] = change.new
    if change.old:
        record["OldImage"] = change.old
    event = "REMOVE" if change.new is None else "INSERT" if change.old is None else "MODIFY"
    digest = hashlib.blake2b(f"{stream.id}/{change.sequence}".encode(), digest_size=16).hexdigest()
    answer: dict[str, Any] = {
        "eventID": digest,
        "eventName": event,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": call.region,
        "dynamodb": record,
    }
    if change.identity:
        answer["userIdentity"] = change.identity
    return answer
