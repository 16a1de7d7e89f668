"""The HTTP listener: HTTP/1.0, HTTP/1.1, HTTP/2 and WebSocket, plain and over TLS, all on one port."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from .exchange import log
from .head import Dateline
from .http1 import Http1
from .listener import PREFACE, TLS_HANDSHAKE, Listener, bind
from .message import Request, Response

if TYPE_CHECKING:
    from .http2 import Http2
    from .tls import Certificates
    from .websocket import WebSocket


class Application(Protocol):
    """What answers requests. Called on the loop's thread, straight from the socket's data: nothing here may block."""

    def accept(self, request: Request) -> Response | None:
        """Look at the head of a request before its body comes.

        A response refuses the request. None says go on, and only then is an `Expect: 100-continue` answered: at once,
        or when it is first read, of a body that is streamed. To have the body as it arrives, set `request.streamed`:
        `answer` is called at once and finds it in `request.stream`.
        """

    def answer(self, request: Request, reply: Callable[[Response], None]) -> None:
        """Answer the request by calling `reply` exactly once: now, or later on the loop's thread.

        A reply to a client that has gone does nothing. Whoever must know of that beforehand sets `request.on_gone`.
        """

    def upgrade(self, request: Request, socket: WebSocket) -> Awaitable[None] | None:
        """The life of a WebSocket, or None if there is none at this target: then `answer` is asked."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client may ask of the listener."""

    head_bytes: int = 64 * 1024
    head_fields: int = 256
    target_bytes: int = 16 * 1024
    body_bytes: int = 256 * 1024 * 1024
    """Of a body that is kept in memory; one that is passed on as it arrives has no limit here."""
    unread_bytes: int = 256 * 1024
    """Of a body that is passed on: what may have arrived without being read."""
    message_bytes: int = 16 * 1024 * 1024
    """Of a WebSocket message."""
    streams: int = 128
    """Requests at a time on one HTTP/2 connection."""
    head_seconds: float = 30.0
    idle_seconds: float = 120.0
    body_seconds: float = 60.0
    """Without a byte of a body, in either direction."""


class Connection(Protocol):
    """What the server asks of its connections."""

    stirred: bool
    """Something has happened since the server last looked."""

    @property
    def patience(self) -> float:
        """Seconds that a connection in this state may go without being stirred."""

    def expire(self) -> None: ...
    def shut(self) -> None: ...
    def abort(self) -> None: ...


class Server:
    """A running listener. `await Server.start(…)` binds and listens."""

    def __init__(self, application: Application, limits: Limits, certificates: Certificates | None) -> None:
        self.application = application
        self.limits = limits
        self.certificates = certificates
        self.date = Dateline()
        self.closing = False
        self.connections: dict[Connection, float] = {}
        """Each with the time at which it was last found stirred."""
        self.port = 0
        self.tls_port: int | None = None
        self._loop = asyncio.get_running_loop()
        self._listeners: list[Listener] = []
        self._opening: set[asyncio.Task[None]] = set()
        self._empty: asyncio.Future[None] | None = None
        self._sweeping: asyncio.TimerHandle | None = None

    @classmethod
    async def start(
        cls,
        application: Application,
        host: str = "127.0.0.1",
        port: int = 4566,
        *,
        limits: Limits | None = None,
        certificates: Certificates | None = None,
        tls_port: int | None = None,
    ) -> Server:
        """Listen on a port (0 is any free one); with certificates TLS is spoken there too, and alone on `tls_port`.

        OSError if a port is taken.
        """
        server = cls(application, limits or Limits(), certificates)
        bound = await bind(host, port)
        try:
            bound_for_tls = await bind(host, tls_port) if tls_port is not None else []
        except BaseException:
            for listening in bound:
                listening.close()
            raise
        server._listen(bound, bound_for_tls)
        return server

    async def close(self, grace_seconds: float = 5.0) -> None:
        """Accept no more, let what is under way finish within the grace, and close."""
        self._refuse()
        for connection in list(self.connections):
            connection.shut()
        await self._emptied(grace_seconds)
        for connection in list(self.connections):
            connection.abort()
        await self._emptied(1.0)
        if self._sweeping is not None:
            self._sweeping.cancel()

    @classmethod
    def at(cls, application: Application, bound: socket.socket, *, certificates: Certificates | None = None) -> Server:
        """Serve a socket that listens already."""
        server = cls(application, Limits(), certificates)
        server._listen([bound], [])
        return server

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        self._refuse()
        for connection in list(self.connections):
            connection.abort()
        if self._sweeping is not None:
            self._sweeping.cancel()

    def _refuse(self) -> None:
        """Accept no more."""
        self.closing = True
        while self._listeners:
            self._listeners.pop().close()
        for task in self._opening:
            task.cancel()

    # Connections

    def joined(self, connection: Connection) -> None:
        self.connections[connection] = self._loop.time()

    def left(self, connection: Connection) -> None:
        self.connections.pop(connection, None)
        if not self.connections and self._empty is not None and not self._empty.done():
            self._empty.set_result(None)

    async def _emptied(self, seconds: float) -> None:
        if self.connections:
            self._empty = self._loop.create_future()
            await asyncio.wait((self._empty,), timeout=seconds)

    def _listen(self, bound: list[socket.socket], bound_for_tls: list[socket.socket]) -> None:
        patience = self.limits.head_seconds
        self._listeners = [Listener(listening, self._greet, patience) for listening in bound]
        self.port = self._listeners[0].port
        if bound_for_tls:
            secure = [Listener(listening, self._greet_securely, patience) for listening in bound_for_tls]
            self.tls_port = secure[0].port
            self._listeners += secure
        self._sweep()

    def _sweep(self) -> None:
        """Call upon the connections that have not stirred for too long. One timer for all: no request pays for it."""
        now = self._loop.time()
        for listener in self._listeners:
            listener.sweep(now)
        for connection, since in list(self.connections.items()):
            if connection.stirred:
                connection.stirred = False
                self.connections[connection] = now
            elif now - since > connection.patience:
                connection.expire()
        shortest = min(self.limits.head_seconds, self.limits.idle_seconds, self.limits.body_seconds)
        self._sweeping = self._loop.call_later(min(1.0, shortest / 4), self._sweep)

    def _greet(self, connection: socket.socket, first: bytes) -> None:
        if first.startswith(TLS_HANDSHAKE) and self.certificates is not None:
            self._greet_securely(connection, first)
        else:
            self._open(self._connect(connection, self._http2 if first == PREFACE else self._http1))

    def _greet_securely(self, connection: socket.socket, first: bytes) -> None:
        self._open(self._connect_securely(connection))

    def _open(self, connecting: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(connecting)
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _connect(self, connection: socket.socket, protocol: Callable[[], asyncio.Protocol]) -> None:
        try:
            await self._loop.connect_accepted_socket(protocol, connection)
        except OSError:
            connection.close()

    async def _connect_securely(self, connection: socket.socket) -> None:
        if self.certificates is None:
            connection.close()
            return
        try:
            context = self.certificates.ready or await self._loop.run_in_executor(None, self.certificates.context)
            await self._loop.connect_accepted_socket(
                lambda: Handshaken(self), connection, ssl=context, ssl_handshake_timeout=self.limits.head_seconds
            )
        except OSError as error:  # among them ssl.SSLError: a client that does not trust us
            log.debug("TLS handshake failed: %s", error)
            connection.close()
        except BaseException:
            connection.close()
            raise

    def _http1(self) -> Http1:
        return Http1(self)

    def _http2(self) -> Http2:
        from .http2 import Http2

        return Http2(self)

    def after_handshake(self, chosen: str | None) -> asyncio.Protocol:
        """The protocol that client and server agreed upon (ALPN, RFC 7301)."""
        return self._http2() if chosen == "h2" else self._http1()


class Handshaken(asyncio.Protocol):
    """A TLS connection until its handshake is done and tells which HTTP it carries."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        protocol = self._server.after_handshake(transport.get_extra_info("ssl_object").selected_alpn_protocol())
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
