"""Subnets: parts of a VPC's addresses, each in one zone.

The first four addresses and the last one are AWS's own; how many are free is counted as they are taken and given back.

Left out: local network interfaces of Outposts, and addresses of the premises by themselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, ip_network
from typing import Any

import msgspec

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.connectivity import homes
from pileus.services.ec2.describing import Members, described
from pileus.services.ec2.kinds import BY_RECORD, kind, named, new_id
from pileus.services.ec2.tags import shown_tags

from . import changes, cidrs, public_access, sharing, vpcs, zones
from .life import Life
from .vpcs import Vpc, default_life, default_vpc, follows_ranges, sees, settled
from .vpcs import life as vpc_life

RESERVED = 5
"""Addresses of every subnet that AWS keeps: network, router, name server, one in reserve, broadcast."""


class Ipv6Block(msgspec.Struct):
    """A range of IPv6 addresses of a subnet."""

    association_id: str
    ipv6_cidr_block: str
    state: str = "associated"
    ipam_pool_id: str = ""
    """The pool of IPAM out of which it came."""


@kind("subnet", "subnet", missing=("InvalidSubnetID.NotFound", "The subnet ID '{}' does not exist"))
class Subnet(
    Record,
    arn="subnet/{subnet_id}",
    cfn="AWS::EC2::Subnet",
    indexes={"of_vpc": ("vpc_id",), "of_acl": ("network_acl_id",)},
):
    subnet_id: str
    owner_id: str
    vpc_id: str
    availability_zone: str
    availability_zone_id: str
    cidr_block: str = ""
    """Empty in a subnet of IPv6 alone."""
    leased: int = 0
    """How many of its IPv4 addresses somebody has."""
    ipv6_cidr_blocks: list[Ipv6Block] = []
    network_acl_id: str = ""
    network_acl_association_id: str = ""
    default_for_az: bool = False
    map_public_ip_on_launch: bool = False
    assign_ipv6_address_on_creation: bool = False
    enable_dns64: bool = False
    ipv6_native: bool = False
    hostname_type: str = "ip-name"
    resource_name_a_record: bool = False
    resource_name_aaaa_record: bool = False
    subnet_arn: str = ""
    outpost_arn: str = ""
    ipam_pool_id: str = ""
    """The pool of IPAM out of which its IPv4 addresses came."""
    tags: dict[str, str] = {}

    @property
    def available(self) -> int:
        """How many addresses are free."""
        return IPv4Network(self.cidr_block).num_addresses - RESERVED - self.leased if self.cidr_block else 0

    def ranges(self) -> list[str]:
        return [*filter(None, [self.cidr_block]), *(one.ipv6_cidr_block for one in self.ipv6_cidr_blocks)]


life = Life[Subnet]()


FILTERS = Filters(
    {
        "availability-zone": "availability_zone",
        "availabilityZone": "availability_zone",
        "availability-zone-id": "availability_zone_id",
        "availabilityZoneId": "availability_zone_id",
        "available-ip-address-count": "available",
        "cidr-block": "cidr_block",
        "cidr": "cidr_block",
        "cidrBlock": "cidr_block",
        "customer-owned-ipv4-pool": lambda subnet: None,
        "default-for-az": "default_for_az",
        "defaultForAz": "default_for_az",
        "enable-dns64": "enable_dns64",
        "enable-lni-at-device-index": lambda subnet: None,
        "ipv6-cidr-block-association.ipv6-cidr-block": "ipv6_cidr_blocks.ipv6_cidr_block",
        "ipv6-cidr-block-association.association-id": "ipv6_cidr_blocks.association_id",
        "ipv6-cidr-block-association.state": "ipv6_cidr_blocks.state",
        "ipv6-native": "ipv6_native",
        "map-customer-owned-ip-on-launch": lambda subnet: False,
        "map-public-ip-on-launch": "map_public_ip_on_launch",
        "outpost-arn": lambda subnet: subnet.outpost_arn or None,
        "owner-id": "owner_id",
        "private-dns-name-options-on-launch.hostname-type": "hostname_type",
        "private-dns-name-options-on-launch.enable-resource-name-dns-a-record": "resource_name_a_record",
        "private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record": "resource_name_aaaa_record",
        "state": lambda subnet: "available",
        "subnet-arn": "subnet_arn",
        "subnet-id": "subnet_id",
        "vpc-id": "vpc_id",
    }
)


# Those of others


SHARED = "ec2:Subnet"


@ec2.shareable(SHARED)
def shareable(call: Call, arn: str) -> bool:
    """Whether an ARN is that of a subnet of the account, and none of the default VPC."""
    kind_name, _, what = arn.rpartition(":")[2].partition("/")
    found = Subnet.get(call, what) if kind_name == "subnet" else None
    if found and found.default_for_az:
        raise Fault("OperationNotPermitted", "You cannot share a default subnet.")
    return found is not None


def seen(call: Call, subnet_id: str) -> Subnet:
    """A subnet of the account, or one that another account shares with it."""
    if found := Subnet.get(call, subnet_id):
        return found
    found = Subnet.get(sharing.home(call, subnet_id), subnet_id)
    if found is None or not sharing.given(call, found.subnet_arn):
        BY_RECORD[Subnet].check(subnet_id)
        raise BY_RECORD[Subnet].absent(subnet_id)
    return found


def at_home(call: Call, subnet_id: str) -> Subnet:
    """The subnet of an interface that the account has, whoever's the subnet is."""
    return named(sharing.home(call, subnet_id), Subnet, subnet_id)


def received(call: Call) -> list[Subnet]:
    """The subnets that other accounts share with this one; their tags are not shared."""
    theirs = (Subnet.get(sharing.home(call, what), what) for what in sharing.received(call, SHARED))
    return [msgspec.structs.replace(one, tags={}) for one in theirs if one and one.owner_id != call.account]


def seen_vpc(call: Call, vpc_id: str) -> Vpc:
    """A VPC of the account, or one of which another account shares a subnet with it."""
    if found := Vpc.get(call, vpc_id):
        return found
    if any(one.vpc_id == vpc_id for one in received(call)):
        return vpcs.at_home(call, vpc_id)
    BY_RECORD[Vpc].check(vpc_id)
    raise BY_RECORD[Vpc].absent(vpc_id)


@sees
def received_vpcs(call: Call) -> list[Vpc]:
    """The VPCs of the subnets that others share with the account."""
    ids = dict.fromkeys(one.vpc_id for one in received(call))
    theirs = (Vpc.get(sharing.home(call, what), what) for what in ids)
    return [msgspec.structs.replace(one, tags={}) for one in theirs if one]


@life.begins_with
def settle(call: Call, subnet: Subnet) -> None:
    """What may be shared has to be found by others."""
    if not subnet.default_for_az:
        homes.settle(call, subnet.subnet_id)


@life.ends_with
def leave(call: Call, subnet: Subnet) -> None:
    homes.leave(call, subnet.subnet_id)


@vpc_life.begins_with
def settle_vpc(call: Call, vpc: Vpc) -> None:
    if not vpc.is_default:
        homes.settle(call, vpc.vpc_id)


@vpc_life.ends_with
def leave_vpc(call: Call, vpc: Vpc) -> None:
    homes.leave(call, vpc.vpc_id)
    sharing.Guest.delete_all(call, vpc.vpc_id)


# Default subnets


@default_life.begins_with
def default_subnets(call: Call, vpc: Vpc) -> None:
    """The default VPC has a subnet in every Availability Zone."""
    for zone in zones.availability_zones(call):
        make_default(call, vpc, zone)


def make_default(call: Call, vpc: Vpc, zone: zones.Zone) -> Subnet:
    """A default subnet: the first /20 of the default VPC that is free."""
    taken = [subnet.cidr_block for subnet in of_vpc(call, vpc.vpc_id) if subnet.cidr_block]
    free = (part for part in IPv4Network(vpc.cidr_block).subnets(new_prefix=20) if not cidrs.overlaps(part, taken))
    network = next(free, None)
    if network is None:
        raise Fault("InvalidSubnet.Conflict", "There is no free CIDR block for a default subnet.")
    return make(call, vpc, zone, cidr_block=str(network), default_for_az=True, map_public_ip_on_launch=True)


def default_subnet(call: Call, zone: str = "") -> Subnet | None:
    """The default subnet of a zone, or the first one; None if there is none."""
    vpc = default_vpc(call)
    found = [one for one in of_vpc(call, vpc.vpc_id) if one.default_for_az] if vpc else []
    return min(
        (one for one in found if not zone or one.availability_zone == zone),
        key=lambda one: one.availability_zone,
        default=None,
    )


def of_vpc(call: Call, vpc_id: str) -> Iterable[Subnet]:
    return Subnet.scan(call, vpc_id, index="of_vpc")


def make(call: Call, vpc: Vpc, zone: zones.Zone, subnet_id: str = "", **particulars: Any) -> Subnet:
    subnet = Subnet(
        subnet_id=subnet_id or new_id(Subnet),
        owner_id=call.account,
        vpc_id=vpc.vpc_id,
        availability_zone=zone.name,
        availability_zone_id=zone.id,
        **particulars,
    )
    subnet.subnet_arn = subnet.arn(call)
    life.begin(call, subnet)
    subnet.put(call)
    changes.changed(call, vpc.vpc_id)
    return subnet


@ec2.operation
def describe_subnets(
    call: Call,
    subnet_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """An account's subnets, and those that others share with it."""
    settled(call)
    theirs = received(call)
    return described(
        call, Subnet, FILTERS, "Subnets", shown, subnet_ids, filters, max_results, next_token, others=theirs
    )


def shown(call: Call, subnet: Subnet) -> Members:
    return {
        "SubnetId": subnet.subnet_id,
        "SubnetArn": subnet.subnet_arn,
        "OutpostArn": subnet.outpost_arn or None,
        "OwnerId": subnet.owner_id,
        "VpcId": subnet.vpc_id,
        "State": "available",
        "CidrBlock": subnet.cidr_block or None,
        "AvailableIpAddressCount": subnet.available,
        "AvailabilityZone": subnet.availability_zone,
        "AvailabilityZoneId": subnet.availability_zone_id,
        "DefaultForAz": subnet.default_for_az,
        "BlockPublicAccessStates": {
            "InternetGatewayBlockMode": public_access.blocked(call, subnet.vpc_id, subnet.subnet_id)
        },
        "MapPublicIpOnLaunch": subnet.map_public_ip_on_launch,
        "MapCustomerOwnedIpOnLaunch": False,
        "AssignIpv6AddressOnCreation": subnet.assign_ipv6_address_on_creation,
        "Ipv6CidrBlockAssociationSet": [shown_ipv6(one) for one in subnet.ipv6_cidr_blocks],
        "Ipv6Native": subnet.ipv6_native,
        "EnableDns64": subnet.enable_dns64,
        "PrivateDnsNameOptionsOnLaunch": {
            "HostnameType": subnet.hostname_type,
            "EnableResourceNameDnsARecord": subnet.resource_name_a_record,
            "EnableResourceNameDnsAAAARecord": subnet.resource_name_aaaa_record,
        },
        "Tags": shown_tags(subnet.tags) or None,
    }


def shown_ipv6(one: Ipv6Block) -> Members:
    return {
        "AssociationId": one.association_id,
        "Ipv6CidrBlock": one.ipv6_cidr_block,
        "Ipv6CidrBlockState": {"State": one.state},
        "Ipv6AddressAttribute": "public",
        "IpSource": "amazon",
    }


@vpc_life.holds
def holds_vpc(call: Call, vpc: Vpc) -> bool:
    return Subnet.first(call, vpc.vpc_id, index="of_vpc") is not None


@follows_ranges
def keep_range(call: Call, vpc: Vpc, cidr_block: str, gone: bool) -> None:
    """A range that a subnet uses cannot go."""
    if gone and any(
        cidrs.within(ip_network(used), [cidr_block]) for subnet in of_vpc(call, vpc.vpc_id) for used in subnet.ranges()
    ):
        text = f"The vpc {vpc.vpc_id} currently has a subnet within CIDR block {cidr_block}"
        raise Fault("InvalidCidrBlock.InUse", text)
