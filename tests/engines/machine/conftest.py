"""Machines of a cloud of their own, for a test that is written as a coroutine."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pileus.engines.machine import Machine, Machines, images
from pileus.engines.machine.survey import unable
from pileus.kernel.cloud import Cloud
from pileus.kernel.store import open_store

Scenario = Callable[[Machines], Awaitable[Any]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    if why := unable():
        for item in items:
            if here in item.path.parents:
                item.add_marker(pytest.mark.skip(reason=f"no machines: {why}"))


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The image of the host's own system, made once."""
    return images.of_host(tmp_path_factory.mktemp("image") / "host")


@pytest.fixture
def among(tmp_path: Path, image: Path) -> Callable[[Scenario], Any]:
    """Runs a scenario among machines; called again, it is as if the cloud had been restarted."""
    there = tmp_path / "machines" / "host"
    there.mkdir(parents=True)
    images.write(there, images.read(image))

    def carry_out(scenario: Scenario) -> Any:
        async def run() -> Any:
            machines = Machines(Cloud(open_store(None), folder=tmp_path))
            try:
                return await scenario(machines)
            finally:
                await machines.close()

        return asyncio.run(asyncio.wait_for(run(), 60))

    return carry_out


@pytest.fixture
def network() -> Iterator[str]:
    """A network namespace with nothing but a loopback."""
    name = f"machine-test-{os.getpid()}-{os.urandom(2).hex()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
    yield name
    subprocess.run(["ip", "netns", "delete", name], check=True)


async def said(machine: Machine, text: str) -> str:
    """The console, once that is on it."""
    while text not in machine.console.text():
        await asyncio.sleep(0.01)
    return machine.console.text()


async def booted(machine: Machine) -> str:
    return await said(machine, "Cloud-init v. 24.0 finished")
