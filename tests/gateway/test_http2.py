"""HTTP/2 as RFC 9113 has it, with prior knowledge, against an h2 client."""

from __future__ import annotations

import asyncio
import struct
from collections import defaultdict
from typing import Any, cast

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.settings
import pytest

from pileus.gateway.http import Server
from pileus.gateway.message import Response

from .listening import Answer, Client, Scripted, ask, listening, until


class Http2Client:
    """One connection; `run` keeps reading it. Data is acknowledged at once, unless a test says `greedy=False`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, greedy: bool = True) -> None:
        self.reader = reader
        self.writer = writer
        self.greedy = greedy
        self.transport = cast(asyncio.Transport, writer.transport)
        self.wire = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="latin-1"))
        self.events: dict[int, list[Any]] = defaultdict(list)
        self.goaway: h2.errors.ErrorCodes | None = None
        self.running: asyncio.Task[None] | None = None

    @classmethod
    async def connect(cls, server: Server, *, greedy: bool = True, **options: Any) -> Http2Client:
        plain = await Client.connect(server, **options)
        client = cls(plain.reader, plain.writer, greedy)
        client.wire.initiate_connection()
        client.flush()
        client.running = asyncio.ensure_future(client.run())
        return client

    async def run(self) -> None:
        while data := await self.reader.read(65536):
            for event in self.wire.receive_data(data):
                if isinstance(event, h2.events.ConnectionTerminated):
                    self.goaway = h2.errors.ErrorCodes(event.error_code or 0)
                    return
                if isinstance(event, h2.events.DataReceived) and self.greedy:
                    self.wire.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                self.events[getattr(event, "stream_id", 0) or 0].append(event)
            self.flush()

    def flush(self) -> None:
        self.writer.write(self.wire.data_to_send())

    def ask(self, path: str, *fields: tuple[str, str], method: str = "GET", end: bool = True) -> int:
        number = self.wire.get_next_available_stream_id()
        head = [(":method", method), (":path", path), (":scheme", "http"), (":authority", "cloud:4566"), *fields]
        self.wire.send_headers(
            number, [(name.encode(), value.encode("latin-1")) for name, value in head], end_stream=end
        )
        self.flush()
        return number

    async def send(self, number: int, data: bytes, end: bool = True) -> None:
        while data:
            await until(lambda: self.wire.local_flow_control_window(number) > 0)
            size = min(self.wire.local_flow_control_window(number), self.wire.max_outbound_frame_size)
            piece, data = data[:size], data[size:]
            self.wire.send_data(number, piece, end_stream=end and not data)
            self.flush()

    def seen(self, number: int, kind: type) -> list[Any]:
        return [event for event in self.events[number] if isinstance(event, kind)]

    async def answer(self, number: int) -> Answer:
        await until(lambda: self.seen(number, h2.events.StreamEnded) or self.seen(number, h2.events.StreamReset))
        assert self.seen(number, h2.events.StreamEnded), self.events[number]
        [head] = self.seen(number, h2.events.ResponseReceived)
        (status, code), *fields = [(name, value) for name, value in head.headers]
        assert status == ":status"
        return Answer(int(code), fields, b"".join(event.data for event in self.seen(number, h2.events.DataReceived)))


@listening()
async def test_a_request_and_its_answer(app: Scripted, server: Server) -> None:
    client = await Http2Client.connect(server)
    number = client.ask("/a%2Fb//c?x=%41", ("x-amz-meta-a", "\xe9"), ("cookie", "a=1"), ("cookie", "b=2"))
    answer = await client.answer(number)
    assert (answer.status, answer.body, answer["content-length"]) == (200, b"hello", "5")
    assert (answer["date"] or "").endswith(" GMT")
    [request] = app.answered
    assert (request.method, request.path, request.query) == ("GET", "/a%2Fb//c", "x=%41")
    assert (request.host, request.scheme, request.http_version) == ("cloud:4566", "http", "2")
    assert request.headers.fields == [("host", "cloud:4566"), ("x-amz-meta-a", "é"), ("cookie", "a=1; b=2")]


@listening()
async def test_streams_are_answered_as_they_are_done(app: Scripted, server: Server) -> None:
    client = await Http2Client.connect(server)
    late = client.ask("/late")
    numbers = [client.ask(f"/echo?{n}") for n in range(90)]
    for n, number in enumerate(numbers):
        assert (await client.answer(number))["x-target"] == f"/echo?{n}"
    app.replies[0](Response(200, [], b"late"))
    assert (await client.answer(late)).body == b"late"


@listening()
async def test_bodies_of_any_size_both_ways(app: Scripted, server: Server) -> None:
    client = await Http2Client.connect(server)
    for size in (1, 65_535, 3_000_000):
        number = client.ask("/echo", method="PUT", end=False)
        await client.send(number, b"x" * size)
        assert len((await client.answer(number)).body) == size


@listening()
async def test_trailers(app: Scripted, server: Server) -> None:
    client = await Http2Client.connect(server)
    for path in ("/stream-size", "/echo"):
        number = client.ask(path, method="PUT", end=False)
        await client.send(number, b"abc", end=False)
        client.wire.send_headers(number, [("x-amz-checksum-crc32", "AAAA==")], end_stream=True)
        client.flush()
        assert (await client.answer(number)).status == 200
    assert client.seen(1, h2.events.ResponseReceived)[0].headers[1] == ("x-amz-checksum-crc32", "AAAA==")
    assert app.answered[1].trailers.fields == [("x-amz-checksum-crc32", "AAAA==")]


@listening()
async def test_streamed_responses(app: Scripted, server: Server) -> None:
    client = await Http2Client.connect(server)
    assert (await client.answer(client.ask("/count"))).body == b"one two three"
    measured = await client.answer(client.ask("/count-13"))
    assert (measured.body, measured["content-length"]) == (b"one two three", "13")
    head = await client.answer(client.ask("/count-13", method="HEAD"))
    assert (head.body, head["content-length"]) == (b"", "13")


@listening()
async def test_streaming_both_ways_at_once(app: Scripted, server: Server) -> None:
    client = await Http2Client.connect(server)
    number = client.ask("/stream-echo", method="POST", end=False)
    for n in range(1, 4):
        await client.send(number, b"ping", end=False)
        await until(lambda n=n: len(client.seen(number, h2.events.DataReceived)) == n)
    client.wire.end_stream(number)
    client.flush()
    assert (await client.answer(number)).body == b"pingpingping"


@listening()
async def test_one_unread_body_holds_up_its_own_stream_only(app: Scripted, server: Server) -> None:
    client = await Http2Client.connect(server)
    stuck = client.ask("/stream-later", method="PUT", end=False)
    sending = asyncio.ensure_future(client.send(stuck, b"x" * 2_000_000))
    other = client.ask("/echo", method="PUT", end=False)
    await client.send(other, b"y" * 1_000_000)
    assert len((await client.answer(other)).body) == 1_000_000
    body: Any = app.answered[0].stream
    assert not sending.done()
    assert body.unread <= 256 * 1024
    size = 0
    async for piece in body:
        size += len(piece)
    app.replies[0](Response(200, [], str(size).encode()))
    assert (await client.answer(stuck)).body == b"2000000"


@listening()
async def test_one_unread_response_holds_up_its_own_stream_only(app: Scripted, server: Server) -> None:
    app.given["/big"] = Response(200, [], b"x" * 1_000_000)
    client = await Http2Client.connect(server, greedy=False)
    client.wire.increment_flow_control_window(1 << 24)
    client.flush()
    endless, big = client.ask("/endless"), client.ask("/big")
    await until(lambda: len(client.seen(endless, h2.events.DataReceived)) >= 4)
    assert (await client.answer(client.ask("/"))).body == b"hello"
    assert sum(len(event.data) for event in client.seen(big, h2.events.DataReceived)) == 65_535
    made = app.events.count("piece")
    await asyncio.sleep(0.02)
    assert app.events.count("piece") == made < 3
    client.wire.increment_flow_control_window(1 << 24, big)
    client.flush()
    assert len((await client.answer(big)).body) == 1_000_000


@listening()
async def test_a_stream_that_is_reset_is_forgotten(app: Scripted, server: Server) -> None:
    client = await Http2Client.connect(server)
    polling, silent = client.ask("/poll"), client.ask("/silence")
    streaming = client.ask("/stream-size", method="PUT", end=False)
    await client.send(streaming, b"abc", end=False)
    await until(lambda: len(app.answered) == 3 and client.seen(silent, h2.events.DataReceived))
    await asyncio.sleep(0.01)
    for number in (polling, silent, streaming):
        client.wire.reset_stream(number, h2.errors.ErrorCodes.CANCEL)
    client.flush()
    await until(lambda: sorted(app.events) == ["ConnectionResetError after 3", "closed", "gone"])
    app.replies[0](Response(200, [], b"too late"))
    assert (await client.answer(client.ask("/"))).body == b"hello"


@listening(unread_bytes=70_000, streams=2)
async def test_resets_do_not_leak_the_connections_window(app: Scripted, server: Server) -> None:
    client = await Http2Client.connect(server)
    for _ in range(8):
        number = client.ask("/stream-later", method="PUT", end=False)
        await client.send(number, b"x" * 60_000, end=False)
        await until(lambda: app.answered and app.answered[-1].stream and app.answered[-1].stream.unread == 60_000)  # type: ignore[attr-defined]
        client.wire.reset_stream(number)
        client.flush()
    number = client.ask("/echo", method="PUT", end=False)
    await client.send(number, b"x" * 200_000)
    assert len((await client.answer(number)).body) == 200_000


@listening()
async def test_a_client_that_goes_ends_all_its_streams(app: Scripted, server: Server) -> None:
    client = await Http2Client.connect(server)
    client.ask("/poll")
    client.ask("/silence")
    await until(lambda: len(app.answered) == 2)
    await asyncio.sleep(0.01)
    client.transport.abort()
    await until(lambda: sorted(app.events) == ["closed", "gone"])
    await until(lambda: not server.connections)


@listening()
async def test_a_client_that_takes_back_everything_is_told_to_calm_down(app: Scripted, server: Server) -> None:
    client = await Http2Client.connect(server)
    for _ in range(150):
        client.wire.reset_stream(client.ask("/poll"))
    client.flush()
    await until(lambda: client.goaway is h2.errors.ErrorCodes.ENHANCE_YOUR_CALM)
    assert app.answered == []  # a request that is taken back in the same breath is not even begun


@listening()
async def test_an_early_answer_stops_the_request(app: Scripted, server: Server) -> None:
    client = await Http2Client.connect(server)
    for path, status in (("/refuse", 403), ("/stream-ignored", 200)):
        number = client.ask(path, method="PUT", end=False)
        assert (await client.answer(number)).status == status
        await until(lambda number=number: client.seen(number, h2.events.StreamReset))
        assert client.seen(number, h2.events.StreamReset)[0].error_code == h2.errors.ErrorCodes.NO_ERROR


@listening()
async def test_a_body_is_asked_for_once_the_request_is_accepted(app: Scripted, server: Server) -> None:
    client = await Http2Client.connect(server)
    number = client.ask("/echo", ("expect", "100-continue"), method="PUT", end=False)
    await until(lambda: client.seen(number, h2.events.InformationalResponseReceived))
    await client.send(number, b"hello")
    assert (await client.answer(number)).body == b"hello"


@pytest.mark.parametrize(
    ("status", "path", "fields"),
    [
        (414, "/" + "x" * 20_000, []),
        (431, "/", [("x", "y" * 70_000)]),
        (431, "/", [("x", "y")] * 300),
        (413, "/echo", [("content-length", "1001")]),
        (400, "nowhere", []),
        (417, "/echo", [("expect", "miracles"), ("content-length", "1")]),
        (500, "/boom", [("content-length", "0")]),
    ],
)
def test_refusals(status: int, path: str, fields: list[tuple[str, str]]) -> None:
    @listening(body_bytes=1000)
    async def asked(app: Scripted, server: Server) -> None:
        client = await Http2Client.connect(server)
        number = client.ask(path, *fields, method="PUT", end=status == 500)
        assert (await client.answer(number)).status == status
        assert (await client.answer(client.ask("/"))).body == b"hello"

    asked("uvloop")


@listening(body_bytes=100_000)
async def test_a_body_that_turns_out_too_large(app: Scripted, server: Server) -> None:
    client = await Http2Client.connect(server)
    number = client.ask("/echo", method="PUT", end=False)
    await client.send(number, b"x" * 110_000, end=False)
    assert (await client.answer(number)).status == 413


@listening()
async def test_what_cannot_be_put_into_http_is_our_own_fault(app: Scripted, server: Server) -> None:
    app.given["/given"] = Response(200, [("x-evil", "a\r\nset-cookie: b")], b"x")
    app.given["/own"] = Response(200, [("Connection", "close"), ("Transfer-Encoding", "chunked"), ("X-Own", "1")], b"x")
    client = await Http2Client.connect(server)
    assert (await client.answer(client.ask("/given"))).status == 500
    answer = await client.answer(client.ask("/own"))
    assert [name for name, _ in answer.fields] == ["x-own", "content-length", "date"]


def test_a_response_that_breaks_off_is_reset(caplog: pytest.LogCaptureFixture) -> None:
    @listening()
    async def asked(app: Scripted, server: Server) -> None:
        client = await Http2Client.connect(server)
        for path in ("/break-off", "/count-99", "/count-1"):
            number = client.ask(path)
            await until(lambda number=number: client.seen(number, h2.events.StreamReset))
            assert client.seen(number, h2.events.StreamReset)[0].error_code == h2.errors.ErrorCodes.INTERNAL_ERROR
        assert (await client.answer(client.ask("/"))).body == b"hello"

    asked("uvloop")
    assert "the response to GET /break-off broke off" in caplog.text


@listening(idle_seconds=0.1, body_seconds=0.1)
async def test_time_limits(app: Scripted, server: Server) -> None:
    client = await Http2Client.connect(server)
    waiting = client.ask("/late")
    stalled = client.ask("/echo", method="PUT", end=False)
    streaming = client.ask("/stream-size", method="PUT", end=False)
    ignoring = client.ask("/stream-later", method="PUT", end=False)
    for number in (stalled, streaming, ignoring):
        assert (await client.answer(number)).status == 408
    app.replies[1](Response(200, [], b"too late"))
    assert app.events == ["ConnectionAbortedError after 0"]
    app.replies[0](Response(200, [], b"worth the wait"))
    assert (await client.answer(waiting)).body == b"worth the wait"
    await until(lambda: client.goaway is h2.errors.ErrorCodes.NO_ERROR)


@listening(body_seconds=0.1)
async def test_a_response_that_is_not_taken_is_given_up(app: Scripted, server: Server) -> None:
    client = await Http2Client.connect(server, greedy=False)
    number = client.ask("/endless")
    await until(lambda: client.seen(number, h2.events.StreamReset))
    await until(lambda: "closed" in app.events)


@listening()
async def test_a_client_that_reads_nothing_is_not_read_from(app: Scripted, server: Server) -> None:
    """Else its pings would be answered into an ever longer buffer."""
    client = await Http2Client.connect(server)
    client.transport.pause_reading()
    ping = b"\x00\x00\x08\x06\x00\x00\x00\x00\x0012345678"
    for _ in range(200):
        client.writer.write(ping * 4096)
        await asyncio.sleep(0)
    await asyncio.sleep(0.1)
    assert client.transport.get_write_buffer_size() > 1_000_000


@listening()
async def test_the_client_says_goodbye_and_is_still_answered(app: Scripted, server: Server) -> None:
    client = await Http2Client.connect(server)
    first, second = client.ask("/late"), client.ask("/late")
    client.writer.write(b"\x00\x00\x08\x07\x00\x00\x00\x00\x00" + struct.pack(">II", 0, 0))  # GOAWAY
    await until(lambda: len(app.replies) == 2)
    for reply in app.replies:
        reply(Response(200, [], b"late"))
    assert (await client.answer(first)).body == (await client.answer(second)).body == b"late"
    await until(lambda: not server.connections)


@listening()
async def test_closing_lets_finish_what_is_under_way(app: Scripted, server: Server) -> None:
    client, idle = await Http2Client.connect(server), await Http2Client.connect(server)
    number = client.ask("/late")
    await until(lambda: app.replies)
    received = await Client.connect(server)  # reads the frames that h2 would stop at
    received.close()
    closing = asyncio.ensure_future(server.close(10))
    await until(lambda: idle.goaway is h2.errors.ErrorCodes.NO_ERROR)
    assert not closing.done()
    assert client.running is not None
    await client.running
    app.replies[0](Response(200, [], b"done"))
    assert b"done" in await client.reader.read()
    assert number == 1
    await closing


@pytest.mark.parametrize(
    "data",
    [
        b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00" * 100,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x04\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x05\x01\x05\x00\x00\x00\x01\xff\xff\xff\xff\xff",
        b"PRIVATE / HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_no_http2_is_closed(data: bytes) -> None:
    @listening()
    async def asked(app: Scripted, server: Server) -> None:
        client = await Client.connect(server)
        client.send(data)
        await asyncio.wait_for(client.reader.read(), 5)
        assert app.accepted == []
        assert (await ask(server, "GET / HTTP/1.1\r\nHost: cloud\r\n\r\n")).status == 200

    asked("uvloop")
    asked("asyncio")
