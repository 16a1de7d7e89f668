"""Hash keys: numbers of 128 bits, by which records find their shard; kept as sixteen bytes, which sort as they do."""

from __future__ import annotations

import hashlib
import itertools

MOST = (1 << 128) - 1


def of_partition_key(text: str) -> bytes:
    """What a partition key hashes to (API reference, PutRecord: MD5)."""
    return hashlib.md5(text.encode(), usedforsecurity=False).digest()


def packed(number: int) -> bytes:
    return number.to_bytes(16, "big")


def number(key: bytes) -> int:
    return int.from_bytes(key, "big")


def told(start: bytes, end: bytes) -> dict[str, str]:
    """A range as HashKeyRange."""
    return {"StartingHashKey": str(number(start)), "EndingHashKey": str(number(end))}


def even(count: int) -> list[tuple[bytes, bytes]]:
    """All hash keys in so many ranges of one size."""
    bounds = [place * (MOST + 1) // count for place in range(count + 1)]
    return [(packed(start), packed(end - 1)) for start, end in itertools.pairwise(bounds)]
