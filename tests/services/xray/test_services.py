"""Segments that services make themselves: a message through a topic and a queue to a function is one trace."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

import pileus
from pileus.testing.account import Account

Document = dict[str, Any]

SOURCE = """
import os

def handler(event, context):
    if isinstance(event, dict) and event.get("fail"):
        raise ValueError("no")
    return os.environ["_X_AMZN_TRACE_ID"]
"""


class Traced:
    """An account whose client traces what it calls, as the X-Ray SDK does."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.root = f"1-{int(account.cloud.clock.now()):08x}-{int(account.id):024x}"
        self.parent = "1" * 16
        self.xray = account.client("xray")

    def client(self, service: str, sampled: bool = True) -> Any:
        client = self.account.client(service)
        header = f"Root={self.root};Parent={self.parent};Sampled={int(sampled)}"

        def add(request: Any, **_: Any) -> None:
            if "X-Amzn-Trace-Id" in request.headers:
                del request.headers["X-Amzn-Trace-Id"]
            request.headers["X-Amzn-Trace-Id"] = header

        client.meta.events.register("before-sign", add)
        return client

    def function(self, name: str, mode: str = "Active") -> str:
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("app.py", SOURCE)
        made: str = self.account.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.11",
            Handler="app.handler",
            Role=f"arn:aws:iam::{self.account.id}:role/functions",
            Code={"ZipFile": code.getvalue()},
            TracingConfig={"Mode": mode},
        )["FunctionArn"]
        return made

    def segments(self, root: str = "") -> list[Document]:
        traces = self.xray.batch_get_traces(TraceIds=[root or self.root])["Traces"]
        return [json.loads(one["Document"]) for trace in traces for one in trace["Segments"]]

    def by_origin(self) -> dict[str, Document]:
        return {one.get("origin", ""): one for one in self.segments()}

    def until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < end, self.segments()
            time.sleep(0.05)


@pytest.fixture
def traced(aws: Account) -> Traced:
    return Traced(aws)


def test_an_invocation_has_two_segments(traced: Traced) -> None:
    function = traced.function("f")
    payload = json.load(traced.client("lambda").invoke(FunctionName="f")["Payload"])
    found = traced.by_origin()
    service, own = found["AWS::Lambda"], found["AWS::Lambda::Function"]
    assert (service["name"], service["parent_id"]) == ("f", traced.parent)
    assert (own["name"], own["parent_id"], own["resource_arn"]) == ("f", service["id"], function)
    assert payload.startswith(f"Root={traced.root};Parent={own['id']};Sampled=1")
    assert [one["name"] for one in own["subsegments"]] == ["Initialization", "Invocation", "Overhead"]
    invocation = own["subsegments"][1]
    assert own["start_time"] <= invocation["start_time"] <= invocation["end_time"] == own["end_time"]
    traced.client("lambda").invoke(FunctionName="f", Payload=b'{"fail": true}')
    (failed,) = [one for one in traced.segments() if one.get("fault")]
    assert failed["origin"] == "AWS::Lambda::Function"
    assert [one["name"] for one in failed["subsegments"]] == ["Invocation", "Overhead"]


def test_who_is_not_sampled_or_only_passes_through_sends_nothing(traced: Traced) -> None:
    traced.function("active")
    traced.function("quiet", "PassThrough")
    traced.client("lambda", sampled=False).invoke(FunctionName="active")
    told = json.load(traced.client("lambda").invoke(FunctionName="quiet")["Payload"])
    assert traced.segments() == []
    assert told.startswith(f"Root={traced.root};Parent={traced.parent};Sampled=1")


def test_a_function_that_nobody_traces_begins_a_trace(traced: Traced) -> None:
    traced.function("f")
    told = json.load(traced.account.client("lambda").invoke(FunctionName="f")["Payload"])
    root = told.partition(";")[0].removeprefix("Root=")
    service, own = sorted(traced.segments(root), key=lambda one: one["origin"])
    assert "parent_id" not in service
    assert own["parent_id"] == service["id"]


def test_a_message_is_one_trace_through_topic_queue_and_function(traced: Traced, cloud: pileus.LocalCloud) -> None:
    sns, sqs, functions = (traced.account.client(name) for name in ("sns", "sqs", "lambda"))
    topic = sns.create_topic(Name="t", Attributes={"TracingConfig": "Active"})["TopicArn"]
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    traced.function("behind")
    functions.create_event_source_mapping(FunctionName="behind", EventSourceArn=arn)
    direct = traced.function("direct")
    functions.add_permission(
        FunctionName="direct", StatementId="s", Action="lambda:InvokeFunction", Principal="sns.amazonaws.com"
    )
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=direct)
    traced.client("sns").publish(TopicArn=topic, Message="hello")
    traced.until(lambda: len(traced.segments()) == 5)
    found = traced.segments()
    (message,) = [one for one in found if one["origin"] == "AWS::SNS"]
    assert (message["name"], message["parent_id"], message["resource_arn"]) == ("t", traced.parent, topic)
    calls = {one["name"]: one["id"] for one in message["subsegments"]}
    parents = {one["name"]: one["parent_id"] for one in found if one["origin"] == "AWS::Lambda"}
    assert parents == {"behind": calls["SQS"], "direct": calls["Lambda"]}
    services = traced.xray.get_trace_graph(TraceIds=[traced.root])["Services"]
    ids = {one["ReferenceId"]: (one["Name"].rpartition("/")[2], one.get("Type")) for one in services}
    edges = {(ids[one["ReferenceId"]], ids[edge["ReferenceId"]]) for one in services for edge in one["Edges"]}
    queue = ("q", "AWS::SQS::Queue")
    assert edges >= {
        (("t", "AWS::SNS"), queue),
        (queue, ("behind", "AWS::Lambda")),
        (("behind", "AWS::Lambda"), ("behind", "AWS::Lambda::Function")),
        (("t", "AWS::SNS"), ("direct", "AWS::Lambda")),
    }


def test_an_event_hands_on_what_it_belongs_to(traced: Traced) -> None:
    events = traced.account.client("events")
    function = traced.function("f")
    events.put_rule(Name="r", EventPattern=json.dumps({"source": ["mine"]}))
    events.put_targets(Rule="r", Targets=[{"Id": "f", "Arn": function}])
    traced.account.client("lambda").add_permission(
        FunctionName="f", StatementId="s", Action="lambda:InvokeFunction", Principal="events.amazonaws.com"
    )
    entry = {"Source": "mine", "DetailType": "d", "Detail": "{}"}
    header = f"Root={traced.root};Parent={traced.parent};Sampled=1"
    events.put_events(Entries=[entry | {"TraceHeader": header}])
    traced.until(lambda: len(traced.segments()) == 2)
    assert traced.by_origin()["AWS::Lambda"]["parent_id"] == traced.parent
