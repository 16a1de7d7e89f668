"""Key pairs of certificates: made, stored as PKCS #8 (RFC 5958), and what they sign with."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

RSA = {"RSA_1024": 1024, "RSA_2048": 2048, "RSA_3072": 3072, "RSA_4096": 4096}
CURVES = {"EC_prime256v1": "SECP256R1", "EC_secp384r1": "SECP384R1", "EC_secp521r1": "SECP521R1"}
LATTICES = ("ML_DSA_44", "ML_DSA_65", "ML_DSA_87")


def generated(algorithm: str) -> Any:
    """A new private key. One of RSA takes its time: up to seconds."""
    if algorithm in RSA:
        from cryptography.hazmat.primitives.asymmetric import rsa

        return rsa.generate_private_key(public_exponent=65537, key_size=RSA[algorithm])
    if algorithm in CURVES:
        from cryptography.hazmat.primitives.asymmetric import ec

        return ec.generate_private_key(getattr(ec, CURVES[algorithm])())
    if algorithm in LATTICES:
        from cryptography.hazmat.primitives.asymmetric import mldsa

        return getattr(mldsa, f"{algorithm.replace('_', '')}PrivateKey").generate()
    raise ValueError(f"there are no {algorithm} keys")


def algorithm_of(key: Any) -> str:
    """What a public or private key is, as `generated` names it; empty for what it does not know."""
    if curve := getattr(key, "curve", None):
        return next((name for name, kind in CURVES.items() if kind.lower() == curve.name), "")
    if size := getattr(key, "key_size", 0):
        return f"RSA_{size}"
    kind = type(key).__name__
    return next((name for name in LATTICES if kind.startswith(name.replace("_", ""))), "")


def family(key: Any) -> str:
    """`RSA`, `ECDSA` or the name of a lattice."""
    name = algorithm_of(key)
    return "RSA" if name.startswith("RSA") else "ECDSA" if name.startswith("EC_") else name


def der(private: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    found: bytes = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return found


@lru_cache(maxsize=256)
def loaded(pkcs8: bytes) -> Any:
    """The private key of its DER; loading an RSA key checks it, which costs more than signing with it."""
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    return load_der_private_key(pkcs8, None)


class Signing(NamedTuple):
    """How something is signed."""

    family: str
    digest: Any
    padding: Any

    def arguments(self) -> dict[str, Any]:
        """For the `sign` of a builder of certificates, requests or lists."""
        return {"algorithm": self.digest, "rsa_padding": self.padding}


def signing(algorithm: str) -> Signing:
    """`SHA256WITHRSA`, `SHA384WITHECDSA`, `SHA512WITHRSA_PSS`, `ML_DSA_65`: family, digest and padding."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    if algorithm in LATTICES:
        return Signing(algorithm, None, None)
    name, _, rest = algorithm.partition("WITH")
    if name not in ("SHA256", "SHA384", "SHA512"):
        raise ValueError(f"there is no signing by {algorithm}")
    digest = getattr(hashes, name)()
    if rest == "RSA_PSS":
        return Signing("RSA", digest, padding.PSS(padding.MGF1(digest), padding.PSS.DIGEST_LENGTH))
    return Signing(rest, digest, None)


def pem(private: Any, passphrase: bytes | None = None) -> str:
    """A private key as text, encrypted where there is a passphrase (PKCS #8)."""
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    how = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    text: bytes = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)
    return text.decode()


def read(text: bytes, refuse: Callable[[str], Exception]) -> Any:
    """The private key of a PEM without a passphrase; raises what `refuse` makes of the reason."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(text, password=None)
    except TypeError:
        raise refuse("The private key is encrypted.") from None
    except ValueError:
        raise refuse("The private key is not in PEM.") from None
