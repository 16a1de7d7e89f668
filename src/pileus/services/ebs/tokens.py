"""Block tokens: what a list hands out for each block, and what a read of one wants back."""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct

WEEK = 7 * 86400.0
FORM = struct.Struct(">d16s")


def token(snapshot_id: str, number: int, digest: bytes, expires: float) -> str:
    return base64.b64encode(FORM.pack(expires, _mark(snapshot_id, number, digest, expires))).decode()


def good(given: str, snapshot_id: str, number: int, digest: bytes, now: float) -> bool:
    """Whether a token is that of this block, and not too old."""
    try:
        expires, mark = FORM.unpack(base64.b64decode(given, validate=True))
    except (binascii.Error, struct.error):
        return False
    return bool(now < expires and mark == _mark(snapshot_id, number, digest, expires))


def _mark(snapshot_id: str, number: int, digest: bytes, expires: float) -> bytes:
    told = snapshot_id.encode() + digest + struct.pack(">Id", number, expires)
    return hashlib.blake2b(told, digest_size=16).digest()
