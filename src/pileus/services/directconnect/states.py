"""How resources change with time: each state is followed by another on the cloud's clock.

@living
class Connection(Record): life = {"requested": ("pending", 1.0), "deleting": ("deleted", 1.0), "deleted": (GONE, DAY)}
"""

from __future__ import annotations

from typing import Any, TypeVar

from pileus.kernel import Call

from . import directconnect

GONE = ""
DAY = 86400.0

Life = dict[str, tuple[str, float]]

K = TypeVar("K", bound=type)

KINDS: dict[str, Any] = {}


def living(record: K) -> K:
    """Declare a kind of resource that has a life."""
    KINDS[record.__name__] = record
    return record


def enter(call: Call, record: Any, state: str) -> None:
    """Bring a resource into a state, keep it, and see to the next one."""
    record.state, record.since = state, call.now
    record.put(call)
    if entered := getattr(record, "entered", None):
        entered(call)
    if rule := record.life.get(state):
        next_state.later(call, delay=rule[1], kind=type(record).__name__, what=record.place()[0], since=call.now)


@directconnect.task
def next_state(call: Call, kind: str, what: str, since: float) -> None:
    """A state's time is over."""
    record = KINDS[kind].get(call, what)
    if record is None or record.since != since or record.state not in record.life:
        return
    state = record.life[record.state][0]
    if state == GONE:
        record.delete(call)
        return
    enter(call, record, state)
