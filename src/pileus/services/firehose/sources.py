"""Records from Kinesis: a watch for each stream that reads the shards in order, and remembers how far it has come."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record

from . import buffers, firehose
from .delivering import acting
from .streams import Stream

PAUSE = 1.0
"""Real seconds after which shards without news are asked again."""
AT_ONCE = 1000
BUSY = ("ProvisionedThroughputExceededException", "LimitExceededException")
"""Others read the shard as often as it allows."""


class Position(Record, key=("stream", "shard")):
    """The last record that was taken from a shard."""

    stream: str
    shard: str
    sequence: str
    over: bool = False


@firehose.watch
async def poll(call: Call, name: str) -> None:
    """Take what is new in the shards of a stream's source."""
    stream = Stream.get(call, name)
    if stream is None:
        return
    source = stream.source["KinesisStreamSourceDescription"]
    with call.cloud.runner.working():
        kinesis = call.aws("kinesis", principal=acting(call, stream, source["RoleARN"]))
        try:
            found = [take(call, stream, kinesis, source, shard) for shard in shards(kinesis, source)]
        except Fault as fault:
            if fault.code not in BUSY:
                raise
            found = []
    if not any(found):
        await call.wait(("kinesis", source["KinesisStreamARN"]), seconds=PAUSE)


def shards(kinesis: Any, source: dict[str, Any]) -> list[dict[str, Any]]:
    arn = source["KinesisStreamARN"]
    found: list[dict[str, Any]] = []
    token = None
    while True:
        answer = kinesis.list_shards(**({"next_token": token} if token else {"stream_arn": arn}))
        found += answer["Shards"]
        token = answer.get("NextToken")
        if not token:
            return found


def take(call: Call, stream: Stream, kinesis: Any, source: dict[str, Any], shard: dict[str, Any]) -> bool:
    """Take the next records of a shard into the buffer; whether there were any."""
    name = shard["ShardId"]
    position = Position.get(call, stream.name, name)
    if position and position.over:
        return False
    parent = shard.get("ParentShardId")
    if parent and (before := Position.get(call, stream.name, parent)) and not before.over:
        return False  # what a shard was split from comes first
    with call.transaction():
        where: dict[str, Any] = (
            {"shard_iterator_type": "AFTER_SEQUENCE_NUMBER", "starting_sequence_number": position.sequence}
            if position and position.sequence
            else {"shard_iterator_type": "AT_TIMESTAMP", "timestamp": source["DeliveryStartTimestamp"]}
        )
        arn = source["KinesisStreamARN"]
        iterator = kinesis.get_shard_iterator(stream_arn=arn, shard_id=name, **where)["ShardIterator"]
        answer = kinesis.get_records(shard_iterator=iterator, limit=AT_ONCE, stream_arn=arn)
        records = answer["Records"]
        if records:
            buffers.add(call, stream, [record["Data"] for record in records])
        sequence = records[-1]["SequenceNumber"] if records else position.sequence if position else ""
        over = answer.get("NextShardIterator") is None
        if records or over or position is None:
            Position(stream.name, name, sequence, over).put(call)
    return bool(records)
