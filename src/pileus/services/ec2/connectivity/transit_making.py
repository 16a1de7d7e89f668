"""Transit gateways are made, changed and deleted."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

from pileus.kernel import Call, Fault
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import bad_value, limit
from pileus.services.ec2.kinds import named, new_id
from pileus.services.ec2.tags import specified

from . import homes
from .lives import enter
from .transit_attachments import Attachment
from .transit_gateways import TransitGateway, available, shown
from .transit_tables import TransitGatewayRouteTable, drop, make_default, table

DEFAULTS: Members = {
    "AmazonSideAsn": 64512,
    "AutoAcceptSharedAttachments": "disable",
    "DefaultRouteTableAssociation": "enable",
    "DefaultRouteTablePropagation": "enable",
    "VpnEcmpSupport": "enable",
    "DnsSupport": "enable",
    "SecurityGroupReferencingSupport": "disable",
    "MulticastSupport": "disable",
}
MOST = 5
"""Gateways that an account may have in a Region ("Quotas for your transit gateways")."""


@ec2.operation
def create_transit_gateway(
    call: Call, description: str = "", options: Members = {}, tag_specifications: list[Members] = []
) -> Members:
    """Make a transit gateway, with a route table that is its default where its options want one."""
    alive = [one for one in TransitGateway.scan(call) if one.state not in ("deleting", "deleted")]
    if len(alive) >= MOST:
        raise limit("TransitGatewayLimit", f"The maximum number of transit gateways ({MOST}) has been reached.")
    check_asn((DEFAULTS | options)["AmazonSideAsn"])
    blocks = [checked_block(block) for block in options.get("TransitGatewayCidrBlocks", [])]
    made = TransitGateway(
        transit_gateway_id=new_id(TransitGateway),
        description=description,
        options=DEFAULTS | options | ({"TransitGatewayCidrBlocks": blocks} if blocks else {}),
        owner=call.account,
        created=call.now,
        tags=specified(tag_specifications, "transit-gateway"),
    )
    make_default(call, made)
    enter(call, made, "pending")
    homes.settle(call, made.transit_gateway_id)
    return {"TransitGateway": shown(call, made)}


@ec2.operation
def modify_transit_gateway(
    call: Call, transit_gateway_id: str, description: str | None = None, options: Members = {}
) -> Members:
    """Change a gateway's description and options."""
    gateway = available(call, transit_gateway_id)
    changes = dict(options)
    blocks = [*gateway.options.get("TransitGatewayCidrBlocks", [])]
    blocks += [checked_block(block) for block in changes.pop("AddTransitGatewayCidrBlocks", [])]
    gone = changes.pop("RemoveTransitGatewayCidrBlocks", [])
    if "AmazonSideAsn" in changes:
        check_asn(changes["AmazonSideAsn"])
    for name in ("AssociationDefaultRouteTableId", "PropagationDefaultRouteTableId"):
        if name in changes and table(call, changes[name]).transit_gateway_id != transit_gateway_id:
            raise bad_value(name, changes[name], "The route table belongs to another transit gateway.")
    for role in ("Association", "Propagation"):
        if changes.get(f"DefaultRouteTable{role}") == "disable":
            gateway.options.pop(f"{role}DefaultRouteTableId", None)
    gateway.options |= changes
    gateway.options["TransitGatewayCidrBlocks"] = [block for block in dict.fromkeys(blocks) if block not in gone]
    if description is not None:
        gateway.description = description
    enter(call, gateway, "modifying")
    return {"TransitGateway": shown(call, gateway)}


_NAMES = {
    "vpn": "VPN Attachments",
    "direct-connect-gateway": "DirectConnect Gateway Attachments",
    "peering": "Transit Gateway Cross Region Peering Attachments",
}


@ec2.operation
def delete_transit_gateway(call: Call, transit_gateway_id: str) -> Members:
    """Delete a gateway to which nothing is attached, with its route tables."""
    gateway = named(call, TransitGateway, transit_gateway_id)
    left: dict[str, list[str]] = {}
    for one in Attachment.scan(call, transit_gateway_id, index="by_gateway"):
        if one.present:
            name = _NAMES.get(one.resource_type, "Transit Gateway Attachments")
            left.setdefault(name, []).append(one.transit_gateway_attachment_id)
    for name, ids in left.items():
        raise Fault("IncorrectState", f"{transit_gateway_id} has non-deleted {name}: {', '.join(ids)}.")
    if gateway.state not in ("deleting", "deleted"):
        for table in [*TransitGatewayRouteTable.scan(call, transit_gateway_id, index="by_gateway")]:
            drop(call, table)
        enter(call, gateway, "deleting")
    homes.leave(call, transit_gateway_id)
    return {"TransitGateway": shown(call, gateway)}


def check_asn(asn: int) -> None:
    """Raise for what is no private autonomous system number."""
    if not (64512 <= asn <= 65534 or 4200000000 <= asn <= 4294967294):
        raise bad_value("AmazonSideAsn", asn, "ASN must be in the range 64512-65534 or 4200000000-4294967294.")


def checked_block(block: str) -> str:
    """A block of addresses for Connect peers: /24 or larger, or /64 or larger for IPv6."""
    try:
        network = ip_network(block)
    except ValueError:
        raise bad_value("transitGatewayCidrBlocks", block, "This is not a valid CIDR block.") from None
    if network.prefixlen > (24 if network.version == 4 else 64) or network.overlaps(_LINK_LOCAL[network.version]):
        raise bad_value("transitGatewayCidrBlocks", block, "The block must be a /24 or larger, or a /64 for IPv6.")
    return str(network)


_LINK_LOCAL: dict[int, Any] = {4: ip_network("169.254.0.0/16"), 6: ip_network("fe80::/10")}
