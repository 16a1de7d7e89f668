"""What a shard can take: a thousand records and a megabyte a second in, five calls and two megabytes a second out.

Developer Guide, "Quotas and limits". What is not used is saved up for a second. A record or an answer may be larger
than what is there, if something is; then nothing more goes until that has been made up for. What the cloud's own
services read is not counted: they are woken by each put, where on AWS they come once a second.
"""

from __future__ import annotations

from pileus.kernel import Call, Record

from . import faults
from .log import Head
from .shards import Shard
from .streams import Stream

RECORDS_IN = 1000.0
BYTES_IN = 1024.0 * 1024
CALLS_OUT = 5.0
BYTES_OUT = 2 * 1024.0 * 1024


class Gate(Record, key=("box", "number")):
    """What a shard can give just now to those who share it."""

    box: str
    number: int
    at: float
    calls: float = CALLS_OUT
    bytes: float = BYTES_OUT


def refill(call: Call, head: Head) -> None:
    """What a shard can take has grown since it was last written."""
    passed = max(call.now - head.at, 0.0) if head.at else 1.0
    head.records = min(head.records + passed * RECORDS_IN, RECORDS_IN)
    head.bytes = min(head.bytes + passed * BYTES_IN, BYTES_IN)
    head.at = call.now


def fits(head: Head, size: int) -> bool:
    """Take one record from what a shard can take, if it can."""
    if head.records < 1 or head.bytes < min(size, BYTES_IN):
        return False
    head.records -= 1
    head.bytes -= size
    return True


def enter(call: Call, stream: Stream, shard: Shard) -> Gate:
    """Take a call from what a shard can give; the caller takes the bytes, and stores the gate."""
    gate = Gate.get(call, shard.box, shard.number) or Gate(box=shard.box, number=shard.number, at=call.now)
    passed = max(call.now - gate.at, 0.0)
    gate.at = call.now
    if not call.source_ip:
        return gate
    gate.calls = min(gate.calls + passed * CALLS_OUT, CALLS_OUT)
    gate.bytes = min(gate.bytes + passed * BYTES_OUT, BYTES_OUT)
    if gate.calls < 1 or gate.bytes <= 0:
        raise faults.exceeded(call, stream.name, shard.id)
    gate.calls -= 1
    return gate
