"""How subnets come and go, and what can be changed of one."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from pileus.kernel import Call, Fault
from pileus.services.ec2 import ec2
from pileus.services.ec2.connectivity.ipam_space import first_free
from pileus.services.ec2.connectivity.local_gateways import on_outpost
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import combination, in_use, missing
from pileus.services.ec2.kinds import named, new_id
from pileus.services.ec2.tags import specified

from . import changes, cidrs, limits, subnet_cidrs, zones
from .subnet_cidrs import planned
from .subnets import Subnet, default_subnet, life, make, make_default, of_vpc, shown
from .vpc_making import change
from .vpcs import Vpc, default_vpc


@ec2.operation
def create_subnet(
    call: Call,
    vpc_id: str,
    cidr_block: str = "",
    ipv6_cidr_block: str = "",
    ipv6_native: bool = False,
    availability_zone: str = "",
    availability_zone_id: str = "",
    tag_specifications: list[dict[str, Any]] = [],
    ipv4_ipam_pool_id: str = "",
    ipv4_netmask_length: int | None = None,
    ipv6_ipam_pool_id: str = "",
    ipv6_netmask_length: int | None = None,
    outpost_arn: str = "",
) -> Members:
    """Make a subnet of /16 to /28 of a VPC's addresses, or of IPv6 alone; out of the VPC's pools of IPAM, if asked."""
    vpc = named(call, Vpc, vpc_id)
    tags = specified(tag_specifications, "subnet")
    if availability_zone and availability_zone_id:
        raise combination("Only one of availabilityZone and availabilityZoneId may be specified.")
    zone = zones.zone(call, availability_zone, availability_zone_id)
    if ipv6_native and (cidr_block or ipv4_ipam_pool_id):
        raise combination("An IPv6-only subnet must not have an IPv4 CIDR block.")
    if outpost_arn:
        on_outpost(call, outpost_arn, zone.name)
    subnet_id = new_id(Subnet)
    if ipv4_ipam_pool_id:
        cidr_block = planned(call, vpc, subnet_id, ipv4_ipam_pool_id, cidr_block, ipv4_netmask_length, tags)
    if ipv6_ipam_pool_id:
        ipv6_cidr_block = planned(call, vpc, subnet_id, ipv6_ipam_pool_id, ipv6_cidr_block, ipv6_netmask_length, tags)
    if not cidr_block and not (ipv6_native and ipv6_cidr_block):
        raise missing("ipv6CidrBlock") if ipv6_native else missing("cidrBlock", "ipv4IpamPoolId")
    network = str(checked(call, vpc, cidr_block)) if cidr_block else ""
    limits.check("SubnetLimit", "subnets", of_vpc(call, vpc_id), limits.SUBNETS)
    subnet = make(
        call,
        vpc,
        zone,
        subnet_id,
        cidr_block=network,
        ipam_pool_id=ipv4_ipam_pool_id,
        outpost_arn=outpost_arn,
        ipv6_native=ipv6_native,
        assign_ipv6_address_on_creation=ipv6_native,
        hostname_type="resource-name" if ipv6_native else "ip-name",
        tags=tags,
    )
    if ipv6_cidr_block:
        subnet_cidrs.add(call, vpc, subnet, ipv6_cidr_block, ipv6_ipam_pool_id)
    return {"Subnet": shown(call, subnet)}


def checked(call: Call, vpc: Vpc, cidr_block: str) -> IPv4Network:
    """A range that a new subnet of the VPC may have."""
    network = cidrs.ipv4(cidr_block)
    if not 16 <= network.prefixlen <= 28 or not cidrs.within(network, vpc.ranges()):
        raise Fault("InvalidSubnet.Range", f"The CIDR '{cidr_block}' is invalid.")
    if cidrs.overlaps(network, (one for subnet in of_vpc(call, vpc.vpc_id) for one in subnet.ranges())):
        raise Fault("InvalidSubnet.Conflict", f"The CIDR '{network}' conflicts with another subnet")
    return network


@ec2.operation
def create_default_subnet(
    call: Call, availability_zone: str = "", availability_zone_id: str = "", ipv6_native: bool = False
) -> Members:
    """Make the default subnet of a zone anew, perhaps of IPv6 alone."""
    if not availability_zone and not availability_zone_id:
        raise missing("availabilityZone", "availabilityZoneId")
    zone = zones.zone(call, availability_zone, availability_zone_id)
    vpc = default_vpc(call)
    if vpc is None:
        raise Fault("DefaultVpcDoesNotExist", "No default VPC exists for this account in this region.")
    if found := default_subnet(call, zone.name):
        text = f"A default subnet already exists in {zone.name}: {found.subnet_id}."
        raise Fault("DefaultSubnetAlreadyExistsInAvailabilityZone", text)
    made = default_of_ipv6(call, vpc, zone) if ipv6_native else make_default(call, vpc, zone)
    return {"Subnet": shown(call, made)}


def default_of_ipv6(call: Call, vpc: Vpc, zone: zones.Zone) -> Subnet:
    """A default subnet of IPv6 alone: the first /64 that is free."""
    spaces = [IPv6Network(one.ipv6_cidr_block) for one in vpc.ipv6_cidr_blocks]
    taken = [ip_network(block) for one in of_vpc(call, vpc.vpc_id) for block in one.ranges()]
    block = first_free(spaces, taken, 64)
    if block is None:
        raise Fault("InvalidSubnet.Conflict", "There is no free IPv6 CIDR block for a default subnet.")
    subnet = make(
        call,
        vpc,
        zone,
        default_for_az=True,
        ipv6_native=True,
        assign_ipv6_address_on_creation=True,
        hostname_type="resource-name",
    )
    subnet_cidrs.add(call, vpc, subnet, str(block))
    return subnet


@ec2.operation
def delete_subnet(call: Call, subnet_id: str) -> None:
    """Delete a subnet in which there is no interface."""
    subnet = named(call, Subnet, subnet_id)
    if life.held(call, subnet):
        raise in_use(f"The subnet '{subnet_id}' has dependencies and cannot be deleted.")
    life.end(call, subnet)
    named(call, Subnet, subnet_id).delete(call)
    changes.changed(call, subnet.vpc_id)


# Attributes


@ec2.operation
def modify_subnet_attribute(
    call: Call,
    subnet_id: str,
    assign_ipv6_address_on_creation: dict[str, bool] = {},
    map_public_ip_on_launch: dict[str, bool] = {},
    enable_dns64: dict[str, bool] = {},
    private_dns_hostname_type_on_launch: str = "",
    enable_resource_name_dns_a_record_on_launch: dict[str, bool] = {},
    enable_resource_name_dns_aaaa_record_on_launch: dict[str, bool] = {},
) -> None:
    """Change one attribute of a subnet."""
    subnet = named(call, Subnet, subnet_id)
    given: dict[str, Any] = {
        "assign_ipv6_address_on_creation": assign_ipv6_address_on_creation.get("Value"),
        "map_public_ip_on_launch": map_public_ip_on_launch.get("Value"),
        "enable_dns64": enable_dns64.get("Value"),
        "hostname_type": private_dns_hostname_type_on_launch or None,
        "resource_name_a_record": enable_resource_name_dns_a_record_on_launch.get("Value"),
        "resource_name_aaaa_record": enable_resource_name_dns_aaaa_record_on_launch.get("Value"),
    }
    change(subnet, {name: value for name, value in given.items() if value is not None})
    check_ipv6(subnet)
    subnet.put(call)
    changes.changed(call, subnet.vpc_id)


def check_ipv6(subnet: Subnet) -> None:
    """What is of IPv6 needs a range of IPv6."""
    if subnet.ipv6_cidr_blocks:
        return
    for value, parameter in (
        (subnet.assign_ipv6_address_on_creation, "assignIpv6AddressOnCreation"),
        (subnet.enable_dns64, "enableDns64"),
        (subnet.resource_name_aaaa_record, "enableResourceNameDnsAAAARecordOnLaunch"),
    ):
        if value:
            text = f"Invalid value 'true' for {parameter}. Subnet doesn't have an IPv6 CIDR block associated."
            raise Fault("InvalidParameterValue", text)
