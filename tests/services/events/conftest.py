"""What the tests of EventBridge share: rules that put what they match into queues."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest

import pileus
from pileus.testing.local import CloudClock
from tests.services.sns.conftest import Web, web

from .serving import Api, api

__all__ = ["Api", "Web", "api", "web"]

numbers = itertools.count(1)


@pytest.fixture(scope="session")
def session() -> Any:
    """One for all tests: it reads the models of services once."""
    return boto3.Session(region_name="us-east-1")


@pytest.fixture
def client(session: Any, aws: Any) -> Callable[..., Any]:
    def make(service: str, account: str = "", region: str = "us-east-1") -> Any:
        keys = {"aws_access_key_id": account or aws.id, "aws_secret_access_key": "test", "region_name": region}
        return session.client(service, endpoint_url=aws.cloud.endpoint, **keys)

    return make


@pytest.fixture
def events(client: Callable[..., Any], clock: CloudClock) -> Any:
    return client("events")


@pytest.fixture
def sqs(client: Callable[..., Any]) -> Any:
    return client("sqs")


class Queue:
    """A queue that EventBridge may send to."""

    def __init__(self, sqs: Any, name: str, clock: CloudClock, attributes: dict[str, str]) -> None:
        self.sqs = sqs
        self.clock = clock
        self.url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        self.arn = sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": ["events.amazonaws.com", "scheduler.amazonaws.com", "pipes.amazonaws.com"]},
            "Action": "sqs:SendMessage",
            "Resource": self.arn,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": policy})

    def messages(self) -> list[dict[str, Any]]:
        """Everything that is in it once everything due is done; it is deleted."""
        self.clock.advance(0.001)
        found: list[dict[str, Any]] = []
        while more := self.sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], AttributeNames=["All"]
        ).get("Messages"):
            found += more
            entries = [{"Id": str(n), "ReceiptHandle": one["ReceiptHandle"]} for n, one in enumerate(more)]
            self.sqs.delete_message_batch(QueueUrl=self.url, Entries=entries)
        return found

    def bodies(self) -> list[str]:
        return [message["Body"] for message in self.messages()]

    def events(self) -> list[Any]:
        return [json.loads(body) for body in self.bodies()]


@pytest.fixture
def queue(sqs: Any, clock: CloudClock) -> Callable[..., Queue]:
    def make(name: str = "", **attributes: str) -> Queue:
        return Queue(sqs, name or f"q{next(numbers)}", clock, attributes)

    return make


@pytest.fixture
def rule(events: Any) -> Callable[..., str]:
    """Makes a rule whose targets are queues, or targets as PutTargets has them. Its name."""

    def make(pattern: Any, *targets: Any, bus: str = "default", **members: Any) -> str:
        name = f"rule-{next(numbers)}"
        if pattern is not None:
            members["EventPattern"] = json.dumps(pattern)
        events.put_rule(Name=name, EventBusName=bus, **members)
        given = [
            {"Id": str(number), "Arn": target.arn} if isinstance(target, Queue) else {"Id": str(number), **target}
            for number, target in enumerate(targets)
        ]
        if given:
            events.put_targets(Rule=name, EventBusName=bus, Targets=given)
        return name

    return make


@pytest.fixture
def put(events: Any) -> Callable[..., str]:
    """Sends an event, which must be taken. Its id."""

    def send(detail: Any = {}, source: str = "shop", kind: str = "Order", **members: Any) -> str:
        entry = {"Source": source, "DetailType": kind, "Detail": json.dumps(detail), **members}
        (taken,) = events.put_events(Entries=[entry])["Entries"]
        assert "ErrorCode" not in taken, taken
        return str(taken["EventId"])

    return send


@pytest.fixture
def other(cloud: pileus.LocalCloud) -> Any:
    """Another account."""
    return cloud.account()
