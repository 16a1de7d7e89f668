"""Durable functions with AWS's own SDK for them, unmodified: executions that outlast an invocation."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from pileus.testing.account import Account
from pileus.testing.local import LocalCloud
from tests.services.conftest import Refused as refused
from tests.services.lambda_.conftest import Functions, package
from tests.services.lambda_.test_queues import eventually

from .test_lambda_libraries import RUNTIME, brought

pytestmark = pytest.mark.skipif(sys.version_info < (3, 11), reason="the SDK wants Python 3.11")

SOURCE = """
import json, os
from aws_durable_execution_sdk_python import DurableContext, durable_execution, durable_step
from aws_durable_execution_sdk_python.config import Duration, StepConfig, CallbackConfig, WaitForCallbackConfig
from aws_durable_execution_sdk_python.retries import RetryStrategyConfig, create_retry_strategy

import boto3

def note(url, what):
    boto3.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(what))

@durable_execution
def order(event, context: DurableContext):
    paid = context.step(lambda _: {"paid": event["amount"], "at": os.getpid()}, name="pay")
    context.wait(Duration.from_hours(2), name="packing")
    sent = context.step(lambda _: "sent", name="send")
    return {"paid": paid["paid"], "sent": sent}

@durable_execution
def approval(event, context: DurableContext):
    answer = context.wait_for_callback(
        lambda callback_id, _: note(event["queue"], callback_id), name="approve",
        config=WaitForCallbackConfig(timeout=Duration.from_hours(1)),
    )
    return {"approved": json.loads(answer)}

tries = 0

@durable_execution
def flaky(event, context: DurableContext):
    def step(_):
        note(event["queue"], "try")
        raise ConnectionError("down")
    strategy = create_retry_strategy(RetryStrategyConfig(max_attempts=3, initial_delay=Duration.from_seconds(60)))
    return context.step(step, name="call", config=StepConfig(retry_strategy=strategy))

@durable_execution
def several(event, context: DurableContext):
    def one(n):
        def run(ctx):
            ctx.wait(Duration.from_minutes(n), name=f"wait-{n}")
            return ctx.step(lambda _: n * n, name=f"square-{n}")
        return run
    return context.parallel([one(1), one(2), one(3)], name="squares").get_results()

@durable_execution
def outer(event, context: DurableContext):
    return context.invoke(event["callee"], {"n": 20}, name="inner")

@durable_execution
def fails(event, context: DurableContext):
    raise ValueError("as asked")

def plain(event, context):
    return event["n"] + 1
"""


class Durable:
    def __init__(self, functions: Functions) -> None:
        self.functions = functions
        self.client = functions.client
        self.code = {"ZipFile": package({"app.py": SOURCE, **brought("aws-durable-execution-sdk-python")})}

    def create(self, handler: str, **config: Any) -> None:
        given = {"ExecutionTimeout": 86400, "RetentionPeriodInDays": 7} | config
        members: dict[str, Any] = {} if handler == "plain" else {"DurableConfig": given}
        self.functions.create(
            "", name=handler, Runtime=RUNTIME, Handler=f"app.{handler}", Code=self.code, Timeout=20, **members
        )

    def start(self, handler: str, event: Any, **members: Any) -> str:
        answer = self.client.invoke(
            FunctionName=handler, Qualifier="$LATEST", InvocationType="Event", Payload=json.dumps(event), **members
        )
        assert answer["StatusCode"] == 202
        arn: str = answer["DurableExecutionArn"]
        return arn

    def get(self, arn: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get_durable_execution(DurableExecutionArn=arn)
        return found

    def ended(self, arn: str) -> dict[str, Any]:
        found: dict[str, Any] = eventually(lambda: (found := self.get(arn)).get("EndTimestamp") and found)
        assert found, f"it has not ended: {self.get(arn)}, {self.events(arn)}"
        return found

    def events(self, arn: str) -> list[str]:
        events = self.client.get_durable_execution_history(DurableExecutionArn=arn, IncludeExecutionData=True)["Events"]
        return [event["EventType"] for event in events]

    def until(self, arn: str, kind: str) -> None:
        """Until that has happened and the invocation is over."""
        assert eventually(lambda: kind in (events := self.events(arn)) and events[-1] == "InvocationCompleted"), (
            self.events(arn)
        )


@pytest.fixture
def durable(aws: Account) -> Durable:
    return Durable(Functions(aws))


def test_an_execution_waits_for_hours_and_does_each_step_once(durable: Durable, cloud: LocalCloud) -> None:
    durable.create("order")
    arn = durable.start("order", {"amount": 5}, DurableExecutionName="first")
    assert "/durable-execution/first/" in arn
    durable.until(arn, "WaitStarted")
    assert durable.get(arn)["Status"] == "RUNNING"
    cloud.clock.advance(2 * 3600 + 1)
    found = durable.ended(arn)
    assert (found["Status"], json.loads(found["Result"])) == ("SUCCEEDED", {"paid": 5, "sent": "sent"})
    assert found["EndTimestamp"].timestamp() - found["StartTimestamp"].timestamp() >= 7200
    assert durable.events(arn) == [
        "ExecutionStarted",
        "StepStarted",
        "StepSucceeded",
        "WaitStarted",
        "InvocationCompleted",
        "WaitSucceeded",
        "StepStarted",
        "StepSucceeded",
        "InvocationCompleted",
        "ExecutionSucceeded",
    ]
    assert durable.start("order", {"amount": 5}, DurableExecutionName="first") == arn
    with pytest.raises(durable.client.exceptions.DurableExecutionAlreadyStartedException):
        durable.start("order", {"amount": 6}, DurableExecutionName="first")
    listed = durable.client.list_durable_executions_by_function(FunctionName="order")["DurableExecutions"]
    assert [(each["DurableExecutionName"], each["Status"]) for each in listed] == [("first", "SUCCEEDED")]
    cloud.clock.advance(8 * 86400)
    assert durable.client.list_durable_executions_by_function(FunctionName="order")["DurableExecutions"] == []


def test_an_execution_waits_for_what_somebody_else_says(durable: Durable, cloud: LocalCloud) -> None:
    sqs = durable.functions.account.client("sqs")
    url = sqs.create_queue(QueueName="asked")["QueueUrl"]
    durable.create("approval")

    def asked() -> tuple[str, str]:
        arn = durable.start("approval", {"queue": url})
        message = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"][0]
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        durable.until(arn, "CallbackStarted")
        return arn, json.loads(message["Body"])

    arn, callback = asked()
    durable.client.send_durable_execution_callback_success(CallbackId=callback, Result=b'{"by": "ann"}')
    found = durable.ended(arn)
    assert json.loads(found["Result"]) == {"approved": {"by": "ann"}}
    with pytest.raises(durable.client.exceptions.CallbackTimeoutException):
        durable.client.send_durable_execution_callback_success(CallbackId=callback)

    arn, callback = asked()
    durable.client.send_durable_execution_callback_heartbeat(CallbackId=callback)
    durable.client.send_durable_execution_callback_failure(CallbackId=callback, Error={"ErrorMessage": "never"})
    found = durable.ended(arn)
    assert (found["Status"], found["Error"]["ErrorMessage"]) == ("FAILED", "never")

    arn, callback = asked()
    cloud.clock.advance(3601)
    assert durable.ended(arn)["Status"] == "FAILED"
    assert "CallbackTimedOut" in durable.events(arn)
    durable.client.delete_function(FunctionName="approval")
    with refused("ResourceNotFoundException"):
        durable.get(arn)


def test_a_step_is_tried_again_later(durable: Durable, cloud: LocalCloud) -> None:
    sqs = durable.functions.account.client("sqs")
    url = sqs.create_queue(QueueName="tries")["QueueUrl"]
    durable.create("flaky")
    arn = durable.start("flaky", {"queue": url})
    durable.until(arn, "StepFailed")
    cloud.clock.advance(3600)
    found = durable.ended(arn)
    assert (found["Status"], "down" in found["Error"]["ErrorMessage"]) == ("FAILED", True)
    assert len(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]) == 3


def test_branches_wait_side_by_side(durable: Durable, cloud: LocalCloud) -> None:
    durable.create("several")
    arn = durable.start("several", {})
    durable.until(arn, "WaitStarted")
    cloud.clock.advance(181)
    assert json.loads(durable.ended(arn)["Result"]) == [1, 4, 9]


def test_an_execution_invokes_another_function_and_whoever_calls_it_may_wait(durable: Durable) -> None:
    durable.create("plain")
    durable.create("outer", ExecutionTimeout=60)
    payload = json.dumps({"callee": "plain"})
    answer = durable.client.invoke(FunctionName="outer", Qualifier="$LATEST", Payload=payload)
    assert json.loads(answer["Payload"].read()) == 21
    assert durable.get(answer["DurableExecutionArn"])["Status"] == "SUCCEEDED"
    durable.create("fails", ExecutionTimeout=60)
    answer = durable.client.invoke(FunctionName="fails", Qualifier="$LATEST")
    assert answer["FunctionError"] == "Unhandled"
    assert json.loads(answer["Payload"].read())["errorMessage"] == "as asked"
    with refused("InvalidParameterValueException", "unqualified"):
        durable.client.invoke(FunctionName="fails")
    durable.create("order")
    with refused("InvalidParameterValueException", "15 minutes"):
        durable.client.invoke(FunctionName="order", Qualifier="$LATEST", Payload='{"amount": 1}')


def test_an_execution_can_be_stopped_paused_and_deleted(durable: Durable, cloud: LocalCloud) -> None:
    client = durable.client
    durable.create("order", ExecutionTimeout=3 * 3600)
    arn = durable.start("order", {"amount": 5})
    durable.until(arn, "WaitStarted")
    with refused("ResourceConflictException", "terminal"):
        client.delete_durable_execution(DurableExecutionArn=arn)
    client.pause_durable_execution(DurableExecutionArn=arn, Reason="lunch")
    assert durable.get(arn)["Status"] == "PAUSED"
    cloud.clock.advance(5 * 3600)
    assert durable.events(arn)[-2:] == ["ExecutionPaused", "WaitSucceeded"]
    client.resume_durable_execution(DurableExecutionArn=arn)
    assert durable.ended(arn)["Status"] == "SUCCEEDED"
    client.delete_durable_execution(DurableExecutionArn=arn)
    with refused("ResourceNotFoundException", "not found"):
        durable.get(arn)
    arn = durable.start("order", {"amount": 5})
    durable.until(arn, "WaitStarted")
    client.stop_durable_execution(DurableExecutionArn=arn, Error={"ErrorType": "Enough", "ErrorMessage": "no more"})
    found = durable.get(arn)
    assert (found["Status"], found["Error"]["ErrorMessage"]) == ("STOPPED", "no more")
    durable.create("approval", ExecutionTimeout=60)
    sqs = durable.functions.account.client("sqs")
    arn = durable.start("approval", {"queue": sqs.create_queue(QueueName="asked")["QueueUrl"]})
    durable.until(arn, "CallbackStarted")
    cloud.clock.advance(61)
    assert durable.get(arn)["Status"] == "TIMED_OUT"


def test_checkpoints_are_taken_in_turn(durable: Durable) -> None:
    durable.create("order")
    arn = durable.start("order", {"amount": 5})
    durable.until(arn, "WaitStarted")
    with refused("InvalidParameterValueException", "Invalid Checkpoint Token"):
        durable.client.checkpoint_durable_execution(DurableExecutionArn=arn, CheckpointToken="stale", Updates=[])
    with refused("InvalidParameterValueException", "Invalid Checkpoint Token"):
        durable.client.get_durable_execution_state(DurableExecutionArn=arn, CheckpointToken="stale")
