"""The Runtime API and the Extensions API: how what runs in an environment talks to Lambda.

Each environment has a port of its own on the loopback interface, where only its own user gets in. Developer Guide,
"Using the Lambda runtime API for custom runtimes" and "Using the Lambda Extensions API".
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

import httptools

from pileus.engines.sandbox.peers import user_of

OK = b'{"status":"OK"}\n'
REASONS = {200: "OK", 202: "Accepted", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 413: "Payload Too Large"}


class Reply:
    """The one answer to a request, now or later."""

    __slots__ = ("_connection", "done")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.done = False

    def __call__(self, status: int, body: bytes = b"", headers: list[tuple[str, str]] = []) -> None:
        if not self.done:
            self.done = True
            self._connection.respond(status, body, headers)


class Handler(Protocol):
    """An environment, as its API sees it."""

    def handle(self, method: str, path: str, headers: dict[str, str], body: bytes, reply: Reply) -> None:
        """Answer a request that has arrived whole."""

    def admits(self, user: int | None) -> bool:
        """Whether a connection of that user is its own."""

    def stream(self, path: str, headers: dict[str, str]) -> Callable[[bytes], None] | None:
        """Where the pieces of a response go that is streamed; None for one that is not."""


class Connection(asyncio.Protocol):
    """A connection of a runtime or an extension. Requests that are sent ahead are answered in their order."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.parser: Any = httptools.HttpRequestParser(self)
        self.transport: asyncio.Transport
        self.waiting: list[tuple[str, str, dict[str, str], bytes]] = []
        self.answering = False
        self._reset()

    def _reset(self) -> None:
        self.url = b""
        self.headers: dict[str, str] = {}
        self.body: list[bytes] = []
        self.sink: Callable[[bytes], None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport = cast("asyncio.Transport", transport)  # uvloop's is no instance of it
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not self.handler.admits(None) and not self.handler.admits(user_of(*ends(transport))):
            transport.abort()

    def data_received(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.transport.close()

    # What the parser finds

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        if self.headers.get("expect", "").lower() == "100-continue":
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self.headers.get("lambda-runtime-function-response-mode") == "streaming":
            self.sink = self.handler.stream(urlsplit(self.url).path.decode(), self.headers)

    def on_body(self, piece: bytes) -> None:
        if self.sink:
            self.sink(piece)
        else:
            self.body.append(piece)

    def on_message_complete(self) -> None:
        method = self.parser.get_method().decode()
        path = urlsplit(self.url).path.decode()
        self.waiting.append((method, path, self.headers, b"".join(self.body)))
        self._reset()
        self._next()

    # Answers

    def _next(self) -> None:
        if self.waiting and not self.answering:
            self.answering = True
            method, path, headers, body = self.waiting.pop(0)
            self.handler.handle(method, path, headers, body, Reply(self))

    def respond(self, status: int, body: bytes, headers: list[tuple[str, str]]) -> None:
        lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Error')}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers]
        if not any(name == "Content-Type" for name, _ in headers):
            lines.append("Content-Type: application/json")
        if not self.transport.is_closing():
            self.transport.write("\r\n".join((*lines, "", "")).encode("latin-1", "replace") + body)
        self.answering = False
        self._next()


def ends(transport: asyncio.Transport) -> tuple[tuple[str, int], tuple[str, int]]:
    return transport.get_extra_info("sockname"), transport.get_extra_info("peername")


async def listen(handler: Handler) -> tuple[asyncio.Server, str]:
    """Serve an environment; the server, and the address for AWS_LAMBDA_RUNTIME_API."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(handler), "127.0.0.1", 0, backlog=16)
    return server, f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
