"""Letters that are encrypted before they are written into a bucket, as the S3 Encryption Client does it.

The client's second format: a data key of KMS, AES-256 in GCM, and metadata that say so ("S3 action", Developer Guide).
"""

from __future__ import annotations

import base64
import json
import os

from pileus.kernel import Call
from pileus.kernel.identity import Principal


def sealed(
    call: Call, principal: Principal, master: str, about: dict[str, str], content: bytes
) -> tuple[bytes, dict[str, str]]:
    """The content encrypted, and the object's metadata."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    context = {"kms_cmk_id": master, **about}
    key = call.aws("kms", principal=principal).generate_data_key(
        key_id=master, key_spec="AES_256", encryption_context=context
    )
    nonce = os.urandom(12)
    metadata = {
        "x-amz-key-v2": base64.b64encode(key["CiphertextBlob"]).decode(),
        "x-amz-iv": base64.b64encode(nonce).decode(),
        "x-amz-cek-alg": "AES/GCM/NoPadding",
        "x-amz-wrap-alg": "kms",
        "x-amz-tag-len": "128",
        "x-amz-matdesc": json.dumps(context),
        "x-amz-unencrypted-content-length": str(len(content)),
    }
    return AESGCM(key["Plaintext"]).encrypt(nonce, content, None), metadata
