"""Subscriptions: the records of a shard as a stream of events, for five minutes, as they come.

A consumer has one subscription of a shard: a later one takes over, at the earliest five seconds after it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from pileus.kernel import Call, Fault, Record, names

from . import faults, iterators, kinesis, positions
from .consumers import Consumer, named
from .reading import over, read
from .shards import Shard, children, found
from .streams import Members, Stream

LASTS = 300.0
PAUSE = 5.0
"""Seconds until a subscription may be taken over, and after which a consumer hears that there is nothing new."""
MOST = 1000
LARGEST = 1024 * 1024


class Subscription(Record, key=("box", "consumer", "shard")):
    """Who reads a shard for a consumer at present."""

    box: str
    consumer: str
    shard: int
    id: str
    at: float


def subscriber(call: Call, consumer_arn: str) -> Consumer:
    return named(call, consumer_arn)


@kinesis.operation(on=subscriber)
async def subscribe_to_shard(
    call: Call, consumer: Consumer, shard_id: str, starting_position: Members, dry_run: bool = False
) -> dict[str, Any]:
    """Begin a stream of events with the records of a shard."""
    with call.transaction():
        stream = Stream.named(call, consumer.stream)
        if consumer.status != "ACTIVE":
            raise Fault(
                "ResourceInUseException",
                f"Consumer {consumer.arn(call)} under account {call.account} is not ACTIVE: {consumer.status}",
            )
        shard = found(call, stream.box, shard_id)
        if shard is None:
            raise faults.no_shard(call, stream.name, shard_id)
        position = iterators.start(call, stream, shard, starting_position)
        if dry_run:
            raise faults.dry_run()
        own = taken(call, consumer, shard)
    return {"EventStream": events(call, consumer, shard.number, position, own)}


def taken(call: Call, consumer: Consumer, shard: Shard) -> Subscription:
    """Take the subscription of a shard."""
    held = Subscription.get(call, consumer.box, consumer.name, shard.number)
    if held is not None and 0 <= call.now - held.at < PAUSE:
        raise Fault(
            "ResourceInUseException",
            f"Another active subscription exists for this consumer: {call.account}:{consumer.stream}:{shard.id}:"
            f"{consumer.name}",
        )
    own = Subscription(
        box=consumer.box, consumer=consumer.name, shard=shard.number, id=names.token(8), at=call.now
    ).put(call)
    call.wake(("kinesis", consumer.box, shard.number))
    return own


async def events(
    call: Call, consumer: Consumer, number: int, position: int, own: Subscription
) -> AsyncIterator[dict[str, Any]]:
    """What a subscriber is told until five minutes have passed, the shard ends, or somebody else has taken over."""
    what = ("kinesis", consumer.box, number)
    ends = own.at + LASTS
    while True:
        with call.transaction():
            if call.now >= ends:
                return
            stream, shard = current(call, consumer, number, own)
            got = read(call, stream, shard, position, MOST, LARGEST)
            moved = got.position != position
            position = got.position
            event: Members = {
                "Records": got.records,
                "ContinuationSequenceNumber": positions.number(max(position - 1, shard.origin), number),
                "MillisBehindLatest": got.behind,
            }
            ended = over(call, shard, position)
            if ended:
                event["ChildShards"] = children(call, shard)
        yield {"SubscribeToShardEvent": event}
        if ended:
            return
        if not moved or not got.behind:
            await call.wait(what, seconds=PAUSE, due=ends)


def current(call: Call, consumer: Consumer, number: int, own: Subscription) -> tuple[Stream, Shard]:
    """The stream and the shard as they are now; raises where the subscription is over."""
    stream = Stream.get(call, consumer.stream)
    there = Consumer.get(call, consumer.box, consumer.name)
    shard = Shard.get(call, consumer.box, number)
    if stream is None or stream.box != consumer.box or there is None or shard is None:
        raise Fault(
            "ResourceNotFoundException", f"Consumer {consumer.arn(call)} under account {call.account} not found."
        )
    held = Subscription.get(call, own.box, own.consumer, own.shard)
    if held is None or held.id != own.id:
        raise Fault("ResourceInUseException", "Another active subscription has taken over from this one.")
    return stream, shard
