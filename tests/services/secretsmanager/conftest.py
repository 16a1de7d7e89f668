"""Secrets Manager as its users see it: boto3 against a running cloud, whose clock stands still."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.config import Config

from pileus.testing.account import Account
from pileus.testing.local import CloudClock


@pytest.fixture
def secrets(aws: Account, clock: CloudClock) -> Any:
    options = Config(parameter_validation=False, retries={"total_max_attempts": 1})
    return aws.client("secretsmanager", config=options)
