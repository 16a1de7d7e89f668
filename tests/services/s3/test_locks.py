"""Object Lock, and archived objects."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pileus import LocalCloud

from .conftest import fresh, put, read, refused

DAY = 86_400


@pytest.fixture
def locked(s3: Any) -> str:
    name = fresh()
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return name


def at(cloud: LocalCloud, seconds: float) -> datetime:
    return datetime.fromtimestamp(int(cloud.clock.now() + seconds), UTC)


def test_a_bucket_with_locks_keeps_versions(s3: Any, locked: str) -> None:
    assert s3.get_bucket_versioning(Bucket=locked)["Status"] == "Enabled"
    suspended = {"Status": "Suspended"}
    assert refused(s3.put_bucket_versioning, Bucket=locked, VersioningConfiguration=suspended) == (
        "InvalidBucketState",
        409,
    )
    got = s3.get_object_lock_configuration(Bucket=locked)
    assert got["ObjectLockConfiguration"] == {"ObjectLockEnabled": "Enabled"}


def test_without_object_lock_there_is_none(s3: Any, bucket: str) -> None:
    assert refused(s3.get_object_lock_configuration, Bucket=bucket) == ("ObjectLockConfigurationNotFoundError", 404)
    assert refused(s3.put_object, Bucket=bucket, Key="k", ObjectLockLegalHoldStatus="ON") == ("InvalidRequest", 400)
    put(s3, bucket, "k")
    assert refused(s3.get_object_retention, Bucket=bucket, Key="k") == ("InvalidRequest", 400)


@pytest.mark.parametrize("mode", ["GOVERNANCE", "COMPLIANCE"])
def test_a_locked_version_is_not_deleted(cloud: LocalCloud, s3: Any, locked: str, mode: str) -> None:
    done = put(s3, locked, "k", b"x", ObjectLockMode=mode, ObjectLockRetainUntilDate=at(cloud, 30 * DAY))
    this = {"Bucket": locked, "Key": "k", "VersionId": done["VersionId"]}
    head = s3.head_object(Bucket=locked, Key="k")
    assert head["ObjectLockMode"] == mode
    assert refused(s3.delete_object, **this) == ("AccessDenied", 403)
    marker = s3.delete_object(Bucket=locked, Key="k")
    s3.delete_object(Bucket=locked, Key="k", VersionId=marker["VersionId"])
    if mode == "GOVERNANCE":
        s3.delete_object(**this, BypassGovernanceRetention=True)
    else:
        assert refused(s3.delete_object, **this, BypassGovernanceRetention=True) == ("AccessDenied", 403)
        errors = s3.delete_objects(Bucket=locked, Delete={"Objects": [{"Key": "k", "VersionId": done["VersionId"]}]})
        assert errors["Errors"][0]["Code"] == "AccessDenied"
        cloud.clock.advance(31 * DAY)
        s3.delete_object(**this)


def test_retention_is_only_made_longer(cloud: LocalCloud, s3: Any, locked: str) -> None:
    put(s3, locked, "k")
    assert refused(s3.get_object_retention, Bucket=locked, Key="k") == ("NoSuchObjectLockConfiguration", 404)
    this = {"Bucket": locked, "Key": "k"}

    def retain(mode: str, days: int, **members: Any) -> None:
        s3.put_object_retention(**this, Retention={"Mode": mode, "RetainUntilDate": at(cloud, days * DAY)}, **members)

    retain("GOVERNANCE", 10)
    retain("GOVERNANCE", 20)
    assert refused(retain, mode="GOVERNANCE", days=5) == ("AccessDenied", 403)
    retain("GOVERNANCE", 5, BypassGovernanceRetention=True)
    retain("COMPLIANCE", 30)
    assert refused(retain, mode="COMPLIANCE", days=20, BypassGovernanceRetention=True) == ("AccessDenied", 403)
    assert refused(retain, mode="GOVERNANCE", days=40, BypassGovernanceRetention=True) == ("AccessDenied", 403)
    assert refused(retain, mode="GOVERNANCE", days=-1) == ("InvalidArgument", 400)
    assert s3.get_object_retention(**this)["Retention"]["Mode"] == "COMPLIANCE"


def test_a_legal_hold_holds_until_it_is_released(s3: Any, locked: str) -> None:
    version = put(s3, locked, "k", ObjectLockLegalHoldStatus="ON")["VersionId"]
    this = {"Bucket": locked, "Key": "k", "VersionId": version}
    assert s3.get_object_legal_hold(**this)["LegalHold"]["Status"] == "ON"
    assert refused(s3.delete_object, **this, BypassGovernanceRetention=True) == ("AccessDenied", 403)
    s3.put_object_legal_hold(**this, LegalHold={"Status": "OFF"})
    assert s3.head_object(**this)["ObjectLockLegalHoldStatus"] == "OFF"
    s3.delete_object(**this)


def test_a_retention_is_said_even_if_it_is_none(s3: Any, locked: str) -> None:
    put(s3, locked, "k")
    assert refused(s3.put_object_retention, Bucket=locked, Key="k") == ("MalformedXML", 400)
    s3.put_object_retention(Bucket=locked, Key="k", Retention={})


def test_what_was_never_held_says_nothing_of_holds(s3: Any, locked: str) -> None:
    put(s3, locked, "k")
    assert "ObjectLockLegalHoldStatus" not in s3.head_object(Bucket=locked, Key="k")
    assert refused(s3.get_object_legal_hold, Bucket=locked, Key="k") == ("NoSuchObjectLockConfiguration", 404)


def test_a_default_lock(cloud: LocalCloud, s3: Any, versioned: str) -> None:
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 3}}
    wanted = {"ObjectLockEnabled": "Enabled", "Rule": rule}
    s3.put_object_lock_configuration(Bucket=versioned, ObjectLockConfiguration=wanted)
    assert s3.get_object_lock_configuration(Bucket=versioned)["ObjectLockConfiguration"] == wanted
    put(s3, versioned, "k")
    left = s3.head_object(Bucket=versioned, Key="k")["ObjectLockRetainUntilDate"].timestamp() - cloud.clock.now()
    assert 3 * DAY - 60 < left <= 3 * DAY


# Archived objects


@pytest.mark.parametrize(
    ("storage", "tier", "least", "most"),
    [
        ("GLACIER", "Expedited", 60, 300),
        ("GLACIER", "Standard", 3 * 3600, 5 * 3600),
        ("GLACIER", "Bulk", 5 * 3600, 12 * 3600),
        ("DEEP_ARCHIVE", "Standard", 12 * 3600, 12 * 3600),
        ("DEEP_ARCHIVE", "Bulk", 48 * 3600, 48 * 3600),
    ],
)
def test_an_archived_object_takes_its_time(
    cloud: LocalCloud, s3: Any, bucket: str, storage: str, tier: str, least: int, most: int
) -> None:
    put(s3, bucket, "k", b"cold", StorageClass=storage)
    assert refused(s3.get_object, Bucket=bucket, Key="k") == ("InvalidObjectState", 403)
    asked = {"Bucket": bucket, "Key": "k", "RestoreRequest": {"Days": 2, "GlacierJobParameters": {"Tier": tier}}}
    assert s3.restore_object(**asked)["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert refused(s3.restore_object, **asked) == ("RestoreAlreadyInProgress", 409)
    assert s3.head_object(Bucket=bucket, Key="k")["Restore"] == 'ongoing-request="true"'
    cloud.clock.advance(least - 10)
    assert refused(s3.get_object, Bucket=bucket, Key="k") == ("InvalidObjectState", 403)
    cloud.clock.advance(most - least + 10)
    assert read(s3, bucket, "k") == b"cold"
    assert 'ongoing-request="false", expiry-date="' in s3.head_object(Bucket=bucket, Key="k")["Restore"]
    assert s3.restore_object(**asked)["ResponseMetadata"]["HTTPStatusCode"] == 200
    cloud.clock.advance(3 * DAY)
    assert refused(s3.get_object, Bucket=bucket, Key="k") == ("InvalidObjectState", 403)
    assert "Restore" not in s3.head_object(Bucket=bucket, Key="k")


def test_what_is_not_archived_is_not_restored(s3: Any, bucket: str) -> None:
    put(s3, bucket, "k")
    assert refused(s3.restore_object, Bucket=bucket, Key="k", RestoreRequest={"Days": 1}) == ("InvalidObjectState", 403)
    put(s3, bucket, "deep", StorageClass="DEEP_ARCHIVE")
    hasty = {"Days": 1, "GlacierJobParameters": {"Tier": "Expedited"}}
    assert refused(s3.restore_object, Bucket=bucket, Key="deep", RestoreRequest=hasty) == ("InvalidArgument", 400)
