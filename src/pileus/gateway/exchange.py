"""One request on its way through the application and back, whichever version of HTTP carries it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TYPE_CHECKING, Protocol

from .body import IncomingBody
from .message import NO_HEADERS, Headers, Request, Response

if TYPE_CHECKING:
    from .http import Server

log = logging.getLogger("pileus.http")

TOO_LARGE = "The body is larger than this server keeps in memory"


class Refusal(Exception):
    """The listener itself answers this request: with a status and a line of plain text."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason

    @property
    def response(self) -> Response:
        return plain(self.status, self.reason)


def plain(status: int, text: str) -> Response:
    return Response(status, [("content-type", "text/plain; charset=utf-8")], f"{text}\n".encode())


def dispose(response: Response) -> None:
    """Close a body that is not going to be sent."""
    aclose = getattr(response.body, "aclose", None)
    if aclose is not None:
        asyncio.get_running_loop().create_task(aclose())


async def measured(body: AsyncIterator[bytes], length: int | None) -> AsyncGenerator[bytes]:
    """The pieces of a response's body, and ValueError if they are not as long together as its Content-Length says."""
    sent = 0
    try:
        async for piece in body:
            sent += len(piece)
            if length is not None and sent > length:
                break
            if piece:
                yield piece
        if length is not None and sent != length:
            raise ValueError(f"{sent} bytes or more for a Content-Length of {length}")
    finally:
        aclose = getattr(body, "aclose", None)
        if aclose is not None:
            await aclose()


class Channel(Protocol):
    """What carries an exchange: an HTTP/1 connection, or one stream of an HTTP/2 connection."""

    def proceed(self) -> None:
        """Send 100 Continue."""

    def taken(self, count: int) -> None:
        """The application took bytes of the body: the client may send as many more."""

    def respond(self, exchange: Exchange, response: Response) -> None:
        """Send the response; ValueError, with nothing sent, if it cannot be put into HTTP."""


class Exchange:
    """A request, its body as it arrives, and its one reply.

    The channel calls `begin` once, `receive` and `finish` as the body comes (before `begin` if need be), and `vanish`
    if the client is lost.
    """

    __slots__ = (
        "_channel",
        "_pieces",
        "_received",
        "_server",
        "answered",
        "begun",
        "complete",
        "length",
        "request",
        "stream",
    )

    def __init__(self, server: Server, channel: Channel, request: Request, length: int | None) -> None:
        self._server = server
        self._channel = channel
        self._pieces: list[bytes] = []
        self._received = 0
        self.request = request
        self.length = length
        """Bytes of the request's body, None if the client did not say."""
        self.stream: IncomingBody | None = None
        self.begun = False
        self.complete = False
        self.answered = False

    @property
    def unread(self) -> int:
        """Bytes that have arrived and that nobody wants yet."""
        if self.stream is not None:
            return self.stream.unread
        return 0 if self.begun else self._received

    @property
    def remaining(self) -> int | None:
        """Bytes of the request's body that are still to come, None if that is unknown."""
        if self.complete:
            return 0
        return None if self.length is None else self.length - self._received

    # What the channel does

    def begin(self) -> None:
        """Ask the application to accept the request, and go on as it decides."""
        refusal = self.admit()
        if refusal is None:
            self.go_on()
        else:
            self.reply(refusal)

    def admit(self) -> Response | None:
        self.begun = True
        try:
            return self._server.application.accept(self.request)
        except Exception:
            return self.failed()

    def go_on(self) -> None:
        request = self.request
        if (self.length is None or self.length > self._server.limits.body_bytes) and self._oversized():
            self.reply(plain(413, TOO_LARGE))
            return
        if "expect" in request.headers.first and not self._expected():
            return
        if request.streamed:
            self._open_stream()
            self._answer()
        elif self.complete:
            self._answer()

    def receive(self, piece: bytes) -> None:
        self._received += len(piece)
        if self.stream is not None:
            self.stream.feed(piece)
        elif self.answered:
            pass
        elif self.begun and self._received > self._server.limits.body_bytes:
            self._pieces.clear()
            self.reply(plain(413, TOO_LARGE))
        else:
            self._pieces.append(piece)

    def finish(self, trailers: Headers) -> None:
        """The request is complete."""
        self.complete = True
        if trailers is not NO_HEADERS:
            self.request.trailers = trailers
        if self.stream is not None:
            self.stream.end(trailers)
        elif self.begun and not self.answered:
            self._answer()

    def vanish(self, failure: Exception) -> None:
        """The client is gone, or what it sends has become unreadable: a reply will go nowhere."""
        request = self.request
        request.gone = True
        if self.stream is not None:
            self.stream.fail(failure)
        on_gone, request.on_gone = request.on_gone, None
        if on_gone is None or self.answered:
            return
        try:
            on_gone()
        except Exception:
            log.exception("on_gone of %s %s failed", request.method, request.path)

    # What the application does

    def reply(self, response: Response) -> None:
        if self.answered:
            raise RuntimeError(f"{self.request.method} {self.request.path} was answered twice")
        self.answered = True
        if self.stream is not None and self.stream.wanted is not None:
            if not isinstance(response.body, bytes) and not self.request.gone:
                self._channel.proceed()  # the response may be made of the body, and a 100 cannot come behind its head
            self.stream.wanted = None
        try:
            self._channel.respond(self, response)
        except ValueError:
            self._channel.respond(self, self.failed())
        if self.stream is not None and isinstance(response.body, bytes):  # any other may be made of it, as it arrives
            self.drop_body()

    def drop_body(self) -> None:
        """The reply is on its way and needs no more of the request."""
        if self.stream is not None:
            self.stream.fail(ConnectionAbortedError("the request has been answered"))
            self.stream.discard()

    # Small steps

    def _oversized(self) -> bool:
        expected = self._received if self.length is None else self.length
        return not self.request.streamed and expected > self._server.limits.body_bytes

    def _expected(self) -> bool:
        """Whether the exchange may go on after its Expect field (RFC 9110, 10.1.1)."""
        if self.complete and self.length != 0:
            return True
        if self.request.headers.get("expect").lower() != "100-continue":
            self.reply(plain(417, "The only expectation that this server knows is 100-continue"))
            return False
        # Nobody reads an empty body, yet older botocores lose the next answer if the last came without a 100 Continue.
        if self.request.http_version != "1.0" and (self.length == 0 or not self.request.streamed):
            self._channel.proceed()
        return True

    def _open_stream(self) -> None:
        request = self.request
        request.stream = self.stream = IncomingBody(self._channel.taken)
        if "expect" in request.headers.first and self.length != 0 and request.http_version != "1.0":
            self.stream.wanted = self._channel.proceed  # so that who is refused need not send it
        for piece in self._pieces:
            self.stream.feed(piece)
        self._pieces.clear()
        if self.complete:
            self.stream.end(request.trailers)

    def _answer(self) -> None:
        request, pieces = self.request, self._pieces
        if pieces:
            request.body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            self._pieces = []
        try:
            self._server.application.answer(request, self.reply)
        except Exception:
            failure = self.failed()
            if not self.answered:
                self.reply(failure)

    def failed(self) -> Response:
        """The answer to what is our own fault; to be called while its exception is handled."""
        log.exception("%s %s failed", self.request.method, self.request.path)
        return plain(500, "Internal Server Error")
