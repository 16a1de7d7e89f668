"""What ACME clients sign: JSON Web Signatures (RFC 7515) by their account's key (RFC 7517)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

Members = dict[str, Any]

CURVES = {"P-256": "SECP256R1", "P-384": "SECP384R1"}
ALGORITHMS = {"ES256": ("EC", "P-256", "SHA256"), "ES384": ("EC", "P-384", "SHA384"), "RS256": ("RSA", "", "SHA256")}


class Invalid(Exception):
    """What makes a signature no good."""


def decoded(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, TypeError):
        raise Invalid("not base64url") from None


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def opened(body: bytes) -> tuple[Members, str, bytes, bytes]:
    """The protected header, the payload as text, what was signed, and the signature."""
    try:
        whole = json.loads(body)
        header = json.loads(decoded(whole["protected"]))
        payload = whole["payload"]
        signature = decoded(whole["signature"])
    except (ValueError, KeyError, TypeError):
        raise Invalid("not a JSON Web Signature") from None
    if not isinstance(header, dict) or not isinstance(payload, str):
        raise Invalid("not a JSON Web Signature")
    return header, payload, f"{whole['protected']}.{payload}".encode(), signature


def thumbprint(key: Members) -> str:
    """The thumbprint of a JWK (RFC 7638)."""
    members = ("crv", "kty", "x", "y") if key.get("kty") == "EC" else ("e", "kty", "n")
    text = json.dumps({name: key[name] for name in members}, separators=(",", ":"), sort_keys=True)
    return encoded(hashlib.sha256(text.encode()).digest())


def verify(key: Members, algorithm: str, signed: bytes, signature: bytes) -> None:
    """Raise unless the key has signed this."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, utils

    if algorithm not in ALGORITHMS:
        raise Invalid("the algorithm is not supported")
    kind, curve, digest = ALGORITHMS[algorithm]
    if key.get("kty") != kind or (curve and key.get("crv") != curve):
        raise Invalid("the key is not one of the algorithm")
    used = getattr(hashes, digest)()
    try:
        public = public_key(key)
        if kind == "RSA":
            public.verify(signature, signed, padding.PKCS1v15(), used)
            return
        half = len(signature) // 2
        parts = (int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big"))
        public.verify(utils.encode_dss_signature(*parts), signed, ec.ECDSA(used))
    except (InvalidSignature, ValueError, KeyError):
        raise Invalid("the signature is not of the key") from None


def public_key(key: Members) -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if key["kty"] == "RSA":
        return rsa.RSAPublicNumbers(number(key["e"]), number(key["n"])).public_key()
    curve = getattr(ec, CURVES[key["crv"]])()
    return ec.EllipticCurvePublicNumbers(number(key["x"]), number(key["y"]), curve).public_key()


def number(text: str) -> int:
    return int.from_bytes(decoded(text), "big")


def bound(binding: Members, secret: bytes, key: Members) -> None:
    """Raise unless an external account binding is of this secret over this key."""
    header, payload, signed, signature = opened(json.dumps(binding).encode())
    if header.get("alg") != "HS256" or json.loads(decoded(payload) or b"null") != key:
        raise Invalid("the binding is not over the account's key")
    if not hmac.compare_digest(hmac.digest(secret, signed, "sha256"), signature):
        raise Invalid("the binding is not of the credentials")
