"""What this part asks of VPCs and their like: which addresses are where."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call
from pileus.kernel.names import hex_id
from pileus.services.ec2.describing import Members
from pileus.services.ec2.kinds import named
from pileus.services.ec2.network.subnets import Subnet
from pileus.services.ec2.network.vpcs import Vpc


def vpc(call: Call, vpc_id: str) -> Vpc:
    return named(call, Vpc, vpc_id)


def subnet(call: Call, subnet_id: str) -> Subnet:
    return named(call, Subnet, subnet_id)


def blocks(call: Call, vpc_id: str) -> list[str]:
    """The blocks of a VPC, IPv6's too; none of one that is not there any more."""
    found = Vpc.get(call, vpc_id)
    return found.ranges() if found else []


def prefix_list_blocks(call: Call, prefix_list_id: str) -> list[str]:
    """The blocks of a prefix list; raises for one that is not there."""
    return []


def prefix_list_owner(call: Call, prefix_list_id: str) -> str:
    return call.account


def join(call: Call, attachment: str, subnet_id: str) -> None:
    """A transit gateway gets its interface in a subnet."""


def leave(call: Call, attachment: str, subnet_id: str) -> None:
    """A transit gateway's interface in a subnet goes."""


def groups(call: Call, vpc_id: str, group_ids: list[str]) -> list[str]:
    """The security groups of an interface: those given, or the VPC's default one."""
    return group_ids


def groups_shown(call: Call, group_ids: list[str]) -> list[Members]:
    return [{"GroupId": what} for what in group_ids]


def place(call: Call, subnet_id: str, group_ids: list[str], description: str, address: str = "") -> str:
    """Put a network interface of AWS's own into a subnet; its id."""
    return hex_id("eni")


def displace(call: Call, interface_id: str) -> None:
    """Take such an interface away."""


def regroup(call: Call, interface_id: str, group_ids: list[str]) -> None:
    """Give such an interface other groups."""


def service_prefix_list(call: Call, service_name: str) -> str:
    """The prefix list of the addresses of one of AWS's services."""
    return "pl-63a5400a"


def route_to_endpoint(call: Call, route_table_id: str, endpoint: Any) -> None:
    """Route a service's addresses to a gateway endpoint."""


def route_from_endpoint(call: Call, route_table_id: str, endpoint: Any) -> None:
    """No longer route a service's addresses to a gateway endpoint."""
