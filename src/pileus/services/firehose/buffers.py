"""Buffers: records wait until there are enough of them, or the first has waited long enough.

What waits together is one delivery, named when its first record comes. A request's records are one value of the store,
so that closing a delivery moves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from pileus.kernel import Call, Record, names

from . import firehose
from .streams import Stream

MEGABYTE = 1024 * 1024


class Buffer(Record):
    """The delivery of a stream that is being filled."""

    stream: str
    delivery: str
    batches: int = 0
    size: int = 0


class Batch(Record, key=("stream", "delivery", "number")):
    """Records that came together."""

    stream: str
    delivery: str
    number: int
    at: float
    records: list[bytes]


def add(call: Call, stream: Stream, records: list[bytes]) -> None:
    """Let records wait; deliver them, with those before, where they are enough."""
    hints = stream.destination.hints
    buffer = Buffer.get(call, stream.name)
    if buffer is None:
        buffer = Buffer(stream.name, names.uuid4())
        due.later(call, stream=stream.name, delivery=buffer.delivery, delay=float(hints["IntervalInSeconds"]))
    Batch(stream.name, buffer.delivery, buffer.batches, call.now, records).put(call)
    buffer.batches += 1
    buffer.size += sum(len(record) for record in records)
    if buffer.size >= hints["SizeInMBs"] * MEGABYTE:
        close(call, buffer)
    else:
        buffer.put(call)


@firehose.task
def due(call: Call, stream: str, delivery: str) -> None:
    """A delivery has waited long enough, if it still waits."""
    buffer = Buffer.get(call, stream)
    if buffer and buffer.delivery == delivery:
        close(call, buffer)


def close(call: Call, buffer: Buffer) -> None:
    from .delivering import deliver

    if Buffer.get(call, buffer.stream):
        buffer.delete(call)
    deliver.later(call, stream=buffer.stream, delivery=buffer.delivery, at=call.now)


def held(call: Call, stream: str, delivery: str) -> Iterator[tuple[float, bytes]]:
    """The records of a delivery, in the order in which they came."""
    for batch in Batch.scan(call, stream, delivery):
        for record in batch.records:
            yield batch.at, record


def forget(call: Call, stream: str) -> None:
    """What a stream that is gone still held."""
    if buffer := Buffer.get(call, stream):
        buffer.delete(call)
    Batch.delete_all(call, stream)
