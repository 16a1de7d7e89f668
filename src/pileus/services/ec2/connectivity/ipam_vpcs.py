"""Blocks of VPCs that come out of pools of IPAM, and go back when the VPC no longer has them."""

from __future__ import annotations

from pileus.kernel import Call, Fault, Record
from pileus.services.ec2.network.vpcs import Vpc, follows_ranges
from pileus.services.ec2.network.vpcs import life as vpc_life

from .ipam_allocations import Allocation, allocate
from .ipam_pools import seen


class FromPool(Record, key=("vpc_id", "cidr"), table="ec2.IpamVpcBlock"):
    """Where a block of a VPC comes from: the pool may be another account's, and in another Region."""

    vpc_id: str
    cidr: str
    allocation: str
    account: str
    region: str


def take(call: Call, ipam_pool_id: str, cidr: str, length: int | None, tags: dict[str, str]) -> FromPool:
    """A block for a VPC of the call's Region, which is yet to be made."""
    there, pool = seen(call, ipam_pool_id)
    if pool.locale != call.region:
        raise Fault("InvalidParameterValue", f"The IPAM pool {ipam_pool_id} is not for resources in {call.region}.")
    if any(tags.get(key) != value for key, value in pool.required_tags.items()):
        raise Fault("InvalidParameterValue", f"The resource lacks the tags that {ipam_pool_id} requires.")
    made = allocate(there, pool, cidr, length, "vpc", "")
    return FromPool("", made.cidr, made.ipam_pool_allocation_id, there.account, there.region)


def settle(call: Call, taken: FromPool, vpc_id: str) -> None:
    """Say which VPC has it."""
    there = call.at(taken.account, taken.region)
    allocation = Allocation.get(there, taken.allocation)
    assert allocation
    allocation.resource_id, allocation.resource_owner, allocation.resource_region = vpc_id, call.account, call.region
    allocation.put(there)
    taken.vpc_id = vpc_id
    taken.put(call)


def give_back(call: Call, one: FromPool) -> None:
    there = call.at(one.account, one.region)
    if allocation := Allocation.get(there, one.allocation):
        allocation.delete(there)
    one.delete(call)


@follows_ranges
def range_gone(call: Call, vpc: Vpc, cidr_block: str, gone: bool) -> None:
    if gone and (one := FromPool.get(call, vpc.vpc_id, cidr_block)):
        give_back(call, one)


@vpc_life.ends_with
def vpc_gone(call: Call, vpc: Vpc) -> None:
    for one in [*FromPool.scan(call, vpc.vpc_id)]:
        give_back(call, one)
