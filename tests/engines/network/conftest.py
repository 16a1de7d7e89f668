"""A cloud's worth of networks, and programs of the tests' own inside them."""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import time
from collections.abc import Coroutine, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest

from pileus.engines.network import Group, Network, Networks, Port, Rule, Subnet

T = TypeVar("T")
PATIENCE = 0.3
"""Seconds after which a connection is held to be refused: those that are let through take a millisecond."""
EVERYWHERE = ("0.0.0.0/0", "::/0")
ANY = Rule(prefixes=EVERYWHERE)
OPEN = Group(inbound=(ANY,), outbound=(ANY,))


def everyone(address: str) -> str:
    """What a socket binds to that takes whatever comes, in the family of an address."""
    return "::" if ":" in address else "0.0.0.0"


class Lab:
    """Networks, asked for and probed by a test."""

    def __init__(self, folder: Path) -> None:
        self.loop = asyncio.new_event_loop()
        self.networks = Networks(SimpleNamespace(folder=folder))  # type: ignore[arg-type]

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def apply(self, *plans: Network) -> None:
        self.run(self.networks.apply(*plans))

    def public(self, place: int) -> str:
        return str(self.networks.public[place])

    def socket(
        self, where: str, address: tuple[str, int] | None = None, kind: int = socket.SOCK_STREAM, listens: bool = False
    ) -> socket.socket:
        made = self.run(self.networks.socket(where, address, kind, listens=listens))
        made.settimeout(PATIENCE)
        return made

    @contextlib.contextmanager
    def listening(self, host: str, port: int = 80, address: str = "0.0.0.0") -> Iterator[socket.socket]:
        with self.socket(host, (address, port), listens=True) as server:
            yield server

    def reaches(self, source: str, address: str, port: int = 80, own: str = "") -> bool:
        """Whether a connection can be opened, to somebody who listens."""
        with self.socket(source, (own or everyone(address), 0)) as probe:
            try:
                probe.connect((address, port))
            except (TimeoutError, OSError):
                return False
            return True

    def seen(self, source: str, host: str, address: str, port: int = 80) -> str:
        """By which address the source is known to the host that it reaches; empty if it does not."""
        with self.listening(host, port, everyone(address)) as server:
            if not self.reaches(source, address, port):
                return ""
            peer, (name, *_) = server.accept()
            peer.close()
            return str(name)

    def connects(self, source: str, host: str, address: str, port: int = 80) -> bool:
        return self.seen(source, host, address, port) != ""

    def says(self, source: str, host: str, address: str, port: int = 53) -> bool:
        """Whether a datagram gets there and its answer back."""
        kind, any_ = socket.SOCK_DGRAM, everyone(address)
        with self.socket(host, (any_, port), kind) as server, self.socket(source, (any_, 0), kind) as client:
            client.sendto(b"?", (address, port))
            try:
                server.sendto(b"!", server.recvfrom(10)[1])
                return client.recvfrom(10)[0] == b"!"
            except TimeoutError:
                return False

    def connected(self, probes: list[tuple[str, str, int]], addresses: dict[str, str]) -> set[tuple[str, str, int]]:
        """Which of these connections (source, target, port) come about, tried all at once."""
        with contextlib.ExitStack() as stack:
            for target, port in {(target, port) for _, target, port in probes}:
                stack.enter_context(self.listening(target, port))
            waiting = {}
            for probe in probes:
                client = stack.enter_context(self.socket(probe[0]))
                client.setblocking(False)
                client.connect_ex((addresses[probe[1]], probe[2]))
                waiting[client] = probe
            return self._established(waiting)

    def _established(self, waiting: dict[socket.socket, tuple[str, str, int]]) -> set[tuple[str, str, int]]:
        found, until = set(), time.monotonic() + PATIENCE
        while waiting and (left := until - time.monotonic()) > 0:
            for client in select.select([], [*waiting], [], left)[1]:
                probe = waiting.pop(client)
                if client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                    found.add(probe)
        return found

    def close(self) -> None:
        self.run(self.networks.close())
        self.loop.close()


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    if reason := Networks.available():
        pytest.skip(f"no networks: {reason}")
    made = Lab(tmp_path)
    yield made
    made.close()


def port(name: str, subnet: str, *addresses: str, **settings: Any) -> Port:
    """A port of a host of its own, which is called after it."""
    last = addresses[0].split(".")[-3:]
    mac = ":".join(("02", "aa", f"{sum(map(ord, name)) % 256:02x}", *(f"{int(part):02x}" for part in last)))
    return Port(name, subnet, mac, addresses, **{"host": name, "groups": ("open",)} | settings)


def subnet(prefix: str, table: str = "main", border: str = "") -> Subnet:
    """Whose gateway is the first address of it."""
    return Subnet((prefix,), (prefix.split("/")[0][:-1] + "1",), table, border)
