"""BIRD, version 2: its configuration, questions over its control socket, and what it answers."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from pileus.engines.network import Networks
from pileus.engines.network.survey import PATHS

from .plans import Learned, Peer, Speaker, State

ROUTE = re.compile(r"^(?:\d{4}[- ]| )?(\d+\.\d+\.\d+\.\d+/\d+)\s")
PATH = re.compile(r"BGP\.as_path: ?(.*)")
COMMUNITIES = re.compile(r"BGP\.community: ?(.*)")
COMMUNITY = re.compile(r"\((\d+),(\d+)\)")
LAST = re.compile(r"\d{4} ")


def program() -> str:
    """Where BIRD is; empty if nowhere."""
    return shutil.which("bird", path=PATHS) or ""


def unable() -> str:
    """Why nobody can speak BGP; empty if somebody can."""
    if reason := Networks.available():
        return reason
    return "" if program() else "BIRD is not installed: apt-get install bird2"


def configuration(speaker: Speaker) -> str:
    """A bird.conf. Sessions are multihop, for addresses of routers are at no interface of theirs."""
    lines = ["log stderr all;", f"router id {speaker.number};", "protocol device { }"]
    for peer in speaker.peers:
        lines += _session(speaker, peer)
    return "\n".join([*lines, ""])


def _session(speaker: Speaker, peer: Peer) -> Iterator[str]:
    yield f"ipv4 table of_{peer.name};"
    yield f"protocol static announced_{peer.name} {{ ipv4 {{ table of_{peer.name}; }};"
    yield from (f"route {prefix} blackhole;" for prefix in peer.announces)
    yield "}"
    yield f"protocol bgp {peer.name} {{"
    yield "debug { states, routes };"
    yield f"local {peer.ours} as {speaker.asn};"
    yield f"neighbor {peer.address} as {peer.asn};"
    yield "multihop 2;"
    if peer.password:
        yield f'password "{peer.password}";'
    yield f"hold time {peer.hold};"
    yield f"keepalive time {peer.hold // 3};"
    yield "connect delay time 1;"
    yield "connect retry time 5;"
    yield "error wait time 1, 10;"
    yield f"ipv4 {{ table of_{peer.name}; import all; next hop self;"
    yield f'export where proto = "announced_{peer.name}";'
    yield f"import limit {peer.most} action disable; }};"
    yield "}"


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
        if LAST.match(line):
            break
    return lines


async def state(control: Path, peer: str) -> State:
    """How the session with a peer is."""
    about = await asked(control, f"show protocols {peer}")
    if not any("Established" in line for line in about):
        return State()
    return State(True, learned(await asked(control, f"show route protocol {peer} table of_{peer} all")))


def learned(lines: list[str]) -> dict[str, Learned]:
    """The routes in an answer to `show route … all`."""
    found: dict[str, Learned] = {}
    prefix = ""
    path: tuple[int, ...] = ()
    for line in lines:
        if match := ROUTE.match(line):
            prefix, path = match[1], ()
            found[prefix] = Learned()
        elif prefix and (match := PATH.search(line)):
            path = tuple(int(word) for word in match[1].split() if word.isdigit())
            found[prefix] = Learned(path)
        elif prefix and (match := COMMUNITIES.search(line)):
            found[prefix] = Learned(path, tuple(f"{one}:{two}" for one, two in COMMUNITY.findall(match[1])))
    return found
