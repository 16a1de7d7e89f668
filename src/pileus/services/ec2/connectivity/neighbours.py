"""What this part asks of VPCs and their like: addresses, groups, and interfaces of AWS's own in their subnets."""

from __future__ import annotations

from pileus.kernel import Call, Fault
from pileus.services.ec2.describing import Members
from pileus.services.ec2.kinds import named
from pileus.services.ec2.network import addresses, associations, interfaces, prefix_lists
from pileus.services.ec2.network.interfaces import NetworkInterface
from pileus.services.ec2.network.nat_gateways import AVAILABLE, NatGateway
from pileus.services.ec2.network.route_tables import Route, RouteTable
from pileus.services.ec2.network.security_groups import SecurityGroup, default_of
from pileus.services.ec2.network.subnets import Subnet
from pileus.services.ec2.network.vpcs import Vpc

ATTACHED = "ela-attach"
"""How the attachments of AWS's own interfaces are called."""


def vpc(call: Call, vpc_id: str) -> Vpc:
    return named(call, Vpc, vpc_id)


def subnet(call: Call, subnet_id: str) -> Subnet:
    return named(call, Subnet, subnet_id)


def blocks(call: Call, vpc_id: str) -> list[str]:
    """The blocks of a VPC, IPv6's too; none of one that is not there any more."""
    found = Vpc.get(call, vpc_id)
    return found.ranges() if found else []


def groups(call: Call, vpc_id: str, group_ids: list[str]) -> list[str]:
    """The security groups of an interface: those given, or the VPC's default one."""
    if not group_ids:
        return [default_of(call, vpc_id).group_id]
    for what in group_ids:
        if not interfaces.usable(call, named(call, SecurityGroup, what), vpc_id):
            raise Fault("InvalidParameter", f"Security group {what} does not belong to VPC {vpc_id}.")
    return [*dict.fromkeys(group_ids)]


def groups_shown(call: Call, group_ids: list[str]) -> list[Members]:
    found = [SecurityGroup.get(call, what) for what in group_ids]
    return [{"GroupId": one.group_id, "GroupName": one.group_name} for one in found if one]


# Interfaces of AWS's own


def place(
    call: Call,
    subnet_id: str,
    group_ids: list[str],
    description: str,
    address: str = "",
    kind: str = "vpc_endpoint",
    public: bool = False,
) -> str:
    """Put a network interface of AWS's own into a subnet, perhaps with a public address; its id."""
    made = interfaces.create(
        call,
        subnet(call, subnet_id),
        groups=group_ids,
        private_ip=address,
        description=description,
        requester="amazon-aws",
        interface_type=kind,
    )
    made.attachment = interfaces.Attachment(
        attachment_id=associations.associate(call, ATTACHED, made.network_interface_id),
        instance_id="",
        instance_owner_id="amazon-aws",
        device_index=1,
        attach_time=call.now,
    )
    made.put(call)
    if public:
        addresses.auto_assign(call, made)
    return made.network_interface_id


def displace(call: Call, interface_id: str) -> None:
    """Take such an interface away."""
    if found := NetworkInterface.get(call, interface_id):
        interfaces.remove(call, found)


def regroup(call: Call, interface_id: str, group_ids: list[str]) -> None:
    """Give such an interface other groups."""
    found = named(call, NetworkInterface, interface_id)
    interfaces.join(call, found, group_ids)
    found.put(call)


# Prefix lists and NAT gateways


def prefix_list_blocks(call: Call, prefix_list_id: str) -> list[str]:
    """The blocks of a prefix list; raises for one that is not there."""
    return [*prefix_lists.entries(call, prefix_lists.find(call, prefix_list_id))]


def prefix_list_owner(call: Call, prefix_list_id: str) -> str:
    return prefix_lists.find(call, prefix_list_id).owner_id


def service_prefix_list(call: Call, service_name: str) -> str:
    """The prefix list of the addresses of one of AWS's services."""
    found = (one.prefix_list_id for one in prefix_lists.of_aws(call) if one.prefix_list_name == service_name)
    return next(found)


def nat_gateways(call: Call) -> list[NatGateway]:
    """The NAT gateways that work."""
    return [one for one in NatGateway.scan(call) if one.state == AVAILABLE]


# Routes to gateway endpoints


def route_to_endpoint(call: Call, route_table_id: str, vpc_id: str, prefix_list_id: str, endpoint: str) -> None:
    """Route a service's addresses to a gateway endpoint."""
    table = named(call, RouteTable, route_table_id)
    if table.vpc_id != vpc_id:
        raise Fault("InvalidParameter", f"Route table {route_table_id} does not belong to VPC {vpc_id}.")
    there = Route.get(call, route_table_id, prefix_list_id)
    if there and there.target != endpoint:
        text = f"route table {route_table_id} already has a route with destination-prefix-list-id {prefix_list_id}"
        raise Fault("RouteAlreadyExists", text)
    Route(route_table_id, prefix_list_id, endpoint).put(call)


def route_from_endpoint(call: Call, route_table_id: str, prefix_list_id: str, endpoint: str) -> None:
    """No longer route a service's addresses to a gateway endpoint."""
    route = Route.get(call, route_table_id, prefix_list_id)
    if route and route.target == endpoint:
        route.delete(call)
