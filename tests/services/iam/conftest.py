from typing import Any

import pytest

from pileus import LocalCloud
from pileus.testing.account import Account


@pytest.fixture
def iam(aws: Account) -> Any:
    """IAM as the account's root."""
    return aws.client("iam")


@pytest.fixture
def other(cloud: LocalCloud) -> Account:
    return cloud.account()
