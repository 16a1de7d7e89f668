"""Purging and deleting queues: at once for everybody, while a task clears away what was in them.

A queue's messages lie in a box. A purge gives the queue a new one, however many messages are in the old.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, names

from . import fifo, lines, moves, sqs, standard
from .depths import NEVER
from .messages import Message
from .queues import DELETED_RECENTLY, Deleted, Queue

PURGED_RECENTLY = 60.0
PIECE = 1000

IN_A_BOX: tuple[Any, ...] = (Message, standard.Turn, standard.Displaced, fifo.Ripening)


@sqs.operation(on=Queue.by_url)
def purge_queue(call: Call, queue: Queue) -> None:
    """Delete all messages, those in flight among them. A FIFO queue goes on remembering what it was sent."""
    depth = lines.caught_up(call, queue)
    if call.now - depth.purged < PURGED_RECENTLY:
        message = f"Only one PurgeQueue operation on {queue.name} is allowed every 60 seconds."
        raise Fault("PurgeQueueInProgress", message)
    empty.later(call, box=depth.box)
    depth.box = names.token(8)
    depth.purged = call.now
    depth.visible = depth.delayed = depth.in_flight = 0
    depth.next_due = depth.oldest = NEVER
    depth.put(call)


@sqs.operation(on=Queue.by_url)
def delete_queue(call: Call, queue: Queue) -> None:
    """Delete a queue with its messages; its name is free again after 60 seconds."""
    depth = lines.caught_up(call, queue)
    queue.delete(call)
    depth.delete(call)
    Deleted(queue.name, call.now).put(call)
    moves.Move.delete_all(call, queue.name)
    empty.later(call, box=depth.box)
    release_name.later(call, queue=queue.name, delay=DELETED_RECENTLY)
    call.wake(lines.waited_for(call, queue))


@sqs.task
def empty(call: Call, box: str) -> None:
    """Remove what is in a box, piece by piece."""
    removed = [kind.delete_all(call, box, limit=PIECE) for kind in IN_A_BOX]
    groups = list(fifo.Group.scan(call, box, limit=PIECE))
    for group in groups:
        group.delete(call)
    if PIECE in (*removed, len(groups)):
        empty.later(call, box=box)


@sqs.task
def release_name(call: Call, queue: str) -> None:
    """Forget that there was a queue of that name."""
    deleted = Deleted.get(call, queue)
    if deleted and call.now - deleted.at >= DELETED_RECENTLY:
        deleted.delete(call)
