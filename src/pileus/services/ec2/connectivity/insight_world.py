"""A network as the Reachability Analyzer thinks of it: what there is, without saying where it is written down.

Plain values: `insight_paths` computes over them, and `insight_loading` makes them of EC2's records.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from typing import NamedTuple

ANY = "-1"
NUMBERS = {"tcp": "6", "udp": "17", "icmp": "1", "icmpv6": "58", "all": ANY}


class Packet(NamedTuple):
    """What goes from one place to another."""

    protocol: str
    """A number, as text."""
    source: str
    source_port: int
    destination: str
    destination_port: int

    def back(self) -> Packet:
        """An answer to it."""
        return Packet(self.protocol, self.destination, self.destination_port, self.source, self.source_port)


class Rule(NamedTuple):
    """A rule of a security group."""

    group: str
    egress: bool
    protocol: str
    ports: tuple[int, int] | None
    blocks: tuple[str, ...] = ()
    """Of its block, or of its prefix list."""
    peer_group: str = ""
    prefix_list: str = ""


class Entry(NamedTuple):
    """A line of a network ACL."""

    number: int
    egress: bool
    allow: bool
    protocol: str
    block: str
    ports: tuple[int, int] | None = None


class Line(NamedTuple):
    """A route of a route table."""

    block: str
    target: str
    active: bool = True
    origin: str = "CreateRoute"
    prefix_list: str = ""


class Interface(NamedTuple):
    id: str
    subnet: str
    vpc: str
    addresses: tuple[str, ...]
    groups: tuple[str, ...]
    public: tuple[tuple[str, str], ...] = ()
    """Its private addresses that have public ones, with those."""
    forwards: bool = False
    """Whether it takes what is not for it: its source/destination check is off."""
    nat: str = ""
    """The NAT gateway whose interface it is."""
    instance: str = ""


class Subnet(NamedTuple):
    id: str
    vpc: str
    zone: str
    blocks: tuple[str, ...]
    table: str
    acl: str


class Attached(NamedTuple):
    """A VPC, or what else it may be, at a transit gateway."""

    id: str
    kind: str
    resource: str
    table: str
    subnets: tuple[str, ...] = ()
    usable: bool = True
    translated: tuple[tuple[str, str], ...] = ()
    """Its blocks, and those under which the gateway knows them."""


class TransitLine(NamedTuple):
    """A route of a transit gateway."""

    block: str
    attachments: tuple[str, ...]
    """None for one that drops its packets."""
    origin: str = "static"
    prefix_list: str = ""


class Transit(NamedTuple):
    id: str
    attachments: dict[str, Attached]
    tables: dict[str, list[TransitLine]]


class World(NamedTuple):
    """A network, by the ids of what it is made of."""

    vpcs: dict[str, tuple[str, ...]]
    """The blocks of VPCs."""
    subnets: dict[str, Subnet]
    interfaces: dict[str, Interface]
    groups: dict[str, list[Rule]]
    acls: dict[str, list[Entry]]
    tables: dict[str, list[Line]]
    gateways: dict[str, str] = {}
    """The VPCs of internet gateways."""
    egress_only: dict[str, str] = {}
    vpn_gateways: dict[str, str] = {}
    peerings: dict[str, tuple[str, str]] = {}
    nats: dict[str, str] = {}
    """The interfaces of NAT gateways."""
    endpoints: dict[str, str] = {}
    """The VPCs of endpoints that routes lead to."""
    transits: dict[str, Transit] = {}
    accounts: tuple[str, ...] = ()
    """Whose they are, beside the account that asks."""

    # Looking

    def gateway_of(self, vpc: str) -> str:
        """The internet gateway of a VPC."""
        return next((gateway for gateway, there in self.gateways.items() if there == vpc), "")

    def subnet_at(self, vpc: str, address: str) -> Subnet | None:
        """The subnet of a VPC that an address belongs to."""
        found = (one for one in self.subnets.values() if one.vpc == vpc and any(within(address, b) for b in one.blocks))
        return next(found, None)

    def interface_at(self, vpc: str, address: str) -> Interface | None:
        """The interface in a VPC that has an address."""
        return next((one for one in self.interfaces.values() if one.vpc == vpc and address in one.addresses), None)

    def public_at(self, address: str) -> tuple[Interface, str] | None:
        """The interface behind a public address, and its private one."""
        for one in self.interfaces.values():
            for private, public in one.public:
                if public == address:
                    return one, private
        return None

    def members(self, group: str) -> set[str]:
        """The addresses of a group's interfaces."""
        return {address for one in self.interfaces.values() if group in one.groups for address in one.addresses}


def moved(address: str, pairs: Iterable[tuple[str, str]]) -> str:
    """An address of the first block that has it, in the place of which another stands; or itself."""
    for source, target in pairs:
        if within(address, source):
            away = int(ip_address(address)) - int(ip_network(source).network_address)
            return str(ip_network(target)[away])
    return address


def within(address: str, block: str) -> bool:
    where, network = ip_address(address), ip_network(block)
    return where.version == network.version and where in network
