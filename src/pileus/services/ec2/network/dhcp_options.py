"""DHCP options: what a VPC's interfaces are told by DHCP."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described
from pileus.services.ec2.faults import bad_value, in_use, missing
from pileus.services.ec2.kinds import kind, named, new_id
from pileus.services.ec2.tags import shown_tags, specified

from . import changes
from .vpcs import Vpc, settled

MOST = {"domain-name-servers": 4, "ntp-servers": 4, "netbios-name-servers": 4}
"""How many values an option may have; others have one."""

OPTIONS = ("domain-name", "netbios-node-type", "ipv6-address-preferred-lease-time", *MOST)


@kind(
    "dhcp-options",
    "dopt",
    missing=("InvalidDhcpOptionID.NotFound", "The dhcpOption ID '{}' does not exist"),
    malformed="InvalidDhcpOptionsId.Malformed",
)
class DhcpOptions(Record, arn="dhcp-options/{dhcp_options_id}", cfn="AWS::EC2::DHCPOptions"):
    dhcp_options_id: str
    owner_id: str
    options: dict[str, list[str]]
    tags: dict[str, str] = {}


FILTERS = Filters(
    {
        "dhcp-options-id": "dhcp_options_id",
        "key": lambda one: list(one.options),
        "owner-id": "owner_id",
        "value": lambda one: list(one.options.values()),
    }
)


def default_options(call: Call) -> DhcpOptions:
    """Those that AWS makes: its own name server, and the Region's domain."""
    what = settled(call).dhcp_options_id
    if found := DhcpOptions.get(call, what):
        return found
    domain = "ec2.internal" if call.region == "us-east-1" else f"{call.region}.compute.internal"
    options = {"domain-name": [domain], "domain-name-servers": ["AmazonProvidedDNS"]}
    return DhcpOptions(dhcp_options_id=what, owner_id=call.account, options=options).put(call)


@ec2.operation
def create_dhcp_options(
    call: Call, dhcp_configurations: list[dict[str, Any]], tag_specifications: list[dict[str, Any]] = []
) -> Members:
    """Make a set of options."""
    tags = specified(tag_specifications, "dhcp-options")
    options = {one.get("Key", ""): one.get("Values", []) for one in dhcp_configurations}
    if not options:
        raise missing("dhcpConfiguration")
    for name, values in options.items():
        check(name, values)
    made = DhcpOptions(dhcp_options_id=new_id(DhcpOptions), owner_id=call.account, options=options, tags=tags)
    return {"DhcpOptions": shown(call, made.put(call))}


def check(name: str, values: list[str]) -> None:
    if name not in OPTIONS:
        raise bad_value("dhcpOptionKey", name, "Invalid DHCP option key.")
    if not values or len(values) > MOST.get(name, 1):
        raise bad_value(name, ", ".join(values), "Invalid number of values.")
    if name == "netbios-node-type" and values[0] not in ("1", "2", "4", "8"):
        raise bad_value(name, values[0])
    for value in values:
        if name.endswith("-servers") and not server(name, value):
            raise bad_value(name, value, "This is not a valid IP address.")


def server(name: str, value: str) -> bool:
    """Whether a value names a server: by its address, or as Amazon's resolver."""
    if name == "domain-name-servers" and value == "AmazonProvidedDNS":
        return True
    try:
        ip_address(value)
    except ValueError:
        return False
    return True


@ec2.operation
def describe_dhcp_options(
    call: Call,
    dhcp_options_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    next_token: str = "",
    max_results: int = 0,
) -> Members:
    """An account's sets of DHCP options."""
    default_options(call)
    return described(
        call, DhcpOptions, FILTERS, "DhcpOptions", shown, dhcp_options_ids, filters, max_results, next_token
    )


def shown(call: Call, one: DhcpOptions) -> Members:
    configurations = [
        {"Key": name, "Values": [{"Value": value} for value in values]} for name, values in one.options.items()
    ]
    return {
        "DhcpOptionsId": one.dhcp_options_id,
        "OwnerId": one.owner_id,
        "DhcpConfigurations": configurations,
        "Tags": shown_tags(one.tags),
    }


@ec2.operation
def associate_dhcp_options(call: Call, dhcp_options_id: str, vpc_id: str) -> None:
    """Let a VPC have these options; `default` stands for none at all."""
    vpc = named(call, Vpc, vpc_id)
    default_options(call)
    if dhcp_options_id != "default":
        named(call, DhcpOptions, dhcp_options_id)
    vpc.dhcp_options_id = dhcp_options_id
    vpc.put(call)
    changes.changed(call, vpc_id)


@ec2.operation
def delete_dhcp_options(call: Call, dhcp_options_id: str) -> None:
    """Delete a set of options that no VPC has."""
    default_options(call)
    found = named(call, DhcpOptions, dhcp_options_id)
    if any(vpc.dhcp_options_id == dhcp_options_id for vpc in Vpc.scan(call)):
        raise in_use(f"The dhcpOptions '{dhcp_options_id}' has dependencies and cannot be deleted.")
    if dhcp_options_id == settled(call).dhcp_options_id:
        raise Fault("OperationNotPermitted", f"The default dhcpOptions '{dhcp_options_id}' cannot be deleted.")
    found.delete(call)
