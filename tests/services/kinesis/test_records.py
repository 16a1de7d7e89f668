"""Putting records, and reading them."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from pileus.testing.local import CloudClock

from .conftest import Make, data, iterator, shards

MOST = (1 << 128) - 1


def test_a_record_is_read_as_it_was_put(kinesis: Any, make: Make) -> None:
    name = make()
    put = kinesis.put_record(StreamName=name, Data=b"\x00hello", PartitionKey="k")
    assert put["ShardId"] == "shardId-000000000000"
    assert len(put["SequenceNumber"]) == 56
    told = kinesis.get_records(ShardIterator=iterator(kinesis, name))
    (record,) = told["Records"]
    assert (record["Data"], record["PartitionKey"]) == (b"\x00hello", "k")
    assert record["SequenceNumber"] == put["SequenceNumber"]
    assert told["MillisBehindLatest"] == 0
    assert told["NextShardIterator"]
    assert kinesis.get_records(ShardIterator=told["NextShardIterator"])["Records"] == []


def test_records_go_where_their_keys_hash_to(kinesis: Any, make: Make) -> None:
    name = make(4)
    ranges = {
        one["ShardId"]: (int(one["HashKeyRange"]["StartingHashKey"]), int(one["HashKeyRange"]["EndingHashKey"]))
        for one in shards(kinesis, name)
    }
    assert min(ranges.values())[0] == 0 and max(ranges.values())[1] == MOST
    records = [{"Data": str(i).encode(), "PartitionKey": f"key-{i}"} for i in range(100)]
    records.append({"Data": b"first", "PartitionKey": "x", "ExplicitHashKey": "0"})
    records.append({"Data": b"last", "PartitionKey": "x", "ExplicitHashKey": str(MOST)})
    told = kinesis.put_records(StreamName=name, Records=records)
    assert told["FailedRecordCount"] == 0
    for record, one in zip(records, told["Records"], strict=True):
        key = int(record.get("ExplicitHashKey", int(hashlib.md5(record["PartitionKey"].encode()).hexdigest(), 16)))
        low, high = ranges[one["ShardId"]]
        assert low <= key <= high
    assert len({one["SequenceNumber"] for one in told["Records"]}) == 102


def test_the_order_within_a_shard_is_that_of_the_puts(kinesis: Any, make: Make, clock: CloudClock) -> None:
    name = make()
    for number in range(30):
        kinesis.put_record(StreamName=name, Data=str(number).encode(), PartitionKey=str(number))
        if number % 7 == 0:
            clock.advance(0.001)
    assert [int(one) for one in data(kinesis, name)] == list(range(30))


def test_iterators_of_every_type(kinesis: Any, make: Make, clock: CloudClock, refused: Any) -> None:
    name = make()
    first = kinesis.put_record(StreamName=name, Data=b"1", PartitionKey="k")["SequenceNumber"]
    clock.advance(10)
    between = clock.now()
    kinesis.put_records(StreamName=name, Records=[{"Data": one, "PartitionKey": "k"} for one in (b"2", b"3")])
    latest = iterator(kinesis, name, kind="LATEST")
    clock.advance(10)
    assert data(kinesis, name) == [b"1", b"2", b"3"]
    assert data(kinesis, name, kind="AT_SEQUENCE_NUMBER", StartingSequenceNumber=first) == [b"1", b"2", b"3"]
    assert data(kinesis, name, kind="AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=first) == [b"2", b"3"]
    assert data(kinesis, name, kind="AT_TIMESTAMP", Timestamp=between) == [b"2", b"3"]
    assert data(kinesis, name, kind="AT_TIMESTAMP", Timestamp=between + 1) == []
    kinesis.put_record(StreamName=name, Data=b"4", PartitionKey="k")
    clock.advance(1)
    assert [one["Data"] for one in kinesis.get_records(ShardIterator=latest)["Records"]] == [b"4"]
    with refused("InvalidArgumentException"):
        iterator(kinesis, name, kind="AT_SEQUENCE_NUMBER", StartingSequenceNumber="1")
    with refused("InvalidArgumentException"):
        iterator(kinesis, name, kind="AT_TIMESTAMP", Timestamp=clock.now() + 100)
    with refused("ResourceNotFoundException", "Could not find shard"):
        iterator(kinesis, name, shard=7)


def test_iterators_expire_after_five_minutes(kinesis: Any, make: Make, clock: CloudClock, refused: Any) -> None:
    name = make()
    at = iterator(kinesis, name)
    clock.advance(300)
    at = kinesis.get_records(ShardIterator=at)["NextShardIterator"]
    clock.advance(301)
    with refused("ExpiredIteratorException", "Iterator expired"):
        kinesis.get_records(ShardIterator=at)
    with refused("InvalidArgumentException"):
        kinesis.get_records(ShardIterator="nonsense")


def test_pages_have_a_limit_and_tell_how_far_behind_they_are(kinesis: Any, make: Make, clock: CloudClock) -> None:
    name = make()
    for batch in range(2):
        records = [{"Data": str(batch * 5 + i).encode(), "PartitionKey": "k"} for i in range(5)]
        kinesis.put_records(StreamName=name, Records=records)
        clock.advance(10)
    at, found, behind = iterator(kinesis, name), [], []
    while len(found) < 10:
        told = kinesis.get_records(ShardIterator=at, Limit=4)
        found += [int(one["Data"]) for one in told["Records"]]
        behind.append(told["MillisBehindLatest"])
        at = told["NextShardIterator"]
    assert found == list(range(10))
    assert behind[0] == pytest.approx(20_000, abs=1) and behind[1] == pytest.approx(10_000, abs=1) and behind[2] == 0


def test_a_page_ends_at_ten_megabytes(kinesis: Any, make: Make, clock: CloudClock) -> None:
    name = make()
    for number in range(12):
        kinesis.put_record(StreamName=name, Data=bytes([number]) * 1_000_000, PartitionKey="k")
        clock.advance(1)
    told = kinesis.get_records(ShardIterator=iterator(kinesis, name))
    assert len(told["Records"]) == 10 and told["MillisBehindLatest"] > 0
    clock.advance(6)
    rest = kinesis.get_records(ShardIterator=told["NextShardIterator"])
    assert [one["Data"][0] for one in rest["Records"]] == [10, 11]


def test_a_shard_takes_a_thousand_records_or_a_megabyte_a_second(
    kinesis: Any, make: Make, clock: CloudClock, refused: Any, account: Any
) -> None:
    name = make()
    small = [{"Data": b"x", "PartitionKey": "k"}] * 500
    for _ in range(2):
        assert kinesis.put_records(StreamName=name, Records=small)["FailedRecordCount"] == 0
    told = kinesis.put_records(StreamName=name, Records=small[:3])
    message = f"Rate exceeded for shard shardId-000000000000 in stream {name} under account {account.id}."
    assert told["FailedRecordCount"] == 3
    assert told["Records"][0] == {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": message}
    with refused("ProvisionedThroughputExceededException", message):
        kinesis.put_record(StreamName=name, Data=b"x", PartitionKey="k")
    clock.advance(1)
    large = [{"Data": b"x" * 300_000, "PartitionKey": "k"}] * 5
    told = kinesis.put_records(StreamName=name, Records=large)
    assert told["FailedRecordCount"] == 2
    assert len(data(kinesis, name)) == 1003


def test_a_shard_gives_five_calls_or_two_megabytes_a_second(
    kinesis: Any, make: Make, clock: CloudClock, refused: Any
) -> None:
    name = make()
    at = iterator(kinesis, name)
    for _ in range(5):
        kinesis.get_records(ShardIterator=at)
    with refused("ProvisionedThroughputExceededException", "Rate exceeded for shard"):
        kinesis.get_records(ShardIterator=at)
    clock.advance(1)
    for _ in range(4):
        kinesis.put_record(StreamName=name, Data=b"x" * 1_000_000, PartitionKey="k")
        clock.advance(1)
    assert len(kinesis.get_records(ShardIterator=at)["Records"]) == 4
    with refused("ProvisionedThroughputExceededException"):
        kinesis.get_records(ShardIterator=at)
    clock.advance(2)
    kinesis.get_records(ShardIterator=at)


def test_records_have_a_largest_size_that_can_be_raised(
    kinesis: Any, make: Make, clock: CloudClock, refused: Any
) -> None:
    name = make()
    big = b"x" * (1024 * 1024 + 1)
    with refused("ValidationException", "less than or equal to 1048576"):
        kinesis.put_record(StreamName=name, Data=big, PartitionKey="k")
    arn = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
    kinesis.update_max_record_size(StreamARN=arn, MaxRecordSizeInKiB=10240)
    clock.advance(1)
    kinesis.put_record(StreamName=name, Data=big, PartitionKey="k")
    assert data(kinesis, name) == [big]


def test_records_are_kept_for_a_day_or_as_long_as_is_wanted(
    kinesis: Any, make: Make, clock: CloudClock, refused: Any
) -> None:
    name = make()
    kinesis.put_record(StreamName=name, Data=b"old", PartitionKey="k")
    kinesis.increase_stream_retention_period(StreamName=name, RetentionPeriodHours=48)
    clock.advance(47 * 3600)
    kinesis.put_record(StreamName=name, Data=b"new", PartitionKey="k")
    assert data(kinesis, name) == [b"old", b"new"]
    clock.advance(2 * 3600)
    assert data(kinesis, name) == [b"new"]
    with refused("InvalidArgumentException", "can not be shorter"):
        kinesis.increase_stream_retention_period(StreamName=name, RetentionPeriodHours=24)
    with refused("InvalidArgumentException", "Minimum allowed retention period is 24 hours"):
        kinesis.decrease_stream_retention_period(StreamName=name, RetentionPeriodHours=23)
    with refused("InvalidArgumentException", "too long"):
        kinesis.increase_stream_retention_period(StreamName=name, RetentionPeriodHours=8761)
    kinesis.increase_stream_retention_period(StreamName=name, RetentionPeriodHours=8760)
    clock.advance(364 * 24 * 3600)
    assert data(kinesis, name) == [b"new"]
    kinesis.decrease_stream_retention_period(StreamName=name, RetentionPeriodHours=24)
    clock.advance(1)
    assert data(kinesis, name) == []


def test_dry_runs_change_nothing(kinesis: Any, make: Make, refused: Any) -> None:
    name = make()
    with refused("DryRunOperationException"):
        kinesis.put_record(StreamName=name, Data=b"x", PartitionKey="k", DryRun=True)
    assert data(kinesis, name) == []


def test_streams_that_are_not_there(kinesis: Any, account: Any, clock: CloudClock, refused: Any) -> None:
    with refused("ResourceNotFoundException", f"Stream nowhere under account {account.id} not found."):
        kinesis.put_record(StreamName="nowhere", Data=b"x", PartitionKey="k")
    with refused("InvalidArgumentException"):
        kinesis.put_record(Data=b"x", PartitionKey="k")
