"""Metrics of rules and of PutEvents ("Monitoring Amazon EventBridge").

Left out: latencies, and those of partner sources.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call

from . import events
from .buses import DEFAULT
from .rules import Rule

NAMESPACE = "AWS/Events"


@events.meter("PutEvents")
def put(call: Call, request: dict[str, Any], result: dict[str, Any]) -> None:
    """A request to put events was answered. What services tell of themselves does not count."""
    from .publishing import size

    if call.principal.type == "AWSService":
        return
    failed = result["FailedEntryCount"]
    tally = call.cloud.meters.tally(call.account, call.region, NAMESPACE, ())
    tally.add("PutEventsApproximateCallCount")
    tally.add("PutEventsApproximateFailedCount" if failed else "PutEventsApproximateSuccessCount")
    tally.add("PutEventsEntriesCount", len(request["Entries"]))
    tally.add("PutEventsFailedEntriesCount", failed)
    tally.add("PutEventsRequestSize", sum(map(size, request["Entries"])), "Bytes")


def count(call: Call, rule: Rule, metric: str) -> None:
    """Something became of a rule; rules of the default bus are known by their names alone."""
    named = (("RuleName", rule.name),)
    place = named if rule.bus == DEFAULT else (("EventBusName", rule.bus), *named)
    call.cloud.meters.tally(call.account, call.region, NAMESPACE, place).add(metric)
