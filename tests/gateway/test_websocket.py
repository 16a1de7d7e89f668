"""WebSockets as RFC 6455 has them, against a wsproto client."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Message,
    Ping,
    Pong,
    RejectConnection,
    RejectData,
    TextMessage,
)
from wsproto.events import Request as Opening

from pileus.gateway.http import Server
from pileus.gateway.message import Response
from pileus.gateway.websocket import WebSocket, WebSocketClosed

from .listening import Client, Scripted, Test, listening, until


class WebSocketClient:
    def __init__(self, client: Client) -> None:
        self.client = client
        self.wire = WSConnection(ConnectionType.CLIENT)
        self.pending: list[Event] = []

    @classmethod
    async def connect(cls, server: Server, path: str = "/socket", **options: Any) -> WebSocketClient:
        self = cls(await Client.connect(server))
        self.send(Opening(host="cloud", target=path, **options))
        return self

    def send(self, *events: Event) -> None:
        self.client.send(b"".join(self.wire.send(event) for event in events))

    async def next(self) -> Event:
        while not self.pending:
            data = await self.client.reader.read(65536)
            self.wire.receive_data(data or None)
            self.pending += self.wire.events()
        return self.pending.pop(0)

    async def message(self) -> Any:
        """The next message, its pieces joined."""
        parts = []
        while True:
            event = await self.next()
            assert isinstance(event, Message), event
            parts.append(event.data)
            if event.message_finished:
                return type(parts[0])().join(parts)


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    while True:
        await socket.send(await socket.receive())


def serving(life: Callable[[WebSocket], Awaitable[None]], **limits: Any) -> Callable[[Test], Any]:
    """As `listening`, with a WebSocket at /socket."""

    def decorate(test: Test) -> Any:
        async def prepared(app: Scripted, server: Server) -> None:
            app.upgrades["/socket"] = life
            await test(app, server)

        return listening(**limits)(prepared)

    return decorate


@serving(echo)
async def test_messages_both_ways(app: Scripted, server: Server) -> None:
    client = await WebSocketClient.connect(server)
    assert isinstance(await client.next(), AcceptConnection)
    for text in ("", "hello", "é" * 100_000):
        client.send(TextMessage(text))
        assert await client.message() == text
    client.send(BytesMessage(b"\x00\xff" * 500_000))
    assert await client.message() == b"\x00\xff" * 500_000
    [request] = app.accepted
    assert request.path == "/socket"


@serving(echo)
async def test_fragments_are_joined_and_pings_answered_in_between(app: Scripted, server: Server) -> None:
    client = await WebSocketClient.connect(server)
    await client.next()
    client.send(TextMessage("one ", message_finished=False), Ping(b"there?"))
    assert await client.next() == Pong(b"there?")
    client.send(TextMessage("two ", message_finished=False), TextMessage("three"), BytesMessage(b"four"))
    assert await client.message() == "one two three"
    assert await client.message() == b"four"


@serving(echo)
async def test_messages_sent_before_the_handshake_is_done(app: Scripted, server: Server) -> None:
    client = await Client.connect(server)
    client.send(
        b"GET /socket HTTP/1.1\r\nHost: cloud\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        b"\x81\x82\x00\x00\x00\x00hi"
    )
    answer = await client.answer()
    assert (answer.status, answer["upgrade"], answer["connection"]) == (101, "websocket", "Upgrade")
    assert answer["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455, 1.3
    assert await client.reader.readexactly(4) == b"\x81\x02hi"


async def polite(socket: WebSocket) -> None:
    await socket.accept("v2" if "v2" in socket.subprotocols else None, [("x-greeting", "hello")])
    await socket.ping(b"?")
    await socket.send("bye")
    await socket.close(4001, "enough")


@serving(polite)
async def test_the_server_closes(app: Scripted, server: Server) -> None:
    client = await WebSocketClient.connect(server, subprotocols=["v1", "v2"])
    accepted = await client.next()
    assert isinstance(accepted, AcceptConnection)
    assert (accepted.subprotocol, accepted.extra_headers) == ("v2", [(b"x-greeting", b"hello")])
    assert await client.next() == Ping(b"?")
    assert await client.message() == "bye"
    closed = await client.next()
    assert closed == CloseConnection(4001, "enough")
    client.send(closed.response())
    assert await client.client.ended()
    await until(lambda: not server.connections)


def keeping(events: list[str]) -> Callable[[WebSocket], Awaitable[None]]:
    async def life(socket: WebSocket) -> None:
        await socket.accept()
        try:
            events.append(str(await socket.receive()))
            await socket.receive()
        except WebSocketClosed as closed:
            events.append(f"closed {closed.code} {closed.reason}".strip())
            with pytest.raises(WebSocketClosed):
                await socket.send("too late")
            await socket.close()

    return life


@listening()
async def test_the_client_closes_or_goes(app: Scripted, server: Server) -> None:
    events: list[str] = []
    app.upgrades["/socket"] = keeping(events)
    client = await WebSocketClient.connect(server)
    await client.next()
    client.send(TextMessage("last words"), CloseConnection(1001, "tab closed"))
    assert await client.next() == CloseConnection(1001, "tab closed")
    assert await client.client.ended()
    assert events == ["last words", "closed 1001 tab closed"]
    client = await WebSocketClient.connect(server)
    await client.next()
    client.client.transport.abort()
    await until(lambda: events[2:] == ["closed 1006 the connection was lost"])


async def refusing(socket: WebSocket) -> None:
    await socket.reject(Response(401, [("x-why", "because")], b"no"))


async def indifferent(socket: WebSocket) -> None:
    pass


async def failing(socket: WebSocket) -> None:
    raise LookupError("a bug")


@pytest.mark.parametrize(
    ("life", "status", "body"), [(refusing, 401, b"no"), (indifferent, 403, None), (failing, 500, None)]
)
def test_rejections(life: Any, status: int, body: bytes | None, caplog: pytest.LogCaptureFixture) -> None:
    @serving(life)
    async def asked(app: Scripted, server: Server) -> None:
        client = await WebSocketClient.connect(server)
        rejected = await client.next()
        assert isinstance(rejected, RejectConnection)
        assert rejected.status_code == status
        data = await client.next()
        assert isinstance(data, RejectData)
        assert body is None or data.data == body

    asked("uvloop")


def test_a_life_that_fails_closes_with_1011(caplog: pytest.LogCaptureFixture) -> None:
    async def life(socket: WebSocket) -> None:
        await socket.accept()
        raise LookupError("a bug")

    @serving(life)
    async def asked(app: Scripted, server: Server) -> None:
        client = await WebSocketClient.connect(server)
        await client.next()
        assert await client.next() == CloseConnection(1011, "")

    asked("uvloop")
    assert "the WebSocket at /socket failed" in caplog.text


@pytest.mark.parametrize(
    ("code", "frames"),
    [
        (1002, b"\x81\x02hi"),  # not masked
        (1002, b"\x83\x80\x00\x00\x00\x00"),  # an opcode that is none
        (1002, b"\x80\x80\x00\x00\x00\x00"),  # the continuation of nothing
        (1002, b"\x09\x80\x00\x00\x00\x00"),  # a ping in pieces
        (1007, b"\x81\x81\x00\x00\x00\x00\xff"),  # not UTF-8
        (1009, b"\x82\xfe\x10\x00\x00\x00\x00\x00" + b"x" * 4096),
    ],
)
def test_what_breaks_the_protocol_is_closed(code: int, frames: bytes) -> None:
    @serving(echo, message_bytes=1000)
    async def asked(app: Scripted, server: Server) -> None:
        client = await WebSocketClient.connect(server)
        await client.next()
        client.client.send(frames)
        closed = await client.next()
        assert isinstance(closed, CloseConnection)
        assert closed.code == code

    asked("uvloop")


HANDSHAKE = "GET /socket HTTP/1.1\r\nHost: cloud\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"


@serving(echo)
async def test_handshakes_that_are_none(app: Scripted, server: Server) -> None:
    client = await Client.connect(server)
    client.send(HANDSHAKE + "Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    answer = await client.answer()
    assert (answer.status, answer["sec-websocket-version"]) == (426, "13")
    client.send(HANDSHAKE + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n\r\n")
    assert (await client.answer()).status == 400
    client.send(HANDSHAKE.replace("/socket", "/refuse") + "Sec-WebSocket-Version: 13\r\n\r\n")
    assert (await client.answer()).status == 403
    key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    client.send(HANDSHAKE.replace("/socket", "/echo") + key)
    assert (await client.answer())["x-target"] == "/echo"  # there is no WebSocket: an ordinary request
    client.send(HANDSHAKE + key)
    assert (await client.answer()).status == 101


def slow(release: asyncio.Event, received: list[int]) -> Callable[[WebSocket], Awaitable[None]]:
    async def life(socket: WebSocket) -> None:
        await socket.accept()
        await release.wait()
        while True:
            received.append(len(await socket.receive()))

    return life


@listening()
async def test_messages_are_read_no_faster_than_the_application_takes_them(app: Scripted, server: Server) -> None:
    release = asyncio.Event()
    received: list[int] = []
    app.upgrades["/socket"] = slow(release, received)
    client = await WebSocketClient.connect(server)
    await client.next()
    for _ in range(300):
        client.send(BytesMessage(b"x" * 100_000))
    await asyncio.sleep(0.1)
    assert client.client.transport.get_write_buffer_size() > 10_000_000
    release.set()
    await until(lambda: len(received) == 300)


@listening()
async def test_messages_are_sent_no_faster_than_the_client_takes_them(app: Scripted, server: Server) -> None:
    sent = []

    async def life(socket: WebSocket) -> None:
        await socket.accept()
        for _ in range(300):
            await socket.send(b"x" * 100_000)
            sent.append(1)

    app.upgrades["/socket"] = life
    client = await WebSocketClient.connect(server)
    client.client.transport.pause_reading()
    await until(lambda: sent)
    await asyncio.sleep(0.05)
    assert len(sent) < 150
    client.client.transport.resume_reading()
    await client.next()
    for _ in range(300):
        assert len(await client.message()) == 100_000


@serving(echo)
async def test_closing_the_server_closes_websockets(app: Scripted, server: Server) -> None:
    client = await WebSocketClient.connect(server)
    await client.next()
    closing = asyncio.ensure_future(server.close(5))
    closed = await client.next()
    assert isinstance(closed, CloseConnection)
    assert closed.code == 1001
    client.send(closed.response())
    await closing
