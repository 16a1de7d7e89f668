"""What the listener does not take: too much, too slow, malformed, or smuggled."""

from __future__ import annotations

import asyncio

import pytest

from pileus.gateway.http import Server
from pileus.gateway.message import Response

from .listening import GET, Client, Scripted, ask, listening, post, until

# Limits


@pytest.mark.parametrize(
    ("status", "request_bytes"),
    [
        (414, f"GET /{'x' * 20_000} HTTP/1.1\r\nHost: cloud\r\n\r\n"),
        (414, f"GET /{'x' * 20_000}"),
        (431, f"GET / HTTP/1.1\r\nHost: cloud\r\nX: {'x' * 70_000}\r\n\r\n"),
        (431, f"GET / HTTP/1.1\r\nHost: cloud\r\nX: {'x' * 70_000}"),
        (431, f"GET / HTTP/1.1\r\nHost: cloud\r\n{'X: y' * 70_000}"),
        (431, "GET / HTTP/1.1\r\nHost: cloud\r\n" + "X: y\r\n" * 300 + "\r\n"),
        (431, f"{GET.format('/')}GET / HTTP/1.1\r\nHost: cloud\r\nX: {'x' * 70_000}\r\n\r\n"),
        (431, f"POST / HTTP/1.1\r\nHost: cloud\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: {'x' * 200_000}"),
        (431, f"POST / HTTP/1.1\r\nHost: cloud\r\nTransfer-Encoding: chunked\r\n\r\n3;{'x' * 200_000}"),
        (413, "POST / HTTP/1.1\r\nHost: cloud\r\nContent-Length: 1000001\r\n\r\n"),
        (413, "POST / HTTP/1.1\r\nHost: cloud\r\nTransfer-Encoding: chunked\r\n\r\nF4241\r\n" + "x" * 1_000_001),
    ],
)
def test_limits(status: int, request_bytes: str) -> None:
    @listening(body_bytes=1_000_000)
    async def asked(app: Scripted, server: Server) -> None:
        client = await Client.connect(server)
        client.send(request_bytes)
        answer = await client.answer()
        if request_bytes.startswith(GET.format("/")):
            answer = await client.answer()
        assert (answer.status, answer["connection"]) == (status, "close")
        assert await client.ended()

    asked("asyncio")
    asked("uvloop")


@listening(head_bytes=1000)
async def test_what_came_before_a_head_is_no_part_of_it(app: Scripted, server: Server) -> None:
    client = await Client.connect(server)
    head = GET.format("/echo")
    client.send(post("/echo", "x" * 5000) + head[:20])
    await client.answer()
    client.send(head[20:] + post("/echo", "x" * 5000) + post("/echo", "x")[:-1])  # whose body comes later
    assert [(await client.answer()).status for _ in range(2)] == [200, 200]
    client.send("x")
    assert (await client.answer()).body == b"x"


@listening(body_bytes=10)
async def test_a_streamed_body_has_no_limit(app: Scripted, server: Server) -> None:
    assert (await ask(server, post("/stream-size", "x" * 1000))).body == b"1000"
    assert (await ask(server, post("/echo", "x" * 10))).status == 200


@listening(head_seconds=0.1, idle_seconds=0.1, body_seconds=0.1)
async def test_time_limits(app: Scripted, server: Server) -> None:
    silent, idle, heading, sending = [await Client.connect(server) for _ in range(4)]
    idle.send(GET.format("/"))
    assert (await idle.answer()).status == 200
    heading.send("GET / HTTP/1.1\r\nHost:")
    sending.send("POST / HTTP/1.1\r\nHost: cloud\r\nContent-Length: 2\r\n\r\nx")
    streaming = await Client.connect(server)
    streaming.send("POST /stream-size HTTP/1.1\r\nHost: cloud\r\nContent-Length: 2\r\n\r\nx")
    waiting, ignoring = await Client.connect(server), await Client.connect(server)
    waiting.send(GET.format("/late"))
    await until(lambda: app.replies)
    ignoring.send("POST /stream-later HTTP/1.1\r\nHost: cloud\r\nContent-Length: 2\r\n\r\n")
    for client in (heading, sending, streaming, ignoring):
        assert (await client.answer()).status == 408
        assert await client.ended()
    assert await silent.ended()
    assert await idle.ended()
    assert app.events == ["ConnectionAbortedError after 1"]
    app.replies[1](Response(200, [], b"too late"))
    app.replies[0](Response(200, [], b"worth the wait"))
    assert (await waiting.answer()).body == b"worth the wait"


@listening(head_seconds=0.1)
async def test_a_head_that_drips_is_not_waited_for(app: Scripted, server: Server) -> None:
    client = await Client.connect(server)
    for byte in (GET.format("/") * 1)[:-1]:
        client.send(byte)
        await asyncio.sleep(0.01)
    assert (await client.answer()).status == 408


# Malformed requests


SMUGGLED = "\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: cloud\r\n\r\n"
POST = "POST / HTTP/1.1\r\nHost: cloud\r\n"


@pytest.mark.parametrize(
    ("status", "data"),
    [
        (400, f"{POST}Content-Length: 5\r\nTransfer-Encoding: chunked{SMUGGLED}"),
        (400, f"{POST}Transfer-Encoding: chunked\r\nContent-Length: 5{SMUGGLED}"),
        (400, f"{POST}Content-Length: 5\r\nContent-Length: 6{SMUGGLED}"),
        (400, f"{POST}Content-Length: 5, 6{SMUGGLED}"),
        (400, f"{POST}Content-Length: +5{SMUGGLED}"),
        (400, f"{POST}Content-Length: -5{SMUGGLED}"),
        (400, f"{POST}Content-Length: 0x5{SMUGGLED}"),
        (400, f"{POST}Content-Length: 99999999999999999999999{SMUGGLED}"),
        (400, f"{POST}Content-Length:{SMUGGLED}"),
        (501, f"{POST}Transfer-Encoding: gzip, chunked{SMUGGLED}"),
        (501, f"{POST}Transfer-Encoding: xchunked{SMUGGLED}"),
        (501, f"{POST}Transfer-Encoding: identity{SMUGGLED}"),
        (400, f"{POST}Transfer-Encoding: chunked, identity{SMUGGLED}"),
        (400, f"{POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked{SMUGGLED}"),
        (400, f"{POST}Transfer-Encoding : chunked{SMUGGLED}"),
        (400, f"{POST}Transfer-Encoding:\x0bchunked{SMUGGLED}"),
        (400, f"{POST}X: a\r\n Transfer-Encoding: chunked{SMUGGLED}"),
        (400, f"{POST}Transfer-Encoding: chunked\r\n\r\nxyz{SMUGGLED}"),
        (400, f"{POST}Transfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n{SMUGGLED}"),
        (400, f"{POST}Transfer-Encoding: chunked\r\n\r\n-1{SMUGGLED}"),
        (400, f"{POST}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff1{SMUGGLED}"),
        (400, f"POST / HTTP/1.0\r\nTransfer-Encoding: chunked{SMUGGLED}"),
        (400, f"{POST}X: a\x00b{SMUGGLED}"),
        (400, f"{POST}X: a\rb{SMUGGLED}"),
        (400, f"{POST}X: a\x7fb{SMUGGLED}"),
        (400, f"{POST}X y: a{SMUGGLED}"),
        (400, f"{POST}X\xe9: a{SMUGGLED}"),
        (400, f"{POST}: a{SMUGGLED}"),
        (400, f"{POST}Host: other{SMUGGLED}"),
        (400, f"{POST}Host: cloud{SMUGGLED}"),
        (400, f"POST / HTTP/1.1\r\nHost: a/b{SMUGGLED}"),
        (400, f"POST / HTTP/1.1\r\nHost: a@b{SMUGGLED}"),
        (400, "POST / HTTP/1.1\r\n\r\n"),
        (400, "GET /a b HTTP/1.1\r\nHost: cloud\r\n\r\n"),
        (400, "GET /\xe9 HTTP/1.1\r\nHost: cloud\r\n\r\n"),
        (400, "GET a HTTP/1.1\r\nHost: cloud\r\n\r\n"),
        (400, "GET ftp://cloud/ HTTP/1.1\r\nHost: cloud\r\n\r\n"),
        (400, "GET http://user@cloud/ HTTP/1.1\r\nHost: cloud\r\n\r\n"),
        (400, "CONNECT cloud:443 HTTP/1.1\r\nHost: cloud\r\n\r\n"),
        (400, "FETCH / HTTP/1.1\r\nHost: cloud\r\n\r\n"),
        (400, "GET / HTTP/1.1\nHost: cloud\n\n"),
        (400, "GET / HTTP/1.9\r\nHost: cloud\r\n\r\n"),
        (505, "GET / HTTP/2.0\r\nHost: cloud\r\n\r\n"),
        (505, "GET /\r\n\r\n"),
        (400, "hello\r\n\r\n"),
        (400, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
        (400, "\x00"),
    ],
)
def test_what_is_malformed_or_smuggled_is_refused(status: int, data: str) -> None:
    @listening()
    async def asked(app: Scripted, server: Server) -> None:
        client = await Client.connect(server)
        client.send(data)
        answer = await client.answer()
        assert (answer.status, answer["connection"], answer["content-type"]) == (
            status,
            "close",
            "text/plain; charset=utf-8",
        )
        assert answer.body.endswith(b"\n")
        assert await client.ended()
        assert app.answered == []
        assert (await ask(server, GET.format("/"))).status == 200

    asked("uvloop")


@listening()
async def test_what_came_before_a_malformed_request_is_answered_first(app: Scripted, server: Server) -> None:
    client = await Client.connect(server)
    client.send(GET.format("/late") + GET.format("/") + "rubbish\r\n\r\n")
    await until(lambda: app.replies)
    app.replies[0](Response(200, [], b"late"))
    assert [(await client.answer()).status for _ in range(3)] == [200, 200, 400]
    assert await client.ended()


@listening()
async def test_a_body_that_breaks_in_the_middle(app: Scripted, server: Server) -> None:
    client = await Client.connect(server)
    head = "POST /stream-size HTTP/1.1\r\nHost: cloud\r\nTransfer-Encoding: chunked\r\n\r\n"
    client.send(head + "3\r\nabc\r\nrubbish")
    assert (await client.answer()).status == 400
    await until(lambda: app.events == ["ConnectionAbortedError after 3"])
