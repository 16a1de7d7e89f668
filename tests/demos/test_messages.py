"""What ties services together, played through: fan-out with dead letters, a hub of buses, functions that are called."""

from __future__ import annotations

import io
import json
import threading
import time
import zipfile
from typing import Any

from pileus import LocalCloud
from pileus.testing.account import Account


def queue(account: Account, name: str, service: str, **attributes: str) -> tuple[str, str]:
    """A queue that a service may send to: its URL and ARN."""
    sqs = account.client("sqs")
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    return url, arn


def bodies(account: Account, url: str) -> list[str]:
    sqs, found = account.client("sqs"), []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += [message["Body"] for message in messages]
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


def test_one_upload_fans_out_to_several_jobs_and_nothing_is_lost(aws: Account, cloud: LocalCloud) -> None:
    """A publisher sends once, subscribers get identical copies; what cannot be delivered is kept aside."""
    sns, sqs = aws.client("sns"), aws.client("sqs")
    topic = sns.create_topic(Name="uploads")["TopicArn"]
    dead_url, dead = queue(aws, "undelivered", "sns.amazonaws.com")
    queues = {}
    for size in ("480p", "720p", "1080p"):
        url, arn = queue(aws, size, "sns.amazonaws.com")
        attributes = {"RawMessageDelivery": "true", "RedrivePolicy": json.dumps({"deadLetterTargetArn": dead})}
        if size == "1080p":
            attributes["FilterPolicy"] = json.dumps({"quality": ["high"]})
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=attributes)
        queues[size] = url
    high = {"quality": {"DataType": "String", "StringValue": "high"}}
    sns.publish(TopicArn=topic, Message="cat.mov")
    sns.publish(TopicArn=topic, Message="dog.mov", MessageAttributes=high)
    assert {size: bodies(aws, url) for size, url in queues.items()} == {
        "480p": ["cat.mov", "dog.mov"],
        "720p": ["cat.mov", "dog.mov"],
        "1080p": ["dog.mov"],
    }
    sqs.delete_queue(QueueUrl=queues["720p"])
    sns.publish(TopicArn=topic, Message="owl.mov")
    assert bodies(aws, dead_url) == ["owl.mov"]
    assert bodies(aws, queues["480p"])[-1] == "owl.mov"


def test_accounts_send_their_events_to_one_hub(aws: Account, cloud: LocalCloud) -> None:
    """Buses of several accounts forward to the bus of one, which sees everything and decides what matters."""
    hub = aws.client("events")
    bus = hub.create_event_bus(Name="security")["EventBusArn"]
    url, arn = queue(aws, "findings", "events.amazonaws.com")
    pattern = {"detail": {"severity": [{"numeric": [">=", 7]}]}}
    hub.put_rule(Name="severe", EventBusName="security", EventPattern=json.dumps(pattern))
    hub.put_targets(Rule="severe", EventBusName="security", Targets=[{"Id": "q", "Arn": arn}])
    spokes = [cloud.account() for _ in range(2)]
    for number, spoke in enumerate(spokes):
        hub.put_permission(
            EventBusName="security", StatementId=f"spoke{number}", Action="events:PutEvents", Principal=spoke.id
        )
        events = spoke.client("events")
        events.put_rule(Name="all", EventPattern='{"source": ["scanner"]}')
        events.put_targets(Rule="all", Targets=[{"Id": "hub", "Arn": bus}])
        for severity in (3, 9):
            detail = json.dumps({"severity": severity})
            events.put_events(Entries=[{"Source": "scanner", "DetailType": "Finding", "Detail": detail}])
    cloud.clock.advance(1)
    found = [json.loads(body) for body in bodies(aws, url)]
    assert {event["account"] for event in found} == {spoke.id for spoke in spokes}
    assert {event["detail"]["severity"] for event in found} == {9}


SOURCE = """
import json, os, urllib.request
import boto3

def handler(event, context):
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName="said")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(event))
    return "done"
"""


def function(aws: Account, name: str) -> str:
    """A function that puts what it is called with into the queue `said`."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("app.py", SOURCE)
    made = aws.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.11",
        Handler="app.handler",
        Role=f"arn:aws:iam::{aws.id}:role/functions",
        Timeout=30,
        Code={"ZipFile": package.getvalue()},
    )
    return str(made["FunctionArn"])


def let(aws: Account, name: str, service: str, source: str) -> None:
    aws.client("lambda").add_permission(
        FunctionName=name,
        StatementId=service.partition(".")[0],
        Action="lambda:InvokeFunction",
        Principal=service,
        SourceArn=source,
    )


def said(aws: Account, url: str, count: int) -> list[Any]:
    """So many of the things that functions said; they run in real time."""
    found: list[Any] = []
    end, pause = time.monotonic() + 60, threading.Event()
    while len(found) < count and time.monotonic() < end:
        found += [json.loads(body) for body in bodies(aws, url)]
        pause.wait(0.05)
    return found


def test_a_function_is_called_by_a_topic_a_rule_and_a_schedule(aws: Account, cloud: LocalCloud) -> None:
    """Each may call the function only because its policy says so."""
    url, _ = queue(aws, "said", "lambda.amazonaws.com")
    arn = function(aws, "tell")
    sns, events = aws.client("sns"), aws.client("events")
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    let(aws, "tell", "sns.amazonaws.com", topic)
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    sns.publish(TopicArn=topic, Message="fire", Subject="Alarm")
    (event,) = said(aws, url, 1)
    (record,) = event["Records"]
    assert (record["EventSource"], record["Sns"]["Message"], record["Sns"]["Subject"]) == ("aws:sns", "fire", "Alarm")

    rule = events.put_rule(Name="nightly", ScheduleExpression="cron(0 2 * * ? *)")["RuleArn"]
    events.put_targets(Rule="nightly", Targets=[{"Id": "f", "Arn": arn, "Input": '{"job": "backup"}'}])
    cloud.clock.advance(86_400)
    assert bodies(aws, url) == [], "the function has not said that EventBridge may call it"
    let(aws, "tell", "events.amazonaws.com", rule)
    cloud.clock.advance(86_400)
    assert said(aws, url, 1) == [{"job": "backup"}]
    events.disable_rule(Name="nightly")

    aws.client("scheduler").create_schedule(
        Name="soon",
        ScheduleExpression="rate(1 hour)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": arn, "RoleArn": f"arn:aws:iam::{aws.id}:role/schedules", "Input": '{"job": "report"}'},
    )
    cloud.clock.advance(1)
    assert said(aws, url, 1) == [{"job": "report"}]
    aws.client("scheduler").delete_schedule(Name="soon")


ENRICHES = """
def handler(event, context):
    return [{"order": one["body"], "checked": True} for one in event if one["body"] != "spam"]
"""


def test_a_pipe_has_a_function_look_at_what_it_carries(aws: Account, cloud: LocalCloud) -> None:
    """Source, enrichment, target, and nothing to write but the enrichment."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("app.py", ENRICHES)
    arn = aws.client("lambda").create_function(
        FunctionName="check",
        Runtime="python3.11",
        Handler="app.handler",
        Role=f"arn:aws:iam::{aws.id}:role/functions",
        Code={"ZipFile": package.getvalue()},
    )["FunctionArn"]
    url, source = queue(aws, "orders", "pipes.amazonaws.com")
    out, target = queue(aws, "checked", "pipes.amazonaws.com")
    aws.client("pipes").create_pipe(
        Name="orders",
        RoleArn=f"arn:aws:iam::{aws.id}:role/pipes",
        Source=source,
        Enrichment=arn,
        Target=target,
        TargetParameters={"InputTemplate": '{"order": <$.order>, "by": "<aws.pipes.pipe-name>"}'},
    )
    cloud.clock.advance(0.01)
    sqs = aws.client("sqs")
    for order in ("spam", "tea", "bread"):
        sqs.send_message(QueueUrl=url, MessageBody=order)
    found = said(aws, out, 2)
    assert sorted(one["order"] for one in found) == ["bread", "tea"]
    assert {one["by"] for one in found} == {"orders"}
    aws.client("pipes").delete_pipe(Name="orders")
