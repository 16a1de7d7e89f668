"""The pytest plugin: a cloud for the session, and an account of its own for every test.

def test_orders_are_queued(aws):
    sqs = aws.client("sqs")
    ...
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .account import Account
    from .local import LocalCloud


@pytest.fixture(scope="session")
def cloud() -> Iterator[LocalCloud]:
    """A cloud in memory that lasts as long as the test session."""
    from . import local

    with local.cloud() as running:
        yield running


@pytest.fixture
def aws(cloud: LocalCloud) -> Account:
    """An account that no other test uses: `aws.client("sqs")` is a boto3 client of its root."""
    return cloud.account()
