"""Tags of buses and rules."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, arn
from pileus.kernel import tags as tagging

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


@events.operation(on=of)
def tag_resource(call: Call, found: Bus | Rule, tags: list[dict[str, str]]) -> dict[str, Any]:
    found.tags = found.tags | tagging.as_map(tags)
    tagging.check(found.tags)
    found.put(call)
    return {}


@events.operation(on=of)
def untag_resource(call: Call, found: Bus | Rule, tag_keys: list[str]) -> dict[str, Any]:
    found.tags = {name: value for name, value in found.tags.items() if name not in tag_keys}
    found.put(call)
    return {}


@events.operation(on=of)
def list_tags_for_resource(call: Call, found: Bus | Rule) -> dict[str, Any]:
    return {"Tags": tagging.as_list(found.tags)}
