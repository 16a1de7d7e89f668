"""The direct APIs: snapshots written and read block by block."""

from __future__ import annotations

import base64
import hashlib
import os

import pytest

from .conftest import BLOCK, checksum

FIRST, SECOND, THIRD = (os.urandom(BLOCK) for _ in range(3))


def test_what_is_written_is_read_and_is_the_same_in_a_volumes_snapshot(aws, blocks, clock):
    made = blocks.snapshot({0: FIRST, 2047: SECOND}, Tags=[{"Key": "k", "Value": "v"}], Description="d")
    assert blocks.read(made) == {0: FIRST, 2047: SECOND}
    ec2 = aws.client("ec2")
    told = ec2.describe_snapshots(SnapshotIds=[made])["Snapshots"][0]
    assert (told["State"], told["VolumeSize"], told["Description"]) == ("completed", 1, "d")
    assert told["Tags"] == [{"Key": "k", "Value": "v"}] and told["FullSnapshotSizeInBytes"] == 2 * BLOCK
    volume = ec2.create_volume(AvailabilityZone="us-east-1a", SnapshotId=made)["VolumeId"]
    clock.advance(5)
    again = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    clock.advance(5)
    ec2.delete_snapshot(SnapshotId=made)
    assert blocks.read(again) == {0: FIRST, 2047: SECOND}


def test_a_snapshot_begins_with_the_blocks_of_its_parent_and_tells_what_has_changed(blocks, refused):
    first = blocks.snapshot({0: FIRST, 1: SECOND})
    second = blocks.snapshot({1: THIRD, 5: FIRST}, ParentSnapshotId=first)
    assert blocks.read(second) == {0: FIRST, 1: THIRD, 5: FIRST}
    told = blocks.ebs.list_changed_blocks(FirstSnapshotId=first, SecondSnapshotId=second)
    assert told["BlockSize"] == BLOCK and told["VolumeSize"] == 1
    changed = {one["BlockIndex"]: one for one in told["ChangedBlocks"]}
    assert changed.keys() == {1, 5} and "FirstBlockToken" not in changed[5]
    was = blocks.ebs.get_snapshot_block(SnapshotId=first, BlockIndex=1, BlockToken=changed[1]["FirstBlockToken"])
    assert was["BlockData"].read() == SECOND
    with refused("ValidationException") as no:
        other = blocks.snapshot({0: FIRST})
        blocks.ebs.list_changed_blocks(FirstSnapshotId=first, SecondSnapshotId=other)
    assert no.response["Reason"] == "UNRELATED_SNAPSHOTS"


def test_blocks_are_listed_in_pages_of_at_least_a_hundred(blocks):
    made = blocks.snapshot(dict.fromkeys(range(101), FIRST))
    page = blocks.ebs.list_snapshot_blocks(SnapshotId=made, MaxResults=100)
    assert [one["BlockIndex"] for one in page["Blocks"]] == [*range(100)]
    rest = blocks.ebs.list_snapshot_blocks(SnapshotId=made, MaxResults=100, NextToken=page["NextToken"])
    assert [one["BlockIndex"] for one in rest["Blocks"]] == [100] and "NextToken" not in rest
    late = blocks.ebs.list_snapshot_blocks(SnapshotId=made, StartingBlockIndex=99)
    assert [one["BlockIndex"] for one in late["Blocks"]] == [99, 100]


def test_a_token_is_good_for_its_block_and_for_a_week(blocks, clock, refused):
    made = blocks.snapshot({0: FIRST, 1: SECOND})
    one, two = blocks.ebs.list_snapshot_blocks(SnapshotId=made)["Blocks"]
    with refused("ValidationException") as no:
        blocks.ebs.get_snapshot_block(SnapshotId=made, BlockIndex=1, BlockToken=one["BlockToken"])
    assert no.response["Reason"] == "INVALID_BLOCK_TOKEN"
    clock.advance(7 * 86400 + 1)
    with refused("ValidationException"):
        blocks.ebs.get_snapshot_block(SnapshotId=made, **two)


def test_what_is_wrong_with_a_block_is_told_and_nothing_is_written(blocks, refused):
    made = blocks.ebs.start_snapshot(VolumeSize=1)["SnapshotId"]
    asked = {"SnapshotId": made, "BlockIndex": 0, "ChecksumAlgorithm": "SHA256", "DataLength": BLOCK}
    for wrong in (
        {"BlockData": FIRST, "Checksum": checksum(SECOND)},
        {"BlockData": FIRST[:512], "DataLength": 512, "Checksum": checksum(FIRST[:512])},
        {"BlockData": FIRST, "Checksum": checksum(FIRST), "BlockIndex": 2048},
    ):
        with refused("ValidationException"):
            blocks.ebs.put_snapshot_block(**asked | wrong)
    with refused("ValidationException"):
        blocks.ebs.complete_snapshot(SnapshotId=made, ChangedBlocksCount=1)
    with refused("ValidationException"):
        blocks.ebs.list_snapshot_blocks(SnapshotId=made)
    with refused("ResourceNotFoundException") as no:
        blocks.ebs.list_snapshot_blocks(SnapshotId="snap-0123456789abcdef0")
    assert no.response["Reason"] == "SNAPSHOT_NOT_FOUND"


def test_the_checksum_of_all_blocks_is_that_of_their_checksums_in_order(blocks, refused):
    made = blocks.ebs.start_snapshot(VolumeSize=1)["SnapshotId"]
    blocks.put(made, 7, SECOND)
    blocks.put(made, 3, FIRST)
    whole = b"".join(hashlib.sha256(data).digest() for data in (FIRST, SECOND))
    told = {"ChecksumAlgorithm": "SHA256", "ChecksumAggregationMethod": "LINEAR", "ChangedBlocksCount": 2}
    with refused("ValidationException"):
        blocks.ebs.complete_snapshot(SnapshotId=made, Checksum=checksum(FIRST), **told)
    right = base64.b64encode(hashlib.sha256(whole).digest()).decode()
    assert blocks.ebs.complete_snapshot(SnapshotId=made, Checksum=right, **told)["Status"] == "pending"


def test_a_snapshot_that_nobody_goes_on_with_is_given_up(aws, blocks, clock):
    made = blocks.ebs.start_snapshot(VolumeSize=1, Timeout=10)["SnapshotId"]
    clock.advance(500)
    blocks.put(made, 0, FIRST)
    clock.advance(500)
    state = lambda: aws.client("ec2").describe_snapshots(SnapshotIds=[made])["Snapshots"][0]["State"]  # noqa: E731
    assert state() == "pending"
    clock.advance(101)
    assert state() == "error"


def test_a_token_of_the_client_begins_one_snapshot(blocks, refused):
    one, two = (blocks.ebs.start_snapshot(VolumeSize=1, ClientToken="t")["SnapshotId"] for _ in "12")
    assert one == two
    with refused("ConflictException"):
        blocks.ebs.start_snapshot(VolumeSize=2, ClientToken="t")


def test_an_encrypted_snapshot_is_ciphertext_on_the_disk_and_plain_for_who_may_use_the_key(aws, cloud, blocks):
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    secret = b"a secret that nobody guesses".ljust(4096, b".") * 128
    made = blocks.snapshot({0: secret}, Encrypted=True, KmsKeyArn=key)
    assert blocks.read(made) == {0: secret}
    told = aws.client("ec2").describe_snapshots(SnapshotIds=[made])["Snapshots"][0]
    assert told["Encrypted"] and told["KmsKeyId"] == key


@pytest.mark.parametrize("encrypted", [False, True])
def test_a_copy_to_another_region_has_the_same_blocks(aws, blocks, clock, encrypted):
    made = blocks.snapshot({3: FIRST}, Encrypted=encrypted)
    there = aws.client("ec2", region_name="eu-west-1")
    copy = there.copy_snapshot(SourceRegion="us-east-1", SourceSnapshotId=made, Encrypted=True)["SnapshotId"]
    clock.advance(5)
    told = there.describe_snapshots(SnapshotIds=[copy])["Snapshots"][0]
    managed = aws.client("kms", region_name="eu-west-1").describe_key(KeyId="alias/aws/ebs")["KeyMetadata"]["Arn"]
    assert told["State"] == "completed" and told["KmsKeyId"] == managed
    blocks.ebs = aws.client("ebs", region_name="eu-west-1")
    assert blocks.read(copy) == {3: FIRST}
