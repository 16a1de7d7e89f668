"""The metrics of Storage Lens: what a version, an upload or a bucket adds to which of them.

"Amazon S3 Storage Lens metrics glossary", S3 User Guide.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from pileus.kernel import Call
from pileus.services.s3 import documents, lens_tallies
from pileus.services.s3.buckets import Bucket
from pileus.services.s3.objects import Object
from pileus.services.s3.rules import DAY
from pileus.services.s3.rules import KIND as LIFECYCLE
from pileus.services.s3.uploads import Sent, Upload
from pileus.services.s3.versions import Version

REPLICATION = "replication"
STANDARD = "STANDARD"
OLD = 7 * DAY

Figures = dict[tuple[str, str], int]
"""Sums, by the storage class (empty for what has none) and the name of the metric."""
Members = dict[str, Any]


def figures() -> Figures:
    return defaultdict(int)


def add(sums: Figures, kind: str, name: str, size: int, objects: int = 1) -> None:
    """Add to a pair of metrics, such as StorageBytes and ObjectCount."""
    first, _, last = name.partition("*")
    sums[kind, f"{first}StorageBytes{last}"] += size
    sums[kind, f"{first}ObjectCount{last}"] += objects


def add_version(sums: Figures, version: Version, *, latest: bool) -> None:
    """Add a version, or a delete marker, which is as large as its name."""
    found = version.held
    if found is None:
        size = len(version.name.encode())
        add(sums, STANDARD, "", size)
        add(sums, STANDARD, "DeleteMarker", size)
        return
    kind, size = found.storage_class, found.size
    add(sums, kind, "", size)
    add(sums, kind, "CurrentVersion" if latest else "NonCurrentVersion", size)
    add(sums, kind, "Encrypted", size)  # as all are
    if found.lock_mode or found.hold:
        add(sums, kind, "ObjectLockEnabled", size)
    if found.replica:
        add(sums, kind, "Replicated", size)
    if "COMPLETED" in found.replicas.values():
        sums[kind, "ReplicatedStorageBytesSource"] += size
        sums[kind, "ReplicatedObjectCountSource"] += 1


def add_plain(sums: Figures, found: Object) -> None:
    """Add an object to the metrics that prefixes have."""
    add(sums, found.storage_class, "", found.size)


def add_uploads(call: Call, sums: Figures, bucket: Bucket) -> None:
    """Add what has arrived of uploads that were begun and never ended."""
    for upload in Upload.scan(call, bucket.room):
        size, kind = sum(sent.part.size for sent in Sent.scan(call, upload.id)), upload.new.storage_class
        add(sums, kind, "", size)
        add(sums, kind, "IncompleteMultipartUpload", size)
        if call.now - upload.begun > OLD:
            sums[kind, "IncompleteMPUStorageBytesOlderThan7Days"] += size
            sums[kind, "IncompleteMPUObjectCountOlderThan7Days"] += 1


# Buckets

OWNERSHIPS = {
    "BucketOwnerEnforced": "ObjectOwnershipBucketOwnerEnforcedBucketCount",
    "BucketOwnerPreferred": "ObjectOwnershipBucketOwnerPreferredBucketCount",
    "ObjectWriter": "ObjectOwnershipObjectWriterBucketCount",
}
COST = {
    "TransitionLifecycleRuleCount": "Transitions",
    "NonCurrentVersionTransitionLifecycleRuleCount": "NoncurrentVersionTransitions",
    "ExpirationLifecycleRuleCount": "Expiration",
    "NonCurrentVersionExpirationLifecycleRuleCount": "NoncurrentVersionExpiration",
    "AbortIncompleteMPULifecycleRuleCount": "AbortIncompleteMultipartUpload",
}
"""Metrics of lifecycle rules, and the actions that they count."""


def add_settings(call: Call, sums: Figures, bucket: Bucket) -> None:
    """Add how a bucket is set up, as far as the free metrics go."""
    algorithm = bucket.encryption.get("ApplyServerSideEncryptionByDefault", {}).get("SSEAlgorithm", "")
    acceleration = documents.load(call, bucket.room, "accelerateconfiguration") or {}
    claims = {
        "VersioningEnabledBucketCount": bucket.versioning == "Enabled",
        "MFADeleteEnabledBucketCount": bucket.mfa == "Enabled",
        "SSEKMSEnabledBucketCount": algorithm.startswith("aws:kms"),
        "EventNotificationEnabledBucketCount": bucket.notifies,
        "TransferAccelerationEnabledBucketCount": acceleration.get("Status") == "Enabled",
    }
    ownership = bucket.ownership or "ObjectWriter"
    claims |= {name: kind == ownership for kind, name in OWNERSHIPS.items()}
    for name, holds in claims.items():
        sums["", name] += holds


def add_cost(call: Call, sums: Figures, bucket: Bucket) -> None:
    """Add the lifecycle rules."""
    rules = (documents.load(call, bucket.room, LIFECYCLE) or {"Rules": []})["Rules"]
    for name, action in COST.items():
        sums["", name] += sum(1 for rule in rules if rule.get(action))
    markers = [rule for rule in rules if (rule.get("Expiration") or {}).get("ExpiredObjectDeleteMarker")]
    sums["", "ExpiredObjectDeleteMarkerLifecycleRuleCount"] += len(markers)
    sums["", "TotalLifecycleRuleCount"] += len(rules)


def add_protection(call: Call, sums: Figures, bucket: Bucket) -> None:
    """Add the replication rules, by where they lead."""
    for rule in (documents.load(call, bucket.room, REPLICATION) or {"Rules": []})["Rules"]:
        sums["", "TotalReplicationRuleCount"] += 1
        target = Bucket.get(call, call.partition, rule["Destination"]["Bucket"].rpartition(":")[2])
        if target is None:
            sums["", "InvalidDestinationReplicationRuleCount"] += 1
            continue
        sums["", f"{'Same' if target.region == bucket.region else 'Cross'}RegionReplicationRuleCount"] += 1
        sums["", f"{'Same' if target.owner == bucket.owner else 'Cross'}AccountReplicationRuleCount"] += 1


def add_requests(call: Call, sums: Figures, bucket: Bucket, day: float, names: tuple[str, ...]) -> None:
    """Add what was asked of a bucket on a day."""
    values = lens_tallies.tallied(call, bucket, day).values
    for name in names:
        sums["", name] += int(values.get(name, (0, 0))[1])


def add_all(sums: Figures, more: Figures) -> None:
    for place, value in more.items():
        sums[place] += value
