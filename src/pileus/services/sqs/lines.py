"""The line of a queue's messages: what standard and FIFO queues do alike, each in its own way.

Every operation on messages first brings the line to the present: what has become visible since, and what is past its
retention. The depth knows when there is nothing to do, which is nearly always. When there is more than a call should
wait for, a task does the rest.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Protocol

from pileus.kernel import Call

from . import faults, fifo, sqs, standard
from .depths import Depth
from .messages import Held, Message
from .queues import Queue

PIECE = 100
"""Messages that a call catches up with before it goes on."""
PIECE_OF_TASK = 300
ENDLESS = 1 << 53


class Line(Protocol):
    """What `standard` and `fifo` are."""

    def enqueue(self, call: Call, queue: Queue, depth: Depth, message: Message, delay: int) -> None:
        """Put a message in, to show after so many seconds."""

    def take(
        self, call: Call, queue: Queue, depth: Depth, most: int, timeout: int, tries: int
    ) -> tuple[list[Held], list[Held]]:
        """Hide the first messages for so many seconds; they, and those that had their tries, which are taken out."""
        ...

    def withdraw(self, call: Call, queue: Queue, depth: Depth, most: int) -> list[Held]:
        """Take the first messages out for good."""
        ...

    def delete(self, call: Call, queue: Queue, depth: Depth, place: Any) -> None:
        """Delete the message that a receipt handle means."""

    def hide(self, call: Call, queue: Queue, depth: Depth, place: Any, timeout: int) -> None:
        """Let a message in flight show again after so many seconds from now."""

    def catch_up(self, call: Call, queue: Queue, depth: Depth, piece: int) -> None:
        """Make ready what has become due, and remove what is past its retention, at most so many of each."""


def line(queue: Queue) -> Line:
    return fifo if queue.fifo else standard


def caught_up(call: Call, queue: Queue, piece: int = PIECE) -> Depth:
    """How much the queue holds now; a fault if it was deleted meanwhile."""
    depth = Depth.get(call, queue.name)
    if depth is None:
        raise faults.no_queue()
    if depth.behind(call, queue):
        line(queue).catch_up(call, queue, depth, piece)
        if depth.behind(call, queue) and not depth.catching_up:
            depth.catching_up = True
            catch_up.later(call, queue=queue.name)
        depth.put(call)
    return depth


@sqs.task
def catch_up(call: Call, queue: str) -> None:
    """Bring a queue to the present, piece by piece."""
    found, depth = Queue.get(call, queue), Depth.get(call, queue)
    if found and depth:
        depth.catching_up = False
        depth.put(call)
        caught_up(call, found, PIECE_OF_TASK)


def enqueue(call: Call, queue: Queue, depth: Depth, message: Message, delay: int = 0) -> None:
    """Put a message in, and tell one who waits for it."""
    line(queue).enqueue(call, queue, depth, message, delay)
    announce(call, queue, 1, delay)


def announce(call: Call, queue: Queue, messages: int, seconds: int = 0) -> None:
    """Wake those who wait for messages of the queue, when so many more of them show."""
    call.wake(waited_for(call, queue), messages, due=call.now + seconds if seconds else None)


def waited_for(call: Call, queue: Queue) -> Hashable:
    return "sqs", call.account, call.region, queue.name
