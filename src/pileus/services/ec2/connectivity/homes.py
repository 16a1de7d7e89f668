"""Whose something is that other accounts may use if they know its id: transit gateways, endpoint services."""

from __future__ import annotations

from pileus.kernel import Call, Record
from pileus.services.ec2 import ec2


class Home(Record, scope="cloud"):
    """The account and Region of a resource."""

    what: str
    account: str
    region: str


def settle(call: Call, what: str) -> None:
    """A resource lives where the call looks."""
    Home(what=what, account=call.account, region=call.region).put(call)


def leave(call: Call, what: str) -> None:
    """A resource is no more."""
    Home(what=what, account=call.account, region=call.region).delete(call)


def of(call: Call, what: str) -> Call | None:
    """A call that looks at where a resource lives; None for one that nobody has."""
    home = Home.get(call, what)
    return call.at(home.account, home.region) if home else None


def any_of(call: Call, kind: str) -> bool:
    """Whether there is a resource whose id begins so."""
    return Home.first(call, since=(kind,), before=(kind + "\U0010ffff",)) is not None


@ec2.forget
def forget(call: Call) -> None:
    """What is known everywhere of an account that is reset."""
    for home in [home for home in Home.scan(call) if home.account == call.account]:
        home.delete(call)
