"""Routes: where a table sends packets for a destination."""

from __future__ import annotations

from ipaddress import ip_network

from pileus.kernel import Call, Fault
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import combination, invalid, limit, missing
from pileus.services.ec2.kinds import named

from . import changes, cidrs, limits, prefix_lists, targets
from .interfaces import of_instance
from .route_tables import BY_USER, PROPAGATED, Route, RouteTable, routes
from .vpcs import Vpc

NEARER = ("eni", "nat", "vpce")
"""What a route within the VPC's own addresses may lead to."""


def destination_of(cidr_block: str, ipv6_cidr_block: str, prefix_list_id: str) -> str:
    """The destination that a request names, in its canonical form."""
    given = [*filter(None, [cidr_block, ipv6_cidr_block, prefix_list_id])]
    if not given:
        raise missing("destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId")
    if len(given) > 1:
        raise combination("Only one destination may be specified.")
    if cidr_block:
        return str(cidrs.ipv4(cidr_block, "destinationCidrBlock"))
    return str(cidrs.ipv6(ipv6_cidr_block, "destinationIpv6CidrBlock")) if ipv6_cidr_block else prefix_list_id


TARGETS = (
    "GatewayId", "NatGatewayId", "NetworkInterfaceId", "InstanceId", "VpcPeeringConnectionId", "TransitGatewayId",
    "EgressOnlyInternetGatewayId", "CarrierGatewayId", "VpcEndpointId", "LocalGatewayId",
)  # fmt: skip
"""The members of a request that name where a route leads to."""


def target_of(call: Call, request: Members) -> str:
    """The one target that a request names; that of an instance is its interface."""
    given = [member for member in TARGETS if request.get(member)]
    if not given:
        raise missing("gatewayId", "instanceId", "networkInterfaceId", "natGatewayId", "vpcPeeringConnectionId")
    if len(given) > 1:
        raise combination("Only one target may be specified.")
    target: str = request[given[0]]
    return interface_of(call, target) if given[0] == "InstanceId" else target


def interface_of(call: Call, instance_id: str) -> str:
    """The id of an instance's only interface."""
    found = [*of_instance(call, instance_id)]
    if not found:
        raise Fault("InvalidInstanceID.NotFound", f"The instance ID '{instance_id}' does not exist")
    if len(found) > 1:
        text = f"There are multiple interfaces attached to instance '{instance_id}'. Please specify an interface ID "
        raise Fault("InvalidInstanceID", f"{text}for the operation instead.")
    return found[0].network_interface_id


@ec2.operation(honours=TARGETS)
def create_route(
    call: Call,
    route_table_id: str,
    destination_cidr_block: str = "",
    destination_ipv6_cidr_block: str = "",
    destination_prefix_list_id: str = "",
    request: Members = {},
) -> Members:
    """Add a route. The same one again changes nothing; another to the same destination is refused."""
    table = named(call, RouteTable, route_table_id)
    destination = destination_of(destination_cidr_block, destination_ipv6_cidr_block, destination_prefix_list_id)
    target = target_of(call, request)
    there = Route.get(call, route_table_id, destination)
    if there and there.origin != PROPAGATED:
        if there.target == target:
            return {"Return": True}
        raise Fault("RouteAlreadyExists", f"The route identified by {destination} already exists.")
    check(call, table, destination, target)
    version = ":" in destination
    count = sum((":" in one.destination) == version for one in routes(call, route_table_id) if one.origin == BY_USER)
    if count >= limits.ROUTES:
        raise limit("RouteLimit", "The maximum number of routes has been reached.")
    Route(route_table_id, destination, target, BY_USER).put(call)
    changes.changed(call, table.vpc_id)
    return {"Return": True}


def check(call: Call, table: RouteTable, destination: str, target: str) -> None:
    """Raise what forbids a route."""
    targets.check(call, table.route_table_id, table.vpc_id, target)
    if destination.startswith("pl-"):
        prefix_lists.find(call, destination)
        return
    if target.startswith("eigw-") and ":" not in destination:
        raise invalid(f"The egress-only internet gateway {target} routes IPv6 traffic only.")
    network = ip_network(destination)
    if cidrs.within(network, named(call, Vpc, table.vpc_id).ranges()) and not target.startswith(NEARER):
        raise invalid(
            f"The destination CIDR block {destination} is equal to or more specific than one of this VPC's CIDR "
            "blocks. This route can target only an interface or an instance."
        )


@ec2.operation(honours=TARGETS)
def replace_route(
    call: Call,
    route_table_id: str,
    destination_cidr_block: str = "",
    destination_ipv6_cidr_block: str = "",
    destination_prefix_list_id: str = "",
    request: Members = {},
    local_target: bool = False,
) -> None:
    """Let the route to a destination lead elsewhere; with `local_target` within the VPC, as it was at first."""
    table = named(call, RouteTable, route_table_id)
    destination = destination_of(destination_cidr_block, destination_ipv6_cidr_block, destination_prefix_list_id)
    there = Route.get(call, route_table_id, destination)
    if there is None:
        raise invalid(f"There is no route defined for '{destination}' in the route table. Use CreateRoute instead.")
    if local_target:
        if destination not in named(call, Vpc, table.vpc_id).ranges():
            raise invalid(f"The route {destination} is not a local route.")
        there.target = targets.LOCAL
    else:
        there.target = target_of(call, request)
        check(call, table, destination, there.target)
    there.put(call)
    changes.changed(call, table.vpc_id)


@ec2.operation
def delete_route(
    call: Call,
    route_table_id: str,
    destination_cidr_block: str = "",
    destination_ipv6_cidr_block: str = "",
    destination_prefix_list_id: str = "",
) -> None:
    """Remove a route, but none within the VPC and none of a gateway endpoint."""
    table = named(call, RouteTable, route_table_id)
    destination = destination_of(destination_cidr_block, destination_ipv6_cidr_block, destination_prefix_list_id)
    there = Route.get(call, route_table_id, destination)
    if there is None or there.origin == PROPAGATED:
        spelled = "prefix-list-id" if destination.startswith("pl-") else "cidr-block"
        spelled = "ipv6-cidr-block" if ":" in destination else spelled
        text = f"no route with destination-{spelled} {destination} in route table {route_table_id}"
        raise Fault("InvalidRoute.NotFound", text)
    if destination in named(call, Vpc, table.vpc_id).ranges():
        raise invalid(f"cannot remove local route {destination} in route table {route_table_id}")
    if destination.startswith("pl-") and there.target.startswith("vpce-"):
        raise invalid(f"cannot remove VPC endpoint route {destination} in route table {route_table_id}")
    there.delete(call)
    changes.changed(call, table.vpc_id)
