"""KMS as its users see it: boto3 against a running cloud, whose clock stands still unless a test turns it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

import pileus
from pileus.testing.local import CloudClock


class Refused:
    """`with refused("DisabledException", "…"):` wants AWS's error of that code, with that text in its message."""

    def __init__(self, code: str, message: str = "") -> None:
        self.code = code
        self.message = message

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> bool:
        assert error is not None, f"no {self.code}"
        if not isinstance(error, ClientError):
            return False
        told = error.response["Error"]
        assert told["Code"] == self.code, error
        assert self.message in told["Message"], error
        return True


@pytest.fixture(scope="session")
def refused() -> type[Refused]:
    return Refused


@pytest.fixture
def clock(cloud: pileus.LocalCloud) -> Iterator[CloudClock]:
    cloud.clock.freeze()
    yield cloud.clock
    cloud.clock.resume()


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
