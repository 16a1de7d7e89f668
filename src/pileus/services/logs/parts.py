"""How events are stored: many in one record.

What one PutLogEvents brings is a part, kept in columns, so that a million events are read in a second. A stream that is
fed in small parts would become a heap of small records; so when it has had `MANY` of them they are put together into
one record, which takes the packed parts as they are.

Records stand in the order of their first event. One that begins before a time may reach into it, so a reader begins so
much earlier as a record may be long: a minute for `NARROW` ones, a day for `WIDE` ones, of which there are few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from pileus.kernel import Call, Record

ENTITY = "@entity."
"""What names of an entity's attributes begin with."""
MINUTE = 60_000
DAY = 86_400_000
"""Milliseconds, as everything here."""
FRESH, NARROW, WIDE = 0, 1, 2
REACH = {FRESH: DAY, NARROW: MINUTE, WIDE: DAY}
MANY = 64
"""Fresh records of a stream, from which on they are put together."""
LARGE = 256 * 1024
"""Octets that are worth a record of their own."""


class Part(msgspec.Struct, array_like=True):
    """Events that came together, in the order of their times. Their numbers in the stream follow one another."""

    number: int
    ingested: int
    times: list[int]
    messages: list[str]
    entity: dict[str, str] | None = None
    """What the events are about: its attributes, as queries name them."""


unpack = msgspec.msgpack.Decoder(Part).decode
pack = msgspec.msgpack.Encoder().encode


class Chunk(Record, key=("group", "stream", "width", "earliest", "number"), table="logs.Chunk"):
    """Parts that are stored together."""

    group: str
    stream: str
    width: int
    earliest: int
    number: int
    latest: int
    parts: list[msgspec.Raw]

    @property
    def size(self) -> int:
        """Octets of all parts."""
        return sum(memoryview(part).nbytes for part in self.parts)


class Stream(Record, key=("group", "name"), cfn="AWS::Logs::LogStream", kw_only=True):
    """A log stream of a group, and what of it DescribeLogStreams tells."""

    group: str
    name: str
    id: str
    created: float
    earliest: int = 0
    """The time of its earliest event."""
    latest: int = 0
    ingested: int = 0
    number: int = 1
    """That the next event gets."""
    fresh: int = 0
    """Fresh records."""


def store(
    call: Call,
    stream: Stream,
    times: list[int],
    messages: list[str],
    octets: int,
    seal: Callable[[bytes], bytes] | None = None,
    entity: dict[str, str] | None = None,
) -> None:
    """Store events of a stream, sealed if need be, and count them in its record, which the caller puts."""
    part = Part(stream.number, int(call.now * 1000), times, messages, entity)
    packed = pack(part) if seal is None else seal(pack(part))
    first, last = times[0], times[-1]
    width = FRESH
    if octets >= LARGE:
        width = NARROW if last - first <= MINUTE else WIDE
    Chunk(stream.group, stream.id, width, first, part.number, last, [msgspec.Raw(packed)]).put(call)
    stream.number += len(times)
    stream.earliest = min(stream.earliest or first, first)
    stream.latest = max(stream.latest, last)
    stream.ingested = part.ingested
    if width == FRESH:
        stream.fresh += 1
        if stream.fresh >= MANY:
            put_together(call, stream)


def put_together(call: Call, stream: Stream) -> None:
    """Make records of many parts of those that have few."""
    stream.fresh = 0
    held: list[Chunk] = list(Chunk.scan(call, stream.group, stream.id, FRESH))
    Chunk.delete_all(call, stream.group, stream.id, FRESH)
    together: list[Chunk] = []
    for chunk in held:
        if together and chunk.earliest - together[0].earliest > DAY:
            merge(call, together)
            together = []
        together.append(chunk)
    if together:
        merge(call, together)


def merge(call: Call, chunks: list[Chunk]) -> None:
    first, last = chunks[0].earliest, max(chunk.latest for chunk in chunks)
    parts = [part for chunk in chunks for part in chunk.parts]
    width = NARROW if last - first <= MINUTE else WIDE
    Chunk(chunks[0].group, chunks[0].stream, width, first, chunks[0].number, last, parts).put(call)


def chunks(call: Call, stream: Stream, start: int, end: int) -> Iterator[Chunk]:
    """The records that may have events from `start` up to but without `end`."""
    from .ciphers import opened

    for width, reach in REACH.items():
        # A WIDE record of merged parts begins at most a day before its last part, which may last for another.
        for chunk in Chunk.scan(call, stream.group, stream.id, width, since=(start - 2 * reach,), before=(end,)):
            if chunk.latest >= start:
                yield opened(call, chunk)
