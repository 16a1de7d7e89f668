"""What is asked of the data plane: networks as their owners describe them, without a word of how they are made.

A network is a router. Ports are its interfaces, and belong to subnets; links join it to other networks. A plan tells
the whole of one network, and says nothing of others: a link is there as soon as both its ends have been told of.
"""

from __future__ import annotations

from msgspec import Struct

INTERNET = "internet"
"""The name of the network that all public addresses are in. The engine makes it, from the links that lead there."""


class Rule(Struct, frozen=True):
    """What traffic a group lets through."""

    protocol: str = "any"
    """`any`, `tcp`, `udp`, `icmp`, `icmpv6`, or a number."""
    ports: tuple[int, int] | None = None
    """Of the destination, first and last. None is all."""
    icmp: tuple[int, int] | None = None
    """Type and code, of which -1 is any."""
    prefixes: tuple[str, ...] = ()
    """The other side: any of these, or of these sets."""
    sets: tuple[str, ...] = ()


class Group(Struct, frozen=True):
    """A stateful filter at ports: what is answered to what it let through is let through as well."""

    inbound: tuple[Rule, ...] = ()
    outbound: tuple[Rule, ...] = ()


class Entry(Struct, frozen=True):
    """One line of a list at a subnet's border."""

    allow: bool
    prefix: str
    protocol: str = "any"
    ports: tuple[int, int] | None = None
    icmp: tuple[int, int] | None = None


class Border(Struct, frozen=True):
    """A stateless filter: each packet that crosses the border is judged by the first line that it matches."""

    inbound: tuple[Entry, ...] = ()
    outbound: tuple[Entry, ...] = ()


class Route(Struct, frozen=True):
    """Where a table sends what is meant for a prefix. With neither port nor link it is dropped, unless `local`."""

    prefix: str
    link: str = ""
    port: str = ""
    local: bool = False
    """To the ports of this network that have these addresses."""


class Subnet(Struct, frozen=True):
    """Ports that reach each other without crossing a border."""

    prefixes: tuple[str, ...]
    gateways: tuple[str, ...]
    """The addresses that the router itself has there."""
    table: str
    border: str = ""
    """Which border is around it. None lets everything through."""


class Port(Struct, frozen=True):
    """An interface of a host."""

    name: str
    subnet: str
    mac: str
    addresses: tuple[str, ...]
    """Single ones; the first of each family is the primary one."""
    host: str
    """Whose interface it is: hosts are namespaces, made as they are needed."""
    device: str = "eth0"
    delegated: tuple[str, ...] = ()
    """Prefixes that are its own as well."""
    groups: tuple[str, ...] | None = None
    """What filters it; None leaves it unfiltered, () lets nothing through."""
    checked: bool = True
    """Whether what it sends must come from its own addresses, and what it gets must be for them."""
    serves: tuple[str, ...] = ()
    """Prefixes of others whose addresses its host answers for, where routes lead to the port."""
    translates: bool = False
    """Whether its host sends on what it gets under the port's own addresses: a NAT."""


class Link(Struct, frozen=True):
    """One end of a cable to another network, whose plan has the other end, of the same name."""

    name: str
    to: str
    table: str = ""
    """Which table routes what comes in here; without one it only gets to ports."""
    ours: tuple[str, ...] | None = None
    """What may be the address at this end. None is anything."""
    theirs: tuple[str, ...] | None = None
    public: dict[str, str] = {}
    """Public addresses by the private ones that they stand for, where the link leads to the internet."""
    outward: bool = False
    """Whether connections may only be opened from this end."""
    translated: tuple[tuple[str, str], ...] = ()
    """Prefixes at the other end, and those of the same length under which they are known at this one."""
    door: str = ""
    """The subnet by which it leads in and out: what goes out enters that, what comes in leaves it again."""


class Copied(Struct, frozen=True):
    """Which packets are copied, or are not: the first line that one matches decides."""

    allow: bool
    source: str
    destination: str
    protocol: str = "any"
    source_ports: tuple[int, int] | None = None
    ports: tuple[int, int] | None = None


class Mirror(Struct, frozen=True):
    """Copies of what passes a port, sent to an address of the same network in VXLAN (RFC 7348)."""

    name: str
    port: str
    to: str
    number: int
    """VXLAN's, of 24 bits."""
    inbound: tuple[Copied, ...] = ()
    outbound: tuple[Copied, ...] = ()


class Network(Struct, frozen=True):
    """A router and all that it knows."""

    name: str
    prefixes: tuple[str, ...] = ()
    """Its own addresses."""
    local: tuple[str, ...] = ()
    """Addresses of services that the router itself offers to its ports."""
    subnets: dict[str, Subnet] = {}
    tables: dict[str, tuple[Route, ...]] = {}
    borders: dict[str, Border] = {}
    groups: dict[str, Group] = {}
    sets: dict[str, tuple[str, ...]] = {}
    """Addresses and prefixes that rules speak of by a name."""
    ports: tuple[Port, ...] = ()
    links: tuple[Link, ...] = ()
    mirrors: tuple[Mirror, ...] = ()
    """In the order in which they are asked: a packet is copied once."""
    recorded: bool = False
    """Whether there are records of its flows."""
