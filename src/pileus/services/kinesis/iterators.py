"""Iterators: where to go on reading a shard; good for five minutes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

from pileus.kernel import Call, Fault, paging

from . import faults, kinesis, positions
from .log import Head
from .shards import Shard, found
from .streams import Members, Stream

AGE = 300.0


class Place(NamedTuple):
    """What an iterator stands for."""

    stream: str
    box: str
    number: int
    position: int
    made: float


def sealed(call: Call, stream: Stream, shard: Shard, position: int) -> str:
    place = Place(stream.name, stream.box, shard.number, position, call.now)
    return paging.sealed(call.at(operation="GetRecords"), place)


def opened(call: Call, iterator: str) -> Place:
    place = Place(*paging.opened(call, iterator, faults.invalid("Invalid ShardIterator.")))
    if call.now - place.made > AGE:
        raise Fault(
            "ExpiredIteratorException",
            f"Iterator expired. The iterator was created at time {shown(place.made)} while right now it is "
            f"{shown(call.now)} which is further in the future than the tolerated delay of {int(AGE * 1000)} "
            "milliseconds.",
        )
    return place


def shown(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%a %b %d %H:%M:%S UTC %Y")


@kinesis.operation(on=Stream.named)
def get_shard_iterator(
    call: Call,
    stream: Stream,
    shard_id: str,
    shard_iterator_type: str,
    starting_sequence_number: str = "",
    timestamp: float | None = None,
    dry_run: bool = False,
) -> dict[str, Any]:
    """Where to begin reading a shard."""
    shard = found(call, stream.box, shard_id)
    if shard is None:
        raise faults.no_shard(call, stream.name, shard_id)
    given = {"Type": shard_iterator_type, "SequenceNumber": starting_sequence_number, "Timestamp": timestamp}
    position = start(call, stream, shard, given)
    if dry_run:
        raise faults.dry_run()
    return {"ShardIterator": sealed(call, stream, shard, position)}


def start(call: Call, stream: Stream, shard: Shard, given: Members) -> int:
    """The position at which reading begins; what is older than the retention is passed over when it is read."""
    kind = given["Type"]
    if kind == "TRIM_HORIZON":
        return shard.origin
    if kind == "LATEST":
        return tip(call, shard) + 1
    if kind == "AT_TIMESTAMP":
        if given.get("Timestamp") is None:
            raise faults.invalid("Must specify timestamp parameter for iterator of type AT_TIMESTAMP.")
        if given["Timestamp"] > call.now:
            raise faults.invalid("The timestampInMillis parameter cannot be greater than the currentTimestampInMillis.")
        return max(positions.at(float(given["Timestamp"])), shard.origin)
    text = given.get("SequenceNumber", "")
    if not text:
        raise faults.invalid(
            f"Must either specify (1) {kind} and StartingSequenceNumber or (2) TRIM_HORIZON or LATEST."
        )
    read = positions.read(text)
    if read is None or read[1] != shard.number or read[0] < shard.origin or read[0] > last(call, shard):
        raise faults.invalid(
            f"StartingSequenceNumber {text} used in GetShardIterator on shard {shard.id} in stream {stream.name} under "
            f"account {call.account} is invalid because it did not come from this stream."
        )
    return read[0] + int(kind == "AFTER_SEQUENCE_NUMBER")


def tip(call: Call, shard: Shard) -> int:
    """The position of a shard's latest record, or the one before its first."""
    head = Head.get(call, shard.box, shard.number)
    return head.last if head else shard.origin - 1


def last(call: Call, shard: Shard) -> int:
    return max(tip(call, shard), shard.last, shard.origin)
