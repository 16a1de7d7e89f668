"""Who has which address of a subnet. One record for an address or a delegated prefix; a free one is found by trying."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from pileus.kernel import Call, Fault, Record
from pileus.services.ec2.faults import bad_value
from pileus.services.ec2.kinds import kind

from . import cidrs
from .subnets import Subnet

PREFIX = {4: 28, 6: 80}
"""How long the prefixes are that an interface may have delegated."""
TRIES = 16


class Lease(Record, key=("subnet_id", "start")):
    """An address of a subnet, or all of a prefix, that an interface has."""

    subnet_id: str
    start: bytes
    """The (first) address, packed."""
    length: int
    """Of its prefix: 32 or 128 for a single address."""
    network_interface_id: str


@kind(
    "subnet-cidr-reservation",
    "scr",
    missing=("InvalidSubnetCidrReservationID.NotFound", "The subnet CIDR reservation ID '{}' does not exist"),
)
class Reservation(
    Record, arn="subnet-cidr-reservation/{subnet_cidr_reservation_id}", indexes={"of_subnet": ("subnet_id",)}
):
    """A part of a subnet from which nothing is assigned by itself, or only prefixes."""

    subnet_cidr_reservation_id: str
    subnet_id: str
    owner_id: str
    cidr: str
    type: str
    description: str = ""
    tags: dict[str, str] = {}


def take(call: Call, subnet: Subnet, interface_id: str, wanted: str = "", version: int = 4) -> str:
    """Give an interface an address of its subnet, the wanted one or any that is free."""
    call = call.at(account=subnet.owner_id)
    if wanted:
        found = checked(call, subnet, wanted)
    else:
        network = network_of(subnet, version)
        if version == 4 and subnet.available < 1:
            raise exhausted()
        found = free(call, subnet, network, network.max_prefixlen)
    lease(call, subnet, found, ip_address(found).max_prefixlen, interface_id)
    return found


def take_prefix(call: Call, subnet: Subnet, interface_id: str, wanted: str = "", version: int = 4) -> str:
    """Delegate a prefix of its subnet to an interface, the wanted one or any that is free."""
    call = call.at(account=subnet.owner_id)
    length = PREFIX[version]
    if wanted:
        network = cidrs.ipv4(wanted, "ipv4Prefix") if version == 4 else cidrs.ipv6(wanted, "ipv6Prefix")
        if network.prefixlen != length or not cidrs.within(network, subnet.ranges()):
            raise bad_value(f"ipv{version}Prefix", wanted, "It is not a prefix of the subnet.")
        if taken(call, subnet, network):
            raise Fault("InvalidParameterValue", f"The prefix {wanted} is not available.")
    else:
        found = free(call, subnet, network_of(subnet, version), length)
        network = ip_network(f"{found}/{length}")
    lease(call, subnet, str(network.network_address), length, interface_id)
    return str(network)


def network_of(subnet: Subnet, version: int) -> IPv4Network | IPv6Network:
    """The range out of which a subnet's interfaces get their addresses of a version."""
    for one in subnet.ranges():
        if (network := ip_network(one)).version == version:
            return network
    if version == 6:
        raise Fault("InvalidParameterValue", f"The subnet '{subnet.subnet_id}' has no IPv6 CIDR block.")
    raise Fault("InvalidParameterValue", f"The subnet '{subnet.subnet_id}' has no IPv4 CIDR block.")


def checked(call: Call, subnet: Subnet, wanted: str) -> str:
    """An address that somebody wants, which is the subnet's and free."""
    address = cidrs.address(wanted, "privateIpAddress" if ":" not in wanted else "ipv6Address")
    around = cidrs.within(ip_network(address), subnet.ranges())
    if not around:
        raise Fault("InvalidParameterValue", "Address does not fall within the subnet's address range")
    if is_reserved(int(address), ip_network(around)):
        raise Fault("InvalidParameterValue", "Address is in subnet's reserved address range")
    if taken(call, subnet, ip_network(address)):
        raise Fault("InvalidIPAddress.InUse", f"Address {address} is in use.")
    return str(address)


def is_reserved(number: int, network: IPv4Network | IPv6Network) -> bool:
    first, last = int(network.network_address), int(network.broadcast_address)
    return number < first + 4 or number >= last


def taken(call: Call, subnet: Subnet, network: IPv4Network | IPv6Network) -> bool:
    """Whether somebody has an address of a range."""
    first, last = network.network_address.packed, network.broadcast_address.packed
    if Lease.first(call, subnet.subnet_id, since=(first,), upto=(last,)):
        return True
    return holding(call, subnet.subnet_id, str(network.network_address)) is not None


def holding(call: Call, subnet_id: str, address: str) -> Lease | None:
    """The lease of an address, or of the prefix that it belongs to."""
    single = ip_address(address)
    if found := Lease.get(call, subnet_id, single.packed):
        return found
    around = ip_network(f"{address}/{PREFIX[single.version]}", strict=False)
    found = Lease.get(call, subnet_id, around.network_address.packed)
    return found if found and found.length == around.prefixlen else None


def free(call: Call, subnet: Subnet, network: IPv4Network | IPv6Network, length: int) -> str:
    """The first address of a free part of that length: anywhere at first, then wherever there is one."""
    kept = reserved(call, subnet, length == network.max_prefixlen)
    step = 1 << (network.max_prefixlen - length)
    base, count = int(network.network_address), network.num_addresses // step
    for number in candidates(count):
        first = base + number * step
        part = ip_network((first, length))
        if is_reserved(first, network) or is_reserved(first + step - 1, network):
            continue
        if not cidrs.within(part, kept) and not taken(call, subnet, part):
            return str(part.network_address)
    raise exhausted()


def candidates(count: int) -> Iterator[int]:
    for _ in range(TRIES):
        yield secrets.randbelow(count)
    yield from range(min(count, 1 << 16))


def reserved(call: Call, subnet: Subnet, single: bool) -> list[str]:
    """Where nothing may be assigned by itself: explicit reservations, and those for prefixes if it is no prefix."""
    return [
        one.cidr
        for one in Reservation.scan(call, subnet.subnet_id, index="of_subnet")
        if single or one.type == "explicit"
    ]


def exhausted() -> Fault:
    text = "The specified subnet does not have enough free addresses to satisfy the request."
    return Fault("InsufficientFreeAddressesInSubnet", text)


def lease(call: Call, subnet: Subnet, first: str, length: int, interface_id: str) -> None:
    call = call.at(account=subnet.owner_id)
    address = ip_address(first)
    Lease(subnet.subnet_id, address.packed, length, interface_id).put(call)
    count(call, subnet, address.version, length, 1)


def give_back(call: Call, subnet: Subnet, what: str) -> None:
    """An address or a prefix is free again."""
    call = call.at(account=subnet.owner_id)
    network = ip_network(what)
    if found := Lease.get(call, subnet.subnet_id, network.network_address.packed):
        found.delete(call)
        count(call, subnet, network.version, found.length, -1)


def count(call: Call, subnet: Subnet, version: int, length: int, sign: int) -> None:
    if version == 4:
        subnet.leased += sign * (1 << (32 - length))
        subnet.put(call)
