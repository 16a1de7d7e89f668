"""From a network's plan to the rules of its router: one table of nftables, replaced as a whole.

What a packet meets, in this order:

    raw       public addresses become private ones, where a link leads to the internet. Before connections are tracked,
              so that those know private addresses only
    arrival   is it from its port's own addresses? Which table routes it? (a mark, unless it stays in its subnet)
    forward   borders, in both directions, each packet; connections that are known; groups of the sender; groups of the
              receiver. What no rule lets through is dropped
    leaving   private addresses become public ones

Subnets are known by the group of their interfaces, so a new port changes none of their rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from .names import VOID, device, link_device
from .plans import INTERNET, Border, Entry, Group, Link, Network, Port, Rule

ACCEPTED, REFUSED = 1, 2
DISCOVERY = "{ nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert }"


class Numbers:
    """Numbers for names, which stay what they are for as long as a network is there."""

    def __init__(self) -> None:
        self._given: dict[tuple[str, ...], int] = {}

    def subnet(self, name: str) -> int:
        return self._of("subnet", name)

    def table(self, name: str) -> int:
        """Of a table of routes, and the mark of packets that it routes. The kernel's own tables end at 255."""
        return 1000 + self._of("table", name)

    def _of(self, *what: str) -> int:
        return self._given.setdefault(what, len(self._given) + 1)


def family(address: str) -> str:
    return "ip6" if ":" in address else "ip"


def of(addresses: Iterable[str], kind: str) -> list[str]:
    """Those of one family."""
    return sorted({address for address in addresses if family(address) == kind})


def listed(elements: Iterable[str]) -> str:
    return "{ " + ", ".join(elements) + " }"


class Ruleset:
    """The rules of one network, as text."""

    def __init__(self, network: Network, numbers: Numbers, links: Iterable[Link]) -> None:
        self.network = network
        self.numbers = numbers
        self.links = tuple(links)
        """Those whose other ends are there."""
        self._names = {name: f"s{place}" for place, name in enumerate(sorted(network.sets))}
        self._groups = {name: f"g{place}" for place, name in enumerate(sorted(network.groups))}

    def text(self) -> str:
        lines = [*self._sets(), *self._raw(), *self._arrival(), *self._input(), *self._forward(), *self._leaving()]
        return "\n".join(("table inet pileus", "delete table inet pileus", "table inet pileus {", *lines, "}", ""))

    # Sets

    def _sets(self) -> Iterator[str]:
        for name, members in sorted(self.network.sets.items()):
            yield from _set(f"{self._names[name]}v4", "ipv4_addr", of(members, "ip"), ranges=True)
            yield from _set(f"{self._names[name]}v6", "ipv6_addr", of(members, "ip6"), ranges=True)
        for kind, type_ in (("ip", "ipv4_addr"), ("ip6", "ipv6_addr")):
            own = [
                f'"{device(port.name)}" . {address}'
                for port in self.network.ports
                for address in of((*port.addresses, *port.delegated), kind)
            ]
            ranges = any(port.delegated for port in self.network.ports)
            yield from _set(f"own_{kind}", f"ifname . {type_}", own, ranges)

    # Before connections are tracked, and after

    def _raw(self) -> Iterator[str]:
        yield "chain raw { type filter hook prerouting priority raw; policy accept;"
        for link in self.links:
            if link.public:
                pairs = listed(f"{public} : {private}" for private, public in sorted(link.public.items()))
                yield f'iifname "{link_device(link.name)}" ip daddr set ip daddr map {pairs}'
            for prefix, known in link.translated:
                yield f'iifname "{link_device(link.name)}" {_moved("saddr", prefix, known)}'
        yield "}"

    def _leaving(self) -> Iterator[str]:
        yield "chain leaving { type filter hook postrouting priority 300; policy accept;"
        for link in self.links:
            if link.public:
                pairs = listed(f"{private} : {public}" for private, public in sorted(link.public.items()))
                yield f'oifname "{link_device(link.name)}" ip saddr set ip saddr map {pairs}'
            for prefix, known in link.translated:
                yield f'oifname "{link_device(link.name)}" {_moved("daddr", known, prefix)}'
        yield "}"

    # Where packets arrive

    def _arrival(self) -> Iterator[str]:
        yield "chain arrival { type filter hook prerouting priority mangle; policy drop;"
        yield 'iifname "lo" accept'
        yield f"ip6 daddr {{ fe80::/10, ff02::/16 }} icmpv6 type {DISCOVERY} accept"
        for link in self.links:
            mark = f"meta mark set {self.numbers.table(link.table)} " if link.table else ""
            yield f'iifname "{link_device(link.name)}" {mark}accept'
        if unchecked := [device(port.name) for port in self.network.ports if not port.checked]:
            yield f"iifname {listed(map(_quoted, unchecked))} goto routed"
        yield "iifname . ip saddr @own_ip goto routed"
        yield "iifname . ip6 saddr @own_ip6 goto routed"
        yield "}"
        chains = []
        for name, subnet in sorted(self.network.subnets.items()):
            number = self.numbers.subnet(name)
            chains.append(f"{number} : goto routed{number}")
            yield f"chain routed{number} {{"
            for kind in ("ip", "ip6"):
                if prefixes := of(subnet.prefixes, kind):
                    yield f"{kind} daddr {listed(prefixes)} accept"
            yield f"meta mark set {self.numbers.table(subnet.table)} accept"
            yield "}"
        yield from _map("routed", "iifgroup", chains)

    def _input(self) -> Iterator[str]:
        """What is for the router itself: services that it offers to its ports."""
        yield "chain input { type filter hook input priority filter; policy drop;"
        yield f"ip6 daddr {{ fe80::/10, ff02::/16 }} icmpv6 type {DISCOVERY} accept"
        yield 'iifname "lo" accept'
        yield "ct state established,related accept"
        if links := [link_device(link.name) for link in self.links]:
            yield f"iifname {listed(map(_quoted, links))} drop"
        for kind in ("ip", "ip6"):
            if local := of(self.network.local, kind):
                yield f"{kind} daddr {listed(local)} accept"
        yield "}"

    # What goes through

    def _forward(self) -> Iterator[str]:
        yield from self._refusals()
        subnets = self.network.subnets
        bordered = sorted((self.numbers.subnet(name), name) for name, subnet in subnets.items() if subnet.border)
        for number, name in bordered:
            doors = [_quoted(link_device(link.name)) for link in self.links if link.door == name]
            yield from _border(number, self.network.borders[subnets[name].border], doors)
        yield from _map("leave", "iifgroup", [f"{number} : jump leave{number}" for number, _ in bordered])
        yield from _map("enter", "oifgroup", [f"{number} : jump enter{number}" for number, _ in bordered])
        yield from self._filters()
        for link in self.links:
            yield from self._guard(link)
        yield "chain forward { type filter hook forward priority filter; policy drop;"
        yield f'oifname "{VOID}" drop'
        for link in self.links:
            yield f'iifname "{link_device(link.name)}" jump in_{link_device(link.name)}'
            yield f'oifname "{link_device(link.name)}" jump out_{link_device(link.name)}'
        yield "jump leave"
        yield "ct state established,related goto known"
        yield "jump sending"
        yield "goto receiving"
        yield "}"

    def _refusals(self) -> Iterator[str]:
        for side in ("out", "in"):
            note = f'log prefix "{side}" group {REFUSED} snaplen 64 ' if self.network.recorded else ""
            yield f"chain refused_{side} {{ {note}drop"
            yield "}"

    def _filters(self) -> Iterator[str]:
        """Groups. Ports that have the same ones share a chain."""
        for name, group in sorted(self.network.groups.items()):
            yield from self._group(name, group)
        combinations: dict[tuple[str, ...], list[Port]] = {}
        for port in self.network.ports:
            if port.groups is not None:
                combinations.setdefault(tuple(sorted(set(port.groups))), []).append(port)
        for place, groups in enumerate(sorted(combinations)):
            for side in ("out", "in"):
                yield f"chain {side}{place} {{"
                yield from (f"jump {self._groups[name]}{side}" for name in groups)
                yield f"goto refused_{side}"
                yield "}"
        numbered = [(place, combinations[groups]) for place, groups in enumerate(sorted(combinations))]
        for chain, key, side in (("sending", "iifname", "out"), ("filtered", "oifname", "in")):
            places = [f'"{device(port.name)}" : goto {side}{place}' for place, ports in numbered for port in ports]
            yield from _map(chain, key, places)
        yield "chain known { jump enter"
        yield "accept"
        yield "}"
        yield "chain receiving { jump enter"
        yield "jump filtered"
        yield "accept"
        yield "}"

    def _group(self, name: str, group: Group) -> Iterator[str]:
        for side, rules, verdict in (("out", group.outbound, "goto receiving"), ("in", group.inbound, "accept")):
            yield f"chain {self._groups[name]}{side} {{"
            for rule in rules:
                for match in self._matches(rule, "daddr" if side == "out" else "saddr"):
                    yield f"{match} {verdict}"
            yield "}"

    def _matches(self, rule: Rule, side: str) -> Iterator[str]:
        for kind, suffix in (("ip", "v4"), ("ip6", "v6")):
            what = matched(kind, rule.protocol, rule.ports, rule.icmp)
            if what is None:
                continue
            if prefixes := of(rule.prefixes, kind):
                yield f"{kind} {side} {listed(_joined(prefixes))} {what}"
            for name in rule.sets:
                if name in self._names:
                    yield f"{kind} {side} @{self._names[name]}{suffix} {what}"

    def _guard(self, link: Link) -> Iterator[str]:
        """What may go through a link, whatever tables and groups say."""
        name = link_device(link.name)
        private = set(link.public)
        for way, mine, other in (("in", "daddr", "saddr"), ("out", "saddr", "daddr")):
            yield f"chain {way}_{name} {{"
            for kind in ("ip", "ip6"):
                for prefixes, side in ((link.ours, mine), (link.theirs, other)):
                    if prefixes is not None:
                        yield f"{kind} {side} != {listed(_joined(of(prefixes, kind)) or [_nobody(kind)])} drop"
            if link.to == INTERNET:
                yield f"ip {mine} != {listed(sorted(private) or [_nobody('ip')])} drop"
            if link.outward:
                yield "ct direction reply drop" if way == "out" else "ct state new drop"
            if link.door and (subnet := self.network.subnets[link.door]).border:
                yield from _doorstep(self.network.borders[subnet.border], way, subnet.prefixes)
            yield "}"


def _border(number: int, border: Border, doors: list[str]) -> Iterator[str]:
    """One judgement for each packet that crosses, whichever connection it is of; what comes by a door is inside."""
    sides = (
        ("leave", border.outbound, "daddr", "oifgroup", "out"),
        ("enter", border.inbound, "saddr", "iifgroup", "in"),
    )
    for name, entries, side, other, way in sides:
        yield f"chain {name}{number} {{ meta {other} {number} return"
        if doors and name == "enter":
            yield f"iifname {listed(doors)} return"
        for entry in entries:
            yield from _line(entry, side, f"goto refused_{way}")
        yield f"goto refused_{way}"
        yield "}"


def _moved(side: str, source: str, target: str) -> str:
    """The rule that puts addresses of one prefix in the place of those of another, and ends the chain for them."""
    from ipaddress import IPv4Network

    network = IPv4Network(target)
    return f"ip {side} {source} ip {side} set ip {side} & {network.hostmask} | {network.network_address} accept"


def _doorstep(border: Border, way: str, own: tuple[str, ...]) -> Iterator[str]:
    """What a link's door thinks of packets: those that go out enter it, those that come in for elsewhere leave it."""
    if way == "in":
        for kind in ("ip", "ip6"):
            if prefixes := of(own, kind):
                yield f"{kind} daddr {listed(prefixes)} return"
    for entry in border.outbound if way == "in" else border.inbound:
        yield from _line(entry, "daddr" if way == "in" else "saddr", "drop")
    yield "drop"


def _line(entry: Entry, side: str, refused: str) -> Iterator[str]:
    kind = family(entry.prefix)
    what = matched(kind, entry.protocol, entry.ports, entry.icmp)
    if what is not None:
        yield f"{kind} {side} {entry.prefix} {what} {'return' if entry.allow else refused}"


def matched(
    kind: str, protocol: str, ports: tuple[int, int] | None = None, icmp: tuple[int, int] | None = None
) -> str | None:
    """What picks a protocol's packets out; None where that family cannot have any."""
    match protocol:
        case "any":
            return ""
        case "icmp" | "icmpv6":
            if (protocol == "icmpv6") != (kind == "ip6"):
                return None
            type_, code = icmp or (-1, -1)
            if type_ < 0:
                return f"meta l4proto {'ipv6-icmp' if kind == 'ip6' else 'icmp'}"
            return f"{protocol} type {type_}" + (f" {protocol} code {code}" if code >= 0 else "")
        case "tcp" | "udp" if ports and ports != (0, 65535):
            return f"{protocol} dport {ports[0]}-{ports[1]}"
    return f"meta l4proto {protocol}"


def _joined(prefixes: list[str]) -> list[str]:
    """Without those that others contain: sets written in rules may not overlap."""
    from ipaddress import collapse_addresses, ip_network

    networks = (ip_network(prefix, strict=False) for prefix in prefixes)
    return [str(network) for network in collapse_addresses(networks)]  # type: ignore[type-var]


def _nobody(kind: str) -> str:
    return "0.0.0.0" if kind == "ip" else "::"


def _quoted(name: str) -> str:
    return f'"{name}"'


def _set(name: str, type_: str, elements: list[str], ranges: bool = False) -> Iterator[str]:
    """A named set."""
    yield f"set {name} {{ type {type_};{' flags interval;' if ranges else ''}"
    if ranges and "." not in type_:
        yield "auto-merge;"
    if elements:
        yield f"elements = {listed(elements)}"
    yield "}"


def _map(chain: str, key: str, verdicts: Iterable[str]) -> Iterator[str]:
    """A chain that is left by what is looked up."""
    verdicts = list(verdicts)
    yield f"chain {chain} {{"
    if verdicts:
        yield f"{'meta ' if key.endswith('group') else ''}{key} vmap {listed(verdicts)}"
    yield "}"


def translation(port: Port) -> str:
    """The rules of a host that sends on what it gets under its port's own addresses."""
    own = of(port.addresses, "ip")
    to = (
        f"{own[0]}"
        if len(own) == 1
        else f"jhash ip daddr mod {len(own)} map {listed(f'{i} : {a}' for i, a in enumerate(own))}"
    )
    lines = (
        "table ip pileus",
        "delete table ip pileus",
        "table ip pileus {",
        "chain forward { type filter hook forward priority filter; policy accept;",
        "ct state invalid drop",
        "}",
        "chain leaving { type nat hook postrouting priority srcnat; policy accept;",
        f"snat to {to}",
        "}",
        "}",
        "",
    )
    return "\n".join(lines)


def internet(public: Mapping[str, tuple[str, ...]], host: str, served: Iterable[str]) -> str:
    """The rules of the internet: all speak under their own addresses; nobody opens connections to the machine."""
    others = of(served, "ip")
    arrival = [
        f'iifname "{link}" {kind} saddr {listed(_joined(own))} accept'
        for link, prefixes in sorted(public.items())
        for kind in ("ip", "ip6")
        if (own := of(prefixes, kind))
    ]
    lines = (
        "table inet pileus",
        "delete table inet pileus",
        "table inet pileus {",
        "chain arrival { type filter hook prerouting priority mangle; policy drop;",
        'iifname "lo" accept',
        f"ip6 daddr {{ fe80::/10, ff02::/16 }} icmpv6 type {DISCOVERY} accept",
        f'iifname "{host}" accept',
        *arrival,
        "}",
        "chain input { type filter hook input priority filter; policy drop;",
        f"ip6 daddr {{ fe80::/10, ff02::/16 }} icmpv6 type {DISCOVERY} accept",
        'iifname "lo" accept',
        "ct state established,related accept",
        *([f"ip daddr {listed(others)} accept"] if others else []),
        "}",
        "chain forward { type filter hook forward priority filter; policy drop;",
        "ct state established,related accept",
        f'oifname {{ "{VOID}", "{host}" }} drop',
        "accept",
        "}",
        "}",
        "",
    )
    return "\n".join(lines)
