"""The world's web, as tasks call it: one request, one answer. HTTP/1.1, and TLS as the machine trusts it.

For deliveries to addresses that customers name. Redirects are not followed, as AWS does not follow them.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple
from urllib.parse import urlsplit

MOST_BYTES = 6 * 1024 * 1024


class Unreachable(Exception):
    """There was no answer: no connection, none in time, or one that is not HTTP."""


class Answered(NamedTuple):
    status: int
    headers: dict[str, str]
    """By their names in lower case."""
    body: bytes


class _Reader:
    """Collects what httptools parses."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.body = b""
        self.begun = False
        """Whether the head is there."""
        self.complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.begun = True

    def on_body(self, part: bytes) -> None:
        self.body += part

    def on_message_complete(self) -> None:
        self.complete = True


async def request(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] = {},
    body: bytes = b"",
    seconds: float = 15.0,
    trust: ssl.SSLContext | None = None,
    via: socket.socket | None = None,
) -> Answered:
    """Send a request and wait for the answer, so many real seconds.

    `trust` says whom to trust instead of the usual; `via` is a connection that is there already.
    """
    try:
        async with asyncio.timeout(seconds):
            return await _request(method, url, headers, body, trust, via)
    except TimeoutError:
        raise Unreachable(f"no answer from {url} in {seconds:g} seconds") from None
    except (OSError, ValueError) as error:
        raise Unreachable(f"{url}: {error}") from None


async def _request(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    trust: ssl.SSLContext | None,
    via: socket.socket | None,
) -> Answered:
    import httptools

    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("no address of the web")
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    tls = (trust or _trust()) if secure else None
    if via:
        name = parts.hostname if secure else None
        reader, writer = await asyncio.open_connection(sock=via, ssl=tls, server_hostname=name)
    else:
        reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=tls)
    try:
        writer.write(_head(method, parts.path or "/", parts.query, parts.netloc, headers, len(body)) + body)
        await writer.drain()
        found = _Reader()
        parser = httptools.HttpResponseParser(found)
        while not found.complete:
            data = await reader.read(65536)
            if not data:
                break
            try:
                parser.feed_data(data)
            except httptools.HttpParserError as error:
                raise ValueError(f"no HTTP: {error}") from None
            if len(found.body) > MOST_BYTES:
                raise ValueError("the answer is too long")
        told = {"content-length", "transfer-encoding"} & found.headers.keys()
        if not found.begun or (told and not found.complete):
            raise ValueError("the connection was closed")
        return Answered(parser.get_status_code(), found.headers, found.body)
    finally:
        writer.close()


def _head(method: str, path: str, query: str, host: str, headers: Mapping[str, str], length: int) -> bytes:
    target = f"{path}?{query}" if query else path
    fields = {"Host": host.rpartition("@")[2], **headers, "Content-Length": str(length), "Connection": "close"}
    if any("\r" in text or "\n" in text for field in fields.items() for text in field) or " " in target:
        raise ValueError("a header field or the address has characters that it must not have")
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode()


@cache
def _trust() -> ssl.SSLContext:
    return ssl.create_default_context()
