"""What parameters hold, sealed: a SecureString under the customer's KMS key, anything else under the master key.

"How AWS Systems Manager Parameter Store uses AWS KMS": a standard parameter is encrypted by KMS itself, an advanced
one, which is too long for that, under a data key; the encryption context is the parameter's ARN.
"""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING, Any

from pileus.kernel import Call, Fault

if TYPE_CHECKING:
    from .parameters import Version

DEFAULT_KEY = "alias/aws/ssm"
NONCE = 12


def fill(call: Call, version: Version, value: str, key_id: str) -> None:
    """Put a value into a version."""
    if version.type != "SecureString":
        version.sealed = call.cloud.master_key.seal(value.encode(), about(version))
        return
    version.key_id = key_id or DEFAULT_KEY
    try:
        version.sealed = encrypted(call, version, value.encode())
    except Fault as fault:
        raise unfit(fault) from None


def value_of(call: Call, version: Version, decrypted: bool) -> str:
    """The value; of a SecureString that is not to be decrypted, the ciphertext in base 64."""
    if version.type != "SecureString":
        return call.cloud.master_key.open(version.sealed, about(version)).decode()
    if not decrypted:
        return base64.b64encode(version.sealed).decode()
    try:
        return opened(call, version).decode()
    except Fault as fault:
        raise unfit(fault) from None


UNFIT = (
    "DisabledException",
    "InvalidArnException",
    "InvalidKeyUsageException",
    "KMSInvalidStateException",
    "NotFoundException",
)


def unfit(fault: Fault) -> Fault:
    """What Parameter Store says where KMS refuses because of the key."""
    return Fault("InvalidKeyId", fault.message) if fault.code in UNFIT else fault


def encrypted(call: Call, version: Version, value: bytes) -> bytes:
    kms = call.aws("kms")
    if version.tier == "Standard":
        blob: bytes = kms.encrypt(key_id=version.key_id, plaintext=value, encryption_context=context(call, version))[
            "CiphertextBlob"
        ]
        return blob
    made = kms.generate_data_key(key_id=version.key_id, key_spec="AES_256", encryption_context=context(call, version))
    wrapped: bytes = made["CiphertextBlob"]
    nonce = os.urandom(NONCE)
    sealed: bytes = cipher(made["Plaintext"]).encrypt(nonce, value, None)
    return len(wrapped).to_bytes(2, "big") + wrapped + nonce + sealed


def opened(call: Call, version: Version) -> bytes:
    kms, sealed = call.aws("kms"), version.sealed
    if version.tier == "Standard":
        plain: bytes = kms.decrypt(ciphertext_blob=sealed, encryption_context=context(call, version))["Plaintext"]
        return plain
    end = 2 + int.from_bytes(sealed[:2], "big")
    key = kms.decrypt(ciphertext_blob=sealed[2:end], encryption_context=context(call, version))["Plaintext"]
    found: bytes = cipher(key).decrypt(sealed[end : end + NONCE], sealed[end + NONCE :], None)
    return found


def cipher(key: bytes) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)


def context(call: Call, version: Version) -> dict[str, str]:
    from .parameters import arn_of

    return {"PARAMETER_ARN": arn_of(call, version.name)}


def about(version: Version) -> bytes:
    return f"ssm:{version.name}:{version.number}".encode()
