"""What requests say of the rules of security groups: protocols, ports, and peers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import ip_network
from typing import Any

from pileus.kernel import Call, Fault
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import combination, invalid, missing
from pileus.services.ec2.kinds import named, new_id

from . import prefix_lists
from .security_groups import TEXT, SecurityGroup, SecurityGroupRule, by_name, not_text
from .vpcs import default_vpc

PROTOCOLS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "all": "-1"}
NAMES = {"tcp", "udp", "icmp", "icmpv6", "-1"}

PEERS: list[Callable[[Call, str, str, str], str]] = []

OLDER = ("IpProtocol", "FromPort", "ToPort", "CidrIp", "SourceSecurityGroupName", "SourceSecurityGroupOwnerId")
"""The members by which requests named a single rule before there were permissions."""


def connects(find: Callable[[Call, str, str, str], str]) -> Callable[[Call, str, str, str], str]:
    """Declare what connects VPCs so that the groups of one may be named in the other's rules.

    A function of a call, a VPC, and the account and the id of another VPC: the id of the connection, or nothing.
    """
    PEERS.append(find)
    return find


def asked(
    call: Call,
    group: SecurityGroup,
    is_egress: bool,
    permissions: list[dict[str, Any]],
    request: Members,
) -> list[SecurityGroupRule]:
    """The rules that a request names, as permissions or by the older parameters."""
    given = {name: request[name] for name in OLDER if name in request}
    if permissions and given:
        raise combination("The parameter ipPermissions cannot be used with older parameters for a single rule.")
    if given:
        permissions = older(call, given)
    if not permissions:
        raise missing("ipPermissions")
    found = [one for permission in permissions for one in read(call, group, is_egress, permission)]
    for number, one in enumerate(found):
        if any(one.same_as(other) for other in found[:number]):
            raise invalid("The same permission must not appear multiple times")
    return found


def older(call: Call, given: dict[str, Any]) -> list[dict[str, Any]]:
    """The permission that the older parameters stand for."""
    permission = {name: given[name] for name in ("IpProtocol", "FromPort", "ToPort") if name in given}
    if cidr := given.get("CidrIp"):
        return [permission | {"IpRanges": [{"CidrIp": cidr}]}]
    if name := given.get("SourceSecurityGroupName"):
        owner = given.get("SourceSecurityGroupOwnerId", call.account)
        pairs = {"UserIdGroupPairs": [{"GroupName": name, "UserId": owner}]}
        if permission:
            return [permission | pairs]
        ranges = (("tcp", 0, 65535), ("udp", 0, 65535), ("icmp", -1, -1))
        return [{"IpProtocol": name, "FromPort": low, "ToPort": high} | pairs for name, low, high in ranges]
    raise missing("cidrIp", "sourceSecurityGroupName")


def read(call: Call, group: SecurityGroup, is_egress: bool, permission: dict[str, Any]) -> Iterator[SecurityGroupRule]:
    """The rules of one permission: one for each peer."""
    protocol, low, high = ports(permission.get("IpProtocol", ""), permission.get("FromPort"), permission.get("ToPort"))
    peers = [
        *(range_peer(one, "CidrIp", 4) for one in permission.get("IpRanges", [])),
        *(range_peer(one, "CidrIpv6", 6) for one in permission.get("Ipv6Ranges", [])),
        *(list_peer(call, one) for one in permission.get("PrefixListIds", [])),
        *(group_peer(call, group, one) for one in permission.get("UserIdGroupPairs", [])),
    ]
    if not peers:
        raise missing("CidrIp", "CidrIpv6", "PrefixListId", "GroupId")
    for peer in peers:
        yield SecurityGroupRule(
            new_id(SecurityGroupRule), group.group_id, group.owner_id, is_egress, protocol, low, high, **peer
        )


def ports(protocol: str, low: int | None, high: int | None) -> tuple[str, int, int]:
    """A protocol and its ports as they are kept."""
    if not protocol:
        raise missing("ipProtocol")
    name = PROTOCOLS.get(protocol.lower(), protocol.lower())
    if name not in NAMES and not (name.isdigit() and int(name) < 256):
        raise invalid(f"Invalid value '{protocol}' for IP protocol. Unknown protocol.")
    if name in ("icmp", "icmpv6"):
        low, high = -1 if low is None else low, -1 if high is None else high
        for what, number in (("type", low), ("code", high)):
            if not -1 <= number <= 255:
                raise invalid(f"ICMP {what} ({number}) out of range")
        return name, low, high
    if name not in ("tcp", "udp"):
        return name, -1, -1
    if low is None or high is None:
        raise invalid("Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.")
    for port in (low, high):
        if not 0 <= port <= 65535:
            raise invalid(f"TCP/UDP port ({port}) out of range")
    if low > high:
        raise invalid(f"Invalid TCP/UDP port range ({low}:{high})")
    return name, low, high


def range_peer(given: dict[str, Any], member: str, version: int) -> Members:
    text = given.get(member, "")
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        network = None
    if network is None or network.version != version or "/" not in text:
        raise invalid(f"CIDR block {text} is malformed")
    return {f"cidr_ipv{version}": str(network), "description": described_as(given)}


def list_peer(call: Call, given: dict[str, Any]) -> Members:
    prefix_list_id = given.get("PrefixListId", "")
    prefix_lists.find(call, prefix_list_id)
    return {"prefix_list_id": prefix_list_id, "description": described_as(given)}


def group_peer(call: Call, group: SecurityGroup, given: dict[str, Any]) -> Members:
    """A group that a rule names: of the same VPC, or of one that is connected with it."""
    description = described_as(given)
    owner = given.get("UserId") or call.account
    if not given.get("GroupId"):
        if not given.get("GroupName"):
            raise missing("GroupName", "GroupId")
        other = by_name(call, default_vpc(call), given["GroupName"])
    elif owner == call.account:
        other = named(call, SecurityGroup, given["GroupId"])
    else:
        found = SecurityGroup.get(call.at(account=owner), given["GroupId"])
        if found is None:
            raise Fault("InvalidGroup.NotFound", f"The security group '{given['GroupId']}' does not exist")
        other = found
    peer = {"referenced_group_id": other.group_id, "referenced_user_id": other.owner_id, "description": description}
    if other.vpc_id == group.vpc_id:
        return peer
    if connection_id := connection(call, group.vpc_id, other):
        return peer | {"referenced_vpc_id": other.vpc_id, "connection_id": connection_id}
    raise Fault("InvalidGroup.NotFound", "You have specified two resources that belong to different networks.")


def connection(call: Call, vpc_id: str, other: SecurityGroup) -> str:
    """What connects a VPC with that of another group; nothing if nothing does."""
    return next(filter(None, (find(call, vpc_id, other.owner_id, other.vpc_id) for find in PEERS)), "")


def described_as(given: dict[str, Any]) -> str:
    text: str = given.get("Description", "")
    if text and not TEXT.fullmatch(text):
        raise not_text("rule description")
    return text
