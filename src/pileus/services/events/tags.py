"""Tags of buses and rules."""

from __future__ import annotations

from pileus.kernel import Call, Fault, arn, tagging

from . import buses, events
from .buses import DEFAULT, Bus
from .rules import Rule


def of(call: Call, resource_arn: str) -> Bus | Rule:
    """The bus or rule of an ARN."""
    try:
        kind, _, name = arn.parse(resource_arn).resource.partition("/")
    except ValueError:
        kind, name = "", ""
    if kind == "event-bus":
        return Bus.named(call, name) if name != DEFAULT else buses.found_or_fault(call, name)
    bus, _, rule = name.rpartition("/")
    found = Rule.get(call, bus or DEFAULT, rule) if kind == "rule" else None
    if found is None:
        raise Fault(
            "ResourceNotFoundException", f"Rule {rule or resource_arn} does not exist on EventBus {bus or DEFAULT}."
        )
    return found


tagging.declare(events, of)
