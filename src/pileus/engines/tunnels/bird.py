"""One process of BIRD's, which speaks BGP with the other end of a tunnel; and what it has learned."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from .plans import Bgp, Tunnel

PEER = "peer"
ROUTE = re.compile(r"^(?:\d{4}[- ]| )?(\d+\.\d+\.\d+\.\d+/\d+)\s")
PATH = re.compile(r"BGP\.as_path: ?(.*)")


def configuration(tunnel: Tunnel, bgp: Bgp) -> str:
    """Its bird.conf: it tells what it is given, keeps what it is told, and changes nothing in the kernel."""
    ours = tunnel.inside.partition("/")[0]
    routes = [f"route {prefix} blackhole;" for prefix in bgp.announces]
    lines = (
        "log stderr all;",
        f"router id {ours};",
        "protocol device { }",
        "protocol static announced { ipv4;",
        *routes,
        "}",
        f"protocol bgp {PEER} {{",
        "debug { states, routes };",
        f"local {ours} as {bgp.asn};",
        f"neighbor {tunnel.other} as {bgp.peer_asn};",
        f"hold time {bgp.hold};",
        f"keepalive time {bgp.hold // 3};",
        "connect delay time 1;",
        "connect retry time 5;",
        "error wait time 1, 10;",
        'ipv4 { import all; export where proto = "announced"; next hop self;',
        f"import limit {bgp.most} action disable; }};",
        "}",
        "",
    )
    return "\n".join(lines)


async def asked(control: Path, command: str) -> list[str]:
    """The lines that BIRD answers to a command."""
    reader, writer = await asyncio.open_unix_connection(control)
    try:
        await _answer(reader)
        writer.write(f"{command}\n".encode())
        return await _answer(reader)
    finally:
        writer.close()


async def _answer(reader: asyncio.StreamReader) -> list[str]:
    """Lines up to the one whose code is followed by a space."""
    lines: list[str] = []
    while line := (await reader.readline()).decode(errors="replace"):
        lines.append(line.rstrip("\n"))
        if re.match(r"\d{4} ", line):
            break
    return lines


def learned(lines: list[str]) -> dict[str, int]:
    """The routes in an answer to `show route … all`, with the lengths of their paths."""
    found: dict[str, int] = {}
    prefix = ""
    for line in lines:
        if match := ROUTE.match(line):
            prefix = match[1]
            found[prefix] = 0
        elif prefix and (path := PATH.search(line)):
            found[prefix] = len(path[1].split())
    return found
