"""Whatever bytes come, the listener answers or closes, and serves the next client."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import h2.connection
import pytest
import uvloop
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pileus.gateway.http import Limits, Server

from .listening import GET, Answer, Client, Scripted, ask

SETTINGS = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Running:
    """One server and its loop for all examples."""

    def __init__(self, new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
        self.loop = new_loop()
        self.app = Scripted()
        limits = Limits(head_seconds=2, body_seconds=2)
        self.server = self.loop.run_until_complete(self.start(limits))

    async def start(self, limits: Limits) -> Server:
        return await Server.start(self.app, port=0, limits=limits)

    def exchange(self, *pieces: bytes) -> list[Answer]:
        return self.loop.run_until_complete(asyncio.wait_for(self.send(pieces), 5))

    async def send(self, pieces: tuple[bytes, ...]) -> list[Answer]:
        """Send the pieces and end; all answers until the server closes. Then the next client must be served."""
        client = await Client.connect(self.server)
        for piece in pieces:
            client.send(piece)
            await asyncio.sleep(0)
        client.writer.write_eof()
        answers = []
        try:
            while not client.reader.at_eof():
                answers.append(await client.answer())
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            client.close()
        assert (await ask(self.server, GET.format("/"))).status == 200
        return answers


@pytest.fixture(scope="module", params=["asyncio", "uvloop"])
def running(request: Any) -> Iterator[Running]:
    started = Running({"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}[request.param])
    yield started
    started.loop.run_until_complete(started.server.close(0))
    started.loop.close()


@pytest.fixture(autouse=True)
def silence(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Malformed input is nobody's fault here: it must leave no traceback."""
    yield
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def refused(answers: list[Answer]) -> bool:
    """Nothing, or answers of which only the last is a refusal that closes."""
    return not answers or all(answer.status < 400 for answer in answers[:-1])


@SETTINGS
@given(data=st.binary(max_size=300))
@example(data=b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00")
@example(data=b"\x16\x03\x01")
@example(data=b"\r\n" * 20)
def test_arbitrary_bytes(running: Running, data: bytes) -> None:
    assert refused([answer for answer in running.exchange(data) if answer.status != 501])


@SETTINGS
@given(data=st.binary(max_size=200))
def test_arbitrary_bytes_as_http2_frames(running: Running, data: bytes) -> None:
    running.exchange(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00" + data)


def conversation() -> bytes:
    """What an HTTP/2 client sends that uses all there is."""
    wire = h2.connection.H2Connection()
    wire.initiate_connection()
    for number, path in ((1, "/"), (3, "/echo"), (5, "/stream-size"), (7, "/late"), (9, "/count"), (11, "/poll")):
        body = path in ("/echo", "/stream-size")
        head = [(":method", "PUT"), (":path", path), (":scheme", "http"), (":authority", "cloud"), ("x-field", "value")]
        wire.send_headers(number, head, end_stream=not body)
        if body:
            wire.send_data(number, b"some bytes", pad_length=3)
            wire.send_headers(number, [("x-trailer", "value")], end_stream=True)
    wire.ping(b"12345678")
    wire.reset_stream(7)
    wire.increment_flow_control_window(1000)
    wire.increment_flow_control_window(1000, 9)
    wire.close_connection()
    return wire.data_to_send()


CONVERSATION = conversation()
CHANGES = st.lists(
    st.tuples(st.integers(24, len(CONVERSATION) - 1), st.binary(max_size=3), st.integers(0, 3)), max_size=8
)


@SETTINGS
@given(changes=CHANGES)
@example(changes=[])
def test_an_http2_conversation_with_bytes_changed_or_lost(
    running: Running, changes: list[tuple[int, bytes, int]]
) -> None:
    data = CONVERSATION
    for at, put, lost in changes:
        data = data[:at] + put + data[at + lost :]
    running.exchange(data)
    if running.app.tasks:
        _, pending = running.loop.run_until_complete(asyncio.wait(running.app.tasks, timeout=5))
        assert not pending


FRAGMENTS = st.sampled_from(
    [
        "GET / HTTP/1.1", "POST /echo HTTP/1.1", "GET /stream-size", "HTTP/1.0", "http://other/", "*", " ", ":", ";",
        "\r\n", "\n", "\r", "\r\n\r\n", "Host: cloud", "Content-Length: 5", "Content-Length: 0", "Content-Length:",
        "Transfer-Encoding: chunked", "transfer-encoding:\tgzip", "0\r\n\r\n", "5\r\nhello\r\n", "hello", "X: y",
        " folded", "Connection: close", "Connection: upgrade", "Upgrade: websocket", "Upgrade: h2c",
        "Expect: 100-continue",
        "\x00", "\x7f", "\xff",
    ]
)  # fmt: skip


@SETTINGS
@given(fragments=st.lists(FRAGMENTS, max_size=30))
@example(fragments=["POST /echo HTTP/1.1", "\r\n", "Host: cloud", "\r\n", "Content-Length: 5", "\r\n\r\n", "hello"])
def test_fragments_of_http_put_together_at_random(running: Running, fragments: list[str]) -> None:
    answers = running.exchange("".join(fragments).encode("latin-1"))
    assert all(answer.status in (100, 200, 400, 501, 505) for answer in answers)
    assert refused(answers)


@SETTINGS
@given(name=st.text(max_size=20), value=st.text(max_size=40))
def test_a_header_of_any_name_and_value(running: Running, name: str, value: str) -> None:
    field = f"{name}: {value}".encode()
    answers = running.exchange(b"GET / HTTP/1.1\r\nHost: cloud\r\n" + field + b"\r\n\r\n")
    assert [answer.status for answer in answers] in ([200], [400], [417], [501], [])


HEAD = b"%b HTTP/1.1\r\nHost: cloud\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\nT: v\r\n\r\n"

PARTS = st.sampled_from(
    [
        HEAD % b"GET /echo?1" + b"\r\n",
        HEAD % b"HEAD /count-13" + b"X-Long: " + b"x" * 100 + b"\r\n\r\n",
        HEAD % b"POST /echo" + b"Content-Length: 11\r\n\r\nhello world",
        HEAD % b"PUT /echo" + CHUNKED,
        HEAD % b"PUT /stream-size" + CHUNKED,
        HEAD % b"POST /stream-size" + b"Content-Length: 3\r\n\r\nabc",
        HEAD % b"POST /stream-ignored" + b"Content-Length: 3\r\n\r\nabc",
        HEAD % b"POST /refuse" + b"Content-Length: 4\r\n\r\nabcd",
        HEAD % b"GET /count" + b"\r\n",
        HEAD % b"POST /echo" + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nab",
        HEAD % b"GET http://other/echo" + b"\r\n",
    ]
)


async def talk(server: Server, data: bytes, cuts: list[int]) -> bytes:
    """The answers to pipelined requests, sent in these pieces, without what tells the time."""
    client = await Client.connect(server)
    for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        client.send(data[start:end])
        await asyncio.sleep(0)
    received = await asyncio.wait_for(client.reader.read(), 5)
    client.close()
    return re.sub(rb"date: [^\r]*\r\n", b"", received)


@SETTINGS
@given(parts=st.lists(PARTS, min_size=1, max_size=6), data=st.data())
def test_how_the_bytes_are_split_makes_no_difference(running: Running, parts: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(parts) + b"GET /echo HTTP/1.1\r\nHost: cloud\r\nConnection: close\r\n\r\n"
    cuts = sorted(data.draw(st.sets(st.integers(1, len(stream) - 1), max_size=12)))
    run = running.loop.run_until_complete
    whole = run(talk(running.server, stream, []))
    assert whole.count(b"HTTP/1.1 ") == len(parts) + 1
    assert run(talk(running.server, stream, cuts)) == whole


@SETTINGS
@given(part=PARTS, data=st.data())
def test_truncated_requests_are_not_answered(running: Running, part: bytes, data: st.DataObject) -> None:
    running.app.answered.clear()
    end = data.draw(st.integers(0, len(part) - 1))
    answers = running.exchange(part[:end])
    whole_bodies = [request for request in running.app.answered if request.method == "PUT" or request.body]
    assert not [request for request in whole_bodies if not request.streamed]
    assert all(answer.status in (200, 403) for answer in answers)
