"""Virtual private gateways: a VPC's end of VPN connections and of Direct Connect, and the routes that they tell it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from pileus.kernel import Call, Fault, Record
from pileus.kernel.cables import leading_to
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described
from pileus.services.ec2.faults import bad_value
from pileus.services.ec2.kinds import kind, named, new_id
from pileus.services.ec2.network import targets
from pileus.services.ec2.network.changes import changed, removed
from pileus.services.ec2.network.life import Life
from pileus.services.ec2.network.route_tables import PROPAGATED, Route, RouteTable
from pileus.services.ec2.network.vpcs import Vpc
from pileus.services.ec2.network.vpcs import life as vpc_life
from pileus.services.ec2.tags import shown_tags, specified

from .lives import BRIEFLY, GONE, REMEMBERED, enter
from .lives import Life as States

MOST = 5


@kind("vpn-gateway", "vgw", missing=("InvalidVpnGatewayID.NotFound", "The vpnGateway ID '{}' does not exist"))
class VpnGateway(
    Record, arn="vpn-gateway/{vpn_gateway_id}", cfn="AWS::EC2::VPNGateway", indexes={"of_vpc": ("vpc_id",)}
):
    """A virtual private gateway."""

    life: ClassVar[States] = {
        "pending": ("available", BRIEFLY / 2),
        "deleted": (GONE, REMEMBERED),
    }
    vpn_gateway_id: str
    asn: int
    type: str
    availability_zone: str = ""
    vpc_id: str = ""
    """The VPC that it is attached to; targets of routes are asked for it."""
    learned: list[str] = []
    """The blocks behind it, of static routes and of BGP."""
    state: str = "pending"
    since: float = 0.0
    tags: dict[str, str] = {}

    def entered(self, call: Call, state: str) -> None:
        if state == GONE:
            removed(call, self.vpn_gateway_id)


uses = Life[VpnGateway]()
"""What hangs on one."""

FILTERS = Filters(
    {
        "amazon-side-asn": "asn",
        "attachment.state": lambda one: "attached" if one.vpc_id else None,
        "attachment.vpc-id": lambda one: one.vpc_id or None,
        "availability-zone": lambda one: one.availability_zone or None,
        "state": "state",
        "type": "type",
        "vpn-gateway-id": "vpn_gateway_id",
    }
)


@ec2.operation
def create_vpn_gateway(
    call: Call,
    type: str,  # noqa: A002 (the member's name)
    availability_zone: str = "",
    tag_specifications: list[Members] = [],
    amazon_side_asn: int = 64512,
) -> Members:
    """Make a gateway, which is attached to no VPC yet."""
    if not (64512 <= amazon_side_asn <= 65534 or 4200000000 <= amazon_side_asn <= 4294967294):
        raise bad_value("amazonSideAsn", amazon_side_asn, "The ASN must be private.")
    if len([one for one in VpnGateway.scan(call) if one.state != "deleted"]) >= MOST:
        raise Fault("VpnGatewayLimitExceeded", "The maximum number of virtual private gateways has been reached.")
    made = VpnGateway(
        vpn_gateway_id=new_id(VpnGateway),
        asn=amazon_side_asn,
        type=type,
        availability_zone=availability_zone,
        tags=specified(tag_specifications, "vpn-gateway"),
    )
    enter(call, made, "pending")
    return {"VpnGateway": shown(call, made)}


@ec2.operation
def describe_vpn_gateways(call: Call, vpn_gateway_ids: list[str] = [], filters: list[Members] = []) -> Members:
    """The gateways of the account."""
    return described(call, VpnGateway, FILTERS, "VpnGateways", shown, vpn_gateway_ids, filters)


def shown(call: Call, one: VpnGateway) -> Members:
    return {
        "AmazonSideAsn": one.asn,
        "VpnGatewayId": one.vpn_gateway_id,
        "State": one.state,
        "Type": one.type,
        "AvailabilityZone": one.availability_zone or None,
        "VpcAttachments": [{"VpcId": one.vpc_id, "State": "attached"}] if one.vpc_id else [],
        "Tags": shown_tags(one.tags),
    }


@ec2.operation
def delete_vpn_gateway(call: Call, vpn_gateway_id: str) -> None:
    """Delete a gateway that is detached and has no connections."""
    one = named(call, VpnGateway, vpn_gateway_id)
    if one.vpc_id:
        raise Fault("IncorrectState", f"The vpnGateway ID '{vpn_gateway_id}' is attached to {one.vpc_id}")
    if uses.held(call, one):
        raise Fault("IncorrectState", "The virtual private gateway is in use.")
    if one.state != "deleted":
        enter(call, one, "deleted")


# Attachment


@ec2.operation
def attach_vpn_gateway(call: Call, vpc_id: str, vpn_gateway_id: str) -> Members:
    """Attach a gateway to a VPC: one to one."""
    one, vpc = available(call, vpn_gateway_id), named(call, Vpc, vpc_id)
    if one.vpc_id and one.vpc_id != vpc_id:
        raise Fault("VpnGatewayAttachmentLimitExceeded", f"{vpn_gateway_id} is already attached to {one.vpc_id}")
    there = VpnGateway.first(call, vpc_id, index="of_vpc")
    if there and there.vpn_gateway_id != vpn_gateway_id:
        text = f"{vpc.vpc_id} already has a VPN gateway attached"
        raise Fault("InvalidParameterValue", text)
    one.vpc_id = vpc_id
    one.put(call)
    changed(call, vpc_id)
    changed(call, vpn_gateway_id)
    return {"VpcAttachment": {"VpcId": vpc_id, "State": "attaching"}}


@ec2.operation
def detach_vpn_gateway(call: Call, vpc_id: str, vpn_gateway_id: str) -> None:
    """Detach a gateway from its VPC, whose tables forget what it told them."""
    one = named(call, VpnGateway, vpn_gateway_id)
    if one.vpc_id != vpc_id:
        raise Fault(
            "InvalidVpnGatewayAttachment.NotFound",
            f"The attachment with vpn gateway ID '{vpn_gateway_id}' and vpc ID '{vpc_id}' does not exist",
        )
    for table in propagating(call, one):
        withdraw(call, table, one)
        table.propagating_vgws = [what for what in table.propagating_vgws if what != vpn_gateway_id]
        table.put(call)
    one.vpc_id = ""
    one.put(call)
    changed(call, vpc_id)
    changed(call, vpn_gateway_id)


def available(call: Call, vpn_gateway_id: str) -> VpnGateway:
    one = named(call, VpnGateway, vpn_gateway_id)
    if one.state == "deleted":
        raise Fault("InvalidVpnGatewayID.NotFound", f"The vpnGateway ID '{vpn_gateway_id}' does not exist")
    return one


@vpc_life.holds
def held(call: Call, vpc: Vpc) -> bool:
    """A VPC with a gateway is not deleted."""
    return VpnGateway.first(call, vpc.vpc_id, index="of_vpc") is not None


@targets.way("vgw", "GatewayId", needed=True)
def attached(call: Call, vpc_id: str, target: str) -> bool:
    """Whether packets of a VPC get to the gateway."""
    one = VpnGateway.get(call, target)
    return one is not None and one.vpc_id == vpc_id


# Propagation


@ec2.operation
def enable_vgw_route_propagation(call: Call, gateway_id: str, route_table_id: str) -> None:
    """Let a route table of its VPC learn what is behind a gateway."""
    one, table = available(call, gateway_id), named(call, RouteTable, route_table_id)
    if one.vpc_id != table.vpc_id:
        text = f"route table {route_table_id} and network gateway {gateway_id} belong to different networks"
        raise Fault("Gateway.NotAttached", text)
    if gateway_id not in table.propagating_vgws:
        table.propagating_vgws = [*table.propagating_vgws, gateway_id]
        table.put(call)
    tell(call, table, one)


@ec2.operation
def disable_vgw_route_propagation(call: Call, gateway_id: str, route_table_id: str) -> None:
    """A route table forgets what is behind a gateway."""
    one, table = named(call, VpnGateway, gateway_id), named(call, RouteTable, route_table_id)
    withdraw(call, table, one)
    table.propagating_vgws = [what for what in table.propagating_vgws if what != gateway_id]
    table.put(call)


def tell(call: Call, table: RouteTable, one: VpnGateway) -> None:
    """Write what is behind a gateway into a table; routes that somebody has set come first."""
    for block in one.learned:
        there = Route.get(call, table.route_table_id, block)
        if there is None:
            Route(table.route_table_id, block, one.vpn_gateway_id, PROPAGATED).put(call)
    changed(call, table.vpc_id)


def withdraw(call: Call, table: RouteTable, one: VpnGateway) -> None:
    for route in [*Route.scan(call, table.route_table_id)]:
        if route.origin == PROPAGATED and route.target == one.vpn_gateway_id:
            route.delete(call)
    changed(call, table.vpc_id)


def propagating(call: Call, one: VpnGateway) -> Iterable[RouteTable]:
    """The tables that learn what is behind a gateway."""
    if not one.vpc_id:
        return []
    tables = [*RouteTable.scan(call, one.vpc_id, index="of_vpc")]
    return [table for table in tables if one.vpn_gateway_id in table.propagating_vgws]


def learn(call: Call, vpn_gateway_id: str, blocks: list[str]) -> None:
    """What is behind a gateway's connections has changed. What is behind lines of other services is nearer."""
    one = VpnGateway.get(call, vpn_gateway_id)
    lines = [block for cable in leading_to(call, vpn_gateway_id) for block in cable.told]
    blocks = [*dict.fromkeys((*lines, *blocks))]
    if one is None or one.learned == blocks:
        return
    tables = propagating(call, one)
    for table in tables:
        withdraw(call, table, one)
    one.learned = blocks
    one.put(call)
    for table in tables:
        tell(call, table, one)
