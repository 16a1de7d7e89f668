"""Consumers with enhanced fan-out: each has two megabytes a second of every shard for itself."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record, paging

from . import faults, kinesis
from .account import committed
from .streams import Members, Stream, active

MOST = 20
MOST_COMMITTED = 50
"""Of a stream on demand, where the account has committed itself to a minimum throughput."""
MOST_LISTED = 100


class Consumer(Record, key=("box", "name"), kw_only=True):
    """A registered consumer of a stream."""

    box: str
    name: str
    stream: str
    created: float
    status: str = "CREATING"
    tags: dict[str, str] = {}
    policy: str = ""

    def arn(self, call: Call) -> str:
        return call.arn(f"stream/{self.stream}/consumer/{self.name}:{int(self.created)}", "kinesis")

    def resource_policy(self, call: Call) -> str:
        return self.policy


def named(call: Call, consumer_arn: str = "", stream_arn: str = "", consumer_name: str = "") -> Consumer:
    """The consumer of an ARN, or of a name among those of a stream."""
    if consumer_arn:
        _, stream_name, _, label = consumer_arn.split(":", 5)[5].split("/")
        consumer_name, _, stamp = label.partition(":")
    elif stream_arn and consumer_name:
        stream_name, stamp = stream_arn.split("/")[1], ""
    else:
        raise faults.invalid("Either ConsumerARN, or StreamARN and ConsumerName must be provided.")
    stream = Stream.get(call, stream_name)
    consumer = Consumer.get(call, stream.box, consumer_name) if stream else None
    if consumer is None or (stamp and stamp != str(int(consumer.created))):
        what = consumer_arn or f"{stream_arn}/consumer/{consumer_name}"
        raise Fault("ResourceNotFoundException", f"Consumer {what} under account {call.account} not found.")
    return consumer


def described(call: Call, consumer: Consumer) -> Members:
    return {
        "ConsumerName": consumer.name,
        "ConsumerARN": consumer.arn(call),
        "ConsumerStatus": consumer.status,
        "ConsumerCreationTimestamp": consumer.created,
    }


@kinesis.operation(on=Stream.by_arn)
def register_stream_consumer(
    call: Call, stream: Stream, consumer_name: str, tags: dict[str, str] = {}
) -> dict[str, Any]:
    """Register a consumer, which can subscribe a moment later."""
    from .tags import checked

    active(call, stream)
    if Consumer.get(call, stream.box, consumer_name):
        raise Fault(
            "ResourceInUseException",
            f"Consumer {consumer_name} for stream {stream.arn(call)} under account {call.account} already exists.",
        )
    register(call, stream)
    consumer = Consumer(
        box=stream.box, name=consumer_name, stream=stream.name, created=call.now, tags=checked(tags)
    ).put(call)
    settle.later(call, box=stream.box, name=consumer_name)
    return {"Consumer": described(call, consumer)}


def register(call: Call, stream: Stream) -> None:
    """One more consumer, or queue, of a stream, which has only so many."""
    most = MOST_COMMITTED if stream.mode == "ON_DEMAND" and committed(call) else MOST
    if stream.registered >= most:
        raise Fault(
            "LimitExceededException",
            f"Stream {stream.name} under account {call.account} already has {most} registered consumers.",
        )
    stream.registered += 1
    stream.put(call)


@kinesis.task
def settle(call: Call, box: str, name: str) -> None:
    """A consumer can subscribe, or is gone."""
    consumer = Consumer.get(call, box, name)
    if consumer is None:
        return
    if consumer.status == "DELETING":
        consumer.delete(call)
        stream = Stream.get(call, consumer.stream)
        if stream is not None and stream.box == box:
            stream.registered -= 1
            stream.put(call)
        call.wake(("kinesis.consumer", box, name))
        return
    consumer.status = "ACTIVE"
    consumer.put(call)


@kinesis.operation(on=named)
def deregister_stream_consumer(call: Call, consumer: Consumer) -> None:
    """Let a consumer go; its subscriptions end."""
    consumer.status = "DELETING"
    consumer.put(call)
    settle.later(call, box=consumer.box, name=consumer.name)


@kinesis.operation(on=named)
def describe_stream_consumer(call: Call, consumer: Consumer) -> dict[str, Any]:
    """A consumer, and the stream that it reads."""
    told = described(call, consumer) | {"StreamARN": call.arn(f"stream/{consumer.stream}")}
    return {"ConsumerDescription": told}


@kinesis.operation(on=Stream.by_arn)
def list_stream_consumers(
    call: Call,
    stream: Stream,
    next_token: str = "",
    max_results: int = MOST_LISTED,
    stream_creation_timestamp: float | None = None,
) -> dict[str, Any]:
    """The consumers of a stream."""
    if stream_creation_timestamp is not None and int(stream_creation_timestamp) != int(stream.created):
        raise faults.no_stream(call, stream.name)
    expired = Fault("ExpiredNextTokenException", "The pagination token passed to the operation is expired.")
    above = (str(paging.opened(call, next_token, expired)),) if next_token else None
    found = list(Consumer.scan(call, stream.box, above=above, limit=max_results + 1))
    told: Members = {"Consumers": [described(call, consumer) for consumer in found[:max_results]]}
    more = len(found) > max_results
    return told | ({"NextToken": paging.sealed(call, found[max_results - 1].name)} if more else {})
