"""What happens in the cloud, told to those who listen: requests answered, tasks run, the clock moved, state reset.

Nothing is kept for anybody, and nothing is told while nobody listens; who is too slow misses some, and learns how many.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from pileus.gateway.requestlog import Entry
    from pileus.kernel.task import Pending
    from pileus.server import Server

MOST = 1000
"""How many events wait for one listener."""

ALIVE = 15.0
"""Seconds of silence after which a listener gets a comment, so that nobody in between thinks the connection is dead."""


class Listener:
    """One who listens, and what was not sent to them yet."""

    def __init__(self) -> None:
        self.waiting: deque[bytes] = deque(maxlen=MOST)
        self.missed = 0
        self.news = asyncio.Event()
        self.closed = False

    def put(self, event: bytes) -> None:
        self.missed += len(self.waiting) == MOST
        self.waiting.append(event)
        self.news.set()

    def taken(self) -> bytes:
        """Everything that waits."""
        missed, self.missed = self.missed, 0
        events = b"".join(self.waiting)
        self.waiting.clear()
        self.news.clear()
        return (b"event: missed\ndata: %d\n\n" % missed if missed else b"") + events


class Events:
    """Tells listeners what happens."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._listeners: set[Listener] = set()

    def tell(self, kind: str, about: dict[str, Any]) -> None:
        if self._listeners:
            event = b"event: %b\ndata: %b\n\n" % (kind.encode(), msgspec.json.encode(about))
            for listener in self._listeners:
                listener.put(event)

    async def stream(self) -> AsyncIterator[bytes]:
        listener = Listener()
        self._listeners.add(listener)
        self._watch()
        try:
            yield b": pileus\n\n"
            while not listener.closed:
                try:
                    await asyncio.wait_for(listener.news.wait(), ALIVE)
                except TimeoutError:
                    yield b":\n\n"
                    continue
                yield listener.taken()
        finally:
            self._listeners.discard(listener)
            self._watch()

    def _watch(self) -> None:
        """Have requests and tasks reported while somebody listens."""
        server = self._server
        server.requests.on_answer = self._answered if self._listeners else None
        server.cloud.runner.on_run = self._ran if self._listeners else None

    def _answered(self, entry: Entry, seconds: float) -> None:
        about = {name: getattr(entry, name) for name in ("request_id", "service", "operation", "account", "status")}
        self.tell("request", about | {"error": entry.error, "ms": round(seconds * 1000, 3)})

    def _ran(self, task: Pending, error: Exception | None) -> None:
        about = {"id": task.id, "task": f"{task.service}.{task.name}", "account": task.account}
        self.tell("task", about | {"error": str(error) if error else None})

    def close(self) -> None:
        for listener in self._listeners:
            listener.closed = True
            listener.news.set()
