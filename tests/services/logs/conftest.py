"""A log group with a stream, and the present in milliseconds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def logs(aws: Any) -> Any:
    client = aws.client("logs")
    client.create_log_group(logGroupName="app")
    client.create_log_stream(logGroupName="app", logStreamName="main")
    return client


@pytest.fixture
def now(clock: Any) -> Callable[[], int]:
    return lambda: int(clock.now() * 1000)


@pytest.fixture
def put(logs: Any, now: Any) -> Callable[..., Any]:
    """`put("a", "b")`: messages of this instant; `put((at, "a"))`: of their own."""

    def put(*messages: Any, stream: str = "main", group: str = "app") -> Any:
        events = [
            {"timestamp": one[0], "message": one[1]} if isinstance(one, tuple) else {"timestamp": now(), "message": one}
            for one in messages
        ]
        return logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)

    return put
