"""VPCs: an account's own networks.

What a VPC is made of says itself what comes and goes with it (`life`), and what only the default VPC begins with
(`default_life`). The default VPC of an account and Region is made when somebody first looks (`default_vpc`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from pileus.kernel import Call, Record
from pileus.kernel.filters import Filters
from pileus.kernel.names import hex_id
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described
from pileus.services.ec2.kinds import kind, named, new_id
from pileus.services.ec2.tags import shown_tags

from . import associations, changes, limits, public_access, sharing
from .life import Life

DEFAULT_CIDR = "172.31.0.0/16"

CIDR_ASSOCIATION = "vpc-cidr-assoc"


class CidrBlock(msgspec.Struct):
    """A range of IPv4 addresses of a VPC."""

    association_id: str
    cidr_block: str
    state: str = "associated"
    ipam_pool_id: str = ""
    """The pool of IPAM out of which it came."""


class Ipv6CidrBlock(msgspec.Struct):
    """A range of IPv6 addresses of a VPC."""

    association_id: str
    ipv6_cidr_block: str
    network_border_group: str
    ipv6_pool: str = "Amazon"
    ip_source: str = "amazon"
    state: str = "associated"
    ipam_pool_id: str = ""


@kind("vpc", "vpc", missing=("InvalidVpcID.NotFound", "The vpc ID '{}' does not exist"))
class Vpc(Record, arn="vpc/{vpc_id}", cfn="AWS::EC2::VPC"):
    vpc_id: str
    owner_id: str
    cidr_block: str
    dhcp_options_id: str
    cidr_blocks: list[CidrBlock] = []
    """The first is the primary one."""
    ipv6_cidr_blocks: list[Ipv6CidrBlock] = []
    instance_tenancy: str = "default"
    is_default: bool = False
    enable_dns_support: bool = True
    enable_dns_hostnames: bool = False
    enable_network_address_usage_metrics: bool = False
    tags: dict[str, str] = {}

    def ranges(self) -> list[str]:
        """All its addresses."""
        return [
            *(one.cidr_block for one in self.cidr_blocks if one.state == "associated"),
            *(one.ipv6_cidr_block for one in self.ipv6_cidr_blocks if one.state == "associated"),
        ]


class Defaults(Record):
    """What AWS has made by itself in an account's Region."""

    name: str
    vpc_id: str
    """Empty when the default VPC was deleted."""
    dhcp_options_id: str = ""


FILTERS = Filters(
    {
        "cidr": "cidr_block",
        "cidr-block-association.cidr-block": "cidr_blocks.cidr_block",
        "cidr-block-association.association-id": "cidr_blocks.association_id",
        "cidr-block-association.state": "cidr_blocks.state",
        "dhcp-options-id": "dhcp_options_id",
        "ipv6-cidr-block-association.ipv6-cidr-block": "ipv6_cidr_blocks.ipv6_cidr_block",
        "ipv6-cidr-block-association.ipv6-pool": "ipv6_cidr_blocks.ipv6_pool",
        "ipv6-cidr-block-association.association-id": "ipv6_cidr_blocks.association_id",
        "ipv6-cidr-block-association.state": "ipv6_cidr_blocks.state",
        "is-default": "is_default",
        "isDefault": "is_default",  # the older spelling, which EC2 takes too
        "owner-id": "owner_id",
        "state": lambda vpc: "available",
        "vpc-id": "vpc_id",
    }
)

RangeStep = Callable[[Call, Vpc, str, bool], None]

life = Life[Vpc]()
default_life = Life[Vpc]()
"""What the default VPC begins with, besides."""
RANGES: list[RangeStep] = []
SEEN: list[Callable[[Call], list[Vpc]]] = []


def sees(find: Callable[[Call], list[Vpc]]) -> Callable[[Call], list[Vpc]]:
    """Declare which VPCs of others an account sees."""
    SEEN.append(find)
    return find


def follows_ranges(step: RangeStep) -> RangeStep:
    """Declare what happens when a range of addresses has come to a VPC, or (the last argument) has gone."""
    RANGES.append(step)
    return step


def range_changed(call: Call, vpc: Vpc, cidr_block: str, gone: bool = False) -> None:
    for step in RANGES:
        step(call, vpc, cidr_block, gone)
    changes.changed(call, vpc.vpc_id)


# Those that AWS makes


def settled(call: Call) -> Defaults:
    """What AWS makes by itself in a Region of an account, which is made now if it was not."""
    if made := Defaults.get(call, "default"):
        return made
    made = Defaults(name="default", vpc_id="", dhcp_options_id=hex_id("dopt")).put(call)
    make_default(call, made)
    return made


def at_home(call: Call, vpc_id: str) -> Vpc:
    """The VPC in which the account has something, whoever's the VPC is."""
    return named(sharing.home(call, vpc_id), Vpc, vpc_id)


def default_vpc(call: Call) -> Vpc | None:
    """The default VPC; None if it was deleted."""
    vpc_id = settled(call).vpc_id
    return Vpc.get(call, vpc_id) if vpc_id else None


def make_default(call: Call, made: Defaults) -> Vpc:
    vpc = make(call, DEFAULT_CIDR, made.dhcp_options_id, is_default=True, enable_dns_hostnames=True)
    made.vpc_id = vpc.vpc_id
    made.put(call)
    default_life.begin(call, vpc)
    return vpc


def check_limit(call: Call) -> None:
    limits.check("VpcLimit", "VPCs", Vpc.scan(call), limits.VPCS)


def make(
    call: Call,
    cidr_block: str,
    dhcp_options_id: str,
    *,
    vpc_id: str = "",
    ipam_pool_id: str = "",
    **particulars: Any,
) -> Vpc:
    vpc_id = vpc_id or new_id(Vpc)
    association_id = associations.associate(call, CIDR_ASSOCIATION, vpc_id)
    vpc = Vpc(
        vpc_id=vpc_id,
        owner_id=call.account,
        cidr_block=cidr_block,
        dhcp_options_id=dhcp_options_id,
        cidr_blocks=[CidrBlock(association_id, cidr_block, ipam_pool_id=ipam_pool_id)],
        **particulars,
    ).put(call)
    life.begin(call, vpc)
    changes.changed(call, vpc.vpc_id)
    return vpc


@ec2.operation
def describe_vpcs(
    call: Call,
    vpc_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """An account's VPCs, and those of which others share a subnet with it."""
    settled(call)
    theirs = [found for seen in SEEN for found in seen(call)]
    return described(call, Vpc, FILTERS, "Vpcs", shown, vpc_ids, filters, max_results, next_token, others=theirs)


def shown(call: Call, vpc: Vpc) -> Members:
    return {
        "VpcId": vpc.vpc_id,
        "OwnerId": vpc.owner_id,
        "State": "available",
        "CidrBlock": vpc.cidr_block,
        "CidrBlockAssociationSet": [shown_cidr(one) for one in vpc.cidr_blocks],
        "Ipv6CidrBlockAssociationSet": [shown_ipv6(one) for one in vpc.ipv6_cidr_blocks],
        "DhcpOptionsId": vpc.dhcp_options_id,
        "InstanceTenancy": vpc.instance_tenancy,
        "IsDefault": vpc.is_default,
        "BlockPublicAccessStates": {"InternetGatewayBlockMode": public_access.blocked(call, vpc.vpc_id)},
        "Tags": shown_tags(vpc.tags) or None,
    }


def shown_cidr(one: CidrBlock) -> Members:
    return {
        "AssociationId": one.association_id,
        "CidrBlock": one.cidr_block,
        "CidrBlockState": {"State": one.state},
    }


def shown_ipv6(one: Ipv6CidrBlock) -> Members:
    return {
        "AssociationId": one.association_id,
        "Ipv6CidrBlock": one.ipv6_cidr_block,
        "Ipv6CidrBlockState": {"State": one.state},
        "NetworkBorderGroup": one.network_border_group,
        "Ipv6Pool": one.ipv6_pool,
        "IpSource": one.ip_source,
        "Ipv6AddressAttribute": "public",
    }
