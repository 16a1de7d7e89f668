"""The project's own tests go through HTTP, as every user's tools do."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

import pytest
from hypothesis import HealthCheck, settings

import pileus

# How long an example takes says how busy the machine is.
settings.register_profile("pileus", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("pileus")

pytest_plugins = ["pytester"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread the files about Terraform evenly: their tests mostly wait, and would keep one process at the end."""
    stacks = [list(file) for path, file in groupby(items, lambda item: item.path) if "terraform" in path.name]
    waiting = {item for file in stacks for item in file}
    others = [item for item in items if item not in waiting]
    between = len(others) // (len(stacks) + 1)
    items[:] = []
    for number, file in enumerate(stacks):
        items += others[number * between : (number + 1) * between] + file
    items += others[len(stacks) * between :]


@pytest.fixture(scope="session")
def cloud() -> Iterator[pileus.LocalCloud]:
    with pileus.cloud(sockets=True) as running:
        yield running
