from typing import Any

import pytest

from pileus import LocalCloud
from pileus.testing.account import Account

from .founding import Organized


@pytest.fixture
def org(aws: Account) -> Any:
    """Organizations as the root of an account that is in none."""
    return aws.client("organizations")


@pytest.fixture
def founded(aws: Account, cloud: LocalCloud) -> Organized:
    """An organization with all features."""
    return Organized(aws, cloud)
