"""The project's own tests go through HTTP, as every user's tools do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

import pileus
from pileus.kernel.task import Pending
from pileus.testing.account import Account

# How long an example takes says how busy the machine is.
settings.register_profile("pileus", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("pileus")

pytest_plugins = ["pytester"]

MINUTE = 60.0
"""Seconds. What is planned for so soon may be the end of something that runs."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Stacks of Terraform come first: they mostly wait, which one worker does while the others compute."""
    items.sort(key=lambda item: "terraform" not in item.path.name)


@pytest.fixture(scope="session")
def cloud() -> Iterator[pileus.LocalCloud]:
    with pileus.cloud(sockets=True) as running:
        yield running


@pytest.fixture
def aws(cloud: pileus.LocalCloud) -> Iterator[Account]:
    """An account of the test's own. What it would go on to do every hour is not done in turns of others' clocks."""
    account = cloud.account()
    yield account

    def rest() -> None:
        inside = cloud.server.cloud
        with inside.store.attempt():
            for task in Pending.scan(inside.system, above=(inside.clock.now() + MINUTE, "")):
                if task.account == account.id:
                    task.delete(inside.system)

    cloud.do(rest)
