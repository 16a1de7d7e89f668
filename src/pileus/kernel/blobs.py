"""Large bytes, as files beside the store.

A blob exists when its record in the store is committed: `adopt` writes the record in the transaction of whatever refers
to the blob, `discard` deletes it there, and the file is written before and removed after. A file without a record is
what a crash left behind, and `sweep` removes it. So no file is ever half there, and a blob never changes.

    async with blobs.writer() as writer:
        await writer.write(chunk)
        name = await writer.keep()
        with store.attempt():
            blobs.adopt(name)
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, TypeVar

from .store import Durability, Store, StoreFailed, StoreFull
from .store.keys import pack

SMALL = 64 * 1024
"""So much is read or written on the loop itself: going to a thread and back takes longer."""
PIECE = 256 * 1024
"""What a reader yields at a time."""
BATCH = 1024 * 1024
"""What a writer gathers before it writes."""

RECORDS = pack(("blob",))

T = TypeVar("T")

log = logging.getLogger("pileus")


class Blobs:
    """The blobs of one store, in a folder; without one, in a temporary folder that `close` removes."""

    def __init__(self, store: Store, folder: Path | None = None, *, durability: Durability = "process") -> None:
        self._store = store
        self._temporary = folder is None
        self._folder = folder
        self.durability = durability
        self._shards: set[str] = set()
        self._writing: set[str] = set()
        self._adopting: set[str] = set()
        self._discarding: set[str] = set()
        self._doomed: list[str] = []
        self._removing = False
        self._holders = 0

    @property
    def folder(self) -> Path:
        if self._folder is None:
            import tempfile

            self._folder = Path(tempfile.mkdtemp(prefix="pileus-"))
        return self._folder

    def path(self, name: str) -> Path:
        """Where the blob's file is; it must not be changed."""
        return self.folder / name[:2] / name

    def size(self, name: str) -> int:
        return os.stat(self.path(name)).st_size

    def writer(self) -> Writer:
        """For `async with`: a new blob, which must be kept and adopted before the block ends, or is gone."""
        return Writer(self, os.urandom(16).hex())

    def open(self, name: str, offset: int = 0, length: int | None = None) -> Reader:
        """The blob's bytes, or a range of them cut off at its end; readable even if it is discarded meanwhile."""
        return Reader(self.path(name), offset, length)

    def adopt(self, name: str) -> None:
        """Make a kept blob exist, if the attempt under way succeeds and is committed."""

        def settled(error: BaseException | None) -> None:
            self._adopting.discard(name)
            if error is not None:
                self.remove([name])

        self._store.put(record(name), b"")
        self._adopting.add(name)
        self._store.after_commit(settled)

    def discard(self, name: str) -> None:
        """Make a blob exist no longer, if the attempt under way succeeds and is committed."""

        def settled(error: BaseException | None) -> None:
            self._discarding.discard(name)
            if error is None:
                self.remove([name])

        self._store.delete(record(name))
        self._discarding.add(name)
        self._store.after_commit(settled)

    # Files

    def room(self, name: str) -> Path:
        """Where to write a blob's file: the path, once its folder exists."""
        if name[:2] not in self._shards:
            (self.folder / name[:2]).mkdir(parents=True, exist_ok=True)
            if self.durability == "disk":
                _sync(self.folder.parent)
                _sync(self.folder)
            self._shards.add(name[:2])
        return self.path(name)

    def begun(self, name: str) -> None:
        _ = self.folder  # made here, once, and not by several threads
        self._writing.add(name)

    def ended(self, name: str) -> None:
        """A writer's block is over: what was not adopted goes."""
        self._writing.discard(name)
        self.remove([name])

    def remove(self, names: Iterable[str]) -> None:
        """Remove those files that are no blob's, on a thread, and not before everybody's `hold` has ended."""
        self._doomed += names
        if self._holders or self._removing or not self._doomed:
            return
        doomed, self._doomed = self._doomed, []
        paths = [self.path(name) for name in doomed if not self._wanted(name)]
        if not paths:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            _unlink(paths)
            return
        self._removing = True
        loop.run_in_executor(None, _unlink, paths).add_done_callback(self._removed)

    def _wanted(self, name: str) -> bool:
        """Whether a file is a blob's, or may be once everything under way has ended well or badly."""
        if name in self._writing or name in self._adopting or name in self._discarding:
            return True
        return self._store.get(record(name)) is not None

    def _removed(self, _: object) -> None:
        self._removing = False
        self.remove([])

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep all files while the block runs, those of discarded blobs too."""
        self._holders += 1
        try:
            yield
        finally:
            self._holders -= 1
            self.remove([])

    async def sweep(self) -> int:
        """Remove the files of blobs that do not exist; how many there were. For when the cloud starts."""
        swept = 0
        if self._folder is None:
            return swept
        for shard in await threaded(self._clear):
            present = await threaded(os.listdir, self.folder / shard)
            orphans = [name for name in present if not self._wanted(name)]
            self.remove(orphans)
            swept += len(orphans)
        return swept

    def _clear(self) -> list[str]:
        """Remove what resets put aside; the shards there are."""
        for old in self.folder.parent.glob(f"{self.folder.name}.*.old"):
            _remove_tree(old)
        return sorted(entry.name for entry in self.folder.iterdir()) if self.folder.exists() else []

    def reset(self) -> None:
        """Put all files aside at once, and remove them on a thread. The store's own `reset` deletes their records."""
        self._shards.clear()
        self._doomed.clear()
        if self._folder is None or not self._folder.exists():
            return
        aside = self._folder.with_name(f"{self._folder.name}.{os.urandom(4).hex()}.old")
        os.rename(self._folder, aside)
        try:
            asyncio.get_running_loop().run_in_executor(None, _remove_tree, aside)
        except RuntimeError:
            _remove_tree(aside)

    def close(self) -> None:
        if self._temporary and self._folder is not None:
            _remove_tree(self._folder)
            self._folder = None


class Writer:
    """A new blob: `write` its bytes, then `keep` it."""

    def __init__(self, blobs: Blobs, name: str) -> None:
        self._blobs = blobs
        self.name = name
        self.size = 0
        self._file: BinaryIO | None = None
        self._waiting: list[bytes] = []
        self._gathered = 0

    async def __aenter__(self) -> Self:
        self._blobs.begun(self.name)
        return self

    async def write(self, chunk: bytes) -> None:
        self._waiting.append(chunk)
        self.size += len(chunk)
        self._gathered += len(chunk)
        if self._gathered >= BATCH:
            await threaded(self._save, False)

    async def keep(self) -> str:
        """The blob's name, now that its file is complete and, where the cloud promises so, on the disk."""
        if self.size <= SMALL and self._blobs.durability == "process":
            self._save(True)
        else:
            await threaded(self._save, True)
        return self.name

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._waiting.clear()
            with suppress(OSError):  # what its buffer holds may not fit on the disk
                self._file.close()
        self._blobs.ended(self.name)

    def _save(self, last: bool) -> None:
        """Write what has gathered."""
        try:
            if self._file is None:
                self._file = open(self._blobs.room(self.name), "xb", opener=_private)  # noqa: SIM115
            self._file.writelines(self._waiting)
            self._waiting.clear()
            self._gathered = 0
            if last:
                self._finish(self._file)
        except OSError as error:
            raise _failure(error) from error

    def _finish(self, file: BinaryIO) -> None:
        file.flush()
        if self._blobs.durability == "disk":
            os.fsync(file.fileno())
            _sync(self._blobs.path(self.name).parent)
        file.close()


class Reader:
    """A range of a blob in pieces, for `async for`."""

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
        piece = self._read(left) if left <= SMALL else await threaded(self._read, min(left, PIECE))
        self._at += len(piece)
        return piece

    def _read(self, size: int) -> bytes:
        try:
            piece = os.pread(self._file, size, self._at)
        except OSError as error:
            raise _failure(error) from error
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


def record(name: str) -> bytes:
    """The key under which the store knows a blob."""
    return RECORDS + pack((name,))


async def threaded(work: Callable[..., T], *arguments: object) -> T:
    """Run something on a thread. A cancellation waits until it has ended, so that nobody takes its file away."""
    future = asyncio.get_running_loop().run_in_executor(None, work, *arguments)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await asyncio.gather(future, return_exceptions=True)
        raise


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def _failure(error: OSError) -> StoreFailed:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreFull(f"The store is full: {error.strerror}")
    return StoreFailed(f"The store failed: {error}")


def _sync(folder: Path) -> None:
    """Make a folder's entries safe from a power failure (fsync(2): a file's own fsync does not)."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unlink(paths: Iterable[Path]) -> None:
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            log.error("A blob's file cannot be removed: %s", error)


def _remove_tree(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
