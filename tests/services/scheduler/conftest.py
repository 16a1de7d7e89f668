from collections.abc import Iterator

import pytest

import pileus
from tests.services.events.conftest import Queue, client, queue, session, sqs

__all__ = ["Queue", "client", "queue", "session", "sqs"]


@pytest.fixture(scope="session")
def cloud() -> Iterator[pileus.LocalCloud]:
    """A cloud for these tests alone: a year in it is long where others have left something that ticks."""
    with pileus.cloud(sockets=True) as running:
        yield running
