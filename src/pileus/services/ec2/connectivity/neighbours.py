"""What this part asks of VPCs and their like: which addresses are where."""

from __future__ import annotations

from pileus.kernel import Call
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


def vpn_blocks(call: Call, vpn_connection_id: str) -> list[str]:
    """The blocks that a VPN connection leads to."""
    return []


def prefix_list_blocks(call: Call, prefix_list_id: str) -> list[str]:
    """The blocks of a prefix list; raises for one that is not there."""
    return []


def prefix_list_owner(call: Call, prefix_list_id: str) -> str:
    return call.account


def join(call: Call, attachment: str, subnet_id: str) -> None:
    """A transit gateway gets its interface in a subnet."""


def leave(call: Call, attachment: str, subnet_id: str) -> None:
    """A transit gateway's interface in a subnet goes."""
