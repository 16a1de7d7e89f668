"""Functions that are fed from Kinesis streams."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .conftest import Functions
from .test_events import Box
from .test_queues import eventually

SHOW = """
    import boto3, json

    def handler(event, context):
        boto3.client("sqs").send_message(QueueUrl=SEEN, MessageBody=json.dumps(event))
"""


class Fed:
    """A function before which lies a stream of one shard, and a queue in which it says what it has seen."""

    def __init__(self, functions: Functions) -> None:
        self.functions = functions
        self.seen = Box(functions, "seen")
        self.kinesis = functions.account.client("kinesis")
        self.kinesis.create_stream(StreamName="orders", ShardCount=1)
        self.kinesis.get_waiter("stream_exists").wait(StreamName="orders", WaiterConfig={"Delay": 1})
        self.arn = f"arn:aws:kinesis:us-east-1:{functions.account.id}:stream/orders"

    def map(self, source: str, arn: str = "", **members: Any) -> dict[str, Any]:
        self.functions.create(source.replace("SEEN", repr(self.seen.url)), Timeout=20)
        given = {"StartingPosition": "TRIM_HORIZON"} | members
        answer: dict[str, Any] = self.functions.client.create_event_source_mapping(
            FunctionName="function", EventSourceArn=arn or self.arn, **given
        )
        return answer

    def put(self, key: str, data: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.kinesis.put_record(
            StreamName="orders", PartitionKey=key, Data=json.dumps(data).encode()
        )
        return answer

    def told(self) -> list[Any]:
        return [json.loads(message["Body"]) for message in self.seen.take(1)]


@pytest.fixture
def fed(functions: Functions) -> Fed:
    return Fed(functions)


def test_a_record_is_as_lambda_shows_it(fed: Fed) -> None:
    fed.map(SHOW)
    put = fed.put("k", {"a": 1})
    (event,) = eventually(fed.told)
    (record,) = event["Records"]
    assert record["kinesis"].pop("approximateArrivalTimestamp") > 0
    assert record == {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": "k",
            "sequenceNumber": put["SequenceNumber"],
            "data": "eyJhIjogMX0=",
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{put['ShardId']}:{put['SequenceNumber']}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": fed.functions.role,
        "awsRegion": "us-east-1",
        "eventSourceARN": fed.arn,
    }


def test_a_consumer_of_a_stream_is_a_source_too(fed: Fed, refused) -> None:
    consumer = fed.kinesis.register_stream_consumer(StreamARN=fed.arn, ConsumerName="reader")["Consumer"]
    fed.map(SHOW, arn=consumer["ConsumerARN"])
    fed.put("k", 1)
    (event,) = eventually(fed.told)
    assert event["Records"][0]["kinesis"]["partitionKey"] == "k"
    with refused("InvalidParameterValueException", "Stream not found"):
        fed.functions.client.create_event_source_mapping(
            FunctionName="function", EventSourceArn=f"{fed.arn}s", StartingPosition="LATEST"
        )


def test_a_filter_looks_into_the_data(fed: Fed) -> None:
    pattern = {"partitionKey": ["k"], "data": {"amount": [{"numeric": [">", 10]}]}}
    fed.map(SHOW, FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)}]})
    for amount in (5, 11, 20):
        fed.put("k", {"amount": amount})
    fed.put("other", {"amount": 99})
    seen: list[str] = []
    assert eventually(
        lambda: seen.extend(r["kinesis"]["data"] for e in fed.told() for r in e["Records"]) or len(seen) == 2
    )


SLOW = """
    import base64, boto3, json, time

    sqs = boto3.client("sqs")

    def handler(event, context):
        began = time.time()
        numbers = [json.loads(base64.b64decode(record["kinesis"]["data"])) for record in event["Records"]]
        keys = {record["kinesis"]["partitionKey"] for record in event["Records"]}
        time.sleep(0.5)
        told = {"keys": sorted(keys), "numbers": numbers, "began": began, "ended": time.time()}
        sqs.send_message(QueueUrl=SEEN, MessageBody=json.dumps(told))
        if began % 1 < FAILING:
            raise ValueError("bad luck")
"""


@pytest.mark.parametrize("failing", [0, 0.3])
def test_a_shard_is_worked_on_in_parallel_with_the_order_of_each_key(fed: Fed, failing: float) -> None:
    for number in range(4):
        for key in ("a", "b", "c", "d", "e", "f"):
            fed.put(key, [key, number])
    fed.map(SLOW.replace("FAILING", str(failing)), ParallelizationFactor=4, BatchSize=6)
    seen: list[dict[str, Any]] = []

    def all_seen() -> bool:
        seen.extend(fed.told())
        return {(key, number) for told in seen for key, number in told["numbers"]} >= {
            (key, number) for key in "abcdef" for number in range(4)
        }

    assert eventually(all_seen, 30)
    assert all(len(told["numbers"]) <= 6 for told in seen)
    seen.sort(key=lambda told: told["began"])
    overlaps = [(one, two) for one in seen for two in seen if one["began"] < two["began"] < one["ended"]]
    assert overlaps, "nothing ran side by side"
    assert not any(set(one["keys"]) & set(two["keys"]) for one, two in overlaps)
    for key in "abcdef":
        numbers = [number for told in seen for name, number in told["numbers"] if name == key]
        firsts = list(dict.fromkeys(numbers))
        assert firsts == [0, 1, 2, 3]


def test_a_position_in_time_wants_its_time_and_a_source_must_be_one(fed: Fed, refused) -> None:
    with refused("InvalidParameterValueException", "StartingPositionTimestamp"):
        fed.map(SHOW, StartingPosition="AT_TIMESTAMP")
    client = fed.functions.client
    for given in ({}, {"EventSourceArn": "arn:aws:s3:::bucket"}):
        with refused("InvalidParameterValueException", "Unrecognized event source."):
            client.create_event_source_mapping(FunctionName="function", **given)
