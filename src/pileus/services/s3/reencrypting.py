"""UpdateObjectEncryption: the data keys of an object are sealed anew under a key of KMS; its bytes stay as they are."""

from __future__ import annotations

import re
from typing import Any

from pileus.kernel import Call

from . import access, faults, journals, s3, seals, versions
from .buckets import Bucket
from .objects import Manifest, Part
from .seals import Opener, Seal

_ARN = re.compile(r"arn:aws[-a-z0-9]*:kms:[-a-z0-9]*:[0-9]{12}:key/.+")
SUPPORTED = ("AES256", "aws:kms")


@s3.operation(on=access.to_key, honours=("ContentMD5", "ChecksumAlgorithm"))
def update_object_encryption(
    call: Call, bucket: Bucket, key: str, object_encryption: dict[str, Any], version_id: str = ""
) -> dict[str, Any]:
    """Encrypt an object under a key of the bucket owner's, without touching anything else of it."""
    found = versions.find(call, bucket, key, version_id, method="PUT")
    if found.seal.algorithm not in SUPPORTED:
        raise faults.invalid_request(
            "The UpdateObjectEncryption operation doesn't support source objects with the encryption type DSSE-KMS or "
            "SSE-C. Only source objects encrypted with SSE-S3 or SSE-KMS are supported."
        )
    if found.lock_mode == "COMPLIANCE" and found.lock_until > call.now:
        raise faults.denied(
            "The encryption type for the specified object can't be updated because that object is protected by S3 "
            "Object Lock."
        )
    wanted = object_encryption.get("SSEKMS")
    if not wanted or "KMSKeyArn" not in wanted:
        raise faults.invalid_request(
            "Requests that modify an object encryption configuration require a valid new encryption type. Valid values "
            "are SSEKMS. Modify the request to specify SSE-KMS for the updated encryption type, and then try again."
        )
    if not _ARN.fullmatch(wanted["KMSKeyArn"]):
        raise faults.invalid_request(
            "Requests that modify an object's encryption type to SSE-KMS require a valid AWS KMS key Amazon Resource "
            "Name (ARN). Confirm that you have a correctly formatted KMS key ARN in your request, and then try again."
        )
    arn = seals.key_arn(call, wanted["KMSKeyArn"])
    if arn.split(":")[4] != bucket.owner:
        raise faults.denied(
            "The AWS KMS key in the request must be owned by the same account as the bucket. Modify the request to "
            "specify a KMS key from the same account, and then try again."
        )
    before = found.opener(call, bucket)
    found.seal = Seal("aws:kms", arn, found.seal.context, wanted.get("BucketKeyEnabled", False))
    after = found.opener(call, bucket)
    parts = found.pieces(call)
    for part in parts:
        rewrap(call, part, before, after)
    if found.manifest:
        Manifest(id=found.manifest, parts=parts).put(call)
    versions.save(call, found)
    if bucket.journals:
        journals.note(call, bucket, found, journals.UPDATE)
    return access.charged(call, bucket)


def rewrap(call: Call, part: Part, before: Opener, after: Opener) -> None:
    if not part.key:
        return
    secret = seals.open_key(call, before, part.key)
    made = seals.kms(
        call,
        "encrypt",
        key_id=after.seal.kms_key,
        plaintext=secret,
        encryption_context=seals.context(after),
    )
    part.key = made["CiphertextBlob"]
