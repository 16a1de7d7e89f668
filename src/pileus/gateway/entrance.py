"""Another way in to the door: what comes by it is known to have come from a private network."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from .message import Request, Response

if TYPE_CHECKING:
    from pileus.kernel.call import Passage

    from .http import Application
    from .websocket import WebSocket


class Entrance:
    """An application that is another one, and notes on each request by which passage it came."""

    def __init__(self, inner: Application, passage: Callable[[], Passage | None]) -> None:
        self._inner = inner
        self._passage = passage

    def accept(self, request: Request) -> Response | None:
        request.passage = self._passage()
        return self._inner.accept(request)

    def answer(self, request: Request, reply: Callable[[Response], None]) -> None:
        request.passage = self._passage()
        self._inner.answer(request, reply)

    def upgrade(self, request: Request, socket: WebSocket) -> Awaitable[None] | None:
        request.passage = self._passage()
        return self._inner.upgrade(request, socket)
