"""Machines: how soon user data runs, and what fifty of them cost.

    python -m benchmarks.machine          needs root on Linux

The image is there before the first one starts, as it is in a cloud that has had an instance. Memory is what the control
groups of the machines count, with what the kernel has for them, a second after their boots.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

from pileus.engines.machine import Machine, Machines, Plan
from pileus.engines.machine.survey import unable
from pileus.kernel.cloud import Cloud
from pileus.kernel.store import open_store

COUNT = 50
ROUNDS = 10
MEGABYTE = 1 << 20
SCRIPT = b"#!/bin/sh\necho user data runs\n"


def plan(number: int) -> Plan:
    return Plan(name=f"machine-{number}", user_data=SCRIPT)


async def ran(machine: Machine) -> None:
    while "user data runs" not in machine.console.text():
        await asyncio.sleep(0.001)


async def first(machines: Machines) -> float:
    """Milliseconds from being asked for to user data running, the median."""
    taken = []
    for number in range(ROUNDS):
        began = time.perf_counter()
        machine = await machines.start(plan(number))
        await ran(machine)
        taken.append(1000 * (time.perf_counter() - began))
        await machine.stop()
        machines.forget(machine.name)
    return statistics.median(taken)


async def many(machines: Machines) -> tuple[float, float, float]:
    """Seconds until fifty have run theirs, megabytes for each, and seconds until all have stopped."""
    began = time.perf_counter()
    running = await asyncio.gather(*(machines.start(plan(number)) for number in range(COUNT)))
    await asyncio.gather(*map(ran, running))
    started = time.perf_counter() - began
    await asyncio.sleep(1)
    used = [used_by(machine) for machine in running]
    began = time.perf_counter()
    await asyncio.gather(*(machine.stop() for machine in running))
    return started, statistics.mean(used), time.perf_counter() - began


def used_by(machine: Machine) -> float:
    assert machine.group
    names = ("memory.current",) if machine.group.version == 2 else ("memory.usage_in_bytes",)
    return sum(int((machine.group.memory / name).read_text()) for name in names) / MEGABYTE


async def measure(folder: Path) -> None:
    machines = Machines(Cloud(open_store(None), folder=folder))
    try:
        began = time.perf_counter()
        machines.image()
        print(f"image of the host's system    {1000 * (time.perf_counter() - began):8.0f} ms")
        await (await machines.start(plan(0))).stop()
        print(f"to user data running          {await first(machines):8.0f} ms")
        started, used, stopped = await many(machines)
        print(f"{COUNT} machines, user data done   {started:8.1f} s")
        print(f"memory of each                {used:8.1f} MB")
        print(f"{COUNT} machines stopped           {stopped:8.1f} s")
    finally:
        await machines.close()


def main() -> None:
    if reason := unable():
        sys.exit(f"there can be no machines here: {reason}")
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(Path(folder)))


if __name__ == "__main__":
    main()
