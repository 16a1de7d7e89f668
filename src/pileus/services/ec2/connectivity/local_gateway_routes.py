"""Routes of local gateways: those that are set, and those to the subnets on the Outpost of the VPCs of a table."""

from __future__ import annotations

from collections.abc import Iterator

from pileus.kernel import Call, Fault, Record
from pileus.kernel.resource import Row
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, paged
from pileus.services.ec2.faults import bad_value, combination, missing
from pileus.services.ec2.kinds import named
from pileus.services.ec2.network import cidrs, prefix_lists, subnets
from pileus.services.ec2.network.interfaces import NetworkInterface

from .local_gateway_interfaces import LocalGatewayVirtualInterfaceGroup
from .local_gateway_tables import LocalGatewayRouteTable, groups_of, parts, vpcs_of
from .transit_routes import compared


class LocalGatewayRoute(Record, key=("table", "destination")):
    """A route that is set."""

    table: str
    destination: str
    group: str = ""
    interface: str = ""


@parts.ends_with
def table_gone(call: Call, table: Row) -> None:
    LocalGatewayRoute.delete_all(call, table["LocalGatewayRouteTableId"])


def destination_of(block: str, prefix_list_id: str) -> str:
    if block and prefix_list_id:
        raise combination("Only one of DestinationCidrBlock and DestinationPrefixListId may be specified.")
    if not block and not prefix_list_id:
        raise missing("DestinationCidrBlock", "DestinationPrefixListId")
    return str(cidrs.ipv4(block, "DestinationCidrBlock")) if block else prefix_list_id


@ec2.operation
def create_local_gateway_route(
    call: Call,
    local_gateway_route_table_id: str,
    destination_cidr_block: str = "",
    destination_prefix_list_id: str = "",
    local_gateway_virtual_interface_group_id: str = "",
    network_interface_id: str = "",
) -> Members:
    """Add a route: to the premises, or to an interface on the Outpost."""
    table = LocalGatewayRouteTable.named(call, local_gateway_route_table_id)
    destination = destination_of(destination_cidr_block, destination_prefix_list_id)
    if LocalGatewayRoute.get(call, local_gateway_route_table_id, destination):
        raise Fault("RouteAlreadyExists", f"The route identified by {destination} already exists.")
    made = LocalGatewayRoute(local_gateway_route_table_id, destination)
    _lead(call, made, local_gateway_virtual_interface_group_id, network_interface_id)
    return {"Route": shown(call, table, made.put(call))}


@ec2.operation
def modify_local_gateway_route(
    call: Call,
    local_gateway_route_table_id: str,
    destination_cidr_block: str = "",
    destination_prefix_list_id: str = "",
    local_gateway_virtual_interface_group_id: str = "",
    network_interface_id: str = "",
) -> Members:
    """Let a route lead elsewhere."""
    table = LocalGatewayRouteTable.named(call, local_gateway_route_table_id)
    found = _route(call, local_gateway_route_table_id, destination_cidr_block, destination_prefix_list_id)
    _lead(call, found, local_gateway_virtual_interface_group_id, network_interface_id)
    return {"Route": shown(call, table, found.put(call))}


def _lead(call: Call, route: LocalGatewayRoute, group: str, interface: str) -> None:
    if bool(group) == bool(interface):
        raise missing("LocalGatewayVirtualInterfaceGroupId", "NetworkInterfaceId")
    if group:
        LocalGatewayVirtualInterfaceGroup.named(call, group)
        if group not in groups_of(call, route.table):
            text = f"The virtual interface group is not associated with {route.table}."
            raise bad_value("LocalGatewayVirtualInterfaceGroupId", group, text)
    else:
        named(call, NetworkInterface, interface)
    if route.destination.startswith("pl-"):
        prefix_lists.find(call, route.destination)
    route.group, route.interface = group, interface


def _route(call: Call, table: str, block: str, prefix_list_id: str) -> LocalGatewayRoute:
    destination = destination_of(block, prefix_list_id)
    if found := LocalGatewayRoute.get(call, table, destination):
        return found
    raise Fault("InvalidRoute.NotFound", f"There is no route {destination} in the route table {table}.")


@ec2.operation
def delete_local_gateway_route(
    call: Call,
    local_gateway_route_table_id: str,
    destination_cidr_block: str = "",
    destination_prefix_list_id: str = "",
) -> Members:
    """Remove a route that is set."""
    table = LocalGatewayRouteTable.named(call, local_gateway_route_table_id)
    found = _route(call, local_gateway_route_table_id, destination_cidr_block, destination_prefix_list_id)
    told = shown(call, table, found)
    found.delete(call)
    return {"Route": told | {"State": "deleting"}}


def shown(call: Call, table: Row, one: LocalGatewayRoute) -> Members:
    reached = one.group in groups_of(call, one.table) or NetworkInterface.get(call, one.interface)
    name = "DestinationPrefixListId" if one.destination.startswith("pl-") else "DestinationCidrBlock"
    return _common(table) | {
        name: one.destination,
        "Type": "static",
        "State": "active" if reached else "blackhole",
        "LocalGatewayVirtualInterfaceGroupId": one.group or None,
        "NetworkInterfaceId": one.interface or None,
    }


def _common(table: Row) -> Members:
    names = ("LocalGatewayRouteTableId", "LocalGatewayRouteTableArn", "OwnerId")
    return {name: table[name] for name in names}


def propagated(call: Call, table: Row) -> Iterator[Members]:
    """The routes that come by themselves: to subnets on the Outpost."""
    for vpc_id in vpcs_of(call, table["LocalGatewayRouteTableId"]):
        for one in subnets.of_vpc(call, vpc_id):
            if one.outpost_arn == table["OutpostArn"] and one.cidr_block:
                told = {"DestinationCidrBlock": one.cidr_block, "SubnetId": one.subnet_id}
                yield _common(table) | told | {"Type": "propagated", "State": "active"}


COMPARED = "route-search."


@ec2.operation
def search_local_gateway_routes(
    call: Call,
    local_gateway_route_table_id: str,
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The routes of a table that fit."""
    table = LocalGatewayRouteTable.named(call, local_gateway_route_table_id)
    found = [
        *(shown(call, table, one) for one in LocalGatewayRoute.scan(call, local_gateway_route_table_id)),
        *propagated(call, table),
    ]
    for one in filters:
        name, values = one.get("Name", ""), one.get("Values", [])
        if name.startswith(COMPARED):
            found = compared(found, name.removeprefix(COMPARED), values, _block)
        elif member := {"prefix-list-id": "DestinationPrefixListId", "state": "State", "type": "Type"}.get(name):
            found = [route for route in found if route.get(member) in values]
        else:
            raise Fault("InvalidParameterValue", f"The filter '{name}' is invalid")
    return paged(call, "Routes", found, max_results, next_token)


def _block(route: Members) -> str:
    return str(route.get("DestinationCidrBlock", ""))
