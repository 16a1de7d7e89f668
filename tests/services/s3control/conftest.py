"""What the tests of S3 Control share."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from pileus.testing.account import Account
from tests.services.s3.conftest import fresh


@pytest.fixture(autouse=True)
def names_under_localhost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Resolve names under `localhost` to this machine, as RFC 6761 has it and not every resolver does.

    boto3 sends requests of S3 Control to `ACCOUNT.localhost`, and of an access point to `NAME-ACCOUNT.localhost`.
    """
    resolve = socket.getaddrinfo

    def resolving(host: Any, *arguments: Any, **options: Any) -> Any:
        local = isinstance(host, str) and host.endswith(".localhost")
        return resolve("127.0.0.1" if local else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolving)


@pytest.fixture
def control(aws: Account) -> Any:
    return control_of(aws)


def control_of(account: Account, region: str | None = None) -> Any:
    return account.client("s3control", region)


@pytest.fixture
def bucket(aws: Account) -> str:
    name = fresh()
    aws.client("s3").create_bucket(Bucket=name)
    return name
