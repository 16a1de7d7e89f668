"""Which blobs there are.

A blob exists when its record in the store is committed: `adopt` writes the record in the transaction of whatever refers
to the blob, `discard` deletes it there, and its bytes are written before and removed after. Bytes without a record are
what a crash left behind, and `sweep` removes them. So no blob is ever half there, and a blob never changes.

    async with blobs.writer() as writer:
        await writer.write(chunk)
        name = await writer.keep()
        with store.attempt():
            blobs.adopt(name)
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Self

from pileus.kernel.store import Durability, Store
from pileus.kernel.store.keys import pack

from .files import Files
from .storage import Chunk, Source, Storage, threaded

BATCH = 1024 * 1024
"""What a writer gathers before it writes."""

RECORDS = pack(("blob",))


class Blobs:
    """The blobs of one store: in `storage`, or as files in a folder; without one, in a temporary one."""

    def __init__(
        self,
        store: Store,
        folder: Path | None = None,
        *,
        durability: Durability = "process",
        storage: Storage | None = None,
    ) -> None:
        self._store = store
        self.storage: Storage = storage or Files(folder, durability)
        self._writing: set[str] = set()
        self._adopting: set[str] = set()
        self._discarding: set[str] = set()
        self._doomed: list[str] = []
        self._removing: asyncio.Future[None] | None = None
        self._holders = 0
        self._sweeping: asyncio.Task[int] | None = None

    def writer(self) -> Writer:
        """For `async with`: a new blob, which must be kept and adopted before the block ends, or is gone."""
        return Writer(self, os.urandom(16).hex())

    def open(self, name: str, offset: int = 0, length: int | None = None) -> Source:
        """The blob's bytes, or a range of them cut off at its end. `hold` keeps them while they are read."""
        return self.storage.source(name, offset, length)

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

    # Bytes

    def begun(self, name: str) -> None:
        self.storage.ready()
        self._writing.add(name)

    def ended(self, name: str) -> None:
        """A writer's block is over: what was not adopted goes."""
        self._writing.discard(name)
        self.remove([name])

    def remove(self, names: Iterable[str]) -> None:
        """Remove what is no blob's, on a thread, and not before everybody's `hold` has ended."""
        self._doomed += names
        if self._holders or self._removing is not None or not self._doomed:
            return
        doomed, self._doomed = self._doomed, []
        unwanted = [name for name in doomed if not self._wanted(name)]
        if not unwanted:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.storage.remove(unwanted)
            return
        self._removing = loop.run_in_executor(None, self.storage.remove, unwanted)
        self._removing.add_done_callback(self._removed)

    def _wanted(self, name: str) -> bool:
        """Whether bytes are a blob's, or may be once everything under way has ended well or badly."""
        if name in self._writing or name in self._adopting or name in self._discarding:
            return True
        return self._store.get(record(name)) is not None

    def _removed(self, _: object) -> None:
        self._removing = None
        self.remove([])

    async def settled(self) -> None:
        """Wait until nothing is being removed: within a `hold`, nothing will be."""
        while self._removing is not None:
            await asyncio.wait([self._removing])

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep all bytes while the block runs, those of discarded blobs too."""
        self._holders += 1
        try:
            yield
        finally:
            self._holders -= 1
            self.remove([])

    async def sweep(self) -> int:
        """Remove the bytes of blobs that do not exist; of how many there were. For when the cloud starts."""
        swept = 0
        found = self.storage.names()
        while (names := await threaded(next, found, None)) is not None:
            orphans = [name for name in names if not self._wanted(name)]
            self.remove(orphans)
            swept += len(orphans)
        return swept

    def reset(self) -> None:
        """Get rid of all bytes. The store's own `reset` deletes the records, before or after."""
        self._doomed.clear()
        if not self.storage.reset():
            self._sweeping = asyncio.get_running_loop().create_task(self.sweep())

    def close(self) -> None:
        self.storage.close()


class Writer:
    """A new blob: `write` its bytes, then `keep` it."""

    def __init__(self, blobs: Blobs, name: str) -> None:
        self._blobs = blobs
        self.name = name
        self._sink = blobs.storage.sink(name)
        self._waiting: list[bytes] = []
        self._gathered = 0

    async def __aenter__(self) -> Self:
        self._blobs.begun(self.name)
        return self

    async def write(self, chunk: bytes) -> None:
        self._waiting.append(chunk)
        self._gathered += len(chunk)
        if self._gathered >= BATCH:
            await self._sink.save(self._taken())

    async def pour(self, chunks: Iterable[Chunk]) -> None:
        """Write what is made as it is written: on a thread, and each chunk may change when the next is asked for."""
        await self._sink.save(chain(self._taken(), chunks))

    async def keep(self) -> str:
        """The blob's name, now that its bytes are complete and, where the cloud promises so, on the disk."""
        await self._sink.finish(self._taken())
        return self.name

    def _taken(self) -> list[bytes]:
        waiting, self._waiting, self._gathered = self._waiting, [], 0
        return waiting

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._sink.close()
        self._blobs.ended(self.name)


def record(name: str) -> bytes:
    """The key under which the store knows a blob."""
    return RECORDS + pack((name,))
