"""Bodies that are passed on as they come, both ways, and clients that go while something is under way."""

from __future__ import annotations

import asyncio
from typing import Any

from pileus.gateway.http import Server
from pileus.gateway.message import Response

from .listening import GET, Client, Scripted, listening, post, until

# Streams


@listening()
async def test_a_streamed_body_and_its_trailers(app: Scripted, server: Server) -> None:
    client = await Client.connect(server)
    client.send("PUT /stream-size HTTP/1.1\r\nHost: cloud\r\nTransfer-Encoding: chunked\r\n\r\n")
    await until(lambda: app.answered)  # before any of the body is there
    for _ in range(100):
        client.send(b"1000\r\n" + b"x" * 4096 + b"\r\n")
    client.send("0\r\nx-amz-checksum-sha256: abc\r\n\r\n")
    answer = await client.answer()
    assert (answer.body, answer["x-amz-checksum-sha256"]) == (b"409600", "abc")
    client.send(post("/stream-size", "0123456789") + post("/stream-size"))
    assert [(await client.answer()).body for _ in range(2)] == [b"10", b"0"]


@listening()
async def test_a_streamed_body_is_read_no_faster_than_the_application_reads(app: Scripted, server: Server) -> None:
    client = await Client.connect(server)
    size = 64 * 1024 * 1024
    client.send(f"PUT /stream-later HTTP/1.1\r\nHost: cloud\r\nContent-Length: {size}\r\n\r\n")
    client.send(b"x" * size)
    await until(lambda: app.answered)
    await asyncio.sleep(0.1)
    assert client.transport.get_write_buffer_size() > size / 2
    body: Any = app.answered[0].stream
    assert body.unread < 1024 * 1024
    received = 0
    async for piece in body:
        received += len(piece)
    app.replies[0](Response(200, [], str(received).encode()))
    assert (await client.answer()).body == str(size).encode()


@listening()
async def test_a_streamed_body_that_nobody_reads(app: Scripted, server: Server) -> None:
    client = await Client.connect(server)
    client.send(post("/stream-ignored", "x" * 100_000) + GET.format("/"))
    assert [(await client.answer()).body for _ in range(2)] == [b"ignored", b"hello"]
    client.send(f"PUT /stream-ignored HTTP/1.1\r\nHost: cloud\r\nContent-Length: {1 << 30}\r\n\r\n")
    answer = await client.answer()
    assert (answer.body, answer["connection"]) == (b"ignored", "close")
    assert await client.ended()


@listening()
async def test_streaming_both_ways_at_once(app: Scripted, server: Server) -> None:
    client = await Client.connect(server)
    client.send("POST /stream-echo HTTP/1.1\r\nHost: cloud\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert b"200 OK" in await client.reader.readuntil(b"\r\n\r\n")
    for _ in range(3):
        client.send("4\r\nping\r\n")
        assert await client.reader.readexactly(9) == b"4\r\nping\r\n"
    client.send("0\r\n\r\n")
    assert await client.reader.readexactly(5) == b"0\r\n\r\n"


@listening()
async def test_a_response_is_made_no_faster_than_the_client_reads(app: Scripted, server: Server) -> None:
    client = await Client.connect(server)
    client.transport.pause_reading()
    client.send(GET.format("/endless"))
    await until(lambda: len(app.events) > 2)
    await asyncio.sleep(0.1)
    made = len(app.events)
    await asyncio.sleep(0.1)
    assert len(app.events) == made < 1000
    client.transport.resume_reading()
    await until(lambda: len(app.events) > made + 100)
    client.transport.abort()
    await until(lambda: app.events[-1] == "closed")


@listening()
async def test_a_client_that_reads_nothing_is_not_read_from(app: Scripted, server: Server) -> None:
    app.given["/big"] = Response(200, [], b"x" * 1_000_000)
    client = await Client.connect(server)
    client.transport.pause_reading()
    client.send(GET.format("/big") * 500)
    await asyncio.sleep(0.2)
    assert len(app.answered) < 100
    client.transport.resume_reading()
    for _ in range(500):
        assert len((await client.answer()).body) == 1_000_000


@listening(body_seconds=0.1)
async def test_a_client_that_reads_nothing_for_too_long_is_cut_off(app: Scripted, server: Server) -> None:
    client = await Client.connect(server)
    client.transport.pause_reading()
    client.send(GET.format("/endless"))
    await until(lambda: "closed" in app.events)


# Clients that go


@listening()
async def test_a_client_that_goes_is_reported_and_the_reply_goes_nowhere(app: Scripted, server: Server) -> None:
    for leave in ("close", "abort"):
        client = await Client.connect(server)
        client.send(GET.format("/poll"))
        await until(lambda: app.replies)
        getattr(client.transport, leave)()
        await until(lambda: app.events == ["gone"])
        assert app.answered[-1].gone
        app.replies.pop()(Response(200, [], b"too late"))
        app.events.clear()
    await until(lambda: not server.connections)


@listening()
async def test_a_body_is_asked_for_before_the_response_that_is_made_of_it(app: Scripted, server: Server) -> None:
    client = await Client.connect(server)
    client.send("POST /stream-echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
    assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.send("hello")
    answer = await client.answer()
    assert (answer.status, answer.body) == (200, b"hello")


@listening()
async def test_a_client_that_only_stops_sending_is_answered(app: Scripted, server: Server) -> None:
    client = await Client.connect(server)
    client.send(GET.format("/late") + GET.format("/"))
    client.writer.write_eof()
    await until(lambda: app.replies and app.answered[0].gone)
    app.replies[0](Response(200, [], b"late"))
    assert [(await client.answer()).body for _ in range(2)] == [b"late", b"hello"]
    assert await client.ended()


@listening()
async def test_a_client_that_goes_ends_the_making_of_its_response(app: Scripted, server: Server) -> None:
    client = await Client.connect(server)
    client.send(GET.format("/silence"))
    await client.reader.readuntil(b"first")
    client.transport.abort()
    await until(lambda: app.events == ["closed"])


@listening()
async def test_a_client_that_goes_in_the_middle_of_its_body(app: Scripted, server: Server) -> None:
    for path in ("/stream-size", "/echo"):
        client = await Client.connect(server)
        client.send(f"PUT {path} HTTP/1.1\r\nHost: cloud\r\nContent-Length: 10\r\n\r\nabc")
        await until(lambda path=path: app.accepted and app.accepted[-1].path == path)
        client.writer.write_eof()
        assert await client.ended()
    await until(lambda: app.events == ["ConnectionResetError after 3"])
    assert [request.path for request in app.answered] == ["/stream-size"]
