"""Queues: each delivers the records of a stream on demand one by one, until somebody acknowledges them.

A queue keeps no records of its own: only how far it has come in each shard, and what has been received and not yet been
acknowledged (`deliveries`). So what the stream keeps no longer, its queues do not deliver either.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record, names

from . import consumers, dependents, faults, kinesis, positions
from .dependents import MOST_LISTED
from .retention import horizon
from .streams import Members, Stream, active, own

VISIBILITY = 30
MOST_RECEIVES = 6
BUILT_IN = "BUILT_IN"


class Queue(Record, arn="queue/{name}", indexes={"by_stream": ("stream",)}, kw_only=True):
    """A queue of a stream."""

    name: str
    box: str
    """Where its deliveries lie."""
    stream: str
    stream_box: str
    stream_created: float
    created: float
    starting: Members
    """StartingPosition, as it was asked for."""
    since: float
    """Records that have arrived before are not delivered."""
    status: str = "CREATING"
    visibility: int = VISIBILITY
    most: int = MOST_RECEIVES
    """After so many receipts a record is a dead letter; 0 where none ever is."""
    tags: dict[str, str] = {}


def of_arn(call: Call, queue_arn: str) -> Queue:
    found = Queue.get(call, queue_arn.split("/", 1)[1])
    if found is None or queue_arn.split(":")[3] != call.region:
        raise Fault("ResourceNotFoundException", f"Queue {queue_arn} under account {call.account} not found.")
    return found


@kinesis.operation
def create_queue(
    call: Call,
    queue_name: str,
    stream_configuration_list: list[Members],
    queue_attributes: Members = {},
    tags: dict[str, str] = {},
) -> dict[str, Any]:
    """Make a queue of a stream, which delivers a moment later."""
    from .tags import checked

    if len(stream_configuration_list) != 1:
        raise faults.validation("StreamConfigurationList must contain exactly one entry.")
    (given,) = stream_configuration_list
    stream = own(call, given["StreamARN"])
    active(call, stream)
    if stream.mode != "ON_DEMAND":
        raise faults.validation("Queues are only supported for streams with StreamMode ON_DEMAND.")
    if Queue.get(call, queue_name):
        message = f"Queue {queue_name} under account {call.account} already exists."
        raise Fault("ResourceInUseException", message)
    consumers.register(call, stream)
    starting = given.get("StartingPosition", {"Type": "LATEST"})
    queue = Queue(
        name=queue_name,
        box=names.token(8),
        stream=stream.name,
        stream_box=stream.box,
        stream_created=stream.created,
        created=call.now,
        starting=starting,
        since=beginning(call, stream, starting),
        tags=checked(tags),
    )
    configure(queue, queue_attributes)
    queue.put(call)
    arrange.later(call, name=queue.name, box=queue.box)
    return {"QueueDescription": described(call, queue)}


def beginning(call: Call, stream: Stream, starting: Members) -> float:
    kind, at = starting["Type"], starting.get("Timestamp")
    if (kind == "AT_TIMESTAMP") != (at is not None):
        raise faults.validation("Timestamp must be specified if, and only if, the type is AT_TIMESTAMP.")
    oldest = max(positions.time_of(horizon(call, stream)), stream.created)
    if kind == "LATEST":
        return call.now
    return max(oldest, float(at)) if at is not None else oldest


def configure(queue: Queue, attributes: Members) -> None:
    """Take over attributes; those that are not given stay what they are."""
    queue.visibility = attributes.get("VisibilityTimeoutSeconds", queue.visibility)
    if handling := attributes.get("DeadLetterConfiguration"):
        most = handling.get("MaxReceiveCount", 0)
        if (handling["TargetType"] == BUILT_IN) != bool(most):
            raise faults.validation("MaxReceiveCount must be specified if, and only if, TargetType is BUILT_IN.")
        queue.most = most


@kinesis.task
def arrange(call: Call, name: str, box: str) -> None:
    """The queue can be used, or is gone."""
    queue = Queue.get(call, name)
    if queue is None or queue.box != box:
        return
    if queue.status != "DELETING":
        queue.status = "ACTIVE"
        queue.put(call)
        return
    queue.delete(call)
    clear.later(call, box=box)
    stream = Stream.get(call, queue.stream)
    if stream is not None and stream.box == queue.stream_box:
        stream.registered -= 1
        stream.put(call)


@kinesis.task
def clear(call: Call, box: str) -> None:
    """Forget what a queue that is gone was delivering, some at a time."""
    from .deliveries import AT_ONCE, Cursor, Delivery, Due

    Cursor.delete_all(call, box)
    removed = [kind.delete_all(call, box, limit=AT_ONCE) for kind in (Delivery, Due)]
    if max(removed) == AT_ONCE:
        clear.later(call, box=box)


def described(call: Call, queue: Queue) -> Members:
    position = dict(queue.starting)
    if queue.status != "CREATING":
        position["Timestamp"] = queue.since
    handling = {"TargetType": BUILT_IN, "MaxReceiveCount": queue.most} if queue.most else {"TargetType": "NONE"}
    return {
        "QueueName": queue.name,
        "QueueARN": queue.arn(call),
        "QueueStatus": queue.status,
        "QueueCreationTimestamp": queue.created,
        "StreamConfigurationList": [
            {"StreamARN": call.arn(f"stream/{queue.stream}"), "StartingPosition": position},
        ],
        "QueueAttributes": {"VisibilityTimeoutSeconds": queue.visibility, "DeadLetterConfiguration": handling},
    }


@kinesis.operation(on=of_arn)
def describe_queue(call: Call, queue: Queue) -> dict[str, Any]:
    """A queue, and how it is configured."""
    return {"QueueDescription": described(call, queue)}


@kinesis.operation(on=of_arn)
def update_queue(call: Call, queue: Queue, queue_attributes: Members) -> dict[str, Any]:
    """Configure a queue otherwise. What is in flight stays so for as long as it was received for."""
    if queue.status != "ACTIVE":
        message = f"Queue {queue.name} under account {call.account} not ACTIVE, instead in state {queue.status}"
        raise Fault("ResourceInUseException", message)
    configure(queue, queue_attributes)
    queue.status = "UPDATING"
    queue.put(call)
    arrange.later(call, name=queue.name, box=queue.box)
    return {"QueueDescription": described(call, queue)}


@kinesis.operation(on=of_arn)
def delete_queue(call: Call, queue: Queue) -> None:
    """Delete a queue. The records stay in the stream."""
    queue.status = "DELETING"
    queue.put(call)
    arrange.later(call, name=queue.name, box=queue.box)


@kinesis.operation
def list_queues(
    call: Call, max_results: int = MOST_LISTED, next_token: str = "", stream_filter: list[Members] = []
) -> dict[str, Any]:
    """The account's queues in this Region, or those of a stream."""
    page = dependents.page(call, Queue, stream_filter, max_results, next_token)
    told: Members = {"QueueSummaries": [summary(call, queue) for queue in page.items]}
    return told | ({"NextToken": page.token} if page.token else {})


def summary(call: Call, queue: Queue) -> Members:
    kept = ("QueueName", "QueueARN", "QueueStatus", "QueueCreationTimestamp")
    told = described(call, queue)
    stream = {"StreamARN": call.arn(f"stream/{queue.stream}"), "StreamCreationTimestamp": queue.stream_created}
    return {name: told[name] for name in kept} | {"Streams": [stream]}
