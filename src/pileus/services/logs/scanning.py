"""Events in the order of their times, from one stream or from many, forwards or backwards."""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple, Protocol

import msgspec

from pileus.kernel import Call

from .ciphers import opened
from .parts import REACH, Chunk, Part, Stream, chunks, unpack


class Found(NamedTuple):
    """An event. They are in the order of time, then of arrival."""

    at: int
    number: int
    """In its stream."""
    ingested: int
    message: str


class Wanted(Protocol):
    """What messages are looked for; see `patterns.Pattern`."""

    needs: tuple[bytes, ...]
    """Octets that such a message has: parts without them are passed over unread."""

    def matches(self, message: str) -> bool: ...


def events_of(chunk: Chunk, start: int, end: int, wanted: Wanted | None = None) -> list[Found]:
    """The events of a record in a time, as far as they are wanted."""
    found: list[Found] = []
    for packed in chunk.parts:
        if wanted is None:
            found += events_in(unpack(packed), start, end)
        elif not wanted.needs or has(packed, wanted.needs):
            found += matching(unpack(packed), start, end, wanted)
    if len(chunk.parts) > 1:
        found.sort()
    return found


def has(packed: msgspec.Raw, needs: tuple[bytes, ...]) -> bool:
    octets = bytes(packed)
    return all(need in octets for need in needs)


def events_in(part: Part, start: int, end: int) -> Iterator[Found]:
    number, ingested, messages = part.number, part.ingested, part.messages
    for index, at in enumerate(part.times):
        if start <= at < end:
            yield Found(at, number + index, ingested, messages[index])


def matching(part: Part, start: int, end: int, wanted: Wanted) -> Iterator[Found]:
    matches, times = wanted.matches, part.times
    for index, message in enumerate(part.messages):
        if matches(message) and start <= times[index] < end:
            yield Found(times[index], part.number + index, part.ingested, message)


READ = -1
"""The number of what is no event: a mark that so many events have been read, whose times come from `at` on."""


def forwards(
    call: Call, stream: Stream, start: int, end: int, wanted: Wanted | None = None, marks: bool = False
) -> Iterator[Found]:
    """A stream's events in a time, from the first; with marks in between, if they are asked for."""
    waiting: list[Found] = []
    for chunk in by_start(call, stream, start, end):
        if waiting and waiting[0].at < chunk.earliest:
            ready = bisect_left(waiting, (chunk.earliest,))
            yield from waiting[:ready]
            waiting = waiting[ready:]
        if marks:
            yield Found(chunk.earliest, READ, chunk.size, "")
        found = events_of(chunk, start, end, wanted)
        waiting = sorted(waiting + found) if waiting else found
    yield from waiting


def by_start(call: Call, stream: Stream, start: int, end: int) -> Iterator[Chunk]:
    """The records of all widths that reach into a time, by when they begin."""
    ranges = [
        Chunk.scan(call, stream.group, stream.id, width, since=(start - 2 * reach,), before=(end,))
        for width, reach in REACH.items()
    ]
    merged = heapq.merge(*ranges, key=lambda chunk: (chunk.earliest, chunk.number))
    return (opened(call, chunk) for chunk in merged if chunk.latest >= start)


def backwards(call: Call, stream: Stream, start: int, end: int, wanted: Wanted | None = None) -> Iterator[Found]:
    """A stream's events in a time, from the last.

    A record's last event says nothing of where the record stands; so a window of time is read at a time, each twice as
    long as the one before.
    """
    size = 1000
    top = min(end, stream.latest + 1)
    while top > start:
        bottom = max(start, top - size)
        found = [one for chunk in chunks(call, stream, bottom, top) for one in events_of(chunk, bottom, top, wanted)]
        found.sort(reverse=True)
        yield from found
        top, size = bottom, size * 2
        if bottom < stream.earliest:
            return


def across(
    call: Call, streams: list[Stream], start: int, end: int, wanted: Wanted | None = None, marks: bool = False
) -> Iterator[tuple[Found, Stream]]:
    """The events of several streams, interleaved."""

    def told(stream: Stream) -> Iterator[tuple[Found, Stream]]:
        return ((one, stream) for one in forwards(call, stream, start, end, wanted, marks))

    if len(streams) == 1:
        return told(streams[0])
    return heapq.merge(*map(told, streams), key=lambda pair: (pair[0].at, pair[1].name, pair[0].number))


def across_backwards(
    call: Call, streams: list[Stream], start: int, end: int, wanted: Wanted | None = None
) -> Iterator[tuple[Found, Stream]]:
    """The events of several streams, interleaved, from the last."""

    def told(stream: Stream) -> Iterator[tuple[Found, Stream]]:
        return ((one, stream) for one in backwards(call, stream, start, end, wanted))

    return heapq.merge(*map(told, streams), key=lambda pair: (pair[0].at, pair[1].name, pair[0].number), reverse=True)


def event_id(stream: Stream, one: Found) -> str:
    """56 digits, which no other event of the group has."""
    return f"{one.at:014d}{int.from_bytes(stream.id.encode()[:8], 'big'):020d}{one.number:022d}"
