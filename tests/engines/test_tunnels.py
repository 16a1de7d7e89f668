"""Tunnels of IPsec between two namespaces, and the routes that their ends tell each other."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from pileus.engines.network import Network, Networks, Port, Subnet
from pileus.engines.network.claims import token
from pileus.engines.tunnels import Bgp, End, State, Suite, Tunnel, Tunnels
from pileus.engines.tunnels.engine import FOLDER
from pileus.engines.tunnels.vici import packed, unpacked

IKE = Suite(("aes128", "aes256gcm16"), ("sha1", "sha256"), ("modp1024", "ecp256"), 28800)
ESP = Suite(("aes128", "aes256gcm16"), ("sha1", "sha256"), ("modp1024", "ecp256"), 3600)
LEFT = Tunnel("10.9.0.4", "10.9.0.4", "10.9.0.5", "a secret of theirs", "169.254.9.1/30", "169.254.9.2", IKE, ESP)
RIGHT = Tunnel("10.9.0.5", "10.9.0.5", "10.9.0.4", "a secret of theirs", "169.254.9.2/30", "169.254.9.1", IKE, ESP)


def test_messages_for_strongswan_are_packed_and_unpacked():
    message = {"a": "1", "b": {"c": ["x", "y"], "d": {"e": ""}, "f": "g"}, "h": []}
    assert unpacked(packed(message)) == message
    assert packed({"k": "v"}) == b"\x03\x01k\x00\x01v"


class Ends:
    """Both ends of a tunnel, and what is told of them."""

    def __init__(self, networks: Networks) -> None:
        self.networks = networks
        self.tunnels = Tunnels(SimpleNamespace())  # type: ignore[arg-type]
        self.states = {"left": State(), "right": State()}
        self._changed = asyncio.Event()

    async def keep(self, left: Tunnel, right: Tunnel) -> None:
        for name, tunnel in (("left", left), ("right", right)):
            end = End(await self.networks.host(name), tunnel)
            await self.tunnels.keep(name, {name: end}, self.hear)

    def hear(self, name: str, state: State) -> None:
        self.states[name] = state
        self._changed.set()

    async def until(self, true: Callable[[dict[str, State]], bool]) -> None:
        async with asyncio.timeout(20):
            while not true(self.states):
                self._changed.clear()
                await self._changed.wait()

    async def up(self) -> None:
        await self.until(lambda states: all(one.up for one in states.values()))

    async def pings(self, source: str, address: str) -> bool:
        name = (await self.networks.names())[source]
        words = ("ip", "netns", "exec", name, "ping", "-c", "1", "-W", "1", address)
        process = await asyncio.create_subprocess_exec(*words, stdout=subprocess.DEVNULL)
        return await process.wait() == 0


@pytest.fixture
def lab(tmp_path):
    if reason := Tunnels.available():
        pytest.skip(f"no tunnels: {reason}")

    def run(work: Callable[[Ends], object]) -> None:
        async def whole() -> None:
            networks = Networks(SimpleNamespace(folder=tmp_path))  # type: ignore[arg-type]
            ports = tuple(
                Port(name, "one", f"02:00:00:00:09:0{place}", (f"10.9.0.{place}",), name)
                for place, name in ((4, "left"), (5, "right"))
            )
            subnets = {"one": Subnet(("10.9.0.0/24",), ("10.9.0.1",), "t")}
            await networks.apply(Network("blue", ("10.9.0.0/24",), subnets=subnets, tables={"t": ()}, ports=ports))
            ends = Ends(networks)
            try:
                await work(ends)  # type: ignore[misc]
            finally:
                await ends.tunnels.close()
                await networks.close()
            assert processes(tmp_path) == [] and left(tmp_path) == []

        asyncio.run(whole())

    return run


def left(folder: Path) -> list[str]:
    """What is left of this test's cloud: others may run on the machine."""
    return [one.name for one in FOLDER.glob(f"pileus-{token(folder)}-*")]


def processes(folder: Path) -> list[str]:
    """What runs in namespaces that belong to this test's cloud."""

    found = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout.splitlines()
    return [line for line in found if token(folder) in line and "ps -eo" not in line]


@pytest.mark.parametrize("version", [1, 2])
def test_packets_go_through_as_soon_as_one_end_begins(lab, version):
    async def work(ends: Ends) -> None:
        await ends.keep(LEFT, msgspec.structs.replace(RIGHT, versions=(version,), starts=True))
        await ends.up()
        state = ends.states["left"]
        assert state.version == version and state.ike.encryption == "AES_CBC" and state.ike.bits == 128
        assert state.esp.encryption == "AES_CBC" and state.ike.group == "MODP_1024"
        assert await ends.pings("right", "169.254.9.1") and await ends.pings("left", "169.254.9.2")
        incoming, outgoing = (await ends.tunnels.moved("left"))["left"]
        assert incoming > 0 and outgoing > 0
        await ends.tunnels.leave("right")
        await ends.until(lambda states: not states["left"].up)

    lab(work)


def test_another_secret_lets_nobody_in(lab):
    async def work(ends: Ends) -> None:
        await ends.keep(LEFT, msgspec.structs.replace(RIGHT, secret="another secret", starts=True))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await ends.up()

    lab(work)


def test_ends_tell_each_other_of_routes(lab):
    if reason := Tunnels.silent():
        pytest.skip(reason)

    async def work(ends: Ends) -> None:
        theirs = ("172.20.0.0/16", "192.168.4.0/22")
        left = msgspec.structs.replace(LEFT, bgp=Bgp(64512, 65000, ("10.0.0.0/16",)))
        right = msgspec.structs.replace(RIGHT, bgp=Bgp(65000, 64512, theirs), starts=True)
        await ends.keep(left, right)
        await ends.until(lambda states: states["left"].told == dict.fromkeys(theirs, 1))
        await ends.until(lambda states: states["right"].told == {"10.0.0.0/16": 1})
        fewer = msgspec.structs.replace(right, bgp=Bgp(65000, 64512, theirs[:1]))
        before = processes_of(ends)
        await ends.keep(left, fewer)
        await ends.until(lambda states: states["left"].told == {"172.20.0.0/16": 1})
        assert processes_of(ends) == before, "nothing was begun anew"

    lab(work)


def processes_of(ends: Ends) -> list[int]:
    return sorted(one.pid for each in ends.tunnels._of.values() for end in each.values() for one in end._processes)


def test_a_process_that_ends_is_begun_anew(lab):
    async def work(ends: Ends) -> None:
        await ends.keep(LEFT, msgspec.structs.replace(RIGHT, starts=True))
        await ends.up()
        os.kill(ends.tunnels._of["right"]["right"]._processes[0].pid, 9)
        await ends.until(lambda states: not states["right"].up)
        await ends.up()
        assert await ends.pings("left", "169.254.9.2")

    lab(work)
