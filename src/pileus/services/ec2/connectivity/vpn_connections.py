"""Site-to-Site VPN connections, each of two tunnels, from a customer gateway to a virtual private or a transit gateway.

A tunnel is up when it and the other end have exchanged keys, and routes if those are dynamic: `wire` sees to that. Left
out: acceleration.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

import msgspec

from pileus.engines.tunnels import Tunnels
from pileus.kernel import Call, Fault, Record
from pileus.kernel.errors import Unfinished
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described
from pileus.services.ec2.faults import combination
from pileus.services.ec2.kinds import kind, named, new_id
from pileus.services.ec2.network import public_ranges
from pileus.services.ec2.network.changes import changed, removed
from pileus.services.ec2.tags import shown_tags, specified

from . import vpn_tunnels
from .customer_gateways import CustomerGateway
from .customer_gateways import uses as customer_uses
from .lives import GONE, USUAL, Life, enter
from .transit_attachments import VPN, Attachment
from .transit_gateways import TransitGateway, check_available, seen
from .transit_routes import tells
from .transit_tables import arrived, left
from .vpn_configuration import Ends, written
from .vpn_gateways import VpnGateway, available, learn
from .vpn_gateways import uses as gateway_uses

MOST = 50
"""Connections of a Region ("Site-to-Site VPN quotas")."""


class Seen(msgspec.Struct):
    """How a tunnel is."""

    up: bool = False
    since: float = 0.0
    message: str = "IPSEC IS DOWN"
    told: dict[str, int] = {}
    """The blocks that the customer gateway tells by it, with the lengths of their paths."""
    agreed: dict[str, Any] = {}
    """What has been negotiated, as AWS calls it."""


@kind(
    "vpn-connection",
    "vpn",
    missing=("InvalidVpnConnectionID.NotFound", "The vpnConnection ID '{}' does not exist"),
)
class VpnConnection(
    Record,
    arn="vpn-connection/{vpn_connection_id}",
    cfn="AWS::EC2::VPNConnection",
    indexes={"by_gateway": ("vpn_gateway_id",), "by_customer": ("customer_gateway_id",)},
):
    """A connection."""

    life: ClassVar[Life] = USUAL
    vpn_connection_id: str
    customer_gateway_id: str
    type: str
    tunnels: list[dict[str, Any]]
    options: dict[str, Any]
    vpn_gateway_id: str = ""
    transit_gateway_id: str = ""
    attachment: str = ""
    static_only: bool = False
    routes: list[str] = []
    """The blocks that were said to be behind it."""
    seen: dict[str, Seen] = {}
    """How its tunnels are, by their outside addresses."""
    replaced: dict[str, float] = {}
    """When their ends were replaced."""
    state: str = "pending"
    since: float = 0.0
    tags: dict[str, str] = {}

    @property
    def present(self) -> bool:
        return self.state not in ("deleting", "deleted")

    @property
    def up(self) -> list[str]:
        """The outside addresses of the tunnels through which packets go, in order."""
        outside = (tunnel["OutsideIpAddress"] for tunnel in self.tunnels)
        return [address for address in outside if address in self.seen and self.seen[address].up]

    @property
    def told(self) -> dict[str, int]:
        """The blocks that its customer gateway tells by BGP, with the lengths of paths."""
        found: dict[str, int] = {}
        for address in self.up:
            for block, length in self.seen[address].told.items():
                found[block] = min(length, found.get(block, length))
        return found

    def entered(self, call: Call, state: str) -> None:
        """Its tunnels begin when it is available, and end with it."""
        if state == GONE:
            removed(call, self.vpn_connection_id)
        else:
            changed(call, self.vpn_connection_id)


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
    tag_specifications: list[Members] = [],
    options: Members = {},
) -> Members:
    """Connect a customer gateway to a virtual private gateway or a transit gateway, or to neither of them yet."""
    if vpn_gateway_id and transit_gateway_id:
        raise combination("You cannot specify both a virtual private gateway and a transit gateway.")
    customer = named(call, CustomerGateway, customer_gateway_id)
    if customer.state == "deleted":
        raise Fault("IncorrectState", f"The customerGateway ID '{customer_gateway_id}' is deleted.")
    if options.get("EnableAcceleration"):
        raise Unfinished("Pileus has no accelerated VPN connections yet.")
    six = options.get("TunnelInsideIpVersion") == "ipv6"
    if six and not transit_gateway_id:
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
    used = used_ranges(call, vpn_gateway_id, transit_gateway_id)
    for number in (0, 1):
        tunnel = vpn_tunnels.made(
            given[number] if number < len(given) else {}, public_ranges.take_address(call), used, six
        )
        used.append(tunnel.get("TunnelInsideIpv6Cidr") or tunnel["TunnelInsideCidr"])
        made.tunnels.append(tunnel)
    bind(call, made, vpn_gateway_id, transit_gateway_id)
    enter(call, made, "pending")
    return {"VpnConnection": shown(call, made)}


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


def used_ranges(call: Call, vpn_gateway_id: str, transit_gateway_id: str) -> list[str]:
    """The inside ranges of the other tunnels of a gateway."""
    return [
        tunnel.get("TunnelInsideIpv6Cidr") or tunnel["TunnelInsideCidr"]
        for one in VpnConnection.scan(call)
        if one.present and (one.vpn_gateway_id, one.transit_gateway_id) == (vpn_gateway_id, transit_gateway_id)
        for tunnel in one.tunnels
    ]


def bind(call: Call, one: VpnConnection, vpn_gateway_id: str, transit_gateway_id: str) -> None:
    """Lead a connection to a gateway."""
    one.vpn_gateway_id, one.transit_gateway_id = vpn_gateway_id, transit_gateway_id
    if vpn_gateway_id:
        available(call, vpn_gateway_id)
        refresh(call, vpn_gateway_id, one)
    if transit_gateway_id:
        there, gateway = seen(call, transit_gateway_id)
        check_available(gateway)
        attachment = Attachment(
            transit_gateway_attachment_id=new_id(Attachment),
            transit_gateway_id=transit_gateway_id,
            gateway_owner=gateway.owner,
            resource_type=VPN,
            resource_id=one.vpn_connection_id,
            resource_owner=call.account,
            created=call.now,
            parties=[(gateway.owner, call.region), (call.account, call.region)],
        )
        enter(call, attachment, "pending")
        arrived(there, gateway, attachment)
        one.attachment = attachment.transit_gateway_attachment_id


def unbind(call: Call, one: VpnConnection) -> None:
    """Lead a connection away from its gateway."""
    if one.vpn_gateway_id:
        refresh(call, one.vpn_gateway_id, one, gone=True)
    if one.attachment and (attachment := Attachment.get(call, one.attachment)):
        left(call.at(attachment.gateway_owner), attachment)
        enter(call, attachment, "deleting")
    one.vpn_gateway_id = one.transit_gateway_id = one.attachment = ""


def refresh(call: Call, vpn_gateway_id: str, this: VpnConnection, gone: bool = False) -> None:
    """Tell a virtual private gateway what is behind its connections, of which one has changed."""
    others = VpnConnection.scan(call, vpn_gateway_id, index="by_gateway")
    those = [one for one in others if one.present and one.vpn_connection_id != this.vpn_connection_id]
    found = [block for one in (*those, *(() if gone else (this,))) for block in blocks(call, one)]
    learn(call, vpn_gateway_id, [*dict.fromkeys(found)])
    changed(call, vpn_gateway_id)


def learn_again(call: Call, vpn_gateway_id: str) -> None:
    """Tell a virtual private gateway what is behind its connections, and behind whatever else leads to it."""
    there = [one for one in VpnConnection.scan(call, vpn_gateway_id, index="by_gateway") if one.present]
    learn(call, vpn_gateway_id, [*dict.fromkeys(block for one in there for block in blocks(call, one))])


def blocks(call: Call, one: VpnConnection) -> list[str]:
    """What is behind a connection. Its static routes are told while a tunnel is up, if tunnels can ever be."""
    if not one.static_only:
        return [*one.told]
    return one.routes if one.up or not tunnelled(call) else []


def tunnelled(call: Call) -> bool:
    """Whether connections have tunnels here, besides records of them."""
    return call.cloud.folder is not None and not Tunnels.available()


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
        "TransitGatewayId": one.transit_gateway_id or None,
        "Type": one.type,
        "Category": "VPN",
        "State": one.state,
        "GatewayAssociationState": associated,
        "CustomerGatewayConfiguration": configuration(call, one) if one.present else None,
        "Options": options | {"TunnelOptions": [vpn_tunnels.shown(tunnel) for tunnel in one.tunnels]},
        "Routes": [{"DestinationCidrBlock": block, "Source": "Static", "State": "available"} for block in one.routes],
        "VgwTelemetry": [telemetry(one, tunnel["OutsideIpAddress"]) for tunnel in one.tunnels],
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
    return written(one.vpn_connection_id, ends, one.tunnels)


def amazon_asn(call: Call, one: VpnConnection) -> int:
    """The autonomous system of a connection's gateway."""
    if one.vpn_gateway_id and (gateway := VpnGateway.get(call, one.vpn_gateway_id)):
        return gateway.asn
    if one.transit_gateway_id:
        transit: TransitGateway = seen(call, one.transit_gateway_id)[1]
        return int(transit.options["AmazonSideAsn"])
    return 64512


@ec2.operation
def delete_vpn_connection(call: Call, vpn_connection_id: str) -> None:
    """Delete a connection; its gateways stay."""
    one = named(call, VpnConnection, vpn_connection_id)
    if one.present:
        gateways = one.vpn_gateway_id, one.transit_gateway_id
        unbind(call, one)
        one.vpn_gateway_id, one.transit_gateway_id = gateways
        for tunnel in one.tunnels:
            public_ranges.give_back(call, tunnel["OutsideIpAddress"])
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


@tells(VPN)
def behind(call: Call, attachment: Attachment) -> list[str]:
    """The blocks behind a connection that is attached to a transit gateway."""
    connection = VpnConnection.get(call.at(attachment.resource_owner), attachment.resource_id)
    return blocks(call, connection) if connection else []
