"""Networks: how fast changes take effect, connections open and bytes go.

    python -m benchmarks.network          needs root on Linux, nft and iperf3

Times are medians. A network of three subnets is made in a cloud that has others; then ports come, and a rule changes
where there are so many.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from pileus.engines.network import Group, Network, Networks, Port, Route, Rule, Subnet
from pileus.kernel.cloud import Cloud

EVERYTHING = Group(*(2 * ((Rule(prefixes=("0.0.0.0/0",)),),)))
PORTS = 50
ROUNDS = 10


def port(number: int, subnet: int = 0) -> Port:
    address = f"10.0.{subnet}.{number}"
    mac = f"02:00:00:00:{subnet:02x}:{number:02x}"
    return Port(
        f"port-{subnet}-{number}", f"subnet-{subnet}", mac, (address,), f"host-{subnet}-{number}", groups=("all",)
    )


def plan(ports: Iterable[Port], name: str = "measured", rules: int = 0) -> Network:
    subnets = {f"subnet-{n}": Subnet((f"10.0.{n}.0/24",), (f"10.0.{n}.1",), "main") for n in range(3)}
    tables = {"main": (Route("10.0.0.0/16", local=True),)}
    more = Group(tuple(Rule("tcp", (n, n), prefixes=("10.0.0.0/16",)) for n in range(1, rules + 1)))
    return Network(
        name,
        ("10.0.0.0/16",),
        subnets=subnets,
        tables=tables,
        groups={"all": EVERYTHING, "more": more},
        ports=(*ports,),
    )


async def timed(work: Callable[[int], Awaitable[object]], rounds: int = ROUNDS) -> float:
    """Milliseconds, the median."""
    taken = []
    for number in range(rounds):
        began = time.perf_counter()
        await work(number)
        taken.append(1000 * (time.perf_counter() - began))
    return statistics.median(taken)


async def connecting(networks: Networks, source: str, target: str, address: str) -> float:
    """Milliseconds that a connection takes to open."""
    loop = asyncio.get_running_loop()
    with await networks.socket(target, ("0.0.0.0", 7)):

        async def once(_: int) -> None:
            with await networks.socket(source) as client:
                nonlocal began
                began = time.perf_counter()
                await loop.sock_connect(client, (address, 7))
                taken.append(1000 * (time.perf_counter() - began))

        began, taken = 0.0, []
        for number in range(20 * ROUNDS):
            await once(number)
    return statistics.median(taken)


def throughput(names: dict[str, str], source: str, target: str, address: str) -> float:
    """Gbit/s of one TCP connection."""
    inside = ["ip", "netns", "exec"]
    with subprocess.Popen([*inside, names[target], "iperf3", "-s", "-1"], stdout=subprocess.DEVNULL) as server:
        time.sleep(0.5)
        words = [*inside, names[source], "iperf3", "-c", address, "-t", "5", "-J"]
        told = json.loads(subprocess.run(words, capture_output=True, check=True, timeout=30).stdout)
        server.wait(10)
    return float(told["end"]["sum_received"]["bits_per_second"]) / 1e9


async def measure(networks: Networks) -> None:
    await networks.settled()
    made = await timed(lambda number: networks.apply(plan((), f"empty-{number}")))
    print(f"network of three subnets        {made:8.1f} ms")
    ports = [port(number) for number in range(10, 10 + PORTS)]
    began = time.perf_counter()
    await networks.apply(plan(ports))
    print(f"{PORTS} ports at once               {1000 * (time.perf_counter() - began):8.1f} ms")
    one = await timed(lambda number: networks.apply(plan([*ports, port(10 + number, 1)])))
    print(f"one port replaced, of {PORTS}        {one:8.1f} ms")
    rule = await timed(lambda number: networks.apply(plan(ports, rules=number + 1)))
    print(f"one rule more, {PORTS} ports         {rule:8.1f} ms")
    same = await timed(lambda number: networks.apply(plan(ports)))
    print(f"nothing changed                 {same:8.1f} ms")
    await networks.apply(plan([*ports, port(200, 1)]))
    latency = await connecting(networks, "host-0-10", "host-1-200", "10.0.1.200")
    print(f"connection, between subnets     {latency:8.3f} ms")
    if shutil.which("iperf3"):
        fast = throughput(await networks.names(), "host-0-10", "host-1-200", "10.0.1.200")
        print(f"one TCP connection              {fast:8.1f} Gbit/s")


async def main() -> None:
    if reason := Networks.available():
        sys.exit(f"no networks: {reason}")
    with tempfile.TemporaryDirectory() as folder:
        networks = Networks(cast(Cloud, SimpleNamespace(folder=Path(folder))))
        try:
            await measure(networks)
        finally:
            await networks.close()


if __name__ == "__main__":
    asyncio.run(main())
