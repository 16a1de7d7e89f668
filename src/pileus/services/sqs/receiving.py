"""Receiving messages, at once or by a long poll."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from pileus.kernel import Call, Fault

from . import deduplication, faults, lines, messages, receipts, redrive, sqs
from .depths import NEVER, Depth
from .messages import Attributes, Held
from .queues import Queue

MOST_MESSAGES = 10
MOST_WAIT = 20
MOST_IN_FLIGHT = 120_000
MOST_BURIALS = 100
"""Dead letters that one receive sorts out before it gives up looking for better ones."""

SYSTEM_ATTRIBUTES: dict[str, Callable[[Held], str]] = {
    "SenderId": lambda held: held.message.sender,
    "SentTimestamp": lambda held: str(held.message.sent),
    "ApproximateReceiveCount": lambda held: str(held.message.receives_before + held.receives),
    "ApproximateFirstReceiveTimestamp": lambda held: str(held.first_received),
    "SequenceNumber": lambda held: held.message.sequence_number,
    "MessageDeduplicationId": lambda held: held.message.deduplication_id,
    "MessageGroupId": lambda held: held.message.group,
    "AWSTraceHeader": lambda held: held.message.trace,
    "DeadLetterQueueSourceArn": lambda held: held.message.source,
}
"""What a consumer may ask of a message; those without a value are left out."""


class Order(NamedTuple):
    """What a consumer wants."""

    most: int
    timeout: int | None
    wait: int | None
    attempt_id: str
    system_attributes: Collection[str]
    attributes: Collection[str]


@sqs.operation(on=Queue.by_url)
async def receive_message(
    call: Call,
    queue: Queue,
    attribute_names: list[str] = [],
    message_system_attribute_names: list[str] = [],
    message_attribute_names: list[str] = [],
    max_number_of_messages: int = 1,
    visibility_timeout: int | None = None,
    wait_time_seconds: int | None = None,
    receive_request_attempt_id: str = "",
) -> dict[str, Any]:
    """Receive messages, which are then hidden from others. Where there is none, wait for one as long as is asked.

    The wait is real time, whatever the cloud's clock does; a message that becomes visible meanwhile ends it.
    """
    order = Order(
        faults.within("MaxNumberOfMessages", max_number_of_messages, 1, MOST_MESSAGES),
        visibility_timeout,
        wait_time_seconds,
        receive_request_attempt_id,
        chosen([*attribute_names, *message_system_attribute_names]),
        message_attribute_names,
    )
    check(queue, order)
    wait = queue.number("ReceiveMessageWaitTimeSeconds") if wait_time_seconds is None else wait_time_seconds
    until = time.monotonic() + wait
    while True:
        with call.transaction():
            held, due = receive(call, queue, order, polite=wait > 0)
        left = until - time.monotonic()
        if held or left <= 0:
            return {"Messages": [answer(call, queue, order, one) for one in held]} if held else {}
        await call.wait(lines.waited_for(call, queue), seconds=left, due=due)
        queue = Queue.by_name(call, queue.name)


def check(queue: Queue, order: Order) -> None:
    if order.timeout is not None:
        faults.within("VisibilityTimeout", order.timeout, 0, receipts.LONGEST_VISIBILITY)
    if order.wait is not None and not 0 <= order.wait <= MOST_WAIT:
        raise faults.invalid("WaitTimeSeconds", order.wait, f"Must be >= 0 and <= {MOST_WAIT}, if provided.")
    if order.attempt_id:
        messages.check_token("ReceiveRequestAttemptId", order.attempt_id)
        if not queue.fifo:
            raise faults.wrong_kind("ReceiveRequestAttemptId", order.attempt_id)


def receive(call: Call, queue: Queue, order: Order, *, polite: bool) -> tuple[list[Held], float | None]:
    """The first messages, now in flight, and the time at which the next may show."""
    depth = lines.caught_up(call, queue)
    timeout = queue.number("VisibilityTimeout") if order.timeout is None else order.timeout
    held: list[Held] = []
    if order.attempt_id:
        held = deduplication.repeated(call, queue, depth, order.attempt_id, timeout)
    if not held and (room := room_in_flight(queue, depth, order.most, polite=polite)):
        held = take(call, queue, depth, room, timeout)
        if held and order.attempt_id:
            deduplication.attempted(call, queue, depth, order.attempt_id, held, timeout)
    if held:
        lines.announce(call, queue, len(held), timeout)
        depth.put(call)
    return held, depth.next_due / 1000 if depth.next_due < NEVER else None


def room_in_flight(queue: Queue, depth: Depth, most: int, *, polite: bool) -> int:
    """How many messages may yet be in flight; only short polls of standard queues are told that there are too many."""
    room = max(0, min(most, MOST_IN_FLIGHT - depth.in_flight))
    if room == 0 and not polite and not queue.fifo:
        raise Fault("OverLimit", f"The maximum number of in flight messages is reached: {MOST_IN_FLIGHT}.")
    return room


def take(call: Call, queue: Queue, depth: Depth, most: int, timeout: int) -> list[Held]:
    """The first messages that have not been received too often; the others go to the dead-letter queue."""
    line = lines.line(queue)
    cemetery = redrive.dead_letter_queue(call, queue)
    if cemetery is None:
        return line.take(call, queue, depth, most, timeout, lines.ENDLESS)[0]
    held: list[Held] = []
    for _ in range(0, MOST_BURIALS, MOST_MESSAGES):
        more, dead = line.take(call, queue, depth, most - len(held), timeout, redrive.tries(queue))
        held += more
        if not dead:
            break
        redrive.bury(call, queue, cemetery, dead)
        depth.put(call)
    return held


def chosen(names: list[str]) -> Collection[str]:
    """The system attributes that a consumer asks for."""
    if "All" in names:
        return SYSTEM_ATTRIBUTES
    for name in names:
        if name not in SYSTEM_ATTRIBUTES:
            raise faults.unknown_attribute(name)
    return names


def matching(attributes: Attributes, names: Collection[str]) -> Attributes:
    """The message attributes that a consumer asks for: by name, by a prefix such as `color.*`, or all of them."""
    if "All" in names or ".*" in names:
        return attributes
    prefixes = tuple(name[:-1] for name in names if name.endswith(".*"))
    return {name: value for name, value in attributes.items() if name in names or name.startswith(prefixes)}


def answer(call: Call, queue: Queue, order: Order, held: Held) -> dict[str, Any]:
    """A message as its consumer gets it."""
    message = held.message
    shown: dict[str, Any] = {
        "MessageId": message.id,
        "ReceiptHandle": receipts.handle(call, queue, held.place),
        "MD5OfBody": messages.digest(message.body),
        "Body": message.body,
    }
    if order.system_attributes:
        values = {name: SYSTEM_ATTRIBUTES[name](held) for name in order.system_attributes}
        if values := {name: value for name, value in values.items() if value}:
            shown["Attributes"] = values
    if order.attributes and (attributes := matching(message.attributes, order.attributes)):
        shown["MessageAttributes"] = attributes
        shown["MD5OfMessageAttributes"] = messages.attributes_digest(attributes)
    return shown
