"""Queues as their users see them: boto3 against a running cloud, whose clock stands still unless a test turns it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from botocore.config import Config

import pileus
from pileus.testing.local import CloudClock

Queue = Callable[..., str]

numbers = itertools.count(1)


@pytest.fixture(scope="session")
def shared(cloud: pileus.LocalCloud) -> Any:
    # What boto3 would refuse by itself is for SQS to refuse.
    return cloud.account().client("sqs", config=Config(parameter_validation=False, retries={"total_max_attempts": 1}))


@pytest.fixture
def sqs(shared: Any, clock: CloudClock) -> Any:
    """A client of an account that the tests share, since making one takes a while; queues have names of their own."""
    return shared


@pytest.fixture
def timestamp(clock: CloudClock) -> Callable[[], str]:
    """The present as messages tell it: milliseconds since the epoch."""
    return lambda: str(int(clock.now() * 1000 + 0.001))


@pytest.fixture
def queue(sqs: Any) -> Queue:
    """Makes queues: `queue(VisibilityTimeout=5)`, `queue(fifo=True)`."""

    def make(fifo: bool = False, name: str = "", **attributes: Any) -> str:
        name = name or f"queue-{next(numbers)}{'.fifo' if fifo else ''}"
        given = {key: str(value) for key, value in attributes.items()} | ({"FifoQueue": "true"} if fifo else {})
        return str(sqs.create_queue(QueueName=name, Attributes=given)["QueueUrl"])

    return make


@pytest.fixture
def counts(sqs: Any) -> Callable[[str], tuple[int, int, int]]:
    """How many messages of a queue are visible, in flight, delayed."""
    names = [f"ApproximateNumberOfMessages{which}" for which in ("", "NotVisible", "Delayed")]

    def count(url: str) -> tuple[int, int, int]:
        told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        visible, in_flight, delayed = (int(told[name]) for name in names)
        return visible, in_flight, delayed

    return count


@pytest.fixture
def receive(sqs: Any) -> Callable[..., list[dict[str, Any]]]:
    """Receives up to ten messages, with everything that there is to know of them."""

    def take(url: str, most: int = 10, **options: Any) -> list[dict[str, Any]]:
        asked = {"MessageSystemAttributeNames": ["All"], "MessageAttributeNames": ["All"], **options}
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=most, **asked)
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    return take


@pytest.fixture
def bodies(receive: Any) -> Callable[..., list[str]]:
    def take(url: str, most: int = 10, **options: Any) -> list[str]:
        return [message["Body"] for message in receive(url, most, **options)]

    return take


@pytest.fixture
def arn(sqs: Any) -> Callable[[str], str]:
    def of(url: str) -> str:
        return str(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])

    return of
