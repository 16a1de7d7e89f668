"""Cloud time: it runs with real time, stands still, or is moved; whatever is due then happens in order."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from bisect import bisect_right
from collections.abc import Callable
from operator import itemgetter
from typing import NamedTuple

import msgspec

FINEST = 0.5
"""Seconds: of turns that follow each other faster some are forgotten. Clients stamp their requests to the second."""

MOST_STRETCHES = 1000


class Stretch(NamedTuple):
    """From the real instant `wall` on, cloud time goes on from `cloud`, at real speed or not at all."""

    wall: float
    cloud: float
    running: bool


class Timer:
    """A callback that waits for its cloud time; `cancel()` forgets it."""

    __slots__ = ("callback", "due")

    def __init__(self, due: float, callback: Callable[[], None]) -> None:
        self.due = due
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class Clock:
    """The one clock of a cloud. Instants are float seconds since the epoch."""

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self._wall = wall
        self._stretches = [Stretch(0.0, 0.0, True)]
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self.on_turn: Callable[[], None] = lambda: None
        """Called whenever the clock was turned, so that somebody keeps how it is set."""
        self._alarm: asyncio.Handle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def now(self) -> float:
        wall = self._wall()
        stretch = self._stretches[-1]
        if wall >= stretch.wall and stretch.running:  # as every request finds it
            return stretch.cloud + (wall - stretch.wall)
        return self.at_wall(wall)

    def at_wall(self, wall: float) -> float:
        """The cloud time that it was, or is, at a real instant: what a client's own clock stamped a request with."""
        stretch = self._stretches[-1]
        if wall < stretch.wall:
            stretch = self._stretches[max(0, bisect_right(self._stretches, wall, key=itemgetter(0)) - 1)]
        return stretch.cloud + (wall - stretch.wall if stretch.running else 0.0)

    @property
    def running(self) -> bool:
        return self._stretches[-1].running

    @property
    def real(self) -> bool:
        """Whether cloud time is real time."""
        stretch = self._stretches[-1]
        return stretch.running and stretch.cloud == stretch.wall

    def freeze(self) -> None:
        self._turn(self.now(), running=False)

    def run(self) -> None:
        """Go on from the present cloud time, at real speed."""
        self._turn(self.now(), running=True)

    def jump(self, to: float) -> None:
        """Make it `to` at once. What falls due in between comes due together; `advance` goes through it in order."""
        self._turn(to, running=self.running)

    def reset(self) -> None:
        """Back to real time."""
        self._stretches = [Stretch(0.0, 0.0, True)]
        self.on_turn()
        self._set_alarm()

    def _turn(self, to: float, *, running: bool) -> None:
        wall = self._wall()
        if len(self._stretches) > 1 and self._stretches[-1].wall - self._stretches[-2].wall < FINEST:
            self._stretches.pop()  # the one before says what that moment was like, to within so much
        elif len(self._stretches) > MOST_STRETCHES:
            del self._stretches[1 : MOST_STRETCHES // 2]
        self._stretches.append(Stretch(wall, to, running))
        self.on_turn()
        self._set_alarm()

    def save(self) -> bytes:
        return msgspec.msgpack.encode(self._stretches)

    def load(self, saved: bytes) -> None:
        self._stretches = msgspec.msgpack.decode(saved, type=list[Stretch])
        self._set_alarm()

    # Timers. They live in memory: what must survive a restart is a record in the store that sets its timer again.

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Ring timers on this event loop from now on."""
        self._loop = loop
        self._set_alarm()

    def call_at(self, due: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(due, callback)
        heapq.heappush(self._timers, (due, next(self._order), timer))
        if self._timers[0][2] is timer:
            self._set_alarm()
        return timer

    def next_due(self) -> float | None:
        """When the earliest timer is due."""
        while self._timers and self._timers[0][2].callback is None:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def ring(self) -> None:
        """Call back every timer that is due; those that are set meanwhile wait until the event loop comes round."""
        now = self.now()
        due: list[Timer] = []
        while self._timers and self._timers[0][0] <= now:
            due.append(heapq.heappop(self._timers)[2])
        for timer in due:
            if timer.callback:
                timer.callback()
        self._set_alarm()

    def _set_alarm(self) -> None:
        if self._alarm:
            self._alarm.cancel()
            self._alarm = None
        due = self.next_due()
        if self._loop is None or due is None:
            return
        wait = due - self.now()
        if wait <= 0:
            self._alarm = self._loop.call_soon(self.ring)
        elif self.running:
            # An asyncio timer may ring a hair early; a longer sleep than a day is cut, and set anew then.
            self._alarm = self._loop.call_later(min(wait + 0.0005, 86400.0), self.ring)
