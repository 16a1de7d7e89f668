"""Further ranges of a VPC's addresses: secondary ones, and IPv6.

IPv6 may be Amazon's, of a range that the account has brought (BYOIP), or of IPAM.
"""

from __future__ import annotations

from ipaddress import IPv4Network

from pileus.kernel import Call, Fault
from pileus.services.ec2 import ec2
from pileus.services.ec2.connectivity import ipam_allocations as ipam
from pileus.services.ec2.connectivity import ipam_pools
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import limit, missing
from pileus.services.ec2.kinds import named

from . import associations, cidrs, ipv6_pools, limits, public_ranges
from .vpcs import (
    CIDR_ASSOCIATION,
    CidrBlock,
    Ipv6CidrBlock,
    Vpc,
    life,
    range_changed,
    shown_cidr,
    shown_ipv6,
)

TEN, TWELVE, SIXTEEN = IPv4Network("10.0.0.0/8"), IPv4Network("172.16.0.0/12"), IPv4Network("192.168.0.0/16")
BENCHMARKS, CARRIER, OWN = IPv4Network("198.19.0.0/16"), IPv4Network("100.64.0.0/10"), IPv4Network("169.254.0.0/16")

RESTRICTED = {
    TEN: (TWELVE, SIXTEEN, BENCHMARKS),
    OWN: (TEN, TWELVE, SIXTEEN, BENCHMARKS, CARRIER),
    TWELVE: (TEN, SIXTEEN, BENCHMARKS),
    SIXTEEN: (TEN, TWELVE, BENCHMARKS),
    BENCHMARKS: (TEN, TWELVE, SIXTEEN),
    CARRIER: (TEN, TWELVE, SIXTEEN, BENCHMARKS),
}
"""What may not be added to a VPC whose primary range is in these (User Guide, "IPv4 CIDR block restrictions")."""


@ec2.operation
def associate_vpc_cidr_block(
    call: Call,
    vpc_id: str,
    cidr_block: str = "",
    amazon_provided_ipv6_cidr_block: bool = False,
    ipv6_cidr_block_network_border_group: str = "",
    ipv4_ipam_pool_id: str = "",
    ipv4_netmask_length: int | None = None,
    ipv6_ipam_pool_id: str = "",
    ipv6_netmask_length: int | None = None,
    ipv6_cidr_block: str = "",
    ipv6_pool: str = "",
) -> Members:
    """Add a range to a VPC: of IPv4, of Amazon's IPv6 addresses or one's own, or out of a pool of IPAM."""
    vpc = named(call, Vpc, vpc_id)
    if amazon_provided_ipv6_cidr_block or ipv6_ipam_pool_id or ipv6_pool:
        if ipv6_pool:
            added = brought(call, vpc, ipv6_pool, ipv6_cidr_block, ipv6_cidr_block_network_border_group)
        elif ipv6_ipam_pool_id:
            added = out_of_pool(call, vpc, ipv6_ipam_pool_id, ipv6_cidr_block, ipv6_netmask_length)
        else:
            added = amazon_provided(call, vpc, ipv6_cidr_block_network_border_group)
        shown = shown_ipv6(added) | {"Ipv6CidrBlockState": {"State": "associating"}}
        return {"VpcId": vpc_id, "Ipv6CidrBlockAssociation": shown}
    if ipv4_ipam_pool_id:
        cidr_block = ipam.take(call, ipv4_ipam_pool_id, cidr_block, ipv4_netmask_length, vpc_id, vpc.tags)
    if not cidr_block:
        raise missing("cidrBlock", "amazonProvidedIpv6CidrBlock")
    one = add(call, vpc, checked(vpc, cidr_block), ipv4_ipam_pool_id)
    return {"VpcId": vpc_id, "CidrBlockAssociation": shown_cidr(one) | {"CidrBlockState": {"State": "associating"}}}


def checked(vpc: Vpc, cidr_block: str) -> str:
    """A range that may be added to a VPC, in its canonical form."""
    network = cidrs.ipv4(cidr_block)
    if not 16 <= network.prefixlen <= 28:
        raise Fault("InvalidVpc.Range", f"The CIDR '{cidr_block}' is invalid.")
    if cidrs.overlaps(network, vpc.ranges()):
        raise Fault("InvalidVpc.Conflict", f"The CIDR '{network}' conflicts with another CIDR of the VPC {vpc.vpc_id}.")
    primary = IPv4Network(vpc.cidr_block)
    for around, banned in RESTRICTED.items():
        if primary.subnet_of(around) and any(network.overlaps(one) for one in (*banned, OWN)):
            raise Fault(
                "InvalidVpc.Range",
                f"The CIDR '{network}' is restricted. Use a CIDR from the same private address range as the current "
                "VPC CIDR, or use a publicly-routable CIDR. For additional restrictions, see "
                "https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html",
            )
    if len(vpc.cidr_blocks) >= limits.IPV4_CIDRS:
        raise limit("CidrLimit", f"This network '{vpc.vpc_id}' has met its maximum number of allowed CIDRs: 5")
    return str(network)


def add(call: Call, vpc: Vpc, cidr_block: str, ipam_pool_id: str = "") -> CidrBlock:
    association_id = associations.associate(call, CIDR_ASSOCIATION, vpc.vpc_id)
    one = CidrBlock(association_id, cidr_block, ipam_pool_id=ipam_pool_id)
    vpc.cidr_blocks.append(one)
    vpc.put(call)
    range_changed(call, vpc, cidr_block)
    return one


def amazon_provided(call: Call, vpc: Vpc, network_border_group: str = "") -> Ipv6CidrBlock:
    """Give a VPC a /56 out of Amazon's pool."""
    check_ipv6(vpc)
    found = public_ranges.take_ipv6(call)
    return add_ipv6(call, vpc, Ipv6CidrBlock("", found, network_border_group or call.region))


def out_of_pool(call: Call, vpc: Vpc, ipam_pool_id: str, cidr: str, length: int | None) -> Ipv6CidrBlock:
    """Give a VPC a range of IPv6 out of a pool of IPAM."""
    check_ipv6(vpc)
    found = ipam.take(call, ipam_pool_id, cidr, length, vpc.vpc_id, vpc.tags)
    source = "amazon" if ipam_pools.seen(call, ipam_pool_id)[1].ip_source == ipam_pools.AMAZON else "byoip"
    return add_ipv6(call, vpc, Ipv6CidrBlock("", found, call.region, "IPAM Managed", source, ipam_pool_id=ipam_pool_id))


def brought(call: Call, vpc: Vpc, pool_id: str, wanted: str, network_border_group: str) -> Ipv6CidrBlock:
    """Give a VPC a /56 of a range that the account has brought."""
    check_ipv6(vpc)
    found = ipv6_pools.take(call, pool_id, wanted)
    return add_ipv6(call, vpc, Ipv6CidrBlock("", found, network_border_group or call.region, pool_id, "byoip"))


def check_ipv6(vpc: Vpc) -> None:
    if len(vpc.ipv6_cidr_blocks) >= limits.IPV6_CIDRS:
        raise limit("CidrLimit", f"This network '{vpc.vpc_id}' has met its maximum number of allowed IPv6 CIDRs: 5")


def add_ipv6(call: Call, vpc: Vpc, one: Ipv6CidrBlock) -> Ipv6CidrBlock:
    one.association_id = associations.associate(call, CIDR_ASSOCIATION, vpc.vpc_id)
    vpc.ipv6_cidr_blocks.append(one)
    vpc.put(call)
    range_changed(call, vpc, one.ipv6_cidr_block)
    return one


@ec2.operation
def disassociate_vpc_cidr_block(call: Call, association_id: str) -> Members:
    """Take a range from a VPC, but not the primary one, and none that a subnet uses."""
    found = associations.find(call, association_id, CIDR_ASSOCIATION)
    if found is None:
        text = f"The vpc CIDR block association ID '{association_id}' does not exist"
        raise Fault("InvalidVpcCidrBlockAssociationID.NotFound", text)
    vpc = named(call, Vpc, found.holder)
    for one in vpc.cidr_blocks[:1]:
        if one.association_id == association_id:
            raise Fault(
                "OperationNotPermitted",
                f"The vpc CIDR block with association ID {association_id} may not be disassociated. It is the primary "
                "IPv4 CIDR block of the VPC",
            )
    for four in vpc.cidr_blocks:
        if four.association_id == association_id:
            vpc.cidr_blocks.remove(four)
            removed(call, vpc, association_id, four.cidr_block)
            give_back(call, vpc, four.ipam_pool_id, four.cidr_block)
            shown = shown_cidr(four) | {"CidrBlockState": {"State": "disassociating"}}
            return {"VpcId": vpc.vpc_id, "CidrBlockAssociation": shown}
    six = next(one for one in vpc.ipv6_cidr_blocks if one.association_id == association_id)
    vpc.ipv6_cidr_blocks.remove(six)
    removed(call, vpc, association_id, six.ipv6_cidr_block)
    give_back(call, vpc, six.ipam_pool_id, six.ipv6_cidr_block)
    shown = shown_ipv6(six) | {"Ipv6CidrBlockState": {"State": "disassociating"}}
    return {"VpcId": vpc.vpc_id, "Ipv6CidrBlockAssociation": shown}


def removed(call: Call, vpc: Vpc, association_id: str, cidr_block: str) -> None:
    vpc.put(call)
    associations.dissolve(call, association_id)
    range_changed(call, vpc, cidr_block, gone=True)


def give_back(call: Call, vpc: Vpc, ipam_pool_id: str, cidr_block: str) -> None:
    """Give a range back to the pool that it came out of, if it is still there."""
    if ":" in cidr_block and not ipam_pool_id:  # which does nothing to one of the account's own
        public_ranges.give_back(call, cidr_block)
    ipam.give_back(call, ipam_pool_id, vpc.vpc_id, cidr_block)


@life.ends_with
def end(call: Call, vpc: Vpc) -> None:
    """A VPC's ranges are anybody's again."""
    for four in vpc.cidr_blocks:
        associations.dissolve(call, four.association_id)
        give_back(call, vpc, four.ipam_pool_id, four.cidr_block)
    for six in vpc.ipv6_cidr_blocks:
        associations.dissolve(call, six.association_id)
        give_back(call, vpc, six.ipam_pool_id, six.ipv6_cidr_block)
