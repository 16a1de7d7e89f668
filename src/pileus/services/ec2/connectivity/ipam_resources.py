"""What IPAM sees of an account's resources: whether they come from its pools, overlap, and how full they are."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any, NamedTuple

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, selected
from pileus.services.ec2.kinds import named
from pileus.services.ec2.network.address_pools import PublicIpv4Pool
from pileus.services.ec2.network.addresses import Address
from pileus.services.ec2.network.interfaces import NetworkInterface
from pileus.services.ec2.network.subnets import Subnet
from pileus.services.ec2.network.subnets import life as subnet_life
from pileus.services.ec2.network.vpcs import Vpc
from pileus.services.ec2.network.vpcs import life as vpc_life
from pileus.services.ec2.tags import shown_tags

from . import ipam_space
from .ipam_allocations import Allocation
from .ipam_pools import pools_of
from .ipams import Ipam, IpamScope


class Resource(NamedTuple):
    """A block that a resource has."""

    type: str
    id: str
    cidr: str
    vpc_id: str
    usage: float
    tags: dict[str, str]


class Placed(Record, key=("resource", "cidr")):
    """A resource that somebody has put into another scope, or has told IPAM to ignore."""

    resource: str
    cidr: str
    scope: str
    monitored: bool


@vpc_life.ends_with
def vpc_gone(call: Call, vpc: Vpc) -> None:
    """What was said of a VPC goes with it; of a subnet, with that."""
    Placed.delete_all(call, vpc.vpc_id)


@subnet_life.ends_with
def subnet_gone(call: Call, subnet: Subnet) -> None:
    Placed.delete_all(call, subnet.subnet_id)


def found(call: Call) -> Iterator[Resource]:
    """The blocks of an account's VPCs and subnets in a Region, and its public addresses."""
    for address in Address.scan(call):
        interface = NetworkInterface.get(call, address.network_interface_id) if address.network_interface_id else None
        vpc_id = interface.vpc_id if interface else ""
        yield Resource("eip", address.allocation_id, f"{address.public_ip}/32", vpc_id, 1.0, address.tags)
    for pool in PublicIpv4Pool.scan(call):
        for block in pool.ranges:
            yield Resource("public-ipv4-pool", pool.pool_id, block, "", pool.used / pool.total, pool.tags)
    for vpc in Vpc.scan(call):
        subnets = [*Subnet.scan(call, vpc.vpc_id, index="of_vpc")]
        inner = [ip_network(block) for subnet in subnets for block in subnet.ranges()]
        for block in vpc.ranges():
            space = ip_network(block)
            usage = ipam_space.share([space], [one for one in inner if ipam_space.inside(one, space)])
            yield Resource("vpc", vpc.vpc_id, block, vpc.vpc_id, usage, vpc.tags)
        for subnet in subnets:
            for block in subnet.ranges():
                space = ip_network(block)
                used = (subnet.leased + 5) / space.num_addresses if space.version == 4 else 0.0
                yield Resource("subnet", subnet.subnet_id, block, vpc.vpc_id, used, subnet.tags)


FILTERS = Filters(
    {
        "compliance-status": "ComplianceStatus",
        "management-state": "ManagementState",
        "overlap-status": "OverlapStatus",
        "resource-cidr": "ResourceCidr",
        "resource-id": "ResourceId",
        "resource-owner-id": "ResourceOwnerId",
        "resource-region": "ResourceRegion",
        "resource-type": "ResourceType",
        "vpc-id": "VpcId",
    },
    tags=None,
)


@ec2.operation
def get_ipam_resource_cidrs(
    call: Call,
    ipam_scope_id: str,
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
    ipam_pool_id: str = "",
    resource_id: str = "",
    resource_type: str = "",
    resource_tag: Members = {},
    resource_owner: str = "",
) -> Members:
    """The resources of a scope in all Regions in which its IPAM looks."""
    scope = named(call, IpamScope, ipam_scope_id)
    wanted = {
        "IpamPoolId": ipam_pool_id,
        "ResourceId": resource_id,
        "ResourceType": resource_type,
        "ResourceOwnerId": resource_owner,
    }
    items = [
        one
        for one in seen(call, scope)
        if all(value in ("", one.get(name)) for name, value in wanted.items())
        and (not resource_tag or resource_tag in one["ResourceTags"])
    ]
    return selected(call, "IpamResourceCidrs", FILTERS, items, filters, max_results, next_token)


def seen(call: Call, scope: IpamScope) -> list[Members]:
    """What a scope has, each with its state in the plan."""
    ipam = named(call, Ipam, scope.ipam_id)
    managed = {
        (one.resource_id, one.cidr): one.pool
        for pool in pools_of(call, scope.ipam_scope_id)
        for one in Allocation.scan(call, pool.ipam_pool_id, index="of_pool")
    }
    there = [
        (region, one)
        for region in ipam.regions
        for one in found(call.at(region=region))
        if _scope(call, ipam, one) == scope.ipam_scope_id
    ]
    vpcs = [(one.id, ip_network(one.cidr)) for _, one in there if one.type == "vpc" and not _ignored(call, one)]
    return [_shown(call, scope, region, one, managed, vpcs) for region, one in there]


def _scope(call: Call, ipam: Ipam, one: Resource) -> str:
    placed = Placed.get(call, one.id, one.cidr)
    public = ":" in one.cidr or one.type in ("eip", "public-ipv4-pool")
    return placed.scope if placed and placed.scope else ipam.public_scope if public else ipam.private_scope


def _ignored(call: Call, one: Resource) -> bool:
    placed = Placed.get(call, one.id, one.cidr)
    return placed is not None and not placed.monitored


def _shown(
    call: Call, scope: IpamScope, region: str, one: Resource, managed: dict[tuple[str, str], str], vpcs: list[Any]
) -> Members:
    ignored = _ignored(call, one)
    pool = managed.get((one.id, one.cidr)) or managed.get((one.vpc_id, one.cidr))
    block = ip_network(one.cidr)
    others = [other for what, other in vpcs if what != one.vpc_id]
    overlapping = any(ipam_space.overlaps(block, other) for other in others)
    return {
        "IpamId": scope.ipam_id,
        "IpamScopeId": scope.ipam_scope_id,
        "IpamPoolId": pool,
        "ResourceRegion": region,
        "ResourceOwnerId": call.account,
        "ResourceId": one.id,
        "ResourceName": one.tags.get("Name"),
        "ResourceCidr": one.cidr,
        "ResourceType": one.type,
        "ResourceTags": shown_tags(one.tags),
        "IpUsage": one.usage,
        "ComplianceStatus": "ignored" if ignored else "compliant" if pool else "unmanaged",
        "ManagementState": "ignored" if ignored else "managed" if pool else "unmanaged",
        "OverlapStatus": "ignored" if ignored else "overlapping" if overlapping else "nonoverlapping",
        "VpcId": one.vpc_id or None,
    }


@ec2.operation
def modify_ipam_resource_cidr(
    call: Call,
    resource_id: str,
    resource_cidr: str,
    resource_region: str,
    current_ipam_scope_id: str,
    monitored: bool,
    destination_ipam_scope_id: str = "",
) -> Members:
    """Put a resource into another scope, or let IPAM ignore it."""
    scope = named(call, IpamScope, destination_ipam_scope_id or current_ipam_scope_id)
    there = [
        one for one in found(call.at(region=resource_region)) if (one.id, one.cidr) == (resource_id, resource_cidr)
    ]
    if not there:
        raise Fault(
            "InvalidParameterValue", f"The resource {resource_id} with the CIDR {resource_cidr} does not exist."
        )
    Placed(resource=resource_id, cidr=resource_cidr, scope=scope.ipam_scope_id, monitored=monitored).put(call)
    [shown] = [
        one for one in seen(call, scope) if (one["ResourceId"], one["ResourceCidr"]) == (resource_id, resource_cidr)
    ]
    return {"IpamResourceCidr": shown}
