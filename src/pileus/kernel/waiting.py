"""Waiting for something to happen in the cloud, as a long poll does."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Hashable

from .clock import Clock


class Waiters:
    """Who waits for what. Only in memory: a waiter is a connected client, and goes with it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: defaultdict[Hashable, list[asyncio.Future[bool]]] = defaultdict(list)

    def __contains__(self, what: Hashable) -> bool:
        """Whether anybody waits for it."""
        return what in self._waiting

    async def wait(self, what: Hashable, *, seconds: float | None = None, due: float | None = None) -> bool:
        """Wait until `what` is woken, for at most so many real seconds; False when they have passed.

        `due` is a cloud time at which it wakes by itself, such as when a delayed message becomes visible.
        """
        woken: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting[what].append(woken)
        timer = self._clock.call_at(due, lambda: _settle(woken, True)) if due is not None else None
        timeout = woken.get_loop().call_later(seconds, _settle, woken, False) if seconds is not None else None
        try:
            return await woken
        except asyncio.CancelledError:
            if not woken.cancelled():
                self.wake(what, 1)  # it was woken, and has gone: somebody else may want what it was woken for
            raise
        finally:
            if timer:
                timer.cancel()
            if timeout:
                timeout.cancel()
            self._forget(what, woken)

    def wake(self, what: Hashable, number: int | None = None, *, due: float | None = None) -> None:
        """Wake those who wait, the longest-waiting first; all of them, or so many.

        With `due` at that cloud time, if anybody waits now; who begins to wait later knows what is due.
        """
        if what not in self._waiting:
            return
        if due is not None:
            self._clock.call_at(due, lambda: self.wake(what, number))
            return
        for woken in [future for future in self._waiting[what] if not future.done()][:number]:
            _settle(woken, True)

    def _forget(self, what: Hashable, woken: asyncio.Future[bool]) -> None:
        self._waiting[what].remove(woken)
        if not self._waiting[what]:
            del self._waiting[what]


def _settle(future: asyncio.Future[bool], result: bool) -> None:
    if not future.done():
        future.set_result(result)
