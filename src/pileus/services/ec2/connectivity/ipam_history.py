"""What IPAM remembers: which resources had which addresses, and when. It looks again a moment after something changes.

Pools that import by themselves take in then what has appeared in their blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import ip_network
from typing import Any

from pileus.kernel import Call, Record
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, paged
from pileus.services.ec2.kinds import named, new_id
from pileus.services.ec2.network import changes
from pileus.services.ec2.network.addresses import Address
from pileus.services.ec2.network.addresses import life as address_life
from pileus.services.ec2.network.interfaces import NetworkInterface
from pileus.services.ec2.network.subnets import Subnet
from pileus.services.ec2.network.vpcs import Vpc
from pileus.services.ec2.tags import after_tagging

from . import homes, ipam_space
from .ipam_allocations import Allocation, blocks, given
from .ipam_pools import IpamPool, pools_of
from .ipam_resources import seen
from .ipams import Ipam, IpamScope
from .ipams import parts as ipam_parts

BRIEFLY = 1.0
"""How long after a change IPAM looks; AWS takes minutes."""

KEPT = (
    "ResourceOwnerId", "ResourceRegion", "ResourceType", "ResourceId", "ResourceCidr", "ResourceName", "VpcId",
)  # fmt: skip


class Observed(Record, key=("scope", "cidr", "resource"), table="ec2.IpamObserved"):
    """That a resource has a block now, since this was first seen."""

    scope: str
    cidr: str
    resource: str
    since: float
    shown: dict[str, Any]


class Past(Record, key=("scope", "cidr", "resource", "since"), table="ec2.IpamPast"):
    """That a resource had a block."""

    scope: str
    cidr: str
    resource: str
    since: float
    until: float
    shown: dict[str, Any]


class Due(Record, table="ec2.IpamDue"):
    """That an IPAM is about to look."""

    ipam_id: str


LOOKERS: list[Callable[[Call, Ipam], None]] = []


def looks(step: Callable[[Call, Ipam], None]) -> Callable[[Call, Ipam], None]:
    """Declare what else is done when an IPAM has looked."""
    LOOKERS.append(step)
    return step


@changes.hears
def changed(call: Call, vpc_id: str) -> None:
    touched(call)


@address_life.begins_with
@address_life.ends_with
def address_changed(call: Call, address: Address) -> None:
    touched(call)


@after_tagging(Vpc, Subnet, Address)
def tagged(call: Call, record: Any, tags: dict[str, str]) -> None:
    touched(call)


def touched(call: Call) -> None:
    """Something has changed that the account's IPAMs may see."""
    for home in homes.Home.scan(call, since=("ipam-0",), before=("ipam-g",)):
        if home.account == call.account:
            soon(call.at(region=home.region), home.what)


@ipam_parts.begins_with
def begin(call: Call, ipam: Ipam) -> None:
    soon(call, ipam.ipam_id)


def soon(call: Call, ipam_id: str) -> None:
    """An IPAM is to look, once for all that happens at a time."""
    if Due.get(call, ipam_id) is None:
        Due(ipam_id).put(call)
        look.later(call, delay=BRIEFLY, ipam_id=ipam_id)


@ec2.task
def look(call: Call, ipam_id: str) -> None:
    """See what has become of the resources that an IPAM watches."""
    Due(ipam_id).delete(call)
    ipam = Ipam.get(call, ipam_id)
    if ipam is None:
        return
    for scope in [*IpamScope.scan(call, ipam_id, index="of_ipam")]:
        import_found(call, scope)
        record(call, scope, [*seen(call, scope), *(_hosts(call, ipam) if scope.default else ())])
    for step in LOOKERS:
        step(call, ipam)


def _hosts(call: Call, ipam: Ipam) -> Iterator[Members]:
    """Network interfaces by their private addresses, and the instances that have them."""
    for region in ipam.regions:
        for one in NetworkInterface.scan(call.at(region=region)):
            for private in one.private_ip_addresses:
                told = {
                    "ResourceOwnerId": one.owner_id,
                    "ResourceRegion": region,
                    "ResourceCidr": f"{private.private_ip_address}/32",
                    "VpcId": one.vpc_id,
                }
                yield told | {"ResourceType": "network-interface", "ResourceId": one.network_interface_id}
                if one.instance_id:
                    yield told | {"ResourceType": "instance", "ResourceId": one.instance_id}


def record(call: Call, scope: IpamScope, there: list[Members]) -> None:
    """Write down what is there, and of what is no more that it was."""
    what = scope.ipam_scope_id
    wanted = [one for one in there if scope.type == "private" or one["ResourceType"] not in ("instance", *HOSTS)]
    present = {(one["ResourceCidr"], one["ResourceId"]): _kept(one) for one in wanted}
    for one in [*Observed.scan(call, what)]:
        if present.get((one.cidr, one.resource)) != one.shown:
            one.delete(call)
            Past(what, one.cidr, one.resource, one.since, call.now, one.shown).put(call)
    for (cidr, resource), shown in present.items():
        if Observed.get(call, what, cidr, resource) is None:
            Observed(what, cidr, resource, call.now, shown).put(call)


HOSTS = ("network-interface",)


def _kept(one: Members) -> dict[str, Any]:
    told = {name: one[name] for name in KEPT if one.get(name)}
    status = {
        "ResourceComplianceStatus": one.get("ComplianceStatus", "ignored"),
        "ResourceOverlapStatus": one.get("OverlapStatus", "ignored"),
    }
    return told | status


def import_found(call: Call, scope: IpamScope) -> None:
    """Allocate to VPCs what they have of pools that import by themselves."""
    for pool in [one for one in pools_of(call, scope.ipam_scope_id) if one.auto_import]:
        for one in seen(call, scope):
            region = one["ResourceRegion"] == pool.locale
            if region and one["ResourceType"] == "vpc" and one["ManagementState"] == "unmanaged":
                _import(call, pool, one)


def _import(call: Call, pool: IpamPool, one: Members) -> None:
    block = ip_network(one["ResourceCidr"])
    here = any(ipam_space.inside(block, space) for space in blocks(call, pool.ipam_pool_id))
    if here and not any(ipam_space.overlaps(block, taken) for taken in given(call, pool.ipam_pool_id)):
        Allocation(
            ipam_pool_allocation_id=new_id(Allocation),
            pool=pool.ipam_pool_id,
            cidr=one["ResourceCidr"],
            resource_type="vpc",
            resource_id=one["ResourceId"],
            resource_owner=one["ResourceOwnerId"],
            resource_region=one["ResourceRegion"],
        ).put(call)


@ec2.operation
def get_ipam_address_history(
    call: Call,
    cidr: str,
    ipam_scope_id: str,
    vpc_id: str = "",
    start_time: float | None = None,
    end_time: float | None = None,
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """Which resources had a block between two times; by default which have it now."""
    named(call, IpamScope, ipam_scope_id)
    end = call.now if end_time is None else end_time
    start = end if start_time is None else start_time
    past = [
        one.shown | {"SampledStartTime": one.since, "SampledEndTime": one.until}
        for one in Past.scan(call, ipam_scope_id, cidr)
        if one.since <= end and one.until >= start
    ]
    now = [
        one.shown | {"SampledStartTime": one.since}
        for one in Observed.scan(call, ipam_scope_id, cidr)
        if one.since <= end
    ]
    found = [one for one in (*past, *now) if vpc_id in ("", one.get("VpcId"))]
    return paged(call, "HistoryRecords", found, max_results, next_token)


@ipam_parts.ends_with
def end(call: Call, ipam: Ipam) -> None:
    for scope in IpamScope.scan(call, ipam.ipam_id, index="of_ipam"):
        Observed.delete_all(call, scope.ipam_scope_id)
        Past.delete_all(call, scope.ipam_scope_id)
