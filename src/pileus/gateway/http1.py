"""HTTP/1.0 and HTTP/1.1 on one connection (RFC 9112): httptools reads, the application answers, in the order asked.

Pipelined requests are answered one after the other: the next one is not shown to the application before the last one's
response is out, because it may depend on it. Left out: transfer codings other than chunked, and being a proxy.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import aclosing
from math import inf
from typing import TYPE_CHECKING, cast

import httptools

from .exchange import Exchange, Refusal, dispose, log, measured, plain
from .gate import Gate
from .head import (
    bodiless,
    body_length,
    check_size,
    content_length,
    field_name,
    request_of,
    response_head,
    sorted_out,
)
from .message import NO_HEADERS, Headers, Request, Response

if TYPE_CHECKING:
    from .http import Server

PIPELINED = 16
"""Requests that may wait on a connection before the listener stops reading from it."""
DRAINED = 256 * 1024
"""Bytes of an unwanted body that are read and forgotten to keep a connection; for more it is closed."""
LINGER_SECONDS = 5.0
"""How long a connection that is being closed still takes what the client sends, lest a reset overtake the answer."""
JOINED = 64 * 1024
"""Up to this length a body is copied behind its head, to leave in one write."""

HEAD_TOO_LARGE = "The header fields are too large"


class Http1(asyncio.Protocol):
    """One connection: protocol of its transport, callbacks of its parser, and channel of its exchanges."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._scheme = "http"
        self._client = ""

        # The head being read
        self._heading = False
        self._target = b""
        self._fields: list[tuple[str, str]] = []
        self._size = 0
        """Bytes that the parser is being fed."""
        self._fed = 0
        """At least the bytes that the parser has swallowed since it last delivered something."""
        self._upgrading = False
        self._replaying = False

        # Exchanges
        self._receiving: Exchange | None = None
        """Whose body is arriving."""
        self._active: Exchange | None = None
        """Whose turn it is to be answered."""
        self._waiting: deque[Exchange] = deque()
        self._final: Exchange | None = None
        """The one after whose answer the connection ends."""
        self._fatal: Response | None = None
        """The listener's own last word, once all before it are answered."""
        self._pouring: asyncio.Task[None] | None = None

        # The connection
        self.stirred = True
        self._gate = Gate()
        self._held = False
        """Reading is paused."""
        self._left = inf
        """Bytes that were still to be sent when the client was last found slow."""
        self._starting = False
        self._deaf = False
        """Nothing that still arrives is of interest."""
        self._ended = False
        """The client will send no more."""
        self._over = False
        """Nothing more will be answered."""

    # The transport's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if transport.get_extra_info("sslcontext") is not None:
            self._scheme = "https"
        peer = transport.get_extra_info("peername")
        self._client = peer[0] if isinstance(peer, tuple) else ""
        self._server.joined(self)

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        self._size = len(data)
        heading = self._heading
        if heading or self._receiving is not None:
            self._fed += self._size
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgraded(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            self._malformed(error)
        if self._heading or self._receiving is not None:
            if self._heading and not heading and self._fed > self._server.limits.head_bytes:
                self._fed = self._size - data.rfind(b" " + self._target)  # it began behind the end of others
            if self._fed > self._server.limits.head_bytes:
                self._fail(plain(431, HEAD_TOO_LARGE))
            if heading and self._heading:
                return  # a head has so much time from its first byte to its last
        self.stirred = True

    def eof_received(self) -> bool:
        """A client that only closes its sending side is still answered, if that is all there is to do for it.

        One that has really gone looks the same. So where somebody waits (a long poll, a streamed response) it has gone.
        """
        active = self._active
        if self._over or active is None or self._receiving is not None or self._scheme == "https":
            return False
        if active.request.on_gone is not None or self._pouring is not None:
            return False
        active.request.gone = True
        self._ended = True
        return True

    def connection_lost(self, exception: Exception | None) -> None:
        self._server.left(self)
        self._transport = None
        self._deaf = self._over = True
        if self._pouring is not None:
            self._pouring.cancel()
        for exchange in {self._active, self._receiving}:
            if exchange is not None:
                exchange.vanish(ConnectionResetError("the client has gone"))
        self._waiting.clear()
        del self._parser  # it holds our bound methods: with it only the cyclic collector would free us

    def pause_writing(self) -> None:
        self._gate.close()
        self._balance()

    def resume_writing(self) -> None:
        self._gate.open()
        self._advance()

    # The parser's callbacks

    def on_url(self, url: bytes) -> None:
        if self._heading:
            self._target += url
        else:
            self._heading = True
            self._fed = self._size
            self._target = url
        if len(self._target) > self._server.limits.target_bytes:
            raise Refusal(414, "The request target is too long")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((field_name(name), value.decode("latin-1").rstrip(" \t")))

    def on_headers_complete(self) -> None:
        fields, self._fields = self._fields, []
        self._heading = False
        if self._replaying:
            self._replaying = False
            return
        if self._deaf:
            raise Refusal(400, "unheard")
        parser, server = self._parser, self._server
        if self._fed > server.limits.head_bytes or len(fields) > server.limits.head_fields:
            check_size(fields, server.limits)
        self._fed = 0
        method, target = parser.get_method().decode("latin-1"), self._target.decode("latin-1")
        request = request_of(method, target, fields, parser.get_http_version(), self._scheme, self._client)
        exchange = self._receiving = Exchange(server, self, request, body_length(request.headers))
        if not parser.should_keep_alive():
            self._final = exchange
        if parser.should_upgrade():
            self._upgrading = True  # the parser stops here, and `_upgraded` takes over
        else:
            self._enlist(exchange)

    def on_body(self, piece: bytes) -> None:
        self._fed = 0
        exchange = self._receiving
        if exchange is not None:
            exchange.receive(piece)
            if exchange.unread > self._server.limits.unread_bytes:
                self._balance()

    def on_message_complete(self) -> None:
        exchange = self._receiving
        if self._upgrading or exchange is None:
            return
        trailers = NO_HEADERS
        if self._fields:
            check_size(self._fields, self._server.limits)
            trailers = Headers(self._fields)
            self._fields = []
            if not self._parser.should_keep_alive():
                self._final = exchange
        self._receiving = None
        if exchange is self._final:
            self._deaf = True
        exchange.finish(trailers)

    # What a parser cannot go on with

    def _malformed(self, error: httptools.HttpParserError) -> None:
        if self._deaf:
            return
        cause = error.__context__
        if isinstance(cause, Refusal):
            self._fail(cause.response)
        elif isinstance(error, httptools.HttpParserCallbackError):
            log.error("the HTTP/1 listener failed", exc_info=cause or error)
            self._fail(plain(500, "Internal Server Error"))
        else:
            self._fail(plain(400, str(error) or "Malformed request"))

    def _fail(self, response: Response) -> None:
        """The rest of what the client sends is unreadable: answer what came before, then this, then close."""
        self._deaf = True
        self._heading = False
        broken, self._receiving = self._receiving, None
        if broken is not None:
            broken.vanish(ConnectionAbortedError("the rest of the request is unreadable"))
            if broken.answered:
                self._final = broken
                if broken is not self._active:
                    self._linger()
                return
            if broken is self._active:
                self._active = None
            elif self._waiting:
                self._waiting.pop()
        self._fatal = response
        self._advance()

    def _upgraded(self, rest: bytes) -> None:
        """Become a WebSocket, or serve an upgrade that is not wanted as an ordinary request (RFC 9110, 7.8)."""
        while self._upgrading:
            self._upgrading = False
            exchange = cast(Exchange, self._receiving)
            if not _wants_websocket(exchange.request) or self._active is not None or self._waiting:
                self._enlist(exchange)
            elif self._open_websocket(exchange, rest):
                return
            # httptools has given up on the body of this message. A new parser that is told its framing goes on with it.
            self._parser = httptools.HttpRequestParser(self)
            self._replaying = True
            try:
                self._parser.feed_data(_framing_alone(exchange.length))
                self._parser.feed_data(rest)
            except httptools.HttpParserUpgrade as upgrade:
                rest = rest[upgrade.args[0] :]
            except httptools.HttpParserError as error:
                self._malformed(error)

    def _open_websocket(self, exchange: Exchange, rest: bytes) -> bool:
        """Whether the connection is a WebSocket's from now on; if not, the exchange goes its ordinary way."""
        from .websocket import WebSocket, handshake_refusal

        self._active = exchange
        refusal = exchange.admit() or handshake_refusal(exchange.request)
        if refusal is not None:
            exchange.reply(refusal)
            return False
        socket = WebSocket(self._server, exchange.request)
        try:
            life = self._server.application.upgrade(exchange.request, socket)
        except Exception:
            exchange.reply(exchange.failed())
            return False
        if life is None:
            exchange.go_on()
            return False
        transport = cast(asyncio.Transport, self._transport)
        self._server.left(self)
        self._deaf = self._over = True
        self._active = self._receiving = None
        transport.set_protocol(socket)
        socket.take_over(transport, life, rest)
        return True

    # The order of exchanges

    def _enlist(self, exchange: Exchange) -> None:
        if self._active is None and not self._waiting and not self._gate.shut:
            self._active = exchange
            exchange.begin()
        else:
            self._waiting.append(exchange)
            self._balance()

    def _advance(self) -> None:
        """Begin the exchanges that wait, as long as each is answered at once."""
        if self._starting or self._over:
            return
        self._starting = True
        while self._waiting and self._active is None and not self._gate.shut:
            self._active = self._waiting.popleft()
            self._active.begin()
        self._starting = False
        if self._active is None and not self._waiting and not self._over:
            if self._fatal is not None:
                self._say_last(self._fatal)
            elif self._ended:
                self._close()
        self._balance()

    def _say_last(self, response: Response) -> None:
        body = cast(bytes, response.body)
        framing = f"content-length: {len(body)}\r\nconnection: close\r\n"
        self._write(response_head(response.status, response.headers, framing, self._server.date.now()) + body)
        self._linger()

    def _finished(self, exchange: Exchange) -> None:
        """The response is written."""
        self._active = None
        self.stirred = True
        if exchange is self._final:
            if exchange.complete:
                self._close()
            else:
                self._linger()
        elif self._waiting or self._fatal is not None or self._ended:
            self._advance()

    # The exchange's channel

    def proceed(self) -> None:
        self._write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def taken(self, count: int) -> None:
        if self._held:
            self._balance()

    def respond(self, exchange: Exchange, response: Response) -> None:
        if exchange is not self._active or self._transport is None:
            dispose(response)
            return
        body, request = response.body, exchange.request
        own, fields = sorted_out(response)
        bare = bodiless(request.method, response.status)
        length = content_length(response, own, bare)
        chunked = length is None and not bare and request.http_version != "1.0"
        closing = self._closes_after(exchange, own) or (length is None and not bare and not chunked)
        framing = "transfer-encoding: chunked\r\n" if chunked else ""
        if length is not None and response.status != 204:
            framing = f"content-length: {length}\r\n"
        if closing:
            framing += "connection: close\r\n"
        elif request.http_version == "1.0":
            framing += "connection: keep-alive\r\n"
        date = own["date"] if "date" in own else self._server.date.now()
        head = response_head(response.status, fields, framing, date)
        if closing:
            self._final = exchange
        if bare:
            self._transport.write(head)
            dispose(response)
        elif not isinstance(body, bytes):
            self._transport.write(head)
            self._pouring = asyncio.get_running_loop().create_task(self._pour(exchange, body, length, chunked))
            return
        elif len(body) <= JOINED:
            self._transport.write(head + body)
        else:
            self._transport.writelines((head, body))
        self._finished(exchange)

    def _closes_after(self, exchange: Exchange, own: dict[str, str]) -> bool:
        if exchange is self._final or self._server.closing:
            return True
        if "connection" in own and own["connection"].lower() == "close":
            return True
        if exchange.complete:
            return False
        # After a refused expectation nobody knows whether the body will come (RFC 9110, 10.1.1).
        remaining = exchange.remaining
        return remaining is None or remaining > DRAINED or (remaining > 0 and "expect" in exchange.request.headers)

    async def _pour(self, exchange: Exchange, body: AsyncIterator[bytes], length: int | None, chunked: bool) -> None:
        """Write a body as it is made, no faster than the client takes it."""
        try:
            async with aclosing(measured(body, length)) as pieces:
                async for piece in pieces:
                    self._write_all((b"%x\r\n" % len(piece), piece, b"\r\n") if chunked else (piece,))
                    await self._gate.passed()
        except Exception:
            self._broken_off(exchange)
            return
        if chunked:
            self._write(b"0\r\n\r\n")
        self._pouring = None
        exchange.drop_body()
        self._finished(exchange)

    def _broken_off(self, exchange: Exchange) -> None:
        """End the connection in mid-response: nothing else tells the client that the body is not whole."""
        if self._transport is not None and not self._transport.is_closing():
            log.exception("the response to %s %s broke off", exchange.request.method, exchange.request.path)
            self._transport.abort()

    # The connection

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _write_all(self, pieces: tuple[bytes, ...]) -> None:
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError("the client has gone")
        self._transport.writelines(pieces)

    def _balance(self) -> None:
        """Read from the client, or let it wait, as the work in hand demands."""
        if self._transport is None or self._over:
            return
        limit = self._server.limits.unread_bytes
        if self._held:
            limit //= 2
        unread = self._receiving.unread if self._receiving is not None else 0
        hold = self._gate.shut or len(self._waiting) >= PIPELINED or unread > limit
        if hold != self._held:
            self._hold(self._transport, hold)

    def _hold(self, transport: asyncio.Transport, hold: bool) -> None:
        self._held = hold
        self.stirred = True
        if transport.is_closing() or self._ended:
            return
        if hold:
            transport.pause_reading()
        else:
            transport.resume_reading()

    def _close(self) -> None:
        """Close once all is sent."""
        self._deaf = self._over = self.stirred = True
        self._waiting.clear()
        if self._transport is not None:
            self._transport.close()

    def _linger(self) -> None:
        """Say goodbye, and close when the client has heard it."""
        self._deaf = self._over = self.stirred = True
        self._waiting.clear()
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if self._held:
            self._hold(transport, False)
        if self._ended:
            transport.close()
        elif transport.can_write_eof():
            try:
                transport.write_eof()
            except OSError:  # the client has gone, which nobody has noticed yet
                transport.abort()

    # The server's orders

    @property
    def patience(self) -> float:
        limits = self._server.limits
        if self._gate.shut or (self._receiving is not None and not self._held):
            return limits.body_seconds
        if self._over:
            return LINGER_SECONDS
        if self._active is not None:
            return inf
        return limits.head_seconds if self._heading else limits.idle_seconds

    def expire(self) -> None:
        """The client has kept us waiting for too long."""
        self.stirred = True
        if self._over or self._gate.shut:
            self._hurry()
        elif self._receiving is not None or self._heading:
            self._fail(plain(408, "The request took too long"))
        else:
            self._close()

    def _hurry(self) -> None:
        """Wait on for a client that takes what was sent, however slowly, and for no other."""
        left = self._transport.get_write_buffer_size() if self._transport is not None else 0
        if 0 < left < self._left:
            self._left = left
        else:
            self.abort()

    def shut(self) -> None:
        """Close as soon as what is under way is done."""
        if self._active is None and self._receiving is None and not self._over:
            self._close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


def _wants_websocket(request: Request) -> bool:
    return (
        request.method == "GET"
        and request.headers.get("upgrade").lower() == "websocket"
        and body_length(request.headers) == 0
    )


def _framing_alone(length: int | None) -> bytes:
    """A head that says nothing but how the body ends."""
    framing = "transfer-encoding: chunked" if length is None else f"content-length: {length}"
    return f"POST / HTTP/1.1\r\n{framing}\r\n\r\n".encode()
