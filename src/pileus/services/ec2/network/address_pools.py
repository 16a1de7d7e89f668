"""Pools of public addresses of one's own, and the ranges that one has brought (BYOIP): as far as their states go.

Nobody checks whether a range is the account's, and nothing is told to the internet. Left out: ranges of IPv6; pools
that IPAM fills.
"""

from __future__ import annotations

import secrets
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described, paged
from pileus.services.ec2.faults import bad_value, in_use
from pileus.services.ec2.kinds import kind, named, new_id
from pileus.services.ec2.tags import shown_tags, specified

from . import cidrs, public_ranges

PENDING, PROVISIONED, ADVERTISED = "pending-provision", "provisioned", "advertised"

PROVISIONING = 60.0
"""How many seconds a range takes until it is provisioned; AWS takes days."""


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
    tags: dict[str, str] = {}

    @property
    def total(self) -> int:
        return sum(IPv4Network(one).num_addresses for one in self.ranges)


class ByoipCidr(Record):
    """A range of addresses that the account has brought."""

    cidr: str
    pool_id: str
    network_border_group: str
    description: str = ""
    state: str = PENDING
    advertisable: bool = True


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
            {"FirstAddress": str(one[0]), "LastAddress": str(one[-1]), "AddressCount": one.num_addresses}
            | ({"AvailableAddressCount": free} if len(networks) == 1 else {})
            for one in networks
        ],
        "Tags": shown_tags(pool.tags),
    }


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


# Ranges that an account has brought


@ec2.operation(honours=["CidrAuthorizationContext"])
def provision_byoip_cidr(
    call: Call,
    cidr: str,
    description: str = "",
    publicly_advertisable: bool = True,
    network_border_group: str = "",
    pool_tag_specifications: list[dict[str, Any]] = [],
) -> Members:
    """Bring a range of /24 or more, which becomes a pool of its own."""
    network = cidrs.ipv4(cidr, "cidr")
    if network.prefixlen > 24 or ByoipCidr.get(call, str(network)):
        raise bad_value("cidr", cidr)
    group = network_border_group or call.region
    tags = specified(pool_tag_specifications, "ipv4pool-ec2")
    pool = PublicIpv4Pool(new_id(PublicIpv4Pool), group, description=description, tags=tags).put(call)
    made = ByoipCidr(str(network), pool.pool_id, group, description, advertisable=publicly_advertisable).put(call)
    byoip_provisioned.later(call, delay=PROVISIONING, cidr=made.cidr)
    return {"ByoipCidr": shown_cidr(made)}


@ec2.task
def byoip_provisioned(call: Call, cidr: str) -> None:
    """A range that was brought can be used from now on."""
    found = ByoipCidr.get(call, cidr)
    if found is None or found.state != PENDING:
        return
    found.state = PROVISIONED
    found.put(call)
    pool = named(call, PublicIpv4Pool, found.pool_id)
    pool.ranges.append(cidr)
    pool.put(call)


def shown_cidr(one: ByoipCidr) -> Members:
    return {
        "Cidr": one.cidr,
        "Description": one.description or None,
        "State": one.state,
        "PoolId": one.pool_id,
        "NetworkBorderGroup": one.network_border_group,
    }


@ec2.operation
def describe_byoip_cidrs(call: Call, max_results: int, next_token: str = "") -> Members:
    """The ranges that an account has brought."""
    return paged(call, "ByoipCidrs", map(shown_cidr, ByoipCidr.scan(call)), max_results, next_token)


def brought(call: Call, cidr: str, *states: str) -> ByoipCidr:
    found = ByoipCidr.get(call, cidr)
    if found is None:
        raise Fault("InvalidByoipCidr.NotFound", f"The CIDR {cidr} was not found.")
    if found.state not in states:
        raise Fault("IncorrectState", f"The CIDR {cidr} is in the state {found.state}.")
    return found


@ec2.operation
def advertise_byoip_cidr(call: Call, cidr: str) -> Members:
    """Tell the internet of a range."""
    found = brought(call, cidr, PROVISIONED, ADVERTISED)
    if not found.advertisable:
        raise bad_value("cidr", cidr, "The CIDR is not publicly advertisable.")
    found.state = ADVERTISED
    return {"ByoipCidr": shown_cidr(found.put(call))}


@ec2.operation
def withdraw_byoip_cidr(call: Call, cidr: str) -> Members:
    """Tell the internet no more of a range."""
    found = brought(call, cidr, PROVISIONED, ADVERTISED)
    found.state = PROVISIONED
    return {"ByoipCidr": shown_cidr(found.put(call))}


@ec2.operation
def deprovision_byoip_cidr(call: Call, cidr: str) -> Members:
    """Take a range back of which no address is allocated."""
    found = brought(call, cidr, PENDING, PROVISIONED)
    pool = named(call, PublicIpv4Pool, found.pool_id)
    if pool.used:
        raise Fault("IncorrectState", f"The CIDR {cidr} has allocated addresses.")
    pool.delete(call)
    found.delete(call)
    return {"ByoipCidr": shown_cidr(found) | {"State": "pending-deprovision"}}
