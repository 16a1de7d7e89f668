"""KMS as its users see it: boto3 against a running cloud, whose clock stands still unless a test turns it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.config import Config

import pileus
from pileus.testing.local import CloudClock


@pytest.fixture(scope="session")
def shared(cloud: pileus.LocalCloud) -> Any:
    return cloud.account().client("kms", config=Config(parameter_validation=False, retries={"total_max_attempts": 1}))


@pytest.fixture
def kms(shared: Any, clock: CloudClock) -> Any:
    """A client of an account that the tests share, since making one takes a while."""
    return shared


@pytest.fixture
def key(kms: Any) -> Callable[..., str]:
    """Makes keys: `key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")` is the id of one."""

    def make(**options: Any) -> str:
        return str(kms.create_key(**options)["KeyMetadata"]["KeyId"])

    return make
