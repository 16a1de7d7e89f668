"""Heads of HTTP messages: from a client's fields to a Request, from a Response to fields and to HTTP/1.1 bytes."""

from __future__ import annotations

import re
import time
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING

from .exchange import Refusal
from .message import Headers, Request, Response

if TYPE_CHECKING:
    from .http import Limits

Fields = list[tuple[str, str]]

OWN = frozenset(
    {"connection", "content-length", "date", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}
)
"""Fields that are the listener's to write: what an application says in them is advice."""

_HOST = re.compile(r"(?:[\w.~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(?::\d*)?", re.ASCII)
_AUTHORITY_END = re.compile(r"[/?#]")


# Requests


@lru_cache(512)
def field_name(octets: bytes) -> str:
    """A field's name in lower case: clients have few of them."""
    return octets.decode().lower()


def request_of(method: str, target: str, fields: Fields, version: str, scheme: str, client: str) -> Request:
    """The request that an HTTP/1 parser has read; Refusal for what the parser lets pass and HTTP does not."""
    if version != "1.1" and version != "1.0":
        raise Refusal(505, "This server speaks HTTP/1.0, HTTP/1.1 and HTTP/2")
    if method == "CONNECT":
        raise Refusal(400, "This server is not a proxy")
    if target[0] != "/" and target != "*":
        target, fields = origin_form(target, fields)
    headers = Headers(fields)
    check_host(headers, version == "1.1")
    if "transfer-encoding" in headers.first:
        _check_coding(headers, version)
    return Request(method, target, headers, scheme=scheme, client=client, http_version=version)


def check_size(fields: Fields, limits: Limits) -> None:
    """Refuse more, or longer, header fields than the limits allow."""
    if (
        len(fields) > limits.head_fields
        or sum(len(name) + len(value) + 4 for name, value in fields) > limits.head_bytes
    ):
        raise Refusal(431, "The header fields are too large")


def check_host(headers: Headers, required: bool) -> None:
    """RFC 9112, 3.2: exactly one Host, and one that can be a host."""
    host = headers.first.get("host")
    if host is None:
        if required:
            raise Refusal(400, "The Host field is missing")
    elif not _possible_host(host) or (len(headers.first) != len(headers.fields) and len(headers.all("host")) > 1):
        raise Refusal(400, "The Host field is not one host")


@lru_cache(512)
def _possible_host(host: str) -> bool:
    return _HOST.fullmatch(host) is not None


def body_length(headers: Headers) -> int | None:
    """What the client says of its body's length: None if it comes in chunks."""
    length = headers.first.get("content-length")
    if length is not None:
        return int(length)
    return None if "transfer-encoding" in headers.first else 0


def origin_form(target: str, fields: Fields) -> tuple[str, Fields]:
    """An absolute target as path and query, its authority put in place of the Host field (RFC 9112, 3.2.2)."""
    scheme, separator, rest = target.partition("://")
    if not separator or scheme.lower() not in ("http", "https"):
        raise Refusal(400, "The request target is neither a path nor an HTTP URL")
    end = _AUTHORITY_END.search(rest)
    at = end.start() if end else len(rest)
    path = rest[at:]
    return (path if path.startswith("/") else f"/{path}"), [("host", rest[:at])] + [
        field for field in fields if field[0] != "host"
    ]


def _check_coding(headers: Headers, version: str) -> None:
    if version == "1.0":
        raise Refusal(400, "HTTP/1.0 knows no Transfer-Encoding")
    if headers.get("transfer-encoding").lower() != "chunked":
        raise Refusal(501, "The only transfer coding that this server knows is chunked")


# Responses


def sorted_out(response: Response) -> tuple[dict[str, str], Fields]:
    """What the application says in fields that are the listener's to write, by lower-case name; its other fields."""
    own: dict[str, str] = {}
    others: Fields = []
    for field in response.headers:
        name = field[0].lower()
        if name in OWN:
            own[name] = field[1]
        else:
            others.append(field)
    return own, others


def bodiless(method: str, status: int) -> bool:
    """Such responses end with their head, whatever their fields say (RFC 9110, 6.4.1)."""
    return method == "HEAD" or status == 204 or status == 304


def content_length(response: Response, own: dict[str, str], bare: bool) -> int | None:
    """The length of the body, as it is or as the application says; ValueError where the two differ."""
    body = response.body
    if "content-length" not in own:
        return len(body) if isinstance(body, bytes) and response.status != 304 else None
    declared = int(own["content-length"])
    if not bare and isinstance(body, bytes) and declared != len(body):
        raise ValueError(f"Content-Length {declared} for a body of {len(body)} bytes")
    return declared


def response_head(status: int, fields: Fields, framing: str, date: str) -> bytes:
    """Status line and fields; `framing` are the lines that say where the message ends and what comes after."""
    return f"{status_line(status)}{field_lines(fields)}{framing}date: {date}\r\n\r\n".encode("latin-1")


def field_lines(fields: Fields) -> str:
    lines = "".join([f"{name}: {value}\r\n" for name, value in fields])
    if lines.count("\n") != len(fields) or lines.count("\r") != len(fields) or "\0" in lines:
        raise ValueError("a header field holds a line break")
    return lines


@lru_cache(128)
def status_line(status: int) -> str:
    if not 200 <= status <= 999:
        raise ValueError(f"{status} is not the status of a final response")
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}\r\n"


DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def http_date(seconds: float) -> str:
    """RFC 9110, 5.6.7, whatever the locale."""
    at = time.gmtime(seconds)
    return f"{DAYS[at.tm_wday]}, {at.tm_mday:02} {MONTHS[at.tm_mon - 1]} {time.strftime('%Y %H:%M:%S', at)} GMT"


class Dateline:
    """The Date field of responses, made once a second. Clients correct their clocks by it, so it is the real time."""

    __slots__ = ("_second", "_text")

    def __init__(self) -> None:
        self._second = 0
        self._text = ""

    def now(self) -> str:
        second = int(time.time())
        if second != self._second:
            self._second = second
            self._text = http_date(second)
        return self._text
