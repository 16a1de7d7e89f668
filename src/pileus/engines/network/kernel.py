"""What is said to the kernel, over netlink."""

from __future__ import annotations

import errno
import socket
from ipaddress import IPv4Network, ip_address, ip_interface
from typing import Any

from .layout import BY_MARK, LOCAL, MAIN, Address, Choice, Item, Neighbour, Source, Way
from .rules import family
from .spaces import Space

PERMANENT = 0x80
HOST_SCOPE = 254
SETTLED = 0x02
"""An IPv6 address that nobody has to be asked about first (IFA_F_NODAD)."""
VXLAN = 4789
OURS = "02:00:00:00:00:03"
MACHINES = "02:00:00:00:00:04"


GONE = {errno.ENODEV, errno.ENOENT, errno.ESRCH, errno.EADDRNOTAVAIL, errno.ENXIO}
THERE = {errno.EEXIST}
"""How the kernel says that something has been done already."""


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

    def add_mirror(self, name: str, number: int, to: str) -> None:
        """An interface that packs what is sent out of it into VXLAN, and sends nothing by itself."""
        told = {"vxlan_id": number, "vxlan_group": to, "vxlan_port": VXLAN, "vxlan_learning": False}
        self.remove_device(name, set())
        self.space.netlink.link("add", ifname=name, kind="vxlan", **told)
        self.space.set(**{f"ipv6__conf__{name}__disable_ipv6": 1})
        self.raise_up(name)

    def raise_up(self, name: str) -> None:
        self.space.indexes.pop(name, None)
        self.space.netlink.link("set", index=self.space.index(name), state="up")

    def add_link(self, name: str, mac: str, far: Space, far_mac: str, mtu: int) -> None:
        """A pair of interfaces of the same name, of two networks."""
        self._pair(name, {"ifname": name, "net_ns_fd": far.fd, "address": far_mac, "mtu": mtu}, mtu, address=mac)
        Kernel(far).raise_up(name)

    def _pair(self, name: str, peer: dict[str, Any], mtu: int, **settings: Any) -> None:
        self.space.indexes.pop(name, None)
        self.space.netlink.link("add", kind="veth", ifname=name, mtu=mtu, state="up", peer=peer, **settings)

    def remove_device(self, name: str, items: set[Item]) -> set[Item]:
        """Remove an interface, unless it went with its other end; what remains of what the namespace has."""
        self.space.indexes.pop(name, None)
        for index in self.space.netlink.link_lookup(ifname=name):
            self.space.netlink.link("del", index=index)
        return {item for item in items if isinstance(item, Choice | Source) or item.device != name}

    def serve(self, address: str, prefixes: list[str]) -> None:
        """Let an address be this namespace's own, and all of these prefixes."""
        self._change("add", Address("lo", address))
        for prefix in prefixes:
            self._change("add", Way(LOCAL, prefix, "lo", kind="local"))

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
            self.raise_up("machine")
            machine.route("add", dst=str(public), gateway=hop, oif=outside, flags=["onlink"], prefsrc=address)
        for item in (Neighbour("machine", address, MACHINES), Way(MAIN, f"{address}/32", "machine")):
            self._change("add", item)

    # Everything else

    def change(self, there: set[Item], after: set[Item]) -> None:
        """Make what is there into what shall be. A route that changes is never missing."""
        stays = {(item.table, item.prefix) for item in after if isinstance(item, Way) and "." in item.prefix}
        for item in sorted(there - after, key=_order, reverse=True):
            if not (isinstance(item, Way) and (item.table, item.prefix) in stays):
                self._change("del", item)
            there.discard(item)
        for item in sorted(after - there, key=_order):
            self._change("replace" if isinstance(item, Way | Neighbour) else "add", item)
            there.add(item)

    def _change(self, verb: str, item: Item) -> None:
        from pyroute2.netlink.exceptions import NetlinkError

        try:
            self._ask(verb, item)
        except NetlinkError as error:
            if error.code not in (GONE if verb == "del" else THERE):
                raise

    def _ask(self, verb: str, item: Item) -> None:
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
            case Source(address, table):
                told = {"src": address, "src_len": ip_address(address).max_prefixlen, "table": table}
                kernel.rule(verb, family=number(family(address)), priority=BY_MARK, **told)

    def _route(self, way: Way) -> dict[str, Any]:
        told: dict[str, Any] = {
            "dst": way.prefix,
            "table": way.table,
            "type": way.kind,
            "family": number(family(way.prefix)),
        }
        if way.kind == "local":
            told["scope"] = HOST_SCOPE
        if way.device:
            told["oif"] = self.space.index(way.device)
        if not way.via:
            return told
        if family(way.via) == family(way.prefix):
            return told | {"gateway": way.via, "flags": ["onlink"]}
        return told | {"via": {"family": socket.AF_INET6, "addr": way.via}, "flags": ["onlink"]}


def _order(item: Item) -> tuple[int, tuple[str, ...]]:
    return (Address, Neighbour, Way, Choice, Source).index(type(item)), tuple(map(str, item))
