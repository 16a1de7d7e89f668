"""Streams as their users see them: boto3 against a running cloud, whose clock stands still unless a test turns it."""

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
    """An account that the tests share, since making a client takes a while; streams have names of their own."""
    return cloud.account()


@pytest.fixture(scope="session")
def client(account: Account) -> Any:
    return account.client("kinesis", config=NEW)


@pytest.fixture
def kinesis(client: Any, clock: CloudClock) -> Any:
    return client


Make = Callable[..., str]


@pytest.fixture
def make(kinesis: Any, clock: CloudClock) -> Make:
    """Makes streams: `make()`, `make(4)`, `make(None)` for one on demand."""

    def create(shards: int | None = 1, **more: Any) -> str:
        name = f"stream-{next(numbers)}"
        if shards is None:
            kinesis.create_stream(StreamName=name, StreamModeDetails={"StreamMode": "ON_DEMAND"}, **more)
        else:
            kinesis.create_stream(StreamName=name, ShardCount=shards, **more)
        clock.advance(1)
        return name

    return create


def summary(kinesis: Any, name: str) -> dict[str, Any]:
    told = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    assert isinstance(told, dict)
    return told


def shards(kinesis: Any, name: str, **more: Any) -> list[dict[str, Any]]:
    told = kinesis.list_shards(StreamName=name, **more)["Shards"]
    assert isinstance(told, list)
    return told


def iterator(kinesis: Any, name: str, shard: int = 0, kind: str = "TRIM_HORIZON", **more: Any) -> str:
    shard_id = f"shardId-{shard:012d}"
    told = kinesis.get_shard_iterator(StreamName=name, ShardId=shard_id, ShardIteratorType=kind, **more)
    return str(told["ShardIterator"])


def data(kinesis: Any, name: str, shard: int = 0, kind: str = "TRIM_HORIZON", **more: Any) -> list[bytes]:
    told = kinesis.get_records(ShardIterator=iterator(kinesis, name, shard, kind, **more))
    return [record["Data"] for record in told["Records"]]
