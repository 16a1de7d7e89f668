"""Deliveries: the records of a queue that were received and are not acknowledged, in flight, waiting, or dead letters.

A delivery names a record in its shard. Beside it stands when it can be received (again), in one of two lines: that of
the queue, or that of its dead letters. Records that nobody has received yet are behind the queue's cursors.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from pileus.kernel import Call, Fault, Record, names, paging

from . import iterators, kinesis, positions
from .log import Found, batches, records
from .queues import Queue, of_arn
from .retention import horizon
from .seals import Opener
from .shards import Shard
from .streams import Members, Stream

MOST = 10
WAIT = 9
AT_ONCE = 500
LIVE, DEAD = "live", "dead"


def invalid() -> Fault:
    return Fault("InvalidArgumentException", "The receipt handle is invalid.")


def gone() -> Fault:
    message = "The receipt handle is not that of a record which can still be dealt with."
    return Fault("ResourceNotFoundException", message)


class Cursor(Record, key=("box", "shard")):
    """How far a queue has come in a shard."""

    box: str
    shard: int
    position: int


class Due(Record, key=("box", "line", "at", "shard", "position")):
    """When a delivery can be received, and in which line."""

    box: str
    line: str
    at: float
    shard: int
    position: int


class Delivery(Record, key=("box", "shard", "position"), kw_only=True):
    """A record that was received."""

    box: str
    shard: int
    position: int
    received: float
    """When it was first received."""
    count: int
    receipt: str
    line: str
    at: float
    letter: bool = False
    """Whether its latest receipt was that of a dead letter."""

    def place_at(self, call: Call, line: str, at: float) -> None:
        """Let it be received in a line from then on."""
        self.due().delete(call)
        self.line, self.at = line, at
        self.due().put(call)
        self.put(call)

    def due(self) -> Due:
        return Due(self.box, self.line, self.at, self.shard, self.position)

    def forget(self, call: Call) -> None:
        self.due().delete(call)
        self.delete(call)


# Receiving


@kinesis.operation(on=of_arn)
async def receive_queue_records(
    call: Call,
    queue: Queue,
    limit: int = MOST,
    wait_time_seconds: int = WAIT,
    visibility_timeout_seconds: int | None = None,
) -> dict[str, Any]:
    """Receive records, which are then hidden from others; where there are none, wait for some in real time."""
    return await received(call, queue, LIVE, limit, wait_time_seconds, visibility_timeout_seconds)


@kinesis.operation(on=of_arn)
async def receive_dead_letter_queue_records(
    call: Call,
    queue: Queue,
    limit: int = MOST,
    wait_time_seconds: int = WAIT,
    visibility_timeout_seconds: int | None = None,
) -> dict[str, Any]:
    """Receive what nobody could deal with."""
    return await received(call, queue, DEAD, limit, wait_time_seconds, visibility_timeout_seconds)


async def received(call: Call, queue: Queue, line: str, limit: int, wait: int, timeout: int | None) -> dict[str, Any]:
    until = time.monotonic() + wait
    while True:
        with call.transaction():
            there = of_arn(call, queue.arn(call))
            if there.box != queue.box or there.status not in ("ACTIVE", "UPDATING"):
                message = f"Queue {queue.name} under account {call.account} is in the state {there.status}."
                raise Fault("ResourceNotFoundException", message)
            seconds = there.visibility if timeout is None else timeout
            told = Receiving(call, there, line, seconds).take(limit)
            following = Due.first(call, there.box, line, above=(call.now,))
        left = until - time.monotonic()
        if told or left <= 0:
            return {"QueueRecords": told}
        what = ("kinesis", call.arn(f"stream/{queue.stream}"))
        await call.wait(what, seconds=left, due=following.at if following else None)


class Receiving:
    """One request for records."""

    def __init__(self, call: Call, queue: Queue, line: str, seconds: int) -> None:
        stream = Stream.of(call, queue.stream)
        self.call = call
        self.queue = queue
        self.line = line
        self.hidden = call.now + seconds
        self.stream = stream
        self.oldest = horizon(call, stream)
        self.opener = Opener(call, stream)

    def take(self, limit: int) -> list[Members]:
        """What waits to be received again, and then what is new."""
        found = list(self._again(limit))
        if self.line == LIVE and len(found) < limit:
            found += self._new(limit - len(found))
        return found

    def _again(self, limit: int) -> Iterator[Members]:
        for due in Due.scan(self.call, self.queue.box, self.line, upto=(self.call.now,)):
            if limit <= 0:
                return
            delivery = Delivery.get(self.call, due.box, due.shard, due.position)
            assert delivery, "what is due is a delivery"
            record = self._record(delivery)
            if record is None:
                delivery.forget(self.call)
            elif self.line == LIVE and 0 < self.queue.most <= delivery.count:
                delivery.place_at(self.call, DEAD, due.at)
            else:
                limit -= 1
                yield self._delivered(delivery, record)

    def _record(self, delivery: Delivery) -> Found | None:
        if delivery.position < self.oldest:
            return None
        for first, batch in batches(self.call, self.queue.stream_box, delivery.shard, delivery.position):
            for record in records(first, batch, self.opener):
                if record.position == delivery.position:
                    return record
            break
        return None

    def _new(self, limit: int) -> list[Members]:
        call, queue = self.call, self.queue
        found: list[Members] = []
        for shard in Shard.scan(call, queue.stream_box):
            cursor = Cursor.get(call, queue.box, shard.number)
            after = cursor.position if cursor else max(positions.at(queue.since), shard.origin)
            if len(found) == limit:
                break
            if after > iterators.tip(call, shard):
                continue
            position = max(after, self.oldest)
            for record in self._records(shard.number, position, limit - len(found)):
                position = record.position + 1
                new = Delivery(
                    box=queue.box,
                    shard=shard.number,
                    position=record.position,
                    received=call.now,
                    count=0,
                    receipt="",
                    line=self.line,
                    at=call.now,
                )
                found.append(self._delivered(new, record))
            Cursor(queue.box, shard.number, position).put(call)
        return found

    def _records(self, shard: int, position: int, most: int) -> Iterator[Found]:
        for first, batch in batches(self.call, self.queue.stream_box, shard, position):
            for record in records(first, batch, self.opener):
                if record.position >= position:
                    yield record
                    most -= 1
                    if not most:
                        return

    def _delivered(self, delivery: Delivery, record: Found) -> Members:
        """A record is in flight. It comes back when that is over: after its last try in the line of dead letters."""
        delivery.count += 1
        delivery.receipt = names.token(8)
        delivery.letter = self.line == DEAD
        last = self.line == DEAD or 0 < self.queue.most <= delivery.count
        delivery.place_at(self.call, DEAD if last else LIVE, self.hidden)
        told = {
            "ReceiptHandle": paging.sealed(
                handles(self.call), [delivery.box, delivery.shard, delivery.position, delivery.receipt]
            ),
            "RecordId": positions.number(record.position, delivery.shard),
            "PartitionKey": record.key or None,
            "Data": record.data,
            "ApproximateArrivalTimestamp": round(record.at, 3),
            "FirstReceiveTimestamp": round(delivery.received, 3),
            "ReceiveCount": delivery.count,
        }
        return {name: value for name, value in told.items() if value is not None}


def handles(call: Call) -> Call:
    """Receipt handles are good for all operations."""
    return call.at(operation="ReceiveQueueRecords")


# Dealing with what was received


def each(
    call: Call, queue: Queue, entries: list[Members], letters: bool, act: Callable[[Delivery, Members], None]
) -> dict[str, Any]:
    """Do something to each of the deliveries that entries name; what went well, and what did not."""
    done: list[Members] = []
    failed: list[Members] = []
    for entry in entries:
        handle = entry["ReceiptHandle"]
        try:
            act(of_handle(call, queue, handle, letters), entry)
        except Fault as fault:
            failed.append({"ReceiptHandle": handle, "ErrorCode": fault.code, "ErrorMessage": fault.message})
        else:
            done.append({"ReceiptHandle": handle})
    call.wake(("kinesis", call.arn(f"stream/{queue.stream}")))
    return {"Successful": done, "Failed": failed}


def of_handle(call: Call, queue: Queue, handle: str, letters: bool) -> Delivery:
    """The delivery that a handle stands for, if that is its latest, and of this line."""
    box, shard, position, receipt = paging.opened(handles(call), handle, invalid())
    if box != queue.box:
        raise invalid()
    delivery = Delivery.get(call, box, shard, position)
    if delivery is None or delivery.receipt != receipt or delivery.letter != letters:
        raise gone()
    if not letters and delivery.line == DEAD and delivery.at <= call.now:
        raise gone()
    return delivery


@kinesis.operation(on=of_arn)
def acknowledge_queue_records(call: Call, queue: Queue, entries: list[Members]) -> dict[str, Any]:
    """Records have been dealt with, and are not delivered again."""
    return each(call, queue, entries, False, lambda delivery, _: delivery.forget(call))


@kinesis.operation(on=of_arn)
def acknowledge_dead_letter_queue_records(call: Call, queue: Queue, entries: list[Members]) -> dict[str, Any]:
    """Dead letters are given up."""
    return each(call, queue, entries, True, lambda delivery, _: delivery.forget(call))


@kinesis.operation(on=of_arn)
def restore_dead_letter_queue_records(call: Call, queue: Queue, entries: list[Members]) -> dict[str, Any]:
    """Dead letters are records as at first: they can be received as often again."""

    def restore(delivery: Delivery, _: Members) -> None:
        delivery.count, delivery.receipt = 0, ""
        delivery.place_at(call, LIVE, call.now)

    return each(call, queue, entries, True, restore)


@kinesis.operation(on=of_arn)
def update_queue_records_visibility(call: Call, queue: Queue, entries: list[Members]) -> dict[str, Any]:
    """Keep records hidden for so long from now."""
    return each(call, queue, entries, False, lambda delivery, entry: hide(call, delivery, entry))


@kinesis.operation(on=of_arn)
def update_dead_letter_queue_records_visibility(call: Call, queue: Queue, entries: list[Members]) -> dict[str, Any]:
    """Keep dead letters hidden for so long from now."""
    return each(call, queue, entries, True, lambda delivery, entry: hide(call, delivery, entry))


def hide(call: Call, delivery: Delivery, entry: Members) -> None:
    if delivery.at <= call.now:
        raise gone()
    delivery.place_at(call, delivery.line, call.now + entry["VisibilityTimeoutSeconds"])
