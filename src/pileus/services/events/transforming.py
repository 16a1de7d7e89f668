"""What a target is given: the event, a part of it, a constant, or a template that the event fills."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, jsonpath, templates

from .rules import Rule
from .targets import Target


def text_for(call: Call, rule: Rule, target: Target, event: dict[str, Any]) -> str:
    """The input of a target, as the text that is sent."""
    if (given := target.get("Input")) is not None:
        return str(given)
    if path := target.get("InputPath"):
        found = templates.at(path, event)
        return templates.compact(None if found is jsonpath.ABSENT else found)
    if transformer := target.get("InputTransformer"):
        return transformed(call, rule, transformer, event)
    return templates.compact(event)


def transformed(call: Call, rule: Rule, transformer: dict[str, Any], event: dict[str, Any]) -> str:
    paths = transformer.get("InputPathsMap", {})

    def value_of(name: str) -> Any:
        if name in paths:
            return templates.at(paths[name], event)
        return reserved(call, rule, name, event)

    return templates.fill(transformer["InputTemplate"], value_of)


def reserved(call: Call, rule: Rule, name: str, event: dict[str, Any]) -> Any:
    """What EventBridge itself knows; KeyError for what it does not."""
    match name:
        case "aws.events.rule-arn":
            return rule.arn(call)
        case "aws.events.rule-name":
            return rule.name
        case "aws.events.event.ingestion-time":
            return event["time"]
        case "aws.events.event":
            return {name: value for name, value in event.items() if name != "detail"}
        case "aws.events.event.json":
            return event
    raise KeyError(name)
