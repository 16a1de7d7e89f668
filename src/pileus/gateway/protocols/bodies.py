"""Request bodies before any protocol reads them, and what every protocol puts into the decoded members."""

from __future__ import annotations

import zlib
from typing import Any

from pileus.gateway.message import Request
from pileus.kernel import names
from pileus.kernel.errors import Fault
from pileus.models import Shape

from .faults import Malformed

LIMIT = 32 * 1024 * 1024  # a compressed body may grow to this; no service that takes them accepts more than 10 MB


def content(request: Request) -> bytes:
    """The body, inflated when the SDK compressed it (its `gzip` then is the last of the content encodings)."""
    if "content-encoding" not in request.headers:
        return request.body
    encodings = [coding.strip().lower() for coding in request.headers.get("content-encoding").split(",")]
    return inflated(request.body) if encodings[-1] == "gzip" and request.body else request.body


def inflated(body: bytes) -> bytes:
    """RFC 1952, never more than `LIMIT` bytes of it."""
    inflater = zlib.decompressobj(wbits=31)
    try:
        plain = inflater.decompress(body, LIMIT + 1)
    except zlib.error:
        raise Malformed("The request body is not valid gzip") from None
    if len(plain) > LIMIT:
        raise Fault("RequestEntityTooLarge", f"The request body is larger than {LIMIT} bytes when inflated")
    if not inflater.eof:
        raise Malformed("The compressed request body ends too early")
    return plain


def token_members(shape: Shape | None) -> tuple[str, ...]:
    """The idempotency tokens of an input, which a caller may leave to the SDK, and here to us."""
    members = shape.members.items() if shape else ()
    return tuple(name for name, member in members if member.traits.get("idempotencyToken"))


def fill_tokens(members: dict[str, Any], tokens: tuple[str, ...]) -> None:
    for name in tokens:
        if name not in members:
            members[name] = names.uuid4()
