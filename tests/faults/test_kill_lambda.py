"""kill -9 in the midst of invocations: after the restart every event is handled, and the order of queues holds."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from pileus.engines.sandbox.survey import choice

from .process import Process

HANDLER = """
import boto3, json, time

def handler(event, context):
    time.sleep(0.05)
    seen = [json.loads(record["body"]) for record in event["Records"]] if "Records" in event else [event]
    boto3.client("sqs").send_message(QueueUrl=SEEN, MessageBody=json.dumps(seen), MessageGroupId="all")
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Process]:
    folder = tmp_path / "data"
    folder.mkdir()
    process = Process(folder)
    yield process
    process.stop()


def client(server: Process, service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=server.endpoint,
        region_name="us-east-1",
        aws_access_key_id="111122223333",
        aws_secret_access_key="test",
    )


def set_up(server: Process, timeout: int = 3) -> str:
    """A function that tells in a queue what it has seen; the queue's URL."""
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    url: str = client(server, "sqs").create_queue(QueueName="seen.fifo", Attributes=attributes)["QueueUrl"]
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("app.py", HANDLER.replace("SEEN", repr(url)))
    client(server, "lambda").create_function(
        FunctionName="function",
        Runtime="python3.11",
        Handler="app.handler",
        Timeout=timeout,
        Role="arn:aws:iam::111122223333:role/functions",
        Code={"ZipFile": data.getvalue()},
    )
    return url


def seen(server: Process, url: str, enough: int, seconds: float = 20) -> list[Any]:
    """What the function has seen, in order, once there is so much of it."""
    sqs, found = client(server, "sqs"), []
    until = time.monotonic() + seconds
    while len({json.dumps(each) for each in found}) < enough and time.monotonic() < until:
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", []):
            found += json.loads(message["Body"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


def killed(server: Process) -> None:
    server.process.kill()
    server.process.wait()
    server.start()


def test_every_event_is_handled_though_the_cloud_is_killed_meanwhile(server: Process) -> None:
    url = set_up(server, timeout=30)
    invoker = client(server, "lambda")
    for number in range(60):
        invoker.invoke(FunctionName="function", InvocationType="Event", Payload=json.dumps({"n": number}))
    before = seen(server, url, 5)
    killed(server)
    after = seen(server, url, 60 - len({each["n"] for each in before}))
    assert {each["n"] for each in before + after} == set(range(60))


@pytest.mark.skipif(choice().driver != "namespaces", reason=f"no namespaces: {choice().why}")
def test_a_queue_s_messages_reach_the_function_in_order_though_the_cloud_is_killed_meanwhile(server: Process) -> None:
    url = set_up(server)
    sqs = client(server, "sqs")
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true", "VisibilityTimeout": "3"}
    source = sqs.create_queue(QueueName="source.fifo", Attributes=attributes)["QueueUrl"]
    for number in range(60):
        body = json.dumps({"n": number})
        sqs.send_message(QueueUrl=source, MessageBody=body, MessageGroupId=f"group{number % 3}")
    client(server, "lambda").create_event_source_mapping(
        FunctionName="function", EventSourceArn="arn:aws:sqs:us-east-1:111122223333:source.fifo", BatchSize=5
    )
    found = seen(server, url, 10)
    killed(server)
    found += seen(server, url, 60 - len({each["n"] for each in found}))
    numbers = list(dict.fromkeys(each["n"] for each in found))
    assert set(numbers) == set(range(60))
    for group in range(3):
        assert [n for n in numbers if n % 3 == group] == list(range(group, 60, 3))


DURABLE = """
import boto3, json
from aws_durable_execution_sdk_python import durable_execution
from aws_durable_execution_sdk_python.config import Duration

def note(url, what):
    boto3.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps([what]), MessageGroupId="all")
    return what

@durable_execution
def handler(event, context):
    total = 0
    for number in range(6):
        total += context.step(lambda _: note(event["url"], number), name=f"step-{number}")
        context.wait(Duration.from_seconds(1), name=f"wait-{number}")
    return total
"""


def test_an_execution_goes_on_where_it_was_though_the_cloud_is_killed_meanwhile(server: Process) -> None:
    from tests.clients.test_lambda_libraries import RUNTIME, brought

    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    url = client(server, "sqs").create_queue(QueueName="seen.fifo", Attributes=attributes)["QueueUrl"]
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in {"app.py": DURABLE.encode(), **brought("aws-durable-execution-sdk-python")}.items():
            archive.writestr(name, content)
    client(server, "lambda").create_function(
        FunctionName="function",
        Runtime=RUNTIME,
        Handler="app.handler",
        Timeout=20,
        Role="arn:aws:iam::111122223333:role/functions",
        Code={"ZipFile": data.getvalue()},
        DurableConfig={"ExecutionTimeout": 3600, "RetentionPeriodInDays": 1},
    )
    arn = client(server, "lambda").invoke(
        FunctionName="function", Qualifier="$LATEST", InvocationType="Event", Payload=json.dumps({"url": url})
    )["DurableExecutionArn"]
    for enough in (2, 2):
        seen(server, url, enough)
        killed(server)
    until = time.monotonic() + 30
    found = client(server, "lambda").get_durable_execution(DurableExecutionArn=arn)
    while found["Status"] == "RUNNING" and time.monotonic() < until:
        time.sleep(0.2)
        found = client(server, "lambda").get_durable_execution(DurableExecutionArn=arn)
    assert (found["Status"], found["Result"]) == ("SUCCEEDED", "15")
    events = client(server, "lambda").get_durable_execution_history(DurableExecutionArn=arn)["Events"]
    assert [event["EventType"] for event in events].count("StepSucceeded") == 6
