"""Archived objects, and the copies of them that can be had for a while ("Restoring an archived object", S3 User Guide).

Delays are cloud time, within what AWS promises: expedited in 1 to 5 minutes, standard in 3 to 5 hours and bulk in 5 to
12 from GLACIER; 12 and 48 hours from DEEP_ARCHIVE.
"""

from __future__ import annotations

import math
from email.utils import formatdate
from typing import Any

from pileus.kernel import Call, Unfinished
from pileus.kernel.edge import Result

from . import access, faults, s3, versions
from .buckets import Bucket
from .objects import ARCHIVED, Object, Restore

DAY = 86_400.0
HOUR = 3600.0
DELAYS = {
    "GLACIER": {"Expedited": 180.0, "Standard": 4 * HOUR, "Bulk": 8 * HOUR},
    "DEEP_ARCHIVE": {"Standard": 12 * HOUR, "Bulk": 48 * HOUR},
}
INTEGRITY = ("ChecksumAlgorithm",)


def readable(call: Call, found: Object) -> bool:
    """Whether the bytes can be read now."""
    if found.storage_class not in ARCHIVED:
        return True
    return found.restore is not None and found.restore.ready <= call.now < found.restore.expires


def check_readable(call: Call, found: Object) -> None:
    if not readable(call, found):
        words = "The operation is not valid for the object's storage class"
        raise faults.fault("InvalidObjectState", words, 403, StorageClass=found.storage_class)


def shown(call: Call, found: Object) -> dict[str, str]:
    """x-amz-restore, while there is a copy or will be one."""
    restore = found.restore
    if restore is None or restore.expires <= call.now:
        return {}
    if call.now < restore.ready:
        return {"Restore": 'ongoing-request="true"'}
    return {"Restore": f'ongoing-request="false", expiry-date="{formatdate(restore.expires, usegmt=True)}"'}


@s3.operation(on=access.to_key, honours=INTEGRITY)
def restore_object(
    call: Call, bucket: Bucket, key: str, version_id: str = "", restore_request: dict[str, Any] = {}
) -> dict[str, Any]:
    """Have a copy made of an archived object; asked again once it is there, it stays so many days longer from now."""
    if restore_request.keys() & {"Type", "SelectParameters", "OutputLocation"}:
        raise Unfinished("Pileus does not select from archived objects yet.")
    found = versions.find(call, bucket, key, version_id, method="POST")
    if found.storage_class not in ARCHIVED:
        words = "Restore is not allowed for the object's current storage class"
        raise faults.fault("InvalidObjectState", words, 403, StorageClass=found.storage_class)
    days = restore_request.get("Days")
    if days is None or days < 1:
        raise faults.malformed() if days is None else faults.invalid_argument("Days must be a positive integer")
    tier = restore_request.get("GlacierJobParameters", {}).get("Tier") or restore_request.get("Tier") or "Standard"
    before = found.restore
    if before is not None and call.now < before.ready:
        words = "Object restore is already in progress"
        raise faults.fault("RestoreAlreadyInProgress", words, 409)
    if readable(call, found) and before is not None:
        found.restore = Restore(before.ready, midnight(call.now + days * DAY), before.tier)
        status = 200
    else:
        ready = call.now + delay(found, tier)
        found.restore = Restore(ready, midnight(ready + days * DAY), tier)
        status = 202
    versions.save(call, found)
    return Result(access.charged(call, bucket), status)


def delay(found: Object, tier: str) -> float:
    delays = DELAYS[found.storage_class]
    if tier not in delays:
        words = f"Retrieval option is not supported by this storage class: {tier}"
        raise faults.invalid_argument(words, "Tier", tier)
    return delays[tier]


def midnight(at: float) -> float:
    """S3 rounds the end up to the next midnight UTC."""
    return math.ceil(at / DAY) * DAY
