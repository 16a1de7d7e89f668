"""Private keys in PuTTY's format, version 2 (PuTTY User Manual, appendix "PPK file format")."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable

from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

WIDTH = 64


def ppk(private: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey, comment: str) -> str:
    """An unencrypted file of the key, its lines ended as PuTTYgen ends them."""
    encoded = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    algorithm, blob = encoded.split()[:2]
    public, secret = base64.b64decode(blob), _secret(private)
    parts = (algorithm, b"none", comment.encode(), public, secret)
    key = hashlib.sha1(b"putty-private-key-file-mac-key", usedforsecurity=False).digest()
    mac = hmac.new(key, b"".join(map(_string, parts)), hashlib.sha1).hexdigest()
    head = [f"PuTTY-User-Key-File-2: {algorithm.decode()}", "Encryption: none", f"Comment: {comment}"]
    lines = [*head, *_lines("Public", public), *_lines("Private", secret), f"Private-MAC: {mac}"]
    return "".join(f"{line}\r\n" for line in lines)


def _secret(private: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return _string(private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()))
    numbers = private.private_numbers()
    return b"".join(map(_number, (numbers.d, numbers.p, numbers.q, numbers.iqmp)))


def _string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def _number(number: int) -> bytes:
    return _string(number.to_bytes(number.bit_length() // 8 + 1, "big"))


def _lines(name: str, data: bytes) -> Iterable[str]:
    text = base64.b64encode(data).decode()
    lines = [text[place : place + WIDTH] for place in range(0, len(text), WIDTH)]
    return [f"{name}-Lines: {len(lines)}", *lines]
