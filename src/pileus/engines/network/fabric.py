"""What the kernel has of a cloud's networks, and how it is changed. All of it runs in one thread."""

from __future__ import annotations

import re
import socket
import subprocess
import time
from collections.abc import Callable
from ipaddress import summarize_address_range
from pathlib import Path
from typing import Any

from . import layout, mirrors, rules, spaces, survey
from .claims import API, MACHINE, SERVICES, Claim
from .flows import Flow, Key, Recorder
from .kernel import GONE, Kernel, host_interface
from .layout import Item, Layout, primary
from .names import device, link_device, link_mac, mirror_device
from .plans import INTERNET, Link, Mirror, Network, Port
from .rules import Numbers, Ruleset
from .spaces import Space

MTU = 9001
TOKEN = re.compile(r"pileus-([0-9a-f]{8})-")


class Router:
    """A network as it is at present."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self.kernel = Kernel(space)
        self.plan = Network(space.name)
        self.numbers = Numbers()
        self.ports: dict[str, Port] = {}
        self.hosted: dict[str, set[Item]] = {}
        """What the hosts of ports have for them."""
        self.items: set[Item] = set()
        self.rules = ""

        self.mirrors: dict[str, Mirror] = {}
        self.copying = mirrors.NOTHING
        """The rules that copy packets, as they are loaded; empty if they have to be loaded anew."""
        self.recorder: Recorder | None = None

    def mirror(self) -> None:
        """Copy packets as the plan says."""
        wanted = {one.name: one for one in self.plan.mirrors if one.port in self.ports}
        for name, one in wanted.items():
            old = self.mirrors.get(name)
            if old is None or (old.number, old.to) != (one.number, one.to):
                self.kernel.add_mirror(mirror_device(name), one.number, one.to)
                self.copying = ""
        text = mirrors.ruleset(self.plan)
        if text != self.copying:
            load(self.space, text)
            self.copying = text
        for name in self.mirrors.keys() - wanted.keys():
            self.kernel.remove_device(mirror_device(name), set())
        self.mirrors = wanted

    def record(self) -> None:
        """Begin to record flows, or stop it, as the plan says."""
        if not self.plan.recorded:
            self.stop_recording()
            return
        if self.recorder is None:
            self.recorder = Recorder(self.space)
        self.recorder.know(self.plan)

    def stop_recording(self) -> None:
        if self.recorder:
            self.recorder.close()
            self.recorder = None

    def load(self, text: str) -> None:
        if text != self.rules:
            load(self.space, text)
            self.rules = text


class Fabric:
    """All networks of a cloud."""

    def __init__(self, claim: Claim) -> None:
        self._claim = claim
        self._prefix = f"pileus-{claim.token}-"
        self._routers: dict[str, Router] = {}
        self._hosts: dict[str, Space] = {}
        self._homes: dict[str, set[tuple[str, str]]] = {}
        """Which ports, of which networks, each host has."""
        self._held: set[str] = set()
        self.provide: Callable[[Path], None] | None = None
        self._cables: dict[str, tuple[str, str]] = {}
        """The links that are there, with the networks that they join."""
        self._make_internet()

    # What may be asked for

    def apply(self, networks: tuple[Network, ...]) -> None:
        for network in networks:
            if network.name not in self._routers:
                self._routers[network.name] = self._router(network.name)
            self._routers[network.name].plan = network
        self._settle({network.name for network in networks})

    def remove(self, names: tuple[str, ...]) -> None:
        there = [self._routers[name] for name in names if name in self._routers and name != INTERNET]
        for router in there:
            router.plan = Network(router.plan.name)
        self._settle({router.plan.name for router in there})
        for router in there:
            router.stop_recording()
            del self._routers[router.plan.name]
            router.space.close()
            spaces.remove(router.space.name)

    def hold(self, name: str) -> str:
        self._held.add(name)
        return str(self._host(name).path)

    def release(self, name: str) -> None:
        self._held.discard(name)
        self._leave(name)

    def socket(self, where: str, address: tuple[str, int] | None, kind: int, listens: bool) -> socket.socket:
        space = self._routers[where].space if where in self._routers else self._hosts[where]
        return spaces.endpoint(space, address, kind, listens)

    def spaces_by_name(self) -> dict[str, str]:
        routers = {name: router.space.name for name, router in self._routers.items()}
        return routers | {name: space.name for name, space in self._hosts.items()}

    def flows(self, name: str) -> dict[Key, Flow]:
        """What went through a network, and what was refused, since this was last asked."""
        recorder = self._routers[name].recorder if name in self._routers else None
        return recorder.drained(time.time()) if recorder else {}

    def listen(self) -> None:
        """Take in what routers tell of flows, before the kernel has no more room for it."""
        for router in self._routers.values():
            if router.recorder:
                router.recorder.read(time.time())

    def settled(self) -> None:
        """Nothing: whoever asks waits for those before."""

    def close(self) -> None:
        for router in self._routers.values():
            router.stop_recording()
        for space in [*(router.space for router in self._routers.values()), *self._hosts.values()]:
            space.close()
        sweep(self._claim.token)

    # Routers

    def _router(self, name: str) -> Router:
        space = spaces.create(self._prefix + name)
        space.set(
            ipv4__ip_forward=1,
            ipv6__conf__all__forwarding=1,
            ipv4__conf__all__rp_filter=0,
            ipv4__conf__default__rp_filter=0,
            ipv4__conf__default__proxy_arp=1,
            ipv4__conf__all__send_redirects=0,
            ipv4__conf__default__send_redirects=0,
            ipv6__conf__default__accept_ra=0,
            netfilter__nf_conntrack_tcp_be_liberal=1,
            netfilter__nf_conntrack_acct=1,
        )
        return Router(space)

    def _settle(self, changed: set[str]) -> None:
        """Bring the kernel to what the plans say. Rules come first: what they do not know they do not let through."""
        wanted = self._wanted_cables()
        touched = changed | {INTERNET}
        for name in self._cables.keys() | wanted.keys():
            if self._cables.get(name) != wanted.get(name):
                touched.update(self._cables.get(name, ()), wanted.get(name, ()))
        affected = {name: self._routers[name] for name in sorted(touched - {INTERNET}) if name in self._routers}
        links = {name: self._links(router.plan, wanted) for name, router in affected.items()}
        for name, router in affected.items():
            router.load(Ruleset(router.plan, router.numbers, links[name]).text())
        self._lay_cables(wanted)
        for name, router in affected.items():
            self._place_ports(router)
            router.mirror()
            router.record()
            router.kernel.change(router.items, Layout(router.plan, router.numbers, links[name]).items())
        self._settle_internet(wanted)

    def _links(self, plan: Network, cables: dict[str, tuple[str, str]]) -> list[Link]:
        return [link for link in plan.links if link.name in cables]

    def _place_ports(self, router: Router) -> None:
        wanted = {port.name: port for port in router.plan.ports}
        left = []
        for name, port in list(router.ports.items()):
            if name not in wanted or fixed(wanted[name]) != fixed(port):
                left.append(port.host)
                self._unplug(router, port)
        for name, port in wanted.items():
            if name not in router.ports:
                self._plug(router, port)
            self._configure(router, port)
            router.ports[name] = port
        for host in left:
            self._leave(host)

    def _configure(self, router: Router, port: Port) -> None:
        """Give a host the addresses of its port."""
        subnet, there = router.plan.subnets[port.subnet], router.hosted[port.name]
        wanted = set(layout.hosted(port, subnet.gateways, subnet.prefixes))
        if wanted != there:
            host = self._hosts[port.host]
            Kernel(host).change(there, wanted)
            host.hang_up()
            if port.translates:
                host.set(ipv4__ip_forward=1, ipv4__conf__all__send_redirects=0)
                load(host, rules.translation(port))

    def _plug(self, router: Router, port: Port) -> None:
        host = self._host(port.host)
        self._homes.setdefault(port.host, set()).add((router.plan.name, port.name))
        number = router.numbers.subnet(port.subnet)
        name = device(port.name)
        router.kernel.remove_device(name, set())  # which an attempt that failed has left
        router.kernel.add_port(name, number, host, port.device, port.mac, MTU)
        Kernel(host).raise_up(port.device)
        router.ports[port.name], router.hosted[port.name] = port, set()
        if router.mirrors:
            router.copying = ""  # rules at interfaces go with them

    def _unplug(self, router: Router, port: Port) -> None:
        host = self._hosts[port.host]
        Kernel(host).change(router.hosted.pop(port.name), set())
        host.hang_up()
        router.items = router.kernel.remove_device(device(port.name), router.items)
        del router.ports[port.name]
        self._homes[port.host].discard((router.plan.name, port.name))

    # Hosts

    def _host(self, name: str) -> Space:
        if name not in self._hosts:
            self._hosts[name] = spaces.create(self._prefix + name, self.provide)
            self._hosts[name].set(ipv6__conf__default__accept_ra=0, ipv4__conf__all__send_redirects=0)
        return self._hosts[name]

    def _leave(self, name: str) -> None:
        if name in self._hosts and name not in self._held and not self._homes.get(name):
            space = self._hosts.pop(name)
            space.close()
            spaces.remove(space.name)
            self._homes.pop(name, None)

    # Links

    def _wanted_cables(self) -> dict[str, tuple[str, str]]:
        ends: dict[str, set[str]] = {}
        for name, router in self._routers.items():
            for link in router.plan.links:
                ends.setdefault(link.name, set()).update((name, INTERNET) if link.to == INTERNET else (name,))
        return {name: (min(both), max(both)) for name, both in ends.items() if len(both) == 2}

    def _lay_cables(self, wanted: dict[str, tuple[str, str]]) -> None:
        for name, both in list(self._cables.items()):
            if wanted.get(name) != both:
                for network in both:
                    router = self._routers[network]
                    router.items = router.kernel.remove_device(link_device(name), router.items)
                del self._cables[name]
        for name, (first, second) in wanted.items():
            if name not in self._cables:
                self._cables[name] = (first, second)
                near, far = self._routers[first], self._routers[second]
                near.kernel.add_link(link_device(name), link_mac(True), far.space, link_mac(False), MTU)

    # The internet

    def _make_internet(self) -> None:
        router = self._routers[INTERNET] = self._router(INTERNET)
        router.plan = Network(INTERNET)
        router.kernel.join_machine(host_interface(self._claim.token), self.address(MACHINE), self._claim.public)
        router.kernel.serve(self.address(API), self._served())
        self._settle_internet({})

    def _served(self) -> list[str]:
        """The prefixes of the addresses of the cloud's own services."""
        first, last = (self._claim.public[place] for place in (SERVICES.start, SERVICES.stop - 1))
        return [f"{self.address(API)}/32", *map(str, summarize_address_range(first, last))]

    def address(self, place: int) -> str:
        """One of the cloud's own public addresses."""
        return str(self._claim.public[place])

    def _settle_internet(self, cables: dict[str, tuple[str, str]]) -> None:
        router = self._routers[INTERNET]
        ends = [
            (name, link)
            for name, other in self._routers.items()
            for link in self._links(other.plan, cables)
            if link.to == INTERNET
        ]
        behind = {link.name: layout.public(link) for _, link in ends}
        spoken = {link_device(name): prefixes for name, prefixes in behind.items()}
        router.load(rules.internet(spoken, "machine", self._served()))
        router.kernel.change(router.items, layout.internet(INTERNET, ends, behind))


def load(space: Space, text: str) -> None:
    """Replace rules, all at once."""
    with space.entered():
        done = subprocess.run([survey.nft(), "-f", "-"], input=text, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"nft refuses the rules of {space.name}: {done.stderr}\n{text}")


def fixed(port: Port) -> tuple[Any, ...]:
    """What a port cannot change while it is plugged in."""
    return port.host, port.device, port.mac, port.subnet, primary(port, "ip"), primary(port, "ip6"), port.translates


def left() -> set[str]:
    """The tokens of the clouds of which there are namespaces."""
    return {match[1] for name in spaces.named("pileus-") if (match := TOKEN.match(name))}


def sweep(token: str) -> None:
    """Remove all that a cloud has left in the kernel."""
    for name in spaces.named(f"pileus-{token}-"):
        spaces.remove(name)
    from pyroute2 import IPRoute
    from pyroute2.netlink.exceptions import NetlinkError

    with IPRoute() as netlink:
        for index in netlink.link_lookup(ifname=host_interface(token)):
            try:
                netlink.link("del", index=index)
            except NetlinkError as error:
                if error.code not in GONE:  # with the namespace at its other end, meanwhile
                    raise
