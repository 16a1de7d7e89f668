"""Matroska as it is streamed: a reader that takes bytes as they come, and what writes the same format again.

The reader does no I/O. It knows the EBML header, segments and clusters of unknown size, and takes of a file what is
needed to play any one cluster of it: the header, Info and Tracks, and the blocks. Cues, attachments, chapters and the
tags of whoever wrote it are passed over.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

EBML, SEGMENT, CLUSTER = 0x1A45DFA3, 0x18538067, 0x1F43B675
INFO, TRACKS, TAGS = 0x1549A966, 0x1654AE6B, 0x1254C367
TIMECODE, SIMPLE_BLOCK, BLOCK_GROUP, BLOCK = 0xE7, 0xA3, 0xA0, 0xA1
TIMESTAMP_SCALE, DOCTYPE = 0x2AD7B1, 0x4282
TRACK_ENTRY, TRACK_NUMBER, TRACK_TYPE, CODEC_ID, CODEC_PRIVATE = 0xAE, 0xD7, 0x83, 0x86, 0x63A2
TAG, SIMPLE_TAG, TAG_NAME, TAG_STRING = 0x7373, 0x67C8, 0x45A3, 0x4487

TOP = (SEGMENT, EBML)
"""What ends a segment of unknown size: nothing inside one has these names."""
LEVEL_1 = {CLUSTER, INFO, TRACKS, TAGS, 0x114D9B74, 0x1C53BB6B, 0x1941A469, 0x1043A770}
"""What ends a cluster of unknown size: its siblings."""
SCALE = 1_000_000
"""Nanoseconds of a tick, unless Info says otherwise: milliseconds."""
UNKNOWN = b"\x01\xff\xff\xff\xff\xff\xff\xff"


class Invalid(Exception):
    """These bytes are no Matroska."""


class Track(NamedTuple):
    number: int
    type: int
    """1 is video, 2 is audio."""
    codec: str
    private: bytes


@dataclass
class Heading:
    """What stands before the clusters of a segment, and is needed to play them."""

    ebml: bytes = b""
    info: bytes = b""
    tracks: bytes = b""

    @property
    def scale(self) -> int:
        """Nanoseconds of a tick."""
        for element, content in children(body(self.info)):
            if element == TIMESTAMP_SCALE:
                return number(content) or SCALE
        return SCALE

    @property
    def entries(self) -> list[Track]:
        return [track(content) for element, content in children(body(self.tracks)) if element == TRACK_ENTRY]


@dataclass
class Cluster:
    """A run of blocks, whose times count from its timecode."""

    heading: Heading
    timecode: int | None = None
    blocks: bytearray = field(default_factory=bytearray)
    """Its SimpleBlocks and BlockGroups, as they came."""
    times: dict[int, list[int]] = field(default_factory=dict)
    """The times of each track's blocks, after the timecode."""

    @property
    def length(self) -> int:
        """How many ticks it plays: to the last block of a track, and for as long as blocks are apart."""
        return max((extent(times) for times in self.times.values()), default=0)


class Begun(NamedTuple):
    """A cluster has begun."""

    cluster: Cluster


class Ended(NamedTuple):
    """A cluster is complete."""

    cluster: Cluster


class Reader:
    """`feed` it bytes; it gives what has begun and ended with them. `end` says that there are no more."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._bytes = bytearray()
        self._at = 0
        """How far from the beginning the first of the bytes is."""
        self._ends: float = float("inf")
        """Where the cluster under way ends, if it says so."""
        self._heading = Heading()
        self._cluster: Cluster | None = None
        self._begun = False

    @property
    def size(self) -> int:
        """The bytes of the cluster under way."""
        return len(self._cluster.blocks) if self._cluster else 0

    def feed(self, data: bytes) -> Iterator[Begun | Ended]:
        self._bytes += data
        while (found := self._element()) is not None:
            yield from found

    def end(self) -> Iterator[Begun | Ended]:
        if self._bytes:
            raise Invalid("the stream ends within an element")
        yield from self._close()

    def _element(self) -> list[Begun | Ended] | None:
        """What the next element begins and ends, or None while it is not there."""
        events: list[Begun | Ended] = []
        if self._at >= self._ends:
            events += self._close()
        head = header(self._bytes)
        if head is None:
            return events or None
        element, size, start = head
        if not self._begun and element != EBML:
            raise Invalid("there is no EBML header")
        self._begun = True
        if element in LEVEL_1 or element in TOP:
            events += self._close()
        if element in (SEGMENT, CLUSTER):
            self._take(start)
            if element == CLUSTER:
                self._open(size)
            return events
        if size is None or size > self._most:
            raise Invalid("an element is too large")
        if len(self._bytes) < start + size:
            return events or None
        whole = self._take(start + size)
        self._read(element, whole, whole[start:], events)
        return events

    def _take(self, size: int) -> bytes:
        taken = bytes(self._bytes[:size])
        del self._bytes[:size]
        self._at += size
        return taken

    def _open(self, size: int | None) -> None:
        if not self._heading.tracks:
            raise Invalid("there is a cluster before the tracks")
        self._cluster = Cluster(self._heading)
        self._ends = float("inf") if size is None else self._at + size

    def _close(self) -> list[Begun | Ended]:
        cluster, self._cluster, self._ends = self._cluster, None, float("inf")
        if cluster is None:
            return []
        if cluster.timecode is None:
            raise Invalid("a cluster has no timecode")
        return [Ended(cluster)]

    def _read(self, element: int, whole: bytes, content: bytes, events: list[Begun | Ended]) -> None:
        cluster = self._cluster
        if element == EBML:
            self._heading = Heading(ebml=whole)
        elif element == INFO:
            self._heading.info = whole
        elif element == TRACKS:
            self._heading.tracks = whole
        elif cluster and element == TIMECODE:
            cluster.timecode = number(content)
            events.append(Begun(cluster))
        elif cluster and element in (SIMPLE_BLOCK, BLOCK_GROUP):
            if cluster.timecode is None:
                raise Invalid("a block stands before its cluster's timecode")
            cluster.blocks += whole
            which, time = place(element, content)
            cluster.times.setdefault(which, []).append(time)


def extent(times: list[int]) -> int:
    first, last = min(times), max(times)
    return round((last - first) * len(times) / (len(times) - 1)) if len(times) > 1 else 0


# Reading elements


def header(data: bytes | bytearray, at: int = 0) -> tuple[int, int | None, int] | None:
    """An element's name, its size if that is known, and where its content begins; None if that is not all there."""
    if at >= len(data):
        return None
    width = 9 - data[at].bit_length()
    if width > 4:
        raise Invalid("there is no element")
    if len(data) < at + width + 1:
        return None
    long = 9 - data[at + width].bit_length()
    if long > 8:
        raise Invalid("an element has no size")
    start = at + width + long
    if len(data) < start:
        return None
    size = int.from_bytes(data[at + width : start], "big") & ((1 << 7 * long) - 1)
    return int.from_bytes(data[at : at + width], "big"), None if size == (1 << 7 * long) - 1 else size, start


def children(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The elements in an element's content."""
    at = 0
    while at < len(data):
        head = header(data, at)
        if head is None or head[1] is None or head[2] + head[1] > len(data):
            raise Invalid("an element is not whole")
        element, size, start = head
        assert size is not None
        at = start + size
        yield element, data[start:at]


def body(whole: bytes) -> bytes:
    head = header(whole)
    return whole[head[2] :] if head else b""


def inner(content: bytes, wanted: int) -> bytes:
    for element, data in children(content):
        if element == wanted:
            return data
    raise Invalid("a group has no block")


def variable(data: bytes, at: int) -> tuple[int, int]:
    """A number that says itself how long it is, and where it ends."""
    if at >= len(data):
        raise Invalid("a block is empty")
    width = 9 - data[at].bit_length()
    if width > 8 or len(data) < at + width + 2:
        raise Invalid("a block is not whole")
    return int.from_bytes(data[at : at + width], "big") & ((1 << 7 * width) - 1), at + width


def place(element: int, content: bytes) -> tuple[int, int]:
    """A block's track, and its time after the cluster's timecode."""
    block = content if element == SIMPLE_BLOCK else inner(content, BLOCK)
    which, start = variable(block, 0)
    (time,) = struct.unpack_from(">h", block, start)
    return which, time


def starts(blocks: bytes) -> dict[int, int]:
    """When each track's blocks begin, after the timecode."""
    found: dict[int, int] = {}
    for element, content in children(blocks):
        which, time = place(element, content)
        found[which] = min(time, found.get(which, time))
    return found


def number(content: bytes) -> int:
    return int.from_bytes(content, "big")


def track(content: bytes) -> Track:
    found = dict(children(content))
    codec = found.get(CODEC_ID, b"").rstrip(b"\0").decode("ascii", "replace")
    return Track(
        number(found.get(TRACK_NUMBER, b"")), number(found.get(TRACK_TYPE, b"")), codec, found.get(CODEC_PRIVATE, b"")
    )


# Writing


def element(name: int, content: bytes) -> bytes:
    head = name.to_bytes((name.bit_length() + 7) // 8, "big")
    return head + (len(content) | 1 << 56).to_bytes(8, "big") + content


def beginning(heading: Heading) -> bytes:
    """A file up to its first cluster, its end open."""
    return heading.ebml + SEGMENT.to_bytes(4, "big") + UNKNOWN + heading.info + heading.tracks


def cluster(timecode: int, blocks: bytes) -> bytes:
    return element(CLUSTER, element(TIMECODE, timecode.to_bytes(8, "big")) + blocks)


def tags(named: dict[str, str]) -> bytes:
    """Tags that say these things of the segment."""
    simple = (
        element(SIMPLE_TAG, element(TAG_NAME, name.encode()) + element(TAG_STRING, text.encode()))
        for name, text in named.items()
    )
    return element(TAGS, element(TAG, element(0x63C0, b"") + b"".join(simple)))
