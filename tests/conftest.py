"""The project's own tests go through HTTP, as every user's tools do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

import pileus

# How long an example takes says how busy the machine is.
settings.register_profile("pileus", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("pileus")

pytest_plugins = ["pytester"]


@pytest.fixture(scope="session")
def cloud() -> Iterator[pileus.LocalCloud]:
    with pileus.cloud(sockets=True) as running:
        yield running
