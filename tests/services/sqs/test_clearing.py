"""What is left in the store when queues are gone: nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from pileus.kernel.store.keys import pack, prefix_range, unpack


@pytest.fixture
def rows(cloud: Any, aws: Any) -> Callable[[], int]:
    """How many rows the store has of the test's account, beside what tells who did what, and how much."""
    start, end = prefix_range(pack((aws.id,)))

    def count() -> int:
        rows = cloud.server.cloud.store.scan(start, end)
        return sum(not unpack(key)[2].startswith(("pileus.Trail", "cloudwatch.")) for key, _ in rows)

    return lambda: int(cloud.do(count))


def test_a_deleted_queue_leaves_nothing_behind(aws: Any, clock: Any, rows: Any) -> None:
    sqs = aws.client("sqs")
    before = rows()
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    url = sqs.create_queue(QueueName="work", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    for number in range(8):
        sqs.send_message(QueueUrl=url, MessageBody="x" * 20_000 if number % 2 else "x", DelaySeconds=number % 3)
    held = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=2)["Messages"]
    for message in held:
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=60)
    clock.advance(60)
    sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    sqs.start_message_move_task(SourceArn=arn, MaxNumberOfMessagesPerSecond=1)
    assert rows() > before
    for queue in (url, dead):
        sqs.delete_queue(QueueUrl=queue)
    clock.advance(60)
    assert rows() == before


def test_a_deleted_fifo_queue_is_forgotten_after_a_while(aws: Any, clock: Any, rows: Any) -> None:
    sqs = aws.client("sqs")
    before = rows()
    given = {"FifoQueue": "true", "ContentBasedDeduplication": "true", "DelaySeconds": "1"}
    url = sqs.create_queue(QueueName="q.fifo", Attributes=given)["QueueUrl"]
    for number in range(20):
        sqs.send_message(QueueUrl=url, MessageBody=str(number), MessageGroupId=str(number % 3))
    clock.advance(1)
    sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=5, ReceiveRequestAttemptId="try")
    sqs.send_message(QueueUrl=url, MessageBody="late", MessageGroupId="g")
    sqs.delete_queue(QueueUrl=url)
    clock.advance(900)
    assert rows() == before


def test_a_purged_box_is_emptied_piece_by_piece(aws: Any, clock: Any, rows: Any) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="many")["QueueUrl"]
    before = rows()
    for _ in range(150):
        sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(n), "MessageBody": "x"} for n in range(10)])
    sqs.purge_queue(QueueUrl=url)
    clock.advance(0)
    assert rows() == before


def test_received_and_deleted_messages_leave_nothing_behind(aws: Any, clock: Any, rows: Any) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    before = rows()
    for body in ("x", "x" * 100_000):
        sqs.send_message(QueueUrl=url, MessageBody=body)
        [message] = sqs.receive_message(QueueUrl=url)["Messages"]
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=100)
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert rows() == before
