"""Targets of other kinds: logs, streams; and what topics tell the logs of their deliveries."""

from __future__ import annotations

import json
from typing import Any

from pileus.testing.local import CloudClock


def lines(logs: Any, group: str) -> list[str]:
    found = logs.filter_log_events(logGroupName=group)["events"]
    return [event["message"] for event in found]


def test_a_log_group_keeps_the_events(client: Any, rule: Any, put: Any, aws: Any, clock: CloudClock) -> None:
    logs = client("logs")
    logs.create_log_group(logGroupName="/aws/events/shop")
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": ["events.amazonaws.com", "delivery.logs.amazonaws.com"]},
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": f"arn:aws:logs:us-east-1:{aws.id}:log-group:/aws/events/*:*",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    logs.put_resource_policy(policyName="events", policyDocument=document)
    rule({"source": ["shop"]}, {"Arn": f"arn:aws:logs:us-east-1:{aws.id}:log-group:/aws/events/shop"})
    sent = put({"n": 1})
    clock.advance(1)
    assert [json.loads(line)["id"] for line in lines(logs, "/aws/events/shop")] == [sent]


def test_a_stream_gets_events_by_the_key_they_name(
    client: Any, rule: Any, put: Any, aws: Any, clock: CloudClock
) -> None:
    kinesis = client("kinesis")
    kinesis.create_stream(StreamName="s", ShardCount=1)
    clock.advance(60)
    arn = kinesis.describe_stream_summary(StreamName="s")["StreamDescriptionSummary"]["StreamARN"]
    role = f"arn:aws:iam::{aws.id}:role/streams"
    key = {"PartitionKeyPath": "$.detail.customer"}
    rule({"source": ["shop"]}, {"Arn": arn, "RoleArn": role, "KinesisParameters": key, "InputPath": "$.detail.n"})
    put({"customer": "c7", "n": 1})
    clock.advance(1)
    shard = kinesis.list_shards(StreamARN=arn)["Shards"][0]["ShardId"]
    iterator = kinesis.get_shard_iterator(StreamARN=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    (record,) = kinesis.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
    assert (record["PartitionKey"], record["Data"]) == ("c7", b"1")


def test_topics_tell_the_logs_how_deliveries_ended(client: Any, queue: Any, aws: Any, clock: CloudClock) -> None:
    sns, logs, sqs = client("sns"), client("logs"), client("sqs")
    role = f"arn:aws:iam::{aws.id}:role/feedback"
    attributes = {"SQSSuccessFeedbackRoleArn": role, "SQSFailureFeedbackRoleArn": role}
    topic = sns.create_topic(Name="t", Attributes=attributes)["TopicArn"]
    good, bad = queue(), queue()
    allow = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": good.arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    sqs.set_queue_attributes(QueueUrl=good.url, Attributes={"Policy": policy})
    sqs.set_queue_attributes(QueueUrl=bad.url, Attributes={"Policy": ""})
    for one in (good, bad):
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=one.arn)
    sent = sns.publish(TopicArn=topic, Message="x")["MessageId"]
    clock.advance(1)
    group = f"sns/us-east-1/{aws.id}/t"
    for name, endpoint, status in ((group, good.arn, "SUCCESS"), (f"{group}/Failure", bad.arn, "FAILURE")):
        (line,) = lines(logs, name)
        told = json.loads(line)
        assert (told["notification"]["messageId"], told["status"]) == (sent, status)
        assert told["delivery"]["destination"] == endpoint


def test_rules_act_on_instances_and_volumes(
    client: Any, rule: Any, put: Any, aws: Any, clock: CloudClock, refused: Any
) -> None:
    """EventBridge's own targets: what they are about is the input, by its id or ARN."""
    ec2 = client("ec2")
    volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
    clock.advance(5)
    own = f"arn:aws:events:us-east-1:{aws.id}:target"
    role = f"arn:aws:iam::{aws.id}:role/acts"
    with refused("ValidationException", "RoleArn is required"):
        rule({"source": ["shop"]}, {"Arn": f"{own}/create-snapshot", "Input": json.dumps(volume)})
    rule(
        {"source": ["shop"]},
        {"Arn": f"{own}/create-snapshot", "RoleArn": role, "InputPath": "$.detail.volume"},
    )
    put({"volume": f"arn:aws:ec2:us-east-1:{aws.id}:volume/{volume}"})
    clock.advance(5)
    (snapshot,) = ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]
    assert snapshot["VolumeId"] == volume
