"""Which packets of visitors go where: routes and rules in the namespace of a server's host.

What comes in by the server's tunnel is judged by the most specific verdict on its destination, routed by a table of its
own, and leaves under the address of the interface by which it leaves. Nothing else goes through.
"""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

from msgspec import Struct

from pileus.engines.network.spaces import Space
from pileus.engines.network.survey import nft

TUNNEL = "tun0"
TABLE = 5000
"""The number of the table that routes what visitors send, and of the rule that says so."""
LAST = 1 << 16
"""The metric of the way that is taken when there is no other."""


class Way(Struct, frozen=True):
    """Where packets for a prefix go: by a device and a neighbour, or to other visitors."""

    prefix: str
    device: str = TUNNEL
    via: str = ""


class Verdict(Struct, frozen=True):
    """Whether packets for a prefix may pass."""

    prefix: str
    allow: bool


class Passing(Struct, frozen=True):
    """Everything about the packets of one server's visitors."""

    port: tuple[str, int]
    """Protocol and number of the server's port."""
    ways: tuple[Way, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    own: dict[str, str] = {}
    """The address of each device by which they leave."""


def rules(passing: Passing) -> str:
    """For nftables."""
    lines = (
        "table ip pileus",
        "delete table ip pileus",
        "table ip pileus {",
        "chain input { type filter hook input priority filter; policy drop;",
        'iifname "lo" accept',
        "ct state established,related accept",
        f'iifname "eth0" {passing.port[0]} dport {passing.port[1]} accept',
        f'iifname "{TUNNEL}" icmp type echo-request accept',
        "}",
        "chain forward { type filter hook forward priority filter; policy drop;",
        "ct state established,related accept",
        f'iifname != "{TUNNEL}" drop',
        *_judged(passing),
        "}",
        "chain leaving { type nat hook postrouting priority srcnat; policy accept;",
        *(f'iifname "{TUNNEL}" oifname "{device}" snat to {own}' for device, own in sorted(passing.own.items())),
        "}",
        "}",
        "",
    )
    return "\n".join(lines)


def _judged(passing: Passing) -> Iterator[str]:
    verdicts = [one for one in passing.verdicts if ":" not in one.prefix]
    for one in sorted(verdicts, key=lambda one: (-ip_network(one.prefix).prefixlen, one.prefix)):
        yield f"ip daddr {one.prefix} {'accept' if one.allow else 'drop'}"


def lay(space: Path, passing: Passing) -> None:
    """Let packets pass so, and no others. It blocks."""
    inside = Space(space.name)
    try:
        with inside.entered():
            done = subprocess.run([nft(), "-f", "-"], input=rules(passing), capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"nft refuses what visitors may do: {done.stderr}\n{rules(passing)}")
        inside.set(ipv4__conf__all__rp_filter=0, ipv4__conf__default__rp_filter=0, ipv4__ip_forward=1)
        _route(inside, passing)
    finally:
        inside.close()


def _route(inside: Space, passing: Passing) -> None:
    """Fill the table anew. Where an interface is not there, nothing is routed to it."""
    kernel = inside.netlink
    if not any(rule.get_attr("FRA_TABLE") == TABLE for rule in kernel.get_rules(family=socket.AF_INET)):
        kernel.rule("add", family=socket.AF_INET, iifname=TUNNEL, table=TABLE, priority=TABLE)
    kernel.flush_routes(table=TABLE, family=socket.AF_INET)
    kernel.route("add", dst="0.0.0.0/0", type="unreachable", table=TABLE, priority=LAST)
    for way in passing.ways:
        if ":" not in way.prefix and (found := kernel.link_lookup(ifname=way.device)):
            via = {"gateway": way.via, "flags": ["onlink"]} if way.via else {}
            kernel.route("replace", dst=way.prefix, table=TABLE, oif=found[0], **via)
