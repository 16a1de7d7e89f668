"""Positions: where a record is in its shard, as eight bytes that grow with time; and sequence numbers, which show them.

A position is the millisecond of arrival and a count within it, so a time is a place in a shard. Its sequence number has
56 digits as AWS's do: the position, the number of the shard, and two.
"""

from __future__ import annotations

COUNTED = 22
"""Bits for the records of one millisecond; when they are used up, the next one lends its own."""
HIGHEST = 1 << 185
SHARD_BITS = 32


def at(time: float) -> int:
    """The first position of a moment."""
    return int(round(time * 1000, 3)) << COUNTED


def time_of(position: int) -> float:
    return (position >> COUNTED) / 1000


def number(position: int, shard: int) -> str:
    """The sequence number of a position."""
    return str(HIGHEST | position << (SHARD_BITS + 4) | shard << 4 | 2)


def read(text: str) -> tuple[int, int] | None:
    """The position and the shard of a sequence number, or None for one that was never given."""
    value = int(text) if text.isdecimal() else 0
    if value >> 185 != 1 or value & 15 != 2:
        return None
    return (value ^ HIGHEST) >> (SHARD_BITS + 4), value >> 4 & ((1 << SHARD_BITS) - 1)


def key(position: int) -> bytes:
    return position.to_bytes(8, "big")
