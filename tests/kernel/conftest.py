"""A cloud without sockets or an event loop: a store in memory and a clock that a test turns."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pileus.kernel.call import Call
from pileus.kernel.clock import Clock
from pileus.kernel.cloud import Cloud
from pileus.kernel.identity import root
from pileus.kernel.store import open_store


class Wall:
    """Real time, as a test moves it."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def wall() -> Wall:
    return Wall(1_700_000_000.0)


@pytest.fixture
def kernel(wall: Wall) -> Iterator[Cloud]:
    store = open_store(None)
    yield Cloud(store, Clock(wall))
    store.close()


@pytest.fixture
def call(kernel: Cloud) -> Call:
    return kernel.call("sqs", account="111122223333", principal=root("111122223333"))
