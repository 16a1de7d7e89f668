"""Calling the world's web: answers in any form, and none at all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pileus.kernel import web

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def asked(talk: Talk, path: str = "/", **members: Any) -> Any:
    """What is answered by a server that talks like that."""

    async def run() -> Any:
        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            return await web.request("POST", f"http://127.0.0.1:{port}{path}", **members)
        finally:
            server.close()

    return asyncio.run(run())


def saying(*parts: bytes, heard: list[bytes] | None = None) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found = await reader.readuntil(b"\r\n\r\n")
        if heard is not None:
            heard.append(found)
        for part in parts:
            writer.write(part)
            await writer.drain()
        writer.close()

    return talk


def test_answers_with_a_length_in_pieces_or_until_the_end() -> None:
    heard: list[bytes] = []
    whole = asked(
        saying(b"HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello", heard=heard), "/p?q=1", body=b"x"
    )
    assert (whole.status, whole.headers["x-a"], whole.body) == (200, "b", b"hello")
    assert heard[0].startswith(b"POST /p?q=1 HTTP/1.1\r\nHost: 127.0.0.1:")
    chunked = b"HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n", b"2\r\nhe\r\n", b"3\r\nllo\r\n0\r\n\r\n"
    assert asked(saying(*chunked))[::2] == (503, b"hello")
    assert asked(saying(b"HTTP/1.1 200 OK\r\n\r\n", b"to the ", b"end")).body == b"to the end"


@pytest.mark.parametrize(
    "parts", [(), (b"no HTTP at all\r\n\r\n",), (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", b"half")]
)
def test_what_is_no_answer_is_unreachable(parts: tuple[bytes, ...]) -> None:
    with pytest.raises(web.Unreachable):
        asked(saying(*parts))


def test_nobody_waits_for_ever() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    with pytest.raises(web.Unreachable, match="no answer"):
        asked(silent, seconds=0.1)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "http:///x", "http://127.0.0.1:1/", "nowhere"])
def test_what_cannot_be_called_is_unreachable(url: str) -> None:
    with pytest.raises(web.Unreachable):
        asyncio.run(web.request("GET", url))


def test_nothing_is_smuggled_into_the_head() -> None:
    with pytest.raises(web.Unreachable):
        asked(saying(b"HTTP/1.1 200 OK\r\n\r\n"), headers={"X-A": "b\r\nX-C: d"})
