"""Trace headers are passed on, and loops are found by them."""

from __future__ import annotations

import time

from .conftest import Functions
from .test_events import Box
from .test_queues import eventually


def test_a_function_knows_the_trace_that_it_belongs_to(functions: Functions) -> None:
    functions.create("import os\ndef handler(event, context): return os.environ['_X_AMZN_TRACE_ID']")
    told = functions.invoke().json
    assert told.startswith("Root=1-")
    assert "Sampled=0" in told
    header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    client = functions.client
    client.meta.events.register(
        "before-sign.lambda.Invoke", lambda request, **_: request.headers.add_header("X-Amzn-Trace-Id", header)
    )
    assert functions.invoke().json.startswith(header)


LOOP = """
    import boto3

    sqs = boto3.client("sqs")

    def handler(event, context):
        sqs.send_message(QueueUrl=ROUNDS, MessageBody="round")
        sqs.send_message(QueueUrl=LOOP, MessageBody="again")
"""


def test_a_loop_through_a_queue_ends_after_sixteen_rounds(functions: Functions) -> None:
    rounds, loop = Box(functions, "rounds"), Box(functions, "loop")
    functions.create(LOOP.replace("ROUNDS", repr(rounds.url)).replace("LOOP", repr(loop.url)))
    functions.client.create_event_source_mapping(FunctionName="function", EventSourceArn=loop.arn, BatchSize=1)
    loop.sqs.send_message(QueueUrl=loop.url, MessageBody="begin")
    seen: list[str] = []

    def over() -> bool:
        seen.extend(message["Body"] for message in rounds.take())
        return len(seen) >= 16

    assert eventually(over, 20)
    time.sleep(0.3)
    over()
    assert len(seen) == 16


def test_a_loop_may_be_allowed(functions: Functions) -> None:
    functions.create("")
    client = functions.client
    assert client.get_function_recursion_config(FunctionName="function")["RecursiveLoop"] == "Terminate"
    client.put_function_recursion_config(FunctionName="function", RecursiveLoop="Allow")
    assert client.get_function_recursion_config(FunctionName="function")["RecursiveLoop"] == "Allow"
