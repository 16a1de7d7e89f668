"""The study notes' account of Kinesis Data Streams, played through."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.config import Config

import pileus
from pileus import LocalCloud
from pileus.testing.account import Account


@pytest.fixture(scope="module")
def cloud() -> Iterator[pileus.LocalCloud]:
    """One of its own: to go far ahead, what all other tests have left behind would have to be gone through."""
    with pileus.cloud(sockets=True) as running:
        yield running


@pytest.fixture
def kinesis(aws: Account, cloud: LocalCloud) -> Any:
    cloud.clock.freeze()
    yield aws.client("kinesis", config=Config(retries={"total_max_attempts": 1}))
    cloud.clock.resume()


def stream(kinesis: Any, cloud: LocalCloud, name: str, shards: int = 1) -> str:
    kinesis.create_stream(StreamName=name, ShardCount=shards)
    cloud.clock.advance(1)
    return name


def read(kinesis: Any, name: str, shard: int = 0) -> list[bytes]:
    at = kinesis.get_shard_iterator(StreamName=name, ShardId=f"shardId-{shard:012d}", ShardIteratorType="TRIM_HORIZON")[
        "ShardIterator"
    ]
    return [record["Data"] for record in kinesis.get_records(ShardIterator=at)["Records"]]


def test_several_consumers_read_the_same_moving_window_of_24_hours(kinesis: Any, cloud: LocalCloud) -> None:
    name = stream(kinesis, cloud, "window")
    kinesis.put_record(StreamName=name, Data=b"click", PartitionKey="k")
    dashboard, archive = read(kinesis, name), read(kinesis, name)
    assert dashboard == archive == [b"click"], "reading takes nothing away, as it would from a queue"
    cloud.clock.advance(24 * 3600 - 60)
    assert read(kinesis, name) == [b"click"]
    cloud.clock.advance(120)
    assert read(kinesis, name) == []


def test_the_window_can_be_365_days(kinesis: Any, cloud: LocalCloud) -> None:
    name = stream(kinesis, cloud, "year")
    kinesis.increase_stream_retention_period(StreamName=name, RetentionPeriodHours=365 * 24)
    kinesis.put_record(StreamName=name, Data=b"click", PartitionKey="k")
    cloud.clock.advance(364 * 24 * 3600)
    assert read(kinesis, name) == [b"click"]
    with pytest.raises(kinesis.exceptions.InvalidArgumentException):
        kinesis.increase_stream_retention_period(StreamName=name, RetentionPeriodHours=365 * 24 + 1)


def test_the_capacity_of_a_stream_is_the_sum_of_its_shards(kinesis: Any, cloud: LocalCloud) -> None:
    taken = {}
    for shards in (1, 3):
        name = stream(kinesis, cloud, f"sum-{shards}", shards)
        put = 0
        for batch in range(8):
            records = [{"Data": b"x", "PartitionKey": f"{batch}-{number}"} for number in range(500)]
            put += 500 - kinesis.put_records(StreamName=name, Records=records)["FailedRecordCount"]
        taken[shards] = put
    assert taken == {1: 1000, 3: 3000}


def test_a_shard_serves_five_reads_a_second(kinesis: Any, cloud: LocalCloud) -> None:
    name = stream(kinesis, cloud, "reads")
    for _ in range(5):
        read(kinesis, name)
    with pytest.raises(kinesis.exceptions.ProvisionedThroughputExceededException):
        read(kinesis, name)
    cloud.clock.advance(1)
    read(kinesis, name)
