"""Route tables, and which subnets and gateways have which.

A subnet without a table of its own has the VPC's main one.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_network
from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.kernel.names import hex_id
from pileus.services.ec2 import ec2, tokens
from pileus.services.ec2.describing import Members, described
from pileus.services.ec2.faults import in_use, missing
from pileus.services.ec2.kinds import kind, named, new_id
from pileus.services.ec2.tags import shown_tags, specified

from . import changes, cidrs, limits, targets
from .associations import absent
from .subnets import Subnet
from .subnets import life as subnet_life
from .vpcs import Vpc, follows_ranges, settled
from .vpcs import life as vpc_life

CREATED, BY_USER, PROPAGATED = "CreateRouteTable", "CreateRoute", "EnableVgwRoutePropagation"


@kind("route-table", "rtb", missing=("InvalidRouteTableID.NotFound", "The routeTable ID '{}' does not exist"))
class RouteTable(
    Record, arn="route-table/{route_table_id}", cfn="AWS::EC2::RouteTable", indexes={"of_vpc": ("vpc_id",)}
):
    route_table_id: str
    owner_id: str
    vpc_id: str
    propagating_vgws: list[str] = []
    tags: dict[str, str] = {}


class Route(
    Record, key=("route_table_id", "destination"), indexes={"to": ("target",), "by_destination": ("destination",)}
):
    """One entry of a route table."""

    route_table_id: str
    destination: str
    """A range of addresses, or the id of a prefix list."""
    target: str
    """An id, an ARN, or `local`."""
    origin: str = BY_USER
    instance_owner_id: str = ""


class Association(
    Record, indexes={"of_table": ("route_table_id",), "of_target": ("target",)}, table="ec2.RouteTableAssociation"
):
    """Which subnet or gateway has which table, or which one is a VPC's main table."""

    association_id: str
    route_table_id: str
    target: str
    """The id of a subnet or of a gateway; of the VPC where the table is its main one."""
    main: bool = False


FILTERS = Filters(
    {
        "association.gateway-id": "Associations.GatewayId",
        "association.route-table-association-id": "Associations.RouteTableAssociationId",
        "association.route-table-id": "Associations.RouteTableId",
        "association.subnet-id": "Associations.SubnetId",
        "association.main": "Associations.Main",
        "owner-id": "OwnerId",
        "route-table-id": "RouteTableId",
        "route.destination-cidr-block": "Routes.DestinationCidrBlock",
        "route.destination-ipv6-cidr-block": "Routes.DestinationIpv6CidrBlock",
        "route.destination-prefix-list-id": "Routes.DestinationPrefixListId",
        "route.egress-only-internet-gateway-id": "Routes.EgressOnlyInternetGatewayId",
        "route.gateway-id": "Routes.GatewayId",
        "route.instance-id": "Routes.InstanceId",
        "route.nat-gateway-id": "Routes.NatGatewayId",
        "route.transit-gateway-id": "Routes.TransitGatewayId",
        "route.origin": "Routes.Origin",
        "route.state": "Routes.State",
        "route.vpc-peering-connection-id": "Routes.VpcPeeringConnectionId",
        "vpc-id": "VpcId",
    },
    tags=lambda table: {tag["Key"]: tag["Value"] for tag in table["Tags"]},
)


# Life


@vpc_life.begins_with
def main_table(call: Call, vpc: Vpc) -> None:
    """Every VPC has a main table."""
    table = make(call, vpc)
    Association(hex_id("rtbassoc"), table.route_table_id, vpc.vpc_id, main=True).put(call)


def make(call: Call, vpc: Vpc, tags: dict[str, str] = {}) -> RouteTable:
    table = RouteTable(new_id(RouteTable), call.account, vpc.vpc_id, tags=tags).put(call)
    for one in vpc.ranges():
        Route(table.route_table_id, one, targets.LOCAL, CREATED).put(call)
    return table


@follows_ranges
def local_routes(call: Call, vpc: Vpc, cidr_block: str, gone: bool) -> None:
    """Every table has a local route for each range of its VPC."""
    for table in of_vpc(call, vpc.vpc_id):
        route = Route(table.route_table_id, cidr_block, targets.LOCAL, CREATED)
        if gone:
            route.delete(call)
        else:
            check_free(call, table, cidr_block)
            route.put(call)


def check_free(call: Call, table: RouteTable, cidr_block: str) -> None:
    """A new range must not be the destination of a route that there is, nor hold one."""
    for route in Route.scan(call, table.route_table_id):
        other = route.destination.startswith("pl-") or route.target == targets.LOCAL
        if not other and cidrs.within(ip_network(route.destination), [cidr_block]):
            text = f"The CIDR '{cidr_block}' conflicts with a route of {table.route_table_id}: {route.destination}"
            raise Fault("InvalidVpc.Conflict", text)


@ec2.operation
def create_route_table(
    call: Call, vpc_id: str, tag_specifications: list[dict[str, Any]] = [], client_token: str = ""
) -> Members:
    """Make a route table, which at first has the local routes."""
    if made := tokens.made_before(call, client_token):
        return {"RouteTable": shown(call, named(call, RouteTable, made)), "ClientToken": client_token}
    vpc = named(call, Vpc, vpc_id)
    tags = specified(tag_specifications, "route-table")
    limits.check("RouteTableLimit", "route tables", of_vpc(call, vpc_id), limits.SUBNETS)
    table = make(call, vpc, tags)
    tokens.remember(call, client_token, table.route_table_id)
    changes.changed(call, vpc_id)
    return {"RouteTable": shown(call, table), "ClientToken": client_token or None}


@ec2.operation
def describe_route_tables(
    call: Call,
    route_table_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """An account's route tables."""
    settled(call)
    return described(
        call,
        RouteTable,
        FILTERS,
        "RouteTables",
        shown,
        route_table_ids,
        filters,
        max_results,
        next_token,
        by_shown=True,
    )


def shown(call: Call, table: RouteTable) -> Members:
    return {
        "RouteTableId": table.route_table_id,
        "OwnerId": table.owner_id,
        "VpcId": table.vpc_id,
        "Routes": [shown_route(call, table, one) for one in routes(call, table.route_table_id)],
        "Associations": [shown_association(one) for one in associations(call, table.route_table_id)],
        "PropagatingVgws": [{"GatewayId": one} for one in table.propagating_vgws],
        "Tags": shown_tags(table.tags),
    }


def shown_route(call: Call, table: RouteTable, route: Route) -> Members:
    return {
        destination_member(route.destination): route.destination,
        "Origin": route.origin,
        "State": "active" if targets.active(call, table.vpc_id, route.target) else "blackhole",
    } | targets.shown(call, route.target)


def destination_member(destination: str) -> str:
    if destination.startswith("pl-"):
        return "DestinationPrefixListId"
    return "DestinationIpv6CidrBlock" if ":" in destination else "DestinationCidrBlock"


def shown_association(one: Association) -> Members:
    shown: Members = {
        "RouteTableAssociationId": one.association_id,
        "RouteTableId": one.route_table_id,
        "Main": one.main,
        "AssociationState": {"State": "associated"},
    }
    if not one.main:
        shown["SubnetId" if one.target.startswith("subnet-") else "GatewayId"] = one.target
    return shown


@ec2.operation
def delete_route_table(call: Call, route_table_id: str) -> None:
    """Delete a table that nothing is associated with."""
    table = named(call, RouteTable, route_table_id)
    if Association.first(call, route_table_id, index="of_table"):
        raise in_use(f"The routeTable '{route_table_id}' has dependencies and cannot be deleted.")
    remove(call, table)
    changes.changed(call, table.vpc_id)


def remove(call: Call, table: RouteTable) -> None:
    for route in [*Route.scan(call, table.route_table_id)]:
        route.delete(call)
    table.delete(call)


@vpc_life.holds
def holds_vpc(call: Call, vpc: Vpc) -> bool:
    main = main_of(call, vpc.vpc_id).route_table_id
    return any(table.route_table_id != main for table in of_vpc(call, vpc.vpc_id))


@vpc_life.ends_with
def end(call: Call, vpc: Vpc) -> None:
    association = main_of(call, vpc.vpc_id)
    remove(call, named(call, RouteTable, association.route_table_id))
    association.delete(call)


# Which table is whose


def of_vpc(call: Call, vpc_id: str) -> Iterable[RouteTable]:
    return RouteTable.scan(call, vpc_id, index="of_vpc")


def main_of(call: Call, vpc_id: str) -> Association:
    """The association of a VPC's main table."""
    found = Association.first(call, vpc_id, index="of_target")
    assert found is not None, f"{vpc_id} has no main route table"
    return found


def table_of(call: Call, subnet: Subnet) -> RouteTable:
    """The table that routes what comes from a subnet."""
    found = Association.first(call, subnet.subnet_id, index="of_target") or main_of(call, subnet.vpc_id)
    return named(call, RouteTable, found.route_table_id)


def routes(call: Call, route_table_id: str) -> list[Route]:
    """The routes of a table, those within the VPC first."""
    return sorted(Route.scan(call, route_table_id), key=lambda route: route.target != targets.LOCAL)


def associations(call: Call, route_table_id: str) -> Iterable[Association]:
    return Association.scan(call, route_table_id, index="of_table")


@ec2.operation
def associate_route_table(call: Call, route_table_id: str, subnet_id: str = "", gateway_id: str = "") -> Members:
    """Give a subnet, or a gateway for what comes in by it, a table of its own."""
    table = named(call, RouteTable, route_table_id)
    if not subnet_id and not gateway_id:
        raise missing("subnetId", "gatewayId")
    target = subnet_id or gateway_id
    if subnet_id:
        elsewhere = named(call, Subnet, subnet_id).vpc_id != table.vpc_id
        if elsewhere:
            text = f"route table {route_table_id} and subnet {subnet_id} belong to different networks"
            raise Fault("InvalidParameterValue", text)
    else:
        targets.check(call, route_table_id, table.vpc_id, gateway_id)
    if there := Association.first(call, target, index="of_target"):
        if there.route_table_id == route_table_id:
            return {"AssociationId": there.association_id, "AssociationState": {"State": "associated"}}
        text = f"the specified association for route table {route_table_id} conflicts with an existing association"
        raise Fault("Resource.AlreadyAssociated", text)
    made = Association(hex_id("rtbassoc"), route_table_id, target).put(call)
    changes.changed(call, table.vpc_id)
    return {"AssociationId": made.association_id, "AssociationState": {"State": "associated"}}


@ec2.operation
def replace_route_table_association(call: Call, association_id: str, route_table_id: str) -> Members:
    """Give a subnet, a gateway or the VPC itself another table than it has."""
    there = associated(call, association_id)
    table = named(call, RouteTable, route_table_id)
    if named(call, RouteTable, there.route_table_id).vpc_id != table.vpc_id:
        text = f"route table {route_table_id} and route table association {association_id} belong to different networks"
        raise Fault("InvalidParameterValue", text)
    there.delete(call)
    made = Association(hex_id("rtbassoc"), route_table_id, there.target, there.main).put(call)
    changes.changed(call, table.vpc_id)
    return {"NewAssociationId": made.association_id, "AssociationState": {"State": "associated"}}


@ec2.operation
def disassociate_route_table(call: Call, association_id: str) -> None:
    """Let a subnet have the main table again, or a gateway none."""
    there = associated(call, association_id)
    if there.main:
        text = f"cannot disassociate the main route table association {association_id}"
        raise Fault("InvalidParameterValue", text)
    there.delete(call)
    changes.changed(call, named(call, RouteTable, there.route_table_id).vpc_id)


def associated(call: Call, association_id: str) -> Association:
    found = Association.get(call, association_id)
    if found is None:
        raise absent(association_id)
    return found


@subnet_life.ends_with
def leave(call: Call, subnet: Subnet) -> None:
    """A subnet that is deleted needs no table any more."""
    for one in [*Association.scan(call, subnet.subnet_id, index="of_target")]:
        one.delete(call)
