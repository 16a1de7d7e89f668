"""SHA-256 tree hashes: of each megabyte, of each pair of those, and so on ("Computing Checksums", Developer Guide)."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

MEGABYTE = 1024 * 1024


def joined(hashes: Iterable[bytes]) -> bytes:
    """The root over hashes of equal ranges, of which the last may be shorter; one without a pair goes up as it is."""
    level = list(hashes)
    while len(level) > 1:
        pairs = [sha256(level[at] + level[at + 1]).digest() for at in range(0, len(level) - 1, 2)]
        level = pairs + level[len(level) - len(level) % 2 :]
    return level[0] if level else sha256(b"").digest()


class TreeHash:
    """The tree hash of bytes as they pass."""

    def __init__(self) -> None:
        self._leaves: list[bytes] = []
        self._running = sha256()
        self._filled = 0

    def update(self, data: bytes) -> None:
        view, at = memoryview(data), 0
        while at < len(data):
            piece = view[at : at + MEGABYTE - self._filled]
            self._running.update(piece)
            self._filled += len(piece)
            at += len(piece)
            if self._filled == MEGABYTE:
                self._leaves.append(self._running.digest())
                self._running, self._filled = sha256(), 0

    def hexdigest(self) -> str:
        leaves = [*self._leaves, self._running.digest()] if self._filled or not self._leaves else self._leaves
        return joined(leaves).hex()


def aligned(start: int, stop: int, size: int) -> bool:
    """Whether a range is one whose hash is a node of the tree over the whole ("Tree-hash aligned ranges")."""
    if start % MEGABYTE or (stop % MEGABYTE and stop != size):
        return False
    first, megabytes = start // MEGABYTE, -(-(stop - start) // MEGABYTE)
    width = 1 << (megabytes - 1).bit_length() if megabytes else 0
    return bool(megabytes) and first % width == 0 and (stop == size or megabytes == width)
