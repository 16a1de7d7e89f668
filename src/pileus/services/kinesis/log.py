"""The log of a shard: its records at rest, packed in batches as they were put.

A batch lies under the position of its last record, so reading from a position on is a scan that begins with the batch
which holds it, however much there is before. Its records follow each other without a gap.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import msgspec

from pileus.kernel import Call, Record
from pileus.kernel.store.keys import pack

from . import kinesis, positions, seals

END = b"\xff" * 8
PURGED_AT_ONCE = 500


class Batch(msgspec.Struct, array_like=True):
    """Records that came together."""

    at: float
    count: int
    content: bytes
    """Partition keys and data in turn, packed; sealed where there is a data key."""
    data_key: bytes = b""


class Head(Record, key=("box", "number")):
    """Where a shard is written, and what it can take just now."""

    box: str
    number: int
    last: int
    at: float = 0.0
    """When it was last written, for the limits."""
    records: float = 0.0
    bytes: float = 0.0
    trimming: bool = False
    """Whether a task will come for what is too old."""


class Found(NamedTuple):
    """A record that was read."""

    position: int
    at: float
    key: str
    data: bytes
    sealed: bool


_encode = msgspec.msgpack.Encoder().encode
_batch = msgspec.msgpack.Decoder(Batch)
_content = msgspec.msgpack.Decoder()


@lru_cache(maxsize=4096)
def prefix(account: str, region: str, box: str, number: int) -> bytes:
    return pack((account, region, "kinesis.Batch", box, number))


def under(call: Call, box: str, number: int) -> bytes:
    return prefix(call.account, call.region, box, number)


def append(call: Call, head: Head, flat: list[str | bytes], seal: seals.Seal | None) -> int:
    """Put records at the end of a shard, given as partition keys and data in turn; the position of the first.

    The caller stores the head.
    """
    count = len(flat) // 2
    first = max(head.last + 1, positions.at(call.now))
    head.last = first + count - 1
    content = _encode(flat)
    batch = Batch(call.now, count, content)
    if seal is not None:
        batch.content, batch.data_key = seal.close(content), seal.data_key
    call.store.put(under(call, head.box, head.number) + positions.key(head.last), _encode(batch))
    return first


def batches(call: Call, box: str, number: int, position: int) -> Iterator[tuple[int, Batch]]:
    """Batches from the one that holds a position on, each with the position of its first record."""
    start = under(call, box, number)
    for path, raw in call.store.scan(start + positions.key(position), start + END):
        batch = _batch.decode(raw)
        yield int.from_bytes(path[-8:], "big") - batch.count + 1, batch


def records(first: int, batch: Batch, opener: seals.Opener) -> Iterator[Found]:
    content = opener.open(batch.data_key, batch.content) if batch.data_key else batch.content
    flat = _content.decode(content)
    sealed = bool(batch.data_key)
    for place in range(batch.count):
        yield Found(first + place, batch.at, flat[2 * place], flat[2 * place + 1], sealed)


@kinesis.task
def purge(call: Call, box: str, number: int) -> None:
    """Remove the records of a shard that is gone, some at a time."""
    start = under(call, box, number)
    rows = list(call.store.scan(start, start + END, limit=PURGED_AT_ONCE))
    for path, _ in rows:
        call.store.delete(path)
    if len(rows) == PURGED_AT_ONCE:
        purge.later(call, box=box, number=number)
    else:
        Head.delete_all(call, box, number)
