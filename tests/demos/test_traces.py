"""A request followed through everything that it led to, with AWS's own X-Ray SDK in the program that begins it."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Iterator
from typing import Any

import boto3
import botocore.client
import botocore.endpoint
import pytest

import pileus

SOURCE = """
def handler(event, context):
    return [record["body"] for record in event["Records"]]
"""


@pytest.fixture
def cloud() -> Iterator[pileus.LocalCloud]:
    with pileus.cloud(listen={"xray": 0}, sockets=True) as cloud:
        yield cloud


@pytest.fixture
def recorder() -> Iterator[Any]:
    """The SDK's recorder, which sees all that botocore calls while the test runs."""
    core, util = pytest.importorskip("aws_xray_sdk.core"), pytest.importorskip("aws_xray_sdk.ext.util")
    core.patch(["botocore"])
    yield core.xray_recorder
    core.xray_recorder.clear_trace_entities()
    util.unwrap(botocore.client.BaseClient, "_make_api_call")
    util.unwrap(botocore.endpoint.Endpoint, "prepare_request")
    del botocore.client._xray_enabled
    core.patcher._PATCHED_MODULES.discard("botocore")


def test_a_trace_goes_through_topic_queue_and_function(cloud: pileus.LocalCloud, recorder: Any) -> None:
    """The program, the topic, the queue and the function are one graph, though nobody told it of the others."""
    port = cloud.server.ports["xray"].port
    recorder.configure(
        service="shop", daemon_address=f"127.0.0.1:{port}", sampling=False, context_missing="IGNORE_ERROR"
    )
    client = {name: boto3.client(name, **cloud.client_kwargs()) for name in ("sns", "sqs", "lambda", "xray")}
    sns, sqs, functions, xray = client.values()
    topic = sns.create_topic(Name="orders", Attributes={"TracingConfig": "Active"})["TopicArn"]
    url = sqs.create_queue(QueueName="bills")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = {"Version": "2012-10-17", "Statement": [allow | {"Resource": arn}]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", SOURCE)
    functions.create_function(
        FunctionName="bill",
        Runtime="python3.11",
        Handler="app.handler",
        Role="arn:aws:iam::000000000000:role/functions",
        Code={"ZipFile": code.getvalue()},
        TracingConfig={"Mode": "Active"},
    )
    functions.create_event_source_mapping(FunctionName="bill", EventSourceArn=arn)

    segment = recorder.begin_segment("shop", sampling=1)
    segment.put_http_meta("url", "https://shop.example.com/order")
    sns.publish(TopicArn=topic, Message="one book")
    recorder.end_segment()

    def found() -> list[dict[str, Any]]:
        traces = xray.batch_get_traces(TraceIds=[segment.trace_id])["Traces"]
        return [json.loads(one["Document"]) for trace in traces for one in trace["Segments"]]

    end = time.monotonic() + 30
    while len(found()) < 4:
        assert time.monotonic() < end, found()
        time.sleep(0.05)
    origins = [one.get("origin", one["name"]) for one in sorted(found(), key=lambda one: one["start_time"])]
    assert sorted(origins) == ["AWS::Lambda", "AWS::Lambda::Function", "AWS::SNS", "shop"]
    (summary,) = xray.get_trace_summaries(
        StartTime=cloud.clock.now() - 600, EndTime=cloud.clock.now() + 60, FilterExpression='service("bill")'
    )["TraceSummaries"]
    assert (summary["Id"], summary["EntryPoint"]["Name"]) == (segment.trace_id, "shop")
    graph = xray.get_service_graph(StartTime=cloud.clock.now() - 600, EndTime=cloud.clock.now() + 60)["Services"]
    names = {one["ReferenceId"]: one["Name"].rpartition("/")[2] for one in graph}
    edges = {(names[one["ReferenceId"]], names[edge["ReferenceId"]]) for one in graph for edge in one["Edges"]}
    assert edges >= {("shop", "orders"), ("orders", "bills"), ("bills", "bill")}
