"""The study notes' account of SQS, played through."""

from __future__ import annotations

import json
import threading
from typing import Any

from pileus import LocalCloud
from pileus.testing.account import Account


def bodies(answer: dict[str, Any]) -> list[str]:
    return [message["Body"] for message in answer.get("Messages", [])]


def test_a_worker_is_lost_and_another_one_finishes_its_job(aws: Account, cloud: LocalCloud) -> None:
    """If an instance that consumes a message is lost, the message becomes available again: nothing is lost."""
    sqs = aws.client("sqs")
    queue = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="resize the picture")
    assert bodies(sqs.receive_message(QueueUrl=queue)) == ["resize the picture"]  # the first worker, which then dies
    assert bodies(sqs.receive_message(QueueUrl=queue)) == []
    cloud.clock.advance(30)
    (job,) = sqs.receive_message(QueueUrl=queue, MessageSystemAttributeNames=["ApproximateReceiveCount"])["Messages"]
    assert job["Attributes"]["ApproximateReceiveCount"] == "2"
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=job["ReceiptHandle"])
    cloud.clock.advance(3600)
    assert bodies(sqs.receive_message(QueueUrl=queue)) == []


def test_a_visibility_timeout_that_is_too_short_delivers_twice(aws: Account, cloud: LocalCloud) -> None:
    """A message of a FIFO queue is delivered twice when the job takes longer than its visibility timeout."""
    sqs = aws.client("sqs")
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true", "VisibilityTimeout": "10"}
    queue = sqs.create_queue(QueueName="orders.fifo", Attributes=attributes)["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="order 1", MessageGroupId="customer")
    assert bodies(sqs.receive_message(QueueUrl=queue)) == ["order 1"]
    cloud.clock.advance(10)
    assert bodies(sqs.receive_message(QueueUrl=queue)) == ["order 1"]


def test_a_poisonous_message_ends_in_the_dead_letter_queue(aws: Account, cloud: LocalCloud) -> None:
    """Each reappearance adds to the receive count; above maxReceiveCount the message is moved to the dead letters."""
    sqs = aws.client("sqs")
    dead = sqs.create_queue(QueueName="problems")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})
    queue = sqs.create_queue(QueueName="work", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="poison")
    for _ in range(5):
        assert bodies(sqs.receive_message(QueueUrl=queue)) == ["poison"]
        cloud.clock.advance(30)
    assert bodies(sqs.receive_message(QueueUrl=queue)) == []
    assert bodies(sqs.receive_message(QueueUrl=dead)) == ["poison"]


def test_a_delay_queue_hides_messages_at_first(aws: Account, cloud: LocalCloud) -> None:
    """Messages of a delay queue begin invisible; that is not the visibility timeout, which begins with a receive."""
    sqs = aws.client("sqs")
    queue = sqs.create_queue(QueueName="later", Attributes={"DelaySeconds": "60"})["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="a confirmation")
    assert bodies(sqs.receive_message(QueueUrl=queue)) == []
    cloud.clock.advance(60)
    assert bodies(sqs.receive_message(QueueUrl=queue)) == ["a confirmation"]


def test_a_long_poll_of_a_queue_that_is_mostly_empty_is_one_request(aws: Account, cloud: LocalCloud) -> None:
    """Short polling returns at once though the queue is empty; long polling returns when a message arrives."""
    sqs = aws.client("sqs")
    queue = sqs.create_queue(QueueName="quiet")["QueueUrl"]
    assert bodies(sqs.receive_message(QueueUrl=queue)) == []
    received: list[str] = []

    def poll() -> None:
        received.extend(bodies(aws.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=20)))

    waiting = threading.Thread(target=poll)
    waiting.start()
    aws.client("sqs").send_message(QueueUrl=queue, MessageBody="at last")
    waiting.join(15)
    assert received == ["at last"]


def test_a_fifo_queue_keeps_the_order_and_drops_duplicates(aws: Account) -> None:
    sqs = aws.client("sqs")
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    queue = sqs.create_queue(QueueName="steps.fifo", Attributes=attributes)["QueueUrl"]
    for body in ("one", "two", "two", "three", "one"):
        sqs.send_message(QueueUrl=queue, MessageBody=body, MessageGroupId="g")
    assert bodies(sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)) == ["one", "two", "three"]


def test_messages_are_kept_for_four_days_unless_the_queue_says_otherwise(aws: Account, cloud: LocalCloud) -> None:
    """Retention is from one minute to fourteen days, by default four days."""
    sqs = aws.client("sqs")
    usual = sqs.create_queue(QueueName="usual")["QueueUrl"]
    long = sqs.create_queue(QueueName="long", Attributes={"MessageRetentionPeriod": str(14 * 86400)})["QueueUrl"]
    for queue in (usual, long):
        sqs.send_message(QueueUrl=queue, MessageBody="keep me")
    cloud.clock.advance(4 * 86400 + 1)
    assert bodies(sqs.receive_message(QueueUrl=usual)) == []
    assert bodies(sqs.receive_message(QueueUrl=long)) == ["keep me"]
