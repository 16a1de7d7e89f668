"""WebSockets (RFC 6455) over HTTP/1.1. Left out: extensions, among them compression, and WebSockets over HTTP/2."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Iterable
from math import inf
from typing import TYPE_CHECKING, Any

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, TextMessage
from wsproto.utilities import LocalProtocolError, generate_accept_token

from .exchange import log, plain
from .gate import Gate
from .head import field_lines, status_line
from .message import Request, Response

if TYPE_CHECKING:
    from .http import Server

CLOSE_SECONDS = 5.0
"""How long the client may take to confirm that the WebSocket is closed."""


class WebSocketClosed(Exception):
    """The WebSocket is closed, with a code of RFC 6455, 7.4 (1006: the connection was lost without a word)."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


def handshake_refusal(request: Request) -> Response | None:
    """The answer to an opening handshake that is none (RFC 6455, 4.2.1)."""
    headers = request.headers
    if headers.get("sec-websocket-version") != "13":
        refusal = plain(426, "This server speaks version 13 of the WebSocket protocol")
        refusal.headers += [("sec-websocket-version", "13"), ("upgrade", "websocket")]
        return refusal
    if len(headers.get("sec-websocket-key")) != 24:
        return plain(400, "Sec-WebSocket-Key is not 16 bytes in base64")
    return None


class WebSocket(asyncio.Protocol):
    """One WebSocket, as `Application.upgrade` is handed it. Pings are answered, and fragments joined, unseen.

    First `accept` or `reject`, then `receive` and `send`. When what `upgrade` returned has run, the WebSocket is
    closed; it need not catch WebSocketClosed.
    """

    def __init__(self, server: Server, request: Request) -> None:
        self.request = request
        self.stirred = True
        self._server = server
        self._wire = Connection(ConnectionType.SERVER)
        self._transport: asyncio.Transport | None = None
        self._life: asyncio.Future[None] | None = None
        self._gate = Gate()
        self._accepted = False
        self._answered = False
        self._closed: WebSocketClosed | None = None
        self._messages: deque[str | bytes] = deque()
        self._unread = 0
        self._held = False
        self._arrival: asyncio.Future[None] | None = None
        self._fragments: list[Any] = []
        self._fragment_bytes = 0

    # For the application

    @property
    def subprotocols(self) -> list[str]:
        """What the client offers to speak, in its order of preference."""
        offered = ",".join(self.request.headers.all("sec-websocket-protocol"))
        return [name.strip() for name in offered.split(",") if name.strip()]

    async def accept(self, subprotocol: str | None = None, headers: Iterable[tuple[str, str]] = ()) -> None:
        """Complete the opening handshake."""
        if self._answered:
            raise RuntimeError("a WebSocket is accepted or rejected once")
        token = generate_accept_token(self.request.headers.get("sec-websocket-key").encode("latin-1")).decode()
        fields = [("upgrade", "websocket"), ("connection", "Upgrade"), ("sec-websocket-accept", token), *headers]
        if subprotocol is not None:
            fields.append(("sec-websocket-protocol", subprotocol))
        self._write(_head("HTTP/1.1 101 Switching Protocols\r\n", fields))
        self._answered = self._accepted = True
        self._balance()
        self._listen()

    async def reject(self, response: Response) -> None:
        """Answer the opening handshake with an ordinary response, whose body is bytes, and close."""
        if self._answered or not isinstance(response.body, bytes):
            raise RuntimeError("a WebSocket is accepted or rejected once, and rejected with bytes")
        fields = [*response.headers, ("content-length", str(len(response.body))), ("connection", "close")]
        self._write(_head(status_line(response.status), fields) + response.body)
        self._answered = True
        self._end(WebSocketClosed(1006, "rejected"))
        if self._transport is not None:
            self._transport.close()

    async def receive(self) -> str | bytes:
        """The next message. WebSocketClosed when there will be none."""
        while not self._messages:
            if self._closed is not None:
                raise self._closed
            self._arrival = asyncio.get_running_loop().create_future()
            await self._arrival
        message = self._messages.popleft()
        self._unread -= len(message)
        self._balance()
        return message

    async def send(self, message: str | bytes) -> None:
        """Send a message; returns when the client takes more. WebSocketClosed if it is closed."""
        event: Event = TextMessage(message) if isinstance(message, str) else BytesMessage(message)
        self._say(event)
        await self._gate.passed()

    async def ping(self, payload: bytes = b"") -> None:
        self._say(Ping(payload))

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Say that there will be no more. Closing what is closed is fine."""
        if self._accepted and self._closed is None and self._wire.state is ConnectionState.OPEN:
            self._write(self._wire.send(CloseConnection(code, reason)))

    # The transport's callbacks

    def take_over(self, transport: asyncio.Transport, life: Awaitable[None], received: bytes) -> None:
        """Begin on a connection whose HTTP/1.1 request asked for it."""
        self._transport = transport
        self._server.joined(self)
        self._life = asyncio.ensure_future(self._live(life))
        self._balance()
        self.data_received(received)

    def data_received(self, data: bytes) -> None:
        self.stirred = self._closed is None
        try:
            self._wire.receive_data(data)
        except LocalProtocolError:
            return  # something after the close
        if self._accepted:
            self._listen()

    def connection_lost(self, exception: Exception | None) -> None:
        self._server.left(self)
        self._transport = None
        self._gate.open()
        self.request.gone = True
        self._end(WebSocketClosed(1006, "the connection was lost"))

    def pause_writing(self) -> None:
        self.stirred = True
        self._gate.close()
        self._balance()

    def resume_writing(self) -> None:
        self._gate.open()
        self._balance()

    # The conversation

    async def _live(self, life: Awaitable[None]) -> None:
        code, refusal = 1000, plain(403, "The WebSocket was not accepted")
        try:
            await life
        except WebSocketClosed:
            pass
        except Exception:
            log.exception("the WebSocket at %s failed", self.request.path)
            code, refusal = 1011, plain(500, "Internal Server Error")
        if self._answered:
            await self.close(code)
        elif self._closed is None:
            await self.reject(refusal)
        self._messages.clear()
        self._unread = 0
        self._balance()

    def _listen(self) -> None:
        for event in self._wire.events():
            if isinstance(event, TextMessage | BytesMessage):
                self._gather(event.data, event.message_finished)
            elif isinstance(event, Ping):
                if self._wire.state is ConnectionState.OPEN:
                    self._write(self._wire.send(event.response()))
            elif isinstance(event, CloseConnection):
                self._close_with(event)

    def _gather(self, fragment: str | bytes | bytearray, last: bool) -> None:
        if self._closed is not None:
            return
        self._fragments.append(fragment)
        self._fragment_bytes += len(fragment)
        if self._fragment_bytes > self._server.limits.message_bytes:
            self._fragments.clear()
            self._close_with(CloseConnection(1009, "the message is too long"))
        elif last:
            fragments, self._fragments, self._fragment_bytes = self._fragments, [], 0
            message: str | bytes = ("" if isinstance(fragment, str) else b"").join(fragments)
            self._messages.append(message)
            self._unread += len(message)
            self._balance()
            self._wake()

    def _close_with(self, event: CloseConnection) -> None:
        """Answer the client's close; or tell it what it did wrong, and wait a little for its close."""
        wrong = self._wire.state is ConnectionState.OPEN
        if wrong or self._wire.state is ConnectionState.REMOTE_CLOSING:
            self._write(self._wire.send(event.response()))
        self._end(WebSocketClosed(event.code, event.reason or ""))
        if self._transport is not None and not wrong:
            self._transport.close()

    def _end(self, closed: WebSocketClosed) -> None:
        if self._closed is None:
            self._closed = closed
            self.stirred = True
        self._wake()

    def _say(self, event: Event) -> None:
        if self._closed is not None:
            raise self._closed
        if self._wire.state is not ConnectionState.OPEN:
            raise WebSocketClosed(1000)
        if not self._accepted:
            raise RuntimeError("a WebSocket is accepted before anything is sent")
        self._write(self._wire.send(event))

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _wake(self) -> None:
        arrival, self._arrival = self._arrival, None
        if arrival is not None and not arrival.done():
            arrival.set_result(None)

    def _balance(self) -> None:
        """Let the client wait while the application, or the client itself, has not taken what there is."""
        hold = self._gate.shut or not self._answered or self._unread > self._server.limits.unread_bytes
        if hold == self._held or self._transport is None or self._transport.is_closing():
            return
        self._held = hold
        if hold:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    # The server's orders

    @property
    def patience(self) -> float:
        if self._gate.shut:
            return self._server.limits.body_seconds
        closing = self._closed is not None or self._wire.state is not ConnectionState.OPEN
        return CLOSE_SECONDS if closing else inf

    def expire(self) -> None:
        self.abort()

    def shut(self) -> None:
        """Say that the server is going away."""
        if self._accepted and self._wire.state is ConnectionState.OPEN:
            self._write(self._wire.send(CloseConnection(1001, "the server is shutting down")))
        elif not self._accepted:
            self.abort()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


def _head(start: str, fields: list[tuple[str, str]]) -> bytes:
    return f"{start}{field_lines(fields)}\r\n".encode("latin-1")
