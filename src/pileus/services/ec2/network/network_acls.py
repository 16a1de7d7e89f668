"""Network ACLs: what may cross the border of a subnet, entry by entry in the order of their numbers.

A subnet always has one: the VPC's default list, until it is given another.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2, tokens
from pileus.services.ec2.describing import Members, described
from pileus.services.ec2.faults import bad_value, in_use, invalid, limit, missing
from pileus.services.ec2.kinds import kind, named, new_id
from pileus.services.ec2.tags import shown_tags, specified

from . import associations, changes, cidrs, limits
from .subnets import Subnet
from .subnets import life as subnet_life
from .vpcs import Vpc, follows_ranges, settled
from .vpcs import life as vpc_life

LAST, LAST_IPV6 = 32767, 32768
"""The numbers of the entries, for IPv4 and IPv6, that deny what no other has allowed."""

PREFIX = "aclassoc"

NUMBERS = {"all": "-1", "tcp": "6", "udp": "17", "icmp": "1", "icmpv6": "58"}


@kind(
    "network-acl",
    "acl",
    missing=("InvalidNetworkAclID.NotFound", "The networkAcl ID '{}' does not exist"),
    malformed="InvalidNetworkAclId.Malformed",
)
class NetworkAcl(
    Record, arn="network-acl/{network_acl_id}", cfn="AWS::EC2::NetworkAcl", indexes={"of_vpc": ("vpc_id",)}
):
    network_acl_id: str
    owner_id: str
    vpc_id: str
    is_default: bool = False
    tags: dict[str, str] = {}


class Entry(
    Record,
    key=("network_acl_id", "egress", "rule_number"),
    cfn="AWS::EC2::NetworkAclEntry",
    table="ec2.NetworkAclEntry",
):
    """One line of a list; the first that fits decides."""

    network_acl_id: str
    egress: bool
    rule_number: int
    protocol: str
    """A number as text; `-1` for all."""
    rule_action: str
    cidr_block: str = ""
    ipv6_cidr_block: str = ""
    ports: tuple[int, int] | None = None
    icmp: tuple[int, int] | None = None
    """Type and code; -1 for all."""


FILTERS = Filters(
    {
        "association.association-id": "Associations.NetworkAclAssociationId",
        "association.network-acl-id": "Associations.NetworkAclId",
        "association.subnet-id": "Associations.SubnetId",
        "default": "IsDefault",
        "entry.cidr": "Entries.CidrBlock",
        "entry.icmp.code": "Entries.IcmpTypeCode.Code",
        "entry.icmp.type": "Entries.IcmpTypeCode.Type",
        "entry.ipv6-cidr": "Entries.Ipv6CidrBlock",
        "entry.port-range.from": "Entries.PortRange.From",
        "entry.port-range.to": "Entries.PortRange.To",
        "entry.protocol": "Entries.Protocol",
        "entry.rule-action": "Entries.RuleAction",
        "entry.egress": "Entries.Egress",
        "entry.rule-number": "Entries.RuleNumber",
        "network-acl-id": "NetworkAclId",
        "owner-id": "OwnerId",
        "vpc-id": "VpcId",
    },
    tags=lambda acl: {tag["Key"]: tag["Value"] for tag in acl["Tags"]},
)


# Lists


@vpc_life.begins_with
def default_acl(call: Call, vpc: Vpc) -> None:
    """Every VPC has a list that lets everything pass."""
    acl = make(call, vpc, is_default=True)
    for egress in (False, True):
        Entry(acl.network_acl_id, egress, 100, "-1", "allow", cidr_block="0.0.0.0/0").put(call)


def make(call: Call, vpc: Vpc, **particulars: Any) -> NetworkAcl:
    acl = NetworkAcl(new_id(NetworkAcl), call.account, vpc.vpc_id, **particulars).put(call)
    for egress in (False, True):
        Entry(acl.network_acl_id, egress, LAST, "-1", "deny", cidr_block="0.0.0.0/0").put(call)
        if vpc.ipv6_cidr_blocks:
            Entry(acl.network_acl_id, egress, LAST_IPV6, "-1", "deny", ipv6_cidr_block="::/0").put(call)
    return acl


@follows_ranges
def ipv6_entries(call: Call, vpc: Vpc, cidr_block: str, gone: bool) -> None:
    """Once a VPC has IPv6, its lists deny what they do not allow; the default one allows all there too."""
    if ":" not in cidr_block or gone:
        return
    for acl in of_vpc(call, vpc.vpc_id):
        for egress in (False, True):
            Entry(acl.network_acl_id, egress, LAST_IPV6, "-1", "deny", ipv6_cidr_block="::/0").put(call)
            if acl.is_default and not Entry.get(call, acl.network_acl_id, egress, 101):
                Entry(acl.network_acl_id, egress, 101, "-1", "allow", ipv6_cidr_block="::/0").put(call)


def of_vpc(call: Call, vpc_id: str) -> Iterable[NetworkAcl]:
    return NetworkAcl.scan(call, vpc_id, index="of_vpc")


def default_of(call: Call, vpc_id: str) -> NetworkAcl:
    return next(acl for acl in of_vpc(call, vpc_id) if acl.is_default)


def entries(call: Call, network_acl_id: str) -> Iterable[Entry]:
    """The entries of a list: those for what comes in, then those for what goes out, in the order of their numbers."""
    return Entry.scan(call, network_acl_id)


@ec2.operation
def create_network_acl(
    call: Call, vpc_id: str, tag_specifications: list[dict[str, Any]] = [], client_token: str = ""
) -> Members:
    """Make a list, which lets nothing pass at first."""
    if made := tokens.made_before(call, client_token):
        return {"NetworkAcl": shown(call, named(call, NetworkAcl, made)), "ClientToken": client_token}
    vpc = named(call, Vpc, vpc_id)
    tags = specified(tag_specifications, "network-acl")
    limits.check("NetworkAclLimit", "network ACLs", of_vpc(call, vpc_id), limits.SUBNETS)
    acl = make(call, vpc, tags=tags)
    tokens.remember(call, client_token, acl.network_acl_id)
    return {"NetworkAcl": shown(call, acl), "ClientToken": client_token or None}


@ec2.operation
def describe_network_acls(
    call: Call,
    network_acl_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """An account's network ACLs."""
    settled(call)
    return described(
        call,
        NetworkAcl,
        FILTERS,
        "NetworkAcls",
        shown,
        network_acl_ids,
        filters,
        max_results,
        next_token,
        by_shown=True,
    )


def shown(call: Call, acl: NetworkAcl) -> Members:
    subnets = Subnet.scan(call, acl.network_acl_id, index="of_acl")
    return {
        "NetworkAclId": acl.network_acl_id,
        "OwnerId": acl.owner_id,
        "VpcId": acl.vpc_id,
        "IsDefault": acl.is_default,
        "Entries": [shown_entry(one) for one in entries(call, acl.network_acl_id)],
        "Associations": [
            {
                "NetworkAclAssociationId": subnet.network_acl_association_id,
                "NetworkAclId": acl.network_acl_id,
                "SubnetId": subnet.subnet_id,
            }
            for subnet in subnets
        ],
        "Tags": shown_tags(acl.tags),
    }


def shown_entry(one: Entry) -> Members:
    return {
        "RuleNumber": one.rule_number,
        "Egress": one.egress,
        "Protocol": one.protocol,
        "RuleAction": one.rule_action,
        "CidrBlock": one.cidr_block or None,
        "Ipv6CidrBlock": one.ipv6_cidr_block or None,
        "PortRange": {"From": one.ports[0], "To": one.ports[1]} if one.ports else None,
        "IcmpTypeCode": {"Type": one.icmp[0], "Code": one.icmp[1]} if one.icmp else None,
    }


@ec2.operation
def delete_network_acl(call: Call, network_acl_id: str) -> None:
    """Delete a list that no subnet has; not the default one."""
    acl = named(call, NetworkAcl, network_acl_id)
    if acl.is_default:
        raise invalid(f"cannot delete default network ACL {network_acl_id}")
    if Subnet.first(call, network_acl_id, index="of_acl"):
        raise in_use(f"The networkAcl '{network_acl_id}' has dependencies and cannot be deleted.")
    remove(call, acl)


def remove(call: Call, acl: NetworkAcl) -> None:
    Entry.delete_all(call, acl.network_acl_id)
    acl.delete(call)


@vpc_life.holds
def holds_vpc(call: Call, vpc: Vpc) -> bool:
    return any(not acl.is_default for acl in of_vpc(call, vpc.vpc_id))


@vpc_life.ends_with
def end(call: Call, vpc: Vpc) -> None:
    remove(call, default_of(call, vpc.vpc_id))


# Subnets


@subnet_life.begins_with
def join_default(call: Call, subnet: Subnet) -> None:
    subnet.network_acl_id = default_of(call, subnet.vpc_id).network_acl_id
    subnet.network_acl_association_id = associations.associate(call, PREFIX, subnet.subnet_id)


@subnet_life.ends_with
def leave(call: Call, subnet: Subnet) -> None:
    associations.dissolve(call, subnet.network_acl_association_id)


@ec2.operation
def replace_network_acl_association(call: Call, association_id: str, network_acl_id: str) -> Members:
    """Give a subnet another list than it has."""
    subnet = named(call, Subnet, associations.holder(call, association_id, PREFIX))
    acl = named(call, NetworkAcl, network_acl_id)
    if acl.vpc_id != subnet.vpc_id:
        text = f"network acl {network_acl_id} and subnet {subnet.subnet_id} belong to different networks"
        raise Fault("InvalidParameterValue", text)
    associations.dissolve(call, association_id)
    subnet.network_acl_id = network_acl_id
    subnet.network_acl_association_id = associations.associate(call, PREFIX, subnet.subnet_id)
    subnet.put(call)
    changes.changed(call, acl.vpc_id)
    return {"NewAssociationId": subnet.network_acl_association_id}


# Entries


ENTRY = ("Protocol", "RuleAction", "CidrBlock", "Ipv6CidrBlock", "IcmpTypeCode", "PortRange")
"""The members of a request that say what an entry is."""


@ec2.operation(honours=ENTRY)
def create_network_acl_entry(call: Call, network_acl_id: str, rule_number: int, egress: bool, request: Members) -> None:
    """Add an entry under a number that is free."""
    acl = named(call, NetworkAcl, network_acl_id)
    made = entry(network_acl_id, egress, rule_number, request)
    if Entry.get(call, network_acl_id, egress, rule_number):
        text = f"The network acl entry identified by {rule_number} already exists."
        raise Fault("NetworkAclEntryAlreadyExists", text)
    there = [one for one in Entry.scan(call, network_acl_id, egress) if one.rule_number < LAST]
    if len(there) >= 2 * limits.ACL_ENTRIES:
        raise limit("NetworkAclEntryLimit", "The maximum number of network acl entries has been reached.")
    made.put(call)
    changes.changed(call, acl.vpc_id)


@ec2.operation(honours=ENTRY)
def replace_network_acl_entry(
    call: Call, network_acl_id: str, rule_number: int, egress: bool, request: Members
) -> None:
    """Put an entry in the place of another."""
    acl = named(call, NetworkAcl, network_acl_id)
    made = entry(network_acl_id, egress, rule_number, request)
    there(call, network_acl_id, egress, rule_number)
    made.put(call)
    changes.changed(call, acl.vpc_id)


@ec2.operation
def delete_network_acl_entry(call: Call, network_acl_id: str, rule_number: int, egress: bool) -> None:
    acl = named(call, NetworkAcl, network_acl_id)
    check_number(rule_number)
    there(call, network_acl_id, egress, rule_number).delete(call)
    changes.changed(call, acl.vpc_id)


def there(call: Call, network_acl_id: str, egress: bool, rule_number: int) -> Entry:
    found = Entry.get(call, network_acl_id, egress, rule_number)
    if found is None:
        way = "egress" if egress else "ingress"
        text = f"no such {way} network acl entry {rule_number} in network acl {network_acl_id}"
        raise Fault("InvalidNetworkAclEntry.NotFound", text)
    return found


def check_number(rule_number: int) -> None:
    if not 1 <= rule_number < LAST:
        raise bad_value("ruleNumber", rule_number, "Must be between 1 and 32766.")


def entry(network_acl_id: str, egress: bool, rule_number: int, request: Members) -> Entry:
    """An entry as a request describes it."""
    check_number(rule_number)
    protocol = request["Protocol"]
    number = str(NUMBERS.get(protocol.lower(), protocol))
    if not (number.lstrip("-").isdigit() and -1 <= int(number) <= 255):
        raise bad_value("protocol", protocol)
    if ("CidrBlock" in request) == ("Ipv6CidrBlock" in request):
        raise missing("cidrBlock", "ipv6CidrBlock")
    made = Entry(network_acl_id, egress, rule_number, number, request["RuleAction"])
    if "CidrBlock" in request:
        made.cidr_block = str(cidrs.ipv4(request["CidrBlock"]))
    else:
        made.ipv6_cidr_block = str(cidrs.ipv6(request["Ipv6CidrBlock"]))
    if number in ("6", "17"):
        made.ports = pair(request, "PortRange", "From", "To")
        low, high = made.ports
        if not 0 <= low <= high <= 65535:
            raise invalid(f"Invalid port range ({low}:{high})")
    elif number in ("1", "58"):
        made.icmp = pair(request, "IcmpTypeCode", "Type", "Code")
    return made


def pair(request: Members, member: str, first: str, second: str) -> tuple[int, int]:
    """Two numbers that the protocol needs."""
    given = request.get(member, {})
    if first not in given or second not in given:
        member = member[0].lower() + member[1:]
        raise missing(f"{member}.{first}", f"{member}.{second}")
    return given[first], given[second]
