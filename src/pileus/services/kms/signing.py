"""Signatures and message authentication codes, and the public keys that others verify them with.

Signatures are as OpenSSL makes and reads them: of RSA keys by RFC 8017, ECDSA's in DER (ANSI X9.62), Ed25519's by
RFC 8032, ML-DSA's by FIPS 204. Left out: Ed25519ph, which the cryptography library does not have.
"""

from __future__ import annotations

import hmac
from typing import Any

from pileus.kernel import Call, Fault, Unfinished

from . import faults, kms, specs
from .keys import Key, meant
from .material import private_key, public_der

LONGEST_MU = 64


@kms.operation(on=meant, honours=("GrantTokens",))
def sign(
    call: Call, key: Key, message: bytes, signing_algorithm: str, message_type: str = "RAW", dry_run: bool = False
) -> dict[str, Any]:
    """Sign a message of at most 4,096 bytes, or the digest of a longer one."""
    check(call, key, message, signing_algorithm, message_type)
    signature = Signer(private_key(key.secret(call)), signing_algorithm, message_type).sign(message)
    if dry_run:
        raise faults.dry_run()
    return {"KeyId": key.arn(call), "Signature": signature, "SigningAlgorithm": signing_algorithm}


@kms.operation(on=meant, honours=("GrantTokens",))
def verify(
    call: Call,
    key: Key,
    message: bytes,
    signature: bytes,
    signing_algorithm: str,
    message_type: str = "RAW",
    dry_run: bool = False,
) -> dict[str, Any]:
    """Whether a signature is of this key over this message; one that is not is an error."""
    from cryptography.exceptions import InvalidSignature

    check(call, key, message, signing_algorithm, message_type)
    try:
        Signer(private_key(key.secret(call)), signing_algorithm, message_type).verify(signature, message)
    except InvalidSignature:
        raise Fault("KMSInvalidSignatureException", "") from None
    if dry_run:
        raise faults.dry_run()
    return {"KeyId": key.arn(call), "SignatureValid": True, "SigningAlgorithm": signing_algorithm}


def check(call: Call, key: Key, message: bytes, algorithm: str, message_type: str) -> None:
    key.check_usable(call, specs.SIGN)
    key.check_algorithm(algorithm)
    if algorithm == "ED25519_PH_SHA_512":
        raise Unfinished("Pileus does not sign with ED25519_PH_SHA_512 yet.")
    if (message_type == "EXTERNAL_MU") > (algorithm == "ML_DSA_SHAKE_256"):
        raise faults.validation(f"MessageType EXTERNAL_MU is not valid for algorithm {algorithm}.")
    if message_type == "DIGEST":
        if not algorithm.startswith(("RSASSA", "ECDSA")):
            raise faults.validation(f"MessageType DIGEST is not valid for algorithm {algorithm}.")
        if len(message) != int(algorithm[-3:]) // 8:
            raise faults.validation(f"Digest is invalid length for algorithm {algorithm}.")
    if message_type == "EXTERNAL_MU" and len(message) != LONGEST_MU:
        raise faults.validation(f"Mu is invalid length for algorithm {algorithm}.")


class Signer:
    """A private key with an algorithm."""

    def __init__(self, private: Any, algorithm: str, message_type: str) -> None:
        self.private = private
        self.external_mu = message_type == "EXTERNAL_MU"
        self.parameters = parameters(algorithm, message_type == "DIGEST")

    def sign(self, message: bytes) -> bytes:
        make = self.private.sign_mu if self.external_mu else self.private.sign
        signature: bytes = make(message, *self.parameters)
        return signature

    def verify(self, signature: bytes, message: bytes) -> None:
        public = self.private.public_key()
        prove = public.verify_mu if self.external_mu else public.verify
        prove(signature, message, *self.parameters)


def parameters(algorithm: str, digested: bool) -> tuple[Any, ...]:
    """What the cryptography library wants to know beside the message."""
    if not algorithm.startswith(("RSASSA", "ECDSA")):
        return ()
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

    digest: Any = getattr(hashes, f"SHA{algorithm[-3:]}")()
    given = Prehashed(digest) if digested else digest
    if algorithm.startswith("ECDSA"):
        return (ec.ECDSA(given),)
    if "PSS" in algorithm:
        return (padding.PSS(padding.MGF1(digest), digest.digest_size), given)
    return (padding.PKCS1v15(), given)


@kms.operation(on=meant, honours=("GrantTokens",))
def get_public_key(call: Call, key: Key) -> dict[str, Any]:
    """The public key of a key pair, as an X.509 SubjectPublicKeyInfo in DER."""
    if specs.SPECS[key.spec].symmetric:
        raise Fault("UnsupportedOperationException", f"{key.arn(call)} is not an asymmetric KMS key.")
    key.check_state(call, "Enabled")
    return {
        "KeyId": key.arn(call),
        "PublicKey": public_der(private_key(key.secret(call))),
        "CustomerMasterKeySpec": key.spec,
        "KeySpec": key.spec,
        "KeyUsage": key.usage,
        specs.LISTED[key.usage]: list(specs.SPECS[key.spec].algorithms[key.usage]),
    }


# Message authentication codes


@kms.operation(on=meant, honours=("GrantTokens",))
def generate_mac(call: Call, key: Key, message: bytes, mac_algorithm: str, dry_run: bool = False) -> dict[str, Any]:
    """The HMAC (RFC 2104) of a message of at most 4,096 bytes."""
    mac = authenticated(call, key, message, mac_algorithm)
    if dry_run:
        raise faults.dry_run()
    return {"Mac": mac, "MacAlgorithm": mac_algorithm, "KeyId": key.arn(call)}


@kms.operation(on=meant, honours=("GrantTokens",))
def verify_mac(
    call: Call, key: Key, message: bytes, mac_algorithm: str, mac: bytes, dry_run: bool = False
) -> dict[str, Any]:
    """Whether an HMAC is of this key over this message; one that is not is an error."""
    if not hmac.compare_digest(authenticated(call, key, message, mac_algorithm), mac):
        raise Fault("KMSInvalidMacException", "")
    if dry_run:
        raise faults.dry_run()
    return {"KeyId": key.arn(call), "MacValid": True, "MacAlgorithm": mac_algorithm}


def authenticated(call: Call, key: Key, message: bytes, algorithm: str) -> bytes:
    key.check_usable(call, specs.MAC)
    key.check_algorithm(algorithm)
    return hmac.digest(key.secret(call), message, f"sha{algorithm[-3:]}")
