"""Security groups across VPCs: who refers to whom, what has gone stale, and groups that further VPCs may use."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, bad_token, nearest, paged
from pileus.services.ec2.faults import in_use, unsupported
from pileus.services.ec2.kinds import all_named, named
from pileus.services.ec2.tags import shown_tags

from . import changes
from .interfaces import Membership, NetworkInterface
from .rule_reading import connection
from .security_groups import DEFAULT, GroupVpc, Reference, SecurityGroup, SecurityGroupRule, life, rules, shown_ports
from .vpcs import Vpc
from .vpcs import life as vpc_life

FOR_VPC_FILTERS = Filters(
    {
        "group-id": "group_id",
        "description": "description",
        "group-name": "group_name",
        "owner-id": "owner_id",
        "primary-vpc-id": "vpc_id",
    }
)

ASSOCIATION_FILTERS = Filters(
    {
        "group-id": "group_id",
        "group-owner-id": "owner_id",
        "state": "state",
        "vpc-id": "vpc_id",
        "vpc-owner-id": "owner_id",
    },
    tags=None,
)


# References


@ec2.operation
def describe_security_group_references(call: Call, group_id: list[str]) -> Members:
    """Which VPCs, on the other side of what, refer to groups in their rules."""
    told: dict[tuple[str, str], Members] = {}
    for group in all_named(call, SecurityGroup, group_id):
        for one in Reference.scan(call, group.group_id):
            member = "TransitGatewayId" if one.connection_id.startswith("tgw-") else "VpcPeeringConnectionId"
            told[group.group_id, one.vpc_id] = {
                "GroupId": group.group_id,
                "ReferencingVpcId": one.vpc_id,
                member: one.connection_id,
            }
    return {"SecurityGroupReferenceSet": [*told.values()]}


@ec2.operation
def describe_stale_security_groups(call: Call, vpc_id: str, max_results: int = 0, next_token: str = "") -> Members:
    """The groups of a VPC with rules that name groups which are gone, or out of reach."""
    named(call, Vpc, vpc_id)
    told = [
        shown
        for group in SecurityGroup.scan(call, vpc_id, index="of_vpc")
        if (shown := shown_stale(call, group)).keys() & {"StaleIpPermissions", "StaleIpPermissionsEgress"}
    ]
    return paged(call, "StaleSecurityGroupSet", told, max_results, next_token)


def shown_stale(call: Call, group: SecurityGroup) -> Members:
    """A group with the rules that have gone stale, if it has some."""
    told: Members = {
        "GroupId": group.group_id,
        "GroupName": group.group_name,
        "Description": group.description,
        "VpcId": group.vpc_id,
    }
    for member, is_egress in (("StaleIpPermissions", False), ("StaleIpPermissionsEgress", True)):
        if found := [one for one in rules(call, group.group_id, is_egress) if stale(call, group, one)]:
            told[member] = [shown_permission(one) for one in found]
    return told


def stale(call: Call, group: SecurityGroup, one: SecurityGroupRule) -> bool:
    if not one.connection_id:
        return False
    there = SecurityGroup.get(call.at(account=one.referenced_user_id), one.referenced_group_id)
    return there is None or not connection(call, group.vpc_id, there)


def shown_permission(one: SecurityGroupRule) -> Members:
    pair = {
        "GroupId": one.referenced_group_id,
        "UserId": one.referenced_user_id,
        "VpcId": one.referenced_vpc_id,
        "VpcPeeringConnectionId": one.connection_id,
        "PeeringStatus": "deleted",
        "Description": one.description or None,
    }
    return shown_ports(one) | {"UserIdGroupPairs": [pair]}


# Groups that further VPCs may use


@ec2.operation
def get_security_groups_for_vpc(
    call: Call,
    vpc_id: str,
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The groups that interfaces in a VPC may have: its own, and those that are associated with it."""
    named(call, Vpc, vpc_id)
    associated = [named(call, SecurityGroup, one.group_id) for one in GroupVpc.scan(call, vpc_id, index="of_vpc")]
    found = FOR_VPC_FILTERS.select([*SecurityGroup.scan(call, vpc_id, index="of_vpc"), *associated], filters)
    told = [
        {
            "GroupId": group.group_id,
            "GroupName": group.group_name,
            "Description": group.description,
            "OwnerId": group.owner_id,
            "PrimaryVpcId": group.vpc_id,
            "Tags": shown_tags(group.tags),
        }
        for group in found
    ]
    return paged(call, "SecurityGroupForVpcs", told, max_results, next_token)


@ec2.operation
def associate_security_group_vpc(call: Call, group_id: str, vpc_id: str) -> Members:
    """Let interfaces in another VPC have a group too."""
    group, vpc = named(call, SecurityGroup, group_id), named(call, Vpc, vpc_id)
    if group.group_name == DEFAULT:
        raise unsupported("You cannot associate a default security group with another VPC.")
    if vpc.is_default or named(call, Vpc, group.vpc_id).is_default:
        raise unsupported("You cannot associate a security group with or from a default VPC.")
    if group.vpc_id == vpc_id or GroupVpc.get(call, group_id, vpc_id):
        text = f"The security group {group_id} is already associated with the VPC {vpc_id}."
        raise Fault("Resource.AlreadyAssociated", text)
    GroupVpc(group_id, vpc_id, call.account).put(call)
    changes.changed(call, vpc_id)
    return {"State": "associating"}


@ec2.operation
def disassociate_security_group_vpc(call: Call, group_id: str, vpc_id: str) -> Members:
    """Let interfaces in another VPC have a group no more; none may still have it."""
    named(call, SecurityGroup, group_id)
    found = GroupVpc.get(call, group_id, vpc_id)
    if found is None:
        text = f"The security group {group_id} is not associated with the VPC {vpc_id}."
        raise Fault("InvalidSecurityGroupVpcAssociation.NotFound", text)
    interfaces = (NetworkInterface.get(call, one.network_interface_id) for one in Membership.scan(call, group_id))
    if any(one is not None and one.vpc_id == vpc_id for one in interfaces):
        raise in_use(f"resource {group_id} has a dependent object")
    found.delete(call)
    changes.changed(call, vpc_id)
    return {"State": "disassociating"}


@ec2.operation
def describe_security_group_vpc_associations(
    call: Call, filters: list[dict[str, Any]] = [], max_results: int = 0, next_token: str = ""
) -> Members:
    """Which groups further VPCs may use."""
    test = ASSOCIATION_FILTERS.test(filters)
    prefix, index = nearest(GroupVpc, filters)
    page = GroupVpc.page(
        call, *prefix, index=index, limit=max_results or 1000, token=next_token, where=test, invalid=bad_token()
    )
    told = [
        {
            "GroupId": one.group_id,
            "GroupOwnerId": one.owner_id,
            "VpcId": one.vpc_id,
            "VpcOwnerId": one.owner_id,
            "State": one.state,
        }
        for one in page.items
    ]
    return {"SecurityGroupVpcAssociations": told, "NextToken": page.token}


@life.ends_with
def leave(call: Call, group: SecurityGroup) -> None:
    """A group that is deleted is associated with nothing."""
    for one in [*GroupVpc.scan(call, group.group_id)]:
        one.delete(call)


@vpc_life.holds
def holds_vpc(call: Call, vpc: Vpc) -> bool:
    return GroupVpc.first(call, vpc.vpc_id, index="of_vpc") is not None
