"""Streams and time to live, on the cloud's clock."""

from __future__ import annotations

from typing import Any

import pytest

from pileus.testing.local import CloudClock

from .conftest import Make, n, s

DAY = 86400


def arn_of(db: Any, table: str) -> str:
    return str(db.describe_table(TableName=table)["Table"]["LatestStreamArn"])


def streamed(make: Make, view: str = "NEW_AND_OLD_IMAGES", **more: Any) -> str:
    return make(StreamSpecification={"StreamEnabled": True, "StreamViewType": view}, **more)


def records(streams: Any, arn: str, kind: str = "TRIM_HORIZON") -> list[dict[str, Any]]:
    found = []
    for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
        iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType=kind)
        found += streams.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
    return found


@pytest.mark.parametrize(
    ("view", "images"),
    [
        ("KEYS_ONLY", set()),
        ("NEW_IMAGE", {"NewImage"}),
        ("OLD_IMAGE", {"OldImage"}),
        ("NEW_AND_OLD_IMAGES", {"NewImage", "OldImage"}),
    ],
)
def test_streams_have_four_view_types(db: Any, streams: Any, make: Make, view: str, images: set[str]) -> None:
    table = streamed(make, view)
    for value in (1, 2, 2):
        db.put_item(TableName=table, Item={"pk": s("a"), "x": n(value)})
    db.delete_item(TableName=table, Key={"pk": s("a")})
    found = records(streams, arn_of(db, table))
    assert [record["eventName"] for record in found] == ["INSERT", "MODIFY", "REMOVE"]
    assert {*found[1]["dynamodb"]} & {"NewImage", "OldImage"} == images
    assert found[0]["dynamodb"]["Keys"] == {"pk": s("a")}
    numbers = [record["dynamodb"]["SequenceNumber"] for record in found]
    assert numbers == sorted(numbers) and len(numbers[0]) >= 21


def test_streams_are_a_24_hour_window(db: Any, streams: Any, make: Make, clock: CloudClock) -> None:
    table = streamed(make)
    arn = arn_of(db, table)
    db.put_item(TableName=table, Item={"pk": s("a")})
    clock.advance(20 * 3600)
    db.put_item(TableName=table, Item={"pk": s("b")})
    shards = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    assert shards[1]["ParentShardId"] == shards[0]["ShardId"]
    assert "EndingSequenceNumber" in shards[0]["SequenceNumberRange"]
    assert [record["dynamodb"]["Keys"]["pk"] for record in records(streams, arn)] == [s("a"), s("b")]
    clock.advance(5 * 3600)
    assert [record["dynamodb"]["Keys"]["pk"] for record in records(streams, arn)] == [s("b")]
    clock.advance(5 * 3600)
    assert len(streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]) == 1


def test_iterators_go_on_and_expire(db: Any, streams: Any, make: Make, refused: Any, clock: CloudClock) -> None:
    table = streamed(make)
    arn = arn_of(db, table)
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    asked = {"StreamArn": arn, "ShardId": shard}
    latest = streams.get_shard_iterator(**asked, ShardIteratorType="LATEST")["ShardIterator"]
    for number in range(5):
        db.put_item(TableName=table, Item={"pk": s(str(number))})
    first = streams.get_records(ShardIterator=latest, Limit=2)
    rest = streams.get_records(ShardIterator=first["NextShardIterator"])
    assert (len(first["Records"]), len(rest["Records"])) == (2, 3)
    last = rest["Records"][0]["dynamodb"]["SequenceNumber"]
    after = streams.get_shard_iterator(**asked, ShardIteratorType="AFTER_SEQUENCE_NUMBER", SequenceNumber=last)[
        "ShardIterator"
    ]
    assert len(streams.get_records(ShardIterator=after)["Records"]) == 2
    clock.advance(16 * 60)
    with refused("ExpiredIteratorException"):
        streams.get_records(ShardIterator=latest)


def test_a_closed_stream_ends_and_can_be_read_for_a_day(
    db: Any, streams: Any, make: Make, refused: Any, clock: CloudClock
) -> None:
    table = streamed(make)
    arn = arn_of(db, table)
    db.put_item(TableName=table, Item={"pk": s("a")})
    db.update_table(TableName=table, StreamSpecification={"StreamEnabled": False})
    told = streams.describe_stream(StreamArn=arn)["StreamDescription"]
    assert told["StreamStatus"] == "DISABLED"
    shard = told["Shards"][0]["ShardId"]
    start = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    answer = streams.get_records(ShardIterator=start["ShardIterator"])
    assert len(answer["Records"]) == 1 and "NextShardIterator" not in answer
    assert [one["StreamArn"] for one in streams.list_streams(TableName=table)["Streams"]] == [arn]
    clock.advance(DAY)
    with refused("ResourceNotFoundException"):
        streams.describe_stream(StreamArn=arn)


def test_the_stream_of_a_deleted_table_can_be_read_on(db: Any, streams: Any, make: Make) -> None:
    table = streamed(make)
    arn = arn_of(db, table)
    db.put_item(TableName=table, Item={"pk": s("a")})
    db.delete_table(TableName=table)
    db.get_waiter("table_not_exists").wait(TableName=table)
    assert streams.describe_stream(StreamArn=arn)["StreamDescription"]["StreamStatus"] == "DISABLED"
    assert len(records(streams, arn)) == 1


def test_expired_items_can_be_filtered_and_are_then_deleted_by_the_service(
    db: Any, streams: Any, make: Make, clock: CloudClock
) -> None:
    table = streamed(make)
    now = clock.now()
    db.put_item(TableName=table, Item={"pk": s("before"), "ends": n(int(now) + 100)})
    db.update_time_to_live(TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "ends"})
    told = db.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert told == {"TimeToLiveStatus": "ENABLED", "AttributeName": "ends"}
    db.put_item(TableName=table, Item={"pk": s("after"), "ends": n(int(now) + 100)})
    db.put_item(TableName=table, Item={"pk": s("later"), "ends": n(int(now) + 3 * DAY)})
    db.put_item(TableName=table, Item={"pk": s("never"), "ends": s("soon")})
    db.put_item(TableName=table, Item={"pk": s("ancient"), "ends": n(int(now) - 6 * 365 * DAY)})
    live = db.scan(
        TableName=table,
        FilterExpression="ends > :now",
        ExpressionAttributeValues={":now": n(int(now) + 100)},
        Select="COUNT",
    )
    assert (live["Count"], live["ScannedCount"]) == (1, 5)
    clock.advance(2 * DAY)
    assert {item["pk"]["S"] for item in db.scan(TableName=table)["Items"]} == {"later", "never", "ancient"}
    clock.advance(2 * DAY)
    assert {item["pk"]["S"] for item in db.scan(TableName=table)["Items"]} == {"never", "ancient"}
    found = [record for record in records(streams, arn_of(db, table)) if record["eventName"] == "REMOVE"]
    assert found[0]["userIdentity"] == {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"}


def test_time_to_live_is_switched_once(db: Any, make: Make, refused: Any) -> None:
    table = make()
    enable = {"Enabled": True, "AttributeName": "ends"}
    db.update_time_to_live(TableName=table, TimeToLiveSpecification=enable)
    with refused("ValidationException", "TimeToLive is already enabled"):
        db.update_time_to_live(TableName=table, TimeToLiveSpecification=enable)
    db.update_time_to_live(TableName=table, TimeToLiveSpecification=enable | {"Enabled": False})
    with refused("ValidationException", "TimeToLive is already disabled"):
        db.update_time_to_live(TableName=table, TimeToLiveSpecification=enable | {"Enabled": False})
