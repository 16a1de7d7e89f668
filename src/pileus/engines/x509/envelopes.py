"""Enveloped data of the Cryptographic Message Syntax (RFC 5652): what only the holder of a private key can open.

For one recipient, whose public key is all that is known of it: RSAES-OAEP with SHA-256 for the key, AES-256-CBC for the
content. In DER, written by hand, since the cryptography library writes none for a key without a certificate.
"""

from __future__ import annotations

import hashlib
import os
from typing import Any


def tagged(tag: int, *parts: bytes) -> bytes:
    """An element of DER."""
    content = b"".join(parts)
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(digits)]) + digits + content


def sequence(*parts: bytes) -> bytes:
    return tagged(0x30, *parts)


def oid(text: str) -> bytes:
    first, second, *rest = map(int, text.split("."))
    content = bytes([40 * first + second])
    for number in rest:
        digits = [number & 0x7F]
        while number := number >> 7:
            digits.append(0x80 | number & 0x7F)
        content += bytes(reversed(digits))
    return tagged(0x06, content)


ENVELOPED, DATA = oid("1.2.840.113549.1.7.3"), oid("1.2.840.113549.1.7.1")
AES_256_CBC = oid("2.16.840.1.101.3.4.1.42")
SHA_256 = sequence(oid("2.16.840.1.101.3.4.2.1"), tagged(0x05))
MGF1 = sequence(oid("1.2.840.113549.1.1.8"), SHA_256)
OAEP = sequence(oid("1.2.840.113549.1.1.7"), sequence(tagged(0xA0, SHA_256), tagged(0xA1, MGF1)))
VERSION = tagged(0x02, b"\x02")


def sealed(public: Any, content: bytes) -> bytes:
    """Content that only the private key of an RSA key opens."""
    from cryptography.hazmat.primitives import hashes, padding, serialization
    from cryptography.hazmat.primitives.asymmetric import padding as asymmetric
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    key, start = os.urandom(32), os.urandom(16)
    padder = padding.PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(start)).encryptor()
    body = encryptor.update(padder.update(content) + padder.finalize()) + encryptor.finalize()
    oaep = asymmetric.OAEP(asymmetric.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    spki = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
    identifier = hashlib.sha1(spki, usedforsecurity=False).digest()
    recipient = sequence(VERSION, tagged(0x80, identifier), OAEP, tagged(0x04, public.encrypt(key, oaep)))
    encrypted = sequence(DATA, sequence(AES_256_CBC, tagged(0x04, start)), tagged(0x80, body))
    return sequence(ENVELOPED, tagged(0xA0, sequence(VERSION, tagged(0x31, recipient), encrypted)))
