"""IPv6 ranges of subnets, and reservations of parts of a subnet."""

from __future__ import annotations

from ipaddress import IPv6Network, ip_network

from pileus.kernel import Call, Fault
from pileus.services.ec2 import ec2
from pileus.services.ec2.connectivity import ipam_allocations as ipam
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import missing
from pileus.services.ec2.kinds import named

from . import associations, changes, cidrs
from .leases import Lease
from .subnets import Ipv6Block, Subnet, life, of_vpc, shown_ipv6
from .vpcs import Vpc

PREFIX = "subnet-cidr-assoc"


def planned(
    call: Call, vpc: Vpc, subnet_id: str, pool: str, cidr: str, length: int | None, tags: dict[str, str]
) -> str:
    """A range for a subnet out of a pool of IPAM that has its VPC's addresses."""
    taken = [ip_network(block) for one in of_vpc(call, vpc.vpc_id) for block in one.ranges()]
    return ipam.take(call, pool, cidr, length, subnet_id, tags, vpc.vpc_id, taken)


def add(call: Call, vpc: Vpc, subnet: Subnet, ipv6_cidr_block: str, ipam_pool_id: str = "") -> Ipv6Block:
    """Give a subnet a range of its VPC's IPv6 addresses: /44 to /64 in steps of four."""
    network = cidrs.ipv6(ipv6_cidr_block)
    if network.prefixlen not in range(44, 65, 4) or not cidrs.within(network, vpc.ranges()):
        raise Fault("InvalidSubnet.Range", f"The CIDR '{ipv6_cidr_block}' is invalid.")
    if cidrs.overlaps(network, (one for other in of_vpc(call, vpc.vpc_id) for one in other.ranges())):
        raise Fault("InvalidSubnet.Conflict", f"The CIDR '{network}' conflicts with another subnet")
    association_id = associations.associate(call, PREFIX, subnet.subnet_id)
    one = Ipv6Block(association_id, str(network), ipam_pool_id=ipam_pool_id)
    subnet.ipv6_cidr_blocks.append(one)
    subnet.put(call)
    changes.changed(call, vpc.vpc_id)
    return one


@ec2.operation
def associate_subnet_cidr_block(
    call: Call,
    subnet_id: str,
    ipv6_cidr_block: str = "",
    ipv6_ipam_pool_id: str = "",
    ipv6_netmask_length: int | None = None,
) -> Members:
    """Give a subnet an IPv6 range; it has one at most."""
    subnet = named(call, Subnet, subnet_id)
    if not ipv6_cidr_block and not ipv6_ipam_pool_id:
        raise missing("ipv6CidrBlock")
    if subnet.ipv6_cidr_blocks:
        raise Fault("InvalidSubnet.Conflict", f"The subnet '{subnet_id}' already has an IPv6 CIDR block associated.")
    vpc = named(call, Vpc, subnet.vpc_id)
    if pool := ipv6_ipam_pool_id:
        asked = (ipv6_cidr_block, ipv6_netmask_length)
        ipv6_cidr_block = planned(call, vpc, subnet_id, pool, *asked, subnet.tags)
    one = add(call, vpc, subnet, ipv6_cidr_block, ipv6_ipam_pool_id)
    shown = shown_ipv6(one) | {"Ipv6CidrBlockState": {"State": "associating"}}
    return {"SubnetId": subnet_id, "Ipv6CidrBlockAssociation": shown}


@ec2.operation
def disassociate_subnet_cidr_block(call: Call, association_id: str) -> Members:
    """Take the IPv6 range from a subnet, of which no interface has an address."""
    subnet = named(call, Subnet, associations.holder(call, association_id, PREFIX))
    one = next(one for one in subnet.ipv6_cidr_blocks if one.association_id == association_id)
    network = IPv6Network(one.ipv6_cidr_block)
    first, last = network.network_address.packed, network.broadcast_address.packed
    if Lease.first(call, subnet.subnet_id, since=(first,), upto=(last,)):
        text = f"The subnet {subnet.subnet_id} has network interfaces with addresses in {one.ipv6_cidr_block}"
        raise Fault("InvalidCidrBlock.InUse", text)
    subnet.ipv6_cidr_blocks.remove(one)
    subnet.put(call)
    associations.dissolve(call, association_id)
    ipam.give_back(call, one.ipam_pool_id, subnet.subnet_id, one.ipv6_cidr_block)
    changes.changed(call, subnet.vpc_id)
    shown = shown_ipv6(one) | {"Ipv6CidrBlockState": {"State": "disassociating"}}
    return {"SubnetId": subnet.subnet_id, "Ipv6CidrBlockAssociation": shown}


@life.ends_with
def dissolve(call: Call, subnet: Subnet) -> None:
    ipam.give_back(call, subnet.ipam_pool_id, subnet.subnet_id, subnet.cidr_block)
    for one in subnet.ipv6_cidr_blocks:
        associations.dissolve(call, one.association_id)
        ipam.give_back(call, one.ipam_pool_id, subnet.subnet_id, one.ipv6_cidr_block)
