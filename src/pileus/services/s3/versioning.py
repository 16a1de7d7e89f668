"""Versioning of a bucket. MFA delete is left out: nobody here could check the codes."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Unfinished

from . import documents, faults, s3
from .buckets import Bucket, by_name


@s3.operation(on=by_name)
def get_bucket_versioning(call: Call, bucket: Bucket) -> dict[str, Any]:
    """Whether versions are kept; nothing at all for a bucket that never kept any."""
    return {"Status": bucket.versioning} if bucket.versioned else {}


@s3.operation(on=by_name, honours=("ContentMD5", "ChecksumAlgorithm"))
def put_bucket_versioning(call: Call, bucket: Bucket, versioning_configuration: dict[str, Any]) -> None:
    """Keep versions from now on, or no more; it is never again as if there had been none."""
    if versioning_configuration.get("MFADelete") == "Enabled":
        raise Unfinished("Pileus has no MFA delete yet.")
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
    bucket.versioning = status
    bucket.put(call)
