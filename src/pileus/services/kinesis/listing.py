"""Listing shards, all of them or those that were open at some time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pileus.kernel import Call, Fault, paging

from . import faults, kinesis
from .retention import HOUR
from .shards import Shard, described, number_of
from .streams import Members, Stream, name_of

MOST = 1000
TOKEN_AGE = 300.0
NEEDS = {"AFTER_SHARD_ID": "ShardId", "AT_TIMESTAMP": "Timestamp", "FROM_TIMESTAMP": "Timestamp"}
"""The member that a filter of a kind needs."""


@kinesis.operation
def list_shards(
    call: Call,
    stream_name: str = "",
    next_token: str = "",
    exclusive_start_shard_id: str = "",
    max_results: int = MOST,
    stream_creation_timestamp: float | None = None,
    shard_filter: Members = {},
    stream_arn: str = "",
) -> dict[str, Any]:
    """A stream's shards, in the order of their numbers."""
    after: int | None = number_of(exclusive_start_shard_id) if exclusive_start_shard_id else None
    if next_token:
        if stream_name or stream_arn or exclusive_start_shard_id or stream_creation_timestamp is not None:
            raise faults.invalid("NextToken and StreamName cannot be provided together.")
        expired = Fault("ExpiredNextTokenException", "The pagination token passed to the operation is expired.")
        stream_name, after, shard_filter, made = paging.opened(call, next_token, expired)
        if call.now - made > TOKEN_AGE:
            raise expired
    stream = Stream.named(call, name_of(call, stream_name, stream_arn))
    if stream_creation_timestamp is not None and int(stream_creation_timestamp) != int(stream.created):
        raise faults.no_stream(call, stream.name)
    wanted, start = chosen(call, stream, shard_filter)
    after = max((place for place in (after, start) if place is not None), default=None)
    found: list[Shard] = []
    for shard in Shard.scan(call, stream.box, above=None if after is None else (after,)):
        if wanted(shard):
            found.append(shard)
        if len(found) > max_results:
            place = (stream.name, found[max_results - 1].number, shard_filter, call.now)
            shown = [described(one) for one in found[:max_results]]
            return {"Shards": shown, "NextToken": paging.sealed(call, place)}
    return {"Shards": [described(one) for one in found]}


def chosen(call: Call, stream: Stream, given: Members) -> tuple[Callable[[Shard], bool], int | None]:
    """Which shards a filter wants, and from behind which on."""
    kind = given.get("Type", "FROM_TRIM_HORIZON")
    for name in ("ShardId", "Timestamp"):
        if (NEEDS.get(kind) == name) != (name in given):
            raise faults.invalid(
                f"{name} must be provided for the ShardFilter type {kind}."
                if name not in given
                else f"{name} cannot be provided for the ShardFilter type {kind}."
            )
    oldest = call.now - stream.retention * HOUR
    if kind == "AFTER_SHARD_ID":
        return lambda shard: shard.closed is None or shard.closed >= oldest, number_of(given["ShardId"])
    if kind == "AT_LATEST":
        return lambda shard: shard.closed is None, None
    at = given["Timestamp"] if "Timestamp" in given else max(oldest, stream.created)
    if "Timestamp" in given and not stream.created <= at <= call.now:
        raise faults.invalid("The timestamp of a ShardFilter must be between the stream's creation and now.")
    at = max(at, oldest)
    if kind.startswith("AT_"):
        return lambda shard: shard.opened <= at and (shard.closed is None or shard.closed > at), None
    return lambda shard: shard.closed is None or shard.closed >= at, None
