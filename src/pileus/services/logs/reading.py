"""GetLogEvents: a stream's events a page at a time, forwards and backwards."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from pileus.kernel import Call

from . import faults, logs, protection, retention
from .groups import Group, standard
from .parts import Stream
from .scanning import Found, backwards, forwards
from .streams import find

MOST_EVENTS = 10_000
MOST_OCTETS = 1_048_576
LATEST = 10**15
TOKEN = re.compile(r"([fb])/(\d{20})(\d{36})/s")

Members = dict[str, Any]
Place = tuple[int, int]
"""Time and number of an event."""


@logs.operation(on=Group.one_of)
def get_log_events(
    call: Call,
    group: Group,
    log_stream_name: str,
    start_time: int = 0,
    end_time: int = LATEST,
    next_token: str = "",
    limit: int = MOST_EVENTS,
    start_from_head: bool = False,
    unmask: bool = False,
) -> Members:
    """Events of a stream. A token that leads nowhere further is given again."""
    stream = find(call, standard(group), log_stream_name)
    start, end = max(start_time, retention.horizon(call, group)), end_time
    forward, place = start_from_head, None
    if next_token:
        forward, place = opened(next_token)
    if forward:
        found = page(after(forwards(call, stream, max(start, place[0]) if place else start, end), place), limit)
    else:
        found = page(below(call, stream, start, end, place), limit)
        found.reverse()
    mask = protection.shown(call, group, unmask)
    first = found[0][:2] if found else place or (start, 0)
    last = found[-1][:2] if found else place or (start, 0)
    return {
        "events": [
            {"timestamp": at, "message": mask(came, text), "ingestionTime": came} for at, _, came, text in found
        ],
        "nextForwardToken": sealed("f", last),
        "nextBackwardToken": sealed("b", first),
    }


def after(found: Iterator[Found], place: Place | None) -> Iterator[Found]:
    return found if place is None else (one for one in found if one[:2] > place)


def below(call: Call, stream: Stream, start: int, end: int, place: Place | None) -> Iterator[Found]:
    if place is None:
        return backwards(call, stream, start, end)
    return (one for one in backwards(call, stream, start, min(end, place[0] + 1)) if one[:2] < place)


def page(found: Iterator[Found], limit: int) -> list[Found]:
    """As many as are asked for and fit into a response."""
    taken: list[Found] = []
    octets = 0
    for one in islice(found, limit):
        octets += len(one.message) + 26
        if octets > MOST_OCTETS and taken:
            break
        taken.append(one)
    return taken


def sealed(direction: str, place: Place) -> str:
    return f"{direction}/{place[0]:020d}{place[1]:036d}/s"


def opened(token: str) -> tuple[bool, Place]:
    """Whether a token leads forwards, and from where."""
    match = TOKEN.fullmatch(token)
    if match is None:
        raise faults.invalid("The specified nextToken is invalid.")
    return match[1] == "f", (int(match[2]), int(match[3]))
