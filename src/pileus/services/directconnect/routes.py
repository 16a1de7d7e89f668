"""The routes that a virtual interface's ends tell each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pileus.kernel import Call

from . import directconnect
from .connections import paged
from .interfaces import VirtualInterface, interface

Members = dict[str, Any]


@directconnect.operation
def list_virtual_interface_routes(
    call: Call,
    virtual_interface_id: str = "",
    filters: Members = {},
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """What a customer tells, and what it is told."""
    one = interface(call, virtual_interface_id)
    found = [route for route in routes(one) if fits(route, filters)]
    return {"virtualInterfaceId": virtual_interface_id} | paged(
        call, "routes", found, min(max_results, 100), next_token
    )


def routes(one: VirtualInterface) -> Iterator[Members]:
    for told in one.accepted.values():
        for block, route in sorted(told.items()):
            yield shown(one, block, "accepted", route.path, route.communities, route.at)
    for block, at in sorted(one.advertised.items()):
        yield shown(one, block, "advertised", [one.amazon_asn], [], at)


def shown(one: VirtualInterface, block: str, way: str, path: list[int], communities: list[str], at: float) -> Members:
    return {
        "cidr": block,
        "routeDirection": way,
        "addressFamily": "ipv6" if ":" in block else "ipv4",
        "asPath": [{"pathType": "seq", "path": path}],
        "communities": communities,
        "awsLogicalDeviceId": f"{one.location}-{one.connection_id[-4:]}",
        "routeInstalledAt": at,
    }


def fits(route: Members, filters: Members) -> bool:
    """Each filter must hold; a path holds if it contains all that are asked for, in this order."""
    for member in ("routeDirection", "addressFamily"):
        if filters.get(member) not in (None, route[member]):
            return False
    if filters.get("cidrs") and route["cidr"] not in filters["cidrs"]:
        return False
    if filters.get("communities") and not {*filters["communities"]} <= {*route["communities"]}:
        return False
    path = iter(route["asPath"][0]["path"])
    return all(asn in path for asn in filters.get("asPath", []))
