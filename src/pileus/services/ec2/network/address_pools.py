"""Pools of public IPv4 addresses of one's own, of ranges that one has brought or that IPAM has provisioned."""

from __future__ import annotations

import secrets
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described
from pileus.services.ec2.faults import bad_value, in_use
from pileus.services.ec2.kinds import kind, named, new_id
from pileus.services.ec2.tags import shown_tags, specified

from . import cidrs, public_ranges


@kind(
    "ipv4pool-ec2",
    "ipv4pool-ec2",
    missing=("InvalidPublicIpv4PoolID.NotFound", "The pool ID '{}' does not exist."),
)
class PublicIpv4Pool(Record, arn="ipv4pool-ec2/{pool_id}"):
    pool_id: str
    network_border_group: str
    ranges: list[str] = []
    used: int = 0
    """How many of its addresses are allocated."""
    description: str = ""
    ipam_pools: dict[str, str] = {}
    """The pools of IPAM out of which its ranges came."""
    tags: dict[str, str] = {}

    @property
    def total(self) -> int:
        return sum(IPv4Network(one).num_addresses for one in self.ranges)


FILTERS = Filters({})


# Pools


@ec2.operation
def create_public_ipv4_pool(
    call: Call, network_border_group: str = "", tag_specifications: list[dict[str, Any]] = []
) -> Members:
    """Make a pool without addresses."""
    tags = specified(tag_specifications, "ipv4pool-ec2")
    made = PublicIpv4Pool(new_id(PublicIpv4Pool), network_border_group or call.region, tags=tags).put(call)
    return {"PoolId": made.pool_id}


@ec2.operation
def describe_public_ipv4_pools(
    call: Call,
    pool_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """An account's pools."""
    return described(
        call, PublicIpv4Pool, FILTERS, "PublicIpv4Pools", shown, pool_ids, filters, max_results, next_token
    )


def shown(call: Call, pool: PublicIpv4Pool) -> Members:
    networks = [IPv4Network(one) for one in pool.ranges]
    free = pool.total - pool.used
    return {
        "PoolId": pool.pool_id,
        "Description": pool.description,
        "NetworkBorderGroup": pool.network_border_group,
        "TotalAddressCount": pool.total,
        "TotalAvailableAddressCount": free,
        "PoolAddressRanges": [
            shown_range(one) | ({"AvailableAddressCount": free} if len(networks) == 1 else {}) for one in networks
        ],
        "Tags": shown_tags(pool.tags),
    }


def shown_range(one: IPv4Network) -> Members:
    return {"FirstAddress": str(one[0]), "LastAddress": str(one[-1]), "AddressCount": one.num_addresses}


@ec2.operation
def delete_public_ipv4_pool(call: Call, pool_id: str, network_border_group: str = "") -> Members:
    """Delete a pool that has no addresses."""
    pool = named(call, PublicIpv4Pool, pool_id)
    if network_border_group not in ("", pool.network_border_group):
        raise bad_value("NetworkBorderGroup", network_border_group)
    if pool.ranges:
        raise in_use(f"The pool {pool_id} has CIDRs provisioned to it.")
    pool.delete(call)
    return {"ReturnValue": True}


def take(call: Call, pool_id: str, wanted: str) -> str:
    """An address out of a pool, which nobody has; the wanted one, if that is free."""
    pool = named(call, PublicIpv4Pool, pool_id)
    if wanted and not cidrs.within(IPv4Network(wanted), pool.ranges):
        raise Fault("InvalidAddress.NotFound", f"The address {wanted} does not belong to the pool {pool_id}.")
    candidates = [wanted] if wanted else (one for text in pool.ranges for one in shuffled(IPv4Network(text)))
    found = next((one for one in candidates if public_ranges.hold(call, one)), "")
    if not found:
        raise Fault("InsufficientAddressCapacity", "Not enough addresses available to fulfill your request.")
    pool.used += 1
    pool.put(call)
    return found


def shuffled(network: IPv4Network) -> list[str]:
    """A range's addresses, beginning anywhere."""
    count, start = network.num_addresses, secrets.randbelow(network.num_addresses)
    first = int(network.network_address)
    return [str(IPv4Address(first + (start + step) % count)) for step in range(count)]


def give_back(call: Call, pool_id: str) -> None:
    """An address of a pool is free again."""
    if pool := PublicIpv4Pool.get(call, pool_id):
        pool.used -= 1
        pool.put(call)
