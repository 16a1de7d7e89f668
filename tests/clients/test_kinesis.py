"""Kinesis through the AWS CLI, boto3's paginators and waiters, and AWS's library of aggregated records."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from typing import Any

import pytest

from pileus.testing.account import Account


@pytest.fixture
def run(aws: Account) -> Any:
    def run(*arguments: str) -> Any:
        command = [sys.executable, "-m", "awscli", "--endpoint-url", aws.cloud.endpoint, "kinesis", *arguments]
        done = subprocess.run(command, env=aws.environment(), capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    return run


def test_the_cli_writes_and_reads(run: Any) -> None:
    run("create-stream", "--stream-name", "clicks", "--shard-count", "1")
    run("wait", "stream-exists", "--stream-name", "clicks")
    data = base64.b64encode(b"hello").decode()
    put = run("put-record", "--stream-name", "clicks", "--partition-key", "k", "--data", data)
    assert put["ShardId"] == "shardId-000000000000"
    at = run(
        "get-shard-iterator",
        "--stream-name",
        "clicks",
        "--shard-id",
        "shardId-000000000000",
        "--shard-iterator-type",
        "TRIM_HORIZON",
    )["ShardIterator"]
    (record,) = run("get-records", "--shard-iterator", at)["Records"]
    assert base64.b64decode(record["Data"]) in (b"hello", data.encode())
    run("delete-stream", "--stream-name", "clicks")
    run("wait", "stream-not-exists", "--stream-name", "clicks")


def test_aggregated_records_are_what_aws_own_library_makes_of_them(aws: Account) -> None:
    aggregator = pytest.importorskip("aws_kinesis_agg.aggregator")
    deaggregator = pytest.importorskip("aws_kinesis_agg.deaggregator")
    kinesis = aws.client("kinesis")
    kinesis.create_stream(StreamName="agg", ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName="agg", WaiterConfig={"Delay": 1})
    packer = aggregator.RecordAggregator()
    for number in range(100):
        packer.add_user_record(f"user-{number}", f"click {number}".encode())
    key, _hash_key, packed = packer.clear_and_get().get_contents()
    kinesis.put_record(StreamName="agg", Data=packed, PartitionKey=key)
    at = kinesis.get_shard_iterator(StreamName="agg", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON")[
        "ShardIterator"
    ]
    (record,) = kinesis.get_records(ShardIterator=at)["Records"]
    event = {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": record["PartitionKey"],
            "sequenceNumber": record["SequenceNumber"],
            "data": base64.b64encode(record["Data"]).decode(),
            "approximateArrivalTimestamp": record["ApproximateArrivalTimestamp"].timestamp(),
        }
    }
    found = deaggregator.deaggregate_records([event])
    assert [base64.b64decode(one["kinesis"]["data"]) for one in found] == [f"click {n}".encode() for n in range(100)]


def test_paginators_and_waiters(aws: Account) -> None:
    kinesis = aws.client("kinesis")
    names = [f"s{number}" for number in range(5)]
    for name in names:
        kinesis.create_stream(StreamName=name, ShardCount=3)
        kinesis.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1})
    pages = list(kinesis.get_paginator("list_streams").paginate(PaginationConfig={"PageSize": 2}))
    assert [name for page in pages for name in page["StreamNames"]] == names and len(pages) == 3
    arn = kinesis.describe_stream_summary(StreamName="s0")["StreamDescriptionSummary"]["StreamARN"]
    for name in ("a", "b", "c"):
        kinesis.register_stream_consumer(StreamARN=arn, ConsumerName=name)
    paginator = kinesis.get_paginator("list_stream_consumers")
    pages = list(paginator.paginate(StreamARN=arn, PaginationConfig={"PageSize": 2}))
    assert [one["ConsumerName"] for page in pages for one in page["Consumers"]] == ["a", "b", "c"]
