"""What is behind VPN connections: static routes, as somebody sets them, and how tunnels are, as they tell it."""

from __future__ import annotations

from ipaddress import ip_network

from pileus.kernel import Call, Fault
from pileus.services.ec2 import ec2
from pileus.services.ec2.faults import missing
from pileus.services.ec2.network.changes import changed

from .transit_attachments import rewire
from .transit_gateways import seen
from .vpn_connections import present
from .vpn_ends import refresh
from .vpn_record import Seen, VpnConnection

MOST = 1000
"""Static routes of a connection ("Site-to-Site VPN quotas")."""


@ec2.operation
def create_vpn_connection_route(call: Call, destination_cidr_block: str, vpn_connection_id: str) -> None:
    """Say that a block is behind a connection, which has only such routes."""
    one = present(call, vpn_connection_id)
    if not one.static_only:
        raise Fault("InvalidVpnConnection.InvalidType", f"The vpnConnection '{vpn_connection_id}' is not static.")
    if not destination_cidr_block:
        raise missing("DestinationCidrBlock")
    block = checked(destination_cidr_block)
    if len(one.routes) >= MOST:
        raise Fault("VpnConnectionRouteLimitExceeded", "The maximum number of static routes has been reached.")
    if block not in one.routes:
        one.routes = [*one.routes, block]
        changed_routes(call, one)


@ec2.operation
def delete_vpn_connection_route(call: Call, destination_cidr_block: str, vpn_connection_id: str) -> None:
    """Say that a block is behind a connection no more."""
    one = present(call, vpn_connection_id)
    block = checked(destination_cidr_block)
    if block not in one.routes:
        raise Fault("InvalidRoute.NotFound", f"The route {block} does not exist in {vpn_connection_id}")
    one.routes = [route for route in one.routes if route != block]
    changed_routes(call, one)


def checked(block: str) -> str:
    try:
        return str(ip_network(block))
    except ValueError:
        raise Fault(
            "InvalidParameterValue", f"Value ({block}) for parameter destinationCidrBlock is invalid."
        ) from None


def changed_routes(call: Call, one: VpnConnection) -> None:
    """What is behind a connection has changed: its gateway learns of it."""
    one.put(call)
    changed(call, one.vpn_connection_id)
    if one.vpn_gateway_id:
        refresh(call, one.vpn_gateway_id, one)
    elif one.transit_gateway_id:
        rewire(seen(call, one.transit_gateway_id)[0], one.transit_gateway_id)


def tunnel_changed(call: Call, vpn_connection_id: str, outside: str, now: Seen) -> None:
    """A tunnel has come up or gone down, or is told of other routes."""
    one = VpnConnection.get(call, vpn_connection_id)
    if one is None or not one.present:
        return
    before = one.seen.get(outside, Seen(since=one.since))
    same = (now.up, bool(now.agreed)) == (before.up, bool(before.agreed))
    now.since = before.since if same else call.now
    if now != before:
        one.seen = one.seen | {outside: now}
        changed_routes(call, one)
