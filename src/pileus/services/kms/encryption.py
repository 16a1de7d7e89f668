"""Encrypt, decrypt, re-encrypt: up to 4,096 bytes, under a symmetric key or an RSA key pair."""

from __future__ import annotations

from typing import Any, NamedTuple

from pileus.kernel import Call

from . import ciphertexts, faults, kms, recipients, specs
from .ciphertexts import envelope
from .keys import Key, meant
from .material import private_key

Context = dict[str, str]

OAEP_OVERHEAD = {"RSAES_OAEP_SHA_1": 42, "RSAES_OAEP_SHA_256": 66}
"""Bytes that the padding takes: twice the digest's and two (RFC 8017, section 7.1.1)."""


class Opened(NamedTuple):
    """What a ciphertext came to."""

    key: Key
    algorithm: str
    plaintext: bytes
    material_id: str


@kms.operation(on=meant, honours=("GrantTokens",))
def encrypt(
    call: Call,
    key: Key,
    plaintext: bytes,
    encryption_context: Context = {},
    encryption_algorithm: str = specs.SYMMETRIC,
    dry_run: bool = False,
) -> dict[str, Any]:
    """Encrypt at most 4,096 bytes; what is larger wants a data key. The ciphertext of a symmetric key names it."""
    blob = encrypted(call, key, encryption_algorithm, plaintext, encryption_context)
    if dry_run:
        raise faults.dry_run()
    return {"CiphertextBlob": blob, "KeyId": key.arn(call), "EncryptionAlgorithm": encryption_algorithm}


@kms.operation(honours=("GrantTokens",))
def decrypt(
    call: Call,
    ciphertext_blob: bytes = b"",
    encryption_context: Context = {},
    key_id: str = "",
    encryption_algorithm: str = specs.SYMMETRIC,
    dry_run: bool = False,
    dry_run_modifiers: list[str] = [],
    recipient: dict[str, Any] = {},
) -> dict[str, Any]:
    """Decrypt. A symmetric ciphertext knows its key; `key_id` then only makes sure that it is this one."""
    check_modifiers(dry_run, dry_run_modifiers)
    if "IGNORE_CIPHERTEXT" in dry_run_modifiers and key_id:
        meant(call, key_id).check_usable(call, specs.ENCRYPT)
        raise faults.dry_run()
    found = decrypted(call, key_id, encryption_algorithm, ciphertext_blob, encryption_context)
    if dry_run:
        raise faults.dry_run()
    told = {"KeyId": found.key.arn(call), "EncryptionAlgorithm": found.algorithm}
    told |= recipients.told(call, recipient, "Plaintext", found.plaintext)
    return told | ({"KeyMaterialId": found.material_id} if found.material_id else {})


@kms.operation(action="kms:ReEncryptFrom", honours=("GrantTokens",))
def re_encrypt(
    call: Call,
    destination_key_id: str,
    ciphertext_blob: bytes = b"",
    source_encryption_context: Context = {},
    source_key_id: str = "",
    destination_encryption_context: Context = {},
    source_encryption_algorithm: str = specs.SYMMETRIC,
    destination_encryption_algorithm: str = specs.SYMMETRIC,
    dry_run: bool = False,
    dry_run_modifiers: list[str] = [],
) -> dict[str, Any]:
    """Decrypt and encrypt anew, under another key or context, without the plaintext ever leaving."""
    from .access import destination

    check_modifiers(dry_run, dry_run_modifiers)
    if "IGNORE_CIPHERTEXT" in dry_run_modifiers and source_key_id:
        meant(call, source_key_id).check_usable(call, specs.ENCRYPT)
        raise faults.dry_run()
    source = decrypted(call, source_key_id, source_encryption_algorithm, ciphertext_blob, source_encryption_context)
    there, key = destination(call, destination_key_id)
    blob = encrypted(there, key, destination_encryption_algorithm, source.plaintext, destination_encryption_context)
    if dry_run:
        raise faults.dry_run()
    told = {
        "CiphertextBlob": blob,
        "SourceKeyId": source.key.arn(call),
        "KeyId": key.arn(there),
        "SourceEncryptionAlgorithm": source_encryption_algorithm,
        "DestinationEncryptionAlgorithm": destination_encryption_algorithm,
    }
    if source.material_id:
        told["SourceKeyMaterialId"] = source.material_id
    return told | ({"DestinationKeyMaterialId": key.material_id} if key.symmetric else {})


def encrypted(call: Call, key: Key, algorithm: str, plaintext: bytes, context: Context) -> bytes:
    """The ciphertext of some bytes under a key."""
    key.check_usable(call, specs.ENCRYPT)
    key.check_algorithm(algorithm)
    if key.symmetric:
        return ciphertexts.sealed(call.account, key.id, key.material_id, key.cipher(call), plaintext, context)
    check_no_context(context)
    most = specs.SPECS[key.spec].size // 8 - OAEP_OVERHEAD[algorithm]
    if len(plaintext) > most:
        raise faults.validation(
            f"Algorithm {algorithm} and key spec {key.spec} cannot encrypt data larger than {most} bytes."
        )
    found: bytes = private_key(key.secret(call)).public_key().encrypt(plaintext, oaep(algorithm))
    return found


def decrypted(call: Call, key_id: str, algorithm: str, blob: bytes, context: Context) -> Opened:
    """What a ciphertext holds."""
    if not blob:
        raise faults.validation("CiphertextBlob is required.")
    if algorithm == specs.SYMMETRIC:
        return decrypted_symmetric(call, key_id, blob, context)
    if not key_id:
        raise faults.validation("A KeyId is required to decrypt with an asymmetric KMS key.")
    key = meant(call, key_id)
    key.check_usable(call, specs.ENCRYPT)
    key.check_algorithm(algorithm)
    check_no_context(context)
    try:
        plaintext = private_key(key.secret(call)).decrypt(blob, oaep(algorithm))
    except ValueError:
        raise faults.invalid_ciphertext() from None
    return Opened(key, algorithm, plaintext, "")


def decrypted_symmetric(call: Call, key_id: str, blob: bytes, context: Context) -> Opened:
    asked = meant(call, key_id) if key_id else None
    if asked is not None:
        asked.check_usable(call, specs.ENCRYPT)
        asked.check_algorithm(specs.SYMMETRIC)
    found = envelope(blob)
    if asked is not None and (asked.id != found.key_id or call.account != found.account):
        raise faults.incorrect_key()
    key = asked or (Key.get(call, found.key_id) if call.account == found.account else None)
    if key is None:
        raise faults.unknown_ciphertext()
    key.check_usable(call, specs.ENCRYPT)
    plaintext = ciphertexts.opened(found, key.cipher(call, found.material_id), context)
    return Opened(key, specs.SYMMETRIC, plaintext, found.material_id)


def check_modifiers(dry_run: bool, modifiers: list[str]) -> None:
    if modifiers and not dry_run:
        raise faults.validation("DryRunModifiers can be specified only with DryRun.")


def check_no_context(context: Context) -> None:
    if context:
        raise faults.validation("An encryption context is valid only with a symmetric encryption KMS key.")


def oaep(algorithm: str) -> Any:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP

    digest = hashes.SHA1() if algorithm.endswith("SHA_1") else hashes.SHA256()
    return OAEP(MGF1(digest), digest, None)
