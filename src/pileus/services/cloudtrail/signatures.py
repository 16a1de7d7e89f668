"""The RSA keys that digests are signed with, one for an account and Region at a time."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from typing import Self

from pileus.kernel import Call, Record
from pileus.kernel.sealed import Sealed

ALGORITHM = "SHA256withRSA"
DAY = 86400.0
VALID = 365 * DAY


class SigningKey(Record):
    """A pair of keys; the private one is sealed."""

    fingerprint: str
    public: str
    """DER of PKCS #1, in base 64."""
    private: str
    since: float
    until: float

    @classmethod
    def current(cls, call: Call) -> Self | None:
        return next((key for key in cls.scan(call) if key.since <= call.now < key.until - DAY), None)


async def signer(call: Call) -> SigningKey:
    """The key to sign with now, made if there is none."""
    if key := SigningKey.current(call):
        return key
    public, private = await asyncio.to_thread(pair)
    with call.transaction():
        if key := SigningKey.current(call):
            return key
        return SigningKey(
            fingerprint=hashlib.md5(public, usedforsecurity=False).hexdigest(),
            public=base64.b64encode(public).decode(),
            private=Sealed.seal(call, base64.b64encode(private).decode()),
            since=call.now - DAY,
            until=call.now + VALID,
        ).put(call)


def pair() -> tuple[bytes, bytes]:
    """A new pair of keys, in DER."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
    private = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return public, private


def sign(private: bytes, text: bytes) -> str:
    """The signature, in hexadecimal digits."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    key = serialization.load_der_private_key(private, None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key.sign(text, padding.PKCS1v15(), hashes.SHA256()).hex()
