"""Shared secrets: by key agreement on an elliptic curve (ECDH, NIST SP 800-56A), and by encapsulation (FIPS 203)."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call

from . import faults, kms, recipients, specs
from .keys import Key, meant
from .material import private_key


@kms.operation(on=meant, honours=("GrantTokens",))
def derive_shared_secret(
    call: Call,
    key: Key,
    key_agreement_algorithm: str,
    public_key: bytes,
    dry_run: bool = False,
    recipient: dict[str, Any] = {},
) -> dict[str, Any]:
    """The secret that the key shares with the owner of a public key, raw: not yet fit to be a key itself."""
    from cryptography.hazmat.primitives.asymmetric.ec import ECDH, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    key.check_usable(call, specs.AGREE)
    key.check_algorithm(key_agreement_algorithm)
    try:
        other = load_der_public_key(public_key)
    except ValueError:
        raise faults.validation("The public key is not a DER-encoded X.509 SubjectPublicKeyInfo.") from None
    own = private_key(key.secret(call))
    if not isinstance(other, EllipticCurvePublicKey) or other.curve.name != own.curve.name:
        raise faults.validation(f"The public key is not on the curve of the key spec {key.spec}.")
    secret = own.exchange(ECDH(), other)
    if dry_run:
        raise faults.dry_run()
    return {
        "KeyId": key.arn(call),
        **recipients.told(call, recipient, "SharedSecret", secret),
        "KeyAgreementAlgorithm": key_agreement_algorithm,
        "KeyOrigin": key.origin,
    }


@kms.operation(on=meant, honours=("GrantTokens",))
def encapsulate(call: Call, key: Key, encapsulation_algorithm: str, dry_run: bool = False) -> dict[str, Any]:
    """A new secret, plain and as only the key's owner can open it."""
    key.check_usable(call, specs.ENCAPSULATE)
    secret, blob = private_key(key.secret(call)).public_key().encapsulate()
    if dry_run:
        raise faults.dry_run()
    told = {"KeyId": key.arn(call), "EncapsulationAlgorithm": encapsulation_algorithm}
    return told | {"SharedSecret": secret, "SharedSecretCiphertextBlob": blob}


@kms.operation(on=meant, honours=("GrantTokens",))
def decapsulate(
    call: Call,
    key: Key,
    shared_secret_ciphertext_blob: bytes,
    encapsulation_algorithm: str,
    dry_run: bool = False,
) -> dict[str, Any]:
    """The secret of an encapsulation."""
    key.check_usable(call, specs.ENCAPSULATE)
    try:
        secret = private_key(key.secret(call)).decapsulate(shared_secret_ciphertext_blob)
    except ValueError:
        raise faults.invalid_ciphertext() from None
    if dry_run:
        raise faults.dry_run()
    told = {"KeyId": key.arn(call), "EncapsulationAlgorithm": encapsulation_algorithm}
    return told | {"SharedSecret": secret}
