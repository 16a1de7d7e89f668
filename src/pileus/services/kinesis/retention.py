"""Retention: how long records are kept, from a day to a year, and their going."""

from __future__ import annotations

from pileus.kernel import Call
from pileus.kernel.task import next_look

from . import faults, kinesis, positions
from .log import END, PURGED_AT_ONCE, Head, under
from .shards import Shard
from .streams import Stream, active

SHORTEST, LONGEST = 24, 8760
HOUR = 3600.0
OFTEN = 600.0
"""A shard is looked through no oftener than that."""


def horizon(call: Call, stream: Stream) -> int:
    """The position of the oldest records that can still be read."""
    return positions.at(call.now - stream.retention * HOUR)


@kinesis.operation(on=Stream.of)
def increase_stream_retention_period(call: Call, stream: Stream, retention_period_hours: int) -> None:
    """Keep records for longer."""
    check(retention_period_hours)
    active(call, stream)
    if retention_period_hours < stream.retention:
        raise faults.invalid(
            f"Requested retention period ({retention_period_hours} hours) for stream {stream.name} can not be shorter "
            f"than existing retention period ({stream.retention} hours). Use DecreaseRetentionPeriod API."
        )
    stream.retention = retention_period_hours
    stream.put(call)


@kinesis.operation(on=Stream.of)
def decrease_stream_retention_period(call: Call, stream: Stream, retention_period_hours: int) -> None:
    """Keep records for less long; those that are older already cannot be read any more."""
    check(retention_period_hours)
    active(call, stream)
    if retention_period_hours > stream.retention:
        raise faults.invalid(
            f"Requested retention period ({retention_period_hours} hours) for stream {stream.name} can not be longer "
            f"than existing retention period ({stream.retention} hours). Use IncreaseRetentionPeriod API."
        )
    stream.retention = retention_period_hours
    stream.put(call)
    for shard in Shard.scan(call, stream.box):
        trim.later(call, name=stream.name, box=stream.box, number=shard.number)


def check(hours: int) -> None:
    if hours < SHORTEST:
        raise faults.invalid(
            f"Minimum allowed retention period is {SHORTEST} hours. Requested retention period ({hours} hours) is too "
            "short."
        )
    if hours > LONGEST:
        raise faults.invalid(
            f"Maximum allowed retention period is {LONGEST} hours. Requested retention period ({hours} hours) is too "
            "long."
        )


def see_to_trimming(call: Call, stream: Stream, head: Head) -> None:
    """A shard that has records will be looked through; the caller stores its head."""
    if not head.trimming:
        head.trimming = True
        due = call.now + stream.retention * HOUR
        trim.later(call, name=stream.name, box=stream.box, number=head.number, due=due)


@kinesis.task
def trim(call: Call, name: str, box: str, number: int) -> None:
    """Remove what is too old of a shard, some batches at a time; and the shard itself, if it is closed and empty."""
    stream, shard = Stream.get(call, name), Shard.get(call, box, number)
    if stream is None or stream.box != box or shard is None:
        return
    start = under(call, box, number)
    old = list(call.store.scan(start, start + positions.key(horizon(call, stream)), limit=PURGED_AT_ONCE))
    for path, _ in old:
        call.store.delete(path)
    if len(old) == PURGED_AT_ONCE:
        trim.later(call, name=name, box=box, number=number)
        return
    head = Head.get(call, box, number)
    oldest = next((path for path, _ in call.store.scan(start, start + END, limit=1)), None)
    kept = stream.retention * HOUR
    if oldest is not None:
        expires = positions.time_of(int.from_bytes(oldest[-8:], "big")) + kept
        trim.later(call, name=name, box=box, number=number, due=next_look(call, expires, OFTEN))
        return
    if head is not None:
        head.trimming = False
        head.put(call)
    if shard.closed is not None and shard.closed + kept <= call.now:
        from .limits import Gate

        shard.delete(call)
        for kind in (Head, Gate):
            kind.delete_all(call, box, number)
