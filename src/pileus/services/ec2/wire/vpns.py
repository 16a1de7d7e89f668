"""VPN connections, virtual private gateways and concentrators, as routers of their own.

A connection is a router with a host for each of its two tunnels, where the engine ends them. The internet finds a host
under the tunnel's outside address; what comes out of a tunnel goes on to the gateway, a virtual private or a transit
gateway, and what comes from there goes into the first tunnel that is up, or, with BGP, into the one that tells of the
shortest way. A virtual private gateway routes between its VPC and all its connections, and between those (CloudHub); a
concentrator does so between its connections and a transit gateway.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pileus.engines.network import INTERNET, Link, Network, Port, Route, Subnet
from pileus.kernel import Call
from pileus.kernel.cables import leading_to
from pileus.services.ec2.connectivity.customer_gateways import CustomerGateway
from pileus.services.ec2.connectivity.transit_attachments import Attachment
from pileus.services.ec2.connectivity.vpn_ends import blocks, tunnelled
from pileus.services.ec2.connectivity.vpn_gateways import VpnGateway
from pileus.services.ec2.connectivity.vpn_record import VpnConcentrator, VpnConnection
from pileus.services.ec2.network import public_ranges
from pileus.services.ec2.network.vpcs import Vpc

from . import lines

USABLE = ("available", "modifying")
OUT, IN, ALL = "out", "in", "all"
"""Tables: of what comes out of tunnels, of what is to go into one, and of a gateway."""
EVERYTHING = "0.0.0.0/0"
INSIDE = "169.254"
"""Hosts are in ranges that no tunnel may have inside: 169.254.0.0/30 and 169.254.1.0/30."""


class Tunnel(NamedTuple):
    """Where one of the tunnels of a connection is."""

    number: int
    outside: str
    host: str

    @property
    def router(self) -> str:
        return f"{INSIDE}.{self.number}.1"

    @property
    def address(self) -> str:
        return f"{INSIDE}.{self.number}.2"


def tunnels(one: VpnConnection) -> list[Tunnel]:
    return [
        Tunnel(number, tunnel["OutsideIpAddress"], f"{one.vpn_connection_id}-{number}")
        for number, tunnel in enumerate(one.tunnels)
    ]


def connection(call: Call, vpn_connection_id: str) -> VpnConnection | None:
    """A connection that has tunnels: it is available, between addresses of IPv4 that are public."""
    one = VpnConnection.get(call, vpn_connection_id)
    if one is None or one.state not in USABLE or not tunnelled(call):
        return None
    options = one.options
    if options["TunnelInsideIpVersion"] != "ipv4" or options["OutsideIpAddressType"] != "PublicIpv4":
        return None
    there = customer(call, one)
    return one if "." in there or (one.certificates and not there) else None


def customer(call: Call, one: VpnConnection) -> str:
    """The address of a connection's customer gateway; empty if it has none."""
    found = CustomerGateway.get(call, one.customer_gateway_id)
    return found.ip_address if found else ""


def network(call: Call, vpn_connection_id: str) -> Network | None:
    """A connection's network; None if it has no tunnels."""
    one = connection(call, vpn_connection_id)
    if one is None:
        return None
    there = tunnels(one)
    hub = hub_link(call, one)
    public = {tunnel.address: tunnel.outside for tunnel in there}
    found = customer(call, one)
    out = [Route(f"{found}/32" if found else str(public_ranges.pool(call)), link=internet(one))]
    if hub:
        out.append(Route(EVERYTHING, link=hub.name))
    return Network(
        name=vpn_connection_id,
        subnets={one.host: Subnet((f"{INSIDE}.{one.number}.0/30",), (one.router,), OUT) for one in there},
        tables={OUT: tuple(out), IN: tuple(inward(one))},
        ports=tuple(map(port, there)),
        links=(Link(internet(one), INTERNET, public=public, ours=tuple(public)), *([hub] if hub else [])),
    )


def internet(one: VpnConnection) -> str:
    return f"{one.vpn_connection_id}-internet"


def hub_link(call: Call, one: VpnConnection) -> Link | None:
    """The cable to a connection's gateway, seen from the connection."""
    if hub := one.vpn_gateway_id or one.vpn_concentrator_id:
        return Link(one.vpn_connection_id, hub, IN)
    found = Attachment.get(call, one.attachment) if one.attachment else None
    return Link(one.attachment, one.transit_gateway_id, IN) if found and found.usable else None


def port(tunnel: Tunnel) -> Port:
    """The interface of a tunnel's host."""
    mac = f"02:00:00:00:02:{tunnel.number:02x}"
    return Port(tunnel.host, tunnel.host, mac, (tunnel.address,), tunnel.host, checked=False)


def inward(one: VpnConnection) -> Iterator[Route]:
    """Into which tunnel what comes from the gateway goes."""
    hosts = {tunnel.outside: tunnel.host for tunnel in tunnels(one)}
    if not one.up:
        return
    if one.static_only:
        yield Route(EVERYTHING, port=hosts[one.up[0]])
        return
    for block in one.told:
        ways = [address for address in one.up if block in one.seen[address].told]
        yield Route(block, port=hosts[min(ways, key=lambda address: one.seen[address].told[block])])


# Virtual private gateways


def gateway(call: Call, vpn_gateway_id: str) -> Network | None:
    """A virtual private gateway's network; None if neither a connection with tunnels nor a line leads there."""
    one = VpnGateway.get(call, vpn_gateway_id)
    there = of_hub(call, vpn_gateway_id) if one else []
    if one is None or not (there or leading_to(call, vpn_gateway_id)):
        return None
    routes, links = behind(call, there)
    routes |= lines.routes(call, vpn_gateway_id)  # which are nearer
    links += lines.links(call, vpn_gateway_id, ALL)
    if vpc := Vpc.get(call, one.vpc_id) if one.vpc_id else None:
        routes |= {block: Route(block, link=vpn_gateway_id) for block in vpc.ranges()}
        links.append(Link(vpn_gateway_id, vpc.vpc_id, ALL))
    return Network(name=vpn_gateway_id, tables={ALL: tuple(routes.values())}, links=tuple(links))


def behind(call: Call, there: list[VpnConnection]) -> tuple[dict[str, Route], list[Link]]:
    """Routes to what is behind connections: static ones come first, then the shortest; and the cables to them."""
    ways = [
        (not one.static_only, one.told.get(block, 0), place, block)
        for place, one in enumerate(there)
        for block in blocks(call, one)
    ]
    routes: dict[str, Route] = {}
    for _, _, place, block in sorted(ways):
        routes.setdefault(block, Route(block, link=there[place].vpn_connection_id))
    return routes, [Link(one.vpn_connection_id, one.vpn_connection_id, ALL) for one in there]


def concentrator(call: Call, vpn_concentrator_id: str) -> Network | None:
    """A concentrator's network, which leads everything else to its transit gateway; None if it has no tunnels."""
    one = VpnConcentrator.get(call, vpn_concentrator_id)
    attachment = Attachment.get(call, one.attachment) if one else None
    there = of_hub(call, vpn_concentrator_id)
    if attachment is None or not there:
        return None
    routes, links = behind(call, there)
    if attachment.usable:
        name = attachment.transit_gateway_attachment_id
        routes.setdefault(EVERYTHING, Route(EVERYTHING, link=name))
        links.append(Link(name, attachment.transit_gateway_id, ALL))
    return Network(name=vpn_concentrator_id, tables={ALL: tuple(routes.values())}, links=tuple(links))


def of_hub(call: Call, hub: str) -> list[VpnConnection]:
    """The connections of a virtual private gateway or of a concentrator that have tunnels."""
    index = "by_gateway" if hub.startswith("vgw-") else "by_concentrator"
    ids = sorted(one.vpn_connection_id for one in VpnConnection.scan(call, hub, index=index))
    return [one for what in ids if (one := connection(call, what))]


def of_vpc(call: Call, vpc_id: str) -> VpnGateway | None:
    """The gateway that is attached to a VPC."""
    return VpnGateway.first(call, vpc_id, index="of_vpc")
