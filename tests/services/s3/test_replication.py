"""Replication: copies elsewhere, made as a role."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pileus import LocalCloud
from pileus.testing.account import Account

from .conftest import fresh, put, read, refused
from .test_notifications import Inbox, configured

SOURCE = [
    "s3:GetReplicationConfiguration",
    "s3:ListBucket",
    "s3:GetObjectVersionForReplication",
    "s3:GetObjectVersionAcl",
    "s3:GetObjectVersionTagging",
]
TARGET = ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags", "s3:ObjectOwnerOverrideToBucketOwner"]


def role(aws: Account, *actions: str, name: str = "replicate") -> str:
    iam = aws.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]
    allow = {"Effect": "Allow", "Action": list(actions or SOURCE + TARGET), "Resource": "*"}
    kms = {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow, kms]})
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=policy)
    arn: str = made["Arn"]
    return arn


def target(aws: Account, region: str = "us-east-1", name: str = "") -> tuple[Any, str]:
    """A bucket with versions, and a client for it."""
    s3, name = aws.client("s3", region), name or fresh()
    place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket=name, **place)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return s3, name


def rule(to: str, priority: int = 1, prefix: str = "", markers: str = "Disabled", **more: Any) -> dict[str, Any]:
    return {
        "ID": f"rule-{priority}",
        "Priority": priority,
        "Filter": {"Prefix": prefix},
        "Status": "Enabled",
        "DeleteMarkerReplication": {"Status": markers},
        "Destination": {"Bucket": f"arn:aws:s3:::{to}", **more.pop("destination", {})},
        **more,
    }


def replicated(s3: Any, bucket: str, role: str, *rules: dict[str, Any]) -> None:
    configuration = {"Role": role, "Rules": list(rules)}
    s3.put_bucket_replication(Bucket=bucket, ReplicationConfiguration=configuration)


def status(s3: Any, bucket: str, key: str, **more: Any) -> str:
    found: str = s3.head_object(Bucket=bucket, Key=key, **more).get("ReplicationStatus", "")
    return found


def test_objects_are_copied_to_another_region(
    clock: Any, cloud: LocalCloud, aws: Account, s3: Any, versioned: str
) -> None:
    put(s3, versioned, "before", b"not copied")
    there, other = target(aws, "eu-west-1")
    replicated(s3, versioned, role(aws), rule(other, prefix="in/", destination={"StorageClass": "STANDARD_IA"}))
    made = put(s3, versioned, "in/a", b"hello", Metadata={"k": "v"}, ContentType="text/x", Tagging="t=1")
    put(s3, versioned, "out", b"x")
    big = s3.create_multipart_upload(Bucket=versioned, Key="in/big")["UploadId"]
    parts = []
    for number, body in ((1, b"x" * 5 * 1024 * 1024), (2, b"y")):
        sent = s3.upload_part(Bucket=versioned, Key="in/big", UploadId=big, PartNumber=number, Body=body)
        parts.append({"PartNumber": number, "ETag": sent["ETag"]})
    s3.complete_multipart_upload(Bucket=versioned, Key="in/big", UploadId=big, MultipartUpload={"Parts": parts})
    cloud.clock.advance(1)
    assert [status(s3, versioned, key) for key in ("before", "out", "in/a", "in/big")] == ["", "", *["COMPLETED"] * 2]
    copy = there.get_object(Bucket=other, Key="in/a")
    assert copy["Body"].read() == b"hello"
    assert (copy["VersionId"], copy["ETag"], copy["Metadata"]) == (made["VersionId"], made["ETag"], {"k": "v"})
    assert (copy["ContentType"], copy["StorageClass"], copy["ReplicationStatus"]) == (
        "text/x",
        "STANDARD_IA",
        "REPLICA",
    )
    assert there.get_object_tagging(Bucket=other, Key="in/a")["TagSet"] == [{"Key": "t", "Value": "1"}]
    whole, original = there.head_object(Bucket=other, Key="in/big"), s3.head_object(Bucket=versioned, Key="in/big")
    assert (whole["ETag"], whole["ContentLength"]) == (original["ETag"], 5 * 1024 * 1024 + 1)
    assert there.get_object(Bucket=other, Key="in/big", PartNumber=2)["Body"].read() == b"y"
    assert [each["Key"] for each in there.list_objects_v2(Bucket=other)["Contents"]] == ["in/a", "in/big"]


def test_versions_arrive_in_their_order_and_can_be_removed(
    clock: Any, cloud: LocalCloud, aws: Account, s3: Any, versioned: str
) -> None:
    there, other = target(aws)
    put(there, other, "a", b"own")
    replicated(s3, versioned, role(aws), rule(other))
    made = [put(s3, versioned, "a", b"%d" % number * (200_000 - number))["VersionId"] for number in range(5)]
    cloud.clock.advance(1)
    found = there.list_object_versions(Bucket=other)["Versions"]
    assert [each["VersionId"] for each in found[:5]] == made[::-1]
    assert read(there, other, "a", VersionId=made[2])[:1] == b"2"
    page = there.list_object_versions(Bucket=other, KeyMarker="a", VersionIdMarker=made[2])["Versions"]
    assert [each["VersionId"] for each in page[:2]] == [made[1], made[0]]
    there.delete_object(Bucket=other, Key="a", VersionId=made[4])
    assert there.head_object(Bucket=other, Key="a")["VersionId"] == made[3]
    there.delete_object(Bucket=other, Key="a", VersionId=made[1])
    assert read(there, other, "a", VersionId=made[0])[:1] == b"0"
    assert status(s3, versioned, "a") == "COMPLETED"


def test_delete_markers(clock: Any, cloud: LocalCloud, aws: Account, s3: Any, versioned: str) -> None:
    there, other = target(aws)
    replicated(s3, versioned, role(aws), rule(other, 1, "with/", "Enabled"), rule(other, 2, "without/"))
    for key in ("with/a", "without/a"):
        version = put(s3, versioned, key, b"x")["VersionId"]
        marker = s3.delete_object(Bucket=versioned, Key=key)["VersionId"]
        s3.delete_object(Bucket=versioned, Key=key, VersionId=version)  # never replicated
        cloud.clock.advance(1)
        markers = there.list_object_versions(Bucket=other, Prefix=key).get("DeleteMarkers", [])
        assert [each["VersionId"] for each in markers] == ([marker] if key == "with/a" else [])


def test_rules_of_the_first_version(clock: Any, cloud: LocalCloud, aws: Account, s3: Any, versioned: str) -> None:
    there, other = target(aws)
    old = {"ID": "old", "Prefix": "a", "Status": "Enabled", "Destination": {"Bucket": f"arn:aws:s3:::{other}"}}
    replicated(s3, versioned, role(aws), old)
    put(s3, versioned, "a", b"x")
    s3.delete_object(Bucket=versioned, Key="a")
    cloud.clock.advance(1)
    found = there.list_object_versions(Bucket=other)
    assert (len(found["Versions"]), len(found["DeleteMarkers"])) == (1, 1)


@pytest.mark.parametrize("wait", [1, 0])
def test_metadata_follows(clock: Any, cloud: LocalCloud, aws: Account, s3: Any, versioned: str, wait: int) -> None:
    """Be the object there already or still on its way."""
    there, other = target(aws)
    replicated(s3, versioned, role(aws), rule(other))
    put(s3, versioned, "a", b"x" * 3_000_000)
    if wait:
        cloud.clock.advance(wait)
    s3.put_object_tagging(Bucket=versioned, Key="a", Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
    cloud.clock.advance(1)
    assert there.get_object_tagging(Bucket=other, Key="a")["TagSet"] == [{"Key": "k", "Value": "v"}]


def test_another_account_owns_its_replicas(
    clock: Any, cloud: LocalCloud, aws: Account, s3: Any, versioned: str
) -> None:
    friend = cloud.account()
    there, other = target(friend)
    arn = role(aws)
    to = {"Account": friend.id, "AccessControlTranslation": {"Owner": "Destination"}}
    replicated(s3, versioned, arn, rule(other, destination=to))
    put(s3, versioned, "refused", b"x")
    cloud.clock.advance(1)
    assert status(s3, versioned, "refused") == "FAILED"
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": arn},
        "Action": ["s3:Replicate*", "s3:ObjectOwnerOverrideToBucketOwner"],
        "Resource": f"arn:aws:s3:::{other}/*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    there.put_bucket_policy(Bucket=other, Policy=policy)
    put(s3, versioned, "a", b"x")
    cloud.clock.advance(1)
    assert status(s3, versioned, "a") == "COMPLETED"
    assert read(there, other, "a") == b"x"


@pytest.mark.parametrize(
    ("actions", "reason"),
    [
        (SOURCE, "DstPutObjectNotPermitted"),
        (TARGET, "SrcGetObjectNotPermitted"),
    ],
)
def test_what_fails_says_why(
    clock: Any, cloud: LocalCloud, aws: Account, s3: Any, versioned: str, actions: list[str], reason: str
) -> None:
    inbox = Inbox(aws, versioned)
    configured(s3, versioned, inbox, "s3:Replication:*")
    _, other = target(aws)
    replicated(s3, versioned, role(aws, *actions), rule(other))
    put(s3, versioned, "a", b"x")
    cloud.clock.advance(1)
    assert status(s3, versioned, "a") == "FAILED"
    (record,) = inbox.records(cloud)
    assert (record["eventName"], record["eventVersion"]) == ("Replication:OperationFailedReplication", "2.2")
    data = record["replicationEventData"]
    assert (data["failureReason"], data["replicationRuleId"]) == (reason, "rule-1")
    assert data["destinationBucket"] == f"arn:aws:s3:::{other}"


def test_a_role_that_does_not_trust_s3(clock: Any, cloud: LocalCloud, aws: Account, s3: Any, versioned: str) -> None:
    _, other = target(aws)
    replicated(s3, versioned, f"arn:aws:iam::{aws.id}:role/nobody", rule(other))
    put(s3, versioned, "a", b"x")
    cloud.clock.advance(1)
    assert status(s3, versioned, "a") == "FAILED"


def test_objects_under_kms_only_if_the_rule_says_so(
    clock: Any, cloud: LocalCloud, aws: Account, s3: Any, versioned: str
) -> None:
    there, other = target(aws, "eu-west-1")
    here = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    key = aws.client("kms", "eu-west-1").create_key()["KeyMetadata"]["Arn"]
    arn = role(aws)
    encrypted: dict[str, Any] = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": here}
    replicated(s3, versioned, arn, rule(other))
    put(s3, versioned, "a", b"x", **encrypted)
    criteria = {"SseKmsEncryptedObjects": {"Status": "Enabled"}}
    to = {"EncryptionConfiguration": {"ReplicaKmsKeyID": key}}
    replicated(s3, versioned, arn, rule(other, destination=to, SourceSelectionCriteria=criteria))
    put(s3, versioned, "b", b"secret", **encrypted)
    cloud.clock.advance(1)
    assert status(s3, versioned, "a") == ""
    copy = there.get_object(Bucket=other, Key="b")
    assert (copy["Body"].read(), copy["SSEKMSKeyId"]) == (b"secret", key)


def test_what_only_the_customer_can_open_is_copied_as_it_is(
    clock: Any, cloud: LocalCloud, aws: Account, s3: Any, versioned: str
) -> None:
    there, other = target(aws)
    replicated(s3, versioned, role(aws), rule(other))
    own: dict[str, Any] = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": b"k" * 32}
    for key, size in (("small", 10), ("large", 300_000), ("empty", 0)):
        put(s3, versioned, key, b"x" * size, **own)
        cloud.clock.advance(1)
        assert there.get_object(Bucket=other, Key=key, **own)["Body"].read() == b"x" * size
        assert refused(there.get_object, Bucket=other, Key=key)[1] == 400
        s3.delete_object(Bucket=versioned, Key=key)
        assert there.get_object(Bucket=other, Key=key, **own)["Body"].read() == b"x" * size


def test_replicas_are_not_replicated_on(clock: Any, cloud: LocalCloud, aws: Account, s3: Any, versioned: str) -> None:
    there, other = target(aws)
    arn = role(aws)
    replicated(s3, versioned, arn, rule(other))
    replicated(there, other, arn, rule(versioned))
    put(s3, versioned, "a", b"x")
    put(there, other, "b", b"y")
    cloud.clock.advance(1)
    assert status(s3, versioned, "a") == status(there, other, "b") == "COMPLETED"
    assert status(there, other, "a") == status(s3, versioned, "b") == "REPLICA"
    assert len(s3.list_object_versions(Bucket=versioned)["Versions"]) == 2


def test_a_bucket_that_is_gone_and_time_control(
    clock: Any, cloud: LocalCloud, aws: Account, s3: Any, versioned: str
) -> None:
    there, other = target(aws)
    minutes = {"Status": "Enabled", "Time": {"Minutes": 15}}
    metrics = {"Status": "Enabled", "EventThreshold": {"Minutes": 15}}
    replicated(s3, versioned, role(aws), rule(other, destination={"ReplicationTime": minutes, "Metrics": metrics}))
    there.delete_bucket(Bucket=other)
    put(s3, versioned, "a", b"x")
    cloud.clock.advance(1200)
    assert status(s3, versioned, "a") == "FAILED"
