"""Ranges of addresses: reading them, and whether they fit."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from pileus.services.ec2.faults import bad_value

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address


def ipv4(text: str, parameter: str = "cidrBlock") -> IPv4Network:
    """A range of IPv4 addresses in its canonical form: bits behind the prefix are cut off, as EC2 does."""
    try:
        network = IPv4Network(text, strict=False)
    except ValueError:
        network = None
    if network is None or "/" not in text or not text.rpartition("/")[2].isdigit():
        raise bad_value(parameter, text, "This is not a valid CIDR block.")
    return network


def ipv6(text: str, parameter: str = "ipv6CidrBlock") -> IPv6Network:
    """A range of IPv6 addresses in its canonical form."""
    try:
        network = IPv6Network(text, strict=False)
    except ValueError:
        network = None
    if network is None or "/" not in text:
        raise bad_value(parameter, text, "This is not a valid IPv6 CIDR block.")
    return network


def address(text: str, parameter: str) -> Address:
    try:
        return ip_address(text)
    except ValueError:
        raise bad_value(parameter, text, "It is not a valid IP address.") from None


def overlaps(network: Network, others: Iterable[str]) -> bool:
    """Whether a range shares an address with one of the others."""
    return any(other.version == network.version and network.overlaps(other) for other in map(ip_network, others))


def within(network: Network, others: Iterable[str]) -> str:
    """The first of the others that holds all of the range; empty if there is none."""
    for other in others:
        around = ip_network(other)
        if around.version == network.version and network.subnet_of(around):  # type: ignore[arg-type]
            return other
    return ""
