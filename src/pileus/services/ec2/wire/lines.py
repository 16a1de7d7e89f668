"""Lines of other services at virtual private gateways, as cables of those gateways' routers."""

from __future__ import annotations

from collections.abc import Iterator

from pileus.engines.network import Link, Route
from pileus.kernel import Call
from pileus.kernel.cables import answer as say
from pileus.kernel.cables import leading_to
from pileus.services.ec2.connectivity.vpn_ends import blocks
from pileus.services.ec2.connectivity.vpn_gateways import VpnGateway
from pileus.services.ec2.connectivity.vpn_record import VpnConnection
from pileus.services.ec2.network.vpcs import Vpc


def links(call: Call, vpn_gateway_id: str, table: str) -> Iterator[Link]:
    for cable in leading_to(call, vpn_gateway_id):
        yield Link(cable.name, cable.network, table)


def routes(call: Call, vpn_gateway_id: str) -> dict[str, Route]:
    """The shortest ways to what is behind lines."""
    found: dict[str, tuple[int, str]] = {}
    for cable in leading_to(call, vpn_gateway_id):
        for block, length in cable.told.items():
            found[block] = min((length, cable.name), found.get(block, (length, cable.name)))
    return {block: Route(block, link=name) for block, (_, name) in found.items()}


def answer(call: Call, vpn_gateway_id: str) -> None:
    """Say at the other ends of lines what is behind a gateway: its VPC, and its connections."""
    cables = leading_to(call, vpn_gateway_id)
    one = VpnGateway.get(call, vpn_gateway_id) if cables else None
    vpc = Vpc.get(call, one.vpc_id) if one and one.vpc_id else None
    there = VpnConnection.scan(call, vpn_gateway_id, index="by_gateway") if cables else ()
    behind = [block for each in there if each.present for block in blocks(call, each)]
    for cable in cables:
        say(call, cable, [*dict.fromkeys((*(vpc.ranges() if vpc else ()), *behind))])
