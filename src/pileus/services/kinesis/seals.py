"""Records under keys of KMS: each batch has a data key of its own, which whoever reads it must be allowed to decrypt.

Developer Guide, "Data protection in Amazon Kinesis Data Streams": producers need kms:GenerateDataKey, consumers
kms:Decrypt.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pileus.kernel import Call, Fault

if TYPE_CHECKING:
    from .streams import Stream

ERRORS = {
    "DisabledException": "KMSDisabledException",
    "KMSInvalidStateException": "KMSInvalidStateException",
    "AccessDeniedException": "KMSAccessDeniedException",
    "NotFoundException": "KMSNotFoundException",
    "InvalidKeyUsageException": "InvalidArgumentException",
}


class Seal:
    """What the records of one request are sealed with."""

    def __init__(self, call: Call, stream: Stream) -> None:
        made = asked(
            call,
            "generate_data_key",
            key_id=stream.key,
            key_spec="AES_256",
            encryption_context=context(call, stream),
        )
        self._key: bytes = made["Plaintext"]
        self.data_key: bytes = made["CiphertextBlob"]

    def close(self, content: bytes) -> bytes:
        nonce = os.urandom(12)
        sealed: bytes = _cipher(self._key).encrypt(nonce, content, None)
        return nonce + sealed


class Opener:
    """What opens the records of one request; it asks KMS once for each data key."""

    def __init__(self, call: Call, stream: Stream) -> None:
        self._call = call
        self._stream = stream
        self._keys: dict[bytes, bytes] = {}

    def open(self, data_key: bytes, sealed: bytes) -> bytes:
        key = self._keys.get(data_key)
        if key is None:
            context_of = context(self._call, self._stream)
            opened = asked(self._call, "decrypt", ciphertext_blob=data_key, encryption_context=context_of)
            key = self._keys[data_key] = opened["Plaintext"]
        return bytes(_cipher(key).decrypt(sealed[:12], sealed[12:], None))


def context(call: Call, stream: Stream) -> dict[str, str]:
    return {"aws:kinesis:arn": stream.arn(call)}


def asked(call: Call, operation: str, **members: Any) -> Any:
    """Ask KMS as the caller; its errors become those of Kinesis."""
    try:
        return getattr(call.aws("kms"), operation)(**members)
    except Fault as fault:
        if fault.code not in ERRORS:
            raise
        raise Fault(ERRORS[fault.code], fault.message, status=400) from None


def _cipher(key: bytes) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)
