"""FIFO topics: order, deduplication, archive and replay."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from pileus.testing.local import CloudClock


def publish(sns: Any, arn: str, message: str, group: str = "g", **members: str) -> dict[str, Any]:
    return dict(sns.publish(TopicArn=arn, Message=message, MessageGroupId=group, **members))


def test_messages_come_in_order_numbered_and_each_once(sns: Any, topic: Any, queue: Any, clock: CloudClock) -> None:
    arn, heard = topic("t.fifo"), queue("q.fifo")
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=heard.arn)
    numbers = [publish(sns, arn, str(n), MessageDeduplicationId=str(n))["SequenceNumber"] for n in range(20)]
    assert numbers == sorted(numbers)
    again = publish(sns, arn, "anything", MessageDeduplicationId="3")
    assert again["SequenceNumber"] == numbers[3]
    messages = heard.messages()
    notices = [json.loads(message["Body"]) for message in messages]
    assert [notice["Message"] for notice in notices] == [str(n) for n in range(20)]
    assert [notice["SequenceNumber"] for notice in notices] == numbers
    assert {message["Attributes"]["MessageGroupId"] for message in messages} == {"g"}
    clock.advance(301)
    assert publish(sns, arn, "later", MessageDeduplicationId="3")["SequenceNumber"] > numbers[-1]
    assert [notice["Message"] for notice in heard.notices()] == ["later"]


def test_what_is_the_same_may_be_told_by_the_content(sns: Any, topic: Any, queue: Any, clock: CloudClock) -> None:
    arn, heard = topic("t.fifo", ContentBasedDeduplication="true"), queue("q.fifo")
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=heard.arn, Attributes={"RawMessageDelivery": "true"})
    for message in ("a", "b", "a"):
        publish(sns, arn, message)
    publish(sns, arn, "a", group="other")
    assert heard.bodies() == ["a", "b"]
    sns.set_topic_attributes(TopicArn=arn, AttributeName="FifoThroughputScope", AttributeValue="MessageGroup")
    clock.advance(301)
    for group in ("one", "two", "one"):
        publish(sns, arn, "c", group=group)
    # The queue deduplicates by itself, over all groups: only a queue with its scope set likewise would get both.
    assert heard.bodies() == ["c"]


def test_standard_queues_may_listen_and_other_protocols_may_not(sns: Any, topic: Any, queue: Any, refused: Any) -> None:
    arn, heard = topic("t.fifo", ContentBasedDeduplication="true"), queue()
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=heard.arn, Attributes={"RawMessageDelivery": "true"})
    publish(sns, arn, "x")
    assert heard.bodies() == ["x"]
    with refused("InvalidParameter", "Invalid protocol type: lambda"):
        sns.subscribe(TopicArn=arn, Protocol="lambda", Endpoint="arn:aws:lambda:us-east-1:111122223333:function:f")
    with refused("InvalidParameter", "FIFO SQS Queues can not be subscribed to standard SNS topics"):
        sns.subscribe(TopicArn=topic("plain"), Protocol="sqs", Endpoint=queue("q.fifo").arn)


def test_what_fifo_topics_want_of_publishers(sns: Any, topic: Any, refused: Any) -> None:
    arn = topic("t.fifo")
    with refused("InvalidParameter", "The MessageGroupId parameter is required for FIFO topics"):
        sns.publish(TopicArn=arn, Message="x", MessageDeduplicationId="1")
    with refused("InvalidParameter", "either have ContentBasedDeduplication enabled or MessageDeduplicationId"):
        publish(sns, arn, "x")


def test_groups_of_a_standard_topic_reach_standard_queues(sns: Any, topic: Any, queue: Any) -> None:
    arn, heard = topic(), queue()
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=heard.arn)
    publish(sns, arn, "x", group="tenant")
    (message,) = heard.messages()
    assert message["Attributes"]["MessageGroupId"] == "tenant"


def iso(instant: float) -> str:
    return datetime.fromtimestamp(instant, UTC).isoformat().replace("+00:00", "Z")


def test_a_replay_brings_back_the_archive_in_order_and_then_what_is_new(
    sns: Any, topic: Any, queue: Any, clock: CloudClock
) -> None:
    archive = json.dumps({"MessageRetentionPeriod": "30"})
    arn, heard = topic("t.fifo", ContentBasedDeduplication="true", ArchivePolicy=archive), queue("q.fifo")
    assert "BeginningArchiveTime" in sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    published = []
    for number in range(130):
        publish(sns, arn, str(number))
        published.append(str(number))
        if number in (9, 99):
            clock.advance(3600)
    start = clock.now() - 4000
    subscription = sns.subscribe(
        TopicArn=arn,
        Protocol="sqs",
        Endpoint=heard.arn,
        Attributes={
            "RawMessageDelivery": "true",
            "ReplayPolicy": json.dumps({"PointType": "Timestamp", "StartingPoint": iso(start)}),
        },
    )["SubscriptionArn"]
    publish(sns, arn, "new")
    clock.advance(1)
    publish(sns, arn, "newer")
    assert heard.bodies() == [*published[10:], "new", "newer"]
    assert sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]["ReplayStatus"] == "Completed"


def test_an_archive_forgets_after_its_retention(sns: Any, topic: Any, queue: Any, clock: CloudClock) -> None:
    archive = json.dumps({"MessageRetentionPeriod": "1"})
    arn, heard = topic("t.fifo", ContentBasedDeduplication="true", ArchivePolicy=archive), queue("q.fifo")
    start = clock.now()
    publish(sns, arn, "old")
    clock.advance(43_200)
    publish(sns, arn, "young")
    clock.advance(43_300)
    policy = json.dumps({"PointType": "Timestamp", "StartingPoint": iso(start)})
    raw = {"RawMessageDelivery": "true", "ReplayPolicy": policy}
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=heard.arn, Attributes=raw)
    clock.advance(1)
    assert heard.bodies() == ["young"]


def test_an_archive_ends_with_its_policy_and_its_topic_not_before(
    sns: Any, topic: Any, queue: Any, clock: CloudClock, refused: Any
) -> None:
    arn, heard = topic("t.fifo", ContentBasedDeduplication="true"), queue("q.fifo")
    start = clock.now()
    clock.advance(60)

    def archive(policy: Any) -> None:
        sns.set_topic_attributes(TopicArn=arn, AttributeName="ArchivePolicy", AttributeValue=json.dumps(policy))

    archive({"MessageRetentionPeriod": "7"})
    began = sns.get_topic_attributes(TopicArn=arn)["Attributes"]["BeginningArchiveTime"]
    assert datetime.fromisoformat(began).timestamp() == pytest.approx(start + 60, abs=1)
    publish(sns, arn, "old")
    with refused("InvalidState", "Cannot delete a topic with an ArchivePolicy"):
        sns.delete_topic(TopicArn=arn)
    archive({})
    clock.advance(60)
    assert "BeginningArchiveTime" not in sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    archive({"MessageRetentionPeriod": "7"})
    publish(sns, arn, "new")
    policy = json.dumps({"PointType": "Timestamp", "StartingPoint": iso(start)})
    raw = {"RawMessageDelivery": "true", "ReplayPolicy": policy}
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=heard.arn, Attributes=raw)
    clock.advance(1)
    assert heard.bodies() == ["new"]
    archive({})
    sns.delete_topic(TopicArn=arn)
    with refused("NotFound"):
        sns.get_topic_attributes(TopicArn=arn)
