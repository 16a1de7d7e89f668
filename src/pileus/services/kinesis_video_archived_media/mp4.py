"""The two halves of a fragmented MP4: what stands before all fragments, and a fragment, which says when it begins."""

from __future__ import annotations

import struct
from collections.abc import Iterator

INITIAL = (b"ftyp", b"moov")
MEDIA = (b"styp", b"moof", b"mdat")
HEAD = 8
"""Bytes before a box's content."""


def boxes(data: bytes | bytearray, at: int = 0, end: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    """The boxes in a range of a file: their names, where they begin, and where they end."""
    end = len(data) if end is None else end
    while at + HEAD <= end:
        size, name = struct.unpack_from(">I4s", data, at)
        yield name, at, at + size
        at += size


def within(data: bytes | bytearray, *path: bytes, at: int = 0, end: int | None = None) -> Iterator[tuple[int, int]]:
    """Where the boxes are to which a path leads: their contents' beginnings and ends."""
    for name, start, stop in boxes(data, at, end):
        if name == path[0]:
            if len(path) == 1:
                yield start + HEAD, stop
            else:
                yield from within(data, *path[1:], at=start + HEAD, end=stop)


def initial(data: bytes) -> bytes:
    return b"".join(data[start:end] for name, start, end in boxes(data) if name in INITIAL)


def media(data: bytes, begins: list[float]) -> bytes:
    """A fragment whose tracks begin at these times, in milliseconds."""
    scales = [scale(data, at) for at, _ in within(data, b"moov", b"trak", b"mdia", b"mdhd")]
    made = bytearray(b"".join(data[start:end] for name, start, end in boxes(data) if name in MEDIA))
    for start, end in within(made, b"moof", b"traf"):
        (track,) = next(struct.unpack_from(">I", made, at + 4) for at, _ in within(made, b"tfhd", at=start, end=end))
        late = next((delay(made, at) for at, _ in within(made, b"trun", at=start, end=end)), 0)
        first = max(0, round(begins[track - 1] * scales[track - 1] / 1000) - late)
        for at, _ in within(made, b"tfdt", at=start, end=end):
            struct.pack_into(">Q" if made[at] else ">I", made, at + 4, first)
    return bytes(made)


def scale(data: bytes, at: int) -> int:
    """Ticks of a second, as a media header has them."""
    found: int = struct.unpack_from(">I", data, at + (20 if data[at] else 12))[0]
    return found


def delay(data: bytearray, at: int) -> int:
    """By how many ticks a run's first sample is shown after it is decoded."""
    (flags,) = struct.unpack_from(">I", data, at)
    if not flags & 0x800:
        return 0
    words = sum(bool(flags & bit) for bit in (0x1, 0x4, 0x100, 0x200, 0x400))
    found: int = struct.unpack_from(">i", data, at + 8 + 4 * words)[0]
    return found
