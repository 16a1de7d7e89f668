"""The project's own tests go through HTTP, as every user's tools do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import pileus

pytest_plugins = ["pytester"]


@pytest.fixture(scope="session")
def cloud() -> Iterator[pileus.LocalCloud]:
    with pileus.cloud(sockets=True) as running:
        yield running
