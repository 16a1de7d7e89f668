"""Signature Version 4A: the client's key is an ECDSA P-256 key pair that both sides derive from the secret access key.

The derivation is NIST SP 800-108's key derivation in counter mode with HMAC-SHA256, as the AWS SDKs do it ("AWS
Signature Version 4A", IAM User Guide).
"""

from __future__ import annotations

import hmac
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

LABEL = b"AWS4-ECDSA-P256-SHA256"
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""The order of P-256's base point (FIPS 186-4, D.1.2.3)."""

PADDING = "*"
"""Fills up the signature of a chunk, since DER has no fixed length and Content-Length must be known before signing."""


def private_value(access_key: str, secret: str) -> int:
    """The private key as a number in 1..ORDER-1."""
    key = f"AWS4A{secret}".encode()
    for counter in range(1, 255):
        context = access_key.encode() + bytes([counter])
        # [i]2 || Label || 0x00 || Context || [L]2, with i = 1 and L = 256 bits
        candidate = hmac.digest(key, b"\0\0\0\1" + LABEL + b"\0" + context + b"\0\0\1\0", "sha256")
        number = int.from_bytes(candidate, "big")
        if number <= ORDER - 2:
            return number + 1
    raise ValueError("no key could be derived")  # pragma: no cover  (probability 2**-8000)


@lru_cache(maxsize=256)
def public_key(access_key: str, secret: str) -> EllipticCurvePublicKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.derive_private_key(private_value(access_key, secret), ec.SECP256R1()).public_key()


def matches(key: EllipticCurvePublicKey, string_to_sign: bytes, signature: str) -> bool:
    """Whether the hexadecimal DER signature is that key's of that text."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        key.verify(bytes.fromhex(signature.rstrip(PADDING)), string_to_sign, ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True
