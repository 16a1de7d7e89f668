"""Resharding: shards split and merge, one by one or until there are as many as are wanted.

A shard that was split or merged is closed: it takes nothing more, and can be read to its end, which tells its children.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault

from . import faults, hashes, kinesis, positions
from .log import Head
from .retention import HOUR, trim
from .shards import Shard, found
from .streams import Stream, active, check_limit, open_shard

DAY = 24 * 3600.0
MOST_UPDATES = 10
"""So many times a day a shard count may be updated."""


def open_shard_of(call: Call, stream: Stream, shard_id: str) -> Shard:
    shard = found(call, stream.box, shard_id)
    if shard is None:
        raise faults.no_shard(call, stream.name, shard_id)
    if shard.closed is not None:
        raise faults.invalid(
            f"Shard {shard.id} in stream {stream.name} under account {call.account} has already been merged or split, "
            "and thus is not eligible for merging or splitting."
        )
    return shard


@kinesis.operation(on=Stream.of)
def split_shard(call: Call, stream: Stream, shard_to_split: str, new_starting_hash_key: str) -> None:
    """Split a shard in two; the second begins with that hash key."""
    provisioned(call, stream, "SplitShard")
    shard = open_shard_of(call, stream, shard_to_split)
    key = int(new_starting_hash_key)
    if not hashes.number(shard.start) < key < hashes.number(shard.end):
        raise faults.invalid(
            f"NewStartingHashKey {key} used in SplitShard() on shard {shard.id} in stream {stream.name} under account "
            f"{call.account} is not both greater than one plus the shard's StartingHashKey "
            f"{hashes.number(shard.start)} and less than the shard's EndingHashKey {hashes.number(shard.end) - 1}."
        )
    check_limit(call, 1)
    under_way(call, stream)
    reshard.later(call, name=stream.name, box=stream.box, numbers=[shard.number], cut=hashes.packed(key))


@kinesis.operation(on=Stream.of)
def merge_shards(call: Call, stream: Stream, shard_to_merge: str, adjacent_shard_to_merge: str) -> None:
    """Merge two shards whose ranges meet."""
    provisioned(call, stream, "MergeShards")
    one = open_shard_of(call, stream, shard_to_merge)
    other = open_shard_of(call, stream, adjacent_shard_to_merge)
    low, high = sorted((one, other), key=lambda shard: shard.start)
    if hashes.number(low.end) + 1 != hashes.number(high.start):
        raise faults.invalid(
            f"Shards {one.id} and {other.id} in stream {stream.name} under account {call.account} are not an adjacent "
            "pair of shards eligible for merging"
        )
    under_way(call, stream)
    reshard.later(call, name=stream.name, box=stream.box, numbers=[one.number, other.number], cut=b"")


def provisioned(call: Call, stream: Stream, operation: str) -> None:
    active(call, stream)
    if stream.mode == "ON_DEMAND":
        raise faults.validation(f"{operation} is not supported for streams with StreamMode ON_DEMAND.")


def under_way(call: Call, stream: Stream) -> None:
    stream.status = "UPDATING"
    stream.put(call)


@kinesis.task
def reshard(call: Call, name: str, box: str, numbers: list[int], cut: bytes) -> None:
    """Do what was asked for: split one shard, or merge two."""
    stream = Stream.get(call, name)
    if stream is None or stream.box != box:
        return
    shards = [shard for number in numbers if (shard := Shard.get(call, box, number))]
    if len(shards) == 2:
        merge(call, stream, *shards)
    else:
        split(call, stream, shards[0], cut)
    stream.status = "ACTIVE"
    stream.put(call)


def split(call: Call, stream: Stream, shard: Shard, cut: bytes) -> tuple[Shard, Shard]:
    position = close(call, stream, shard)
    before = hashes.packed(hashes.number(cut) - 1)
    first = open_shard(call, stream, shard.start, before, position, shard.number)
    return first, open_shard(call, stream, cut, shard.end, position, shard.number)


def merge(call: Call, stream: Stream, one: Shard, other: Shard) -> Shard:
    position = max(close(call, stream, one), close(call, stream, other))
    low, high = sorted((one, other), key=lambda shard: shard.start)
    return open_shard(call, stream, low.start, high.end, position, one.number, other.number)


def close(call: Call, stream: Stream, shard: Shard) -> int:
    """Close a shard; the position from which its children may begin. The caller stores the stream."""
    head = Head.get(call, shard.box, shard.number)
    written = head.last if head else shard.origin - 1
    shard.closed = call.now
    shard.last = max(written, shard.origin)
    shard.put(call)
    stream.open = [(end, number) for end, number in stream.open if number != shard.number]
    due = call.now + stream.retention * HOUR
    trim.later(call, name=stream.name, box=stream.box, number=shard.number, due=due)
    call.wake(("kinesis", shard.box, shard.number))
    return max(shard.last + 1, positions.at(call.now))


# To a number of shards


@kinesis.operation(on=Stream.of)
def update_shard_count(call: Call, stream: Stream, target_shard_count: int, scaling_type: str) -> dict[str, Any]:
    """Split and merge until there are so many shards of one size."""
    provisioned(call, stream, "UpdateShardCount")
    assert scaling_type == "UNIFORM_SCALING"
    now = len(stream.open)
    check_scaling(call, stream, now, target_shard_count)
    if target_shard_count > now:
        check_limit(call, target_shard_count - now)
    stream.scaled = [*stream.scaled, call.now]
    under_way(call, stream)
    scale.later(call, name=stream.name, box=stream.box, count=target_shard_count)
    return {
        "StreamName": stream.name,
        "CurrentShardCount": now,
        "TargetShardCount": target_shard_count,
        "StreamARN": stream.arn(call),
    }


def check_scaling(call: Call, stream: Stream, now: int, wanted: int) -> None:
    stream.scaled = [at for at in stream.scaled if at > call.now - DAY]
    if len(stream.scaled) >= MOST_UPDATES:
        raise Fault(
            "LimitExceededException",
            f"Number of UpdateShardCount operations on stream {stream.name} under account {call.account} exceeds the "
            f"limit of {MOST_UPDATES} in a rolling 24-hour period.",
        )
    if wanted > 2 * now:
        raise faults.invalid(
            "UpdateShardCount cannot scale up over double your current open shard count. "
            f"Current open shard count: {now} Target shard count: {wanted}"
        )
    if 2 * wanted < now:
        raise faults.invalid(
            "UpdateShardCount cannot scale down below half your current open shard count. "
            f"Current open shard count: {now} Target shard count: {wanted}"
        )


@kinesis.task
def scale(call: Call, name: str, box: str, count: int) -> None:
    """Bring a stream to so many shards: cut where the new ranges begin, then merge what lies within one of them."""
    stream = Stream.get(call, name)
    if stream is None or stream.box != box:
        return
    for start, end in hashes.even(count):
        cut_at(call, stream, start)
        following = hashes.number(end) + 1
        if following <= hashes.MOST:
            cut_at(call, stream, hashes.packed(following))
        within = [shard for shard in shards(call, stream) if start <= shard.start and shard.end <= end]
        while len(within) > 1:
            low, high, *rest = within
            within = [merge(call, stream, low, high), *rest]
    stream.status = "ACTIVE"
    stream.put(call)


def shards(call: Call, stream: Stream) -> list[Shard]:
    """The open shards in the order of their ranges."""
    return [shard for _, number in stream.open if (shard := Shard.get(call, stream.box, number))]


def cut_at(call: Call, stream: Stream, key: bytes) -> None:
    """See that a shard begins with this hash key."""
    for end, number in stream.open:
        if key <= end:
            shard = Shard.get(call, stream.box, number)
            if shard is not None and shard.start < key:
                split(call, stream, shard, key)
            return
