"""How a FIFO queue keeps its messages: each stays where it was put, in the order of its message group.

A `Group` says how far its consumers are. One index over the groups is both the line of those that may be received
from, the one with the oldest message first, and the clock of those that wait for their messages in flight. So a receive
looks at no group that is blocked, and no body is ever written twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from pileus.kernel import Call, Record

from . import receipts
from .depths import NEVER, Depth, horizon, milliseconds
from .messages import Held, Message
from .queues import Queue


class Flight(msgspec.Struct, array_like=True):
    """What a group knows of a message that was received at least once. These are the group's first, and at most ten."""

    number: int
    receives: int = 0
    first_received: int = 0
    received: int = 0
    """When last."""
    due: int = 0
    """When it will be visible again, or 0 when it is."""


class Group(Record, key=("box", "name"), indexes={"turn": ("box", "due", "head")}, array_like=True):
    """A message group, for as long as it has messages."""

    box: str
    name: str
    due: int
    """0 while it may be received from; else when its next message in flight will be visible again."""
    head: int
    """The number of its first message, and when that was sent."""
    sent: int
    flights: list[Flight] = []


class Ripening(Record, key=("box", "due"), array_like=True):
    """How many messages cease to be delayed at a time."""

    box: str
    due: int
    messages: int = 0


class Place(NamedTuple):
    """What a receipt handle says: which message, and which receive of it that was."""

    box: str
    group: str
    number: int
    receives: int


def enqueue(call: Call, queue: Queue, depth: Depth, message: Message, delay: int) -> None:
    """Put a message at the end of its group, to show after so many seconds."""
    message.put(call)
    if Group.get(call, depth.box, message.group) is None:
        Group(depth.box, message.group, 0, message.number, message.sent).put(call)
        depth.oldest = min(depth.oldest, message.sent)
    if delay:
        ripen(call, depth, milliseconds(call) + delay * 1000)
    else:
        depth.visible += 1


def take(call: Call, queue: Queue, depth: Depth, most: int, timeout: int, tries: int) -> tuple[list[Held], list[Held]]:
    """Hide the first messages for so many seconds; they, and those that have had their tries, which are taken out.

    The first groups give as many messages as they can, and are blocked while one of them is in flight.
    """
    held: list[Held] = []
    dead: list[Held] = []
    for group in Group.scan(call, depth.box, 0, index="turn", limit=most):
        messages = list(available(call, queue, group, most - len(held) - len(dead)))
        if not messages:
            continue
        flights = {flight.number: flight for flight in group.flights}
        for message in messages:
            flight = flights.setdefault(message.number, Flight(message.number))
            depth.visible -= 1
            if flight.receives >= tries:
                dead.append(Held(message, flight.receives))
                message.delete(call)
                del flights[message.number]
            else:
                depth.in_flight += 1
                held.append(received(call, message, flight, timeout))
        group.flights = list(flights.values())
        settle(call, depth, group)
        if len(held) + len(dead) == most:
            break
    return held, dead


def hold_again(call: Call, depth: Depth, places: list[Place], due: int, timeout: int) -> list[Held]:
    """Hide messages in flight for so many seconds more, if each of them is still hidden until `due`; else nothing."""
    now = milliseconds(call)
    groups = {name: Group.get(call, depth.box, name) for name in {place.group for place in places}}
    held = []
    for place in places:
        flight = flight_of(groups[place.group], place.number)
        message = Message.get(call, place.box, place.group, place.number)
        if not message or not flight or flight.receives != place.receives or flight.due != due or due <= now:
            return []
        flight.due = now + timeout * 1000
        held.append(Held(message, flight.receives, flight.first_received, place))
    for group in filter(None, groups.values()):
        settle(call, depth, group)
    return held


def received(call: Call, message: Message, flight: Flight, timeout: int) -> Held:
    now = milliseconds(call)
    flight.receives += 1
    flight.received = now
    flight.first_received = flight.first_received or now
    flight.due = now + timeout * 1000
    place = Place(message.box, message.group, message.number, flight.receives)
    return Held(message, flight.receives, flight.first_received, place)


def withdraw(call: Call, queue: Queue, depth: Depth, most: int) -> list[Held]:
    """Take the first messages out for good, in order."""
    held: list[Held] = []
    for group in Group.scan(call, depth.box, 0, index="turn", limit=most):
        for message in available(call, queue, group, most - len(held)):
            held.append(Held(message, 0))
            message.delete(call)
            depth.visible -= 1
        taken = {held.message.number for held in held}
        group.flights = [flight for flight in group.flights if flight.number not in taken]
        settle(call, depth, group)
    return held


def available(call: Call, queue: Queue, group: Group, most: int) -> Iterator[Message]:
    """The first messages of a group that is not blocked: up to the first that is delayed.

    The queue's delay is what counts, as it is now: on FIFO queues a change concerns the messages that are there already
    (Developer Guide, "Amazon SQS delay queues").
    """
    oldest, ripe = horizon(call, queue), milliseconds(call) - queue.number("DelaySeconds") * 1000
    if most <= 0:
        return
    for message in Message.scan(call, group.box, group.name, limit=most):
        if not oldest <= message.sent <= ripe:
            break
        yield message


def delete(call: Call, queue: Queue, depth: Depth, place: Place) -> None:
    """Delete a message in flight, and let the group go on when it was the last."""
    if found := find(call, queue, depth, place):
        group, flight = found
        group.flights.remove(flight)
        Message.delete_all(call, group.box, group.name, flight.number)
        depth.in_flight -= 1
        settle(call, depth, group)


def hide(call: Call, queue: Queue, depth: Depth, place: Place, timeout: int) -> None:
    """Let a message in flight show again after so many seconds from now."""
    found = find(call, queue, depth, place)
    if found is None:
        reason = "Message does not exist or is not available for visibility timeout change."
        raise receipts.refused(call, queue, place, reason)
    group, flight = found
    if timeout:
        flight.due = receipts.hidden_until(call, flight.received, timeout)
    else:
        land(depth, flight)
    settle(call, depth, group)


def find(call: Call, queue: Queue, depth: Depth, place: Place) -> tuple[Group, Flight] | None:
    """The message that a receipt handle means, or None if it is gone; a handle expires when its message shows again."""
    box, name, number, receives = place
    group = Group.get(call, box, name) if box == depth.box else None
    flight = flight_of(group, number)
    if not group or not flight:
        return None
    if flight.receives != receives or flight.due <= milliseconds(call):
        raise receipts.refused(call, queue, place, "The receipt handle has expired.")
    return group, flight


def flight_of(group: Group | None, number: int) -> Flight | None:
    return next((flight for flight in group.flights if flight.number == number), None) if group else None


def settle(call: Call, depth: Depth, group: Group) -> None:
    """Store a group after a change, in the place of the line that it has now; an empty one goes."""
    if due := min([flight.due for flight in group.flights if flight.due], default=0):
        group.due = due
        depth.next_due = min(depth.next_due, due)
    elif head := Message.first(call, group.box, group.name):
        group.due, group.head, group.sent = 0, head.number, head.sent
        depth.oldest = min(depth.oldest, head.sent)
    else:
        group.delete(call)
        return
    group.put(call)


def land(depth: Depth, flight: Flight) -> None:
    flight.due = 0
    depth.in_flight -= 1
    depth.visible += 1


def ripen(call: Call, depth: Depth, due: int) -> None:
    """Count one more message that is delayed until then."""
    ripening = Ripening.get(call, depth.box, due) or Ripening(depth.box, due)
    ripening.messages += 1
    ripening.put(call)
    depth.delayed += 1
    depth.next_due = min(depth.next_due, due)


def catch_up(call: Call, queue: Queue, depth: Depth, piece: int) -> None:
    """Release what has become due, and remove what is past its retention, at most so many of each."""
    now, oldest = milliseconds(call), horizon(call, queue)
    for group in Group.scan(call, depth.box, index="turn", above=(0,), upto=(now,), limit=piece):
        for flight in group.flights:
            if 0 < flight.due <= now:
                land(depth, flight)
        settle(call, depth, group)
    for ripe in Ripening.scan(call, depth.box, upto=(now,), limit=piece):
        ripe.delete(call)
        depth.delayed -= ripe.messages
        depth.visible += ripe.messages
    for group in Group.scan(call, depth.box, 0, index="turn", limit=piece):
        if group.sent >= oldest:
            break
        expire(call, depth, group, oldest, piece)
    blocked = Group.first(call, depth.box, index="turn", above=(0,))
    ripening = Ripening.first(call, depth.box)
    waiting = Group.first(call, depth.box, 0, index="turn")
    depth.next_due = min(blocked.due if blocked else NEVER, ripening.due if ripening else NEVER)
    depth.oldest = waiting.sent if waiting else NEVER


def expire(call: Call, depth: Depth, group: Group, oldest: int, piece: int) -> None:
    """Remove the messages of a group that were sent before then."""
    for message in Message.scan(call, group.box, group.name, limit=piece):
        if message.sent >= oldest:
            break
        message.delete(call)
        depth.visible -= 1
        group.flights = [flight for flight in group.flights if flight.number != message.number]
    settle(call, depth, group)


def redelay(call: Call, depth: Depth, seconds: int) -> None:
    """Count delayed messages as such for so many seconds more, or less, after the queue's delay was changed."""
    for ripening in list(Ripening.scan(call, depth.box)):
        ripening.move(call, due=ripening.due + seconds * 1000)
    first = Ripening.first(call, depth.box)
    depth.next_due = min(depth.next_due, first.due if first else NEVER)
