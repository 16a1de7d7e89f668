"""Pools of IPAM: parts of a scope that have their own rules, in trees of which each takes its addresses from above.

A pool of a VPC's own addresses (`SourceResource`) plans its subnets.
"""

from __future__ import annotations

from typing import ClassVar

from pileus.kernel import Call, Fault, Record, regions
from pileus.kernel.filters import Filters
from pileus.kernel.paging import every
from pileus.kernel.tags import as_map
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described
from pileus.services.ec2.faults import in_use
from pileus.services.ec2.kinds import BY_RECORD, kind, named, new_id
from pileus.services.ec2.network.life import Life
from pileus.services.ec2.network.vpcs import Vpc
from pileus.services.ec2.tags import shown_tags, specified
from pileus.services.ec2.tokens import made_before, remember

from . import homes
from .ipams import MAKING, Ipam, IpamScope, ipam_arn
from .ipams import parts as ipam_parts
from .lives import Life as States
from .lives import enter

MOST_DEPTH = 10
AMAZON = "amazon"
SHARED = "ec2:IpamPool"


@kind("ipam-pool", "ipam-pool", missing=("InvalidIpamPoolId.NotFound", "The specified IPAM Pool ID does not exist: {}"))
class IpamPool(
    Record,
    arn="arn:{partition}:ec2::{account}:ipam-pool/{ipam_pool_id}",
    cfn="AWS::EC2::IPAMPool",
    indexes={"of_scope": ("ipam_scope_id",), "below": ("source_pool",)},
):
    """A pool."""

    life: ClassVar[States] = MAKING
    ipam_pool_id: str
    ipam_id: str
    ipam_scope_id: str
    scope_type: str
    owner: str
    family: str
    depth: int
    source_pool: str = ""
    locale: str = "None"
    description: str = ""
    auto_import: bool = False
    advertisable: bool = False
    aws_service: str = ""
    ip_source: str = ""
    min_length: int | None = None
    max_length: int | None = None
    default_length: int | None = None
    required_tags: dict[str, str] = {}
    source_resource: dict[str, str] = {}
    """The VPC whose addresses it has."""
    state: str = "create-in-progress"
    since: float = 0.0
    tags: dict[str, str] = {}


class PoolCidr(Record, key=("pool", "cidr")):
    """A block that a pool has."""

    pool: str
    cidr: str
    cidr_id: str
    allocation: str = ""
    """The allocation of the pool above that it is."""


parts = Life[IpamPool]()
"""What ends with one."""

FILTERS = Filters(
    {
        "address-family": "family",
        "aws-service": "aws_service",
        "description": "description",
        "ipam-pool-id": "ipam_pool_id",
        "ipam-scope-id": "ipam_scope_id",
        "ipam-scope-type": "scope_type",
        "locale": "locale",
        "pool-depth": "depth",
        "source-ipam-pool-id": lambda pool: pool.source_pool or None,
        "state": "state",
    }
)


@ec2.operation
def create_ipam_pool(
    call: Call,
    ipam_scope_id: str,
    address_family: str,
    locale: str = "",
    source_ipam_pool_id: str = "",
    description: str = "",
    auto_import: bool = False,
    publicly_advertisable: bool = False,
    allocation_min_netmask_length: int | None = None,
    allocation_max_netmask_length: int | None = None,
    allocation_default_netmask_length: int | None = None,
    allocation_resource_tags: list[Members] = [],
    tag_specifications: list[Members] = [],
    client_token: str = "",
    aws_service: str = "",
    public_ip_source: str = "",
    source_resource: Members = {},
) -> Members:
    """Make a pool in a scope, at the top or below another pool."""
    if before := made_before(call, client_token):
        return {"IpamPool": shown(call, named(call, IpamPool, before))}
    scope = named(call, IpamScope, ipam_scope_id)
    above = named(call, IpamPool, source_ipam_pool_id) if source_ipam_pool_id else None
    pool = IpamPool(
        ipam_pool_id=new_id(IpamPool),
        ipam_id=scope.ipam_id,
        ipam_scope_id=ipam_scope_id,
        scope_type=scope.type,
        owner=call.account,
        family=address_family,
        depth=above.depth + 1 if above else 1,
        source_pool=source_ipam_pool_id,
        locale=_locale(call, scope, above, locale),
        description=description,
        auto_import=auto_import,
        advertisable=publicly_advertisable,
        aws_service=aws_service,
        ip_source=public_ip_source or ("byoip" if scope.type == "public" else ""),
        required_tags=as_map(allocation_resource_tags),
        source_resource=_resource(call, scope, above, source_resource),
        tags=specified(tag_specifications, "ipam-pool"),
    )
    if above:
        _check_above(above, pool)
    _lengths(pool, allocation_min_netmask_length, allocation_max_netmask_length, allocation_default_netmask_length)
    scope.pools += 1
    scope.put(call)
    enter(call, pool, "create-in-progress")
    homes.settle(call, pool.ipam_pool_id)
    remember(call, client_token, pool.ipam_pool_id)
    return {"IpamPool": shown(call, pool)}


def _resource(call: Call, scope: IpamScope, above: IpamPool | None, resource: Members) -> dict[str, str]:
    """The VPC whose addresses a pool is to have."""
    if not resource:
        return {}
    if above is None or scope.type != "private" or resource.get("ResourceType", "vpc") != "vpc":
        raise Fault("InvalidParameterValue", "A source resource is a VPC, of a pool below another one.")
    there = call.at(resource.get("ResourceOwner", call.account), resource.get("ResourceRegion", call.region))
    vpc = named(there, Vpc, resource.get("ResourceId", ""))
    return {
        "ResourceId": vpc.vpc_id,
        "ResourceType": "vpc",
        "ResourceRegion": there.region,
        "ResourceOwner": there.account,
    }


def _locale(call: Call, scope: IpamScope, above: IpamPool | None, wanted: str) -> str:
    """The Region whose resources a pool is for; `None` for a pool of pools."""
    if above and above.locale != "None":
        if wanted and wanted != above.locale:
            raise Fault("InvalidParameterValue", f"The locale must be that of the source pool: {above.locale}.")
        return above.locale
    if not wanted or wanted == "None":
        return "None"
    ipam = named(call, Ipam, scope.ipam_id)
    if not regions.is_region(wanted) or wanted not in ipam.regions:
        raise Fault("InvalidParameterValue", f"The locale {wanted} is not an operating Region of the IPAM.")
    return wanted


def _check_above(above: IpamPool, pool: IpamPool) -> None:
    if above.ipam_scope_id != pool.ipam_scope_id:
        raise Fault("InvalidParameterValue", "The source pool is in another scope.")
    if above.family != pool.family:
        raise Fault("InvalidParameterValue", "The source pool is of another address family.")
    if pool.depth > MOST_DEPTH:
        raise Fault("ResourceLimitExceeded", f"The maximum depth of pools ({MOST_DEPTH}) has been reached.")


def _lengths(pool: IpamPool, least: int | None, most: int | None, default: int | None) -> None:
    """Set which lengths allocations may have, and which they have by themselves."""
    longest = 32 if pool.family == "ipv4" else 128
    for value in (least, most, default):
        if value is not None and not 0 <= value <= longest:
            raise Fault("InvalidParameterValue", f"The netmask length {value} is not valid for {pool.family}.")
    low, high = (0 if least is None else least), (longest if most is None else most)
    if low > high:
        raise Fault("InvalidParameterValue", "The minimum netmask length must not be above the maximum.")
    if default is not None and not low <= default <= high:
        raise Fault("InvalidParameterValue", "The default netmask length must be between the minimum and the maximum.")
    pool.min_length, pool.max_length, pool.default_length = least, most, default


@ec2.operation
def describe_ipam_pools(
    call: Call,
    ipam_pool_ids: list[str] = [],
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The account's pools, and with the last page those that others share with it."""
    if ipam_pool_ids:
        test = FILTERS.test(filters)
        found = [seen(call, what) for what in dict.fromkeys(ipam_pool_ids)]
        return {"IpamPools": [shown(there, pool) for there, pool in found if test(pool)]}
    page = described(call, IpamPool, FILTERS, "IpamPools", shown, (), filters, max_results, next_token)
    if "NextToken" not in page and homes.any_of(call, "ipam-pool-"):
        test = FILTERS.test(filters)
        page["IpamPools"] += [shown(there, pool) for there, pool in received(call) if test(pool)]
    return page


def shown(call: Call, pool: IpamPool) -> Members:
    there = call.at(pool.owner)
    return {
        "OwnerId": pool.owner,
        "IpamPoolId": pool.ipam_pool_id,
        "SourceIpamPoolId": pool.source_pool or None,
        "IpamPoolArn": pool.arn(there),
        "IpamScopeArn": f"arn:{call.partition}:ec2::{pool.owner}:ipam-scope/{pool.ipam_scope_id}",
        "IpamScopeType": pool.scope_type,
        "IpamArn": ipam_arn(there, pool.ipam_id),
        "IpamRegion": call.region,
        "Locale": pool.locale,
        "PoolDepth": pool.depth,
        "State": pool.state,
        "Description": pool.description or None,
        "AutoImport": pool.auto_import,
        "PubliclyAdvertisable": pool.advertisable if pool.scope_type == "public" else None,
        "AddressFamily": pool.family,
        "AllocationMinNetmaskLength": pool.min_length,
        "AllocationMaxNetmaskLength": pool.max_length,
        "AllocationDefaultNetmaskLength": pool.default_length,
        "AllocationResourceTags": shown_tags(pool.required_tags),
        "Tags": shown_tags(pool.tags),
        "AwsService": pool.aws_service or None,
        "PublicIpSource": pool.ip_source or None,
        "SourceResource": pool.source_resource or None,
    }


@ec2.operation
def modify_ipam_pool(
    call: Call,
    ipam_pool_id: str,
    description: str | None = None,
    auto_import: bool | None = None,
    allocation_min_netmask_length: int | None = None,
    allocation_max_netmask_length: int | None = None,
    allocation_default_netmask_length: int | None = None,
    clear_allocation_default_netmask_length: bool = False,
    add_allocation_resource_tags: list[Members] = [],
    remove_allocation_resource_tags: list[Members] = [],
) -> Members:
    """Change a pool's rules; what is allocated already stays."""
    pool = named(call, IpamPool, ipam_pool_id)
    pool.description = pool.description if description is None else description
    pool.auto_import = pool.auto_import if auto_import is None else auto_import
    given = (allocation_min_netmask_length, allocation_max_netmask_length, allocation_default_netmask_length)
    there = (pool.min_length, pool.max_length, pool.default_length)
    least, most, default = [old if new is None else new for new, old in zip(given, there, strict=True)]
    _lengths(pool, least, most, None if clear_allocation_default_netmask_length else default)
    gone = as_map(remove_allocation_resource_tags)
    merged = pool.required_tags | as_map(add_allocation_resource_tags)
    pool.required_tags = {key: value for key, value in merged.items() if gone.get(key) != value}
    enter(call, pool, "modify-in-progress")
    return {"IpamPool": shown(call, pool)}


@ec2.operation
def delete_ipam_pool(call: Call, ipam_pool_id: str, cascade: bool = False) -> Members:
    """Delete a pool: without `cascade` only one that has neither blocks nor pools below it."""
    pool = named(call, IpamPool, ipam_pool_id)
    below = [*IpamPool.scan(call, ipam_pool_id, index="below")]
    if below or (not cascade and PoolCidr.first(call, ipam_pool_id)):
        raise in_use(f"The IPAM pool {ipam_pool_id} has dependencies and cannot be deleted.")
    empty(call, pool)
    scope = named(call, IpamScope, pool.ipam_scope_id)
    scope.pools -= 1
    scope.put(call)
    enter(call, pool, "delete-in-progress")
    return {"IpamPool": shown(call, pool)}


def empty(call: Call, pool: IpamPool) -> None:
    """Take everything out of a pool."""
    parts.end(call, pool)
    for block in [*PoolCidr.scan(call, pool.ipam_pool_id)]:
        block.delete(call)
    homes.leave(call, pool.ipam_pool_id)


# For the rest of the package


def pools_of(call: Call, ipam_scope_id: str) -> list[IpamPool]:
    return [*IpamPool.scan(call, ipam_scope_id, index="of_scope")]


def seen(call: Call, ipam_pool_id: str) -> tuple[Call, IpamPool]:
    """A pool of the account's, in any Region, or one that is shared with it; and a call that looks at it."""
    if pool := IpamPool.get(call, ipam_pool_id):
        return call, pool
    there = homes.of(call, ipam_pool_id)
    pool = IpamPool.get(there, ipam_pool_id) if there else None
    if there and pool and (there.account == call.account or _shared(call, pool.arn(there))):
        return there, pool
    raise BY_RECORD[IpamPool].absent(ipam_pool_id)


def _shared(call: Call, arn: str) -> bool:
    found = call.aws("ram").list_resources(resource_owner="OTHER-ACCOUNTS", resource_arns=[arn])
    return bool(found["resources"])


def received(call: Call) -> list[tuple[Call, IpamPool]]:
    """The pools that other accounts share with this one."""
    found = every(call.aws("ram").list_resources, "resources", token="nextToken", resource_owner="OTHER-ACCOUNTS")
    ids = {one["arn"].rpartition("/")[2] for one in found if one["type"] == SHARED}
    theirs = [(there, what) for what in sorted(ids) if (there := homes.of(call, what))]
    return [(there, pool) for there, what in theirs if (pool := IpamPool.get(there, what))]


@ec2.shareable(SHARED)
def shareable(call: Call, arn: str) -> bool:
    """Whether an ARN is that of a pool of the account."""
    kind, _, what = arn.rpartition(":")[2].partition("/")
    return kind == "ipam-pool" and IpamPool.get(call, what) is not None


# What depends on pools


@ipam_parts.holds
def holds_ipam(call: Call, ipam: Ipam) -> bool:
    return any(pools_of(call, scope.ipam_scope_id) for scope in IpamScope.scan(call, ipam.ipam_id, index="of_ipam"))


@ipam_parts.ends_with
def all_gone(call: Call, ipam: Ipam) -> None:
    """The pools of an IPAM go with it."""
    for scope in IpamScope.scan(call, ipam.ipam_id, index="of_ipam"):
        for pool in pools_of(call, scope.ipam_scope_id):
            empty(call, pool)
            enter(call, pool, "delete-in-progress")
