"""The attributes of a queue: those that are set, and those that tell how it is."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault

from . import faults, fifo, lines, settings, sqs
from .depths import Depth
from .queues import Queue

FACTS = {
    "QueueArn",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
}


@sqs.operation(on=Queue.by_url)
def set_queue_attributes(call: Call, queue: Queue, attributes: dict[str, str]) -> None:
    """Change some attributes; an empty Policy, RedrivePolicy, RedriveAllowPolicy or KmsMasterKeyId is taken away."""
    changes = settings.checked(attributes, fifo=queue.fifo)
    if changes.get("FifoQueue") == "false":
        message = "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported."
        raise Fault("InvalidAttributeValue", message)
    before = queue.number("DelaySeconds")
    queue.configure(call, changes)
    queue.put(call)
    if queue.fifo and (longer := queue.number("DelaySeconds") - before):
        depth = lines.caught_up(call, queue)
        fifo.redelay(call, depth, longer)
        depth.put(call)


@sqs.operation(on=Queue.by_url)
def get_queue_attributes(call: Call, queue: Queue, attribute_names: list[str] = []) -> dict[str, Any]:
    """The attributes asked for. The numbers of messages, approximate on AWS, are exact here."""
    for name in attribute_names:
        if name not in FACTS and name not in settings.SETTINGS and name != "All":
            raise faults.unknown_attribute(name)
    if not attribute_names:
        return {}
    everything = queue.attributes | facts(call, queue)
    if "All" not in attribute_names:
        everything = {name: everything[name] for name in attribute_names if name in everything}
    return {"Attributes": everything} if everything else {}


def facts(call: Call, queue: Queue) -> dict[str, str]:
    depth: Depth = lines.caught_up(call, queue, 10 * lines.PIECE)
    # On a FIFO queue a message that outlives its retention while delayed is gone before it ceases to count as delayed.
    return {
        "QueueArn": queue.arn(call),
        "CreatedTimestamp": str(int(queue.created)),
        "LastModifiedTimestamp": str(int(queue.modified)),
        "ApproximateNumberOfMessages": str(max(0, depth.visible)),
        "ApproximateNumberOfMessagesDelayed": str(depth.delayed),
        "ApproximateNumberOfMessagesNotVisible": str(depth.in_flight),
    }
