"""Snapshots: taken, shared, locked, archived, restored fast, and told of."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

ZONE = "us-east-1a"
HOUR, DAY = 3600, 86400


@pytest.fixture
def snapshot(ec2, volume, clock):
    """Make a snapshot of a new volume, complete."""

    def make(**members):
        made = ec2.create_snapshot(VolumeId=volume(**members), Description="d")["SnapshotId"]
        clock.advance(5)
        return made

    return make


def told(ec2, snapshot_id):
    return ec2.describe_snapshots(SnapshotIds=[snapshot_id])["Snapshots"][0]


def test_a_snapshot_is_pending_then_complete_and_becomes_a_volume_in_another_zone(ec2, volume, clock, refused):
    source = volume(Size=3)
    tags = [{"ResourceType": "snapshot", "Tags": [{"Key": "a", "Value": "b"}]}]
    made = ec2.create_snapshot(VolumeId=source, Description="monday", TagSpecifications=tags)
    assert (made["State"], made["VolumeId"], made["VolumeSize"], made["Encrypted"]) == ("pending", source, 3, False)
    with refused("IncorrectState", "pending"):
        ec2.create_volume(AvailabilityZone=ZONE, SnapshotId=made["SnapshotId"])
    clock.advance(5)
    ec2.get_waiter("snapshot_completed").wait(SnapshotIds=[made["SnapshotId"]])
    one = told(ec2, made["SnapshotId"])
    assert (one["Progress"], one["Description"], one["Tags"]) == ("100%", "monday", [{"Key": "a", "Value": "b"}])
    other = ec2.create_volume(AvailabilityZone="us-east-1b", SnapshotId=made["SnapshotId"], Size=5)
    assert (other["Size"], other["SnapshotId"]) == (5, made["SnapshotId"])
    with refused("InvalidParameterValue", "expect size >= 3GB"):
        ec2.create_volume(AvailabilityZone=ZONE, SnapshotId=made["SnapshotId"], Size=2)
    ec2.delete_snapshot(SnapshotId=made["SnapshotId"])
    with refused("InvalidSnapshot.NotFound", "does not exist"):
        told(ec2, made["SnapshotId"])


def test_what_is_made_of_an_encrypted_volume_is_encrypted_with_its_key(aws, ec2, volume, clock):
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    made = ec2.create_snapshot(VolumeId=volume(Encrypted=True, KmsKeyId=key))["SnapshotId"]
    clock.advance(5)
    assert told(ec2, made)["KmsKeyId"] == key
    again = ec2.create_volume(AvailabilityZone=ZONE, SnapshotId=made)
    assert again["Encrypted"] and again["KmsKeyId"] == key
    managed = ec2.create_volume(AvailabilityZone=ZONE, SnapshotId=made, Encrypted=True, KmsKeyId="alias/aws/ebs")
    assert managed["KmsKeyId"] != key


def test_a_snapshot_is_shared_with_an_account_until_it_is_not(aws, cloud, ec2, snapshot, clock, refused):
    mine, other = snapshot(), cloud.account()
    theirs = other.client("ec2")
    with refused("InvalidSnapshot.NotFound"):
        told(theirs, mine)
    ec2.modify_snapshot_attribute(
        SnapshotId=mine, Attribute="createVolumePermission", OperationType="add", UserIds=[other.id]
    )
    shared = ec2.describe_snapshot_attribute(SnapshotId=mine, Attribute="createVolumePermission")
    assert shared["CreateVolumePermissions"] == [{"UserId": other.id}]
    assert told(theirs, mine)["OwnerId"] == aws.id
    found = theirs.describe_snapshots(RestorableByUserIds=["self"], OwnerIds=[aws.id])["Snapshots"]
    assert [one["SnapshotId"] for one in found] == [mine]
    theirs.create_volume(AvailabilityZone=ZONE, SnapshotId=mine)
    theirs.copy_snapshot(SourceRegion="us-east-1", SourceSnapshotId=mine)
    with refused("AuthFailure"):
        theirs.delete_snapshot(SnapshotId=mine)
    ec2.reset_snapshot_attribute(SnapshotId=mine, Attribute="createVolumePermission")
    with refused("InvalidSnapshot.NotFound"):
        told(theirs, mine)


def test_public_sharing_can_be_blocked_and_what_is_encrypted_is_never_public(cloud, ec2, snapshot, refused):
    mine, theirs = snapshot(), cloud.account().client("ec2")
    public = {"CreateVolumePermission": {"Add": [{"Group": "all"}]}}
    assert ec2.get_snapshot_block_public_access_state()["State"] == "unblocked"
    ec2.modify_snapshot_attribute(SnapshotId=mine, **public)
    assert told(theirs, mine)["SnapshotId"] == mine
    ec2.enable_snapshot_block_public_access(State="block-all-sharing")
    with refused("InvalidSnapshot.NotFound"):
        told(theirs, mine)
    with refused("OperationNotPermitted", "block public access"):
        ec2.modify_snapshot_attribute(SnapshotId=snapshot(), **public)
    ec2.disable_snapshot_block_public_access()
    assert told(theirs, mine)
    with refused("OperationNotPermitted", "cannot be made public"):
        ec2.modify_snapshot_attribute(SnapshotId=snapshot(Encrypted=True), **public)


def test_a_snapshot_under_the_managed_key_is_not_shared(cloud, ec2, snapshot, refused):
    with refused("OperationNotPermitted", "Encrypted snapshots with EBS default key cannot be shared"):
        ec2.modify_snapshot_attribute(
            SnapshotId=snapshot(Encrypted=True), OperationType="add", UserIds=[cloud.account().id]
        )


def test_a_locked_snapshot_is_not_deleted(ec2, snapshot, clock, refused):
    one = snapshot()
    locked = ec2.lock_snapshot(SnapshotId=one, LockMode="compliance", CoolOffPeriod=2, LockDuration=2)
    assert locked["LockState"] == "compliance-cooloff"
    with refused("SnapshotLocked"):
        ec2.delete_snapshot(SnapshotId=one)
    clock.advance(3 * HOUR)
    with refused("OperationNotPermitted"):
        ec2.unlock_snapshot(SnapshotId=one)
    with refused("OperationNotPermitted"):
        ec2.lock_snapshot(SnapshotId=one, LockMode="governance", LockDuration=9)
    longer = ec2.lock_snapshot(SnapshotId=one, LockMode="compliance", LockDuration=9)
    assert longer["LockState"] == "compliance"
    clock.advance(9 * DAY)
    assert ec2.describe_locked_snapshots()["Snapshots"][0]["LockState"] == "expired"
    ec2.delete_snapshot(SnapshotId=one)


def test_governance_locks_are_taken_away_by_who_may(ec2, snapshot, clock):
    one = snapshot()
    ec2.lock_snapshot(SnapshotId=one, LockMode="governance", LockDuration=30)
    states = ec2.describe_locked_snapshots(Filters=[{"Name": "lock-state", "Values": ["governance"]}])
    assert [lock["SnapshotId"] for lock in states["Snapshots"]] == [one]
    ec2.unlock_snapshot(SnapshotId=one)
    ec2.delete_snapshot(SnapshotId=one)


def test_an_archived_snapshot_is_of_no_use_until_it_is_restored(ec2, snapshot, clock, refused):
    one = snapshot()
    ec2.modify_snapshot_tier(SnapshotId=one, StorageTier="archive")
    tier = lambda: ec2.describe_snapshot_tier_status()["SnapshotTierStatuses"][0]  # noqa: E731
    assert tier()["LastTieringOperationStatus"] == "archival-in-progress"
    clock.advance(DAY)
    assert tier()["LastTieringOperationStatus"] == "archival-completed"
    assert told(ec2, one)["StorageTier"] == "archive"
    with refused("IncorrectState"):
        ec2.create_volume(AvailabilityZone=ZONE, SnapshotId=one)
    ec2.restore_snapshot_tier(SnapshotId=one, TemporaryRestoreDays=2)
    clock.advance(DAY)
    restored = told(ec2, one)
    assert restored["StorageTier"] == "standard" and "RestoreExpiryTime" in restored
    ec2.create_volume(AvailabilityZone=ZONE, SnapshotId=one)
    clock.advance(2 * DAY)
    assert told(ec2, one)["StorageTier"] == "archive"
    ec2.restore_snapshot_tier(SnapshotId=one, PermanentRestore=True)
    clock.advance(30 * DAY)
    assert told(ec2, one)["StorageTier"] == "standard"


def test_fast_restores_are_optimized_an_hour_for_each_tebibyte(ec2, snapshot, clock, refused):
    one = snapshot(Size=1024)
    asked = {"AvailabilityZones": [ZONE], "SourceSnapshotIds": [one, "snap-0123456789abcdef0"]}
    answer = ec2.enable_fast_snapshot_restores(**asked)
    assert answer["Successful"][0]["State"] == "enabling"
    assert answer["Unsuccessful"][0]["FastSnapshotRestoreStateErrors"][0]["Error"]["Code"] == "InvalidSnapshot.NotFound"
    state = lambda: ec2.describe_fast_snapshot_restores()["FastSnapshotRestores"][0]["State"]  # noqa: E731
    clock.advance(60)
    assert state() == "optimizing"
    clock.advance(HOUR)
    assert state() == "enabled"
    assert ec2.create_volume(AvailabilityZone=ZONE, SnapshotId=one)["FastRestored"] is True
    assert "FastRestored" not in ec2.create_volume(AvailabilityZone="us-east-1b", SnapshotId=one)
    ec2.disable_fast_snapshot_restores(AvailabilityZones=[ZONE], SourceSnapshotIds=[one])
    assert state() == "disabling"
    clock.advance(60)
    assert ec2.describe_fast_snapshot_restores()["FastSnapshotRestores"] == []


def test_snapshots_are_told_to_eventbridge(aws, ec2, volume, clock):
    sqs, events = aws.client("sqs"), aws.client("events")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    events.put_rule(Name="r", EventPattern=json.dumps({"source": ["aws.ec2"]}))
    events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": arn}])
    source = volume()
    made = ec2.create_snapshot(VolumeId=source)["SnapshotId"]
    clock.advance(5)
    got = [json.loads(one["Body"]) for one in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]]
    kinds = {one["detail-type"]: one["detail"] for one in got}
    assert kinds["EBS Volume Notification"]["event"] == "createVolume"
    done = kinds["EBS Snapshot Notification"]
    assert (done["event"], done["result"]) == ("createSnapshot", "succeeded")
    assert done["snapshot_id"].endswith(f"::snapshot/{made}") and done["source"].endswith(f":volume/{source}")


def test_an_expiration_must_be_a_day_ahead(ec2, snapshot, refused):
    one = snapshot()
    begun = told(ec2, one)["StartTime"]
    with refused("InvalidParameterValue"):
        ec2.lock_snapshot(SnapshotId=one, LockMode="governance", ExpirationDate=begun + timedelta(hours=20))
    with refused("InvalidParameterCombination"):
        ec2.lock_snapshot(SnapshotId=one, LockMode="governance", ExpirationDate=begun, LockDuration=2)


def test_a_further_key_opens_a_snapshot_when_its_own_is_disabled(aws, ec2, volume, clock, refused):
    kms = aws.client("kms")
    own, other = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    made = volume(Encrypted=True, KmsKeyId=own)
    snapshot = ec2.create_snapshot(VolumeId=made)["SnapshotId"]
    plain = ec2.create_snapshot(VolumeId=volume())["SnapshotId"]
    clock.advance(30)
    with refused("InvalidParameterValue", "not encrypted"):
        ec2.associate_kms_key_id(SnapshotId=plain, KmsKeyId=other)
    ec2.associate_kms_key_id(SnapshotId=snapshot, KmsKeyId=other)
    told = ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"][0]
    assert told["KmsKeyId"] == own and told["AssociatedKmsKeys"] == [{"KmsKeyId": other}]
    kms.disable_key(KeyId=own)
    third = kms.create_key()["KeyMetadata"]["Arn"]
    copy = ec2.copy_snapshot(SourceSnapshotId=snapshot, SourceRegion="us-east-1", Encrypted=True, KmsKeyId=third)
    clock.advance(60)
    found = ec2.describe_snapshots(SnapshotIds=[copy["SnapshotId"]])["Snapshots"][0]
    assert found["State"] == "completed" and found["KmsKeyId"] == third
    ec2.disassociate_kms_key_id(SnapshotId=snapshot, KmsKeyId=other)
    with refused("InvalidParameterValue", "not associated"):
        ec2.disassociate_kms_key_id(SnapshotId=snapshot, KmsKeyId=other)
