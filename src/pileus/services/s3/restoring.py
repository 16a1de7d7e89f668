"""Archived objects, and the copies of them that can be had for a while ("Restoring an archived object", S3 User Guide).

Delays are cloud time, within what AWS promises: expedited in 1 to 5 minutes, standard in 3 to 5 hours and bulk in 5 to
12 from GLACIER; 12 and 48 hours from DEEP_ARCHIVE.
"""

from __future__ import annotations

from email.utils import formatdate
from typing import Any

from pileus.kernel import Call
from pileus.kernel.edge import Result

from . import access, events, faults, happenings, notifications, planning, s3, versions
from .buckets import Bucket
from .objects import Object, Restore
from .rules import midnight

DAY = 86_400.0
HOUR = 3600.0
DELAYS = {
    "GLACIER": {"Expedited": 180.0, "Standard": 4 * HOUR, "Bulk": 8 * HOUR},
    "DEEP_ARCHIVE": {"Standard": 12 * HOUR, "Bulk": 48 * HOUR},
    "ARCHIVE_ACCESS": {"Expedited": 180.0, "Standard": 4 * HOUR, "Bulk": 8 * HOUR},
    "DEEP_ARCHIVE_ACCESS": {"Standard": 12 * HOUR, "Bulk": 48 * HOUR},
}
INTEGRITY = ("ChecksumAlgorithm",)


def readable(call: Call, found: Object) -> bool:
    """Whether the bytes can be read now."""
    if not found.archived:
        return True
    return found.restore is not None and found.restore.ready <= call.now < found.restore.expires


def check_readable(call: Call, found: Object) -> None:
    if found.archived and not readable(call, found):
        words = "The operation is not valid for the object's storage class"
        tier = found.tier or None
        raise faults.fault("InvalidObjectState", words, 403, StorageClass=found.storage_class, AccessTier=tier)


def shown(call: Call, found: Object) -> dict[str, str]:
    """x-amz-restore, while there is a copy or will be one."""
    restore = found.restore
    if restore is None or (restore.expires <= call.now and not found.tier):
        return {}
    if call.now < restore.ready:
        return {"Restore": 'ongoing-request="true"'}
    return {"Restore": f'ongoing-request="false", expiry-date="{formatdate(restore.expires, usegmt=True)}"'}


@s3.operation(on=access.to_key, honours=INTEGRITY)
def restore_object(
    call: Call, bucket: Bucket, key: str, version_id: str = "", restore_request: dict[str, Any] = {}
) -> dict[str, Any]:
    """Have a copy made of an archived object; asked again once it is there, it stays so many days longer from now."""
    found = versions.find(call, bucket, key, version_id, method="POST")
    if not found.archived:
        words = "Restore is not allowed for the object's current storage class"
        raise faults.fault("InvalidObjectState", words, 403, StorageClass=found.storage_class)
    if restore_request.keys() & {"Type", "SelectParameters", "OutputLocation"}:
        from . import archive_selecting

        wait = delay(found, restore_request.get("Tier") or "Standard")
        return archive_selecting.begun(call, bucket, found, restore_request, wait)
    days = lifetime(found, restore_request.get("Days"))
    tier = restore_request.get("GlacierJobParameters", {}).get("Tier") or restore_request.get("Tier") or "Standard"
    before = found.restore
    if before is not None and call.now < before.ready:
        check_faster(found, before, tier)
    if readable(call, found) and before is not None:
        found.restore = Restore(before.ready, midnight(call.now + days * DAY), before.tier, before.told)
        status = 200
    else:
        ready = call.now + delay(found, tier)
        if before is not None and call.now < before.ready:
            ready = min(ready, before.ready)
        found.restore = Restore(ready, midnight(ready + days * DAY), tier)
        detail = {"source-storage-class": found.storage_class}
        happenings.changed(call, bucket, found, "ObjectRestore:Post", detail=detail)
        at = call.at(account=bucket.owner, region=bucket.region, principal=notifications.called(call, bucket))
        place = {"bucket": bucket.name, "room": bucket.room, "key": key, "version": found.version}
        restored.later(at, due=ready, **place)
        status = 202
    versions.save(call, found)
    return Result(access.charged(call, bucket), status)


def lifetime(found: Object, days: int | None) -> int:
    """For how many days there is to be a copy; what comes back from a tier of Intelligent-Tiering is no copy."""
    if found.tier:
        if days is not None:
            raise faults.malformed()
        return 0
    if days is None:
        raise faults.malformed()
    if days < 1:
        raise faults.invalid_argument("Days must be a positive integer")
    return days


def check_faster(found: Object, before: Restore, tier: str) -> None:
    """While a restore is under way, only its tier can be changed, for a faster one."""
    delays = DELAYS[found.archived]
    if delay(found, tier) >= delays[before.tier]:
        words = "Object restore is already in progress"
        raise faults.fault("RestoreAlreadyInProgress", words, 409)


def delay(found: Object, tier: str) -> float:
    delays = DELAYS[found.archived]
    if tier not in delays:
        words = f"Retrieval option is not supported by this storage class: {tier}"
        raise faults.invalid_argument(words, "Tier", tier)
    return delays[tier]


def still_there(call: Call, bucket: str, room: str, key: str, version: str) -> tuple[Bucket, Object] | None:
    """A version with a restore, if it is there yet."""
    found = Bucket.get(call, call.partition, bucket)
    if found is None or found.room != room:
        return None
    there = versions.lookup(call, found, key, version)
    held = there.held if isinstance(there, versions.Version) else there
    return (found, held) if held is not None and held.restore is not None else None


@s3.task
def restored(call: Call, bucket: str, room: str, key: str, version: str) -> None:
    """A copy can be read now; tell it, unless a faster request has told it before."""
    there = still_there(call, bucket, room, key, version)
    if there is None:
        return
    found, held = there
    assert held.restore is not None
    if held.restore.ready > call.now or held.restore.told:
        return
    if held.tier:
        back(call, found, held)
        return
    held.restore = Restore(held.restore.ready, held.restore.expires, held.restore.tier, told=True)
    versions.save(call, held)
    ends = events.iso(held.restore.expires)
    data = {"lifecycleRestorationExpiryTime": ends, "lifecycleRestoreStorageClass": held.storage_class}
    detail = {"restore-expiry-time": ends, "source-storage-class": held.storage_class}
    more = {"glacierEventData": {"restoreEventData": data}}
    happenings.changed(call, found, held, "ObjectRestore:Completed", more=more, detail=detail)
    ended.later(call, bucket=bucket, room=room, key=key, version=version, due=held.restore.expires)


def back(call: Call, bucket: Bucket, held: Object) -> None:
    """An object comes back from an archive tier for good."""
    held.tier, held.restore, held.accessed = "", None, call.now
    versions.save(call, held)
    planning.soon(call, bucket)
    detail = {"source-storage-class": held.storage_class}
    data = {"restoreEventData": {"lifecycleRestoreStorageClass": held.storage_class}}
    happenings.changed(call, bucket, held, "ObjectRestore:Completed", more={"glacierEventData": data}, detail=detail)


@s3.task
def ended(call: Call, bucket: str, room: str, key: str, version: str) -> None:
    """The time of a copy is over, unless it was made longer."""
    there = still_there(call, bucket, room, key, version)
    if there is None:
        return
    found, held = there
    assert held.restore is not None
    if held.restore.expires > call.now:
        if held.restore.told:
            ended.later(call, bucket=bucket, room=room, key=key, version=version, due=held.restore.expires)
        return
    held.restore = None
    versions.save(call, held)
    happenings.changed(call, found, held, "ObjectRestore:Delete", detail={"source-storage-class": held.storage_class})
