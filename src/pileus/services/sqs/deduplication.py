"""What a FIFO queue remembers for five minutes: the messages it was sent, and the receives it answered.

Memories lie in windows of five minutes: to recall one asks the present window and the one before, and to forget is a
task that removes a window as a whole. See the Developer Guide, "Exactly-once processing in Amazon SQS".
"""

from __future__ import annotations

from hashlib import sha256
from typing import TypeVar

from pileus.kernel import Call, Fault, Record

from . import fifo, sqs
from .depths import Depth, milliseconds
from .messages import Held, Message
from .queues import Queue

INTERVAL = 300_000
"""Milliseconds."""
PIECE = 1000


class Sent(Record, key=("queue", "window", "scope", "id"), array_like=True):
    """A message that was sent, though it may have been received and deleted since."""

    queue: str
    """The queue's id: a later queue of the same name remembers nothing."""
    window: int
    scope: str
    """The message group, where the queue's DeduplicationScope says so."""
    id: str
    at: int
    message_id: str
    number: int


class Attempt(Record, key=("queue", "window", "id"), array_like=True):
    """A receive that its consumer may repeat: what it was answered, and until when that is hidden."""

    queue: str
    window: int
    id: str
    at: int
    due: int
    places: list[fifo.Place]


Memory = TypeVar("Memory", Sent, Attempt)


def recall(kind: type[Memory], call: Call, queue: Queue, *key: str) -> Memory | None:
    """What happened under that key in the last five minutes."""
    now = milliseconds(call)
    for window in (now // INTERVAL, now // INTERVAL - 1):
        memory = kind.get(call, queue.id, window, *key)
        if memory and now - memory.at < INTERVAL:
            return memory
    return None


def remember(call: Call, depth: Depth, memory: Sent | Attempt) -> None:
    """Keep something in mind, and see to it that its window is forgotten when it has passed."""
    memory.put(call)
    if depth.window < memory.window:
        depth.window = memory.window
        forget.later(call, queue=memory.queue, window=memory.window, due=(memory.window + 2) * INTERVAL / 1000)


@sqs.task
def forget(call: Call, queue: str, window: int) -> None:
    """Remove the memories of a window, piece by piece."""
    forgotten = [kind.delete_all(call, queue, window, limit=PIECE) for kind in (Sent, Attempt)]
    if PIECE in forgotten:
        forget.later(call, queue=queue, window=window)


# Sending


def identified(queue: Queue, body: str, given: str) -> str:
    """The deduplication id of a message: the producer's own, or one made of the body."""
    if given or queue.attributes["ContentBasedDeduplication"] == "true":
        return given or sha256(body.encode()).hexdigest()
    raise Fault(
        "InvalidParameterValue",
        "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
    )


def scope(queue: Queue, group: str) -> str:
    return group if queue.attributes["DeduplicationScope"] == "messageGroup" else ""


def earlier(call: Call, queue: Queue, group: str, deduplication_id: str) -> Sent | None:
    """The message of that id, if it was sent in the last five minutes."""
    return recall(Sent, call, queue, scope(queue, group), deduplication_id)


def sent(call: Call, queue: Queue, depth: Depth, message: Message) -> None:
    place = queue.id, message.sent // INTERVAL, scope(queue, message.group), message.deduplication_id
    remember(call, depth, Sent(*place, message.sent, message.id, message.number))


# Receiving


def repeated(call: Call, queue: Queue, depth: Depth, attempt_id: str, timeout: int) -> list[Held]:
    """What an earlier receive with the same id was answered, if nobody has touched it since; it stays hidden anew."""
    attempt = recall(Attempt, call, queue, attempt_id)
    if attempt is None:
        return []
    held = fifo.hold_again(call, depth, attempt.places, attempt.due, timeout)
    if held:
        attempt.due = milliseconds(call) + timeout * 1000
        attempt.put(call)
    return held


def attempted(call: Call, queue: Queue, depth: Depth, attempt_id: str, held: list[Held], timeout: int) -> None:
    now = milliseconds(call)
    places = [fifo.Place(*one.place) for one in held]
    remember(call, depth, Attempt(queue.id, now // INTERVAL, attempt_id, now, now + timeout * 1000, places))
