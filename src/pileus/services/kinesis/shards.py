"""Shards: the parts of a stream, each a log of its own for a range of hash keys."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Record

from . import hashes, positions

Members = dict[str, Any]


class Shard(Record, key=("box", "number"), kw_only=True):
    """A part of a stream. One that was split or merged is closed, and stays as long as its records are kept."""

    box: str
    number: int
    start: bytes
    end: bytes
    parents: list[int] = []
    opened: float
    origin: int
    """The position of its first record, if it ever gets one."""
    closed: float | None = None
    last: int = 0
    """The last position, once it is closed."""

    @property
    def id(self) -> str:
        return shard_id(self.number)


def shard_id(number: int) -> str:
    return f"shardId-{number:012d}"


def number_of(name: str) -> int | None:
    """The number in a shard's id; ids are also taken in their short form."""
    digits = name.removeprefix("shardId-")
    return int(digits) if digits.isdecimal() else None


def found(call: Call, box: str, name: str) -> Shard | None:
    number = number_of(name)
    return None if number is None else Shard.get(call, box, number)


def shards_after(call: Call, box: str, after: str, limit: int) -> list[Shard]:
    """Shards from behind one on, the closed ones too, in the order of their numbers."""
    number = number_of(after) if after else None
    return list(Shard.scan(call, box, above=None if number is None else (number,), limit=limit))


def described(shard: Shard) -> Members:
    sequences = {"StartingSequenceNumber": positions.number(shard.origin, shard.number)}
    if shard.closed is not None:
        sequences["EndingSequenceNumber"] = positions.number(shard.last, shard.number)
    told: Members = {
        "ShardId": shard.id,
        "HashKeyRange": hashes.told(shard.start, shard.end),
        "SequenceNumberRange": sequences,
    }
    for name, parent in zip(("ParentShardId", "AdjacentParentShardId"), shard.parents, strict=False):
        told[name] = shard_id(parent)
    return told


def children(call: Call, shard: Shard) -> list[Members]:
    """The shards that came of a closed one, as ChildShards."""
    several = Shard.scan(call, shard.box, above=(shard.number,))
    return [
        {
            "ShardId": one.id,
            "ParentShards": [shard_id(parent) for parent in one.parents],
            "HashKeyRange": hashes.told(one.start, one.end),
        }
        for one in several
        if shard.number in one.parents
    ]
