"""Accounts as issuers of tokens: whom they vouch for elsewhere, and the keys by which others believe it.

The keys are published below the cloud's own address (OpenID Connect Discovery 1.0), for whoever is shown a token.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import msgspec

from .record import Record

if TYPE_CHECKING:
    from .call import Call

ALGORITHMS = ("RS256", "ES384")
PATH = "/_pileus/at/sts"


class Key(msgspec.Struct):
    """A pair of keys: the private one sealed, the public one as it is published (RFC 7517)."""

    id: str
    sealed: bytes
    public: dict[str, str]


class Issuer(Record, scope="cloud", indexes={"by_account": ("account",)}):
    """An account that vouches for its principals."""

    id: str
    account: str
    url: str
    enabled: bool = True
    keys: dict[str, Key] = {}
    """By algorithm."""

    @classmethod
    def of(cls, call: Call) -> Issuer | None:
        return cls.first(call, call.account, index="by_account")

    def description(self) -> dict[str, Any]:
        """What the issuer says of itself."""
        return {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/.well-known/jwks.json",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": list(ALGORITHMS),
            "claims_supported": ["iss", "sub", "aud", "exp", "iat", "jti", "https://sts.amazonaws.com/"],
        }

    def published(self) -> dict[str, Any]:
        """The public keys."""
        return {"keys": [key.public for key in self.keys.values()]}

    def secret(self, call: Call, algorithm: str) -> bytes:
        """The private key (PKCS #8, PEM)."""
        return call.cloud.master_key.open(self.keys[algorithm].sealed, self.id.encode())


def generated(algorithm: str) -> tuple[bytes, dict[str, str]]:
    """A new private key, and the public one as it is published without its id. It takes a while."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    if algorithm == "RS256":
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        whole = key.public_key().public_numbers()
        public = {"kty": "RSA", "n": number(whole.n, 256), "e": number(whole.e, 3)}
    else:
        key = ec.generate_private_key(ec.SECP384R1())
        point = key.public_key().public_numbers()
        public = {"kty": "EC", "crv": "P-384", "x": number(point.x, 48), "y": number(point.y, 48)}
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return pem, public | {"use": "sig", "alg": algorithm}


def number(value: int, size: int) -> str:
    return base64.urlsafe_b64encode(value.to_bytes(size, "big")).decode().rstrip("=")
