"""Changes of tables that streams of Kinesis are told of."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pileus.testing.account import Account
from pileus.testing.local import CloudClock

from .conftest import Make, n, s


@pytest.fixture(scope="session")
def kinesis(account: Account) -> Any:
    return account.client("kinesis")


def stream(kinesis: Any, clock: CloudClock, name: str, shards: int = 1) -> str:
    kinesis.create_stream(StreamName=name, ShardCount=shards)
    clock.advance(1)
    return str(kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"])


def told(kinesis: Any, arn: str) -> list[dict[str, Any]]:
    at = kinesis.get_shard_iterator(StreamARN=arn, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON")
    records = kinesis.get_records(ShardIterator=at["ShardIterator"])["Records"]
    return [json.loads(record["Data"]) for record in records]


def test_a_stream_is_told_of_every_change_in_order(
    account: Account, db: Any, make: Make, clock: CloudClock, kinesis: Any
) -> None:
    table = make()
    arn = stream(kinesis, clock, table)
    enabled = db.enable_kinesis_streaming_destination(TableName=table, StreamArn=arn)
    assert enabled["DestinationStatus"] == "ENABLING"
    role = "AWSServiceRoleForDynamoDBKinesisDataStreamsReplication"
    assert account.client("iam").get_role(RoleName=role)["Role"]["Path"].startswith("/aws-service-role/")
    clock.advance(1)
    described = db.describe_kinesis_streaming_destination(TableName=table)["KinesisDataStreamDestinations"]
    assert described == [
        {
            "StreamArn": arn,
            "DestinationStatus": "ACTIVE",
            "ApproximateCreationDateTimePrecision": "MILLISECOND",
        }
    ]
    db.put_item(TableName=table, Item={"pk": s("a"), "b": {"B": b"\x00"}, "v": n(1)})
    db.put_item(TableName=table, Item={"pk": s("a"), "v": n(2)})
    db.delete_item(TableName=table, Key={"pk": s("a")})
    clock.advance(1)
    insert, modify, remove = told(kinesis, arn)
    assert [one["eventName"] for one in (insert, modify, remove)] == ["INSERT", "MODIFY", "REMOVE"]
    assert insert["tableName"] == table and insert["eventSource"] == "aws:dynamodb" and insert["userIdentity"] is None
    assert insert["recordFormat"] == "application/json"
    assert insert["dynamodb"]["NewImage"] == {"pk": {"S": "a"}, "b": {"B": "AA=="}, "v": {"N": "1"}}
    assert "OldImage" not in insert["dynamodb"] and "NewImage" not in remove["dynamodb"]
    assert insert["dynamodb"]["ApproximateCreationDateTime"] == pytest.approx((clock.now() - 1) * 1000, abs=5)
    assert len({one["eventID"] for one in (insert, modify, remove)}) == 3


def test_what_a_stream_does_not_take_comes_later(db: Any, make: Make, clock: CloudClock, kinesis: Any) -> None:
    table = make()
    arn = stream(kinesis, clock, table)
    db.enable_kinesis_streaming_destination(TableName=table, StreamArn=arn)
    clock.advance(1)
    for number in range(6):
        db.put_item(TableName=table, Item={"pk": s(str(number)), "x": s("x" * 250_000)})
    clock.advance(20)
    keys = [one["dynamodb"]["Keys"]["pk"]["S"] for one in told(kinesis, arn)]
    assert list(dict.fromkeys(keys)) == [str(number) for number in range(6)]


def test_many_large_changes_go_in_several_requests(db: Any, make: Make, clock: CloudClock, kinesis: Any) -> None:
    table = make()
    kinesis.create_stream(StreamName=table, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    clock.advance(1)
    arn = kinesis.describe_stream_summary(StreamName=table)["StreamDescriptionSummary"]["StreamARN"]
    db.enable_kinesis_streaming_destination(TableName=table, StreamArn=arn)
    clock.advance(1)
    puts = [{"PutRequest": {"Item": {"pk": s(str(number)), "x": s("x" * 390_000)}}} for number in range(40)]
    for start in range(0, 40, 20):
        db.batch_write_item(RequestItems={table: puts[start : start + 20]})
    clock.advance(1)
    seen: set[str] = set()
    for shard in kinesis.list_shards(StreamARN=arn)["Shards"]:
        asked = {"StreamARN": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        at = kinesis.get_shard_iterator(**asked)["ShardIterator"]
        told = kinesis.get_records(ShardIterator=at)["Records"]
        seen |= {json.loads(one["Data"])["dynamodb"]["Keys"]["pk"]["S"] for one in told}
    assert seen == {str(number) for number in range(40)}


def test_destinations_are_disabled_and_changed(
    db: Any, make: Make, clock: CloudClock, kinesis: Any, refused: Any
) -> None:
    table = make()
    arn = stream(kinesis, clock, table)
    db.enable_kinesis_streaming_destination(TableName=table, StreamArn=arn)
    with refused("ValidationException"):
        db.enable_kinesis_streaming_destination(TableName=table, StreamArn=arn)
    clock.advance(1)
    micro = {"ApproximateCreationDateTimePrecision": "MICROSECOND"}
    db.update_kinesis_streaming_destination(TableName=table, StreamArn=arn, UpdateKinesisStreamingConfiguration=micro)
    clock.advance(1)
    with refused("ValidationException", "Precision is already set"):
        db.update_kinesis_streaming_destination(
            TableName=table, StreamArn=arn, UpdateKinesisStreamingConfiguration=micro
        )
    db.put_item(TableName=table, Item={"pk": s("a")})
    clock.advance(1)
    assert told(kinesis, arn)[0]["dynamodb"]["ApproximateCreationDateTimePrecision"] == "MICROSECOND"
    db.disable_kinesis_streaming_destination(TableName=table, StreamArn=arn)
    clock.advance(1)
    db.put_item(TableName=table, Item={"pk": s("b")})
    clock.advance(1)
    assert len(told(kinesis, arn)) == 1
    with refused("ResourceNotFoundException"):
        db.disable_kinesis_streaming_destination(TableName=table, StreamArn=arn)
    gone = arn.replace(table, "nowhere")
    db.enable_kinesis_streaming_destination(TableName=table, StreamArn=gone)
    clock.advance(1)
    (_, failed) = db.describe_kinesis_streaming_destination(TableName=table)["KinesisDataStreamDestinations"]
    assert failed["DestinationStatus"] == "ENABLE_FAILED"


def test_contributor_insights_are_switched_on_and_off(db: Any, make: Make, clock: CloudClock, refused: Any) -> None:
    table = make("pk S, sk S", gsis={"byX": "x S"})
    told = db.update_contributor_insights(TableName=table, ContributorInsightsAction="ENABLE")
    assert told["ContributorInsightsStatus"] == "ENABLING"
    db.update_contributor_insights(
        TableName=table,
        IndexName="byX",
        ContributorInsightsAction="ENABLE",
        ContributorInsightsMode="THROTTLED_KEYS",
    )
    clock.advance(1)
    told = db.describe_contributor_insights(TableName=table)
    assert told["ContributorInsightsStatus"] == "ENABLED" and len(told["ContributorInsightsRuleList"]) == 4
    assert len(db.describe_contributor_insights(TableName=table, IndexName="byX")["ContributorInsightsRuleList"]) == 1
    assert len(db.list_contributor_insights(TableName=table)["ContributorInsightsSummaries"]) == 2
    db.update_contributor_insights(TableName=table, ContributorInsightsAction="DISABLE")
    clock.advance(1)
    assert db.describe_contributor_insights(TableName=table)["ContributorInsightsStatus"] == "DISABLED"
    with refused("ResourceNotFoundException"):
        db.describe_contributor_insights(TableName=table, IndexName="nothing")
