"""Lives of resources: the states that follow one another on the cloud's clock, and the accounts that see them.

    class Attachment(Record, …):
        life: ClassVar[Life] = {"pending": ("available", 1.0), "deleting": ("deleted", 1.0), "deleted": (GONE, 3600.0)}

A resource that two accounts or Regions see (a peering connection) names them in `parties`: it is kept with each of
them, so that a listing is a range for both, and each has tags of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from pileus.kernel import Call
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import MOMENT
from pileus.services.ec2.kinds import kind_of

GONE = ""
"""What follows the last state."""

Life = dict[str, tuple[str, float]]
"""The next state by a state, and the seconds until then."""

BRIEFLY = MOMENT
REMEMBERED = 3600.0
"""How long EC2 still shows what is deleted."""

USUAL: Life = {
    "pending": ("available", BRIEFLY),
    "modifying": ("available", BRIEFLY),
    "deleting": ("deleted", BRIEFLY),
    "deleted": (GONE, REMEMBERED),
}


def enter(call: Call, record: Any, state: str) -> None:
    """Bring a resource into a state, keep it, and see to the next state that its life has after that."""
    record.state, record.since = state, call.now
    save(call, record)
    if rule := record.life.get(state):
        advance.later(call, delay=rule[1], what=record.place()[-1], since=call.now)


@ec2.task
def advance(call: Call, what: str, since: float) -> None:
    """A state's time is over."""
    one = kind_of(what)
    record: Any = one.record.get(call, what) if one else None
    if record is None or record.since != since or record.state not in record.life:
        return
    state = record.life[record.state][0]
    if state != GONE:
        enter(call, record, state)
    else:
        remove(call, record)
    if entered := getattr(record, "entered", None):
        entered(call, state)


def save(call: Call, record: Any) -> None:
    """Keep a resource, with each of the parties that see it."""
    for there in _parties(call, record):
        mine = type(record).get(there, *record.place())
        if there.account == call.account and there.region == call.region:
            record.put(there)
        else:
            msgspec.structs.replace(record, tags=mine.tags if mine else {}).put(there)


def remove(call: Call, record: Any) -> None:
    """A resource is gone for good, for all who saw it."""
    for there in _parties(call, record):
        if mine := type(record).get(there, *record.place()):
            mine.delete(there)


def _parties(call: Call, record: Any) -> Iterator[Call]:
    parties = [tuple(one) for one in getattr(record, "parties", ())] or [(call.account, call.region)]
    for account, region in dict.fromkeys(parties):
        yield call.at(account, region)
