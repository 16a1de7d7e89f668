"""Ciphertexts of symmetric keys: which key they are of, and how they are bound to their encryption context.

    format 1 | account 5 | kind of key id 1 | key id 16 | key material id 32 | nonce 12 | AES-256-GCM of the plaintext

Everything before the nonce, and the encryption context after it, is authenticated as additional data (RFC 5116).
"""

from __future__ import annotations

import os
import struct
from typing import Any, NamedTuple

from .faults import invalid_ciphertext

FORMAT = 1
HEADER = struct.Struct(">B5sB16s32s")
NONCE = 12
TAG = 16


class Envelope(NamedTuple):
    """A ciphertext taken apart."""

    account: str
    key_id: str
    material_id: str
    header: bytes
    sealed: bytes


def envelope(blob: bytes) -> Envelope:
    """The parts of a ciphertext; InvalidCiphertextException for what is none."""
    if len(blob) < HEADER.size + NONCE + TAG or blob[0] != FORMAT:
        raise invalid_ciphertext()
    _, account, kind, identity, material_id = HEADER.unpack_from(blob)
    if kind > 1:
        raise invalid_ciphertext()
    digits = identity.hex()
    if kind:
        key_id = f"mrk-{digits}"
    else:
        key_id = f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
    number = f"{int.from_bytes(account, 'big'):012d}"
    return Envelope(number, key_id, material_id.hex(), blob[: HEADER.size], blob[HEADER.size :])


def sealed(
    account: str, key_id: str, material_id: str, cipher: Any, plaintext: bytes, context: dict[str, str]
) -> bytes:
    """The ciphertext of a plaintext."""
    multi = key_id.startswith("mrk-")
    identity = bytes.fromhex(key_id.removeprefix("mrk-").replace("-", ""))
    header = HEADER.pack(FORMAT, int(account).to_bytes(5, "big"), multi, identity, bytes.fromhex(material_id))
    nonce = os.urandom(NONCE)
    found: bytes = header + nonce + cipher.encrypt(nonce, plaintext, header + canonical(context))
    return found


def opened(found: Envelope, cipher: Any, context: dict[str, str]) -> bytes:
    """The plaintext; InvalidCiphertextException where key or context are not those it was sealed with."""
    from cryptography.exceptions import InvalidTag

    nonce, body = found.sealed[:NONCE], found.sealed[NONCE:]
    try:
        plaintext: bytes = cipher.decrypt(nonce, body, found.header + canonical(context))
    except InvalidTag:
        raise invalid_ciphertext() from None
    return plaintext


def canonical(context: dict[str, str]) -> bytes:
    """An encryption context as bytes: its pairs in the order of their names, each text after its length."""
    if not context:
        return b""
    return b"".join(
        len(text).to_bytes(4, "big") + text for pair in sorted(context.items()) for text in map(str.encode, pair)
    )
