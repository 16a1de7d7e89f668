"""Metrics of queues ("Available CloudWatch metrics for Amazon SQS").

How much waits is told for some minutes after a queue was last used; AWS goes on for six hours. Left out: messages from
fair queues, and of FIFO queues' groups.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pileus.kernel import Call
from pileus.kernel.meters import Dimensions, Tally

from . import sqs
from .depths import NEVER, Depth
from .queues import Queue

NAMESPACE = "AWS/SQS"
Members = dict[str, Any]


@lru_cache(maxsize=4096)
def place(url: str) -> tuple[str, Dimensions]:
    """Whose queue it is, and its dimensions."""
    _, account, name = url.rsplit("/", 2)
    return account, (("QueueName", name),)


def tally(call: Call, request: Members) -> Tally:
    account, dimensions = place(request["QueueUrl"])
    return call.cloud.meters.tally(account, call.region, NAMESPACE, dimensions, waiting)


def count(held: Tally, message: Members) -> None:
    """Count a message that was sent."""
    size = len(message["MessageBody"].encode())
    if attributes := message.get("MessageAttributes"):
        for name, one in attributes.items():
            value = one.get("BinaryValue") or one.get("StringValue", "")
            size += len(name) + len(one["DataType"]) + len(value)
    held.add("NumberOfMessagesSent")
    held.add("SentMessageSize", size, "Bytes")


@sqs.meter("SendMessage")
def sent(call: Call, request: Members, result: Members) -> None:
    count(tally(call, request), request)


@sqs.meter("SendMessageBatch")
def sent_some(call: Call, request: Members, result: Members) -> None:
    taken = {one["Id"] for one in result.get("Successful", ())}
    for entry in request["Entries"]:
        if entry["Id"] in taken:
            count(tally(call, request), entry)


@sqs.meter("ReceiveMessage")
def received(call: Call, request: Members, result: Members) -> None:
    if found := result.get("Messages"):
        tally(call, request).add("NumberOfMessagesReceived", len(found))
    else:
        tally(call, request).add("NumberOfEmptyReceives")


@sqs.meter("DeleteMessage")
def deleted(call: Call, request: Members, result: Members | None) -> None:
    tally(call, request).add("NumberOfMessagesDeleted")


@sqs.meter("DeleteMessageBatch")
def deleted_some(call: Call, request: Members, result: Members) -> None:
    if taken := result.get("Successful"):
        tally(call, request).add("NumberOfMessagesDeleted", len(taken))


def waiting(call: Call, dimensions: Dimensions) -> list[tuple[str, float, str]]:
    """How much a queue holds, and since when."""
    queue = Queue.get(call, dimensions[0][1])
    depth = Depth.get(call, queue.name) if queue else None
    if depth is None:
        return []
    age = call.now - depth.oldest / 1000 if depth.visible > 0 and depth.oldest != NEVER else 0.0
    return [
        ("ApproximateNumberOfMessagesVisible", float(max(0, depth.visible)), "Count"),
        ("ApproximateNumberOfMessagesNotVisible", float(depth.in_flight), "Count"),
        ("ApproximateNumberOfMessagesDelayed", float(depth.delayed), "Count"),
        ("ApproximateAgeOfOldestMessage", max(age, 0.0), "Seconds"),
    ]
