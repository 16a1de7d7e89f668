"""Lifecycle policies, on the cloud's clock."""

from __future__ import annotations

import copy

import pytest

HOUR, DAY = 3600, 86400
TAG = {"Key": "backup", "Value": "daily"}
SCHEDULE = {
    "Name": "daily",
    "CreateRule": {"Interval": 24, "IntervalUnit": "HOURS", "Times": ["03:00"]},
    "RetainRule": {"Count": 2},
    "CopyTags": True,
    "TagsToAdd": [{"Key": "made-by", "Value": "policy"}],
}


@pytest.fixture
def dlm(aws):
    return aws.client("dlm")


@pytest.fixture
def ec2(aws):
    return aws.client("ec2")


@pytest.fixture
def policy(aws, dlm):
    """Make a policy of one schedule, which is different from the usual one in these."""

    def make(state="ENABLED", kind="EBS_SNAPSHOT_MANAGEMENT", resource="VOLUME", **changes):
        details = {
            "PolicyType": kind,
            "ResourceTypes": [resource],
            "TargetTags": [TAG],
            "Schedules": [copy.deepcopy(SCHEDULE) | changes],
        }
        role = f"arn:aws:iam::{aws.id}:role/AWSDataLifecycleManagerDefaultRole"
        made = dlm.create_lifecycle_policy(
            ExecutionRoleArn=role, Description="d", State=state, PolicyDetails=details, Tags={"a": "b"}
        )
        return made["PolicyId"]

    return make


@pytest.fixture
def volume(ec2, clock):
    def make(**tags):
        told = [{"Key": key, "Value": value} for key, value in tags.items()]
        specification = [{"ResourceType": "volume", "Tags": told}] if told else []
        made = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1, TagSpecifications=specification)["VolumeId"]
        clock.advance(5)
        return made

    return make


def snapshots(ec2, volume_id):
    found = ec2.describe_snapshots(OwnerIds=["self"], Filters=[{"Name": "volume-id", "Values": [volume_id]}])
    return sorted(found["Snapshots"], key=lambda one: one["StartTime"])


def test_volumes_with_the_tag_are_snapshotted_each_day_and_two_are_kept(ec2, policy, volume, clock):
    tagged, other = volume(backup="daily", role="db"), volume(backup="weekly")
    made = policy()
    clock.advance(DAY + 60)
    first = snapshots(ec2, tagged)
    assert len(first) == 1 and first[0]["StartTime"].strftime("%H:%M") == "03:00"
    tags = {tag["Key"]: tag["Value"] for tag in first[0]["Tags"]}
    assert tags["aws:dlm:lifecycle-policy-id"] == made and tags["dlm:managed"] == "true"
    assert (tags["role"], tags["made-by"], tags["aws:dlm:lifecycle-schedule-name"]) == ("db", "policy", "daily")
    assert first[0]["Description"] == f"Created for policy: {made} schedule: daily"
    clock.advance(3 * DAY)
    kept = snapshots(ec2, tagged)
    assert len(kept) == 2 and first[0]["SnapshotId"] not in {one["SnapshotId"] for one in kept}
    assert snapshots(ec2, other) == []


def test_snapshots_go_when_their_time_is_over(ec2, policy, volume, clock):
    tagged = volume(backup="daily")
    policy(CreateRule={"CronExpression": "cron(0 12 ? * MON *)"}, RetainRule={"Interval": 3, "IntervalUnit": "DAYS"})
    for _ in range(8):  # whatever day of the week it is
        clock.advance(DAY)
        if snapshots(ec2, tagged):
            break
    (one,) = snapshots(ec2, tagged)
    assert one["StartTime"].strftime("%a %H:%M") == "Mon 12:00"
    clock.advance(3 * DAY)
    assert one["SnapshotId"] not in {each["SnapshotId"] for each in snapshots(ec2, tagged)}


def test_a_disabled_policy_does_nothing_until_it_is_enabled(dlm, ec2, policy, volume, clock):
    tagged = volume(backup="daily")
    made = policy(state="DISABLED")
    clock.advance(2 * DAY)
    assert snapshots(ec2, tagged) == []
    dlm.update_lifecycle_policy(PolicyId=made, State="ENABLED")
    clock.advance(DAY)
    assert len(snapshots(ec2, tagged)) == 1
    dlm.delete_lifecycle_policy(PolicyId=made)
    clock.advance(5 * DAY)
    assert len(snapshots(ec2, tagged)) == 1


def test_copies_go_to_another_region_and_are_shared(aws, cloud, ec2, policy, volume, clock):
    other = cloud.account()
    tagged = volume(backup="daily")
    rule = {"Target": "eu-west-1", "Encrypted": True, "CopyTags": True}
    rule["RetainRule"] = {"Interval": 1, "IntervalUnit": "WEEKS"}
    policy(CrossRegionCopyRules=[rule], ShareRules=[{"TargetAccounts": [other.id]}])
    clock.advance(DAY + 120)
    (one,) = snapshots(ec2, tagged)
    there = aws.client("ec2", region_name="eu-west-1")
    (copied,) = there.describe_snapshots(OwnerIds=["self"])["Snapshots"]
    assert copied["Encrypted"] and copied["State"] == "completed"
    assert {"Key": "made-by", "Value": "policy"} in copied["Tags"]
    assert other.client("ec2").describe_snapshots(SnapshotIds=[one["SnapshotId"]])["Snapshots"]
    clock.advance(8 * DAY)
    assert copied["SnapshotId"] not in {
        each["SnapshotId"] for each in there.describe_snapshots(OwnerIds=["self"])["Snapshots"]
    }


def test_images_of_instances_are_made_and_let_go_with_their_snapshots(ec2, policy, clock):
    filters = [{"Name": "name", "Values": ["al2023-ami-2023*x86_64"]}]
    image = ec2.describe_images(Owners=["amazon"], Filters=filters)["Images"][0]["ImageId"]
    told = [{"ResourceType": "instance", "Tags": [TAG]}]
    asked = {"ImageId": image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, "TagSpecifications": told}
    one = ec2.run_instances(**asked)["Instances"][0]["InstanceId"]
    clock.advance(30)
    policy(kind="IMAGE_MANAGEMENT", resource="INSTANCE", RetainRule={"Count": 1})
    clock.advance(DAY + 60)
    (first,) = ec2.describe_images(Owners=["self"])["Images"]
    assert first["State"] == "available"
    clock.advance(DAY)
    (second,) = ec2.describe_images(Owners=["self"])["Images"]
    assert second["ImageId"] != first["ImageId"]
    assert len(ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]) == 1
    ec2.terminate_instances(InstanceIds=[one])
    clock.advance(10)


def test_a_default_policy_is_for_all_volumes_that_have_no_recent_snapshot(aws, dlm, ec2, volume, clock, refused):
    one, spared = volume(), volume(scratch="yes")
    role = f"arn:aws:iam::{aws.id}:role/r"
    asked = {"ExecutionRoleArn": role, "Description": "all", "State": "ENABLED", "DefaultPolicy": "VOLUME"}
    excluded = {"ExcludeTags": [{"Key": "scratch", "Value": "yes"}]}
    dlm.create_lifecycle_policy(**asked, CreateInterval=1, RetainInterval=2, Exclusions=excluded)
    clock.advance(4 * DAY)
    assert len(snapshots(ec2, one)) == 2 and snapshots(ec2, spared) == []
    with refused("InvalidRequestException"):
        dlm.create_lifecycle_policy(**asked)


def test_policies_are_read_listed_changed_and_tagged(aws, dlm, policy, refused):
    made, other = policy(), policy(state="DISABLED")
    told = dlm.get_lifecycle_policy(PolicyId=made)["Policy"]
    assert (told["State"], told["Description"], told["Tags"]) == ("ENABLED", "d", {"a": "b"})
    assert told["PolicyDetails"]["Schedules"][0]["RetainRule"] == {"Count": 2}
    listed = dlm.get_lifecycle_policies(State="DISABLED", TargetTags=["backup=daily"])["Policies"]
    assert [one["PolicyId"] for one in listed] == [other]
    dlm.tag_resource(ResourceArn=told["PolicyArn"], Tags={"c": "d"})
    dlm.untag_resource(ResourceArn=told["PolicyArn"], TagKeys=["a"])
    assert dlm.list_tags_for_resource(ResourceArn=told["PolicyArn"])["Tags"] == {"c": "d"}
    for wrong in (
        {"CreateRule": {"Interval": 5, "IntervalUnit": "HOURS"}},
        {"CreateRule": {"CronExpression": "cron(0 12 * * MON *)"}},
        {"RetainRule": {"Count": 2, "Interval": 1, "IntervalUnit": "DAYS"}},
    ):
        with refused("InvalidRequestException"):
            policy(**wrong)
    with refused("ResourceNotFoundException"):
        dlm.get_lifecycle_policy(PolicyId="policy-0123456789abcdef0")


def test_a_policy_whose_role_may_not_is_in_error(aws, dlm, ec2, policy, volume, clock):
    trust = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"dlm.amazonaws.com"},'
    iam = aws.client("iam")
    iam.create_role(
        RoleName="AWSDataLifecycleManagerDefaultRole", AssumeRolePolicyDocument=trust + '"Action":"sts:AssumeRole"}]}'
    )
    tagged, made = volume(backup="daily"), policy()
    clock.advance(DAY)
    assert dlm.get_lifecycle_policy(PolicyId=made)["Policy"]["State"] == "ERROR"
    iam.attach_role_policy(
        RoleName="AWSDataLifecycleManagerDefaultRole",
        PolicyArn="arn:aws:iam::aws:policy/service-role/AWSDataLifecycleManagerServiceRole",
    )
    dlm.update_lifecycle_policy(PolicyId=made, State="ENABLED")
    clock.advance(DAY)
    assert len(snapshots(ec2, tagged)) == 1
