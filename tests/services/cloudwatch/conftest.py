"""Metrics of the cloud's own time: the clock stands still at the beginning of a minute."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pileus.testing.account import Account
from pileus.testing.local import CloudClock


@pytest.fixture
def metrics(aws: Account) -> Any:
    return aws.client("cloudwatch")


@pytest.fixture
def mortal(metrics: Any) -> Iterator[None]:
    """Alarms end with their test: those that look again and again would hold up whoever turns the clock after it."""
    yield
    told = metrics.describe_alarms(AlarmTypes=["MetricAlarm", "LogAlarm"])
    if names := [one["AlarmName"] for kind in ("MetricAlarms", "LogAlarms") for one in told[kind]]:
        metrics.delete_alarms(AlarmNames=names)


@pytest.fixture
def minute(clock: CloudClock) -> int:
    """The beginning of the present minute, in seconds since the epoch."""
    clock.advance(60 - clock.now() % 60)
    return int(clock.now())


@pytest.fixture
def put(metrics: Any) -> Callable[..., None]:
    """Put values of one metric, at an instant or now."""

    def put(*values: float, at: float | None = None, **members: Any) -> None:
        data = {"MetricName": "Load", **({} if at is None else {"Timestamp": at}), **members}
        metrics.put_metric_data(Namespace="Works", MetricData=[data | {"Value": value} for value in values])

    return put
