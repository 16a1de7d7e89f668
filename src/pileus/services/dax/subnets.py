"""Subnet groups: where in a VPC the nodes of a cluster are. The subnets are EC2's to know."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record, Unfinished

from . import dax, faults
from .events import tell

MOST_GROUPS = 50
MOST_SUBNETS = 20
MOST_LISTED = 100


class SubnetGroup(Record):
    """A subnet group."""

    name: str
    description: str
    subnets: list[dict[str, Any]]
    vpc: str = ""
    users: int = 0
    """How many clusters are in it."""


def found(call: Call, subnet_group_name: str) -> SubnetGroup:
    if group := SubnetGroup.get(call, subnet_group_name.lower()):
        return group
    raise Fault("SubnetGroupNotFoundFault", f"Subnet group {subnet_group_name} not found.")


def looked_up(call: Call, ids: list[str]) -> tuple[list[dict[str, Any]], str]:
    """The subnets as EC2 knows them, and their VPC; where EC2 is not built, as they are named."""
    if len(ids) > MOST_SUBNETS:
        raise Fault("SubnetQuotaExceededFault", f"A subnet group may have at most {MOST_SUBNETS} subnets.")
    try:
        there = call.aws("ec2").describe_subnets(subnet_ids=ids)["Subnets"]
    except Unfinished:
        return [{"SubnetIdentifier": one, "SubnetAvailabilityZone": f"{call.region}a"} for one in ids], ""
    except Fault as fault:
        raise Fault("InvalidSubnet", fault.message) from None
    vpcs = {one["VpcId"] for one in there}
    if len(vpcs) != 1:
        raise Fault("InvalidSubnet", "The subnets of a group must all be in one VPC.")
    zones = {one["SubnetId"]: one["AvailabilityZone"] for one in there}
    return [{"SubnetIdentifier": one, "SubnetAvailabilityZone": zones[one]} for one in ids], vpcs.pop()


def described(group: SubnetGroup) -> dict[str, Any]:
    told = {"SubnetGroupName": group.name, "Description": group.description, "Subnets": group.subnets}
    return told | ({"VpcId": group.vpc} if group.vpc else {})


@dax.operation
def create_subnet_group(
    call: Call, subnet_group_name: str, subnet_ids: list[str], description: str = ""
) -> dict[str, Any]:
    """Make a subnet group."""
    name = subnet_group_name.lower()
    if SubnetGroup.get(call, name):
        raise Fault("SubnetGroupAlreadyExistsFault", f"Subnet group {name} already exists.")
    if sum(1 for _ in SubnetGroup.scan(call, limit=MOST_GROUPS)) >= MOST_GROUPS:
        raise Fault("SubnetGroupQuotaExceededFault", f"There may be at most {MOST_GROUPS} subnet groups.")
    if not subnet_ids:
        raise Fault("InvalidSubnet", "A subnet group must have at least one subnet.")
    subnets, vpc = looked_up(call, subnet_ids)
    group = SubnetGroup(name=name, description=description, subnets=subnets, vpc=vpc).put(call)
    tell(call, "SUBNET_GROUP", name, "Subnet group created.")
    return {"SubnetGroup": described(group)}


@dax.operation(on=found)
def update_subnet_group(
    call: Call, group: SubnetGroup, description: str | None = None, subnet_ids: list[str] | None = None
) -> dict[str, Any]:
    """Change the description or the subnets of a group."""
    if description is not None:
        group.description = description
    if subnet_ids is not None:
        lost = {one["SubnetIdentifier"] for one in group.subnets} - {*subnet_ids}
        if group.users and lost:
            raise Fault("SubnetInUse", f"The subnets {', '.join(sorted(lost))} are in use.")
        group.subnets, group.vpc = looked_up(call, subnet_ids)
    group.put(call)
    return {"SubnetGroup": described(group)}


@dax.operation(on=found)
def delete_subnet_group(call: Call, group: SubnetGroup) -> dict[str, Any]:
    """Delete a subnet group that no cluster is in."""
    if group.users:
        raise Fault("SubnetGroupInUseFault", f"Subnet group {group.name} is in use by a cluster.")
    group.delete(call)
    tell(call, "SUBNET_GROUP", group.name, "Subnet group deleted.")
    return {"DeletionMessage": f"Subnet group {group.name} has been deleted."}


@dax.operation
def describe_subnet_groups(
    call: Call, subnet_group_names: list[str] = [], max_results: int = MOST_LISTED, next_token: str = ""
) -> dict[str, Any]:
    """The subnet groups of the account."""
    if subnet_group_names:
        return {"SubnetGroups": [described(found(call, name)) for name in subnet_group_names]}
    page = SubnetGroup.page(call, limit=max_results, token=next_token, invalid=faults.value("Invalid NextToken"))
    told: dict[str, Any] = {"SubnetGroups": [described(group) for group in page.items]}
    return told | ({"NextToken": page.token} if page.token else {})
