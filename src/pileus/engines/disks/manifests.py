"""Manifests: which blocks a snapshot has. A file of pairs of a number and a digest, in the order of their numbers.

One that is being written is a journal of such pairs in the order in which they came; the later one of a number counts.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

PAIR = struct.Struct(">I32s")


def pairs(path: Path) -> Iterator[tuple[int, bytes]]:
    """The pairs of a file; a last one that was not written to its end is none."""
    data = path.read_bytes()
    return PAIR.iter_unpack(data[: len(data) - len(data) % PAIR.size])


def load(path: Path) -> dict[int, bytes]:
    """The digests by their numbers."""
    return dict(pairs(path))


def save(path: Path, blocks: Iterable[tuple[int, bytes]]) -> None:
    """Write a manifest, at once or not at all."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_bytes(b"".join([PAIR.pack(*pair) for pair in sorted(blocks)]))
    os.replace(fresh, path)


def add(path: Path, number: int, digest: bytes) -> None:
    with open(path, "ab") as journal:
        journal.write(PAIR.pack(number, digest))
