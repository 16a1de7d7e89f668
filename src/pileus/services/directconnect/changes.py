"""What is told of every change that lines carry: the networks of an account's lines are then made to look like it.

They are one for all Regions, since a Direct Connect gateway is.
"""

from __future__ import annotations

from collections.abc import Callable

from pileus.kernel import Call, Record

HOME = "us-east-1"
"""The Region in which the one keeper of an account is; of no consequence."""

HEARERS: list[Callable[[Call], None]] = []


class Wiring(Record, scope="account"):
    """How often what an account's lines carry has changed."""

    name: str
    number: int = 0


def hears(step: Callable[[Call], None]) -> Callable[[Call], None]:
    """Declare what else is done when something has changed."""
    HEARERS.append(step)
    return step


def changed(call: Call, account: str = "") -> None:
    """Something has changed that an account's lines carry."""
    there = call.at(account or call.account, HOME)
    wiring = Wiring.get(there, "lines") or Wiring("lines")
    wiring.number += 1
    wiring.put(there)
    for step in HEARERS:
        step(there)
