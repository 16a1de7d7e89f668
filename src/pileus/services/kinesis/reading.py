"""Reading records, from an iterator on."""

from __future__ import annotations

from typing import Any, NamedTuple

from pileus.kernel import Call

from . import faults, iterators, kinesis, limits, metrics, positions
from .log import Found, batches, records
from .retention import horizon
from .seals import Opener
from .shards import Shard, children
from .streams import Members, Stream

MOST = 10_000
LARGEST = 10 * 1024 * 1024


class Read(NamedTuple):
    """What was read of a shard."""

    records: list[Members]
    position: int
    """Where to go on."""
    size: int
    behind: int
    """How many milliseconds there are to the tip of the shard."""


def of_iterator(call: Call, shard_iterator: str, stream_arn: str = "") -> Stream:
    place = iterators.opened(call, shard_iterator)
    stream = Stream.named(call, place.stream)
    if stream.box != place.box or (stream_arn and stream.arn(call) != stream_arn):
        raise faults.no_stream(call, place.stream)
    return stream


@kinesis.operation(on=of_iterator)
def get_records(
    call: Call, stream: Stream, shard_iterator: str, limit: int = MOST, dry_run: bool = False
) -> dict[str, Any]:
    """Records of a shard, ten megabytes at most, and an iterator for the next; none at the end of a closed one."""
    place = iterators.opened(call, shard_iterator)
    shard = Shard.get(call, place.box, place.number)
    if shard is None:
        raise faults.no_shard(call, stream.name, f"shardId-{place.number:012d}")
    gate = limits.enter(call, stream, shard)
    if dry_run:
        raise faults.dry_run()
    found = read(call, stream, shard, place.position, limit)
    if call.source_ip:
        gate.bytes -= found.size
        gate.put(call)
    told: Members = {"Records": found.records, "MillisBehindLatest": found.behind}
    metrics.got(call, stream.name, told)
    if over(call, shard, found.position):
        return told | {"ChildShards": children(call, shard)}
    return told | {"NextShardIterator": iterators.sealed(call, stream, shard, found.position)}


def over(call: Call, shard: Shard, position: int) -> bool:
    """Whether there is nothing more to come of a shard."""
    return shard.closed is not None and position > iterators.tip(call, shard)


def read(call: Call, stream: Stream, shard: Shard, position: int, limit: int, largest: int = LARGEST) -> Read:
    """Records from a position on, as many as are wanted and go into one answer."""
    opener = Opener(call, stream)
    position = max(position, horizon(call, stream))
    told: list[Members] = []
    size = 0
    behind = 0.0
    for first, batch in batches(call, shard.box, shard.number, position):
        if len(told) >= limit or size >= largest:
            behind = batch.at
            break
        for record in records(first, batch, opener):
            if record.position < position:
                continue
            size += len(record.data) + len(record.key)
            if len(told) >= limit or (size > largest and told):
                return Read(told, record.position, size, millis(call, record.at))
            told.append(shown(record, shard.number))
        position = first + batch.count
    return Read(told, position, size, millis(call, behind) if behind else 0)


def millis(call: Call, at: float) -> int:
    """How far a record is from the tip, which is at least a millisecond as long as there is something between."""
    return max(int((call.now - at) * 1000), 1)


def shown(record: Found, shard: int) -> Members:
    told = {
        "SequenceNumber": positions.number(record.position, shard),
        "ApproximateArrivalTimestamp": round(record.at, 3),
        "Data": record.data,
        "PartitionKey": record.key,
    }
    return told | {"EncryptionType": "KMS"} if record.sealed else told
