"""FilterLogEvents: the events of a group's streams that a pattern matches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pileus.kernel import Call, paging

from . import faults, logs, protection, retention
from .groups import Group, standard
from .parts import Stream
from .patterns import compiled
from .reading import LATEST, MOST_EVENTS, MOST_OCTETS
from .scanning import READ, Found, across, across_backwards, event_id
from .streams import find

MOST_READ = 48 * 1024 * 1024
"""Octets that one call goes through, which takes less than half a second. More is for the next page, as on AWS."""

FIRST_BACKWARDS = 1_704_067_200_000

Members = dict[str, Any]


@logs.operation(on=Group.one_of, honours=["interleaved"])
def filter_log_events(
    call: Call,
    group: Group,
    log_stream_names: list[str] = [],
    log_stream_name_prefix: str = "",
    start_time: int = 0,
    end_time: int = LATEST,
    filter_pattern: str = "",
    next_token: str = "",
    limit: int = MOST_EVENTS,
    start_from_head: bool = True,
    unmask: bool = False,
) -> Members:
    """Events that match, of the streams that are named, in the order of their times."""
    standard(group)
    if log_stream_names and log_stream_name_prefix:
        raise faults.invalid("logStreamNames and logStreamNamePrefix are mutually exclusive parameters.")
    pattern = compiled(filter_pattern) if filter_pattern.strip() else None
    wrong = faults.invalid("The specified nextToken is invalid.")
    forward, place = start_from_head, None
    if next_token:
        forward, *rest = paging.opened(call, next_token, wrong)
        place = (rest[0], rest[1], rest[2])
    elif not forward and start_time < FIRST_BACKWARDS:
        raise faults.invalid("startFromHead can be false only for a startTime on or after Jan 1, 2024 00:00:00 UTC.")
    start, end = max(start_time, retention.horizon(call, group)), min(end_time, LATEST - 1) + 1
    streams = chosen(call, group, log_stream_names, log_stream_name_prefix, start, end)
    if forward:
        found = across(call, streams, max(start, place[0]) if place else start, end, pattern, True)
    else:
        found = across_backwards(call, streams, start, min(end, place[0] + 1) if place else end, pattern)
    mask = protection.shown(call, group, unmask)
    taken, after = page(found, place, forward, limit)
    return {
        "events": [told(one, stream, mask) for one, stream in taken],
        "searchedLogStreams": [],
        "nextToken": paging.sealed(call, (forward, *after)) if after else None,
    }


Place = tuple[int, str, int]
"""Time, stream and number of an event."""


def page(
    found: Iterator[tuple[Found, Stream]], place: Place | None, forward: bool, limit: int
) -> tuple[list[tuple[Found, Stream]], Place | None]:
    """The events after a place, as many as one answer may have; and where the next one begins, if there is more."""
    taken: list[tuple[Found, Stream]] = []
    octets = read = 0
    for one, stream in found:
        if one.number == READ:
            if read > MOST_READ:
                return taken, (one.at, "", READ)
            read += one.ingested
            continue
        here = (one.at, stream.name, one.number)
        if place is not None and (here <= place if forward else here >= place):
            continue
        octets += len(one.message) + 26
        if len(taken) == limit or (octets > MOST_OCTETS and taken):
            last, before = taken[-1]
            return taken, (last.at, before.name, last.number)
        taken.append((one, stream))
    return taken, None


def chosen(call: Call, group: Group, names: list[str], prefix: str, start: int, end: int) -> list[Stream]:
    """The streams that are searched, as far as they have events in the time."""
    if names:
        streams = [find(call, group, name) for name in names]
    else:
        streams = list(Stream.scan(call, group.id, since=(prefix,), before=(prefix + "\U0010ffff",)))
    return [stream for stream in streams if stream.ingested and stream.earliest < end and stream.latest >= start]


def told(one: Found, stream: Stream, mask: protection.Mask) -> Members:
    return {
        "logStreamName": stream.name,
        "timestamp": one.at,
        "message": mask(one.ingested, one.message),
        "ingestionTime": one.ingested,
        "eventId": event_id(stream, one),
    }
