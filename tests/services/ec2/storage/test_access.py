"""Who may do what with volumes, snapshots and images, as policies say."""

from __future__ import annotations

import json

import boto3
import pytest


@pytest.fixture
def user(aws):
    """Clients of a user who may do this."""

    def make(*statements):
        iam = aws.client("iam")
        iam.create_user(UserName="u")
        document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow"} | one for one in statements]}
        iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=json.dumps(document))
        key = iam.create_access_key(UserName="u")["AccessKey"]
        session = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name="us-east-1")
        return lambda service: session.client(service, endpoint_url=aws.cloud.endpoint)

    return make


def test_a_volume_is_deleted_by_who_may_by_its_tag(ec2, volume, user, refused):
    tags = [{"ResourceType": "volume", "Tags": [{"Key": "team", "Value": "red"}]}]
    red, other = volume(TagSpecifications=tags), volume()
    condition = {"StringEquals": {"aws:ResourceTag/team": "red"}}
    theirs = user({"Action": "ec2:DeleteVolume", "Resource": "arn:aws:ec2:*:*:volume/*", "Condition": condition})("ec2")
    with refused("UnauthorizedOperation"):
        theirs.delete_volume(VolumeId=other)
    with refused("DryRunOperation"):
        theirs.delete_volume(VolumeId=red, DryRun=True)
    theirs.delete_volume(VolumeId=red)
    with refused("UnauthorizedOperation"):
        theirs.describe_volumes()


def test_a_volume_is_made_encrypted_by_who_may_make_no_other(ec2, user, refused):
    condition = {"Bool": {"ec2:Encrypted": "true"}}
    allowed = {"Action": "ec2:CreateVolume", "Resource": "*", "Condition": condition}
    theirs = user(allowed, {"Action": "kms:*", "Resource": "*"})("ec2")
    with refused("UnauthorizedOperation"):
        theirs.create_volume(AvailabilityZone="us-east-1a", Size=1)
    theirs.create_volume(AvailabilityZone="us-east-1a", Size=1, Encrypted=True)


def test_small_volumes_are_deleted_by_who_may_delete_no_large_ones(ec2, volume, user, refused):
    small, large = volume(Size=5), volume(Size=50)
    condition = {"NumericLessThan": {"ec2:VolumeSize": "10"}}
    theirs = user({"Action": "ec2:DeleteVolume", "Resource": "*", "Condition": condition})("ec2")
    with refused("UnauthorizedOperation"):
        theirs.delete_volume(VolumeId=large)
    theirs.delete_volume(VolumeId=small)


def test_an_encrypted_volume_takes_the_right_to_its_key(aws, ec2, user, refused):
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    theirs = user({"Action": "ec2:*", "Resource": "*"})("ec2")
    with refused("UnauthorizedOperation"):
        theirs.create_volume(AvailabilityZone="us-east-1a", Size=1, Encrypted=True, KmsKeyId=key)
    assert theirs.describe_volumes()["Volumes"] == []
    theirs.create_volume(AvailabilityZone="us-east-1a", Size=1, Encrypted=True)  # the managed key lets everybody


def test_blocks_are_read_by_who_may_read_that_snapshot(ec2, volume, clock, user, refused):
    one, other = (ec2.create_snapshot(VolumeId=volume())["SnapshotId"] for _ in "12")
    clock.advance(5)
    theirs = user({"Action": "ebs:ListSnapshotBlocks", "Resource": f"arn:aws:ec2:us-east-1::snapshot/{one}"})("ebs")
    assert theirs.list_snapshot_blocks(SnapshotId=one)["Blocks"] == []
    with refused("AccessDeniedException"):
        theirs.list_snapshot_blocks(SnapshotId=other)
