"""Blobs as files, each of its own, in 256 folders."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Self

from pileus.kernel.store import Durability, StoreFailed, StoreFull

from .storage import Chunk, threaded

SMALL = 64 * 1024
"""So much is read or written on the loop itself: going to a thread and back takes longer."""
PIECE = 256 * 1024
"""What a reader yields at a time."""

NOWAIT = getattr(os, "RWF_NOWAIT", 0)

log = logging.getLogger("pileus")


class Files:
    """A folder of blobs; without one, a temporary folder that `close` removes."""

    def __init__(self, folder: Path | None, durability: Durability = "process") -> None:
        self._temporary = folder is None
        self._folder = folder
        self.durability = durability
        self._shards: set[str] = set()

    @property
    def folder(self) -> Path:
        if self._folder is None:
            import tempfile

            self._folder = Path(tempfile.mkdtemp(prefix="pileus-"))
        return self._folder

    def path(self, name: str) -> Path:
        """Where the blob's file is; it must not be changed."""
        return self.folder / name[:2] / name

    def room(self, name: str) -> Path:
        """Where to write a blob's file: the path, once its folder exists."""
        if name[:2] not in self._shards:
            (self.folder / name[:2]).mkdir(parents=True, exist_ok=True)
            if self.durability == "disk":
                sync(self.folder.parent)
                sync(self.folder)
            self._shards.add(name[:2])
        return self.path(name)

    def ready(self) -> None:
        _ = self.folder  # made here, once, and not by several threads

    def sink(self, name: str) -> FileSink:
        return FileSink(self, name)

    def source(self, name: str, offset: int, length: int | None) -> FileSource:
        """Readable to its end even if the blob is removed meanwhile."""
        return FileSource(self.path(name), offset, length)

    def remove(self, names: Iterable[str]) -> None:
        for name in names:
            try:
                self.path(name).unlink(missing_ok=True)
            except OSError as error:
                log.error("A blob's file cannot be removed: %s", error)

    def names(self) -> Iterator[list[str]]:
        """The blobs, folder by folder; first what resets put aside is removed."""
        if self._folder is None:
            return
        for old in self.folder.parent.glob(f"{self.folder.name}.*.old"):
            remove_tree(old)
        shards = sorted(entry.name for entry in self.folder.iterdir()) if self.folder.exists() else []
        for shard in shards:
            yield os.listdir(self.folder / shard)

    def reset(self) -> bool:
        """Put the folder aside, and remove it on a thread."""
        self._shards.clear()
        if self._folder is None or not self._folder.exists():
            return True
        aside = self._folder.with_name(f"{self._folder.name}.{os.urandom(4).hex()}.old")
        os.rename(self._folder, aside)
        try:
            asyncio.get_running_loop().run_in_executor(None, remove_tree, aside)
        except RuntimeError:
            remove_tree(aside)
        return True

    def save(self, name: str, target: Path) -> None:
        link(self.path(name), target)

    def load(self, source: Path, name: str) -> None:
        link(source, self.room(name))

    def close(self) -> None:
        if self._temporary and self._folder is not None:
            remove_tree(self._folder)
            self._folder = None


class FileSink:
    """Writes a new file."""

    def __init__(self, files: Files, name: str) -> None:
        self._files = files
        self._name = name
        self._file: BinaryIO | None = None

    async def save(self, chunks: Iterable[Chunk]) -> None:
        await threaded(self._save, chunks, False)

    async def finish(self, chunks: list[bytes]) -> None:
        if self._files.durability == "process" and sum(map(len, chunks)) <= SMALL:
            self._save(chunks, True)
        else:
            await threaded(self._save, chunks, True)

    def _save(self, chunks: Iterable[Chunk], last: bool) -> None:
        try:
            if self._file is None:
                self._file = open(self._files.room(self._name), "xb", opener=_private)  # noqa: SIM115
            for chunk in chunks:
                self._file.write(chunk)
            if last:
                self._finish(self._file)
        except OSError as error:
            raise failure(error) from error

    def _finish(self, file: BinaryIO) -> None:
        file.flush()
        if self._files.durability == "disk":
            os.fsync(file.fileno())
            sync(self._files.path(self._name).parent)
        file.close()

    def close(self) -> None:
        if self._file is not None:
            with suppress(OSError):  # what its buffer holds may not fit on the disk
                self._file.close()


class FileSource:
    """A range of a file in pieces, for `async for`."""

    def __init__(self, path: Path, offset: int, length: int | None) -> None:
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._open = True
        self.size = os.fstat(self._file).st_size
        """The size of the whole blob."""
        self._at = offset
        self._end = self.size if length is None else min(self.size, offset + length)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        left = self._end - self._at
        if left <= 0 or not self._open:
            self.close()
            raise StopAsyncIteration
        if left <= SMALL:
            piece = self._read(left)
        else:
            size = min(left, PIECE)
            piece = self._at_hand(size) or await threaded(self._read, size)
        self._at += len(piece)
        return piece

    def _at_hand(self, size: int) -> bytes:
        """What of the next bytes is in memory already (Linux): a copy is quicker than going to a thread and back."""
        if not NOWAIT:
            return b""
        room = bytearray(size)
        try:
            count = os.preadv(self._file, [room], self._at, NOWAIT)
        except OSError:  # none, or the file system cannot tell
            return b""
        return bytes(memoryview(room)[:count])

    def _read(self, size: int) -> bytes:
        try:
            piece = os.pread(self._file, size, self._at)
        except OSError as error:
            raise failure(error) from error
        if not piece:
            raise StoreFailed("A blob's file ends before its time")
        return piece

    async def aclose(self) -> None:
        self.close()

    def close(self) -> None:
        if self._open:
            self._open = False
            os.close(self._file)

    def __del__(self) -> None:
        if getattr(self, "_open", False):
            self.close()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def failure(error: OSError) -> StoreFailed:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreFull(f"The store is full: {error.strerror}")
    return StoreFailed(f"The store failed: {error}")


def sync(folder: Path) -> None:
    """Make a folder's entries safe from a power failure (fsync(2): a file's own fsync does not)."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def link(source: Path, target: Path) -> None:
    """The same file under another name; across file systems, a copy."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except FileExistsError:
        pass
    except OSError:
        shutil.copyfile(source, target)


def remove_tree(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
