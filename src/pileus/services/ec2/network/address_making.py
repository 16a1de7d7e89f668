"""How Elastic IP addresses come and go: out of Amazon's pool, the account's, one of IPAM, or of the premises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pileus.kernel import Call, Fault
from pileus.services.ec2 import ec2
from pileus.services.ec2.connectivity import ipam_addresses
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import combination, invalid
from pileus.services.ec2.kinds import new_id
from pileus.services.ec2.tags import specified

from . import address_pools, limits, public_ranges
from .addresses import AMAZON, Address, chosen, life, shown

IPAM = "ipam-pool-"
"""How the ids of pools of IPAM begin."""

Taker = Callable[[Call, str, str], str]

TAKERS: list[Taker] = []


def customer_owned(taker: Taker) -> Taker:
    """Declare what takes an address out of a pool of customer-owned ones."""
    TAKERS.append(taker)
    return taker


@ec2.operation
def allocate_address(
    call: Call,
    domain: str = "vpc",
    address: str = "",
    public_ipv4_pool: str = "",
    network_border_group: str = "",
    tag_specifications: list[dict[str, Any]] = [],
    ipam_pool_id: str = "",
    customer_owned_ipv4_pool: str = "",
) -> Members:
    """Take an address out of a pool, by default Amazon's or what a policy says; a certain one, if it is free."""
    if domain != "vpc":
        raise invalid("The parameter domain must be vpc: EC2-Classic is retired.")
    tags = specified(tag_specifications, "elastic-ip")
    limits.check("AddressLimit", "addresses", Address.scan(call), limits.ADDRESSES)
    if customer_owned_ipv4_pool:
        return allocate_customer_owned(call, customer_owned_ipv4_pool, address, network_border_group, tags)
    if ipam_pool_id and public_ipv4_pool:
        raise combination("Only one of IpamPoolId and PublicIpv4Pool may be specified.")
    pool = ipam_pool_id or public_ipv4_pool
    made = allocate(call, address, pool, network_border_group or call.region, tags)
    life.begin(call, made)
    return {
        "AllocationId": made.allocation_id,
        "PublicIp": made.public_ip,
        "Domain": "vpc",
        "PublicIpv4Pool": made.public_ipv4_pool,
        "NetworkBorderGroup": made.network_border_group,
    }


def allocate_customer_owned(call: Call, pool: str, wanted: str, group: str, tags: dict[str, str]) -> Members:
    [take] = TAKERS
    taken = take(call, pool, wanted)
    made = Address(
        new_id(Address), "", group or call.region, customer_owned_ip=taken, customer_owned_pool=pool, tags=tags
    )
    told = shown(call, made.put(call))
    names = ("AllocationId", "CustomerOwnedIp", "CustomerOwnedIpv4Pool", "Domain", "NetworkBorderGroup")
    return {name: told[name] for name in names}


def allocate(call: Call, wanted: str, pool: str, network_border_group: str, tags: dict[str, str]) -> Address:
    what = new_id(Address)
    if pool and pool != AMAZON:
        if pool.startswith(IPAM):
            taken = ipam_addresses.take(call, pool, wanted, what, tags)
        else:
            taken = address_pools.take(call, pool, wanted)
        return Address(what, taken, network_border_group, pool, tags=tags).put(call)
    if not pool and not wanted:
        taken, pool = ipam_addresses.by_policy(call, what)
        if taken:
            return Address(what, taken, network_border_group, pool, tags=tags).put(call)
    if wanted and not public_ranges.public(call, wanted):
        raise Fault("InvalidAddress.NotFound", f"The address {wanted} does not belong to you.")
    public_ip = public_ranges.take_address(call, wanted)
    if not public_ip:
        raise Fault("InvalidAddress.NotFound", f"The address {wanted} is not available.")
    return Address(what, public_ip, network_border_group, tags=tags).put(call)


@ec2.operation
def release_address(call: Call, allocation_id: str = "", public_ip: str = "", network_border_group: str = "") -> None:
    """Give an address back that stands before nothing."""
    one = chosen(call, allocation_id, public_ip)
    if network_border_group and network_border_group != one.network_border_group:
        text = "The address is not in the specified network border group."
        raise Fault("InvalidParameterValue", text)
    if one.association_id:
        raise Fault("InvalidIPAddress.InUse", f"Address {one.public_ip} is in use.")
    if one.public_ipv4_pool.startswith(IPAM):
        ipam_addresses.give_back(call, one.public_ipv4_pool, one.allocation_id, one.public_ip)
    elif one.public_ip:
        public_ranges.give_back(call, one.public_ip)
        address_pools.give_back(call, one.public_ipv4_pool)
    life.end(call, one)
    one.delete(call)
