"""What pools of IPAM have: blocks that are provisioned, out of the pool above, a VPC, or at the top of a scope.

Left out: addresses of one's own that AWS would have to announce to the internet, unless they come with a signed
message or a token as on AWS, which is believed.
"""

from __future__ import annotations

from ipaddress import ip_network

from pileus.kernel import Call, Fault
from pileus.kernel.filters import Filters
from pileus.kernel.names import hex_id
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, selected
from pileus.services.ec2.faults import in_use
from pileus.services.ec2.kinds import named
from pileus.services.ec2.network import public_ranges
from pileus.services.ec2.network.byoip import PROVISIONED, ByoipCidr
from pileus.services.ec2.network.vpcs import Vpc
from pileus.services.ec2.tokens import made_before, remember

from . import ipam_space
from .ipam_allocations import POOL, Allocation, allocate, blocks, given, parsed
from .ipam_pools import AMAZON, IpamPool, PoolCidr, parts, pools_of, seen
from .ipam_tokens import VerificationToken

CIDR_FILTERS = Filters({"cidr": "Cidr", "ipam-pool-cidr-id": "IpamPoolCidrId", "state": "State"}, tags=None)


@parts.ends_with
def pool_gone(call: Call, pool: IpamPool) -> None:
    """What a pool has of the pool above goes back with it."""
    for block in PoolCidr.scan(call, pool.ipam_pool_id):
        released(call, pool, block.cidr)
        if block.allocation and (above := Allocation.get(call, block.allocation)):
            above.delete(call)


@ec2.operation
def provision_ipam_pool_cidr(
    call: Call,
    ipam_pool_id: str,
    cidr: str = "",
    cidr_authorization_context: Members = {},
    netmask_length: int | None = None,
    client_token: str = "",
    verification_method: str = "",
    ipam_external_resource_verification_token_id: str = "",
) -> Members:
    """Give a pool a block: out of the pool above it, or, at the top, any that is free in the scope."""
    if before := made_before(call, client_token):
        return {"IpamPoolCidr": cidr_shown(_provisioned(call, ipam_pool_id, before), "provisioned")}
    pool = named(call, IpamPool, ipam_pool_id)
    if bool(cidr) == (netmask_length is not None):
        raise Fault("InvalidParameterCombination", "Specify either Cidr or NetmaskLength.")
    made = PoolCidr(pool=ipam_pool_id, cidr="", cidr_id=hex_id("ipam-pool-cidr"))
    proven = bool(cidr_authorization_context) or _proven(
        call, verification_method, ipam_external_resource_verification_token_id
    )
    if pool.source_resource:
        made.cidr = _of_vpc(call, pool, cidr)
    elif pool.source_pool:
        there, above = seen(call, pool.source_pool)
        taken = allocate(there, above, cidr, netmask_length, POOL, ipam_pool_id, rules=False)
        made.cidr, made.allocation = taken.cidr, taken.ipam_pool_allocation_id
    else:
        made.cidr = _of_amazon(call, pool, netmask_length) or _at_the_top(call, pool, cidr, proven)
    made.put(call)
    _announce(call, pool, made.cidr)
    remember(call, client_token, made.cidr)
    return {"IpamPoolCidr": cidr_shown(made, "pending-provision")}


def _of_vpc(call: Call, pool: IpamPool, cidr: str) -> str:
    """A block that the VPC has whose addresses a pool plans."""
    source = pool.source_resource
    vpc = named(call.at(source["ResourceOwner"], source["ResourceRegion"]), Vpc, source["ResourceId"])
    if cidr not in vpc.ranges():
        raise Fault("InvalidParameterValue", f"The CIDR {cidr} is not associated with {vpc.vpc_id}.")
    return str(parsed(pool, cidr))


def _of_amazon(call: Call, pool: IpamPool, length: int | None) -> str:
    """A block of Amazon's public addresses, if the pool is for those; else nothing."""
    if pool.scope_type != "public" or pool.ip_source != AMAZON:
        return ""
    if length is None or length not in (range(24, 31) if pool.family == "ipv4" else range(40, 57, 4)):
        raise Fault("InvalidParameterValue", f"The netmask length {length} is not valid for Amazon-provided CIDRs.")
    at = call if pool.locale == "None" else call.at(region=pool.locale)
    return public_ranges.take_block(at, length) if pool.family == "ipv4" else public_ranges.take_ipv6(at, length)


def _announce(call: Call, pool: IpamPool, cidr: str) -> None:
    """What a pool for a Region has been brought is told of there, if no pool above it is for that Region."""
    above = IpamPool.get(call, pool.source_pool) if pool.source_pool else None
    if pool.scope_type != "public" or pool.ip_source == AMAZON or pool.locale == "None":
        return
    if above is None or above.locale == "None":
        made = ByoipCidr(cidr, "", pool.locale, pool.description, PROVISIONED, pool.advertisable, pool.ipam_pool_id)
        made.put(call.at(region=pool.locale))


def released(call: Call, pool: IpamPool, cidr: str) -> None:
    """A pool no longer has a block: Amazon's are anybody's again, what was brought is told of no longer."""
    if not pool.source_pool and pool.ip_source == AMAZON:
        public_ranges.give_back_block(call, cidr)
    there = call.at(region=pool.locale) if pool.locale != "None" else call
    if (found := ByoipCidr.get(there, cidr)) and found.ipam_pool_id == pool.ipam_pool_id:
        found.delete(there)


def _proven(call: Call, method: str, token: str) -> bool:
    """Whether a token that can still be used stands for addresses' being the account's; the DNS is not asked."""
    if not token:
        return False
    if method not in ("", "dns-token"):
        raise Fault("InvalidParameterCombination", "A verification token needs the VerificationMethod dns-token.")
    if VerificationToken.named(call, token)["NotAfter"] <= call.now:
        raise Fault("InvalidParameterValue", f"The verification token {token} has expired.")
    return True


def _at_the_top(call: Call, pool: IpamPool, cidr: str, proven: bool) -> str:
    if not cidr:
        raise Fault("InvalidParameterCombination", "A pool at the top of a private scope needs a Cidr.")
    block = parsed(pool, cidr)
    if pool.scope_type == "public" and not proven:
        raise Fault("InvalidParameterCombination", "A public CIDR needs a CidrAuthorizationContext.")
    for other in pools_of(call, pool.ipam_scope_id):
        if other.depth == 1 and any(ipam_space.overlaps(block, one) for one in blocks(call, other.ipam_pool_id)):
            raise Fault("InvalidParameterValue", f"The CIDR {block} overlaps with a CIDR in {other.ipam_pool_id}.")
    return str(block)


def _provisioned(call: Call, pool: str, cidr: str) -> PoolCidr:
    found = PoolCidr.get(call, pool, cidr)
    if found is None:
        raise Fault("InvalidIpamPoolCidr.NotFound", f"The CIDR {cidr} is not provisioned to {pool}.")
    return found


@ec2.operation
def deprovision_ipam_pool_cidr(call: Call, ipam_pool_id: str, cidr: str = "") -> Members:
    """Take a block from a pool, out of which nothing is allocated."""
    pool = named(call, IpamPool, ipam_pool_id)
    found = _provisioned(call, ipam_pool_id, str(parsed(pool, cidr)))
    block = ip_network(found.cidr)
    if any(ipam_space.inside(one, block) for one in given(call, ipam_pool_id)):
        raise in_use(f"The CIDR {cidr} has allocations and cannot be deprovisioned.")
    found.delete(call)
    released(call, pool, found.cidr)
    if found.allocation:
        there, _ = seen(call, pool.source_pool)
        if above := Allocation.get(there, found.allocation):
            above.delete(there)
    return {"IpamPoolCidr": cidr_shown(found, "pending-deprovision")}


@ec2.operation
def get_ipam_pool_cidrs(
    call: Call, ipam_pool_id: str, filters: list[Members] = [], max_results: int = 0, next_token: str = ""
) -> Members:
    """The blocks that a pool has."""
    there, _ = seen(call, ipam_pool_id)
    found = [cidr_shown(one, "provisioned") for one in PoolCidr.scan(there, ipam_pool_id)]
    return selected(call, "IpamPoolCidrs", CIDR_FILTERS, found, filters, max_results, next_token)


def cidr_shown(one: PoolCidr, state: str) -> Members:
    return {
        "Cidr": one.cidr,
        "State": state,
        "IpamPoolCidrId": one.cidr_id,
        "NetmaskLength": ip_network(one.cidr).prefixlen,
    }
