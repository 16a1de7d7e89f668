"""Between IPAM and the ranges that one has brought: moved into pools of IPAM, given to pools for EC2, and their ASNs.

Whether an autonomous system is the account's nobody checks: the signed message is believed.
"""

from __future__ import annotations

from ipaddress import IPv4Network

from pileus.kernel import Call, Fault
from pileus.kernel.names import hex_id
from pileus.kernel.resource import Resource, Row
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import bad_value, in_use
from pileus.services.ec2.kinds import named
from pileus.services.ec2.network import cidrs, public_ranges
from pileus.services.ec2.network.address_pools import PublicIpv4Pool, shown_range
from pileus.services.ec2.network.byoip import ADVERTISED, PROVISIONED, ByoipCidr, brought, shown

from . import ipam_space
from .ipam_allocations import EC2_POOL, Allocation, allocate, blocks, give_back
from .ipam_pools import AMAZON, IpamPool, PoolCidr, seen
from .ipams import Ipam

SHORTEST = 24
"""A pool for EC2 gets no larger blocks."""


@ec2.operation
def move_byoip_cidr_to_ipam(call: Call, cidr: str, ipam_pool_id: str, ipam_pool_owner: str) -> Members:
    """Let a pool of IPAM have a range that the account has brought; its pool for EC2 has it of that one then."""
    found = brought(call, cidr, PROVISIONED, ADVERTISED)
    there, pool = seen(call, ipam_pool_id)
    if pool.owner != ipam_pool_owner:
        raise bad_value("IpamPoolOwner", ipam_pool_owner)
    if found.ipam_pool_id:
        raise Fault("IncorrectState", f"The CIDR {cidr} is already in the IPAM pool {found.ipam_pool_id}.")
    if (pool.scope_type, pool.family, pool.locale, pool.source_pool) != ("public", "ipv4", call.region, ""):
        text = f"The pool must be a top-level public IPv4 pool with the locale {call.region}."
        raise bad_value("IpamPoolId", ipam_pool_id, text)
    if any(ipam_space.overlaps(IPv4Network(cidr), one) for one in blocks(there, ipam_pool_id)):
        raise bad_value("Cidr", cidr, f"The CIDR overlaps with a CIDR in {ipam_pool_id}.")
    PoolCidr(pool=ipam_pool_id, cidr=cidr, cidr_id=hex_id("ipam-pool-cidr")).put(there)
    _given(call, there, pool, found.pool_id, cidr)
    found.ipam_pool_id = ipam_pool_id
    return {"ByoipCidr": shown(found.put(call))}


def _given(call: Call, there: Call, pool: IpamPool, pool_id: str, cidr: str, length: int | None = None) -> Allocation:
    made = allocate(there, pool, cidr, length, EC2_POOL, pool_id)
    made.resource_owner, made.resource_region = call.account, call.region
    return made.put(there)


@ec2.operation
def provision_public_ipv4_pool_cidr(
    call: Call, ipam_pool_id: str, pool_id: str, netmask_length: int, network_border_group: str = ""
) -> Members:
    """Give a pool for EC2 a block out of a pool of IPAM."""
    there, pool = seen(call, ipam_pool_id)
    target = named(call, PublicIpv4Pool, pool_id)
    if netmask_length < SHORTEST:
        raise bad_value("NetmaskLength", netmask_length)
    if network_border_group not in ("", target.network_border_group):
        raise bad_value("NetworkBorderGroup", network_border_group)
    if (pool.scope_type, pool.locale) != ("public", call.region) or pool.ip_source == AMAZON:
        raise bad_value("IpamPoolId", ipam_pool_id, f"The pool has no addresses of one's own for {call.region}.")
    block = IPv4Network(_given(call, there, pool, pool_id, "", netmask_length).cidr)
    target.ranges.append(str(block))
    target.ipam_pools[str(block)] = ipam_pool_id
    target.put(call)
    return {"PoolId": pool_id, "PoolAddressRange": shown_range(block) | {"AvailableAddressCount": block.num_addresses}}


@ec2.operation
def deprovision_public_ipv4_pool_cidr(call: Call, pool_id: str, cidr: str) -> Members:
    """Take a block from a pool for EC2, of which no address is allocated."""
    pool = named(call, PublicIpv4Pool, pool_id)
    block = str(cidrs.ipv4(cidr, "Cidr"))
    if block not in pool.ranges:
        raise bad_value("Cidr", cidr, f"The CIDR is not provisioned to {pool_id}.")
    if any(public_ranges.Held.get(call, str(one)) for one in IPv4Network(block)):
        raise in_use(f"The CIDR {cidr} has allocated addresses.")
    pool.ranges.remove(block)
    give_back(call, pool.ipam_pools.pop(block, ""), pool_id, block)
    pool.put(call)
    return {"PoolId": pool_id, "DeprovisionedAddresses": [block]}


# Autonomous systems


class Byoasn(Resource, service=ec2):
    """An autonomous system number that an account has brought."""

    key = "Asn"
    create, list = "ProvisionIpamByoasn", "DescribeIpamByoasn"
    exists = ("InvalidParameterValue", "The ASN {} is already provisioned.")
    missing = ("InvalidParameterValue", "The ASN {} is not provisioned.")
    states = "State: pending-provision -> provisioned after 60s"
    fields = {"AsnAuthorizationContext": None}

    @staticmethod
    def before_create(call: Call, row: Row) -> None:
        named(call, Ipam, row["IpamId"])
        number = int(row["Asn"]) if row["Asn"].isdigit() else 0
        if not 1 <= number < 4294967295 or 64512 <= number <= 65535 or number >= 4200000000:
            raise bad_value("Asn", row["Asn"], "It is not a public ASN.")


@ec2.operation
def deprovision_ipam_byoasn(call: Call, ipam_id: str, asn: str) -> Members:
    """Take an autonomous system back that tells of nothing."""
    row = Byoasn.named(call, asn)
    if row["IpamId"] != ipam_id:
        raise bad_value("IpamId", ipam_id, f"The ASN {asn} is provisioned to {row['IpamId']}.")
    if any(asn in one.asns for one in ByoipCidr.scan(call)):
        raise in_use(f"The ASN {asn} is associated with a CIDR.")
    row.delete(call)
    return {"Byoasn": {"Asn": asn, "IpamId": ipam_id, "State": "pending-deprovision"}}


@ec2.operation
def associate_ipam_byoasn(call: Call, asn: str, cidr: str) -> Members:
    """Let an autonomous system of the account tell of a range that it has brought."""
    found = brought(call, cidr)
    if Byoasn.named(call, asn)["State"] != "provisioned":
        raise Fault("IncorrectState", f"The ASN {asn} is not provisioned yet.")
    found.asns = [*dict.fromkeys([*found.asns, asn])]
    found.put(call)
    return {"AsnAssociation": {"Asn": asn, "Cidr": cidr, "State": "pending-association"}}


@ec2.operation
def disassociate_ipam_byoasn(call: Call, asn: str, cidr: str) -> Members:
    """Let it do so no longer; not while it does."""
    found = brought(call, cidr)
    if asn not in found.asns:
        raise bad_value("Asn", asn, f"The ASN is not associated with the CIDR {cidr}.")
    if found.asn == asn:
        raise Fault("IncorrectState", f"The CIDR {cidr} is advertised by the ASN {asn}.")
    found.asns.remove(asn)
    found.put(call)
    return {"AsnAssociation": {"Asn": asn, "Cidr": cidr, "State": "pending-disassociation"}}
