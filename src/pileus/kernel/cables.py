"""Cables between networks that belong to different services: a line of Direct Connect ends at a gateway of a VPC.

Who lays one says where it leads to and what is behind it; whoever has what it leads to is told, joins it to a network
of its own, and says in turn what is behind that. Neither knows the other.

    cables.lay(call, Cable(to="vgw-…", name="dxvif-…", network="dxvif-…", …))     told to  @cables.lands("vgw")
    cables.answer(call, cable, ["10.0.0.0/16"])                                   told to  @cables.lays("directconnect")
"""

from __future__ import annotations

from collections.abc import Callable

from .call import Call
from .record import Record


class Cable(
    Record, scope="cloud", key=("to", "name"), indexes={"of_network": ("network",), "of_layer": ("service", "account")}
):
    """A cable between two networks."""

    to: str
    """What it leads to: a gateway of some kind."""
    name: str
    """What links of both networks are called."""
    network: str
    """The network at the end of whoever has laid it."""
    service: str
    account: str
    region: str
    """Whose that end is."""
    far_account: str
    far_region: str
    """Whose that is to which it leads."""
    told: dict[str, int] = {}
    """The blocks behind the network of this end, with the lengths of the ways to them."""
    heard: list[str] = []
    """The blocks behind the far end."""


Hear = Callable[[Call, Cable, bool], None]
"""Is told of a cable that is there, or no more: looking at the account and the Region that it concerns."""

LANDS: dict[str, Hear] = {}
LAYS: dict[str, Hear] = {}


def lands(prefix: str) -> Callable[[Hear], Hear]:
    """Declare who is told of cables that lead to what has ids that begin so."""

    def declare(hear: Hear) -> Hear:
        LANDS[prefix] = hear
        return hear

    return declare


def lays(service: str) -> Callable[[Hear], Hear]:
    """Declare who is told what is behind the cables that a service has laid."""

    def declare(hear: Hear) -> Hear:
        LAYS[service] = hear
        return hear

    return declare


def lay(call: Call, cable: Cable) -> None:
    """Lay a cable, or say of one that something else is behind it now."""
    there = Cable.get(call, cable.to, cable.name)
    if there:
        cable.heard = there.heard
    if there != cable:
        cable.put(call)
        _land(call, cable, True)


def take_up(call: Call, cable: Cable) -> None:
    """Remove a cable."""
    cable.delete(call)
    _land(call, cable, False)


def _land(call: Call, cable: Cable, there: bool) -> None:
    if hear := LANDS.get(cable.to.partition("-")[0]):
        hear(call.at(cable.far_account, cable.far_region), cable, there)


def answer(call: Call, cable: Cable, heard: list[str]) -> None:
    """Say what is behind the far end of a cable."""
    if cable.heard != heard:
        cable.heard = heard
        cable.put(call)
        if hear := LAYS.get(cable.service):
            hear(call.at(cable.account, cable.region), cable, True)


def of_network(call: Call, network: str) -> list[Cable]:
    """The cables that have been laid from a network."""
    return [*Cable.scan(call, network, index="of_network")]


def laid_by(call: Call, service: str) -> list[Cable]:
    """The cables that a service has laid for the account."""
    return [*Cable.scan(call, service, call.account, index="of_layer")]


def leading_to(call: Call, what: str) -> list[Cable]:
    """The cables that lead to something."""
    return [*Cable.scan(call, what)]
