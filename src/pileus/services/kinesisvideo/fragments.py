"""Fragments at rest: a cluster of Matroska each, and what stood before it.

A fragment's number is made of the time at which it came, in microseconds, and grows; so a time is a place in a stream.
The blocks are a parcel or, if they are larger, a blob; the times in them count from the timecode, which the record has.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

from pileus.engines import matroska
from pileus.engines.matroska import Heading
from pileus.kernel import Call, Record, parcels

from .seals import unsealed
from .streams import Stream

LEAD = "9134385233318"
"""What numbers begin with, which have 47 digits on AWS."""
DIGITS = 47


class Preface(Record, key=("box", "digest")):
    """What stands before the clusters of a segment; most segments of a stream have the same."""

    box: str
    digest: str
    ebml: bytes
    info: bytes
    tracks: bytes

    @property
    def heading(self) -> Heading:
        return Heading(self.ebml, self.info, self.tracks)


class Fragment(Record, key=("box", "number"), indexes={"by_producer": ("box", "producer")}):
    """One cluster."""

    box: str
    number: int
    producer: int
    """When its first block was made, in milliseconds, as the producer says."""
    timecode: int
    """In ticks, as the producer wrote it."""
    length: int
    """Milliseconds that it plays."""
    size: int
    preface: str
    parcel: str = ""
    blob: str = ""

    @property
    def server(self) -> float:
        """When it came."""
        return self.number / 1_000_000

    @property
    def name(self) -> str:
        return f"{LEAD}{self.number:0{DIGITS - len(LEAD)}d}"

    def told(self) -> dict[str, Any]:
        return {
            "FragmentNumber": self.name,
            "FragmentSizeInBytes": self.size,
            "ProducerTimestamp": self.producer / 1000,
            "ServerTimestamp": self.server,
            "FragmentLengthInMilliseconds": self.length,
        }


def number_of(name: str) -> int:
    """The number in a fragment's name; 0 for a name that no fragment can have."""
    return int(name[len(LEAD) :]) if len(name) == DIGITS and name.startswith(LEAD) else 0


def next_number(call: Call, box: str) -> int:
    last = Fragment.first(call, box, reverse=True)
    return max(int(call.now * 1_000_000), last.number + 1 if last else 0)


def preface(call: Call, box: str, heading: Heading) -> str:
    """The name under which a stream has this heading from now on."""
    digest = blake2b(heading.ebml + heading.info + heading.tracks, digest_size=9).hexdigest()
    if Preface.get(call, box, digest) is None:
        Preface(box, digest, heading.ebml, heading.info, heading.tracks).put(call)
    return digest


def heading(call: Call, fragment: Fragment) -> Heading:
    found = Preface.get(call, fragment.box, fragment.preface)
    assert found is not None, f"fragment {fragment.number} has no preface"
    return found.heading


def drop(call: Call, fragment: Fragment) -> None:
    """Remove a fragment and its bytes."""
    if fragment.parcel:
        parcels.discard(call.store, fragment.parcel)
    if fragment.blob:
        call.cloud.blobs.discard(fragment.blob)
    fragment.delete(call)


def kept(call: Call, stream: Stream, number: int = 0) -> int:
    """The least number from which on fragments are there, whether or not those before have been thrown away."""
    return max(number, int((call.now - stream.keeps) * 1_000_000) + 1)


def between(call: Call, stream: Stream, origin: str, start: float, end: float) -> Iterator[Fragment]:
    """The fragments that began between two times, by the producer's clock or the cloud's, in that order."""
    oldest = kept(call, stream)
    if origin == "SERVER_TIMESTAMP":
        since, upto = max(oldest, micros(start)), micros(end)
        yield from Fragment.scan(call, stream.box, since=(since,), upto=(upto,))
        return
    first, last = (round(start * 1000),), (round(end * 1000),)
    for fragment in Fragment.scan(call, stream.box, index="by_producer", since=first, upto=last):
        if fragment.number >= oldest:
            yield fragment


def playing(call: Call, stream: Stream, origin: str, moment: float) -> Fragment | None:
    """The fragment that plays at a time, by the producer's clock or the cloud's."""
    if origin == "SERVER_TIMESTAMP":
        before = Fragment.first(call, stream.box, upto=(micros(moment),), reverse=True)
        return before if before and before.server + before.length / 1000 > moment else None
    millis = round(moment * 1000)
    before = Fragment.first(call, stream.box, index="by_producer", upto=(millis,), reverse=True)
    return before if before and before.producer + before.length > millis else None


def micros(moment: float) -> int:
    return round(moment * 1_000_000)


async def blocks(call: Call, fragment: Fragment, key: bytes) -> bytes | None:
    """A fragment's blocks; None if they have been thrown away meanwhile."""
    if fragment.parcel:
        content = parcels.get(call.store, fragment.parcel)
        return None if content is None else unsealed(key, content)
    try:
        with call.cloud.blobs.hold():
            return unsealed(key, b"".join([piece async for piece in call.cloud.blobs.open(fragment.blob)]))
    except FileNotFoundError:
        return None


def ticks(milliseconds: int, scale: int) -> int:
    return milliseconds * 1_000_000 // scale


def whole(before: Heading, timecode: int, content: bytes) -> bytes:
    """A file of one fragment that can be played by itself."""
    return matroska.beginning(before) + matroska.cluster(timecode, content)
