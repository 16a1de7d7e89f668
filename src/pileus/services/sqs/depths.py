"""How much a queue holds, and where: counts that every operation on messages keeps exact, so that nobody must count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pileus.kernel import Call, Record

if TYPE_CHECKING:
    from .queues import Queue

NEVER = 1 << 53


class Depth(Record, array_like=True):
    """A queue's messages by state, and from when on there is something to catch up with.

    Apart from the queue because it changes with every message. Times are milliseconds, as in all records of messages.
    """

    queue: str
    box: str
    """Where the messages lie: the first element of their keys. A purge gives the queue a new box."""
    visible: int = 0
    delayed: int = 0
    in_flight: int = 0
    last: int = 0
    """The number of the last message; numbers go on for as long as there is the queue."""
    next_due: int = NEVER
    """No message that is hidden shows before."""
    oldest: int = NEVER
    """No message that waits to be received was sent before."""
    catching_up: bool = False
    """Whether a task is at it."""
    window: int = 0
    """The last time window of which a FIFO queue remembers something (see `deduplication`)."""
    purged: float = 0.0

    def number(self) -> int:
        """The number of one more message."""
        self.last += 1
        return self.last

    def behind(self, call: Call, queue: Queue) -> bool:
        """Whether hidden messages may have become due, or waiting ones too old."""
        now = milliseconds(call)
        return self.next_due <= now or self.oldest < now - queue.retention


def milliseconds(call: Call) -> int:
    # A time in milliseconds that went through seconds must come back as itself, and floats fall short of it.
    return int(call.now * 1000 + 0.001)


def horizon(call: Call, queue: Queue) -> int:
    """What was sent before is past the queue's retention."""
    return milliseconds(call) - queue.retention
