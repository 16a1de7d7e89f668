"""Ranges of public addresses that an account has brought (BYOIP): as far as their states go.

Nobody checks whether a range is the account's, and nothing is told to the internet. What is brought to IPAM is told of
here as well.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, paged
from pileus.services.ec2.faults import bad_value
from pileus.services.ec2.kinds import named, new_id
from pileus.services.ec2.tags import specified

from .address_pools import PublicIpv4Pool
from .ipv6_pools import Ipv6Pool, associated

PENDING, PROVISIONED, ADVERTISED = "pending-provision", "provisioned", "advertised"
HIDDEN = "provisioned-not-publicly-advertisable"

PROVISIONING = 60.0
"""How many seconds a range takes until it is provisioned; AWS takes days."""
AMAZON_ASN = "16509"
"""Who tells the internet of a range that has no autonomous system of its own."""


class ByoipCidr(Record):
    """A range of addresses that the account has brought."""

    cidr: str
    pool_id: str
    network_border_group: str
    description: str = ""
    state: str = PENDING
    advertisable: bool = True
    ipam_pool_id: str = ""
    """The pool of IPAM that has it."""
    asns: list[str] = []
    """The autonomous systems that may tell of it."""
    asn: str = ""
    """The one that does."""


@ec2.operation(honours=["CidrAuthorizationContext"])
def provision_byoip_cidr(
    call: Call,
    cidr: str,
    description: str = "",
    publicly_advertisable: bool = True,
    network_border_group: str = "",
    pool_tag_specifications: list[dict[str, Any]] = [],
) -> Members:
    """Bring a range, which becomes a pool of its own: of /24 or more, or of /48; of /60 if nobody is told of it."""
    network = parsed(cidr)
    longest = 24 if network.version == 4 else 48 if publicly_advertisable else 60
    if network.prefixlen > longest or ByoipCidr.get(call, str(network)):
        raise bad_value("cidr", cidr)
    group = network_border_group or call.region
    pool: PublicIpv4Pool | Ipv6Pool
    if network.version == 4:
        tags = specified(pool_tag_specifications, "ipv4pool-ec2")
        pool = PublicIpv4Pool(new_id(PublicIpv4Pool), group, description=description, tags=tags).put(call)
    else:
        tags = specified(pool_tag_specifications, "ipv6pool-ec2")
        pool = Ipv6Pool(new_id(Ipv6Pool), description, tags=tags).put(call)
    made = ByoipCidr(str(network), pool.pool_id, group, description, advertisable=publicly_advertisable).put(call)
    byoip_provisioned.later(call, delay=PROVISIONING, cidr=made.cidr)
    return {"ByoipCidr": shown(made)}


def parsed(cidr: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(cidr)
    except ValueError:
        raise bad_value("cidr", cidr, "This is not a valid CIDR block.") from None


def pool_of(call: Call, one: ByoipCidr) -> PublicIpv4Pool | Ipv6Pool:
    return named(call, Ipv6Pool, one.pool_id) if ":" in one.cidr else named(call, PublicIpv4Pool, one.pool_id)


@ec2.task
def byoip_provisioned(call: Call, cidr: str) -> None:
    """A range that was brought can be used from now on."""
    found = ByoipCidr.get(call, cidr)
    if found is None or found.state != PENDING:
        return
    found.state = PROVISIONED if found.advertisable else HIDDEN
    found.put(call)
    if found.pool_id:
        pool = pool_of(call, found)
        pool.ranges.append(cidr)
        pool.put(call)


def shown(one: ByoipCidr) -> Members:
    return {
        "Cidr": one.cidr,
        "Description": one.description or None,
        "State": one.state,
        "StatusMessage": (one.pool_id or None) if one.state != PENDING else None,
        "PoolId": one.pool_id or None,
        "IpamPoolId": one.ipam_pool_id or None,
        "NetworkBorderGroup": one.network_border_group,
        "AdvertisementType": "unicast",
        "AsnAssociations": [{"Asn": asn, "Cidr": one.cidr, "State": "associated"} for asn in one.asns],
    }


@ec2.operation
def describe_byoip_cidrs(call: Call, max_results: int, next_token: str = "") -> Members:
    """The ranges that an account has brought."""
    return paged(call, "ByoipCidrs", map(shown, ByoipCidr.scan(call)), max_results, next_token)


def brought(call: Call, cidr: str, *states: str) -> ByoipCidr:
    found = ByoipCidr.get(call, cidr)
    if found is None:
        raise Fault("InvalidByoipCidr.NotFound", f"The CIDR {cidr} was not found.")
    if states and found.state not in states:
        raise Fault("IncorrectState", f"The CIDR {cidr} is in the state {found.state}.")
    return found


@ec2.operation
def advertise_byoip_cidr(call: Call, cidr: str, asn: str = "", network_border_group: str = "") -> Members:
    """Tell the internet of a range, in the name of Amazon or of an autonomous system of its own."""
    found = brought(call, cidr, PROVISIONED, ADVERTISED, HIDDEN)
    if not found.advertisable:
        raise bad_value("cidr", cidr, "The CIDR is not publicly advertisable.")
    if asn and asn not in (*found.asns, AMAZON_ASN):
        raise bad_value("asn", asn, f"The ASN is not associated with the CIDR {cidr}.")
    if network_border_group not in ("", found.network_border_group):
        raise bad_value("networkBorderGroup", network_border_group)
    found.state, found.asn = ADVERTISED, asn or AMAZON_ASN
    return {"ByoipCidr": shown(found.put(call))}


@ec2.operation
def withdraw_byoip_cidr(call: Call, cidr: str) -> Members:
    """Tell the internet no more of a range."""
    found = brought(call, cidr, PROVISIONED, ADVERTISED)
    found.state, found.asn = PROVISIONED, ""
    return {"ByoipCidr": shown(found.put(call))}


@ec2.operation
def deprovision_byoip_cidr(call: Call, cidr: str) -> Members:
    """Take a range back of which nobody has an address."""
    found = brought(call, cidr, PENDING, PROVISIONED, HIDDEN)
    if found.ipam_pool_id:
        raise Fault("UnsupportedOperation", f"The CIDR {cidr} is managed by the IPAM pool {found.ipam_pool_id}.")
    pool = pool_of(call, found)
    if pool.used if isinstance(pool, PublicIpv4Pool) else associated(call, pool.pool_id):
        raise Fault("IncorrectState", f"The CIDR {cidr} has allocated addresses.")
    pool.delete(call)
    found.delete(call)
    return {"ByoipCidr": shown(found) | {"State": "pending-deprovision"}}
