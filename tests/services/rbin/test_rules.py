"""Recycle Bin: rules, what they keep, and their locks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import pileus

DAY = 86400
WEEK = {"RetentionPeriodValue": 7, "RetentionPeriodUnit": "DAYS"}
DELAY = {"UnlockDelay": {"UnlockDelayValue": 7, "UnlockDelayUnit": "DAYS"}}


@pytest.fixture(scope="module")
def cloud() -> Iterator[pileus.LocalCloud]:
    """One of its own: what polls in others' accounts would go on doing so for seven weeks."""
    with pileus.cloud(sockets=True) as running:
        yield running


@pytest.fixture
def rbin(aws):
    return aws.client("rbin")


@pytest.fixture
def ec2(aws):
    return aws.client("ec2")


@pytest.fixture
def snapshot(ec2, clock):
    """Make a snapshot of a new volume."""

    def make(**tags):
        volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
        clock.advance(5)
        told = [{"ResourceType": "snapshot", "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}]
        made = ec2.create_snapshot(VolumeId=volume, **({"TagSpecifications": told} if tags else {}))["SnapshotId"]
        clock.advance(5)
        return made

    return make


def test_a_deleted_snapshot_is_kept_for_as_long_as_the_longest_rule_says(rbin, ec2, clock, snapshot, refused):
    rbin.create_rule(ResourceType="EBS_SNAPSHOT", RetentionPeriod=WEEK)
    month = WEEK | {"RetentionPeriodValue": 30}
    tag = {"ResourceTagKey": "keep", "ResourceTagValue": "long"}
    rbin.create_rule(ResourceType="EBS_SNAPSHOT", RetentionPeriod=month, ResourceTags=[tag])
    plain, long = snapshot(), snapshot(keep="long")
    for one in (plain, long):
        ec2.delete_snapshot(SnapshotId=one)
        with refused("InvalidSnapshot.NotFound"):
            ec2.describe_snapshots(SnapshotIds=[one])
    binned = {one["SnapshotId"]: one for one in ec2.list_snapshots_in_recycle_bin()["Snapshots"]}
    stay = {name: (one["RecycleBinExitTime"] - one["RecycleBinEnterTime"]).days for name, one in binned.items()}
    assert stay == {plain: 7, long: 30}
    clock.advance(8 * DAY)
    assert [one["SnapshotId"] for one in ec2.list_snapshots_in_recycle_bin()["Snapshots"]] == [long]
    with refused("InvalidSnapshot.NotFound"):
        ec2.restore_snapshot_from_recycle_bin(SnapshotId=plain)
    assert ec2.restore_snapshot_from_recycle_bin(SnapshotId=long)["SnapshotId"] == long
    back = ec2.describe_snapshots(SnapshotIds=[long])["Snapshots"][0]
    assert back["State"] == "completed" and back["Tags"] == [{"Key": "keep", "Value": "long"}]
    clock.advance(40 * DAY)
    assert ec2.describe_snapshots(SnapshotIds=[long])["Snapshots"]


def test_a_rule_for_all_leaves_out_what_it_excludes(rbin, ec2, snapshot):
    tag = {"ResourceTagKey": "scratch"}
    rbin.create_rule(ResourceType="EBS_SNAPSHOT", RetentionPeriod=WEEK, ExcludeResourceTags=[tag])
    kept, gone = snapshot(), snapshot(scratch="yes")
    for one in (kept, gone):
        ec2.delete_snapshot(SnapshotId=one)
    assert [one["SnapshotId"] for one in ec2.list_snapshots_in_recycle_bin()["Snapshots"]] == [kept]


def test_images_and_volumes_are_kept_too(rbin, ec2, clock, snapshot):
    for kind in ("EC2_IMAGE", "EBS_VOLUME"):
        rbin.create_rule(ResourceType=kind, RetentionPeriod=WEEK)
    root = [{"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot()}}]
    image = ec2.register_image(Name="an image", RootDeviceName="/dev/xvda", BlockDeviceMappings=root)["ImageId"]
    volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
    clock.advance(5)
    ec2.deregister_image(ImageId=image)
    ec2.delete_volume(VolumeId=volume)
    assert [one["ImageId"] for one in ec2.list_images_in_recycle_bin()["Images"]] == [image]
    assert [one["VolumeId"] for one in ec2.list_volumes_in_recycle_bin()["Volumes"]] == [volume]
    assert ec2.describe_images(Owners=["self"])["Images"] == []
    ec2.restore_image_from_recycle_bin(ImageId=image)
    ec2.restore_volume_from_recycle_bin(VolumeId=volume)
    assert ec2.describe_images(ImageIds=[image])["Images"][0]["State"] == "available"
    assert ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["State"] == "available"


def test_a_locked_rule_cannot_be_changed_until_its_delay_has_passed(rbin, clock, refused):
    made = rbin.create_rule(ResourceType="EBS_SNAPSHOT", RetentionPeriod=WEEK, LockConfiguration=DELAY)
    assert made["LockState"] == "locked"
    name = {"Identifier": made["Identifier"]}
    for change in (rbin.delete_rule, rbin.update_rule):
        with refused("ConflictException"):
            change(**name)
    assert rbin.unlock_rule(**name)["LockState"] == "pending_unlock"
    clock.advance(6 * DAY)
    with refused("ConflictException"):
        rbin.delete_rule(**name)
    clock.advance(DAY + 1)
    assert rbin.get_rule(**name)["LockState"] == "unlocked"
    rbin.delete_rule(**name)
    with refused("ResourceNotFoundException"):
        rbin.get_rule(**name)


def test_rules_are_changed_listed_and_tagged(rbin, refused):
    made = [
        rbin.create_rule(ResourceType="EBS_SNAPSHOT", RetentionPeriod=WEEK, Tags=[{"Key": "n", "Value": str(number)}])
        for number in range(5)
    ]
    rbin.create_rule(ResourceType="EC2_IMAGE", RetentionPeriod=WEEK)
    pages = rbin.get_paginator("list_rules").paginate(ResourceType="EBS_SNAPSHOT", PaginationConfig={"PageSize": 2})
    assert {rule["Identifier"] for page in pages for rule in page["Rules"]} == {rule["Identifier"] for rule in made}
    one = made[0]
    changed = rbin.update_rule(
        Identifier=one["Identifier"], Description="d", RetentionPeriod=WEEK | {"RetentionPeriodValue": 9}
    )
    assert (changed["Description"], changed["RetentionPeriod"]["RetentionPeriodValue"]) == ("d", 9)
    rbin.tag_resource(ResourceArn=one["RuleArn"], Tags=[{"Key": "a", "Value": "b"}])
    rbin.untag_resource(ResourceArn=one["RuleArn"], TagKeys=["n"])
    assert rbin.list_tags_for_resource(ResourceArn=one["RuleArn"])["Tags"] == [{"Key": "a", "Value": "b"}]
    tag = [{"ResourceTagKey": "a"}]
    with refused("ValidationException"):
        rbin.create_rule(ResourceType="EBS_SNAPSHOT", RetentionPeriod=WEEK, ResourceTags=tag, LockConfiguration=DELAY)
    with refused("ValidationException"):
        rbin.create_rule(ResourceType="EBS_VOLUME", RetentionPeriod=WEEK | {"RetentionPeriodValue": 8})
