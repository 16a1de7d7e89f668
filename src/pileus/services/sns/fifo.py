"""FIFO topics: numbers in order, and messages that are published again within five minutes.

Memories lie in windows of five minutes, as those of SQS do: to recall one asks two windows, to forget removes one.
"""

from __future__ import annotations

from hashlib import sha256

from pileus.kernel import Call, Record

from . import sns
from .faults import invalid
from .messages import Notice, check_token
from .topics import Topic

INTERVAL = 300
FIRST = 10_000_000_000_000_000_000
PIECE = 1000


class Line(Record):
    """How far a FIFO topic has counted."""

    topic: str
    last: int = 0
    window: int = 0
    """The last window of which something is remembered."""
    sweeping: bool = False
    """Whether a task waits for the oldest message of its archive to go."""


class Published(Record, key=("topic", "window", "scope", "id"), array_like=True):
    """A message that was published lately."""

    topic: str
    window: int
    scope: str
    id: str
    at: float
    message_id: str
    sequence_number: str


def identified(topic: Topic, message: str, given: str) -> str:
    """The deduplication id of a message: the publisher's own, or one made of the message."""
    if given:
        check_token("MessageDeduplicationId", given)
        return given
    if topic.attributes.get("ContentBasedDeduplication") == "true":
        return sha256(message.encode()).hexdigest()
    raise invalid(
        "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
    )


def scope(topic: Topic, notice: Notice) -> str:
    return notice.group if topic.attributes.get("FifoThroughputScope") == "MessageGroup" else ""


def earlier(call: Call, topic: Topic, notice: Notice) -> Published | None:
    """The message of the same id, if it was published in the last five minutes."""
    window = int(call.now) // INTERVAL
    for one in (window, window - 1):
        found = Published.get(call, topic.id, one, scope(topic, notice), notice.deduplication_id)
        if found and call.now - found.at < INTERVAL:
            return found
    return None


def numbered(call: Call, topic: Topic, notice: Notice) -> None:
    """Give a message its place in the order, and remember it."""
    line = Line.get(call, topic.id) or Line(topic.id)
    line.last += 1
    notice.sequence_number = str(FIRST + line.last * 1000)
    window = int(call.now) // INTERVAL
    if line.window < window:
        line.window = window
        forget.later(call, topic=topic.id, window=window, due=float((window + 2) * INTERVAL))
    line.put(call)
    place = topic.id, window, scope(topic, notice), notice.deduplication_id
    Published(*place, call.now, notice.id, notice.sequence_number).put(call)


@sns.task
def forget(call: Call, topic: str, window: int) -> None:
    """Remove the memories of a window, piece by piece."""
    if Published.delete_all(call, topic, window, limit=PIECE) == PIECE:
        forget.later(call, topic=topic, window=window)
