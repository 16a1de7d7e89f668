"""A request body that the application reads while it still arrives."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

from .message import NO_HEADERS, Headers


class Whole:
    """A body that is there already, for those who read theirs as it arrives."""

    def __init__(self, body: bytes, trailers: Headers = NO_HEADERS) -> None:
        self.trailers = trailers
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._body


class IncomingBody:
    """An async iterator over the pieces of one request body, for one reader.

    `taken` is told how many bytes the reader took, so that the listener lets the client send more. When the client goes
    before the end, the reader gets what had arrived and then ConnectionResetError.
    """

    __slots__ = ("_ended", "_failure", "_pieces", "_taken", "_waiter", "trailers", "unread", "wanted")

    def __init__(self, taken: Callable[[int], None]) -> None:
        self.wanted: Callable[[], None] | None = None
        """Called when the reader wants what the client has not begun to send."""
        self.trailers: Headers = NO_HEADERS
        self.unread = 0
        self._taken = taken
        self._pieces: deque[bytes] = deque()
        self._ended = False
        self._failure: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None

    def feed(self, piece: bytes) -> None:
        if self._ended:
            self._taken(len(piece))
            return
        self.wanted = None
        self._pieces.append(piece)
        self.unread += len(piece)
        self._wake()

    def end(self, trailers: Headers) -> None:
        self.trailers = trailers
        self._ended = True
        self._wake()

    def fail(self, failure: Exception) -> None:
        """No more will come; nothing happens if the body was complete."""
        if not self._ended:
            self._failure = failure
            self._ended = True
            self._wake()

    def discard(self) -> None:
        """Nobody reads any more: forget what has arrived."""
        unread, self.unread = self.unread, 0
        self._pieces.clear()
        if unread:
            self._taken(unread)

    def __aiter__(self) -> IncomingBody:
        return self

    async def __anext__(self) -> bytes:
        while not self._pieces:
            if self._failure is not None:
                raise self._failure
            if self._ended:
                raise StopAsyncIteration
            if self.wanted is not None:
                wanted, self.wanted = self.wanted, None
                wanted()
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        piece = self._pieces.popleft()
        self.unread -= len(piece)
        self._taken(len(piece))
        return piece

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
