"""What is told of every change of a VPC's wiring: the network is then made to look like the records."""

from __future__ import annotations

from pileus.kernel import Call, Record


class Wiring(Record):
    """How often the wiring of a VPC has changed, and when it last did."""

    vpc_id: str
    number: int = 0
    at: float = 0.0


def changed(call: Call, vpc_id: str) -> None:
    """A record that says how packets go in a VPC has changed."""
    wiring = Wiring.get(call, vpc_id) or Wiring(vpc_id=vpc_id)
    wiring.number, wiring.at = wiring.number + 1, call.now
    wiring.put(call)


def removed(call: Call, vpc_id: str) -> None:
    """A VPC is no more."""
    Wiring(vpc_id=vpc_id).delete(call)
