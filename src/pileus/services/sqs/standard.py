"""How a standard queue keeps its messages: each is one row, whose key says when its turn comes.

Rows with `due` 0 may be received, the oldest first; the others are delayed or in flight until then. So sending is one
write, receiving moves the row, and a receipt handle, which says where the row was put, finds it without a search.
A large body has a row of its own: it is written once, however often the message moves.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec.structs import replace

from pileus.kernel import Call, Fault, Record

from . import receipts
from .depths import NEVER, Depth, horizon, milliseconds
from .messages import Held, Message
from .queues import Queue

LARGE = 16 * 1024
"""Characters of a body from which on it does not travel with its row."""


class Turn(Record, key=("box", "due", "sent", "number"), array_like=True):
    """A message that waits for its turn."""

    box: str
    due: int
    sent: int
    number: int
    message: Message
    """Without its body and attributes if they are kept apart."""
    receives: int = 0
    first_received: int = 0
    received: int = 0
    """When last."""
    displaced: bool = False
    """Whether a `Displaced` tells where it is."""

    def content(self, call: Call) -> Message:
        message = self.message
        return message if message.body else Message.get(call, self.box, message.group, self.number) or message

    def remove(self, call: Call) -> None:
        """Delete it with all that belongs to it."""
        self.delete(call)
        if not self.message.body:
            Message.delete_all(call, self.box, self.message.group, self.number)
        self.in_place(call)

    def in_place(self, call: Call) -> None:
        """Forget that it was displaced."""
        if self.displaced:
            Displaced(self.box, self.number, self.due).delete(call)
            self.displaced = False


class Displaced(Record, key=("box", "number"), array_like=True):
    """Where ChangeMessageVisibility put a message whose receipt handle says another place."""

    box: str
    number: int
    due: int


class Place(NamedTuple):
    """What a receipt handle says: where a receive put which message, and which receive of it that was."""

    box: str
    due: int
    sent: int
    number: int
    receives: int


def enqueue(call: Call, queue: Queue, depth: Depth, message: Message, delay: int) -> None:
    """Put a message in, to show after so many seconds."""
    if len(message.body) >= LARGE:
        message.put(call)
        message = replace(message, body="", attributes={})
    due = milliseconds(call) + delay * 1000 if delay else 0
    turn = Turn(depth.box, due, message.sent, message.number, message)
    turn.put(call)
    count(depth, turn, 1)


def take(call: Call, queue: Queue, depth: Depth, most: int, timeout: int, tries: int) -> tuple[list[Held], list[Held]]:
    """Hide the first messages for so many seconds; they, and those that have had their tries, which are taken out."""
    now = milliseconds(call)
    held, dead = [], []
    for turn in ready(call, queue, depth, most):
        count(depth, turn, -1)
        if turn.receives >= tries:
            dead.append(Held(turn.content(call), turn.receives))
            turn.remove(call)
            continue
        turn.receives += 1
        turn.received = now
        turn.first_received = turn.first_received or now
        turn.move(call, due=now + timeout * 1000)
        count(depth, turn, 1)
        place = Place(turn.box, turn.due, turn.sent, turn.number, turn.receives)
        held.append(Held(turn.content(call), turn.receives, turn.first_received, place))
    return held, dead


def withdraw(call: Call, queue: Queue, depth: Depth, most: int) -> list[Held]:
    """Take the first messages out for good."""
    held = []
    for turn in ready(call, queue, depth, most):
        held.append(Held(turn.content(call), turn.receives))
        turn.remove(call)
        count(depth, turn, -1)
    return held


def ready(call: Call, queue: Queue, depth: Depth, most: int) -> list[Turn]:
    return list(Turn.scan(call, depth.box, 0, since=(horizon(call, queue),), limit=most))


def delete(call: Call, queue: Queue, depth: Depth, place: Place) -> None:
    """Delete a message, even if it shows again; after it was received again, the older handle does nothing."""
    if turn := find(call, depth, place):
        turn.remove(call)
        count(depth, turn, -1)


def hide(call: Call, queue: Queue, depth: Depth, place: Place, timeout: int) -> None:
    """Let a message in flight show again after so many seconds from now."""
    turn = find(call, depth, place)
    if turn is None:
        reason = "Message does not exist or is not available for visibility timeout change."
        raise receipts.refused(call, queue, place, reason)
    if turn.due <= milliseconds(call):
        raise Fault("MessageNotInflight", "The specified message isn't in flight.")
    due = receipts.hidden_until(call, turn.received, timeout) if timeout else 0
    count(depth, turn, -1)
    turn.in_place(call)
    turn.displaced = due > 0
    turn.move(call, due=due)
    if turn.displaced:
        Displaced(turn.box, turn.number, due).put(call)
    count(depth, turn, 1)


def find(call: Call, depth: Depth, place: Place) -> Turn | None:
    """The message that a receipt handle means, unless it is gone, or was received again since."""
    box, due, sent, number, receives = place
    if box != depth.box:
        return None
    turn = Turn.get(call, box, due, sent, number)
    if turn is None and (displaced := Displaced.get(call, box, number)):
        turn = Turn.get(call, box, displaced.due, sent, number)
    turn = turn or Turn.get(call, box, 0, sent, number)
    return turn if turn and turn.receives == receives else None


def catch_up(call: Call, queue: Queue, depth: Depth, piece: int) -> None:
    """Make ready what has become due, and remove what is past its retention, at most so many of each."""
    oldest = horizon(call, queue)
    for turn in Turn.scan(call, depth.box, above=(0,), upto=(milliseconds(call),), limit=piece):
        count(depth, turn, -1)
        if turn.sent < oldest:
            turn.remove(call)
            continue
        turn.in_place(call)
        turn.move(call, due=0)
        count(depth, turn, 1)
    for turn in Turn.scan(call, depth.box, 0, before=(oldest,), limit=piece):
        turn.remove(call)
        count(depth, turn, -1)
    hidden, waiting = Turn.first(call, depth.box, above=(0,)), Turn.first(call, depth.box, 0)
    depth.next_due = hidden.due if hidden else NEVER
    depth.oldest = waiting.sent if waiting else NEVER


def count(depth: Depth, turn: Turn, change: int) -> None:
    """Count a message in or out, as what it is."""
    if turn.due == 0:
        depth.visible += change
        depth.oldest = min(depth.oldest, turn.sent)
    elif turn.receives:
        depth.in_flight += change
        depth.next_due = min(depth.next_due, turn.due)
    else:
        depth.delayed += change
        depth.next_due = min(depth.next_due, turn.due)
