"""Security groups and network ACLs, as routers understand them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pileus.engines.network import Border, Entry, Group, Rule
from pileus.kernel import Call, Fault
from pileus.services.ec2.network import interfaces, network_acls, prefix_lists, security_groups
from pileus.services.ec2.network.interfaces import Membership, NetworkInterface
from pileus.services.ec2.network.security_groups import SecurityGroupRule

ALL = "-1"
NAMES = {ALL: "any", "1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6"}
"""What protocols are called that have particulars."""


def groups(everybody: Sequence[Call], group_ids: Iterable[str]) -> dict[str, Group]:
    """These groups, each of which is in one of the accounts that are in a VPC."""
    found = {}
    for group_id in group_ids:
        inbound, outbound = (
            tuple(_rule(one) for call in everybody for one in security_groups.rules(call, group_id, is_egress))
            for is_egress in (False, True)
        )
        found[group_id] = Group(inbound, outbound)
    return found


def _rule(one: SecurityGroupRule) -> Rule:
    protocol = NAMES.get(one.ip_protocol, one.ip_protocol)
    pair = (one.from_port, one.to_port)
    return Rule(
        protocol=protocol,
        ports=pair if protocol in ("tcp", "udp") and one.from_port >= 0 else None,
        icmp=pair if protocol in ("icmp", "icmpv6") else None,
        prefixes=tuple(filter(None, (one.cidr_ipv4, one.cidr_ipv6))),
        sets=tuple(filter(None, (one.prefix_list_id, one.referenced_group_id))),
    )


def sets(everybody: Sequence[Call], group_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The addresses behind the prefix lists and groups that the rules of groups speak of."""
    found: dict[str, tuple[str, ...]] = {}
    for call in everybody:
        for one in (one for group_id in group_ids for way in (False, True) for one in _rules(call, group_id, way)):
            if one.referenced_group_id:
                found[one.referenced_group_id] = tuple(members(call, one))
            if one.prefix_list_id:
                found[one.prefix_list_id] = blocks(call, one.prefix_list_id)
    return found


def _rules(call: Call, group_id: str, is_egress: bool) -> Iterable[SecurityGroupRule]:
    return security_groups.rules(call, group_id, is_egress)


def members(call: Call, one: SecurityGroupRule) -> Iterator[str]:
    """The addresses of those in the group that a rule refers to, which may be another account's."""
    there = call.at(account=one.referenced_user_id or call.account)
    for member in Membership.scan(there, one.referenced_group_id):
        if found := NetworkInterface.get(there, member.network_interface_id):
            yield from interfaces.held(found)


def blocks(call: Call, prefix_list_id: str) -> tuple[str, ...]:
    """What is in a prefix list; nothing if it is not there any more."""
    try:
        found = prefix_lists.find(call, prefix_list_id)
    except Fault:
        return ()
    return tuple(prefix_lists.entries(call, found))


def border(call: Call, network_acl_id: str) -> Border:
    """A network ACL."""
    lines: dict[bool, list[Entry]] = {False: [], True: []}
    for one in network_acls.entries(call, network_acl_id):
        lines[one.egress].append(
            Entry(
                allow=one.rule_action == "allow",
                prefix=one.cidr_block or one.ipv6_cidr_block,
                protocol=NAMES.get(one.protocol, one.protocol),
                ports=one.ports,
                icmp=one.icmp,
            )
        )
    return Border(inbound=tuple(lines[False]), outbound=tuple(lines[True]))
