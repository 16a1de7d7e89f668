"""Metrics of pipes ("Monitoring Amazon EventBridge Pipes", User Guide). Left out: durations of stages, concurrency."""

from __future__ import annotations

import json
from typing import Any

from pileus.kernel import Call

NAMESPACE = "AWS/EventBridge/Pipes"


def count(call: Call, pipe: str, metric: str, value: float = 1.0, unit: str = "Count") -> None:
    call.cloud.meters.tally(call.account, call.region, NAMESPACE, (("PipeName", pipe),)).add(metric, value, unit)


def begun(call: Call, pipe: str, records: list[Any]) -> None:
    """A batch goes on its way."""
    count(call, pipe, "Invocations")
    count(call, pipe, "EventCount", len(records))
    count(call, pipe, "EventSize", len(json.dumps(records).encode()), "Bytes")
