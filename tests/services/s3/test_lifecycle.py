"""Lifecycle rules carried out on the cloud's clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import pileus
from pileus import LocalCloud
from pileus.testing.account import Account

from .conftest import DAY, put, read, refused
from .test_notifications import Inbox, configured

LARGE = b"x" * 128 * 1024


@pytest.fixture(scope="module")
def cloud() -> Iterator[pileus.LocalCloud]:
    """One of its own: to go far ahead, what all other tests have left behind would have to be gone through."""
    with pileus.cloud(sockets=True) as running:
        yield running


def ruled(s3: Any, bucket: str, *rules: dict[str, Any], **more: Any) -> None:
    named = [
        {"ID": f"rule {at}", "Status": "Enabled", "Filter": {"Prefix": ""}} | rule for at, rule in enumerate(rules)
    ]
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": named}, **more)


def keys(s3: Any, bucket: str) -> list[str]:
    return [each["Key"] for each in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def classes(s3: Any, bucket: str) -> dict[str, str]:
    listed = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
    return {each["Key"]: each["StorageClass"] for each in listed}


def test_objects_expire_at_the_midnight_after_their_days(noon: float, cloud: LocalCloud, s3: Any, bucket: str) -> None:
    ruled(s3, bucket, {"Expiration": {"Days": 3}, "Filter": {"Prefix": "tmp/"}})
    done = put(s3, bucket, "tmp/a", b"x")
    put(s3, bucket, "kept")
    ends = datetime.fromtimestamp(noon + 3.5 * DAY, UTC)
    told = f'expiry-date="{ends:%a, %d %b %Y} 00:00:00 GMT", rule-id="rule+0"'
    assert done["Expiration"] == told
    assert s3.head_object(Bucket=bucket, Key="tmp/a")["Expiration"] == told
    assert "Expiration" not in s3.head_object(Bucket=bucket, Key="kept")
    cloud.clock.advance(3.4 * DAY)
    assert keys(s3, bucket) == ["kept", "tmp/a"]
    put(s3, bucket, "tmp/b")
    cloud.clock.advance(0.2 * DAY)
    assert keys(s3, bucket) == ["kept", "tmp/b"]
    cloud.clock.advance(4 * DAY)
    assert keys(s3, bucket) == ["kept"]


def test_a_date_and_what_is_filtered_by_tags_and_sizes(noon: float, cloud: LocalCloud, s3: Any, bucket: str) -> None:
    midnight = datetime.fromtimestamp(noon + 9.5 * DAY, UTC)
    both = {"And": {"Prefix": "a", "Tags": [{"Key": "k", "Value": "v"}], "ObjectSizeGreaterThan": 2}}
    ruled(s3, bucket, {"Expiration": {"Date": midnight}, "Filter": both})
    put(s3, bucket, "a-all", b"xxx", Tagging="k=v")
    put(s3, bucket, "a-small", b"xx", Tagging="k=v")
    put(s3, bucket, "a-untagged", b"xxx")
    put(s3, bucket, "b", b"xxx", Tagging="k=v")
    cloud.clock.advance(9 * DAY)
    assert len(keys(s3, bucket)) == 4
    cloud.clock.advance(DAY)
    assert keys(s3, bucket) == ["a-small", "a-untagged", "b"]
    tags = {"TagSet": [{"Key": "k", "Value": "v"}]}
    s3.put_object_tagging(Bucket=bucket, Key="a-untagged", Tagging=tags)
    cloud.clock.advance(DAY)
    assert keys(s3, bucket) == ["a-small", "b"]


def test_objects_move_down_and_never_up(noon: float, cloud: LocalCloud, s3: Any, bucket: str) -> None:
    moves = [
        {"Days": 30, "StorageClass": "STANDARD_IA"},
        {"Days": 90, "StorageClass": "GLACIER"},
        {"Days": 180, "StorageClass": "DEEP_ARCHIVE"},
    ]
    ruled(s3, bucket, {"Transitions": moves, "Expiration": {"Days": 365}})
    put(s3, bucket, "a", LARGE)
    put(s3, bucket, "cold", LARGE, StorageClass="GLACIER_IR")
    put(s3, bucket, "small", b"x")
    cloud.clock.advance(31 * DAY)
    assert classes(s3, bucket) == {"a": "STANDARD_IA", "cold": "GLACIER_IR", "small": "STANDARD"}
    assert read(s3, bucket, "a") == LARGE
    cloud.clock.advance(60 * DAY)
    assert classes(s3, bucket) == {"a": "GLACIER", "cold": "GLACIER", "small": "STANDARD"}
    assert refused(s3.get_object, Bucket=bucket, Key="a") == ("InvalidObjectState", 403)
    cloud.clock.advance(90 * DAY)
    assert classes(s3, bucket)["a"] == "DEEP_ARCHIVE"
    cloud.clock.advance(190 * DAY)
    assert keys(s3, bucket) == []


def test_small_objects_move_only_where_that_is_said(noon: float, cloud: LocalCloud, s3: Any, bucket: str) -> None:
    moves = [{"Days": 1, "StorageClass": "GLACIER"}]
    ruled(
        s3,
        bucket,
        {"Transitions": moves, "Filter": {"Prefix": "glacier/"}},
        {"Transitions": [{"Days": 1, "StorageClass": "GLACIER_IR"}], "Filter": {"Prefix": "instant/"}},
        {"Transitions": [{"Days": 1, "StorageClass": "GLACIER_IR"}], "Filter": {"ObjectSizeLessThan": 2}},
        TransitionDefaultMinimumObjectSize="varies_by_storage_class",
    )
    for key, body in (("glacier/a", b"xx"), ("instant/a", b"xx"), ("one", b"x")):
        put(s3, bucket, key, body)
    cloud.clock.advance(2 * DAY)
    assert classes(s3, bucket) == {"glacier/a": "GLACIER", "instant/a": "STANDARD", "one": "GLACIER_IR"}


def test_versions(noon: float, cloud: LocalCloud, s3: Any, versioned: str) -> None:
    keep = {"NoncurrentDays": 2, "NewerNoncurrentVersions": 2}
    ruled(
        s3,
        versioned,
        {"NoncurrentVersionExpiration": keep, "Filter": {"Prefix": "many"}},
        {"NoncurrentVersionExpiration": {"NoncurrentDays": 1}, "Filter": {"Prefix": "few"}},
        {"Expiration": {"ExpiredObjectDeleteMarker": True}, "Filter": {"Prefix": "few"}},
        {"Expiration": {"Days": 1}, "Filter": {"Prefix": "expiring"}},
        {
            "NoncurrentVersionTransitions": [{"NoncurrentDays": 1, "StorageClass": "GLACIER"}],
            "Filter": {"Prefix": "cold"},
        },
    )
    made = [put(s3, versioned, "many", b"x")["VersionId"] for _ in range(6)]
    put(s3, versioned, "few", b"x")
    s3.delete_object(Bucket=versioned, Key="few")
    put(s3, versioned, "expiring", b"x")
    for _ in range(2):
        put(s3, versioned, "cold", LARGE)

    def listed(prefix: str) -> tuple[list[Any], list[Any]]:
        found = s3.list_object_versions(Bucket=versioned, Prefix=prefix)
        return found.get("Versions", []), found.get("DeleteMarkers", [])

    cloud.clock.advance(1.4 * DAY)
    assert [len(each) for each in listed("few")] == [1, 1]
    cloud.clock.advance(0.2 * DAY)
    assert [len(each) for each in listed("expiring")] == [1, 1]
    assert listed("few")[0] == []
    assert [each["StorageClass"] for each in listed("cold")[0]] == ["STANDARD", "GLACIER"]
    cloud.clock.advance(DAY)
    assert [len(each) for each in listed("few")] == [0, 0]
    assert [each["VersionId"] for each in listed("many")[0]] == [made[5], made[4], made[3]]


def test_uploads_are_given_up(noon: float, cloud: LocalCloud, s3: Any, bucket: str) -> None:
    ruled(s3, bucket, {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}, "Filter": {"Prefix": "a"}})
    begun = s3.create_multipart_upload(Bucket=bucket, Key="a")
    s3.create_multipart_upload(Bucket=bucket, Key="b")
    assert begun["AbortRuleId"] == "rule 0"
    assert begun["AbortDate"] == datetime.fromtimestamp(noon + 7.5 * DAY, UTC)
    s3.upload_part(Bucket=bucket, Key="a", UploadId=begun["UploadId"], PartNumber=1, Body=b"x")
    cloud.clock.advance(7.4 * DAY)
    assert len(s3.list_multipart_uploads(Bucket=bucket)["Uploads"]) == 2
    cloud.clock.advance(0.2 * DAY)
    assert [each["Key"] for each in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == ["b"]


def test_locked_versions_do_not_expire(noon: float, cloud: LocalCloud, s3: Any, versioned: str) -> None:
    s3.put_object_lock_configuration(Bucket=versioned, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"})
    until = datetime.fromtimestamp(noon, UTC) + timedelta(days=10)
    put(s3, versioned, "a", b"x", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until)
    put(s3, versioned, "a", b"y")
    ruled(s3, versioned, {"NoncurrentVersionExpiration": {"NoncurrentDays": 1}})
    cloud.clock.advance(9 * DAY)
    assert len(s3.list_object_versions(Bucket=versioned)["Versions"]) == 2
    cloud.clock.advance(3 * DAY)
    assert len(s3.list_object_versions(Bucket=versioned)["Versions"]) == 1


def test_what_lifecycle_does_is_told(noon: float, cloud: LocalCloud, aws: Account, s3: Any, bucket: str) -> None:
    inbox = Inbox(aws, bucket)
    configured(s3, bucket, inbox, "s3:LifecycleExpiration:*", "s3:LifecycleTransition")
    ruled(s3, bucket, {"Transitions": [{"Days": 1, "StorageClass": "GLACIER_IR"}], "Expiration": {"Days": 2}})
    put(s3, bucket, "a", LARGE)
    cloud.clock.advance(3 * DAY)
    moved, gone = inbox.records(cloud)
    assert (moved["eventName"], moved["eventVersion"]) == ("LifecycleTransition", "2.3")
    assert moved["lifecycleEventData"]["transitionEventData"] == {"destinationStorageClass": "GLACIER_IR"}
    assert moved["userIdentity"]["principalId"] == "s3.amazonaws.com"
    assert gone["eventName"] == "LifecycleExpiration:Delete"


def test_a_bucket_larger_than_a_slice(noon: float, cloud: LocalCloud, s3: Any, versioned: str) -> None:
    for number in range(620):
        put(s3, versioned, f"{number // 2:04}")
    ruled(s3, versioned, {"NoncurrentVersionExpiration": {"NoncurrentDays": 1}}, {"Expiration": {"Days": 5}})
    cloud.clock.advance(2 * DAY)
    found = s3.list_object_versions(Bucket=versioned)
    assert (len(found["Versions"]), found["IsTruncated"]) == (310, False)
    cloud.clock.advance(4 * DAY)
    assert keys(s3, versioned) == []


def test_a_rule_that_is_taken_back_does_nothing(noon: float, cloud: LocalCloud, s3: Any, bucket: str) -> None:
    ruled(s3, bucket, {"Expiration": {"Days": 1}})
    put(s3, bucket, "a")
    s3.delete_bucket_lifecycle(Bucket=bucket)
    assert "Expiration" not in s3.head_object(Bucket=bucket, Key="a")
    cloud.clock.advance(3 * DAY)
    assert keys(s3, bucket) == ["a"]


def test_the_form_of_old(s3: Any, bucket: str) -> None:
    rule = {
        "ID": "x",
        "Prefix": "a/",
        "Status": "Enabled",
        "Transition": {"Days": 40, "StorageClass": "GLACIER"},
        "Expiration": {"Days": 50},
    }
    s3.put_bucket_lifecycle(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    assert s3.get_bucket_lifecycle(Bucket=bucket)["Rules"] == [rule]


def test_restoring(noon: float, cloud: LocalCloud, aws: Account, s3: Any, bucket: str) -> None:
    inbox = Inbox(aws, bucket)
    configured(s3, bucket, inbox, "s3:ObjectRestore:*")
    put(s3, bucket, "a", b"cold", StorageClass="GLACIER")

    def restore(days: int, tier: str) -> int:
        request = {"Days": days, "GlacierJobParameters": {"Tier": tier}}
        done = s3.restore_object(Bucket=bucket, Key="a", RestoreRequest=request)
        status: int = done["ResponseMetadata"]["HTTPStatusCode"]
        return status

    assert restore(2, "Bulk") == 202
    assert refused(restore, days=2, tier="Bulk") == ("RestoreAlreadyInProgress", 409)
    assert s3.head_object(Bucket=bucket, Key="a")["Restore"] == 'ongoing-request="true"'
    assert restore(2, "Standard") == 202  # faster
    cloud.clock.advance(5 * 3600)
    ends = datetime.fromtimestamp(noon + 2.5 * DAY, UTC)
    assert s3.head_object(Bucket=bucket, Key="a")["Restore"] == (
        f'ongoing-request="false", expiry-date="{ends:%a, %d %b %Y} 00:00:00 GMT"'
    )
    assert read(s3, bucket, "a") == b"cold"
    assert restore(4, "Standard") == 200  # longer
    cloud.clock.advance(3 * DAY)
    assert read(s3, bucket, "a") == b"cold"
    cloud.clock.advance(3 * DAY)
    assert refused(s3.get_object, Bucket=bucket, Key="a") == ("InvalidObjectState", 403)
    records = inbox.records(cloud)
    assert [record["eventName"] for record in records] == [
        "ObjectRestore:Post",
        "ObjectRestore:Post",
        "ObjectRestore:Completed",
        "ObjectRestore:Delete",
    ]
    assert records[2]["glacierEventData"]["restoreEventData"]["lifecycleRestoreStorageClass"] == "GLACIER"


def test_a_faster_tier_is_never_slower(clock: Any, cloud: LocalCloud, s3: Any, bucket: str) -> None:
    put(s3, bucket, "a", b"cold", StorageClass="GLACIER")
    for tier, hours in (("Bulk", 7), ("Standard", 2)):
        request = {"Days": 1, "GlacierJobParameters": {"Tier": tier}}
        s3.restore_object(Bucket=bucket, Key="a", RestoreRequest=request)
        cloud.clock.advance(hours * 3600)
    assert read(s3, bucket, "a") == b"cold"
