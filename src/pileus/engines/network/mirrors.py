"""Rules that copy packets: a second table of nftables, at the interfaces themselves.

What a host sends comes in at the router's half of its port, what it gets goes out there.
"""

from __future__ import annotations

from collections.abc import Iterator

from .names import device, mirror_device
from .plans import Copied, Mirror, Network
from .rules import family, matched

NOTHING = "table netdev pileus\ndelete table netdev pileus\n"


def ruleset(network: Network) -> str:
    """The rules of a network's mirrors; they name interfaces, which must be there."""
    ports = [port.name for port in network.ports if any(one.port == port.name for one in network.mirrors)]
    if not ports:
        return NOTHING
    lines: list[str] = []
    for place, one in enumerate(network.mirrors):
        for side, wanted in (("in", one.inbound), ("out", one.outbound)):
            lines += [f"chain {side}{place} {{", *_lines(one, wanted), "}"]
    for number, port in enumerate(ports):
        for side, hook in (("in", "egress"), ("out", "ingress")):
            lines.append(f"chain {hook}{number} {{")
            lines.append(f'type filter hook {hook} device "{device(port)}" priority 0; policy accept;')
            lines += [f"jump {side}{place}" for place, one in enumerate(network.mirrors) if one.port == port]
            lines.append("}")
    return "\n".join((f"{NOTHING}table netdev pileus {{", *lines, "}", ""))


def _lines(mirror: Mirror, wanted: tuple[Copied, ...]) -> Iterator[str]:
    for one in wanted:
        kind = family(one.source)
        if kind != family(one.destination) or (what := matched(kind, one.protocol, one.ports)) is None:
            continue
        if one.source_ports and one.protocol in ("tcp", "udp"):
            what += f" {one.protocol} sport {one.source_ports[0]}-{one.source_ports[1]}"
        verdict = f'dup to "{mirror_device(mirror.name)}" accept' if one.allow else "return"
        yield f"{kind} saddr {one.source} {kind} daddr {one.destination} {what} {verdict}"
