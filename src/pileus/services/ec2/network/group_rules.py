"""Rules of security groups: made, taken back, changed."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described
from pileus.services.ec2.faults import bad_value, combination, invalid, limit
from pileus.services.ec2.kinds import all_named, named
from pileus.services.ec2.tags import shown_tags, specified

from . import changes, limits, prefix_lists
from .rule_reading import OLDER, asked, described_as, read
from .security_groups import Reference, SecurityGroup, SecurityGroupRule, chosen, drop, rules
from .vpcs import settled

FILTERS = Filters({"group-id": "group_id", "security-group-rule-id": "security_group_rule_id"})


def store(call: Call, one: SecurityGroupRule, vpc_id: str) -> None:
    """Store a rule; the account of a group in another VPC that it names knows of it."""
    one.put(call)
    if one.connection_id:
        there = call.at(account=one.referenced_user_id)
        Reference(one.referenced_group_id, one.security_group_rule_id, vpc_id, one.connection_id).put(there)


@ec2.operation(honours=OLDER)
def authorize_security_group_ingress(
    call: Call,
    group_id: str = "",
    group_name: str = "",
    ip_permissions: list[dict[str, Any]] = [],
    request: Members = {},
    tag_specifications: list[dict[str, Any]] = [],
) -> Members:
    """Let something in."""
    group = chosen(call, group_id, group_name)
    return allow(call, group, asked(call, group, False, ip_permissions, request), tag_specifications)


@ec2.operation(honours=OLDER)
def authorize_security_group_egress(
    call: Call,
    group_id: str,
    ip_permissions: list[dict[str, Any]] = [],
    request: Members = {},
    tag_specifications: list[dict[str, Any]] = [],
) -> Members:
    """Let something out."""
    group = chosen(call, group_id, "")
    return allow(call, group, asked(call, group, True, ip_permissions, request), tag_specifications)


def allow(
    call: Call, group: SecurityGroup, wanted: list[SecurityGroupRule], tag_specifications: list[dict[str, Any]]
) -> Members:
    tags = specified(tag_specifications, "security-group-rule")
    there = [*rules(call, group.group_id, wanted[0].is_egress)]
    for one in wanted:
        if any(one.same_as(other) for other in there):
            raise Fault("InvalidPermission.Duplicate", f"the specified rule {in_words(one)} already exists")
    check_limit(call, there + wanted)
    for one in wanted:
        one.tags = dict(tags)
        store(call, one, group.vpc_id)
    changes.changed(call, group.vpc_id)
    return {"Return": True, "SecurityGroupRules": [shown(call, one) for one in wanted]}


def check_limit(call: Call, every: list[SecurityGroupRule]) -> None:
    """A group has 60 rules at most in each direction, for IPv4 and IPv6 each; a group as peer counts for both.

    A prefix list counts as many as it can have entries.
    """
    lists = {one.prefix_list_id for one in every if one.prefix_list_id}
    sizes = {what: prefix_lists.find(call, what).max_entries for what in lists}
    for other in ("cidr_ipv4", "cidr_ipv6"):
        if sum(sizes.get(one.prefix_list_id, 1) for one in every if not getattr(one, other)) > limits.RULES:
            text = "The maximum number of rules per security group has been reached."
            raise limit("RulesPerSecurityGroupLimit", text)


@ec2.operation
def validate_security_group_quotas_for_interface(call: Call, security_group_ids: list[str]) -> Members:
    """Whether an interface may have all these groups, as services ask that make interfaces; nobody else may ask."""
    if call.principal.type != "AWSService":
        raise Fault("UnauthorizedOperation", "You are not authorized to perform this operation.", status=403)
    if len({*security_group_ids}) < len(security_group_ids):
        raise invalid("The security group IDs must be unique.")
    if len(security_group_ids) > limits.GROUPS_OF_INTERFACE:
        text = "You have exceeded the number of security groups allowed per network interface."
        raise limit("SecurityGroupsPerInterfaceLimit", text)
    for one in all_named(call, SecurityGroup, security_group_ids):
        for egress in (False, True):
            check_limit(call, [*rules(call, one.group_id, egress)])
    return {"Valid": True}


def in_words(one: SecurityGroupRule) -> str:
    """A rule as EC2's errors tell it."""
    words = f'"peer: {one.peer}, {"ALL" if one.ip_protocol == "-1" else one.ip_protocol.upper()}'
    if one.ip_protocol in ("tcp", "udp"):
        words += f", from port: {one.from_port}, to port: {one.to_port}"
    elif one.ip_protocol in ("icmp", "icmpv6"):
        words += f", type: {one.from_port}, code: {one.to_port}"
    return f'{words}, ALLOW"'


# Allowing no more


@ec2.operation(honours=OLDER)
def revoke_security_group_ingress(
    call: Call,
    group_id: str = "",
    group_name: str = "",
    security_group_rule_ids: list[str] = [],
    ip_permissions: list[dict[str, Any]] = [],
    request: Members = {},
) -> Members:
    """Let something in no more."""
    group = chosen(call, group_id, group_name)
    if security_group_rule_ids:
        return revoke(call, group, of_group(call, group, security_group_rule_ids, False))
    return revoke(call, group, matching(call, group, asked(call, group, False, ip_permissions, request)))


@ec2.operation(honours=OLDER)
def revoke_security_group_egress(
    call: Call,
    group_id: str,
    security_group_rule_ids: list[str] = [],
    ip_permissions: list[dict[str, Any]] = [],
    request: Members = {},
) -> Members:
    """Let something out no more."""
    group = chosen(call, group_id, "")
    if security_group_rule_ids:
        return revoke(call, group, of_group(call, group, security_group_rule_ids, True))
    return revoke(call, group, matching(call, group, asked(call, group, True, ip_permissions, request)))


def of_group(call: Call, group: SecurityGroup, rule_ids: list[str], is_egress: bool) -> list[SecurityGroupRule]:
    """The rules of these ids, which are the group's and of that direction."""
    found = [named(call, SecurityGroupRule, one) for one in dict.fromkeys(rule_ids)]
    for one in found:
        if one.group_id != group.group_id or one.is_egress != is_egress:
            text = f"The security group rule ID '{one.security_group_rule_id}' does not exist"
            raise Fault("InvalidSecurityGroupRuleId.NotFound", text)
    return found


def matching(call: Call, group: SecurityGroup, wanted: list[SecurityGroupRule]) -> list[SecurityGroupRule]:
    """The group's rules that say what is wanted."""
    there = [*rules(call, group.group_id, wanted[0].is_egress)]
    found = []
    for one in wanted:
        same = next((other for other in there if other.same_as(one)), None)
        if same is None:
            text = "The specified rule does not exist in this security group."
            raise Fault("InvalidPermission.NotFound", text)
        found.append(same)
    return found


def revoke(call: Call, group: SecurityGroup, found: list[SecurityGroupRule]) -> Members:
    for one in found:
        drop(call, one)
    changes.changed(call, group.vpc_id)
    revoked = [
        {name: value for name, value in shown(call, one).items() if name in REVOKED}
        | ({"ReferencedGroupId": one.referenced_group_id} if one.referenced_group_id else {})
        for one in found
    ]
    return {"Return": True, "RevokedSecurityGroupRules": revoked}


REVOKED = {
    "SecurityGroupRuleId", "GroupId", "IsEgress", "IpProtocol", "FromPort", "ToPort", "CidrIpv4", "CidrIpv6",
    "PrefixListId", "Description",
}  # fmt: skip
"""What is told of a rule that is taken back."""


# Looking and changing


@ec2.operation
def describe_security_group_rules(
    call: Call,
    security_group_rule_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The rules of an account's groups."""
    settled(call)
    return described(
        call,
        SecurityGroupRule,
        FILTERS,
        "SecurityGroupRules",
        shown,
        security_group_rule_ids,
        filters,
        max_results,
        next_token,
    )


def shown(call: Call, one: SecurityGroupRule) -> Members:
    told: Members = {
        "SecurityGroupRuleId": one.security_group_rule_id,
        "SecurityGroupRuleArn": one.arn(call),
        "GroupId": one.group_id,
        "GroupOwnerId": one.group_owner_id,
        "IsEgress": one.is_egress,
        "IpProtocol": one.ip_protocol,
        "FromPort": one.from_port,
        "ToPort": one.to_port,
        "CidrIpv4": one.cidr_ipv4 or None,
        "CidrIpv6": one.cidr_ipv6 or None,
        "PrefixListId": one.prefix_list_id or None,
        "Description": one.description or None,
        "Tags": shown_tags(one.tags),
    }
    if one.referenced_group_id:
        peer: Members = {"GroupId": one.referenced_group_id, "UserId": one.referenced_user_id}
        if one.connection_id:
            peer |= {"VpcId": one.referenced_vpc_id, "VpcPeeringConnectionId": one.connection_id}
        told["ReferencedGroupInfo"] = peer
    return told


@ec2.operation
def modify_security_group_rules(call: Call, group_id: str, security_group_rules: list[dict[str, Any]]) -> Members:
    """Change rules, each to what is given: but a range stays a range of the same version, a group a group."""
    group = chosen(call, group_id, "")
    changed = []
    for update in security_group_rules:
        there = named(call, SecurityGroupRule, update["SecurityGroupRuleId"])
        of_group(call, group, [there.security_group_rule_id], there.is_egress)
        changed.append(rewritten(call, group, there, update.get("SecurityGroupRule", {})))
    for one in changed:
        others = [other for other in rules(call, group_id, one.is_egress) if other.place() != one.place()]
        if any(one.same_as(other) for other in others):
            raise Fault("InvalidPermission.Duplicate", f"the specified rule {in_words(one)} already exists")
        drop(call, named(call, SecurityGroupRule, one.security_group_rule_id))
        store(call, one, group.vpc_id)
    changes.changed(call, group.vpc_id)
    return {"Return": True}


def rewritten(call: Call, group: SecurityGroup, there: SecurityGroupRule, update: dict[str, Any]) -> SecurityGroupRule:
    """A rule as an update wants it, with its id and tags."""
    permission: Members = {name: update[name] for name in ("IpProtocol", "FromPort", "ToPort") if name in update}
    described = {"Description": update["Description"]} if "Description" in update else {}
    kept = False
    for name, member, inner, had in (
        ("CidrIpv4", "IpRanges", "CidrIp", there.cidr_ipv4),
        ("CidrIpv6", "Ipv6Ranges", "CidrIpv6", there.cidr_ipv6),
        ("PrefixListId", "PrefixListIds", "PrefixListId", there.prefix_list_id),
        ("ReferencedGroupId", "UserIdGroupPairs", "GroupId", there.referenced_group_id),
    ):
        if update.get(name):
            permission[member] = [{inner: update[name]} | described]
            kept = kept or bool(had)
    if not kept:
        raise bad_value("SecurityGroupRule", there.security_group_rule_id, "The type of a rule cannot be changed.")
    (new,) = read(call, group, there.is_egress, permission)
    new.security_group_rule_id, new.tags = there.security_group_rule_id, there.tags
    return new


@ec2.operation
def update_security_group_rule_descriptions_ingress(
    call: Call,
    group_id: str = "",
    group_name: str = "",
    ip_permissions: list[dict[str, Any]] = [],
    security_group_rule_descriptions: list[dict[str, Any]] = [],
) -> Members:
    """Describe rules that let something in."""
    group = chosen(call, group_id, group_name)
    return describe(call, group, False, ip_permissions, security_group_rule_descriptions)


@ec2.operation
def update_security_group_rule_descriptions_egress(
    call: Call,
    group_id: str = "",
    group_name: str = "",
    ip_permissions: list[dict[str, Any]] = [],
    security_group_rule_descriptions: list[dict[str, Any]] = [],
) -> Members:
    """Describe rules that let something out."""
    group = chosen(call, group_id, group_name)
    return describe(call, group, True, ip_permissions, security_group_rule_descriptions)


def describe(
    call: Call,
    group: SecurityGroup,
    is_egress: bool,
    permissions: list[dict[str, Any]],
    descriptions: list[dict[str, Any]],
) -> Members:
    if descriptions and permissions:
        raise combination("Only one of ipPermissions and securityGroupRuleDescriptions may be specified.")
    if descriptions:
        ids = [one.get("SecurityGroupRuleId", "") for one in descriptions]
        pairs = [*zip(of_group(call, group, ids, is_egress), map(described_as, descriptions), strict=True)]
    else:
        wanted = asked(call, group, is_egress, permissions, {})
        pairs = [*zip(matching(call, group, wanted), [one.description for one in wanted], strict=True)]
    for one, text in pairs:
        one.description = text
        one.put(call)
    return {"Return": True}
