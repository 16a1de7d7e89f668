"""Reading a shard: iterators, and the records behind them."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, paging
from pileus.services.dynamodb.streams import FIRST, Change, Shard, Stream, told

from . import dynamodbstreams
from .streams import head_of, horizon, of_arn, shards_of

MOST = 1000
LARGEST = 1024 * 1024
ITERATOR_AGE = 15 * 60.0


def sealed(call: Call, stream: Stream, shard: Shard, sequence: int) -> str:
    """An iterator: where to go on, good for a quarter of an hour."""
    place = (stream.table, stream.label, shard.number, sequence, call.now + ITERATOR_AGE)
    return f"{stream.arn(call)}|1|{paging.sealed(call.at(operation='GetRecords'), place)}"


@dynamodbstreams.operation(on=of_arn)
def get_shard_iterator(
    call: Call,
    stream: Stream,
    shard_id: str,
    shard_iterator_type: str,
    sequence_number: str = "",
    timestamp: float = 0.0,
) -> dict[str, Any]:
    """Where to begin reading a shard."""
    shard = next((shard for shard in shards_of(call, stream) if shard.id == shard_id), None)
    if shard is None:
        raise Fault(
            "ResourceNotFoundException",
            f"Requested resource not found: Shard does not exist: {shard_id} of stream {stream.arn(call)}",
        )
    if shard_iterator_type in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"):
        start = at_sequence(call, stream, shard, sequence_number) + (shard_iterator_type == "AFTER_SEQUENCE_NUMBER")
    elif shard_iterator_type == "LATEST":
        start = head_of(call, stream).next if shard.last is None else shard.last + 1
    elif shard_iterator_type == "AT_TIMESTAMP":
        start = at_time(call, stream, shard, timestamp)
    else:
        start = shard.start
    return {"ShardIterator": sealed(call, stream, shard, start)}


def at_sequence(call: Call, stream: Stream, shard: Shard, given: str) -> int:
    if not given.isdecimal():
        raise Fault("ValidationException", f"Invalid SequenceNumber: {given}", status=400)
    number = int(given) - FIRST
    if number < shard.start or (shard.last is not None and number > shard.last):
        raise Fault("ValidationException", "Invalid SequenceNumber: not in the shard's range", status=400)
    change = Change.get(call, stream.table, stream.label, shard.number, number)
    if change is not None and change.at < horizon(call):
        raise Fault(
            "TrimmedDataAccessException", "The operation attempted to read past the oldest stream record in a shard"
        )
    return number


def at_time(call: Call, stream: Stream, shard: Shard, timestamp: float) -> int:
    """The first change that is not older, or the place of the next one. Sequence numbers have no gaps."""
    low, high = shard.start, head_of(call, stream).next if shard.last is None else shard.last + 1
    while low < high:
        middle = (low + high) // 2
        change = Change.get(call, stream.table, stream.label, shard.number, middle)
        if change is None or change.at < timestamp:
            low = middle + 1
        else:
            high = middle
    return low


@dynamodbstreams.operation
def get_records(call: Call, shard_iterator: str, limit: int = MOST) -> dict[str, Any]:
    """Changes from an iterator on, and the next iterator; none at the end of a shard that is closed."""
    if limit > MOST:
        raise Fault(
            "ValidationException",
            f"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: "
            f"Member must have value less than or equal to {MOST}",
            status=400,
        )
    unknown = Fault("ValidationException", "Invalid ShardIterator", status=400)
    token = shard_iterator.rpartition("|")[2]
    table, label, number, sequence, expires = paging.opened(call, token, unknown)
    if call.now > expires:
        raise Fault("ExpiredIteratorException", "Iterator expired. The provided iterator is older than 15 minutes.")
    stream, shard = Stream.get(call, table, label), Shard.get(call, table, label, number)
    if stream is None or shard is None:
        raise Fault("ResourceNotFoundException", "Requested resource not found: the stream or shard is gone")
    records, at = read(call, stream, shard, sequence, limit)
    answer: dict[str, Any] = {"Records": records}
    if shard.last is None or at <= shard.last:
        answer["NextShardIterator"] = sealed(call, stream, shard, at)
    return answer


def read(call: Call, stream: Stream, shard: Shard, at: int, limit: int) -> tuple[list[dict[str, Any]], int]:
    """Records from a sequence number on, and the number after them."""
    oldest = horizon(call)
    records: list[dict[str, Any]] = []
    size = 0
    for change in Change.scan(call, stream.table, stream.label, shard.number, since=(at,)):
        if change.at < oldest:
            at = change.sequence + 1
            continue
        record = told(call, stream, change)
        size += record["dynamodb"]["SizeBytes"]
        if len(records) == limit or (records and size > LARGEST):
            return records, at
        records.append(record)
        at = change.sequence + 1
    return records, at
