"""Pools of IPv6 addresses of one's own: each is one range that the account has brought (BYOIP)."""

from __future__ import annotations

from ipaddress import IPv6Network
from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.connectivity.ipam_space import first_free
from pileus.services.ec2.describing import Members, described, paged
from pileus.services.ec2.faults import bad_value
from pileus.services.ec2.kinds import kind, named
from pileus.services.ec2.tags import shown_tags

from . import cidrs
from .vpcs import Vpc

LENGTH = 56
"""What a VPC gets out of one."""


@kind("ipv6pool-ec2", "ipv6pool-ec2", missing=("InvalidIpv6PoolID.NotFound", "The pool ID '{}' does not exist."))
class Ipv6Pool(Record, arn="ipv6pool-ec2/{pool_id}"):
    """A range, as a pool; empty until it is provisioned."""

    pool_id: str
    description: str = ""
    ranges: list[str] = []
    tags: dict[str, str] = {}


FILTERS = Filters({})


@ec2.operation
def describe_ipv6_pools(
    call: Call,
    pool_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """An account's pools."""
    return described(call, Ipv6Pool, FILTERS, "Ipv6Pools", shown, pool_ids, filters, max_results, next_token)


def shown(call: Call, pool: Ipv6Pool) -> Members:
    return {
        "PoolId": pool.pool_id,
        "Description": pool.description or None,
        "PoolCidrBlocks": [{"Cidr": one} for one in pool.ranges],
        "Tags": shown_tags(pool.tags),
    }


def associated(call: Call, pool_id: str) -> list[tuple[str, str]]:
    """The ranges that VPCs have of a pool, with the VPCs."""
    return [
        (one.ipv6_cidr_block, vpc.vpc_id)
        for vpc in Vpc.scan(call)
        for one in vpc.ipv6_cidr_blocks
        if one.ipv6_pool == pool_id
    ]


@ec2.operation
def get_associated_ipv6_pool_cidrs(call: Call, pool_id: str, max_results: int = 0, next_token: str = "") -> Members:
    """Which VPCs have ranges of a pool."""
    named(call, Ipv6Pool, pool_id)
    found = [{"Ipv6Cidr": cidr, "AssociatedResource": vpc_id} for cidr, vpc_id in associated(call, pool_id)]
    return paged(call, "Ipv6CidrAssociations", found, max_results, next_token)


def take(call: Call, pool_id: str, wanted: str) -> str:
    """A /56 of a pool for a VPC; this one, if one is wanted."""
    pool = named(call, Ipv6Pool, pool_id)
    taken = [IPv6Network(cidr) for cidr, _ in associated(call, pool_id)]
    if not wanted:
        found = first_free([IPv6Network(one) for one in pool.ranges], taken, LENGTH)
        if found is None:
            raise Fault("InsufficientCidrBlocks", f"The pool {pool_id} has no free CIDR block.")
        return str(found)
    network = cidrs.ipv6(wanted)
    if not cidrs.within(network, pool.ranges) or any(network.overlaps(one) for one in taken):
        raise bad_value("Ipv6CidrBlock", wanted, f"The CIDR block is not free in the pool {pool_id}.")
    return str(network)
