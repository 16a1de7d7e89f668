"""Fragments are encrypted at rest: under a key of the stream's, sealed by its KMS key or by the cloud's master key.

Whoever puts or reads media needs the right to decrypt with the KMS key (Developer Guide, "Data protection"). A stream
that names no key has the one that Kinesis Video Streams manages, which asks nobody.
"""

from __future__ import annotations

import os

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pileus.kernel import Call, Fault

from .streams import Stream

NONCE = 12


def new(call: Call, stream: Stream) -> bytes:
    """A key for a new stream, sealed."""
    if not stream.key:
        return call.cloud.master_key.seal(os.urandom(32))
    asked = {"key_id": stream.key, "key_spec": "AES_256", "encryption_context": context(call, stream)}
    try:
        blob: bytes = call.aws("kms").generate_data_key(**asked)["CiphertextBlob"]
    except Fault as fault:
        raise denied(stream, fault) from None
    return blob


def opened(call: Call, stream: Stream) -> bytes:
    """The stream's key, if the caller may use it."""
    if not stream.key:
        return call.cloud.master_key.open(stream.secret)
    asked = {"ciphertext_blob": stream.secret, "encryption_context": context(call, stream)}
    try:
        key: bytes = call.aws("kms").decrypt(**asked)["Plaintext"]
    except Fault as fault:
        raise denied(stream, fault) from None
    return key


def context(call: Call, stream: Stream) -> dict[str, str]:
    return {"aws:kinesisvideo:stream-arn": stream.arn(call)}


def denied(stream: Stream, fault: Fault) -> Fault:
    return Fault("NotAuthorizedException", f"The key {stream.key} cannot be used: {fault.message}", status=401)


def sealed(key: bytes, content: bytes) -> bytes:
    nonce = os.urandom(NONCE)
    return nonce + AESGCM(key).encrypt(nonce, content, None)


def unsealed(key: bytes, content: bytes) -> bytes:
    return AESGCM(key).decrypt(content[:NONCE], content[NONCE:], None)
