"""Pagination tokens: opaque to the caller, good only for the operation and account that gave them.

They are base 32 without padding, of a length that four divides, which the patterns of nearly all models allow: many
refuse the other signs of base 64, or a length that it never has.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from pileus.models import snake_case

from .errors import Fault

if TYPE_CHECKING:
    from .call import Call


MARK = 8
"""How many bytes of a token say whose it is."""

_NIL = b"\xc0"
"""No place begins with it in msgpack, so it fills up."""


def sealed(call: Call, place: Any) -> str:
    """A token for a place, which may be anything that msgpack can carry."""
    content = msgspec.msgpack.encode(place)
    content = _NIL * (-(MARK + len(content)) % 5) + content
    return base64.b32encode(_mark(call, content) + content).decode().lower()


def opened(call: Call, token: str, invalid: Fault | None = None) -> Any:
    """The place of a token. A tampered or foreign token raises `invalid`, by default a validation error."""
    try:
        data = base64.b32decode(token, casefold=True)
    except (binascii.Error, ValueError):
        data = b""
    if len(data) <= MARK or data[:MARK] != _mark(call, data[MARK:]):
        raise invalid or Fault("ValidationException", "The provided pagination token is invalid.", status=400)
    place = msgspec.msgpack.decode(data[MARK:].lstrip(_NIL))
    return tuple(place) if isinstance(place, list) else place


def every(operation: Callable[..., Any], member: str, *, token: str = "NextToken", **asked: Any) -> Iterator[Any]:
    """What all pages of another service's list have: `every(call.aws("organizations").list_accounts, "Accounts")`.

    `token` is the member that continues; it is taken and given under the same name.
    """
    given = snake_case(token)
    following = None
    while True:
        page = operation(**asked, **({given: following} if following else {}))
        yield from page.get(member) or ()
        following = page.get(token)
        if not following:
            return


def _mark(call: Call, content: bytes) -> bytes:
    whose = f"{call.account}/{call.region}/{call.service}/{call.operation}/".encode()
    return hashlib.blake2b(whose + content, digest_size=MARK).digest()
