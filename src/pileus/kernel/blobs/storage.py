"""Where the bytes of blobs lie: what `Blobs` asks of it.

A blob is written once, under a name that was never used before, and never changed. `remove`, `names`, `save` and `load`
may block and are called on threads.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol, TypeVar

T = TypeVar("T")
Chunk = bytes | memoryview


class Sink(Protocol):
    """Takes the bytes of one new blob."""

    async def save(self, chunks: Iterable[Chunk]) -> None:
        """Keep these bytes, each chunk before the next is asked for. The asking is done on a thread."""

    async def finish(self, chunks: list[bytes]) -> None:
        """Keep the last bytes: now the blob is complete, and as safe as the cloud promises."""

    def close(self) -> None:
        """Nothing more will come, be the blob complete or not. What there is of it is removed by its name."""


class Source(Protocol):
    """Gives the bytes of a blob in pieces."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def aclose(self) -> None: ...

    def close(self) -> None: ...


class Storage(Protocol):
    """A place for blobs."""

    def ready(self) -> None:
        """A blob is about to be written."""

    def sink(self, name: str) -> Sink: ...

    def source(self, name: str, offset: int, length: int | None) -> Source:
        """A range of a blob, cut off at its end."""

    def remove(self, names: Iterable[str]) -> None:
        """Remove blobs, or what there is of them; one that is not there is none too many."""

    def names(self) -> Iterator[list[str]]:
        """All blobs that there are, or parts of them, a few at a time."""

    def reset(self) -> bool:
        """Put everything out of the way at once, if that can be done; else the blobs are removed by their names."""

    def save(self, name: str, target: Path) -> None:
        """Make a file of a blob."""

    def load(self, source: Path, name: str) -> None:
        """Make a blob of a file, if it is not there."""

    def close(self) -> None: ...


async def threaded(work: Callable[..., T], *arguments: object) -> T:
    """Run something on a thread. A cancellation waits until it has ended, so that nobody takes its file away."""
    future = asyncio.get_running_loop().run_in_executor(None, work, *arguments)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await asyncio.gather(future, return_exceptions=True)
        raise
