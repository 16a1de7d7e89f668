"""Keys of SSH: made, read and written in the forms that clients have, and what tells one from another.

PuTTY's form is version 2 of its own (PuTTY User Manual, appendix "PPK file format").
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
    load_ssh_public_key,
)

PrivateKey = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
PublicKey = rsa.RSAPublicKey | ed25519.Ed25519PublicKey

WIDTH = 64


def made(kind: str) -> PrivateKey:
    """A new key, of `ed25519` or `rsa`."""
    return ed25519.Ed25519PrivateKey.generate() if kind == "ed25519" else rsa.generate_private_key(65537, 2048)


def read(text: str) -> PublicKey:
    """A public key in OpenSSH's, SSH2's (RFC 4716) or DER form in base 64; ValueError for anything else."""
    try:
        public = _parsed(text)
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from None
    if not isinstance(public, PublicKey):
        raise ValueError("neither RSA nor ED25519")
    return public


def _parsed(text: str) -> object:
    if text.startswith(("ssh-", "ecdsa-")):
        return load_ssh_public_key(text.encode())
    if text.startswith("---- BEGIN SSH2"):
        lines = [line for line in text.splitlines()[1:-1] if ":" not in line]
        blob = base64.b64decode("".join(lines))
        name = blob[4 : 4 + int.from_bytes(blob[:4], "big")]
        return load_ssh_public_key(name + b" " + base64.b64encode(blob))
    body = re.sub(r"-----[A-Z ]+-----|\s", "", text)
    return load_der_public_key(base64.b64decode(body, validate=True))


def bits(public: PublicKey) -> int:
    """How long an RSA key is; 0 of others."""
    return public.key_size if isinstance(public, rsa.RSAPublicKey) else 0


def openssh(public: PublicKey) -> str:
    """As OpenSSH writes it, without a comment."""
    return public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def pem(private: PrivateKey) -> str:
    form = PrivateFormat.TraditionalOpenSSL if isinstance(private, rsa.RSAPrivateKey) else PrivateFormat.OpenSSH
    return private.private_bytes(Encoding.PEM, form, NoEncryption()).decode().rstrip("\n")


def private_fingerprint(private: PrivateKey) -> str:
    """Of an RSA key the SHA-1 of its DER (PKCS #8)."""
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return _sha256(private.public_key())
    der = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return _colons(hashlib.sha1(der, usedforsecurity=False).hexdigest())


def public_fingerprint(public: PublicKey) -> str:
    """Of an RSA key the MD5 of its DER."""
    if isinstance(public, ed25519.Ed25519PublicKey):
        return _sha256(public)
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return _colons(hashlib.md5(der, usedforsecurity=False).hexdigest())


def _sha256(public: PublicKey) -> str:
    blob = base64.b64decode(openssh(public).split()[1])
    return base64.b64encode(hashlib.sha256(blob).digest()).decode()


def _colons(digits: str) -> str:
    return ":".join(digits[place : place + 2] for place in range(0, len(digits), 2))


def ppk(private: PrivateKey, comment: str) -> str:
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


def _secret(private: PrivateKey) -> bytes:
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
