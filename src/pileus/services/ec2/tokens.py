"""Client tokens: a request that comes again with the same token does not make a second thing.

EC2 API reference, "Ensuring idempotency". A token is good for 24 hours.
"""

from __future__ import annotations

import hashlib

import msgspec

from pileus.kernel import Call, Fault, Record

DAY = 86400.0

encode = msgspec.msgpack.Encoder(order="deterministic").encode


class Token(Record, key=("operation", "token")):
    """A request that came with a token, and what it made."""

    operation: str
    token: str
    digest: bytes
    made: str
    at: float


def made_before(call: Call, client_token: str) -> str:
    """The id of what the same request with the same token made; empty if there was none.

    Raises IdempotentParameterMismatch where the token came with another request.
    """
    if not client_token:
        return ""
    earlier = Token.get(call, call.operation, client_token)
    if earlier is None or earlier.at + DAY <= call.now:
        return ""
    if earlier.digest != _digest(call):
        raise Fault(
            "IdempotentParameterMismatch",
            f"The client token '{client_token}' has already been used with different parameters.",
        )
    return earlier.made


def remember(call: Call, client_token: str, made: str) -> None:
    """Remember what the request of this call has made, if it came with a token."""
    if client_token:
        Token(operation=call.operation, token=client_token, digest=_digest(call), made=made, at=call.now).put(call)


def _digest(call: Call) -> bytes:
    """What the request asks for, without the token itself."""
    members = {name: value for name, value in call.members.items() if name != "ClientToken"}
    return hashlib.blake2b(encode(members), digest_size=16).digest()
