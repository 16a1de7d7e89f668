"""Consumers with enhanced fan-out."""

from __future__ import annotations

import threading
import time
from typing import Any

from pileus.testing.local import CloudClock

from .conftest import Make, summary

SHARD = "shardId-000000000000"


def registered(kinesis: Any, clock: CloudClock, name: str, consumer: str = "c") -> str:
    arn = summary(kinesis, name)["StreamARN"]
    told = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName=consumer)["Consumer"]
    assert told["ConsumerStatus"] == "CREATING"
    clock.advance(1)
    return str(told["ConsumerARN"])


def subscribed(kinesis: Any, consumer: str, kind: str = "TRIM_HORIZON", shard: str = SHARD, **more: Any) -> Any:
    position = {"Type": kind, **more}
    return kinesis.subscribe_to_shard(ConsumerARN=consumer, ShardId=shard, StartingPosition=position)["EventStream"]


def test_consumers_are_registered_listed_and_let_go(kinesis: Any, make: Make, clock: CloudClock, refused: Any) -> None:
    name = make()
    consumer = registered(kinesis, clock, name)
    arn = summary(kinesis, name)["StreamARN"]
    assert consumer.startswith(f"{arn}/consumer/c:")
    told = kinesis.describe_stream_consumer(ConsumerARN=consumer)["ConsumerDescription"]
    assert (told["ConsumerStatus"], told["StreamARN"]) == ("ACTIVE", arn)
    assert kinesis.describe_stream_consumer(StreamARN=arn, ConsumerName="c")["ConsumerDescription"] == told
    with refused("ResourceInUseException"):
        kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="c")
    registered(kinesis, clock, name, "d")
    page = kinesis.list_stream_consumers(StreamARN=arn, MaxResults=1)
    assert [one["ConsumerName"] for one in page["Consumers"]] == ["c"]
    rest = kinesis.list_stream_consumers(StreamARN=arn, NextToken=page["NextToken"])
    assert [one["ConsumerName"] for one in rest["Consumers"]] == ["d"]
    assert summary(kinesis, name)["ConsumerCount"] == 2
    with refused("ResourceInUseException"):
        kinesis.delete_stream(StreamName=name)
    kinesis.deregister_stream_consumer(ConsumerARN=consumer)
    clock.advance(1)
    with refused("ResourceNotFoundException"):
        kinesis.describe_stream_consumer(ConsumerARN=consumer)
    kinesis.delete_stream(StreamName=name, EnforceConsumerDeletion=True)


def test_a_subscriber_gets_records_as_they_come(kinesis: Any, make: Make, clock: CloudClock) -> None:
    name = make()
    kinesis.put_record(StreamName=name, Data=b"before", PartitionKey="k")
    stream = iter(subscribed(kinesis, registered(kinesis, clock, name)))
    event = next(stream)["SubscribeToShardEvent"]
    assert [one["Data"] for one in event["Records"]] == [b"before"] and event["MillisBehindLatest"] == 0
    times: list[float] = []

    def put() -> None:
        time.sleep(0.2)
        times.append(time.monotonic())
        kinesis.put_record(StreamName=name, Data=b"after", PartitionKey="k")

    thread = threading.Thread(target=put)
    thread.start()
    event = next(stream)["SubscribeToShardEvent"]
    while not event["Records"]:
        event = next(stream)["SubscribeToShardEvent"]
    thread.join()
    assert [one["Data"] for one in event["Records"]] == [b"after"]
    assert time.monotonic() - times[0] < 1


def test_a_subscription_ends_after_five_minutes_and_goes_on_where_it_was(
    kinesis: Any, make: Make, clock: CloudClock
) -> None:
    name = make()
    consumer = registered(kinesis, clock, name)
    kinesis.put_record(StreamName=name, Data=b"1", PartitionKey="k")
    stream = iter(subscribed(kinesis, consumer))
    event = next(stream)["SubscribeToShardEvent"]
    clock.advance(300)
    assert [one for one in stream if one["SubscribeToShardEvent"]["Records"]] == []
    kinesis.put_record(StreamName=name, Data=b"2", PartitionKey="k")
    again = subscribed(kinesis, consumer, "AFTER_SEQUENCE_NUMBER", SequenceNumber=event["ContinuationSequenceNumber"])
    event = next(iter(again))["SubscribeToShardEvent"]
    assert [one["Data"] for one in event["Records"]] == [b"2"]


def test_the_last_event_of_a_closed_shard_names_its_children(kinesis: Any, make: Make, clock: CloudClock) -> None:
    name = make()
    consumer = registered(kinesis, clock, name)
    kinesis.put_record(StreamName=name, Data=b"1", PartitionKey="k")
    kinesis.split_shard(StreamName=name, ShardToSplit=SHARD, NewStartingHashKey="100")
    clock.advance(1)
    events = [one["SubscribeToShardEvent"] for one in subscribed(kinesis, consumer)]
    assert [one["Data"] for event in events for one in event["Records"]] == [b"1"]
    assert len(events[-1]["ChildShards"]) == 2


def test_a_later_subscription_takes_over(kinesis: Any, make: Make, clock: CloudClock, refused: Any) -> None:
    name = make()
    consumer = registered(kinesis, clock, name)
    first = iter(subscribed(kinesis, consumer))
    next(first)
    with refused("ResourceInUseException", "Another active subscription"):
        subscribed(kinesis, consumer)
    clock.advance(6)
    second = iter(subscribed(kinesis, consumer))
    next(second)
    with refused("ResourceInUseException"):
        for _ in range(3):
            next(first)
