"""Versioning of a bucket, and whether versions go for good only with a code of an MFA device."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call

from . import documents, factors, faults, s3
from .buckets import Bucket, by_name


@s3.operation(on=by_name)
def get_bucket_versioning(call: Call, bucket: Bucket) -> dict[str, Any]:
    """Whether versions are kept; nothing at all for a bucket that never kept any."""
    told = {"Status": bucket.versioning} if bucket.versioned else {}
    return told | ({"MFADelete": bucket.mfa} if bucket.mfa else {})


@s3.operation(on=by_name, honours=("ContentMD5", "ChecksumAlgorithm"))
def put_bucket_versioning(call: Call, bucket: Bucket, versioning_configuration: dict[str, Any], mfa: str = "") -> None:
    """Keep versions from now on, or no more; it is never again as if there had been none."""
    status = versioning_configuration.get("Status", "")
    if not status:
        words = "The Versioning element must be specified"
        raise faults.fault("IllegalVersioningConfigurationException", words)
    if status == "Suspended":
        if bucket.lock:
            words = "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed."
            raise faults.fault("InvalidBucketState", words, 409)
        if documents.load(call, bucket.room, "replication") is not None:
            words = "A replication configuration is present on this bucket, so the versioning state cannot be changed."
            raise faults.fault("InvalidBucketState", words, 409)
    protect(call, bucket, versioning_configuration.get("MFADelete", ""), mfa)
    bucket.versioning = status
    bucket.put(call)


def protect(call: Call, bucket: Bucket, wanted: str, mfa: str) -> None:
    """Turn MFA delete on or off, which is the root's alone; where it is on, nothing changes without a code."""
    if not wanted and bucket.mfa != "Enabled":
        return
    if wanted and call.principal.type != "Root":
        raise faults.denied()
    if wanted == "Enabled" and documents.load(call, bucket.room, "lifecycle") is not None:
        words = "MFA Delete cannot be enabled on a bucket with a lifecycle configuration"
        raise faults.fault("InvalidBucketState", words, 409)
    if bucket.mfa == "Enabled" or wanted == "Enabled":
        factors.spend(call, bucket, mfa)
    bucket.mfa = wanted or bucket.mfa
