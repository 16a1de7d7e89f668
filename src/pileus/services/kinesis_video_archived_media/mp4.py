"""The two halves of a fragmented MP4: what stands before all fragments, and a fragment."""

from __future__ import annotations

import struct
from collections.abc import Iterator

INITIAL = (b"ftyp", b"moov")
MEDIA = (b"styp", b"sidx", b"moof", b"mdat")


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The boxes of a file by their names, whole."""
    at = 0
    while at + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, at + 8)
        end = at + size if size else len(data)
        yield name, data[at:end]
        at = end


def initial(data: bytes) -> bytes:
    return b"".join(box for name, box in boxes(data) if name in INITIAL)


def media(data: bytes) -> bytes:
    return b"".join(box for name, box in boxes(data) if name in MEDIA)
