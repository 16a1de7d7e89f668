"""From a network's plan to what its router has besides rules: addresses, neighbours, routes, and which table is asked.

Table `main` knows where each port is, and sends everything else into the void. Packets that are to be routed by a table
of the plan carry its number as a mark, and only what that table calls local goes on to `main`. What has no mark are
packets within a subnet, answers of the router's own services, and questions of ARP: so each of those is answered by
the router, for every address, and hosts need not know that there is nobody else on their wire.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from .names import GATEWAY, VOID, device, link_address, link_device, link_mac
from .plans import Link, Network, Port, Route
from .rules import Numbers, family, of

MAIN, LOCAL = 254, 255
BY_MARK = 1000
"""The priority of the rules that look at marks, or at where a packet comes from."""
BY_SOURCE = 10000
"""Tables of hosts, for what comes from each of their ports, are this plus the number of the interface."""


class Address(NamedTuple):
    device: str
    address: str


class Neighbour(NamedTuple):
    device: str
    address: str
    mac: str


class Way(NamedTuple):
    """A route: to a device, by way of a neighbour or not; without one it is dropped, or the next table is asked."""

    table: int
    prefix: str
    device: str = ""
    via: str = ""
    kind: str = "unicast"


class Choice(NamedTuple):
    """Packets with a mark are routed by the table of that number."""

    family: str
    mark: int


class Source(NamedTuple):
    """Packets from an address are routed by a table."""

    address: str
    table: int


Item = Address | Neighbour | Way | Choice | Source


def primary(port: Port, kind: str) -> str:
    """A port's first address of a family."""
    return next((address for address in port.addresses if family(address) == kind), "")


class Layout:
    """What one router has."""

    def __init__(self, network: Network, numbers: Numbers, links: Iterable[Link]) -> None:
        self.network = network
        self.numbers = numbers
        self.links = {link.name: link for link in links}
        self._ports = {port.name: port for port in network.ports}

    def items(self) -> set[Item]:
        return {
            *self._own(),
            *self._ends(),
            *self._tables(),
            *(item for port in self.network.ports for item in placed(port)),
        }

    def _own(self) -> Iterator[Item]:
        gateways = {address for subnet in self.network.subnets.values() for address in subnet.gateways}
        for address in sorted(gateways | set(self.network.local)):
            yield Address("lo", address)
        yield Way(MAIN, "0.0.0.0/0", VOID)
        yield Way(MAIN, "::/0", VOID)

    def _ends(self) -> Iterator[Item]:
        for link in self.links.values():
            yield from end(self.network.name, link)

    def _tables(self) -> Iterator[Item]:
        for name, routes in self.network.tables.items():
            number = self.numbers.table(name)
            yield Choice("ip", number)
            yield Choice("ip6", number)
            for route in routes:
                yield self._way(number, route)
            given = {route.prefix for route in routes}
            for nowhere in {"0.0.0.0/0", "::/0"} - given:
                yield Way(number, nowhere, kind="blackhole")

    def _way(self, number: int, route: Route) -> Way:
        prefix, kind = str(ip_network(route.prefix)), family(route.prefix)
        if route.local:
            return Way(number, prefix, kind="throw")
        if link := self.links.get(route.link):
            return Way(number, prefix, link_device(link.name), link_address(self.network.name > link.to))
        if (port := self._ports.get(route.port)) and not port.checked and (hop := primary(port, kind)):
            return Way(number, prefix, device(port.name), hop)
        return Way(number, prefix, kind="blackhole")


def placed(port: Port) -> Iterator[Item]:
    """What a router has for a port."""
    name = device(port.name)
    yield Address(name, f"{GATEWAY}/64")
    for address in port.addresses:
        yield Neighbour(name, address, port.mac)
        yield Way(MAIN, str(ip_network(address)), name)
    for prefix in port.delegated:
        yield Way(MAIN, prefix, name, primary(port, family(prefix)))


def hosted(port: Port, gateways: tuple[str, ...], prefixes: tuple[str, ...]) -> Iterator[Item]:
    """What a host has for one of its ports, as if by DHCP. What comes from its addresses leaves by it, as it must."""
    table = BY_SOURCE + int("".join(filter(str.isdigit, port.device)) or 0)
    for address in port.addresses:
        yield Address(port.device, f"{address}/{_length(address, prefixes)}")
        yield Source(address, table)
    for prefix in port.serves:
        yield Way(LOCAL, prefix, "lo", kind="local")
    for kind, everything in (("ip", "0.0.0.0/0"), ("ip6", "::/0")):
        if primary(port, kind):
            hop = GATEWAY if kind == "ip6" else of(gateways, kind)[0]
            yield Way(table, everything, port.device, hop)
            if port.device == "eth0":
                yield Way(MAIN, everything, port.device, hop)


def _length(address: str, prefixes: tuple[str, ...]) -> int:
    """How much of an address is its subnet; of one of IPv6 all, because there nobody is reached but by the router."""
    if ":" in address:
        return 128
    return next((ip_network(one).prefixlen for one in prefixes if ip_address(address) in ip_network(one)), 32)


def end(name: str, link: Link) -> Iterator[Item]:
    """What a network has for its end of a link; the one whose name comes first is the first."""
    first = name < link.to
    yield Address(link_device(link.name), f"{link_address(first)}/64")
    yield Neighbour(link_device(link.name), link_address(not first), link_mac(not first))


def internet(name: str, ends: list[tuple[str, Link]], prefixes: dict[str, tuple[str, ...]]) -> set[Item]:
    """What the internet has for the networks that are linked to it: `prefixes` are those behind each link."""
    items: set[Item] = set()
    for owner, link in ends:
        mirrored = Link(link.name, to=owner)
        items.update(end(name, mirrored))
        hop = link_address(name > owner)
        for prefix in prefixes[link.name]:
            items.add(Way(MAIN, str(ip_network(prefix)), link_device(link.name), hop))
    return items


def public(link: Link) -> tuple[str, ...]:
    """What the internet finds behind a link: its public addresses, and those of the sixth version as they are."""
    return (*link.public.values(), *of(link.ours or (), "ip6"))
