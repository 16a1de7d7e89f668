"""DeleteObject and DeleteObjects: an object goes, or a delete marker comes."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault

from . import access, conditions, factors, faults, happenings, locks, naming, s3, versions
from .buckets import Bucket
from .objects import Object
from .versions import Version

MOST = 1000
CONDITIONS = frozenset(("ETag", "LastModifiedTime", "Size"))
"""What DeleteObjects may expect of each object."""


@s3.operation(on=access.to_key)
def delete_object(
    call: Call,
    bucket: Bucket,
    key: str,
    version_id: str = "",
    mfa: str = "",
    bypass_governance_retention: bool = False,
    if_match: str = "",
    if_match_last_modified_time: float | None = None,
    if_match_size: int | None = None,
) -> dict[str, Any]:
    """Delete an object; where there are versions, cover it with a delete marker, unless one version is named."""
    naming.check_key(key)
    if bucket.mfa == "Enabled" and version_id:
        factors.spend(call, bucket, mfa)
    if if_match or if_match_last_modified_time is not None or if_match_size is not None:
        found = Object.get(call, bucket.room, key)
        conditions.check_delete(if_match, if_match_last_modified_time, if_match_size, key, found)
    told = gone(call, bucket, key, version_id, bypass=bypass_governance_retention)
    return told | access.charged(call, bucket)


def gone(call: Call, bucket: Bucket, key: str, version: str = "", *, bypass: bool = False) -> dict[str, Any]:
    """What was deleted, as DeleteObject tells it. What is not there is no error."""
    if version:
        return delete_version(call, bucket, key, version, bypass=bypass)
    if bucket.versioned:
        marker = versions.mark(call, bucket, key)
        happenings.marked(call, bucket, marker)
        return {"DeleteMarker": True, "VersionId": marker.version}
    if (found := Object.get(call, bucket.room, key)) is not None:
        versions.remove(call, bucket, found)
        happenings.removed(call, bucket, found)
    return {}


def delete_version(call: Call, bucket: Bucket, key: str, version: str, *, bypass: bool) -> dict[str, Any]:
    versions.check_id(version)
    found = versions.lookup(call, bucket, key, version)
    if found is None:
        return {"VersionId": version}
    held = found.held if isinstance(found, Version) else found
    if held is not None and bucket.lock:
        locks.check_removable(call, bucket, held, bypass=bypass)
    versions.remove(call, bucket, found)
    happenings.removed(call, bucket, found)
    return {"VersionId": version} | ({"DeleteMarker": True} if held is None else {})


@s3.operation(on=access.to_some, action="s3:DeleteObject", honours=("ChecksumAlgorithm",))
def delete_objects(
    call: Call, bucket: Bucket, delete: dict[str, Any], mfa: str = "", bypass_governance_retention: bool = False
) -> dict[str, Any]:
    """Delete up to a thousand objects, each by itself: what cannot be deleted keeps nothing else from it."""
    named = delete.get("Objects", [])
    if not named or len(named) > MOST:
        raise faults.malformed()
    if bucket.mfa == "Enabled" and any("VersionId" in each for each in named):
        factors.spend(call, bucket, mfa)
    deleted, errors = [], []
    asked = not access.lets_list(call, bucket)
    for each in named:
        try:
            with call.store.attempt():
                deleted.append(delete_one(call, bucket, each, bypass=bypass_governance_retention, asked=asked))
        except Fault as fault:
            told = {"Key": each["Key"], "Code": fault.code, "Message": fault.message}
            errors.append(told | ({"VersionId": each["VersionId"]} if "VersionId" in each else {}))
    answer: dict[str, Any] = {} if delete.get("Quiet") else {"Deleted": deleted}
    return answer | ({"Errors": errors} if errors else {}) | access.charged(call, bucket)


def delete_one(call: Call, bucket: Bucket, each: dict[str, Any], *, bypass: bool, asked: bool) -> dict[str, Any]:
    """What was deleted, as DeleteObjects tells it; `asked` whether the caller may delete this very object."""
    key, version = each["Key"], each.get("VersionId", "")
    naming.check_key(key)
    if asked:
        members = {"Key": key} | ({"VersionId": version} if version else {})
        access.check_listed(call.at(operation="DeleteObject", members=members), bucket, key)
    if not CONDITIONS.isdisjoint(each):
        found = Object.get(call, bucket.room, key)
        conditions.check_delete(each.get("ETag", ""), each.get("LastModifiedTime"), each.get("Size"), key, found)
    done = gone(call, bucket, key, version, bypass=bypass)
    told: dict[str, Any] = {"Key": key} | ({"VersionId": version} if version else {})
    if done.get("DeleteMarker"):
        told |= {"DeleteMarker": True, "DeleteMarkerVersionId": done["VersionId"]}
    return told
