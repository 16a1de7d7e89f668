"""Site-to-Site VPN connections, each of two tunnels, from a customer gateway to a virtual private or a transit gateway.

A tunnel is up when it and the other end have exchanged keys, and routes if those are dynamic: `wire` sees to that. Left
out: acceleration.
"""

from __future__ import annotations

import re

from pileus.kernel import Call, Fault
from pileus.kernel.errors import Unfinished
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described
from pileus.services.ec2.faults import combination
from pileus.services.ec2.kinds import named, new_id
from pileus.services.ec2.network import public_ranges
from pileus.services.ec2.network.changes import changed
from pileus.services.ec2.tags import shown_tags, specified

from . import vpn_certificates, vpn_secrets, vpn_tunnels
from .customer_gateways import CustomerGateway
from .customer_gateways import uses as customer_uses
from .lives import enter
from .vpn_configuration import Ends, written
from .vpn_ends import Gateway, amazon_asn, bind, unbind
from .vpn_gateways import VpnGateway
from .vpn_gateways import uses as gateway_uses
from .vpn_record import Seen, VpnConnection

MOST = 50
"""Connections of a Region ("Site-to-Site VPN quotas")."""


BGP_ASN = re.compile(r"<asn>(\d+)</asn>")

FILTERS = Filters(
    {
        "bgp-asn": lambda one: BGP_ASN.findall(one["CustomerGatewayConfiguration"] or ""),
        "customer-gateway-configuration": "CustomerGatewayConfiguration",
        "customer-gateway-id": "CustomerGatewayId",
        "state": "State",
        "option.static-routes-only": "Options.StaticRoutesOnly",
        "route.destination-cidr-block": "Routes.DestinationCidrBlock",
        "type": "Type",
        "vpn-connection-id": "VpnConnectionId",
        "vpn-gateway-id": "VpnGatewayId",
        "transit-gateway-id": "TransitGatewayId",
    },
    tags=lambda one: {tag["Key"]: tag["Value"] for tag in one["Tags"]},
)


@ec2.operation
def create_vpn_connection(
    call: Call,
    customer_gateway_id: str,
    type: str,  # noqa: A002 (the member's name)
    vpn_gateway_id: str = "",
    transit_gateway_id: str = "",
    vpn_concentrator_id: str = "",
    tag_specifications: list[Members] = [],
    pre_shared_key_storage: str = "",
    options: Members = {},
) -> Members:
    """Connect a customer gateway to a virtual private gateway, a transit gateway or a concentrator, or to none yet."""
    to = Gateway(vpn_gateway_id, transit_gateway_id, vpn_concentrator_id)
    check_gateway(to)
    vpn_secrets.check(pre_shared_key_storage)
    if vpn_concentrator_id and options.get("StaticRoutesOnly"):
        raise combination("Connections of a VPN concentrator use BGP.")
    customer = named(call, CustomerGateway, customer_gateway_id)
    if customer.state == "deleted":
        raise Fault("IncorrectState", f"The customerGateway ID '{customer_gateway_id}' is deleted.")
    if options.get("EnableAcceleration"):
        raise Unfinished("Pileus has no accelerated VPN connections yet.")
    six = options.get("TunnelInsideIpVersion") == "ipv6"
    if six and not (transit_gateway_id or vpn_concentrator_id):
        raise combination("IPv6 tunnels are only supported for transit gateways.")
    if len([one for one in VpnConnection.scan(call) if one.present]) >= MOST:
        raise Fault("VpnConnectionLimitExceeded", f"The maximum number of VPN connections ({MOST}) has been reached.")
    given = options.get("TunnelOptions", [])
    if len(given) > 2:
        raise Fault("InvalidParameterValue", "A VPN connection has two tunnels.")
    made = VpnConnection(
        vpn_connection_id=new_id(VpnConnection),
        customer_gateway_id=customer_gateway_id,
        type=type,
        tunnels=[],
        options=_kept(options),
        static_only=options.get("StaticRoutesOnly", False),
        tags=specified(tag_specifications, "vpn-connection"),
    )
    used = used_ranges(call, to)
    for number in (0, 1):
        tunnel = vpn_tunnels.made(
            given[number] if number < len(given) else {}, public_ranges.take_address(call), used, six
        )
        used.append(tunnel.get("TunnelInsideIpv6Cidr") or tunnel["TunnelInsideCidr"])
        made.tunnels.append(tunnel)
    if customer.certificate_arn:
        vpn_certificates.issue(call, made, customer)
    vpn_secrets.keep(call, made, pre_shared_key_storage)
    bind(call, made, to)
    enter(call, made, "pending")
    return {"VpnConnection": shown(call, made)}


def check_gateway(to: Gateway) -> None:
    if to.vpn_gateway_id and to.transit_gateway_id:
        raise combination("You cannot specify both a virtual private gateway and a transit gateway.")
    if to.vpn_concentrator_id and (to.vpn_gateway_id or to.transit_gateway_id):
        raise combination("You cannot specify both a VPN concentrator and another gateway.")


KEPT = (
    "TunnelInsideIpVersion",
    "LocalIpv4NetworkCidr",
    "RemoteIpv4NetworkCidr",
    "LocalIpv6NetworkCidr",
    "RemoteIpv6NetworkCidr",
    "OutsideIpAddressType",
    "TunnelBandwidth",
)


def _kept(options: Members) -> Members:
    six = options.get("TunnelInsideIpVersion") == "ipv6"
    everything = {"LocalIpv6NetworkCidr": "::/0", "RemoteIpv6NetworkCidr": "::/0"}
    if not six:
        everything = {"LocalIpv4NetworkCidr": "0.0.0.0/0", "RemoteIpv4NetworkCidr": "0.0.0.0/0"}
    start = {"TunnelInsideIpVersion": "ipv4", "OutsideIpAddressType": "PublicIpv4"} | everything
    return start | {name: options[name] for name in KEPT if options.get(name)}


def used_ranges(call: Call, to: Gateway) -> list[str]:
    """The inside ranges of the other tunnels of a gateway."""
    return [
        tunnel.get("TunnelInsideIpv6Cidr") or tunnel["TunnelInsideCidr"]
        for one in VpnConnection.scan(call)
        if one.present and gateway_of(one) == to
        for tunnel in one.tunnels
    ]


def gateway_of(one: VpnConnection) -> Gateway:
    transit = "" if one.vpn_concentrator_id else one.transit_gateway_id
    return Gateway(one.vpn_gateway_id, transit, one.vpn_concentrator_id)


@ec2.operation
def describe_vpn_connections(call: Call, vpn_connection_ids: list[str] = [], filters: list[Members] = []) -> Members:
    """The account's connections."""
    ids, member = vpn_connection_ids, "VpnConnections"
    return described(call, VpnConnection, FILTERS, member, shown, ids, filters, by_shown=True)


def shown(call: Call, one: VpnConnection) -> Members:
    options = one.options | {"EnableAcceleration": False, "StaticRoutesOnly": one.static_only}
    associated = "associated" if one.vpn_gateway_id or one.transit_gateway_id else "not-associated"
    return {
        "VpnConnectionId": one.vpn_connection_id,
        "CustomerGatewayId": one.customer_gateway_id,
        "VpnGatewayId": one.vpn_gateway_id or None,
        "TransitGatewayId": gateway_of(one).transit_gateway_id or None,
        "VpnConcentratorId": one.vpn_concentrator_id or None,
        "Type": one.type,
        "Category": "VPN",
        "State": one.state,
        "GatewayAssociationState": associated,
        "CustomerGatewayConfiguration": configuration(call, one) if one.present else None,
        "Options": options | {"TunnelOptions": [vpn_tunnels.shown(tunnel) for tunnel in vpn_secrets.hidden(one)]},
        "Routes": [{"DestinationCidrBlock": block, "Source": "Static", "State": "available"} for block in one.routes],
        "VgwTelemetry": [telemetry(one, tunnel["OutsideIpAddress"]) for tunnel in one.tunnels],
        "PreSharedKeyArn": one.secret or None,
        "Tags": shown_tags(one.tags),
    }


def telemetry(one: VpnConnection, outside: str) -> Members:
    """What is known of a tunnel."""
    seen = one.seen.get(outside, Seen(since=one.since))
    static = len(one.routes) if seen.up and one.static_only else 0
    return {
        "OutsideIpAddress": outside,
        "Status": "UP" if seen.up else "DOWN",
        "LastStatusChange": seen.since,
        "StatusMessage": seen.message,
        "AcceptedRouteCount": static or len(seen.told),
        "CertificateArn": one.certificates.get(outside),
    }


def configuration(call: Call, one: VpnConnection) -> str:
    """The XML that says how to configure the customer gateway."""
    customer = named(call, CustomerGateway, one.customer_gateway_id)
    ends = Ends(
        customer.customer_gateway_id,
        one.vpn_gateway_id or one.transit_gateway_id,
        customer.ip_address,
        customer.bgp_asn,
        amazon_asn(call, one),
        one.static_only,
    )
    tunnels = [{"PreSharedKey": one.secret} | tunnel for tunnel in vpn_secrets.hidden(one)]
    return written(one.vpn_connection_id, ends, tunnels)


@ec2.operation
def delete_vpn_connection(call: Call, vpn_connection_id: str) -> None:
    """Delete a connection; its gateways stay."""
    one = named(call, VpnConnection, vpn_connection_id)
    if one.present:
        before = gateway_of(one)
        unbind(call, one)
        one.vpn_gateway_id, one.transit_gateway_id, one.vpn_concentrator_id = before
        for tunnel in one.tunnels:
            public_ranges.give_back(call, tunnel["OutsideIpAddress"])
        vpn_secrets.forget(call, one)
        enter(call, one, "deleting")
        changed(call, one.vpn_connection_id)


def present(call: Call, vpn_connection_id: str) -> VpnConnection:
    """A connection that is not deleted."""
    one = named(call, VpnConnection, vpn_connection_id)
    if not one.present:
        raise Fault("InvalidVpnConnectionID.NotFound", f"The vpnConnection ID '{vpn_connection_id}' does not exist")
    return one


def tunnel_of(one: VpnConnection, outside: str) -> Members:
    """The tunnel of a connection that has this outside address."""
    for tunnel in one.tunnels:
        if tunnel["OutsideIpAddress"] == outside:
            return tunnel
    raise Fault("InvalidParameterValue", f"The tunnel {outside} does not exist in {one.vpn_connection_id}.")


@customer_uses.holds
def holds_customer(call: Call, one: CustomerGateway) -> bool:
    there = VpnConnection.scan(call, one.customer_gateway_id, index="by_customer")
    return any(connection.present for connection in there)


@gateway_uses.holds
def holds_gateway(call: Call, one: VpnGateway) -> bool:
    there = VpnConnection.scan(call, one.vpn_gateway_id, index="by_gateway")
    return any(connection.present for connection in there)
