"""What pools of IPAM give: blocks that are reserved by hand, and those that resources take."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described, paged
from pileus.services.ec2.kinds import kind, named, new_id
from pileus.services.ec2.tags import shown_tags, specified
from pileus.services.ec2.tokens import made_before, remember

from . import homes, ipam_space
from .ipam_pools import IpamPool, PoolCidr, parts, seen

CUSTOM, POOL, EC2_POOL = "custom", "ipam-pool", "ec2-public-ipv4-pool"


@kind(
    "ipam-pool-allocation",
    "ipam-pool-alloc",
    missing=("InvalidIpamPoolAllocationId.NotFound", "The specified IPAM Pool Allocation ID does not exist: {}"),
)
class Allocation(
    Record,
    arn="arn:{partition}:ec2::{account}:ipam-pool-allocation/{ipam_pool_allocation_id}",
    table="ec2.IpamPoolAllocation",
    indexes={"of_pool": ("pool",), "of_resource": ("resource_id",)},
):
    """A block that a pool has given."""

    ipam_pool_allocation_id: str
    pool: str
    cidr: str
    resource_type: str
    resource_id: str
    resource_owner: str
    resource_region: str
    description: str = ""
    tags: dict[str, str] = {}


@parts.ends_with
def pool_gone(call: Call, pool: IpamPool) -> None:
    """A pool's allocations go with it."""
    for one in [*Allocation.scan(call, pool.ipam_pool_id, index="of_pool")]:
        one.delete(call)


FILTERS = Filters(
    {
        "cidr": "cidr",
        "ipam-pool-allocation-id": "ipam_pool_allocation_id",
        "ipam-pool-id": "pool",
        "resource-id": "resource_id",
        "resource-owner": "resource_owner",
        "resource-type": "resource_type",
    }
)


def parsed(pool: IpamPool, cidr: str) -> ipam_space.Block:
    try:
        block = ip_network(cidr)
    except ValueError:
        raise Fault("InvalidParameterValue", f"Value ({cidr}) for parameter cidr is invalid.") from None
    if f"ipv{block.version}" != pool.family:
        raise Fault("InvalidParameterValue", f"The CIDR {cidr} is not of the address family of the pool.")
    return block


# Allocating


@ec2.operation
def allocate_ipam_pool_cidr(
    call: Call,
    ipam_pool_id: str,
    cidr: str = "",
    netmask_length: int | None = None,
    client_token: str = "",
    description: str = "",
    preview_next_cidr: bool = False,
    allowed_cidrs: list[str] = [],
    disallowed_cidrs: list[str] = [],
    tag_specifications: list[Members] = [],
) -> Members:
    """Reserve a block of a pool by hand, or only say which one would be next."""
    there, pool = seen(call, ipam_pool_id)
    if before := made_before(call, client_token):
        return {"IpamPoolAllocation": shown(there, named(there, Allocation, before))}
    if preview_next_cidr:
        allowed = [parsed(pool, one) for one in allowed_cidrs]
        barred = [parsed(pool, one) for one in disallowed_cidrs]
        block = free(there, pool, length_of(pool, netmask_length), allowed, barred)
        return {"IpamPoolAllocation": {"Cidr": str(block), "ResourceType": CUSTOM}}
    allowed, barred = [parsed(pool, one) for one in allowed_cidrs], [parsed(pool, one) for one in disallowed_cidrs]
    tags = specified(tag_specifications, "ipam-pool-allocation")
    made = allocate(there, pool, cidr, netmask_length, CUSTOM, "", allowed=allowed, barred=barred)
    made.resource_owner, made.resource_region = call.account, call.region
    made.description, made.tags = description, tags
    made.put(there)
    remember(call, client_token, made.ipam_pool_allocation_id)
    return {"IpamPoolAllocation": shown(there, made)}


def allocate(
    call: Call,
    pool: IpamPool,
    cidr: str,
    length: int | None,
    resource_type: str,
    resource_id: str,
    *,
    rules: bool = True,
    allowed: list[Any] = [],
    barred: list[Any] = [],
) -> Allocation:
    """Allocate a block of a pool, at which the call looks: this one, or the next that is free of a length."""
    if cidr:
        block = parsed(pool, cidr)
        if rules:
            length_of(pool, block.prefixlen)
        check_free(call, pool, block)
    else:
        wanted = length_of(pool, length) if rules else length
        assert wanted is not None
        block = free(call, pool, wanted, allowed, barred)
    return Allocation(
        ipam_pool_allocation_id=new_id(Allocation),
        pool=pool.ipam_pool_id,
        cidr=str(block),
        resource_type=resource_type,
        resource_id=resource_id,
        resource_owner=call.account,
        resource_region=call.region,
    ).put(call)


def length_of(pool: IpamPool, wanted: int | None) -> int:
    """The length of an allocation, if the pool's rules let it have that."""
    length = pool.default_length if wanted is None else wanted
    if length is None:
        raise Fault(
            "InvalidParameterCombination", "The pool has no default netmask length: specify Cidr or NetmaskLength."
        )
    least, most = pool.min_length, pool.max_length
    if (least is not None and length < least) or (most is not None and length > most):
        text = f"The netmask length {length} does not comply with the allocation rules of {pool.ipam_pool_id}."
        raise Fault("InvalidParameterValue", text)
    return length


def check_free(call: Call, pool: IpamPool, block: ipam_space.Block) -> None:
    if not any(ipam_space.inside(block, one) for one in blocks(call, pool.ipam_pool_id)):
        raise Fault("InvalidParameterValue", f"The CIDR {block} is not in the IPAM pool {pool.ipam_pool_id}.")
    if any(ipam_space.overlaps(block, one) for one in given(call, pool.ipam_pool_id)):
        raise Fault("InvalidParameterValue", f"The CIDR {block} overlaps with an allocation of {pool.ipam_pool_id}.")


def free(call: Call, pool: IpamPool, length: int, allowed: list[Any], barred: list[Any]) -> ipam_space.Block:
    """The next free block of a length."""
    spaces = blocks(call, pool.ipam_pool_id)
    if allowed:
        spaces = [one for one in allowed if any(ipam_space.inside(one, space) for space in spaces)]
    found = ipam_space.first_free(spaces, [*given(call, pool.ipam_pool_id), *barred], length)
    if found is None:
        text = f"The IPAM pool {pool.ipam_pool_id} has no free CIDR of netmask length {length}."
        raise Fault("InsufficientCidrBlocks", text)
    return found


def blocks(call: Call, pool: str) -> list[ipam_space.Block]:
    """What a pool has."""
    return [ip_network(one.cidr) for one in PoolCidr.scan(call, pool)]


def given(call: Call, pool: str) -> list[ipam_space.Block]:
    """What a pool has given."""
    return [ip_network(one.cidr) for one in Allocation.scan(call, pool, index="of_pool")]


@ec2.operation
def get_ipam_pool_allocations(
    call: Call,
    ipam_pool_id: str,
    ipam_pool_allocation_id: str = "",
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """What a pool has given."""
    there, _ = seen(call, ipam_pool_id)
    test = FILTERS.test(filters)
    found = [
        shown(there, one)
        for one in Allocation.scan(there, ipam_pool_id, index="of_pool")
        if test(one) and ipam_pool_allocation_id in ("", one.ipam_pool_allocation_id)
    ]
    if ipam_pool_allocation_id and not found:
        named(there, Allocation, ipam_pool_allocation_id)
    return paged(call, "IpamPoolAllocations", found, max_results, next_token)


@ec2.operation
def describe_ipam_pool_allocations(
    call: Call,
    ipam_pool_allocation_ids: list[str] = [],
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """What all pools of the account have given."""
    ids, member = ipam_pool_allocation_ids, "IpamPoolAllocations"
    return described(call, Allocation, FILTERS, member, shown, ids, filters, max_results, next_token)


def shown(call: Call, one: Allocation) -> Members:
    return {
        "Cidr": one.cidr,
        "IpamPoolAllocationId": one.ipam_pool_allocation_id,
        "Description": one.description or None,
        "ResourceId": one.resource_id or None,
        "ResourceType": one.resource_type,
        "ResourceRegion": one.resource_region if one.resource_type != CUSTOM else None,
        "ResourceOwner": one.resource_owner,
        "Tags": shown_tags(one.tags),
    }


@ec2.operation
def modify_ipam_pool_allocation(call: Call, ipam_pool_allocation_id: str, description: str | None = None) -> Members:
    """Change an allocation's description."""
    one = named(call, Allocation, ipam_pool_allocation_id)
    one.description = one.description if description is None else description
    one.put(call)
    return {"IpamPoolAllocation": shown(call, one)}


@ec2.operation
def release_ipam_pool_allocation(call: Call, ipam_pool_id: str, cidr: str, ipam_pool_allocation_id: str) -> Members:
    """Give back what was reserved by hand; what a resource has goes with the resource."""
    there, _ = seen(call, ipam_pool_id)
    one = named(there, Allocation, ipam_pool_allocation_id)
    if one.pool != ipam_pool_id or one.cidr != cidr:
        raise Fault("InvalidParameterValue", f"The CIDR {cidr} is not that of {ipam_pool_allocation_id}.")
    if one.resource_type != CUSTOM and one.resource_type != "vpc":
        raise Fault("InvalidParameterValue", f"The allocation {ipam_pool_allocation_id} belongs to {one.resource_id}.")
    one.delete(there)
    return {"Success": True}


# For VPCs and subnets


def take(
    call: Call,
    ipam_pool_id: str,
    cidr: str,
    length: int | None,
    what: str,
    tags: dict[str, str],
    vpc_id: str = "",
    barred: list[Any] = [],
) -> str:
    """A block for a VPC out of a pool of its Region, or for a subnet out of a pool of its VPC's addresses."""
    there, pool = seen(call, ipam_pool_id)
    if pool.locale != call.region:
        raise Fault("InvalidParameterValue", f"The IPAM pool {ipam_pool_id} is not for resources in {call.region}.")
    if pool.source_resource.get("ResourceId", "") != vpc_id:
        text = (
            f"The IPAM pool {ipam_pool_id} is not a pool of the addresses of {vpc_id}."
            if vpc_id
            else (f"The IPAM pool {ipam_pool_id} is for the subnets of {pool.source_resource['ResourceId']}.")
        )
        raise Fault("InvalidParameterValue", text)
    check_tags(pool, tags)
    made = allocate(there, pool, cidr, length, "subnet" if vpc_id else "vpc", what, barred=barred)
    made.resource_owner, made.resource_region = call.account, call.region
    made.put(there)
    return made.cidr


def check_tags(pool: IpamPool, tags: dict[str, str]) -> None:
    if any(tags.get(key) != value for key, value in pool.required_tags.items()):
        raise Fault("InvalidParameterValue", f"The resource lacks the tags that {pool.ipam_pool_id} requires.")


def give_back(call: Call, ipam_pool_id: str, what: str, cidr: str) -> None:
    """A resource no longer has a block of a pool, if that is still there."""
    if ipam_pool_id and (there := homes.of(call, ipam_pool_id)):
        for one in [*Allocation.scan(there, what, index="of_resource")]:
            if one.pool == ipam_pool_id and one.cidr == cidr:
                one.delete(there)
