"""Addresses of network interfaces: secondary ones, IPv6, and prefixes that are delegated to one."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import combination, invalid, missing
from pileus.services.ec2.kinds import named

from . import changes, leases
from .interfaces import Ipv6Address, NetworkInterface, PrivateAddress, at_address, check_addresses
from .subnets import Subnet, at_home


def asked(private_ip: str, addresses: list[dict[str, Any]]) -> tuple[str, list[str]]:
    """The primary address that a request wants, and the secondary ones."""
    primaries = [one.get("PrivateIpAddress", "") for one in addresses if one.get("Primary")]
    if len(primaries) + bool(private_ip) > 1:
        raise combination("Only one primary private IP address can be specified.")
    others = [one.get("PrivateIpAddress", "") for one in addresses if not one.get("Primary")]
    return private_ip or next(iter(primaries), ""), others


def add_ipv4(call: Call, subnet: Subnet, interface: NetworkInterface, wanted: list[str], count: int) -> list[str]:
    """Give an interface secondary addresses: the wanted ones, or so many."""
    added = [leases.take(call, subnet, interface.network_interface_id, one) for one in wanted or [""] * count]
    interface.private_ip_addresses += [PrivateAddress(one) for one in added]
    return added


def add_ipv6(call: Call, subnet: Subnet, interface: NetworkInterface, wanted: list[str], count: int) -> list[str]:
    """Give an interface IPv6 addresses: the wanted ones, or so many."""
    added = [
        leases.take(call, subnet, interface.network_interface_id, one, version=6) for one in wanted or [""] * count
    ]
    interface.ipv6_addresses += [Ipv6Address(one) for one in added]
    return added


def drop_ipv6(call: Call, subnet: Subnet, interface: NetworkInterface) -> None:
    """Take the IPv6 address back that came by itself, where certain ones are wanted."""
    for one in interface.ipv6_addresses:
        leases.give_back(call, subnet, one.ipv6_address)
    interface.ipv6_addresses = []


def add_prefixes(
    call: Call, subnet: Subnet, interface: NetworkInterface, wanted: list[str], count: int, version: int
) -> list[str]:
    """Delegate prefixes to an interface: the wanted ones, or so many."""
    added = [
        leases.take_prefix(call, subnet, interface.network_interface_id, one, version) for one in wanted or [""] * count
    ]
    (interface.ipv4_prefixes if version == 4 else interface.ipv6_prefixes).extend(added)
    return added


def make_primary_ipv6(interface: NetworkInterface) -> None:
    """Let the first IPv6 address be the one that stays as long as the interface."""
    if not interface.ipv6_addresses:
        raise invalid("An IPv6 address is needed to enable a primary IPv6 address.")
    interface.ipv6_addresses[0].primary = True


@ec2.operation
def assign_private_ip_addresses(
    call: Call,
    network_interface_id: str,
    private_ip_addresses: list[str] = [],
    secondary_private_ip_address_count: int = 0,
    ipv4_prefixes: list[str] = [],
    ipv4_prefix_count: int = 0,
    allow_reassignment: bool = False,
) -> Members:
    """Give an interface secondary addresses or prefixes; with `allow_reassignment` those that another one has."""
    interface = named(call, NetworkInterface, network_interface_id)
    kinds = [private_ip_addresses, secondary_private_ip_address_count, ipv4_prefixes, ipv4_prefix_count]
    if not any(kinds):
        raise missing("privateIpAddress", "secondaryPrivateIpAddressCount", "ipv4Prefix", "ipv4PrefixCount")
    if sum(map(bool, kinds)) > 1:
        raise combination("Only one of addresses, prefixes and their counts may be specified.")
    if allow_reassignment:
        for one in private_ip_addresses:
            take_over(call, interface, one)
    subnet = at_home(call, interface.subnet_id)
    wanted = [one for one in private_ip_addresses if one not in addresses(interface)]
    count = 0 if private_ip_addresses else secondary_private_ip_address_count
    added = add_ipv4(call, subnet, interface, wanted, count)
    prefixes = add_prefixes(call, subnet, interface, ipv4_prefixes, ipv4_prefix_count, 4)
    check_addresses(call, interface.instance_id, interface)
    interface.put(call)
    changes.changed(call, interface.vpc_id)
    return {
        "NetworkInterfaceId": network_interface_id,
        "AssignedPrivateIpAddresses": [{"PrivateIpAddress": one} for one in added],
        "AssignedIpv4Prefixes": [{"Ipv4Prefix": one} for one in prefixes],
    }


def addresses(interface: NetworkInterface) -> list[str]:
    return [one.private_ip_address for one in interface.private_ip_addresses]


def take_over(call: Call, interface: NetworkInterface, address: str) -> None:
    """Take a secondary address from the interface that has it."""
    other = at_address(call, interface.subnet_id, address)
    if other and other.network_interface_id != interface.network_interface_id:
        release(call, other, [address])


def release(call: Call, interface: NetworkInterface, unwanted: list[str]) -> None:
    """Take secondary addresses from an interface."""
    secondary = {one.private_ip_address: one for one in interface.private_ip_addresses[1:]}
    if absent := [one for one in unwanted if one not in secondary]:
        what = f"[{', '.join(absent)}]"
        if interface.private_ip_address in absent:
            raise invalid(
                f"The primary IP address {interface.private_ip_address} of the interface cannot be unassigned"
            )
        text = f"Some of the specified addresses are not assigned to interface {interface.network_interface_id}: {what}"
        raise Fault("InvalidParameterValue", text)
    if any(secondary[one].association for one in unwanted):
        what = f"Address {', '.join(unwanted)} is associated with an Elastic IP address."
        raise Fault("InvalidIPAddress.InUse", what)
    subnet = at_home(call, interface.subnet_id)
    for one in unwanted:
        leases.give_back(call, subnet, one)
    interface.private_ip_addresses = [
        one for one in interface.private_ip_addresses if one.private_ip_address not in unwanted
    ]
    interface.put(call)
    changes.changed(call, interface.vpc_id)


@ec2.operation
def unassign_private_ip_addresses(
    call: Call, network_interface_id: str, private_ip_addresses: list[str] = [], ipv4_prefixes: list[str] = []
) -> None:
    """Take secondary addresses or prefixes from an interface."""
    interface = named(call, NetworkInterface, network_interface_id)
    if not private_ip_addresses and not ipv4_prefixes:
        raise missing("privateIpAddress", "ipv4Prefix")
    release(call, interface, private_ip_addresses)
    drop_prefixes(call, interface, interface.ipv4_prefixes, ipv4_prefixes)


def drop_prefixes(call: Call, interface: NetworkInterface, there: list[str], unwanted: list[str]) -> None:
    if absent := [one for one in unwanted if one not in there]:
        text = (
            f"Some of the specified prefixes are not assigned to interface {interface.network_interface_id}: {absent}"
        )
        raise invalid(text)
    subnet = at_home(call, interface.subnet_id)
    for one in unwanted:
        leases.give_back(call, subnet, one)
        there.remove(one)
    interface.put(call)
    changes.changed(call, interface.vpc_id)


@ec2.operation
def assign_ipv6_addresses(
    call: Call,
    network_interface_id: str,
    ipv6_addresses: list[str] = [],
    ipv6_address_count: int = 0,
    ipv6_prefixes: list[str] = [],
    ipv6_prefix_count: int = 0,
) -> Members:
    """Give an interface IPv6 addresses or prefixes."""
    interface = named(call, NetworkInterface, network_interface_id)
    kinds = [ipv6_addresses, ipv6_address_count, ipv6_prefixes, ipv6_prefix_count]
    if not any(kinds):
        raise missing("ipv6Addresses", "ipv6AddressCount", "ipv6Prefix", "ipv6PrefixCount")
    if sum(map(bool, kinds)) > 1:
        raise combination("Only one of addresses, prefixes and their counts may be specified.")
    subnet = at_home(call, interface.subnet_id)
    added = add_ipv6(call, subnet, interface, ipv6_addresses, ipv6_address_count)
    prefixes = add_prefixes(call, subnet, interface, ipv6_prefixes, ipv6_prefix_count, 6)
    interface.put(call)
    changes.changed(call, interface.vpc_id)
    return {
        "NetworkInterfaceId": network_interface_id,
        "AssignedIpv6Addresses": added,
        "AssignedIpv6Prefixes": prefixes,
    }


@ec2.operation
def unassign_ipv6_addresses(
    call: Call, network_interface_id: str, ipv6_addresses: list[str] = [], ipv6_prefixes: list[str] = []
) -> Members:
    """Take IPv6 addresses or prefixes from an interface."""
    interface = named(call, NetworkInterface, network_interface_id)
    there = {one.ipv6_address: one for one in interface.ipv6_addresses}
    if absent := [one for one in ipv6_addresses if one not in there]:
        raise invalid(f"Some of the specified addresses are not assigned to interface {network_interface_id}: {absent}")
    if any(there[one].primary for one in ipv6_addresses):
        raise Fault("UnsupportedOperation", "The primary IPv6 address of an interface cannot be unassigned.")
    subnet = at_home(call, interface.subnet_id)
    for one in ipv6_addresses:
        leases.give_back(call, subnet, one)
    interface.ipv6_addresses = [one for one in interface.ipv6_addresses if one.ipv6_address not in ipv6_addresses]
    drop_prefixes(call, interface, interface.ipv6_prefixes, ipv6_prefixes)
    return {
        "NetworkInterfaceId": network_interface_id,
        "UnassignedIpv6Addresses": ipv6_addresses,
        "UnassignedIpv6Prefixes": ipv6_prefixes,
    }
