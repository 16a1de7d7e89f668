"""HTTP/1.1 as RFC 9110 and RFC 9112 have it, over sockets, on both event loops."""

from __future__ import annotations

import asyncio
import http.client
import re
from typing import Any

import pytest

from pileus.gateway.http import Server
from pileus.gateway.message import Response

from .listening import Client, Scripted, ask, listening, until

GET = "GET {} HTTP/1.1\r\nHost: cloud\r\n\r\n"


def post(path: str, body: str = "", *fields: str) -> str:
    lines = [f"POST {path} HTTP/1.1", "Host: cloud", f"Content-Length: {len(body)}", *fields]
    return "\r\n".join(lines) + "\r\n\r\n" + body


# Requests


@listening()
async def test_a_request_is_handed_on_as_it_was_written(app: Scripted, server: Server) -> None:
    await ask(
        server,
        "PUT /a%2Fb//c/../d%20e?x=%41&y=+&y HTTP/1.1\r\nHOST: Bucket.Localhost:4566\r\nX-Amz-Meta-A: \t one  two \r\n"
        "x-amz-meta-b: \xe9\r\nX-AMZ-META-A:2\r\nEmpty:\r\n\r\n",
    )
    [request] = app.answered
    assert (request.method, request.path, request.query) == ("PUT", "/a%2Fb//c/../d%20e", "x=%41&y=+&y")
    assert (request.host, request.scheme, request.client, request.http_version) == (
        "Bucket.Localhost:4566",
        "http",
        "127.0.0.1",
        "1.1",
    )
    assert request.headers.fields == [
        ("host", "Bucket.Localhost:4566"),
        ("x-amz-meta-a", "one  two"),
        ("x-amz-meta-b", "é"),
        ("x-amz-meta-a", "2"),
        ("empty", ""),
    ]
    assert request.headers.get("x-amz-meta-a") == "one  two"
    assert (request.body, request.stream) == (b"", None)


@pytest.mark.parametrize(
    ("target", "host", "path"),
    [
        ("http://other:80/p%20q?r", "other:80", "/p%20q?r"),
        ("HTTPS://other", "other", "/"),
        ("http://other?list-type=2", "other", "/?list-type=2"),
        ("http://[::1]:4566//x", "[::1]:4566", "//x"),
    ],
)
def test_an_absolute_target_names_the_host(target: str, host: str, path: str) -> None:
    @listening()
    async def asked(app: Scripted, server: Server) -> None:
        await ask(server, f"GET {target} HTTP/1.1\r\nAccept: */*\r\nHost: cloud\r\n\r\n")
        assert (app.answered[0].host, app.answered[0].target) == (host, path)
        assert app.answered[0].headers.all("host") == [host]

    asked("uvloop")


@listening()
async def test_the_asterisk_form(app: Scripted, server: Server) -> None:
    assert (await ask(server, "OPTIONS * HTTP/1.1\r\nHost: cloud\r\n\r\n")).status == 200
    assert app.answered[0].target == "*"


@listening()
async def test_a_body_arrives_whole(app: Scripted, server: Server) -> None:
    client = await Client.connect(server)
    for size in (0, 1, 70_000, 3_000_000):
        client.send(f"PUT /echo HTTP/1.1\r\nHost: cloud\r\nContent-Length: {size}\r\n\r\n" + "z" * size)
        answer = await client.answer()
        assert (answer.status, answer["x-method"], len(answer.body)) == (200, "PUT", size)


@listening()
async def test_a_chunked_body_and_its_trailers(app: Scripted, server: Server) -> None:
    client = await Client.connect(server)
    head = "POST /echo HTTP/1.1\r\nHost: cloud\r\nTransfer-Encoding: chunked\r\n\r\n"
    client.send(head + "3;ext=1\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-Amz-Checksum-Crc32: AAAA== \r\nEmpty:\r\n\r\n")
    assert (await client.answer()).body == b"abc0123456789"
    client.send(head + "0\r\n\r\n")
    assert (await client.answer()).body == b""
    assert app.answered[0].trailers.fields == [("x-amz-checksum-crc32", "AAAA=="), ("empty", "")]
    assert app.answered[1].trailers.fields == []


@listening()
async def test_an_upgrade_that_is_not_wanted_is_an_ordinary_request(app: Scripted, server: Server) -> None:
    """Java's HttpClient offers h2c with every first request, body and all."""
    client = await Client.connect(server)
    offer = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABk")
    chunked = f"POST /echo HTTP/1.1\r\nHost: cloud\r\nTransfer-Encoding: chunked\r\n{offer[0]}\r\n{offer[1]}\r\n\r\n"
    client.send(post("/echo", "GET /smuggled HTTP/1.1\r\n\r\n", *offer) + chunked + "3\r\nabc\r\n0\r\n\r\n")
    client.send(post("/echo", "", *offer) + GET.format("/"))
    assert [(await client.answer()).body for _ in range(4)] == [b"GET /smuggled HTTP/1.1\r\n\r\n", b"abc", b"", b"hello"]


# Responses


@listening()
async def test_a_response_is_framed_and_dated(app: Scripted, server: Server) -> None:
    client = await Client.connect(server)
    for _ in range(2):
        client.send(GET.format("/"))
        answer = await client.answer()
        assert (answer.status, answer.body, answer["content-length"]) == (200, b"hello", "5")
        assert re.fullmatch(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", answer["date"] or "")
        assert answer["connection"] is None


@pytest.mark.parametrize(
    ("method", "response", "length"),
    [
        ("HEAD", Response(200, [], b"hello"), "5"),
        ("HEAD", Response(200, [("Content-Length", "1048576")]), "1048576"),
        ("GET", Response(204), None),
        ("GET", Response(304, [("content-length", "7"), ("etag", '"x"')]), "7"),
        ("GET", Response(304, [("etag", '"x"')]), None),
    ],
)
def test_responses_without_a_body(method: str, response: Response, length: str | None) -> None:
    @listening()
    async def asked(app: Scripted, server: Server) -> None:
        app.given["/given"] = response
        client = await Client.connect(server)
        client.send(f"{method} /given HTTP/1.1\r\nHost: cloud\r\n\r\n" + GET.format("/"))
        answer = await client.answer(method)
        assert (answer.status, answer["content-length"]) == (response.status, length)
        assert (await client.answer()).body == b"hello"

    asked("uvloop")


@listening()
async def test_a_streamed_response_is_chunked(app: Scripted, server: Server) -> None:
    client = await Client.connect(server)
    client.send(GET.format("/count") + GET.format("/count-13") + GET.format("/"))
    chunked, measured, after = [await client.answer() for _ in range(3)]
    assert (chunked["transfer-encoding"], chunked["content-length"], chunked.body) == ("chunked", None, b"one two three")
    assert (measured["transfer-encoding"], measured["content-length"], measured.body) == (None, "13", b"one two three")
    assert after.body == b"hello"


@listening()
async def test_a_streamed_response_to_head_is_not_made(app: Scripted, server: Server) -> None:
    client = await Client.connect(server)
    client.send("HEAD /count-13 HTTP/1.1\r\nHost: cloud\r\n\r\n" + GET.format("/"))
    assert (await client.answer("HEAD"))["content-length"] == "13"
    assert (await client.answer()).body == b"hello"


@listening()
async def test_http_1_0(app: Scripted, server: Server) -> None:
    client = await Client.connect(server)
    client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    answer = await client.answer()
    assert (answer["connection"], answer.body) == ("keep-alive", b"hello")
    client.send("GET /count HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    answer = await client.answer()  # ended by the connection's end: such clients know no chunks
    assert (answer["transfer-encoding"], answer["connection"], answer.body) == (None, "close", b"one two three")
    client = await Client.connect(server)
    client.send("GET / HTTP/1.0\r\n\r\n")
    assert (await client.answer()).body == b"hello"
    assert await client.ended()


@listening()
async def test_connection_close_from_either_side(app: Scripted, server: Server) -> None:
    app.given["/given"] = Response(200, [("Connection", "close"), ("Keep-Alive", "timeout=5")], b"bye")
    for request in (GET.format("/given"), "GET / HTTP/1.1\r\nHost: cloud\r\nConnection: close\r\n\r\n"):
        client = await Client.connect(server)
        client.send(request + GET.format("/never"))
        answer = await client.answer()
        assert (answer["connection"], answer["keep-alive"]) == ("close", None)
        assert await client.ended()
    assert "/never" not in [request.path for request in app.accepted]


@pytest.mark.parametrize(
    "response",
    [
        Response(200, [("x-evil", "a\r\nset-cookie: b")], b"x"),
        Response(200, [("x-far", "\u0100")], b"x"),
        Response(200, [("content-length", "5")], b"x"),
        Response(99, [], b"x"),
        Response(101, [], b"x"),
    ],
)
def test_what_cannot_be_put_into_http_is_our_own_fault(response: Response, caplog: pytest.LogCaptureFixture) -> None:
    @listening()
    async def asked(app: Scripted, server: Server) -> None:
        app.given["/given"] = response
        client = await Client.connect(server)
        client.send(GET.format("/given") + GET.format("/"))
        assert (await client.answer()).status == 500
        assert (await client.answer()).status == 200

    asked("uvloop")
    assert "GET /given failed" in caplog.text


@pytest.mark.parametrize("path", ["/boom", "/refuse-badly"])
def test_an_application_that_fails(path: str, caplog: pytest.LogCaptureFixture) -> None:
    @listening()
    async def asked(app: Scripted, server: Server) -> None:
        client = await Client.connect(server)
        client.send(GET.format(path) + GET.format("/"))
        answer = await client.answer()
        assert (answer.status, answer.body) == (500, b"Internal Server Error\n")
        assert (await client.answer()).status == 200

    asked("uvloop")
    assert "LookupError: a bug" in caplog.text


@listening()
async def test_the_second_reply_is_refused(app: Scripted, server: Server) -> None:
    client = await Client.connect(server)
    client.send(GET.format("/twice") + GET.format("/"))
    assert (await client.answer()).body == b"once"
    assert (await client.answer()).body == b"hello"


@pytest.mark.parametrize("path", ["/break-off", "/count-99", "/count-1"])
def test_a_streamed_response_that_breaks_off_is_not_whole_to_the_client(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    @listening()
    async def asked(app: Scripted, server: Server) -> None:
        client = await Client.connect(server)
        client.send(GET.format(path))
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await client.answer()

    asked("uvloop")
    asked("asyncio")
    assert f"the response to GET {path} broke off" in caplog.text


# Order


@listening()
async def test_pipelined_requests_are_answered_one_after_the_other(app: Scripted, server: Server) -> None:
    client = await Client.connect(server)
    client.send(GET.format("/late") + post("/late", "body") + GET.format("/echo?3"))
    await until(lambda: app.replies)
    await asyncio.sleep(0.02)
    assert len(app.accepted) == 1  # what the second does may depend on the first
    app.replies[0](Response(200, [], b"1"))
    await until(lambda: len(app.replies) == 2)
    assert app.answered[1].body == b"body"
    app.replies[1](Response(200, [], b"2"))
    assert [(await client.answer()).body for _ in range(3)] == [b"1", b"2", b""]


@listening()
async def test_a_thousand_pipelined_requests(app: Scripted, server: Server) -> None:
    client = await Client.connect(server)
    client.send("".join(GET.format("/late" if n % 10 == 0 else f"/echo?{n}") for n in range(1000)))
    for n in range(1000):
        if n % 10 == 0:
            await until(lambda: app.replies)
            app.replies.pop()(Response(200, [("x-target", f"/echo?{n}")]))
        assert (await client.answer())["x-target"] == f"/echo?{n}"


@listening()
async def test_every_split_of_the_bytes_is_the_same_to_the_application(app: Scripted, server: Server) -> None:
    data = (post("/echo", "first") + post("/echo", "second") + GET.format("/count")).encode()
    for size in (1, 7, 50):
        client = await Client.connect(server)
        for at in range(0, len(data), size):
            client.send(data[at : at + size])
            await asyncio.sleep(0)
        assert [(await client.answer()).body for _ in range(3)] == [b"first", b"second", b"one two three"]


# Acceptance


@listening()
async def test_a_body_is_asked_for_once_the_request_is_accepted(app: Scripted, server: Server) -> None:
    client = await Client.connect(server)
    client.send("PUT /echo HTTP/1.1\r\nHost: cloud\r\nContent-Length: 5\r\nExpect: 100-Continue\r\n\r\n")
    assert (await client.answer()).status == 100
    client.send("hello")
    assert (await client.answer()).body == b"hello"
    client.send("PUT /refuse HTTP/1.1\r\nHost: cloud\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
    answer = await client.answer()
    assert (answer.status, answer["connection"], answer.body) == (403, "close", b"no")
    assert await client.ended()


@listening()
async def test_other_expectations_fail(app: Scripted, server: Server) -> None:
    assert (await ask(server, post("/", "x", "Expect: miracles"))).status == 417
    assert (await ask(server, post("/", "", "Expect: 100-continue"))).status == 200


@listening()
async def test_a_refused_request_with_a_small_body_keeps_the_connection(app: Scripted, server: Server) -> None:
    client = await Client.connect(server)
    client.send(post("/refuse", "x" * 1000) + GET.format("/"))
    assert [(await client.answer()).status for _ in range(2)] == [403, 200]
    assert [request.path for request in app.answered] == ["/"]


@listening()
async def test_a_client_that_sends_all_before_it_reads_still_reads_the_refusal(app: Scripted, server: Server) -> None:
    client = await Client.connect(server)
    client.send(f"POST /refuse HTTP/1.1\r\nHost: cloud\r\nContent-Length: {1 << 30}\r\n\r\n")
    for _ in range(64):
        client.send(b"x" * 65536)
        await client.writer.drain()
    answer = await client.answer()
    assert (answer.status, answer["connection"]) == (403, "close")
    assert await client.ended()


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
    waiting = await Client.connect(server)
    waiting.send(GET.format("/late"))
    for client in (heading, sending, streaming):
        assert (await client.answer()).status == 408
        assert await client.ended()
    assert await silent.ended()
    assert await idle.ended()
    assert app.events == ["ConnectionAbortedError after 1"]
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
    assert client.writer.transport.get_write_buffer_size() > size / 2
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
    client.writer.transport.pause_reading()
    client.send(GET.format("/endless"))
    await until(lambda: len(app.events) > 2)
    await asyncio.sleep(0.1)
    made = len(app.events)
    await asyncio.sleep(0.1)
    assert len(app.events) == made < 1000
    client.writer.transport.resume_reading()
    await until(lambda: len(app.events) > made + 100)
    client.writer.transport.abort()
    await until(lambda: app.events[-1] == "closed")


@listening()
async def test_a_client_that_reads_nothing_is_not_read_from(app: Scripted, server: Server) -> None:
    app.given["/big"] = Response(200, [], b"x" * 1_000_000)
    client = await Client.connect(server)
    client.writer.transport.pause_reading()
    client.send(GET.format("/big") * 500)
    await asyncio.sleep(0.2)
    assert len(app.answered) < 100
    client.writer.transport.resume_reading()
    for _ in range(500):
        assert len((await client.answer()).body) == 1_000_000


@listening(body_seconds=0.1)
async def test_a_client_that_reads_nothing_for_too_long_is_cut_off(app: Scripted, server: Server) -> None:
    client = await Client.connect(server)
    client.writer.transport.pause_reading()
    client.send(GET.format("/endless"))
    await until(lambda: "closed" in app.events)


# Clients that go


@listening()
async def test_a_client_that_goes_is_reported_and_the_reply_goes_nowhere(app: Scripted, server: Server) -> None:
    for leave in ("close", "abort"):
        client = await Client.connect(server)
        client.send(GET.format("/poll"))
        await until(lambda: app.replies)
        getattr(client.writer.transport, leave)()
        await until(lambda: app.events == ["gone"])
        assert app.answered[-1].gone
        app.replies.pop()(Response(200, [], b"too late"))
        app.events.clear()
    await until(lambda: not server.connections)


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
    client.writer.transport.abort()
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


# The server


@listening()
async def test_silent_and_slow_clients_hold_nobody_up(app: Scripted, server: Server) -> None:
    silent = [await Client.connect(server) for _ in range(50)]
    slow = [await Client.connect(server) for _ in range(50)]
    for client in slow:
        client.send("G")
    assert (await ask(server, GET.format("/"))).status == 200
    for client in silent + slow:
        client.send("GET / HTTP/1.1\r\nHost: cloud\r\n\r\n"[client in slow :])
        assert (await client.answer()).status == 200


@listening()
async def test_closing_lets_finish_what_is_under_way(app: Scripted, server: Server) -> None:
    idle, busy = await Client.connect(server), await Client.connect(server)
    idle.send(GET.format("/"))
    assert (await idle.answer()).status == 200
    busy.send(GET.format("/late"))
    await until(lambda: app.replies)
    closing = asyncio.ensure_future(server.close(10))
    assert await idle.ended()
    with pytest.raises(ConnectionRefusedError):
        await Client.connect(server)
    app.replies[0](Response(200, [], b"done"))
    answer = await busy.answer()
    assert (answer.body, answer["connection"]) == (b"done", "close")
    assert await busy.ended()
    await closing


@listening()
async def test_closing_waits_no_longer_than_its_grace(app: Scripted, server: Server) -> None:
    client = await Client.connect(server)
    client.send(GET.format("/poll"))
    await until(lambda: app.replies)
    await server.close(0.05)
    assert await client.ended()
    assert app.events == ["gone"]


@listening()
async def test_a_port_that_is_taken(app: Scripted, server: Server) -> None:
    with pytest.raises(OSError, match="in use"):
        await Server.start(app, port=server.port)


@listening()
async def test_every_address_of_a_host_on_one_port(app: Scripted, server: Server) -> None:
    other = await Server.start(app, "localhost", 0)
    reader, writer = await asyncio.open_connection("localhost", other.port)
    writer.write(GET.format("/").encode())
    assert (await reader.readline()) == b"HTTP/1.1 200 OK\r\n"
    await other.close(0)


@listening()
async def test_pythons_own_client(app: Scripted, server: Server) -> None:
    def talk() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        for body in (b"one", b"two" * 100_000):
            connection.request("POST", "/echo", body=body)
            response = connection.getresponse()
            assert (response.status, response.read()) == (200, body)
        connection.request("PUT", "/echo", body=iter([b"a", b"b"]), encode_chunked=True)
        assert connection.getresponse().read() == b"ab"
        connection.request("HEAD", "/")
        assert connection.getresponse().read() == b""
        connection.request("GET", "/count")
        assert connection.getresponse().read() == b"one two three"
        connection.close()

    await asyncio.to_thread(talk)
