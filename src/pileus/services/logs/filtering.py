"""FilterLogEvents: the events of a group's streams that a pattern matches."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, paging

from . import faults, logs, protection, retention
from .groups import Group
from .parts import Stream
from .patterns import compiled
from .reading import LATEST, MOST_EVENTS, MOST_OCTETS
from .scanning import READ, Found, across, event_id
from .streams import find

MOST_READ = 48 * 1024 * 1024
"""Octets that one call goes through, which takes less than half a second. More is for the next page, as on AWS."""

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
    unmask: bool = False,
) -> Members:
    """Events that match, of the streams that are named, in the order of their times."""
    if log_stream_names and log_stream_name_prefix:
        raise faults.invalid("logStreamNames and logStreamNamePrefix are mutually exclusive parameters.")
    pattern = compiled(filter_pattern) if filter_pattern.strip() else None
    wrong = faults.invalid("The specified nextToken is invalid.")
    place = paging.opened(call, next_token, wrong) if next_token else None
    start, end = max(start_time, retention.horizon(call, group)), min(end_time, LATEST - 1) + 1
    streams = chosen(call, group, log_stream_names, log_stream_name_prefix, start, end)
    mask = protection.shown(call, group, unmask)
    found: list[tuple[Found, Stream]] = []
    octets = read = 0
    for one, stream in across(call, streams, max(start, place[0]) if place else start, end, pattern, True):
        if one.number == READ:
            if read > MOST_READ:
                return page(found, mask, paging.sealed(call, (one.at, "", READ)))
            read += one.ingested
            continue
        if place is not None and (one.at, stream.name, one.number) <= place:
            continue
        octets += len(one.message) + 26
        if len(found) == limit or (octets > MOST_OCTETS and found):
            last, before = found[-1]
            return page(found, mask, paging.sealed(call, (last.at, before.name, last.number)))
        found.append((one, stream))
    return page(found, mask, None)


def page(found: list[tuple[Found, Stream]], mask: protection.Mask, token: str | None) -> Members:
    return {
        "events": [told(one, stream, mask) for one, stream in found],
        "searchedLogStreams": [],
        "nextToken": token,
    }


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
