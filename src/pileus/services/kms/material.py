"""Key material: what makes a key a key. It is stored sealed under the cloud's master key, and never leaves opened.

A symmetric key gets new material with every rotation and keeps the old, so that old ciphertexts decrypt. Secrets are
kept as their bytes, private keys as PKCS #8 (RFC 5958).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from functools import lru_cache
from importlib import import_module
from typing import Any

from pileus.kernel import Call, Record, Unfinished

from .specs import Spec, spec


class Material(Record, key=("key_id", "id"), indexes={"in_order": ("key_id", "number")}, kw_only=True):
    """One generation of a key's material."""

    key_id: str
    number: int
    id: str
    """KeyMaterialId: 64 hexadecimal digits, made of the key's id and the material itself."""
    sealed: bytes
    """Empty where imported material has expired or was deleted."""
    created: float
    state: str = "CURRENT"
    rotation: str = ""
    """AUTOMATIC or ON_DEMAND; empty for the first."""
    rotated: float = 0.0
    expires: float | None = None
    description: str = ""

    @classmethod
    def of(cls, call: Call, key_id: str, *, reverse: bool = False) -> Iterator[Material]:
        """All generations, the oldest first."""
        return cls.scan(call, key_id, index="in_order", reverse=reverse)

    def opened(self, call: Call) -> bytes:
        return call.cloud.master_key.open(self.sealed, about(self.key_id))


def about(key_id: str) -> bytes:
    return f"kms:{key_id}".encode()


def material(call: Call, key_id: str, number: int, secret: bytes, **more: Any) -> Material:
    """New material of a key, sealed."""
    return Material(
        key_id=key_id,
        number=number,
        id=hashlib.sha256(key_id.encode() + secret).hexdigest(),
        sealed=call.cloud.master_key.seal(secret, about(key_id)),
        created=call.now,
        **more,
    )


# Making


def generated(spec_name: str) -> bytes:
    """New material for a key of that spec. RSA keys take their time: up to seconds."""
    kind = spec(spec_name)
    return os.urandom(kind.size) if kind.symmetric else der(GENERATORS[kind.kind](spec_name, kind))


def slow(spec_name: str) -> bool:
    """Whether making one would hold up everybody else."""
    return spec(spec_name).kind == "rsa"


def _rsa(name: str, kind: Spec) -> Any:
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(public_exponent=65537, key_size=kind.size)


def _ec(name: str, kind: Spec) -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(curve(name))


def _edwards(name: str, kind: Spec) -> Any:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.generate()


def _ml_dsa(name: str, kind: Spec) -> Any:
    return lattice("mldsa", f"MLDSA{kind.size}PrivateKey").generate()


def _ml_kem(name: str, kind: Spec) -> Any:
    return lattice("mlkem", f"MLKEM{kind.size}PrivateKey").generate()


def lattice(module: str, name: str) -> Any:
    """A class of the newer algorithms, which older cryptography libraries do not have."""
    try:
        return getattr(import_module(f"cryptography.hazmat.primitives.asymmetric.{module}"), name)
    except ImportError:
        raise Unfinished(f"The cryptography library that is installed has no {module}: install a newer one.") from None


GENERATORS: dict[str, Callable[[str, Spec], Any]] = {
    "rsa": _rsa,
    "ec": _ec,
    "edwards": _edwards,
    "ml_dsa": _ml_dsa,
    "ml_kem": _ml_kem,
}


def curve(spec_name: str) -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec

    curves: dict[str, type[Any]] = {
        "ECC_NIST_P256": ec.SECP256R1,
        "ECC_NIST_P384": ec.SECP384R1,
        "ECC_NIST_P521": ec.SECP521R1,
        "ECC_SECG_P256K1": ec.SECP256K1,
    }
    return curves[spec_name]()


# Reading


@lru_cache(maxsize=512)
def private_key(pkcs8: bytes) -> Any:
    """The private key; loading an RSA key checks it, which costs more than signing with it."""
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    return load_der_private_key(pkcs8, None)


@lru_cache(maxsize=4096)
def cipher(secret: bytes) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(secret)


def der(private: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    found: bytes = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return found


def public_der(private: Any) -> bytes:
    """The public key as an X.509 SubjectPublicKeyInfo (RFC 5280), which is what OpenSSL reads."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    found: bytes = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return found


def fits(spec_name: str, secret: bytes) -> bool:
    """Whether imported bytes are material for a key of that spec."""
    kind = spec(spec_name)
    if kind.symmetric:
        return len(secret) == kind.size
    try:
        private = private_key(secret)
    except (ValueError, TypeError):
        return False
    wanted: dict[str, Callable[[], bool]] = {
        "rsa": lambda: getattr(private, "key_size", 0) == kind.size and hasattr(private, "private_numbers"),
        "ec": lambda: getattr(getattr(private, "curve", None), "name", "") == curve(spec_name).name,
        "edwards": lambda: type(private).__name__.endswith("Ed25519PrivateKey"),
        "ml_dsa": lambda: type(private).__name__ == f"MLDSA{kind.size}PrivateKey",
        "ml_kem": lambda: type(private).__name__ == f"MLKEM{kind.size}PrivateKey",
    }
    return wanted[kind.kind]()
