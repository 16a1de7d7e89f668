"""What every engine of the store is: ordered keys and values, attempts that can be undone, groups that commit together.

All of it belongs to one thread, that of the event loop. What an attempt wrote is visible to every later read at once,
and safe only when `after_commit` says so: a response waits for that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Literal, Protocol

Committed = Callable[[BaseException | None], None]
"""Told once: None when the writes before it are safe, or the error by which they were lost or undone."""

Schedule = Callable[[Callable[[], None]], object]
"""Runs a function at the end of this tick, as `loop.call_soon` does."""


Durability = Literal["process", "disk"]
"""What a committed write survives: the end of the process (kill -9), or of the machine too (an fsync per group)."""


class StoreFailed(Exception):
    """The store cannot be read or written; what was not committed is lost, and later calls may succeed."""


class StoreFull(StoreFailed):
    """There is no room for what was written; nothing of its group was stored."""


class StoreCorrupt(StoreFailed):
    """The database is damaged, or is no database of Pileus."""


class FormatTooNew(Exception):
    """The data were written by a newer Pileus."""


class StoreLocked(Exception):
    """Another server has the data open."""


class Store(Protocol):
    """Ordered keys and values, both bytes."""

    def get(self, key: bytes) -> bytes | None:
        """The value under a key."""
        ...

    def scan(
        self, start: bytes, end: bytes, *, reverse: bool = False, limit: int | None = None
    ) -> Iterator[tuple[bytes, bytes]]:
        """Keys from `start` up to but without `end`, with their values.

        It may be broken off, and its caller may write and delete meanwhile: what is ahead is then seen as it was or as
        it is (whoever keeps writing ahead in the range never gets to its end), and with a `limit` of at most 100 always
        as it was at the call.
        """
        ...

    def count(self, start: bytes, end: bytes) -> int:
        """How many keys there are from `start` up to but without `end`; costs in proportion to them."""
        ...

    def put(self, key: bytes, value: bytes) -> None: ...

    def delete(self, key: bytes) -> None:
        """Remove a key, or do nothing."""
        ...

    def delete_range(self, start: bytes, end: bytes) -> int:
        """Remove the keys from `start` up to but without `end`; how many there were."""
        ...

    def attempt(self) -> AbstractContextManager[None]:
        """`with store.attempt():` undoes the block's writes, and no others, if it raises; attempts nest.

        Never await inside: the writes of another call would be caught up in this one's fate.
        """
        ...

    def after_commit(self, callback: Committed) -> None:
        """Call back when everything written up to now is committed: at once, if nothing is pending.

        If the commit fails, or the attempt in which this was called is undone, the callback gets the error.
        """
        ...

    def before_commit(self, callback: Callable[[], None]) -> None:
        """From now on call this before every commit; what it writes is part of the group."""
        ...

    @property
    def pending(self) -> bool:
        """Whether there are writes that are not committed."""
        ...

    def tick(self) -> AbstractContextManager[None]:
        """Commit at its end what was written up to then, and do not wait for the tick to end; never raises for it.

        If writes are lost within, so is all that follows, for they may be those of who asks `after_commit` later.
        """
        ...

    def flush(self) -> None:
        """Commit now; raises what `after_commit` reports."""
        ...

    def reset(self) -> None:
        """Delete everything."""
        ...

    def close(self) -> None:
        """Commit, and let go of the data."""
        ...
