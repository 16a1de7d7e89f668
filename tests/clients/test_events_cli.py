"""Topics, events, schedules and pipes with the AWS CLI, as the shell's users type it."""

from __future__ import annotations

import json
import time

import pileus
from pileus.testing.account import Account

from .test_aws_cli import Cli, cli

__all__ = ["cli"]


def test_news_travels_from_a_bus_through_a_topic_into_a_queue(cli: Cli, aws: Account, cloud: pileus.LocalCloud) -> None:
    url = cli("sqs", "create-queue", "--queue-name", "heard")["QueueUrl"]
    queue = f"arn:aws:sqs:us-east-1:{aws.id}:heard"
    allow = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": queue}
    policy = json.dumps({"Policy": json.dumps({"Version": "2012-10-17", "Statement": [allow]})})
    cli("sqs", "set-queue-attributes", "--queue-url", url, "--attributes", policy)

    topic = cli("sns", "create-topic", "--name", "news", "--tags", "Key=team,Value=press")["TopicArn"]
    allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sns:Publish"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow | {"Resource": topic}]})
    cli("sns", "set-topic-attributes", "--topic-arn", topic, "--attribute-name", "Policy", "--attribute-value", policy)
    attributes = json.dumps({"RawMessageDelivery": "true", "FilterPolicyScope": "MessageBody", "FilterPolicy": "{}"})
    endpoint = ("--protocol", "sqs", "--notification-endpoint", queue, "--attributes", attributes)
    cli("sns", "subscribe", "--topic-arn", topic, *endpoint)
    assert len(cli("sns", "list-subscriptions")["Subscriptions"]) == 1

    pattern = json.dumps({"source": ["press"], "detail": {"kind": [{"prefix": "s"}]}})
    cli("events", "put-rule", "--name", "sport", "--event-pattern", pattern)
    cli("events", "put-targets", "--rule", "sport", "--targets", f"Id=t,Arn={topic},InputPath=$.detail.kind")
    for kind in ("sport", "politics"):
        entry = {"Source": "press", "DetailType": "News", "Detail": json.dumps({"kind": kind})}
        assert cli("events", "put-events", "--entries", json.dumps([entry]))["FailedEntryCount"] == 0
    event = {"id": "1", "account": aws.id, "source": "press", "time": "2027-01-01T00:00:00Z", "region": "us-east-1"}
    event |= {"resources": [], "detail-type": "News", "detail": {"kind": "sport"}}
    tried = cli("events", "test-event-pattern", "--event-pattern", pattern, "--event", json.dumps(event))
    assert tried == {"Result": True}
    cloud.clock.advance(0.01)
    (message,) = cli("sqs", "receive-message", "--queue-url", url)["Messages"]
    assert message["Body"] == '"sport"'


def test_a_schedule_fills_a_queue_and_a_pipe_empties_it(cli: Cli, aws: Account, cloud: pileus.LocalCloud) -> None:
    urls = {name: cli("sqs", "create-queue", "--queue-name", name)["QueueUrl"] for name in ("in", "out")}
    role = f"arn:aws:iam::{aws.id}:role/acts"
    arns = {name: f"arn:aws:sqs:us-east-1:{aws.id}:{name}" for name in urls}
    target = json.dumps({"Arn": arns["in"], "RoleArn": role, "Input": '{"n": 1}'})
    window = ("--flexible-time-window", "Mode=OFF")
    rate = ("--schedule-expression", "rate(1 day)")
    cli("scheduler", "create-schedule", "--name", "daily", *rate, *window, "--target", target)
    assert cli("scheduler", "get-schedule", "--name", "daily")["State"] == "ENABLED"
    template = json.dumps({"InputTemplate": '{"was": <$.body.n>}'})
    cli(
        "pipes", "create-pipe", "--name", "onward", "--role-arn", role, "--source", arns["in"], "--target", arns["out"],
        "--target-parameters", template,
    )  # fmt: skip
    cloud.clock.advance(0.01)
    assert cli("pipes", "describe-pipe", "--name", "onward")["CurrentState"] == "RUNNING"
    end = time.monotonic() + 20
    while not (answer := cli("sqs", "receive-message", "--queue-url", urls["out"])):
        assert time.monotonic() < end
    assert answer["Messages"][0]["Body"] == '{"was": 1}'
    cli("scheduler", "delete-schedule", "--name", "daily")
    cli("pipes", "delete-pipe", "--name", "onward")
