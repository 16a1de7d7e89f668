"""Metrics of functions ("Types of metrics for Lambda functions"): of each function, and of the version or alias called.

Left out: those of asynchronous invocation and of event source mappings, provisioned concurrency, and the account's own.
"""

from __future__ import annotations

from pileus.kernel import Call

from .invocation import Invocation, Outcome

NAMESPACE = "AWS/Lambda"


def invoked(call: Call, function: str, invocation: Invocation, outcome: Outcome, under_way: int) -> None:
    """An invocation is over."""
    resource = invocation.arn.partition(":function:")[2]
    for place in ((("FunctionName", function),), (("FunctionName", function), ("Resource", resource))):
        tally = call.cloud.meters.tally(call.account, call.region, NAMESPACE, place)
        tally.add("Invocations")
        tally.add("Errors", float(bool(outcome.error)))
        tally.add("Throttles", 0.0)
        tally.add("Duration", round(outcome.duration, 2), "Milliseconds")
        tally.add("ConcurrentExecutions", under_way)


def throttled(call: Call, function: str) -> None:
    call.cloud.meters.tally(call.account, call.region, NAMESPACE, (("FunctionName", function),)).add("Throttles")
