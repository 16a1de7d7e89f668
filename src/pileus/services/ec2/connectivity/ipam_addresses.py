"""Elastic IP addresses out of pools of IPAM: those that a request names, and those that a policy says."""

from __future__ import annotations

from pileus.kernel import Call, Fault
from pileus.services.ec2.faults import bad_value
from pileus.services.ec2.network import public_ranges

from . import homes, ipam_policies
from .ipam_allocations import Allocation, allocate, check_tags
from .ipam_pools import AMAZON, IpamPool, seen

EIP = "eip"


def take(call: Call, ipam_pool_id: str, wanted: str, allocation_id: str, tags: dict[str, str]) -> str:
    """An address out of a pool that a request names; this one, if it wants one."""
    there, pool = seen(call, ipam_pool_id)
    if pool.scope_type != "public" or pool.locale != call.region or pool.aws_service not in ("", "ec2"):
        raise bad_value("IpamPoolId", ipam_pool_id, f"The pool is not for Elastic IP addresses in {call.region}.")
    check_tags(pool, tags)
    return _take(call, there, pool, wanted, allocation_id)


def by_policy(call: Call, allocation_id: str) -> tuple[str, str]:
    """An address out of the first pool of the account's policy that has one, and the pool; empty if there is none."""
    for what in ipam_policies.pools_for(call, EIP):
        there = homes.of(call, what)
        pool = IpamPool.get(there, what) if there else None
        if there and pool:
            try:
                return _take(call, there, pool, "", allocation_id), what
            except Fault as fault:
                if fault.code != "InsufficientCidrBlocks":
                    raise
    return "", ""


def _take(call: Call, there: Call, pool: IpamPool, wanted: str, allocation_id: str) -> str:
    made = allocate(there, pool, f"{wanted}/32" if wanted else "", 32, EIP, allocation_id)
    made.resource_owner, made.resource_region = call.account, call.region
    made.put(there)
    address = made.cidr.removesuffix("/32")
    if pool.ip_source != AMAZON and not public_ranges.hold(call, address):
        raise Fault("InvalidAddress.NotFound", f"The address {address} is not available.")
    return address


def give_back(call: Call, ipam_pool_id: str, allocation_id: str, address: str) -> None:
    """An address of a pool is free again."""
    there = homes.of(call, ipam_pool_id)
    pool = IpamPool.get(there, ipam_pool_id) if there else None
    if there is None or pool is None or pool.ip_source != AMAZON:
        public_ranges.give_back(call, address)
    for one in [*Allocation.scan(there, allocation_id, index="of_resource")] if there else ():
        one.delete(there or call)
