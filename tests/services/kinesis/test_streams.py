"""Streams and their shards: making, splitting, merging, describing, and everything else that is set on them."""

from __future__ import annotations

import itertools
import json
from typing import Any

import boto3

from pileus.testing.account import Account
from pileus.testing.local import CloudClock

from .conftest import Make, data, iterator, shards, summary

MOST = (1 << 128) - 1


def test_a_stream_comes_and_goes(kinesis: Any, make: Make, clock: CloudClock, refused: Any, account: Account) -> None:
    name = make(2, Tags={"a": "1"})
    told = summary(kinesis, name)
    assert told["StreamARN"] == f"arn:aws:kinesis:us-east-1:{account.id}:stream/{name}"
    assert (told["StreamStatus"], told["OpenShardCount"], told["RetentionPeriodHours"]) == ("ACTIVE", 2, 24)
    assert told["StreamModeDetails"] == {"StreamMode": "PROVISIONED"} and told["EncryptionType"] == "NONE"
    assert len(kinesis.describe_stream(StreamName=name)["StreamDescription"]["Shards"]) == 2
    assert kinesis.list_tags_for_stream(StreamName=name)["Tags"] == [{"Key": "a", "Value": "1"}]
    with refused("ResourceInUseException", "already exists"):
        kinesis.create_stream(StreamName=name, ShardCount=1)
    kinesis.delete_stream(StreamName=name)
    clock.advance(1)
    with refused("ResourceNotFoundException"):
        summary(kinesis, name)
    with refused("LimitExceededException", "would exceed the shard limit"):
        kinesis.create_stream(StreamName=name, ShardCount=20_001)
    with refused("ValidationException"):
        kinesis.create_stream(StreamName=name)


def test_a_stream_of_the_same_name_has_nothing_of_the_old_one(
    kinesis: Any, make: Make, clock: CloudClock, refused: Any
) -> None:
    name = make()
    kinesis.put_record(StreamName=name, Data=b"x", PartitionKey="k")
    old = iterator(kinesis, name)
    kinesis.delete_stream(StreamName=name)
    clock.advance(1)
    kinesis.create_stream(StreamName=name, ShardCount=1)
    clock.advance(1)
    assert data(kinesis, name) == []
    with refused("ResourceNotFoundException"):
        kinesis.get_records(ShardIterator=old)


def test_a_shard_splits_and_its_children_go_on(kinesis: Any, make: Make, clock: CloudClock, refused: Any) -> None:
    name = make()
    before = kinesis.put_record(StreamName=name, Data=b"before", PartitionKey="k")
    middle = str((MOST + 1) // 2)
    with refused("InvalidArgumentException"):
        kinesis.split_shard(StreamName=name, ShardToSplit="shardId-000000000000", NewStartingHashKey="0")
    kinesis.split_shard(StreamName=name, ShardToSplit="shardId-000000000000", NewStartingHashKey=middle)
    clock.advance(1)
    low = kinesis.put_record(StreamName=name, Data=b"low", PartitionKey="k", ExplicitHashKey="0")
    high = kinesis.put_record(StreamName=name, Data=b"high", PartitionKey="k", ExplicitHashKey=middle)
    assert (low["ShardId"], high["ShardId"]) == ("shardId-000000000001", "shardId-000000000002")
    assert int(before["SequenceNumber"]) < int(low["SequenceNumber"])
    told = kinesis.get_records(ShardIterator=iterator(kinesis, name, 0))
    assert [one["Data"] for one in told["Records"]] == [b"before"]
    assert "NextShardIterator" not in told
    assert [(one["ShardId"], one["ParentShards"]) for one in told["ChildShards"]] == [
        ("shardId-000000000001", ["shardId-000000000000"]),
        ("shardId-000000000002", ["shardId-000000000000"]),
    ]
    parent, *children = shards(kinesis, name)
    assert int(parent["SequenceNumberRange"]["EndingSequenceNumber"]) >= int(before["SequenceNumber"])
    assert {one["ParentShardId"] for one in children} == {"shardId-000000000000"}
    with refused("InvalidArgumentException", "already been merged or split"):
        kinesis.split_shard(StreamName=name, ShardToSplit="shardId-000000000000", NewStartingHashKey=middle)
    assert summary(kinesis, name)["OpenShardCount"] == 2


def test_neighbours_merge(kinesis: Any, make: Make, clock: CloudClock, refused: Any) -> None:
    name = make(3)
    pair = {"ShardToMerge": "shardId-000000000000", "AdjacentShardToMerge": "shardId-000000000002"}
    with refused("InvalidArgumentException", "not an adjacent pair"):
        kinesis.merge_shards(StreamName=name, **pair)
    kinesis.merge_shards(StreamName=name, **pair | {"AdjacentShardToMerge": "shardId-000000000001"})
    clock.advance(1)
    child = shards(kinesis, name)[-1]
    assert (child["ParentShardId"], child["AdjacentParentShardId"]) == ("shardId-000000000000", "shardId-000000000001")
    assert child["HashKeyRange"]["StartingHashKey"] == "0"
    clock.advance(25 * 3600)
    assert [one["ShardId"] for one in shards(kinesis, name)] == ["shardId-000000000002", "shardId-000000000003"]


def test_shard_counts_are_updated_to_even_ranges(kinesis: Any, make: Make, clock: CloudClock, refused: Any) -> None:
    name = make(2)
    with refused("InvalidArgumentException", "over double"):
        kinesis.update_shard_count(StreamName=name, TargetShardCount=5, ScalingType="UNIFORM_SCALING")
    for count in (3, 6, 4):
        told = kinesis.update_shard_count(StreamName=name, TargetShardCount=count, ScalingType="UNIFORM_SCALING")
        assert told["TargetShardCount"] == count
        clock.advance(1)
        current = shards(kinesis, name, ShardFilter={"Type": "AT_LATEST"})
        found = [one["HashKeyRange"] for one in current]
        ranges = sorted((int(one["StartingHashKey"]), int(one["EndingHashKey"])) for one in found)
        assert len(ranges) == count and ranges[0][0] == 0 and ranges[-1][1] == MOST
        assert all(before[1] + 1 == after[0] for before, after in itertools.pairwise(ranges))
        sizes = {end - start + 1 for start, end in ranges}
        assert max(sizes) - min(sizes) <= 1


def test_shards_are_listed_by_when_they_were_open(kinesis: Any, make: Make, clock: CloudClock, refused: Any) -> None:
    name = make()
    clock.advance(100)
    before = clock.now()
    clock.advance(100)
    kinesis.split_shard(StreamName=name, ShardToSplit="shardId-000000000000", NewStartingHashKey="100")
    clock.advance(100)

    def listed(**given: Any) -> list[int]:
        return [int(one["ShardId"][-12:]) for one in shards(kinesis, name, ShardFilter=given)]

    assert listed(Type="AT_LATEST") == [1, 2]
    assert listed(Type="AT_TRIM_HORIZON") == [0]
    assert listed(Type="FROM_TRIM_HORIZON") == [0, 1, 2]
    assert listed(Type="AT_TIMESTAMP", Timestamp=before) == [0]
    assert listed(Type="FROM_TIMESTAMP", Timestamp=before) == [0, 1, 2]
    assert listed(Type="FROM_TIMESTAMP", Timestamp=clock.now() - 1) == [1, 2]
    assert listed(Type="AFTER_SHARD_ID", ShardId="shardId-000000000001") == [2]
    with refused("InvalidArgumentException"):
        listed(Type="AT_TIMESTAMP")
    first = kinesis.list_shards(StreamName=name, MaxResults=2)
    assert len(first["Shards"]) == 2
    rest = kinesis.list_shards(NextToken=first["NextToken"])
    assert [one["ShardId"] for one in rest["Shards"]] == ["shardId-000000000002"] and "NextToken" not in rest
    clock.advance(301)
    with refused("ExpiredNextTokenException"):
        kinesis.list_shards(NextToken=first["NextToken"])


def test_streams_on_demand_have_shards_of_their_own_accord(
    kinesis: Any, make: Make, clock: CloudClock, refused: Any
) -> None:
    name = make(None)
    assert summary(kinesis, name)["OpenShardCount"] == 4
    with refused("ValidationException"):
        kinesis.update_shard_count(StreamName=name, TargetShardCount=8, ScalingType="UNIFORM_SCALING")
    records = [{"Data": b"x" * 10_000, "PartitionKey": "k"}] * 500
    assert kinesis.put_records(StreamName=name, Records=records)["FailedRecordCount"] == 0
    arn = summary(kinesis, name)["StreamARN"]
    told = kinesis.update_stream_warm_throughput(StreamARN=arn, WarmThroughputMiBps=10)["WarmThroughput"]
    assert told == {"TargetMiBps": 10, "CurrentMiBps": 4}
    clock.advance(1)
    assert summary(kinesis, name)["OpenShardCount"] == 10
    kinesis.update_stream_record_distribution_strategy(StreamARN=arn, RecordDistributionStrategy="AUTO")
    clock.advance(1)
    put = kinesis.put_records(StreamName=name, Records=[{"Data": b"x"}] * 100)["Records"]
    assert len({one["ShardId"] for one in put}) > 3
    kinesis.update_stream_record_distribution_strategy(StreamARN=arn, RecordDistributionStrategy="USER_PARTITION_KEY")
    clock.advance(1)
    kinesis.update_stream_mode(StreamARN=arn, StreamModeDetails={"StreamMode": "PROVISIONED"})
    clock.advance(1)
    assert summary(kinesis, name)["StreamModeDetails"] == {"StreamMode": "PROVISIONED"}


def test_encrypted_records_need_the_key(
    kinesis: Any, make: Make, clock: CloudClock, refused: Any, account: Account
) -> None:
    kms = account.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    name = make()
    kinesis.put_record(StreamName=name, Data=b"plain", PartitionKey="k")
    with refused("KMSNotFoundException"):
        kinesis.start_stream_encryption(StreamName=name, EncryptionType="KMS", KeyId="alias/nothing")
    signing = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    with refused("InvalidArgumentException"):
        kinesis.start_stream_encryption(StreamName=name, EncryptionType="KMS", KeyId=signing)
    kinesis.start_stream_encryption(StreamName=name, EncryptionType="KMS", KeyId=key)
    clock.advance(1)
    assert (summary(kinesis, name)["EncryptionType"], summary(kinesis, name)["KeyId"]) == ("KMS", key)
    assert kinesis.put_record(StreamName=name, Data=b"sealed", PartitionKey="k")["EncryptionType"] == "KMS"
    told = kinesis.get_records(ShardIterator=iterator(kinesis, name))["Records"]
    assert [(one["Data"], one.get("EncryptionType")) for one in told] == [(b"plain", None), (b"sealed", "KMS")]
    kms.disable_key(KeyId=key)
    with refused("KMSDisabledException"):
        data(kinesis, name)
    with refused("KMSDisabledException"):
        kinesis.put_record(StreamName=name, Data=b"x", PartitionKey="k")
    kms.enable_key(KeyId=key)
    clock.advance(1)
    kinesis.stop_stream_encryption(StreamName=name, EncryptionType="KMS", KeyId=key)
    clock.advance(1)
    assert data(kinesis, name) == [b"plain", b"sealed"]


def test_tags_in_both_apis(kinesis: Any, make: Make, refused: Any) -> None:
    name = make()
    arn = summary(kinesis, name)["StreamARN"]
    kinesis.add_tags_to_stream(StreamName=name, Tags={"a": "1", "b": "2"})
    kinesis.tag_resource(ResourceARN=arn, Tags={"c": "3"})
    told = kinesis.list_tags_for_stream(StreamName=name, Limit=2)
    assert told["HasMoreTags"] and [one["Key"] for one in told["Tags"]] == ["a", "b"]
    assert len(kinesis.list_tags_for_resource(ResourceARN=arn)["Tags"]) == 3
    kinesis.remove_tags_from_stream(StreamName=name, TagKeys=["a", "nothing"])
    kinesis.untag_resource(ResourceARN=arn, TagKeys=["b"])
    assert kinesis.list_tags_for_stream(StreamName=name)["Tags"] == [{"Key": "c", "Value": "3"}]
    with refused("InvalidArgumentException"):
        kinesis.add_tags_to_stream(StreamName=name, Tags={f"k{i}": "" for i in range(51)})


def test_another_account_reads_if_a_policy_lets_it(
    kinesis: Any, make: Make, cloud: Any, account: Account, refused: Any
) -> None:
    name = make()
    arn = summary(kinesis, name)["StreamARN"]
    kinesis.put_record(StreamName=name, Data=b"x", PartitionKey="k")
    stranger = cloud.account()
    other = stranger.client("kinesis")
    with refused("AccessDeniedException"):
        other.get_shard_iterator(StreamARN=arn, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON")
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{stranger.id}:root"},
        "Action": ["kinesis:GetShardIterator", "kinesis:GetRecords"],
        "Resource": arn,
    }
    for malformed in ("nonsense", json.dumps({"Version": "2012-10-17", "Statement": [statement | {"Principal": 5}]})):
        with refused("InvalidArgumentException"):
            kinesis.put_resource_policy(ResourceARN=arn, Policy=malformed)
    kinesis.put_resource_policy(ResourceARN=arn, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    at = other.get_shard_iterator(StreamARN=arn, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON")
    told = other.get_records(StreamARN=arn, ShardIterator=at["ShardIterator"])
    assert [one["Data"] for one in told["Records"]] == [b"x"]
    with refused("AccessDeniedException"):
        other.put_record(StreamARN=arn, Data=b"x", PartitionKey="k")
    assert "Statement" in json.loads(kinesis.get_resource_policy(ResourceARN=arn)["Policy"])
    kinesis.delete_resource_policy(ResourceARN=arn)


def test_monitoring_limits_and_settings(kinesis: Any, make: Make, clock: CloudClock, refused: Any) -> None:
    name = make()
    told = kinesis.enable_enhanced_monitoring(StreamName=name, ShardLevelMetrics=["IncomingBytes"])
    assert (told["CurrentShardLevelMetrics"], told["DesiredShardLevelMetrics"]) == ([], ["IncomingBytes"])
    told = kinesis.enable_enhanced_monitoring(StreamName=name, ShardLevelMetrics=["ALL"])
    assert len(told["DesiredShardLevelMetrics"]) == 7
    told = kinesis.disable_enhanced_monitoring(StreamName=name, ShardLevelMetrics=["ALL"])
    assert told["DesiredShardLevelMetrics"] == []
    limits = kinesis.describe_limits()
    assert limits["OpenShardCount"] >= 1 and limits["OnDemandStreamCountLimit"] == 50
    assert name in kinesis.list_streams(Limit=100)["StreamNames"]
    enabled = {"MinimumThroughputBillingCommitment": {"Status": "ENABLED"}}
    assert kinesis.update_account_settings(**enabled)["MinimumThroughputBillingCommitment"]["Status"] == "ENABLED"
    disabled = {"MinimumThroughputBillingCommitment": {"Status": "DISABLED"}}
    with refused("InvalidArgumentException", "earliest allowed end"):
        kinesis.update_account_settings(**disabled)
    clock.advance(25 * 3600)
    kinesis.update_account_settings(**disabled)
    assert kinesis.describe_account_settings()["MinimumThroughputBillingCommitment"]["Status"] == "DISABLED"


def test_users_are_allowed_stream_by_stream(
    kinesis: Any, make: Make, account: Account, clock: CloudClock, refused: Any
) -> None:
    mine, other = make(), make()
    arn = summary(kinesis, mine)["StreamARN"]
    iam = account.client("iam")
    iam.create_user(UserName="reader")
    statement = {
        "Effect": "Allow",
        "Action": ["kinesis:PutRecord", "kinesis:Get*", "kinesis:SubscribeToShard", "kinesis:ListShards"],
        "Resource": [arn, f"{arn}/consumer/*"],
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="reader", PolicyName="p", PolicyDocument=document)
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    reader = boto3.client(
        "kinesis",
        endpoint_url=account.cloud.endpoint,
        region_name="us-east-1",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    reader.put_record(StreamName=mine, Data=b"x", PartitionKey="k")
    assert data(reader, mine) == [b"x"]
    assert len(shards(reader, mine)) == 1
    with refused("AccessDeniedException"):
        reader.put_record(StreamName=other, Data=b"x", PartitionKey="k")
    foreign = iterator(kinesis, other)
    with refused("AccessDeniedException"):
        reader.get_records(ShardIterator=foreign)
    with refused("AccessDeniedException"):
        shards(reader, other)
    consumers = [
        kinesis.register_stream_consumer(StreamARN=summary(kinesis, name)["StreamARN"], ConsumerName="c")["Consumer"]
        for name in (mine, other)
    ]
    clock.advance(1)
    position = {"ShardId": "shardId-000000000000", "StartingPosition": {"Type": "LATEST"}}
    reader.subscribe_to_shard(ConsumerARN=consumers[0]["ConsumerARN"], **position)["EventStream"].close()
    with refused("AccessDeniedException"):
        reader.subscribe_to_shard(ConsumerARN=consumers[1]["ConsumerARN"], **position)


def test_nothing_is_left_of_a_stream(make: Make, kinesis: Any, clock: CloudClock) -> None:
    name = make(2)
    arn = summary(kinesis, name)["StreamARN"]
    kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="c")
    clock.advance(1)
    for number in range(20):
        kinesis.put_record(StreamName=name, Data=b"x", PartitionKey=str(number))
    data(kinesis, name)
    kinesis.delete_stream(StreamName=name, EnforceConsumerDeletion=True)
    clock.advance(1)
    for number in (1, 2):
        kinesis.create_stream(StreamName=name, ShardCount=2)
        clock.advance(1)
        assert data(kinesis, name) == [] and summary(kinesis, name)["ConsumerCount"] == 0, number
        kinesis.delete_stream(StreamName=name)
        clock.advance(1)
