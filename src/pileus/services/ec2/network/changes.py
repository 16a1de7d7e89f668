"""What is told of every change of a VPC's wiring: the network is then made to look like the records."""

from __future__ import annotations

from collections.abc import Callable

from pileus.kernel import Call, Record

from . import sharing

HEARERS: list[Callable[[Call, str], None]] = []
"""Told of each VPC that has changed, in the same transaction."""


def hears(step: Callable[[Call, str], None]) -> Callable[[Call, str], None]:
    """Declare what else is done when the wiring of a VPC has changed, or is no more."""
    HEARERS.append(step)
    return step


class Wiring(Record):
    """How often the wiring of a VPC has changed, and when it last did."""

    vpc_id: str
    number: int = 0
    at: float = 0.0


def changed(call: Call, vpc_id: str) -> None:
    """A record that says how packets go in a VPC has changed; its owner is told, whoever changed it."""
    call = sharing.home(call, vpc_id)
    wiring = Wiring.get(call, vpc_id) or Wiring(vpc_id=vpc_id)
    wiring.number, wiring.at = wiring.number + 1, call.now
    wiring.put(call)
    for step in HEARERS:
        step(call, vpc_id)


def removed(call: Call, vpc_id: str) -> None:
    """A VPC is no more."""
    Wiring(vpc_id=vpc_id).delete(call)
    for step in HEARERS:
        step(call, vpc_id)
