"""Retention: events older than their group keeps them are not shown any more, and are removed after a while."""

from __future__ import annotations

from pileus.kernel import Call

from . import faults, logs
from .groups import Group
from .parts import DAY, FRESH, NARROW, WIDE, Chunk, Stream
from .retention_policies import in_effect

DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)


@logs.operation(on=Group.named)
def put_retention_policy(call: Call, group: Group, retention_in_days: int) -> None:
    """Have events expire after so many days."""
    if retention_in_days not in DAYS:
        raise faults.invalid(
            f"1 validation error detected: Value '{retention_in_days}' at 'retentionInDays' failed to satisfy "
            f"constraint: Member must satisfy enum value set: [{', '.join(map(str, DAYS))}]"
        )
    group.retention = retention_in_days
    group.put(call)
    if Stream.first(call, group.id):
        watch(call, group, in_effect(call, group).days)


@logs.operation(on=Group.named)
def delete_retention_policy(call: Call, group: Group) -> None:
    """Have events never expire."""
    group.retention = 0
    group.put(call)


def horizon(call: Call, group: Group) -> int:
    """The time before which events have expired."""
    return expired(call, in_effect(call, group).days)


def expired(call: Call, days: int) -> int:
    return int(call.now * 1000) - days * DAY if days else 0


def watch(call: Call, group: Group, days: int) -> None:
    """Have what expires after so many days removed."""
    if days and not group.trimmed:
        group.trimmed = True
        group.put(call)
        first = min((stream.earliest for stream in Stream.scan(call, group.id) if stream.ingested), default=0) / 1000
        due = max((first or call.now) + (days + 1) * 86400.0, call.now)
        trim.later(call, name=group.name, box=group.id, due=due)


@logs.task
def trim(call: Call, name: str, box: str) -> None:
    """Remove what has expired, and come back tomorrow if anything is left."""
    group = Group.get(call, name)
    if group is None or group.id != box:
        return
    left = False
    if before := horizon(call, group):
        for stream in Stream.scan(call, group.id):
            left = trimmed(call, stream, before) or left
    if left:
        trim.later(call, name=name, box=box, delay=86400.0)
    else:
        group.trimmed = False
        group.put(call)


def trimmed(call: Call, stream: Stream, before: int) -> bool:
    """Remove a stream's records that have expired whole; whether any are left."""
    for width in (FRESH, NARROW, WIDE):
        for chunk in list(Chunk.scan(call, stream.group, stream.id, width, before=(before,))):
            if chunk.latest < before:
                chunk.delete(call)
    return Chunk.first(call, stream.group, stream.id) is not None
