"""Functions that are fed from the streams of DynamoDB's tables."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .conftest import Functions
from .test_events import Box
from .test_queues import eventually

KEEP = """
    import boto3, json, os

    def handler(event, context):
        numbers = [int(record["dynamodb"]["Keys"]["n"]["N"]) for record in event["Records"]]
        boto3.client("sqs").send_message(QueueUrl=SEEN, MessageBody=json.dumps(numbers))
        if 13 in numbers:
            raise ValueError("thirteen")
"""


class Fed:
    """A function that is fed from a table, and a queue in which it says what it has seen."""

    def __init__(self, functions: Functions, source: str = KEEP) -> None:
        self.functions = functions
        self.seen = Box(functions, "seen")
        self.db = functions.account.client("dynamodb")
        table = self.db.create_table(
            TableName="things",
            KeySchema=[{"AttributeName": "n", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "n", "AttributeType": "N"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )["TableDescription"]
        self.arn = table["LatestStreamArn"]
        self.db.get_waiter("table_exists").wait(TableName="things")
        functions.create(source.replace("SEEN", repr(self.seen.url)))

    def map(self, **members: Any) -> dict[str, Any]:
        given = {"StartingPosition": "TRIM_HORIZON"} | members
        answer: dict[str, Any] = self.functions.client.create_event_source_mapping(
            FunctionName="function", EventSourceArn=self.arn, **given
        )
        return answer

    def put(self, *numbers: int) -> None:
        for number in numbers:
            self.db.put_item(TableName="things", Item={"n": {"N": str(number)}, "text": {"S": f"n{number}"}})

    def batches(self) -> list[Any]:
        return [json.loads(message["Body"]) for message in self.seen.take(1)]


@pytest.fixture
def fed(functions: Functions) -> Fed:
    return Fed(functions)


def test_changes_reach_the_function_in_their_order(fed: Fed) -> None:
    made = fed.map(BatchSize=4)
    assert made["BatchSize"] == 4
    assert made["MaximumRetryAttempts"] == -1
    fed.put(*range(10))
    seen: list[int] = []
    assert eventually(lambda: seen.extend(n for batch in fed.batches() for n in batch) or len(seen) == 10)
    assert seen == list(range(10))
    assert fed.functions.client.get_event_source_mapping(UUID=made["UUID"])["LastProcessingResult"] == "OK"


def test_a_record_is_as_lambda_shows_it(functions: Functions) -> None:
    fed = Fed(
        functions,
        """
        import boto3, json

        def handler(event, context):
            boto3.client("sqs").send_message(QueueUrl=SEEN, MessageBody=json.dumps(event))
        """,
    )
    fed.map()
    fed.db.put_item(TableName="things", Item={"n": {"N": "1"}, "data": {"B": b"abc"}})
    (event,) = eventually(fed.batches)
    (record,) = event["Records"]
    assert record["eventName"] == "INSERT"
    assert record["eventSource"] == "aws:dynamodb"
    assert record["eventSourceARN"] == fed.arn
    assert record["dynamodb"]["NewImage"] == {"n": {"N": "1"}, "data": {"B": "YWJj"}}


def test_a_batch_that_fails_is_split_and_what_fails_for_good_is_told(fed: Fed) -> None:
    bad = Box(fed.functions, "bad")
    fed.put(11, 12, 13, 14)
    made = fed.map(
        BatchSize=4,
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": bad.arn}},
    )
    seen: list[list[int]] = []
    assert eventually(lambda: seen.extend(fed.batches()) or [14] in seen, 15)
    assert seen[:2] == [[11, 12, 13, 14], [11, 12]]
    assert seen.count([13]) == 2
    (told,) = [json.loads(message["Body"]) for message in bad.take(5)]
    assert told["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert told["requestContext"]["approximateInvokeCount"] == 2
    assert told["DDBStreamBatchInfo"]["batchSize"] == 1
    assert told["DDBStreamBatchInfo"]["streamArn"] == fed.arn
    assert told["responseContext"]["functionError"] == "Unhandled"
    assert fed.functions.client.get_event_source_mapping(UUID=made["UUID"])["UUID"] == made["UUID"]


def test_a_filter_lets_some_through(fed: Fed) -> None:
    pattern = {"eventName": ["INSERT"], "dynamodb": {"NewImage": {"text": {"S": [{"prefix": "n2"}]}}}}
    fed.map(FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)}]})
    fed.put(1, 2, 3, 20)
    seen: list[int] = []
    assert eventually(lambda: seen.extend(n for batch in fed.batches() for n in batch) or len(seen) == 2)
    assert seen == [2, 20]


def test_a_function_says_from_which_record_on_it_wants_to_try_again(functions: Functions) -> None:
    fed = Fed(
        functions,
        """
        import boto3, json

        tries = 0

        def handler(event, context):
            global tries
            numbers = [int(record["dynamodb"]["Keys"]["n"]["N"]) for record in event["Records"]]
            boto3.client("sqs").send_message(QueueUrl=SEEN, MessageBody=json.dumps(numbers))
            tries += 1
            if tries == 1:
                number = event["Records"][2]["dynamodb"]["SequenceNumber"]
                return {"batchItemFailures": [{"itemIdentifier": number}]}
        """,
    )
    fed.put(1, 2, 3, 4)
    fed.map(FunctionResponseTypes=["ReportBatchItemFailures"])
    seen: list[list[int]] = []
    assert eventually(lambda: seen.extend(fed.batches()) or len(seen) == 2)
    assert seen == [[1, 2, 3, 4], [3, 4]]


def test_a_tumbling_window_carries_a_state_to_its_end(functions: Functions, clock) -> None:
    fed = Fed(
        functions,
        """
        import boto3, json

        def handler(event, context):
            count = event["state"].get("count", 0) + len(event["Records"])
            if event["isFinalInvokeForWindow"]:
                boto3.client("sqs").send_message(QueueUrl=SEEN, MessageBody=json.dumps(count))
            return {"state": {"count": count}}
        """,
    )
    fed.map(TumblingWindowInSeconds=30, BatchSize=2)
    fed.put(1, 2, 3)
    assert fed.batches() == []
    clock.advance(65)
    assert eventually(fed.batches) == [3]


def test_a_record_that_is_too_old_is_given_up(fed: Fed, clock) -> None:
    bad = Box(fed.functions, "bad")
    fed.put(13)
    fed.map(MaximumRecordAgeInSeconds=60, DestinationConfig={"OnFailure": {"Destination": bad.arn}})
    assert eventually(lambda: fed.batches() == [[13]])
    clock.advance(61)
    fed.put(14)
    seen: list[list[int]] = []
    assert eventually(lambda: seen.extend(fed.batches()) or [14] in seen, 15)
    (told,) = [json.loads(message["Body"]) for message in bad.take(5)]
    assert told["requestContext"]["condition"] == "RecordAgeExceeded"
    assert told["DDBStreamBatchInfo"]["batchSize"] == 1


def test_a_stream_wants_a_position_to_start_from(fed: Fed, refused) -> None:
    with refused("InvalidParameterValueException", "startingPosition"):
        fed.functions.client.create_event_source_mapping(FunctionName="function", EventSourceArn=fed.arn)
    with refused("InvalidParameterValueException", "Stream not found"):
        fed.functions.client.create_event_source_mapping(
            FunctionName="function", EventSourceArn=f"{fed.arn}0", StartingPosition="LATEST"
        )
