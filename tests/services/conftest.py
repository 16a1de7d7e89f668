"""What the tests of services share: a clock that stands still unless a test turns it, and refusals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

import pileus
from pileus.testing.local import CloudClock


class Refused:
    """`with refused("InvalidParameterValue", "…"):` wants AWS's error of that code, with that text in its message."""

    def __init__(self, code: str, message: str = "") -> None:
        self.code = code
        self.message = message
        self.response: dict[str, Any] = {}

    def __enter__(self) -> Refused:
        return self

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> bool:
        assert error is not None, f"no {self.code}"
        if not isinstance(error, ClientError):
            return False
        self.response = error.response
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
