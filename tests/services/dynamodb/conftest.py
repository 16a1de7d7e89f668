"""Tables as their users see them: boto3 against a running cloud, whose clock stands still unless a test turns it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from botocore.config import Config

import pileus
from pileus.testing.account import Account
from pileus.testing.local import CloudClock

NEW = Config(parameter_validation=False, retries={"total_max_attempts": 1})
numbers = itertools.count(1)


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
