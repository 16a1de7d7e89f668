"""How VPCs come and go, and what can be changed of one."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault
from pileus.services.ec2 import ec2
from pileus.services.ec2.connectivity import ipam_allocations as ipam
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import combination, in_use, missing
from pileus.services.ec2.kinds import named, new_id
from pileus.services.ec2.tags import specified

from . import changes, cidrs, encryption_controls, vpc_cidrs
from .vpcs import Vpc, check_limit, default_vpc, life, make, make_default, settled, shown

ATTRIBUTES = {
    "enableDnsSupport": ("EnableDnsSupport", "enable_dns_support"),
    "enableDnsHostnames": ("EnableDnsHostnames", "enable_dns_hostnames"),
    "enableNetworkAddressUsageMetrics": (
        "EnableNetworkAddressUsageMetrics",
        "enable_network_address_usage_metrics",
    ),
}


@ec2.operation
def create_vpc(
    call: Call,
    cidr_block: str = "",
    instance_tenancy: str = "default",
    tag_specifications: list[dict[str, Any]] = [],
    amazon_provided_ipv6_cidr_block: bool = False,
    ipv6_cidr_block_network_border_group: str = "",
    ipv4_ipam_pool_id: str = "",
    ipv4_netmask_length: int | None = None,
    ipv6_ipam_pool_id: str = "",
    ipv6_netmask_length: int | None = None,
    ipv6_cidr_block: str = "",
    ipv6_pool: str = "",
    vpc_encryption_control: dict[str, Any] = {},
) -> Members:
    """Make a VPC of /16 to /28, with its main route table, its default group and its default access list."""
    tags, vpc_id = specified(tag_specifications, "vpc"), new_id(Vpc)
    if ipv4_ipam_pool_id:
        cidr_block = ipam.take(call, ipv4_ipam_pool_id, cidr_block, ipv4_netmask_length, vpc_id, tags)
    if not cidr_block:
        raise missing("cidrBlock", "ipv4IpamPoolId")
    network = cidrs.ipv4(cidr_block)
    if not 16 <= network.prefixlen <= 28:
        raise Fault("InvalidVpc.Range", f"The CIDR '{cidr_block}' is invalid.")
    made = settled(call)
    check_limit(call)
    vpc = make(
        call,
        str(network),
        made.dhcp_options_id,
        vpc_id=vpc_id,
        ipam_pool_id=ipv4_ipam_pool_id,
        instance_tenancy=instance_tenancy,
        tags=tags,
    )
    if ipv6_ipam_pool_id:
        vpc_cidrs.out_of_pool(call, vpc, ipv6_ipam_pool_id, ipv6_cidr_block, ipv6_netmask_length)
    elif ipv6_pool:
        vpc_cidrs.brought(call, vpc, ipv6_pool, ipv6_cidr_block, ipv6_cidr_block_network_border_group)
    elif amazon_provided_ipv6_cidr_block:
        vpc_cidrs.amazon_provided(call, vpc, ipv6_cidr_block_network_border_group)
    elif ipv6_cidr_block_network_border_group:
        raise combination("The parameter ipv6CidrBlockNetworkBorderGroup needs an IPv6 CIDR block.")
    if vpc_encryption_control:
        encryption_controls.begin(call, vpc, vpc_encryption_control)
    return {"Vpc": shown(call, vpc) | {"State": "pending"}}


@ec2.operation
def create_default_vpc(call: Call) -> Members:
    """Make the default VPC anew, where it was deleted."""
    if found := default_vpc(call):
        text = f"A Default VPC already exists for this account in this region: {found.vpc_id}."
        raise Fault("DefaultVpcAlreadyExists", text)
    check_limit(call)
    return {"Vpc": shown(call, make_default(call, settled(call))) | {"State": "pending"}}


@ec2.operation
def delete_vpc(call: Call, vpc_id: str) -> None:
    """Delete a VPC with its main route table, its default group and its default list; nothing else may be in it."""
    vpc = named(call, Vpc, vpc_id)
    if life.held(call, vpc):
        raise in_use(f"The vpc '{vpc_id}' has dependencies and cannot be deleted.")
    life.end(call, vpc)
    if vpc.is_default:
        made = settled(call)
        made.vpc_id = ""
        made.put(call)
    changes.removed(call, vpc_id)
    vpc.delete(call)


# Attributes


@ec2.operation
def modify_vpc_attribute(
    call: Call,
    vpc_id: str,
    enable_dns_support: dict[str, bool] = {},
    enable_dns_hostnames: dict[str, bool] = {},
    enable_network_address_usage_metrics: dict[str, bool] = {},
) -> None:
    """Change one attribute of a VPC."""
    vpc = named(call, Vpc, vpc_id)
    given = {
        "enable_dns_support": enable_dns_support,
        "enable_dns_hostnames": enable_dns_hostnames,
        "enable_network_address_usage_metrics": enable_network_address_usage_metrics,
    }
    change(vpc, {name: one["Value"] for name, one in given.items() if "Value" in one})
    vpc.put(call)
    changes.changed(call, vpc_id)


def change(found: Any, changes: dict[str, Any]) -> None:
    """Give a record the one attribute that a request gives."""
    if not changes:
        raise Fault("InvalidParameterCombination", "No attributes specified.")
    if len(changes) > 1:
        names = ", ".join(changes)
        raise Fault("InvalidParameterCombination", f"Fields for multiple attribute types specified: {names}")
    for name, value in changes.items():
        setattr(found, name, value)


@ec2.operation
def describe_vpc_attribute(call: Call, attribute: str, vpc_id: str) -> Members:
    """One attribute of a VPC."""
    vpc = named(call, Vpc, vpc_id)
    member, field = ATTRIBUTES[attribute]
    return {"VpcId": vpc_id, member: {"Value": getattr(vpc, field)}}


@ec2.operation
def modify_vpc_tenancy(call: Call, vpc_id: str, instance_tenancy: str) -> Members:
    """Let new instances of a VPC share their hosts again: there is no way back."""
    vpc = named(call, Vpc, vpc_id)
    vpc.instance_tenancy = instance_tenancy
    vpc.put(call)
    return {"ReturnValue": True}
