"""The canonical request of Signature Version 4, the text whose hash is signed.

"Create a signed AWS API request" in the IAM User Guide gives the rules; "Authenticating Requests: Using the
Authorization Header" in the S3 API Reference gives S3's exceptions: its path is neither normalised nor encoded twice.

Text of a request is latin-1, one character for each octet of the wire, so non-ASCII is signed as the octets that came.
"""

from __future__ import annotations

import re
from functools import lru_cache
from operator import itemgetter
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from .message import Headers, Request
from .signed import Signed

_PLAIN_S3_PATH = re.compile(r"/[A-Za-z0-9._~/-]*")
_PLAIN_PATH = re.compile(r"/|(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+/?")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]*")
_SPACES = re.compile(r"[ \t\r\n]+")

TOKEN_AFTER_SIGNING = frozenset({"iotdevicegateway"})
"""Services whose presigned URLs get their X-Amz-Security-Token after signing ("MQTT over WebSocket", IoT Guide)."""


def canonical_request(signed: Signed, request: Request, payload: str) -> bytes:
    """The canonical request; `payload` is its last line, the hash of the body or what stands in for it."""
    path = canonical_path(request.path, s3=signed.s3)
    query = request.query
    if query:
        query = canonical_query(query, _unsigned_parameters(signed))
    headers = canonical_headers(request.headers, signed.signed_headers)
    return octets(f"{request.method}\n{path}\n{query}\n{headers}\n{payload}")


def canonical_path(path: str, *, s3: bool) -> str:
    """The path, percent-encoded once for S3, for others normalised and encoded on top of the client's own encoding."""
    if s3:
        if _PLAIN_S3_PATH.fullmatch(path):
            return path
        return quote(unquote_to_bytes(octets(path)), safe="/~") or "/"
    if _PLAIN_PATH.fullmatch(path):
        return path
    return quote(octets(_normal_path(path)), safe="/~")


def _normal_path(path: str) -> str:
    """Without empty, `.` and `..` segments (RFC 3986, section 5.2.4, with slashes merged as AWS does)."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            if kept:
                kept.pop()
        elif segment and segment != ".":
            kept.append(segment)
    return f"/{'/'.join(kept)}{'/' if kept and path.endswith('/') else ''}"


def canonical_query(query: str, without: frozenset[str] = frozenset()) -> str:
    """The parameters encoded anew and sorted by name, then value; a plus sign is a space, as in a form."""
    pairs: list[tuple[str, str]] = []
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        name = _encoded(name)
        if name not in without:
            pairs.append((name, _encoded(value)))
    pairs.sort()
    return "&".join([f"{name}={value}" for name, value in pairs])


def _encoded(text: str) -> str:
    if _UNRESERVED.fullmatch(text):
        return text
    return quote(unquote_to_bytes(octets(text.replace("+", " "))), safe="~")


def _unsigned_parameters(signed: Signed) -> frozenset[str]:
    if not signed.presigned:
        return frozenset()
    if signed.service in TOKEN_AFTER_SIGNING:
        return frozenset({"X-Amz-Signature", "X-Amz-Security-Token"})
    return frozenset({"X-Amz-Signature"})


def canonical_headers(headers: Headers, names: tuple[str, ...]) -> str:
    """The signed headers, an empty line, and the list of their names."""
    pick, template = _layout(names)
    if len(headers.first) == len(headers.fields):
        try:
            lines: str = template % pick(headers.first)
        except KeyError:
            pass
        else:
            if "  " not in lines and "\t" not in lines:
                return lines
    return template % tuple(_value(headers, name) for name in names)


def _value(headers: Headers, name: str) -> str:
    """All fields of that name, inner space collapsed; a signed header that is absent counts as empty."""
    values = headers.all(name)
    if not values and name == ":authority":
        values = headers.all("host")
    return ",".join([_SPACES.sub(" ", value).strip(" ") for value in values])


@lru_cache(maxsize=1024)
def _layout(names: tuple[str, ...]) -> tuple[itemgetter[Any], str]:
    """What picks the values out of a mapping, and the text that they are set into."""
    escaped = [name.replace("%", "%%") for name in names]
    return itemgetter(*names), "".join([f"{name}:%s\n" for name in escaped]) + "\n" + ";".join(escaped)


def octets(text: str) -> bytes:
    """The octets that the text stood for on the wire; text that no wire carried is taken as UTF-8."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()
