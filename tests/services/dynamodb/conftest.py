"""Tables as their users see them: boto3 against a running cloud, whose clock stands still unless a test turns it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

import pileus
from pileus.testing.account import Account
from pileus.testing.local import CloudClock

NEW = Config(parameter_validation=False, retries={"total_max_attempts": 1})
numbers = itertools.count(1)


class Refused:
    """`with refused("ValidationException", "…"):` wants AWS's error of that code, with that text in its message."""

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


@pytest.fixture(scope="session")
def account(cloud: pileus.LocalCloud) -> Account:
    """An account that the tests share, since making a client takes a while; tables have names of their own."""
    return cloud.account()


@pytest.fixture(scope="session")
def client(account: Account) -> Any:
    return account.client("dynamodb", config=NEW)


@pytest.fixture(scope="session")
def streams(account: Account) -> Any:
    return account.client("dynamodbstreams", config=NEW)


@pytest.fixture(scope="session")
def resource(account: Account) -> Any:
    return account.resource("dynamodb")


@pytest.fixture
def clock(cloud: pileus.LocalCloud) -> Iterator[CloudClock]:
    cloud.clock.freeze()
    yield cloud.clock
    cloud.clock.resume()


@pytest.fixture
def db(client: Any, clock: CloudClock) -> Any:
    return client


Make = Callable[..., str]


@pytest.fixture
def make(db: Any) -> Make:
    """Makes tables: `make()`, `make("pk S, sk N", gsis={"byA": "a S"}, lsis={"byB": "pk S, b N"})`."""

    def create(key: str = "pk S", gsis: dict[str, Any] = {}, lsis: dict[str, Any] = {}, **more: Any) -> str:
        name = f"table-{next(numbers)}"
        types: dict[str, str] = {}

        def schema(text: str) -> list[dict[str, str]]:
            parts = [part.split() for part in text.split(",")]
            types.update({part[0]: part[1] for part in parts})
            return [
                {"AttributeName": part[0], "KeyType": kind}
                for part, kind in zip(parts, ("HASH", "RANGE"), strict=False)
            ]

        def index(name: str, given: Any) -> dict[str, Any]:
            text, projection = given if isinstance(given, tuple) else (given, {"ProjectionType": "ALL"})
            return {"IndexName": name, "KeySchema": schema(text), "Projection": projection}

        asked: dict[str, Any] = {"TableName": name, "KeySchema": schema(key), "BillingMode": "PAY_PER_REQUEST"}
        if gsis:
            asked["GlobalSecondaryIndexes"] = [index(*one) for one in gsis.items()]
        if lsis:
            asked["LocalSecondaryIndexes"] = [index(*one) for one in lsis.items()]
        asked["AttributeDefinitions"] = [{"AttributeName": n, "AttributeType": t} for n, t in types.items()]
        db.create_table(**asked | more)
        return name

    return create


def s(text: str) -> dict[str, str]:
    return {"S": text}


def n(number: object) -> dict[str, str]:
    return {"N": str(number)}
