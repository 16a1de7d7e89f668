"""Security groups: who may talk to the interfaces that have them. Their rules stand in `group_rules`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described
from pileus.services.ec2.faults import bad_value, in_use, invalid, missing
from pileus.services.ec2.kinds import kind, named, new_id
from pileus.services.ec2.tags import shown_tags, specified

from . import changes, limits, sharing
from .life import Life
from .subnets import seen_vpc
from .vpcs import Vpc, default_vpc, follows_ranges, settled
from .vpcs import life as vpc_life

DEFAULT = "default"

TEXT = re.compile(r"[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{1,255}")


@kind(
    "security-group",
    "sg",
    missing=("InvalidGroup.NotFound", "The security group '{}' does not exist"),
    malformed="InvalidGroupId.Malformed",
    member="GroupId",
)
class SecurityGroup(
    Record,
    arn="security-group/{group_id}",
    cfn="AWS::EC2::SecurityGroup",
    indexes={"of_vpc": ("vpc_id",), "by_name": ("vpc_id", "group_name")},
):
    group_id: str
    owner_id: str
    vpc_id: str
    group_name: str
    description: str
    tags: dict[str, str] = {}


@kind(
    "security-group-rule",
    "sgr",
    missing=("InvalidSecurityGroupRuleId.NotFound", "The security group rule ID '{}' does not exist"),
    malformed="InvalidSecurityGroupRuleId.Malformed",
)
class SecurityGroupRule(
    Record,
    arn="security-group-rule/{security_group_rule_id}",
    indexes={
        "of_group": ("group_id", "is_egress"),
        "to_group": ("referenced_group_id",),
        "to_list": ("prefix_list_id",),
    },
):
    """A rule that lets something in, or out."""

    security_group_rule_id: str
    group_id: str
    group_owner_id: str
    is_egress: bool
    ip_protocol: str
    """`tcp`, `udp`, `icmp`, `icmpv6`, `-1` for all, or a number."""
    from_port: int = -1
    """The first port, or the type for ICMP; -1 stands for all, and for protocols that have none."""
    to_port: int = -1
    cidr_ipv4: str = ""
    cidr_ipv6: str = ""
    prefix_list_id: str = ""
    referenced_group_id: str = ""
    referenced_user_id: str = ""
    referenced_vpc_id: str = ""
    connection_id: str = ""
    """Of the peering with the VPC of the referenced group."""
    description: str = ""
    tags: dict[str, str] = {}

    @property
    def peer(self) -> str:
        """Whom it lets in or out to."""
        return self.cidr_ipv4 or self.cidr_ipv6 or self.prefix_list_id or self.referenced_group_id

    def same_as(self, other: SecurityGroupRule) -> bool:
        """Whether it says the same, perhaps with another description."""
        return (self.is_egress, self.ip_protocol, self.from_port, self.to_port, self.peer) == (
            other.is_egress,
            other.ip_protocol,
            other.from_port,
            other.to_port,
            other.peer,
        )


class Reference(Record, key=("group_id", "rule_id"), table="ec2.SecurityGroupReference"):
    """A rule of a group of another VPC that names this account's group."""

    group_id: str
    rule_id: str
    vpc_id: str
    """The VPC of the rule's group."""
    connection_id: str


class GroupVpc(Record, key=("group_id", "vpc_id"), indexes={"of_vpc": ("vpc_id",)}, table="ec2.SecurityGroupVpc"):
    """A further VPC whose interfaces may have a group."""

    group_id: str
    vpc_id: str
    owner_id: str
    state: str = "associated"


life = Life[SecurityGroup]()


def permission_filters(way: str, member: str) -> dict[str, str]:
    return {
        f"{way}ip-permission.cidr": f"{member}.IpRanges.CidrIp",
        f"{way}ip-permission.from-port": f"{member}.FromPort",
        f"{way}ip-permission.group-id": f"{member}.UserIdGroupPairs.GroupId",
        f"{way}ip-permission.group-name": f"{member}.UserIdGroupPairs.GroupName",
        f"{way}ip-permission.ipv6-cidr": f"{member}.Ipv6Ranges.CidrIpv6",
        f"{way}ip-permission.prefix-list-id": f"{member}.PrefixListIds.PrefixListId",
        f"{way}ip-permission.protocol": f"{member}.IpProtocol",
        f"{way}ip-permission.to-port": f"{member}.ToPort",
        f"{way}ip-permission.user-id": f"{member}.UserIdGroupPairs.UserId",
    }


FILTERS = Filters(
    {
        "description": "Description",
        "group-id": "GroupId",
        "group-name": "GroupName",
        "owner-id": "OwnerId",
        "vpc-id": "VpcId",
    }
    | permission_filters("", "IpPermissions")
    | permission_filters("egress.", "IpPermissionsEgress"),
    tags=lambda group: {tag["Key"]: tag["Value"] for tag in group["Tags"] or ()},
)


# Life


@vpc_life.begins_with
def default_group(call: Call, vpc: Vpc) -> None:
    """Every VPC has a group in which all may talk to each other, and to everybody."""
    group = SecurityGroup(new_id(SecurityGroup), call.account, vpc.vpc_id, DEFAULT, "default VPC security group")
    group.put(call)
    rule(call, group, is_egress=False, referenced_group_id=group.group_id, referenced_user_id=call.account)
    open_out(call, vpc, group)


def open_out(call: Call, vpc: Vpc, group: SecurityGroup) -> None:
    """A new group lets everything out."""
    rule(call, group, is_egress=True, cidr_ipv4="0.0.0.0/0")
    if vpc.ipv6_cidr_blocks:
        rule(call, group, is_egress=True, cidr_ipv6="::/0")


@follows_ranges
def open_ipv6(call: Call, vpc: Vpc, cidr_block: str, gone: bool) -> None:
    """The default group lets IPv6 out too, once there is some, if it lets everything out."""
    if gone or ":" not in cidr_block:
        return
    group = default_of(call, vpc.vpc_id)
    out = {one.peer for one in rules(call, group.group_id, True) if one.ip_protocol == "-1"}
    if "0.0.0.0/0" in out and "::/0" not in out:
        rule(call, group, is_egress=True, cidr_ipv6="::/0")


def rule(call: Call, group: SecurityGroup, *, is_egress: bool, ip_protocol: str = "-1", **peer: Any) -> None:
    SecurityGroupRule(new_id(SecurityGroupRule), group.group_id, group.owner_id, is_egress, ip_protocol, **peer).put(
        call
    )


def drop(call: Call, one: SecurityGroupRule) -> None:
    """Remove a rule, and what the account of the group knows of it that it names."""
    one.delete(call)
    if one.connection_id:
        there = call.at(account=one.referenced_user_id)
        Reference(one.referenced_group_id, one.security_group_rule_id, "", "").delete(there)


def of_name(call: Call, vpc_id: str, name: str) -> SecurityGroup | None:
    return SecurityGroup.first(call, vpc_id, name, index="by_name")


def default_of(call: Call, vpc_id: str) -> SecurityGroup:
    """The default group of a VPC."""
    found = of_name(call, vpc_id, DEFAULT)
    if found is None:
        text = f"You must specify a security group of your own in the VPC {vpc_id}, which another account shares."
        raise invalid(text)
    return found


def chosen_vpc(call: Call, vpc_id: str) -> Vpc:
    """The VPC that a request names, or the default one."""
    found = seen_vpc(call, vpc_id) if vpc_id else default_vpc(call)
    if found is None:
        raise Fault("VPCIdNotSpecified", "No default VPC for this user")
    return found


@ec2.operation
def create_security_group(
    call: Call,
    group_name: str,
    description: str,
    vpc_id: str = "",
    tag_specifications: list[dict[str, Any]] = [],
) -> Members:
    """Make a group in a VPC, by default in the default one. It lets everything out and nothing in."""
    vpc = chosen_vpc(call, vpc_id)
    tags = specified(tag_specifications, "security-group")
    check_name(group_name, description)
    if of_name(call, vpc.vpc_id, group_name):
        text = f"The security group '{group_name}' already exists for VPC '{vpc.vpc_id}'"
        raise Fault("InvalidGroup.Duplicate", text)
    limits.check("SecurityGroupLimit", "security groups", SecurityGroup.scan(call), limits.GROUPS)
    group = SecurityGroup(new_id(SecurityGroup), call.account, vpc.vpc_id, group_name, description, tags).put(call)
    open_out(call, vpc, group)
    sharing.arrive(call, vpc.vpc_id)
    return {"GroupId": group.group_id, "SecurityGroupArn": group.arn(call), "Tags": shown_tags(tags) or None}


def check_name(name: str, description: str) -> None:
    if name.lower() == DEFAULT:
        raise invalid(f"Cannot use reserved security group name: {name}")
    if name.startswith("sg-"):
        raise bad_value("GroupName", name, "Group names may not be in the format sg-*.")
    for value, parameter in ((name, "GroupName"), (description, "GroupDescription")):
        if not value:
            raise missing(parameter)
        if not value.isascii():
            raise bad_value(parameter, value, "Character sets beyond ASCII are not supported.")
        if not TEXT.fullmatch(value):
            raise not_text(f"security group {parameter.removeprefix('Group').lower()}")


def not_text(what: str) -> Fault:
    """Names and descriptions are of few characters, and not too long."""
    return invalid(
        f"Invalid {what}. Valid {what.split()[-1]}s are strings less than 256 characters from the following set: "
        " a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*"
    )


@ec2.operation
def describe_security_groups(
    call: Call,
    group_ids: list[str] = [],
    group_names: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """An account's groups, by their ids, or by names in the default VPC."""
    default = default_vpc(call)
    ids = group_ids + [by_name(call, default, name).group_id for name in group_names]
    return described(
        call, SecurityGroup, FILTERS, "SecurityGroups", shown, ids, filters, max_results, next_token, by_shown=True
    )


def by_name(call: Call, vpc: Vpc | None, name: str) -> SecurityGroup:
    """The group of a name in the default VPC."""
    found = of_name(call, vpc.vpc_id, name) if vpc else None
    if found is None:
        where = f" in default VPC '{vpc.vpc_id}'" if vpc else ""
        raise Fault("InvalidGroup.NotFound", f"The security group '{name}' does not exist{where}")
    return found


def chosen(call: Call, group_id: str, group_name: str) -> SecurityGroup:
    """The group that a request names by its id, or by its name in the default VPC."""
    if group_id:
        settled(call)
        return named(call, SecurityGroup, group_id)
    if not group_name:
        raise missing("GroupName", "GroupId")
    return by_name(call, default_vpc(call), group_name)


def shown(call: Call, group: SecurityGroup) -> Members:
    return {
        "GroupId": group.group_id,
        "SecurityGroupArn": group.arn(call),
        "OwnerId": group.owner_id,
        "GroupName": group.group_name,
        "Description": group.description,
        "VpcId": group.vpc_id,
        "IpPermissions": permissions(rules(call, group.group_id, False)),
        "IpPermissionsEgress": permissions(rules(call, group.group_id, True)),
        "Tags": shown_tags(group.tags) or None,
    }


def rules(call: Call, group_id: str, is_egress: bool) -> Iterable[SecurityGroupRule]:
    return SecurityGroupRule.scan(call, group_id, is_egress, index="of_group")


def permissions(found: Iterable[SecurityGroupRule]) -> list[Members]:
    """Rules as the older operations show them: one permission for all rules of a protocol and its ports."""
    gathered: dict[tuple[str, int, int], Members] = {}
    for one in found:
        permission = gathered.setdefault(
            (one.ip_protocol, one.from_port, one.to_port),
            shown_ports(one) | {"UserIdGroupPairs": [], "IpRanges": [], "Ipv6Ranges": [], "PrefixListIds": []},
        )
        member, peer = shown_peer(one)
        permission[member].append(peer | ({"Description": one.description} if one.description else {}))
    return [*gathered.values()]


def shown_ports(one: SecurityGroupRule) -> Members:
    if one.ip_protocol == "-1" or (one.ip_protocol.isdigit() and one.from_port == -1):
        return {"IpProtocol": one.ip_protocol}
    return {"IpProtocol": one.ip_protocol, "FromPort": one.from_port, "ToPort": one.to_port}


def shown_peer(one: SecurityGroupRule) -> tuple[str, Members]:
    if one.cidr_ipv4:
        return "IpRanges", {"CidrIp": one.cidr_ipv4}
    if one.cidr_ipv6:
        return "Ipv6Ranges", {"CidrIpv6": one.cidr_ipv6}
    if one.prefix_list_id:
        return "PrefixListIds", {"PrefixListId": one.prefix_list_id}
    pair: Members = {"GroupId": one.referenced_group_id, "UserId": one.referenced_user_id}
    if one.connection_id:
        pair |= {"VpcId": one.referenced_vpc_id, "VpcPeeringConnectionId": one.connection_id}
        pair |= {"PeeringStatus": "active"}
    return "UserIdGroupPairs", pair


@ec2.operation
def delete_security_group(call: Call, group_id: str = "", group_name: str = "") -> Members:
    """Delete a group that no interface has and no other group's rule names."""
    group = chosen(call, group_id, group_name)
    if group.group_name == DEFAULT:
        text = f'the specified group: "{group.group_id}" name: "{DEFAULT}" cannot be deleted by a user'
        raise Fault("CannotDelete", text)
    if life.held(call, group):
        raise in_use(f"resource {group.group_id} has a dependent object")
    remove(call, group)
    return {"Return": True, "GroupId": group.group_id}


@life.holds
def named_by_others(call: Call, group: SecurityGroup) -> bool:
    """Groups of other VPCs do not count: their rules become stale."""
    found = SecurityGroupRule.scan(call, group.group_id, index="to_group")
    return any(one.group_id != group.group_id and not one.connection_id for one in found)


def remove(call: Call, group: SecurityGroup) -> None:
    for one in [*SecurityGroupRule.scan(call, group.group_id, index="of_group")]:
        drop(call, one)
    life.end(call, group)
    group.delete(call)
    changes.changed(call, group.vpc_id)


@vpc_life.holds
def holds_vpc(call: Call, vpc: Vpc) -> bool:
    groups = (one for there in sharing.accounts(call, vpc.vpc_id) for one in of_vpc(there, vpc.vpc_id))
    return any(group.group_name != DEFAULT for group in groups)


def of_vpc(call: Call, vpc_id: str) -> Iterable[SecurityGroup]:
    return SecurityGroup.scan(call, vpc_id, index="of_vpc")


@vpc_life.ends_with
def end(call: Call, vpc: Vpc) -> None:
    remove(call, default_of(call, vpc.vpc_id))
