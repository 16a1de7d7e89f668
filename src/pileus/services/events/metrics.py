"""Metrics of rules ("Monitoring Amazon EventBridge"). Left out: latencies, PutEvents' own, those of partner sources."""

from __future__ import annotations

from pileus.kernel import Call

from .buses import DEFAULT
from .rules import Rule

NAMESPACE = "AWS/Events"


def count(call: Call, rule: Rule, metric: str) -> None:
    """Something became of a rule; rules of the default bus are known by their names alone."""
    named = (("RuleName", rule.name),)
    place = named if rule.bus == DEFAULT else (("EventBusName", rule.bus), *named)
    call.cloud.meters.tally(call.account, call.region, NAMESPACE, place).add(metric)
