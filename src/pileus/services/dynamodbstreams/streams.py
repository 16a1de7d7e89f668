"""Finding streams, and their shards."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault
from pileus.services.dynamodb.streams import FIRST, KEPT, Head, Shard, Stream

from . import dynamodbstreams

MOST_LISTED = 100


def of_arn(call: Call, stream_arn: str) -> Stream:
    """The stream of an ARN, as long as it can be read."""
    parts = stream_arn.split(":", 5)
    path = parts[5].split("/") if len(parts) == 6 else []
    if len(path) != 4 or path[0] != "table" or path[2] != "stream":
        raise Fault("ValidationException", f"Invalid StreamArn: {stream_arn}", status=400)
    stream = Stream.get(call, path[1], path[3]) if parts[4] == call.account and parts[3] == call.region else None
    if stream is None:
        raise Fault("ResourceNotFoundException", f"Requested resource not found: Stream: {stream_arn} not found")
    return stream


@dynamodbstreams.owner
def owner(call: Call, request: dict[str, Any]) -> str:
    """The account whose stream a request names."""
    arn = request.get("StreamArn", "")
    return arn.split(":")[4] if arn.count(":") >= 5 else ""


@dynamodbstreams.operation
def list_streams(
    call: Call, table_name: str = "", limit: int = MOST_LISTED, exclusive_start_stream_arn: str = ""
) -> dict[str, Any]:
    """The account's streams, those among them that were closed less than a day ago."""
    above = None
    if exclusive_start_stream_arn:
        after = of_arn(call, exclusive_start_stream_arn)
        above = (after.label,) if table_name else (after.table, after.label)
    limit = min(limit, MOST_LISTED)
    name = table_name.split("/")[1] if table_name.startswith("arn:") else table_name
    found = list(Stream.scan(call, *([name] if name else []), above=above, limit=limit + 1))
    told: dict[str, Any] = {
        "Streams": [
            {"StreamArn": one.arn(call), "TableName": one.table, "StreamLabel": one.label} for one in found[:limit]
        ]
    }
    return told | ({"LastEvaluatedStreamArn": found[limit - 1].arn(call)} if len(found) > limit else {})


@dynamodbstreams.operation(on=of_arn)
def describe_stream(
    call: Call,
    stream: Stream,
    limit: int = MOST_LISTED,
    exclusive_start_shard_id: str = "",
    shard_filter: dict[str, str] = {},
) -> dict[str, Any]:
    """A stream and its shards, oldest first; with a filter only the children of one shard."""
    shards = shards_of(call, stream)
    told: dict[str, Any] = {
        "StreamArn": stream.arn(call),
        "StreamLabel": stream.label,
        "StreamStatus": "ENABLED" if stream.closed is None else "DISABLED",
        "StreamViewType": stream.view,
        "CreationRequestDateTime": stream.created,
        "TableName": stream.table,
        "KeySchema": stream.keys,
    }
    described = [described_shard(shard, parent) for shard, parent in zip(shards, [None, *shards], strict=False)]
    if parent := shard_filter.get("ShardId"):
        described = [one for one in described if one.get("ParentShardId") == parent]
    if exclusive_start_shard_id:
        passed = [one["ShardId"] for one in described]
        described = (
            described[passed.index(exclusive_start_shard_id) + 1 :] if exclusive_start_shard_id in passed else []
        )
    limit = min(limit, MOST_LISTED)
    told["Shards"] = described[:limit]
    if len(described) > limit:
        told["LastEvaluatedShardId"] = described[limit - 1]["ShardId"]
    return {"StreamDescription": told}


def described_shard(shard: Shard, parent: Shard | None) -> dict[str, Any]:
    sequences = {"StartingSequenceNumber": str(FIRST + shard.start)}
    if shard.last is not None:
        sequences["EndingSequenceNumber"] = str(FIRST + shard.last)
    told: dict[str, Any] = {"ShardId": shard.id, "SequenceNumberRange": sequences}
    return told | ({"ParentShardId": parent.id} if parent else {})


def shards_of(call: Call, stream: Stream) -> list[Shard]:
    return list(Shard.scan(call, stream.table, stream.label))


def head_of(call: Call, stream: Stream) -> Head:
    head = Head.get(call, stream.table, stream.label)
    assert head is not None, "a stream has a head as long as it is there"
    return head


def horizon(call: Call) -> float:
    """What is older can not be read any more."""
    return call.now - KEPT
