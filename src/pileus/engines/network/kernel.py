"""What is said to the kernel, over netlink."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from ipaddress import IPv4Network, ip_interface, ip_network
from typing import Any

from .layout import BY_MARK, MAIN, Address, Choice, Item, Neighbour, Way, primary
from .names import GATEWAY
from .plans import Port
from .rules import family, of
from .spaces import Space

PERMANENT = 0x80
SETTLED = 0x02
"""An IPv6 address that nobody has to be asked about first (IFA_F_NODAD)."""
OURS = "02:00:00:00:00:03"
MACHINES = "02:00:00:00:00:04"


FIRST = 10000
"""Tables of hosts, for what comes from each of their ports, are this plus the number of the interface."""


def host_interface(token: str) -> str:
    """The one interface that the machine itself has of a cloud."""
    return f"pileus-{token}"


def number(kind: str) -> int:
    return int(socket.AF_INET6 if kind == "ip6" else socket.AF_INET)


class Kernel:
    """Changes to one namespace."""

    def __init__(self, space: Space) -> None:
        self.space = space

    # Interfaces

    def add_port(self, name: str, group: int, host: Space, device: str, mac: str, mtu: int) -> None:
        """A pair of interfaces, of which the host has the other one."""
        peer = {"ifname": device, "net_ns_fd": host.fd, "address": mac, "mtu": mtu}
        self._pair(name, peer, mtu, group=group)
        self.space.set(**{f"ipv4__neigh__{name}__proxy_delay": 0})

    def add_link(self, name: str, mac: str, far: Space, far_mac: str, mtu: int) -> None:
        """A pair of interfaces of the same name, of two networks."""
        self._pair(name, {"ifname": name, "net_ns_fd": far.fd, "address": far_mac, "mtu": mtu}, mtu, address=mac)
        far.indexes.pop(name, None)
        far.netlink.link("set", index=far.index(name), state="up")

    def _pair(self, name: str, peer: dict[str, Any], mtu: int, **settings: Any) -> None:
        self.space.indexes.pop(name, None)
        self.space.netlink.link("add", kind="veth", ifname=name, mtu=mtu, state="up", peer=peer, **settings)

    def remove_device(self, name: str, items: set[Item]) -> set[Item]:
        """Remove an interface, unless it went with its other end; what remains of what the namespace has."""
        self.space.indexes.pop(name, None)
        for index in self.space.netlink.link_lookup(ifname=name):
            self.space.netlink.link("del", index=index)
        return {item for item in items if isinstance(item, Choice) or item.device != name}

    def add_address(self, device: str, address: str) -> None:
        self._change("add", Address(device, address))

    def join_machine(self, name: str, address: str, public: IPv4Network) -> None:
        """Give the machine itself an interface here, through which it reaches public addresses."""
        from pyroute2 import IPRoute

        with IPRoute() as machine:
            peer = {"ifname": "machine", "net_ns_fd": self.space.fd, "address": OURS}
            machine.link("add", kind="veth", ifname=name, address=MACHINES, state="up", peer=peer)
            outside = machine.link_lookup(ifname=name)[0]
            machine.addr("add", index=outside, address=address, prefixlen=32)
            hop = str(public[1])
            machine.neigh("replace", dst=hop, lladdr=OURS, ifindex=outside, state=PERMANENT)
            self.space.netlink.link("set", index=self.space.index("machine"), state="up")
            machine.route("add", dst=str(public), gateway=hop, oif=outside, flags=["onlink"], prefsrc=address)
        for item in (Neighbour("machine", address, MACHINES), Way(MAIN, f"{address}/32", "machine")):
            self._change("add", item)

    # Everything else

    def change(self, before: set[Item], after: set[Item]) -> set[Item]:
        """Make what is there into what shall be. A route that changes is never missing."""
        stays = {(item.table, item.prefix) for item in after if isinstance(item, Way) and "." in item.prefix}
        for item in sorted(before - after, key=_order, reverse=True):
            if not (isinstance(item, Way) and (item.table, item.prefix) in stays):
                self._change("del", item)
        for item in sorted(after - before, key=_order):
            self._change("replace" if isinstance(item, Way | Neighbour) else "add", item)
        return after

    def _change(self, verb: str, item: Item) -> None:
        kernel, index = self.space.netlink, self.space.index
        match item:
            case Address(device, address):
                interface = ip_interface(address)
                settled = {"flags": SETTLED} if interface.version == 6 and verb != "del" else {}
                place = {"address": str(interface.ip), "prefixlen": interface.network.prefixlen}
                kernel.addr(verb, index=index(device), **place, **settled)
            case Neighbour(device, address, mac):
                kernel.neigh(verb, dst=address, lladdr=mac, ifindex=index(device), state=PERMANENT)
            case Way():
                kernel.route(verb, **self._route(item))
            case Choice(kind, mark):
                kernel.rule(verb, family=number(kind), fwmark=mark, table=mark, priority=BY_MARK)

    def _route(self, way: Way) -> dict[str, Any]:
        told: dict[str, Any] = {
            "dst": way.prefix,
            "table": way.table,
            "type": way.kind,
            "family": number(family(way.prefix)),
        }
        if way.device:
            told["oif"] = self.space.index(way.device)
        if not way.via:
            return told
        if family(way.via) == family(way.prefix):
            return told | {"gateway": way.via, "flags": ["onlink"]}
        return told | {"via": {"family": socket.AF_INET6, "addr": way.via}, "flags": ["onlink"]}

    # Hosts

    def configure(self, port: Port, gateways: tuple[str, ...], prefixes: tuple[str, ...]) -> None:
        """Set an interface of a host up as DHCP would; and what comes from its addresses leaves by it, as it has to."""
        kernel = self.space.netlink
        self.space.indexes.pop(port.device, None)
        index = self.space.index(port.device)
        kernel.link("set", index=index, state="up")
        for address in port.addresses:
            self._change("add", Address(port.device, f"{address}/{_length(address, prefixes)}"))
        for kind, hop, everything in _hops(port, gateways):
            leave = {"dst": everything, "gateway": hop, "oif": index, "flags": ["onlink"], "family": number(kind)}
            if port.device == "eth0":
                kernel.route("replace", **leave)
            kernel.route("add", table=FIRST + index, **leave)
            for address in of(port.addresses, kind):
                length = ip_interface(address).max_prefixlen
                kernel.rule("add", family=number(kind), src=address, src_len=length, table=FIRST + index)
        if port.translates:
            self.space.set(ipv4__ip_forward=1, ipv4__conf__all__send_redirects=0)
        self.space.hang_up()


def _hops(port: Port, gateways: tuple[str, ...]) -> Iterator[tuple[str, str, str]]:
    """The next hops of a port's host, by family, with what they are for."""
    if primary(port, "ip"):
        yield "ip", next(gateway for gateway in gateways if family(gateway) == "ip"), "0.0.0.0/0"
    if primary(port, "ip6"):
        yield "ip6", GATEWAY, "::/0"


def _length(address: str, prefixes: tuple[str, ...]) -> int:
    """How much of the address is its subnet; of one of IPv6 all, because there nobody is reached but by the router."""
    if ":" in address:
        return 128
    return next((ip_network(one).prefixlen for one in prefixes if ip_interface(address).ip in ip_network(one)), 32)


def _order(item: Item) -> tuple[int, tuple[str, ...]]:
    return (Address, Neighbour, Way, Choice).index(type(item)), tuple(map(str, item))
