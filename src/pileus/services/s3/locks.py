"""Object Lock: versions that nobody may delete for a while ("Locking objects with Object Lock", S3 User Guide)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pileus.kernel import Call

from . import access, faults, happenings, s3, versions
from .buckets import Bucket, by_name
from .objects import Object

DAY = 86_400
LONGEST_DAYS, LONGEST_YEARS = 36_500, 100
INTEGRITY = ("ContentMD5", "ChecksumAlgorithm")


def apply(call: Call, bucket: Bucket, new: Object, request: Mapping[str, Any]) -> None:
    """Lock a new object as its request says, or as the bucket's default has it."""
    mode, until = request.get("ObjectLockMode", ""), request.get("ObjectLockRetainUntilDate")
    hold = request.get("ObjectLockLegalHoldStatus", "")
    if not bucket.lock:
        if mode or until is not None or hold or "ObjectLockEventHold" in request:
            raise faults.invalid_request("Bucket is missing Object Lock Configuration")
        return
    if bool(mode) != (until is not None):
        raise faults.invalid_argument(
            "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied"
        )
    new.hold = hold == "ON" if hold else None
    apply_event_hold(bucket, new, request)
    if mode and until is not None:
        check_until(call, until)
        new.lock_mode, new.lock_until = mode, until
    elif bucket.retention.keys() & {"Days", "Years"}:
        new.lock_mode, new.lock_until = bucket.retention["Mode"], call.now + seconds(bucket.retention)


def apply_event_hold(bucket: Bucket, new: Object, request: Mapping[str, Any]) -> None:
    """Hold a new object until an event, if its request or the bucket's default says so."""
    asked, default = request.get("ObjectLockEventHold", ""), bucket.retention.get("DefaultEventHold", {})
    days, years = (request.get(f"ObjectLockEventHoldDuration{unit}", 0) for unit in ("Days", "Years"))
    if (days or years) and asked != "ON":
        raise faults.invalid_argument("An event hold duration can only be specified with an event hold that is ON")
    if asked == "OFF" or not (asked or default):
        return
    if not (days or years):
        days, years = default.get("Days", 0), default.get("Years", 0)
    check_duration(days, years)
    new.event_hold, new.event_days, new.event_years = True, days, years
    new.event_mode = request.get("ObjectLockMode") or bucket.retention.get("Mode", "GOVERNANCE")


def check_duration(days: int, years: int) -> None:
    if bool(days) == bool(years):
        raise faults.invalid_argument("An event hold duration must be specified in either days or years")
    if not (0 <= days <= LONGEST_DAYS and 0 <= years <= LONGEST_YEARS):
        raise faults.invalid_argument("The event hold duration is out of range")


def check_until(call: Call, until: float) -> None:
    if until <= call.now:
        raise faults.invalid_argument("The retain until date must be in the future!")


def seconds(retention: Mapping[str, Any]) -> float:
    return float(retention["Days"] * DAY if "Days" in retention else retention["Years"] * 365 * DAY)


def shown(found: Object) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if found.lock_mode:
        told = {"ObjectLockMode": found.lock_mode, "ObjectLockRetainUntilDate": found.lock_until}
    if found.hold is not None:
        told["ObjectLockLegalHoldStatus"] = "ON" if found.hold else "OFF"
    if found.event_hold:
        told["ObjectLockEventHold"] = "ON"
        told |= {f"ObjectLockEventHoldDuration{unit}": number for unit, number in duration(found).items()}
    return told


def duration(found: Object) -> dict[str, int]:
    """What an event hold will leave behind, in days or years."""
    return {"Days": found.event_days} if found.event_days else {"Years": found.event_years}


def check_removable(call: Call, bucket: Bucket, found: Object, *, bypass: bool = False) -> None:
    """Refuse to delete a version that is locked."""
    locked = found.lock_until > call.now and not bypassed(call, bucket, found, bypass=bypass)
    if found.hold or found.event_hold or locked:
        raise faults.denied("Access Denied because object protected by object lock.")


def bypassed(call: Call, bucket: Bucket, found: Object, *, bypass: bool) -> bool:
    """Whether a lock does not bind the caller, who says so and must be allowed to."""
    if not bypass or found.lock_mode != "GOVERNANCE":
        return False
    access.check_more(call, bucket, found.name, "s3:BypassGovernanceRetention")
    return True


@s3.operation(on=by_name, action="s3:GetBucketObjectLockConfiguration")
def get_object_lock_configuration(call: Call, bucket: Bucket) -> dict[str, Any]:
    """Whether objects may be locked, and which lock new ones get."""
    if not bucket.lock:
        words = "Object Lock configuration does not exist for this bucket"
        raise faults.fault("ObjectLockConfigurationNotFoundError", words, 404, BucketName=bucket.name)
    configuration: dict[str, Any] = {"ObjectLockEnabled": "Enabled"}
    if bucket.retention:
        configuration["Rule"] = {"DefaultRetention": bucket.retention}
    return {"ObjectLockConfiguration": configuration}


@s3.operation(on=by_name, action="s3:PutBucketObjectLockConfiguration", honours=(*INTEGRITY, "RequestPayer"))
def put_object_lock_configuration(
    call: Call, bucket: Bucket, object_lock_configuration: dict[str, Any] = {}
) -> dict[str, Any]:
    """Turn Object Lock on, in a bucket with versioning, and say which lock new objects get."""
    if not object_lock_configuration:
        raise faults.malformed()
    if bucket.versioning != "Enabled":
        words = "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration"
        raise faults.fault("InvalidBucketState", words, 409)
    retention = object_lock_configuration.get("Rule", {}).get("DefaultRetention", {})
    if retention:
        check_retention(retention)
    elif "Rule" in object_lock_configuration:
        raise faults.malformed()
    bucket.lock = True
    bucket.retention = retention
    bucket.put(call)
    return {}


def check_retention(retention: Mapping[str, Any]) -> None:
    held = retention.get("DefaultEventHold")
    if "Mode" not in retention or ("Days" in retention and "Years" in retention):
        raise faults.malformed()
    if held is not None:
        check_duration(held.get("Days", 0), held.get("Years", 0))
    if "Days" not in retention and "Years" not in retention:
        if held is None:
            raise faults.malformed()
        return
    unit = "Days" if "Days" in retention else "Years"
    if retention[unit] < 1:
        raise faults.invalid_argument("Default retention period must be a positive integer value.")
    if retention[unit] > (LONGEST_DAYS if unit == "Days" else LONGEST_YEARS):
        raise faults.invalid_argument("Default retention period too large")


def lockable(bucket: Bucket) -> None:
    if not bucket.lock:
        raise faults.invalid_request("Bucket is missing Object Lock Configuration")


@s3.operation(on=access.to_key)
def get_object_retention(call: Call, bucket: Bucket, key: str, version_id: str = "") -> dict[str, Any]:
    """Until when and how strictly a version is locked."""
    lockable(bucket)
    found = versions.find(call, bucket, key, version_id)
    told: dict[str, Any] = {}
    if found.lock_mode:
        told = {"Mode": found.lock_mode, "RetainUntilDate": found.lock_until}
    if found.event_hold:
        told = {"Mode": found.event_mode, **told, "EventHold": "ON", "EventHoldDuration": duration(found)}
    if not told:
        raise no_lock(key)
    return {"Retention": told}


def no_lock(key: str) -> Exception:
    words = "The specified object does not have a ObjectLock configuration"
    return faults.fault("NoSuchObjectLockConfiguration", words, 404, Key=key)


@s3.operation(on=access.to_key, honours=INTEGRITY)
def put_object_retention(
    call: Call,
    bucket: Bucket,
    key: str,
    retention: dict[str, Any] | None = None,
    version_id: str = "",
    bypass_governance_retention: bool = False,
) -> dict[str, Any]:
    """Lock a version. A lock may be made longer; shorter only in governance mode, by who says that he means it."""
    lockable(bucket)
    if retention is None:
        raise faults.malformed()
    mode, until = retention.get("Mode", ""), retention.get("RetainUntilDate", 0.0)
    if (until and not mode) or (mode and not until and "EventHold" not in retention):
        raise faults.malformed()
    if until:
        check_until(call, until)
    found = versions.find(call, bucket, key, version_id, method="PUT")
    if "EventHold" in retention:
        hold_or_release(call, found, retention)
        if not until:
            mode, until = found.lock_mode, found.lock_until
    if found.lock_until > call.now:
        weaker = until < found.lock_until or (mode != found.lock_mode and found.lock_mode == "COMPLIANCE")
        loosened = mode != "COMPLIANCE" and mode != found.lock_mode
        if (weaker or loosened) and not bypassed(call, bucket, found, bypass=bypass_governance_retention):
            raise faults.denied("Access Denied because object protected by object lock.")
    found.lock_mode, found.lock_until = mode, until
    versions.save(call, found)
    happenings.changed(call, bucket, found, "ObjectRetention:Put")
    return access.charged(call, bucket)


def hold_or_release(call: Call, found: Object, retention: Mapping[str, Any]) -> None:
    """Hold a version until an event; or the event has come, and the time that was agreed on begins."""
    if retention["EventHold"] == "ON":
        given = retention.get("EventHoldDuration", {})
        check_duration(given.get("Days", 0), given.get("Years", 0))
        found.event_hold, found.event_mode = True, retention.get("Mode") or found.lock_mode or "GOVERNANCE"
        found.event_days, found.event_years = given.get("Days", 0), given.get("Years", 0)
    elif found.event_hold:
        found.event_hold = False
        found.lock_mode = found.event_mode
        found.lock_until = max(found.lock_until, call.now + seconds(duration(found)))


@s3.operation(on=access.to_key)
def get_object_legal_hold(call: Call, bucket: Bucket, key: str, version_id: str = "") -> dict[str, Any]:
    """Whether a version is held."""
    lockable(bucket)
    found = versions.find(call, bucket, key, version_id)
    if found.hold is None:
        raise no_lock(key)
    return {"LegalHold": {"Status": "ON" if found.hold else "OFF"}}


@s3.operation(on=access.to_key, honours=INTEGRITY)
def put_object_legal_hold(
    call: Call, bucket: Bucket, key: str, legal_hold: dict[str, Any] = {}, version_id: str = ""
) -> dict[str, Any]:
    """Hold a version until it is released."""
    lockable(bucket)
    if "Status" not in legal_hold:
        raise faults.malformed()
    found = versions.find(call, bucket, key, version_id, method="PUT")
    found.hold = legal_hold["Status"] == "ON"
    versions.save(call, found)
    happenings.changed(call, bucket, found, "ObjectLegalHold:Put")
    return access.charged(call, bucket)
