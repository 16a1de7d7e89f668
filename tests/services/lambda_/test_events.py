"""Asynchronous invocations: tried again on the cloud's clock, and passed on when they are over."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pileus.testing.local import CloudClock

from .conftest import Functions

TRY = """
    import boto3, json, os

    def handler(event, context):
        boto3.client("sqs").send_message(QueueUrl=event["tries"], MessageBody=context.aws_request_id)
        if event.get("fail"):
            raise ValueError("as asked")
        return "done"
"""


class Box:
    """A queue that a test looks into."""

    def __init__(self, functions: Functions, name: str) -> None:
        self.sqs = functions.account.client("sqs")
        self.url = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        self.arn = f"arn:aws:sqs:us-east-1:{functions.account.id}:{name}"

    def take(self, wait: int = 0) -> list[dict[str, Any]]:
        found = []
        while messages := self.sqs.receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            WaitTimeSeconds=0 if found else wait,
        ).get("Messages"):
            found += messages
            for message in messages:
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return found


@pytest.fixture
def tries(functions: Functions) -> Box:
    return Box(functions, "tries")


def send(functions: Functions, tries: Box, **event: Any) -> dict[str, Any]:
    payload = json.dumps({"tries": tries.url} | event)
    answer: dict[str, Any] = functions.client.invoke(FunctionName="function", InvocationType="Event", Payload=payload)
    return answer


def test_an_event_is_accepted_and_handled(functions: Functions, tries: Box) -> None:
    functions.create(TRY)
    answer = send(functions, tries)
    assert answer["StatusCode"] == 202
    assert answer["Payload"].read() == b""
    assert [message["Body"] for message in tries.take(10)] == [answer["ResponseMetadata"]["RequestId"]]


def test_an_event_that_fails_is_tried_after_one_minute_and_two_and_then_buried(
    functions: Functions, tries: Box, clock: CloudClock
) -> None:
    dead = Box(functions, "dead")
    functions.create(TRY, DeadLetterConfig={"TargetArn": dead.arn})
    event_id = send(functions, tries, fail=True)["ResponseMetadata"]["RequestId"]
    for seconds, expected in ((0, 1), (58, 0), (4, 1), (117, 0), (4, 1), (600, 0)):
        clock.advance(seconds)
        assert [message["Body"] for message in tries.take()] == [event_id] * expected, f"after {seconds} s"
    (buried,) = dead.take()
    assert json.loads(buried["Body"]) == {"tries": tries.url, "fail": True}
    told = {name: value["StringValue"] for name, value in buried["MessageAttributes"].items()}
    assert told == {"RequestID": event_id, "ErrorCode": "200", "ErrorMessage": "as asked"}


def test_destinations_are_told_how_it_went(functions: Functions, tries: Box, clock: CloudClock) -> None:
    good, bad = Box(functions, "good"), Box(functions, "bad")
    arn = functions.create(TRY)["FunctionArn"]
    client = functions.client
    client.put_function_event_invoke_config(
        FunctionName="function",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnSuccess": {"Destination": good.arn}, "OnFailure": {"Destination": bad.arn}},
    )
    send(functions, tries)
    clock.advance(1)
    (record,) = [json.loads(message["Body"]) for message in good.take()]
    assert record["requestContext"]["condition"] == "Success"
    assert record["requestContext"]["functionArn"] == f"{arn}:$LATEST"
    assert record["requestContext"]["approximateInvokeCount"] == 1
    assert record["requestPayload"] == {"tries": tries.url}
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST"}
    assert record["responsePayload"] == "done"
    send(functions, tries, fail=True)
    clock.advance(1)
    (record,) = [json.loads(message["Body"]) for message in bad.take()]
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["responseContext"]["functionError"] == "Unhandled"
    assert record["responsePayload"]["errorMessage"] == "as asked"
    client.update_function_event_invoke_config(FunctionName="function", MaximumEventAgeInSeconds=60)
    config = client.get_function_event_invoke_config(FunctionName="function")
    assert (config["MaximumRetryAttempts"], config["MaximumEventAgeInSeconds"]) == (0, 60)
    client.delete_function_event_invoke_config(FunctionName="function")
    assert client.list_function_event_invoke_configs(FunctionName="function")["FunctionEventInvokeConfigs"] == []


def test_an_event_that_has_become_too_old_is_given_up(functions: Functions, tries: Box, clock: CloudClock) -> None:
    bad = Box(functions, "bad")
    functions.create(TRY)
    functions.client.put_function_event_invoke_config(
        FunctionName="function",
        MaximumEventAgeInSeconds=60,
        DestinationConfig={"OnFailure": {"Destination": bad.arn}},
    )
    send(functions, tries, fail=True)
    clock.advance(61)
    assert len(tries.take()) == 1
    (record,) = [json.loads(message["Body"]) for message in bad.take()]
    assert record["requestContext"]["condition"] == "EventAgeExceeded"


def test_a_function_can_be_another_one_s_destination(functions: Functions, tries: Box, clock: CloudClock) -> None:
    functions.create(TRY)
    next_arn = functions.create(
        f"""
        import boto3

        def handler(event, context):
            boto3.client("sqs").send_message(QueueUrl={tries.url!r}, MessageBody=event["responsePayload"])
        """,
        name="next",
    )["FunctionArn"]
    functions.client.put_function_event_invoke_config(
        FunctionName="function", DestinationConfig={"OnSuccess": {"Destination": next_arn}}
    )
    send(functions, tries)
    clock.advance(1)
    assert "done" in [message["Body"] for message in tries.take(5)]


def test_an_event_may_have_one_megabyte(functions: Functions, tries: Box, refused) -> None:
    functions.create(TRY)
    with refused("RequestTooLargeException"):
        send(functions, tries, padding="x" * 1_048_576)


def test_a_function_is_no_destination_of_its_own(functions: Functions, refused) -> None:
    arn = functions.create(TRY)["FunctionArn"]
    with refused("InvalidParameterValueException", "You can't specify the function as a destination for itself."):
        functions.client.put_function_event_invoke_config(
            FunctionName="function", DestinationConfig={"OnSuccess": {"Destination": arn}}
        )
    assert (
        functions.client.list_function_event_invoke_configs(FunctionName="function")["FunctionEventInvokeConfigs"] == []
    )
