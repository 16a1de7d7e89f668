"""A real server on a free port, an application that does as its paths say, and a client that speaks plain bytes."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, cast

import pytest
import uvloop

from pileus.gateway.http import Limits, Server
from pileus.gateway.message import Request, Response

LOOPS = {"asyncio": asyncio.run, "uvloop": uvloop.run}

GET = "GET {} HTTP/1.1\r\nHost: cloud\r\n\r\n"

Test = Callable[["Scripted", Server], Coroutine[Any, Any, None]]


def post(path: str, body: str = "", *fields: str) -> str:
    lines = [f"POST {path} HTTP/1.1", "Host: cloud", f"Content-Length: {len(body)}", *fields]
    return "\r\n".join(lines) + "\r\n\r\n" + body


def listening(*, certificates: Any = None, tls_port: int | None = None, **limits: Any) -> Callable[[Test], Any]:
    """Run an async test with an application and its server, on both event loops."""

    def decorate(test: Test) -> Any:
        async def scenario() -> None:
            app = Scripted()
            made = certificates() if certificates is not None else None
            server = await Server.start(app, port=0, limits=Limits(**limits), certificates=made, tls_port=tls_port)
            try:
                await asyncio.wait_for(test(app, server), 20)
            finally:
                await server.close(0.05)
                for writer in app.clients:
                    writer.close()

        @pytest.mark.parametrize("loop", LOOPS)
        @functools.wraps(test)
        def run(loop: str) -> None:
            LOOPS[loop](scenario())

        del run.__wrapped__
        return run

    return decorate


class Scripted:
    """Keeps the requests it saw; what it does with one is told by the path."""

    def __init__(self) -> None:
        self.accepted: list[Request] = []
        self.answered: list[Request] = []
        self.replies: list[Callable[[Response], None]] = []
        """Of requests to /late, for the test to call."""
        self.events: list[str] = []
        self.upgrades: dict[str, Callable[[Any], Awaitable[None]]] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.clients: list[asyncio.StreamWriter] = []
        """Connections of the test, closed when it ends."""
        self.given: dict[str, Response] = {}
        """Responses by path, for whatever a test wants said."""

    def accept(self, request: Request) -> Response | None:
        self.accepted.append(request)
        if request.path == "/refuse":
            return Response(403, [("content-type", "text/plain")], b"no")
        if request.path == "/refuse-badly":
            raise LookupError("a bug")
        request.streamed = request.path.startswith("/stream")
        return None

    def answer(self, request: Request, reply: Callable[[Response], None]) -> None:
        self.answered.append(request)
        action = getattr(self, request.path.strip("/").replace("-", "_") or "hello", None)
        if request.path in self.given:
            reply(self.given[request.path])
        elif action is not None:
            action(request, reply)
        else:
            self.hello(request, reply)

    def upgrade(self, request: Request, socket: Any) -> Awaitable[None] | None:
        return self.upgrades[request.path](socket) if request.path in self.upgrades else None

    def hello(self, request: Request, reply: Callable[[Response], None]) -> None:
        reply(Response(200, [("content-type", "text/plain")], b"hello"))

    def echo(self, request: Request, reply: Callable[[Response], None]) -> None:
        reply(Response(200, [("x-method", request.method), ("x-target", request.target)], request.body))

    def late(self, request: Request, reply: Callable[[Response], None]) -> None:
        self.replies.append(reply)

    def poll(self, request: Request, reply: Callable[[Response], None]) -> None:
        """As `late`, and wants to know when the client goes."""
        request.on_gone = lambda: self.events.append("gone")
        self.replies.append(reply)

    def boom(self, request: Request, reply: Callable[[Response], None]) -> None:
        raise LookupError("a bug")

    def twice(self, request: Request, reply: Callable[[Response], None]) -> None:
        reply(Response(200, [], b"once"))
        reply(Response(200, [], b"twice"))

    def stream_size(self, request: Request, reply: Callable[[Response], None]) -> None:
        """Read the whole stream, and tell its size and trailers."""

        async def read() -> None:
            size = 0
            assert request.stream is not None
            try:
                async for piece in request.stream:
                    size += len(piece)
            except ConnectionError as error:
                self.events.append(f"{type(error).__name__} after {size}")
                return
            reply(Response(200, request.stream.trailers.fields, str(size).encode()))

        self.start(read())

    def stream_ignored(self, request: Request, reply: Callable[[Response], None]) -> None:
        reply(Response(200, [], b"ignored"))

    def stream_later(self, request: Request, reply: Callable[[Response], None]) -> None:
        """Leave the stream unread for the test to read."""
        self.replies.append(reply)

    def stream_echo(self, request: Request, reply: Callable[[Response], None]) -> None:
        assert request.stream is not None
        reply(Response(200, [], aiter(request.stream)))

    def count(self, request: Request, reply: Callable[[Response], None]) -> None:
        reply(Response(200, [], self.pieces([b"one ", b"", b"two ", b"three"])))

    def count_13(self, request: Request, reply: Callable[[Response], None]) -> None:
        reply(Response(200, [("Content-Length", "13")], self.pieces([b"one ", b"two ", b"three"])))

    def count_99(self, request: Request, reply: Callable[[Response], None]) -> None:
        reply(Response(200, [("Content-Length", "99")], self.pieces([b"one"])))

    def count_1(self, request: Request, reply: Callable[[Response], None]) -> None:
        reply(Response(200, [("Content-Length", "1")], self.pieces([b"one"])))

    def break_off(self, request: Request, reply: Callable[[Response], None]) -> None:
        async def broken() -> AsyncIterator[bytes]:
            yield b"some"
            raise LookupError("a bug")

        reply(Response(200, [], broken()))

    def endless(self, request: Request, reply: Callable[[Response], None]) -> None:
        async def forever() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"x" * 65536
                    self.events.append("piece")
            finally:
                self.events.append("closed")

        reply(Response(200, [], forever()))

    def silence(self, request: Request, reply: Callable[[Response], None]) -> None:
        async def forever() -> AsyncIterator[bytes]:
            try:
                yield b"first"
                await asyncio.Event().wait()
            finally:
                self.events.append("closed")

        reply(Response(200, [], forever()))

    async def pieces(self, pieces: list[bytes]) -> AsyncIterator[bytes]:
        for piece in pieces:
            await asyncio.sleep(0)
            yield piece

    def start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


class Answer:
    def __init__(self, status: int, fields: list[tuple[str, str]], body: bytes) -> None:
        self.status = status
        self.fields = fields
        self.body = body

    def __getitem__(self, name: str) -> str | None:
        values = [value for field, value in self.fields if field.lower() == name]
        assert len(values) < 2, f"{name} is repeated"
        return values[0] if values else None


class Client:
    """One connection. `answer` reads one response, by its framing."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, server: Server, **options: Any) -> Client:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1 << 24, **options)
        if isinstance(server.application, Scripted):
            server.application.clients.append(writer)
        return cls(reader, writer)

    def send(self, data: str | bytes) -> None:
        self.writer.write(data.encode("latin-1") if isinstance(data, str) else data)

    @property
    def transport(self) -> asyncio.Transport:
        return cast(asyncio.Transport, self.writer.transport)

    async def answer(self, method: str = "GET") -> Answer:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        start, *lines = head[:-4].split("\r\n")
        version, status, _ = start.split(" ", 2)
        assert version == "HTTP/1.1"
        fields = [(name, value) for name, _, value in (line.partition(": ") for line in lines)]
        answer = Answer(int(status), fields, b"")
        if answer.status >= 200 and answer.status not in (204, 304) and method != "HEAD":
            answer.body = await self._body(answer)
        return answer

    async def _body(self, answer: Answer) -> bytes:
        length = answer["content-length"]
        if length is not None:
            return await self.reader.readexactly(int(length))
        if answer["transfer-encoding"] is None:
            return await self.reader.read()
        body = b""
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            body += await self.reader.readexactly(size)
            assert await self.reader.readexactly(2) == b"\r\n"
        assert await self.reader.readexactly(2) == b"\r\n"
        return body

    async def ended(self) -> bool:
        """Whether the server closes the connection without another byte."""
        try:
            return await self.reader.read() == b""
        except ConnectionError:
            return True

    def close(self) -> None:
        self.writer.close()


async def ask(server: Server, data: str | bytes, method: str = "GET") -> Answer:
    """One request on a connection of its own."""
    client = await Client.connect(server)
    client.send(data)
    try:
        return await client.answer(method)
    finally:
        client.close()


async def until(condition: Callable[..., object]) -> None:
    """Wait for what other tasks bring about."""
    for _ in range(2000):
        if condition():
            return
        await asyncio.sleep(0.002)
    raise AssertionError("it did not come to pass")
