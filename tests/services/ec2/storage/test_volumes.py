"""Volumes: their types and limits, zones, states, encryption."""

from __future__ import annotations

import pytest

ZONE = "us-east-1a"


def test_a_volume_comes_to_be_and_goes(ec2, clock, refused):
    made = ec2.create_volume(AvailabilityZone=ZONE, Size=100)
    assert made["State"] == "creating" and made["VolumeType"] == "gp2" and made["Iops"] == 300
    assert (made["Encrypted"], made["SnapshotId"], made["MultiAttachEnabled"]) == (False, "", False)
    what = made["VolumeId"]
    assert what.startswith("vol-") and len(what) == 4 + 17
    clock.advance(5)
    ec2.get_waiter("volume_available").wait(VolumeIds=[what], WaiterConfig={"Delay": 0, "MaxAttempts": 1})
    ec2.delete_volume(VolumeId=what)
    assert ec2.describe_volumes(VolumeIds=[what])["Volumes"][0]["State"] == "deleting"
    clock.advance(5)
    with refused("InvalidVolume.NotFound", f"The volume '{what}' does not exist."):
        ec2.describe_volumes(VolumeIds=[what])
    with refused("InvalidVolume.NotFound"):
        ec2.delete_volume(VolumeId=what)


@pytest.mark.parametrize(
    ("asked", "iops", "throughput"),
    [
        ({"VolumeType": "gp2", "Size": 1}, 100, None),
        ({"VolumeType": "gp2", "Size": 16384}, 16000, None),
        ({"VolumeType": "gp3", "Size": 1}, 3000, 125),
        ({"VolumeType": "gp3", "Size": 160, "Iops": 80000, "Throughput": 2000}, 80000, 2000),
        ({"VolumeType": "io1", "Size": 4, "Iops": 200}, 200, None),
        ({"VolumeType": "io2", "Size": 65536, "Iops": 256000}, 256000, None),
        ({"VolumeType": "st1", "Size": 125}, None, None),
        ({"VolumeType": "sc1", "Size": 16384}, None, None),
        ({"VolumeType": "standard", "Size": 1024}, None, None),
    ],
)
def test_what_each_type_of_volume_may_be(ec2, asked, iops, throughput):
    made = ec2.create_volume(AvailabilityZone=ZONE, **asked)
    assert made.get("Iops") == iops and made.get("Throughput") == throughput


@pytest.mark.parametrize(
    ("asked", "code", "text"),
    [
        ({"Size": 16385}, "InvalidParameterValue", "too large for volume type gp2; maximum is 16384GiB"),
        ({"VolumeType": "st1", "Size": 124}, "InvalidParameterValue", "minimum is 125GiB"),
        ({"VolumeType": "io1", "Size": 3, "Iops": 100}, "InvalidParameterValue", "minimum is 4GiB"),
        ({"VolumeType": "io1", "Size": 4}, "MissingParameter", "iops must be specified for io1 volumes"),
        ({"VolumeType": "io1", "Size": 4, "Iops": 201}, "InvalidParameterValue", "maximum is 50"),
        ({"VolumeType": "io2", "Size": 4, "Iops": 4001}, "InvalidParameterValue", "maximum is 1000"),
        ({"VolumeType": "gp3", "Size": 10, "Iops": 5001}, "InvalidParameterValue", "maximum is 500"),
        ({"VolumeType": "gp3", "Size": 10, "Iops": 2999}, "InvalidParameterValue", "minimum is 3000"),
        ({"VolumeType": "gp3", "Size": 10, "Throughput": 751}, "InvalidParameterValue", "maximum is 0.25"),
        ({"VolumeType": "gp2", "Size": 10, "Iops": 300}, "InvalidParameterCombination", "iops is not supported"),
        ({"VolumeType": "io2", "Size": 10, "Iops": 300, "Throughput": 125}, "InvalidParameterCombination", ""),
        ({"VolumeType": "gp3", "Size": 10, "MultiAttachEnabled": True}, "InvalidParameterCombination", "Multi-Attach"),
        ({"VolumeType": "gp4", "Size": 10}, "InvalidParameterValue", "gp4"),
        ({"AvailabilityZone": "us-east-1z", "Size": 10}, "InvalidZone.NotFound", "'us-east-1z' does not exist"),
        ({"SnapshotId": "snap-0123456789abcdef0"}, "InvalidSnapshot.NotFound", "does not exist"),
        ({}, "MissingParameter", "size/snapshot"),
        ({"Size": 10, "KmsKeyId": "alias/aws/ebs"}, "InvalidParameterDependency", "KmsKeyId"),
        ({"Size": 10, "Encrypted": True, "KmsKeyId": "alias/none"}, "InvalidKmsKey.NotFound", ""),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_made(ec2, refused, asked, code, text):
    with refused(code, text):
        ec2.create_volume(**{"AvailabilityZone": ZONE} | asked)
    assert ec2.describe_volumes()["Volumes"] == []


def test_zones_may_be_named_by_their_ids(ec2):
    made = ec2.create_volume(AvailabilityZoneId="use1-az2", Size=1)
    assert (made["AvailabilityZone"], made["AvailabilityZoneId"]) == ("us-east-1b", "use1-az2")


def test_volumes_are_described_by_filters_and_in_pages(ec2, volume):
    tags = [{"ResourceType": "volume", "Tags": [{"Key": "Name", "Value": "data"}]}]
    data = volume(Size=3, TagSpecifications=tags)
    others = [volume(Size=size, AvailabilityZone="us-east-1b") for size in (4, 5, 6)]
    for name, value in [("tag:Name", "da*"), ("size", "3"), ("availability-zone", ZONE), ("volume-id", data)]:
        found = ec2.describe_volumes(Filters=[{"Name": name, "Values": [value]}])["Volumes"]
        assert [one["VolumeId"] for one in found] == [data], name
    assert ec2.describe_volumes(Filters=[{"Name": "status", "Values": ["creating"]}])["Volumes"] == []
    pages = ec2.get_paginator("describe_volumes").paginate(PaginationConfig={"PageSize": 3})
    assert {one["VolumeId"] for page in pages for one in page["Volumes"]} == {data, *others}


def test_a_client_token_makes_one_volume(ec2, refused):
    asked = {"AvailabilityZone": ZONE, "Size": 1, "ClientToken": "t"}
    assert ec2.create_volume(**asked)["VolumeId"] == ec2.create_volume(**asked)["VolumeId"]
    with refused("IdempotentParameterMismatch"):
        ec2.create_volume(**asked | {"Size": 2})


def test_volumes_are_encrypted_where_that_is_the_default_under_the_key_that_is(aws, ec2, volume):
    assert ec2.get_ebs_encryption_by_default()["EbsEncryptionByDefault"] is False
    assert ec2.get_ebs_default_kms_key_id()["KmsKeyId"] == "alias/aws/ebs"
    asked = ec2.describe_volumes(VolumeIds=[volume(Encrypted=True)])["Volumes"][0]
    managed = aws.client("kms").describe_key(KeyId="alias/aws/ebs")["KeyMetadata"]["Arn"]
    assert asked["Encrypted"] and asked["KmsKeyId"] == managed
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    ec2.enable_ebs_encryption_by_default()
    assert ec2.modify_ebs_default_kms_key_id(KmsKeyId=key)["KmsKeyId"] == key
    made = ec2.describe_volumes(VolumeIds=[volume()])["Volumes"][0]
    assert made["Encrypted"] and made["KmsKeyId"] == key
    ec2.reset_ebs_default_kms_key_id()
    ec2.disable_ebs_encryption_by_default()
    assert ec2.describe_volumes(VolumeIds=[volume()])["Volumes"][0]["Encrypted"] is False


def test_a_disabled_key_encrypts_nothing(aws, ec2, refused):
    kms = aws.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.disable_key(KeyId=key)
    with refused("InvalidKmsKey.InvalidState"):
        ec2.create_volume(AvailabilityZone=ZONE, Size=1, Encrypted=True, KmsKeyId=key)


def test_who_waits_for_a_volume_need_not_look_twice(ec2, clock):
    clock.resume()
    made = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
    for waiter, asked in (("volume_available", {"VolumeIds": [made]}), ("volume_deleted", {"VolumeIds": [made]})):
        if waiter == "volume_deleted":
            ec2.delete_volume(VolumeId=made)
        ec2.get_waiter(waiter).wait(**asked, WaiterConfig={"Delay": 1, "MaxAttempts": 2})
