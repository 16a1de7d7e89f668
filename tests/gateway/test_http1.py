"""HTTP/1.1 as RFC 9110 and RFC 9112 have it, over sockets, on both event loops."""

from __future__ import annotations

import asyncio
import re

import pytest

from pileus.gateway.http import Server
from pileus.gateway.message import Response

from .listening import GET, Client, Scripted, ask, listening, post, until

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
    assert [(await client.answer()).body for _ in range(4)] == [
        b"GET /smuggled HTTP/1.1\r\n\r\n",
        b"abc",
        b"",
        b"hello",
    ]


# Responses


@listening()
async def test_a_response_is_framed_and_dated(app: Scripted, server: Server) -> None:
    client = await Client.connect(server)
    for _ in range(2):
        client.send(GET.format("/"))
        answer = await client.answer()
        assert (answer.status, answer.body, answer["content-length"]) == (200, b"hello", "5")
        assert re.fullmatch(
            r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", answer["date"] or ""
        )
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
    assert (chunked["transfer-encoding"], chunked["content-length"], chunked.body) == (
        "chunked",
        None,
        b"one two three",
    )
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


@listening()
async def test_a_client_that_expects_is_told_to_continue_with_an_empty_body_too(app: Scripted, server: Server) -> None:
    """Older botocores take a final status that comes first for that of their next request, and wait for ever."""
    client = await Client.connect(server)
    for body in "", "x", "":
        client.send(f"PUT /echo HTTP/1.1\r\nHost: cloud\r\nContent-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n")
        assert (await client.answer()).status == 100
        client.send(body)
        answer = await client.answer()
        assert (answer.status, answer.body) == (200, body.encode())


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
