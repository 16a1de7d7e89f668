"""Blocks: what snapshots are made of. Each is a file, named by the SHA-256 of what is in it, so it is kept once."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Container, Iterable, Iterator
from pathlib import Path

BLOCK = 512 * 1024


class Blocks:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, digest: bytes) -> Path:
        name = digest.hex()
        return self.folder / name[:2] / name[2:]

    def keep(self, data: bytes) -> bytes:
        """Keep a block: its digest."""
        digest = hashlib.sha256(data).digest()
        path = self.path(digest)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh = path.with_suffix(f".{os.urandom(4).hex()}")
            fresh.write_bytes(data)
            os.replace(fresh, path)
        return digest

    def read(self, digest: bytes) -> bytes:
        return self.path(digest).read_bytes()

    def drop(self, digests: Iterable[bytes]) -> None:
        for digest in digests:
            with contextlib.suppress(FileNotFoundError):
                self.path(digest).unlink()

    def drop_all_but(self, wanted: Container[bytes]) -> None:
        """Drop what nobody wants, also what a crash has left behind."""
        for path in self._files():
            try:
                digest = bytes.fromhex(path.parent.name + path.name)
            except ValueError:
                digest = b""
            if digest not in wanted:
                path.unlink()

    def _files(self) -> Iterator[Path]:
        if self.folder.exists():
            for room in self.folder.iterdir():
                yield from room.iterdir()


def written(file: int) -> Iterator[tuple[int, bytes]]:
    """The blocks of a sparse file that hold something, with their numbers."""
    size = os.fstat(file).st_size
    at = 0
    while at < size:
        try:
            at = os.lseek(file, at, os.SEEK_DATA)
        except OSError:  # there is nothing more but a hole
            return
        end = min(os.lseek(file, at, os.SEEK_HOLE), size)
        for number in range(at // BLOCK, -(-end // BLOCK)):
            data = os.pread(file, BLOCK, number * BLOCK)
            if data.count(0) < len(data):
                yield number, data.ljust(BLOCK, b"\0")
        at = -(-end // BLOCK) * BLOCK
