"""The language of patterns once more, read straight off its documentation: slow, and short enough to be believed."""

from __future__ import annotations

import fnmatch
import ipaddress
from typing import Any


def matches(pattern: dict[str, Any], event: dict[str, Any]) -> bool:
    return within(pattern, event, (), event)


def within(pattern: dict[str, Any], node: Any, path: tuple[str, ...], event: Any) -> bool:
    for name, wanted in pattern.items():
        if name == "$or" and len(wanted) > 1 and all(isinstance(one, dict) for one in wanted):
            if not any(within(choice, node, path, event) for choice in wanted):
                return False
            continue
        child = node.get(name) if name in node else ABSENT
        if isinstance(wanted, dict):
            inner = [one for one in flat(child) if isinstance(one, dict)]
            if not any(within(wanted, one, (*path, name), event) for one in inner or [{}]):
                return False
        else:
            values = [one for one in flat(child) if not isinstance(one, dict)]
            missing = not leaves(event, (*path, name))
            if not any(asked(rule, value) for rule in wanted for value in values) and not (
                {"exists": False} in wanted and missing
            ):
                return False
    return True


ABSENT: Any = []


def flat(value: Any) -> list[Any]:
    return [inner for one in value for inner in flat(one)] if isinstance(value, list) else [value]


def leaves(event: Any, path: tuple[str, ...]) -> list[Any]:
    nodes = [event]
    for name in path:
        nodes = [inner for node in nodes if isinstance(node, dict) and name in node for inner in flat(node[name])]
    return [node for node in nodes if not isinstance(node, dict)]


def same(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)


def asked(rule: Any, value: Any) -> bool:
    if not isinstance(rule, dict):
        return same(rule, value)
    ((operator, operand),) = rule.items()
    text = value if isinstance(value, str) else None
    match operator:
        case "exists":
            return operand is True
        case "anything-but":
            if isinstance(operand, dict):
                ((inner, those),) = operand.items()
                return not any(asked({inner: one}, value) for one in (those if isinstance(those, list) else [those]))
            return not any(same(one, value) for one in (operand if isinstance(operand, list) else [operand]))
        case "prefix" | "suffix" if isinstance(operand, dict):
            return text is not None and asked({operator: operand["equals-ignore-case"].lower()}, text.lower())
        case "prefix":
            return text is not None and text.startswith(operand)
        case "suffix":
            return text is not None and text.endswith(operand)
        case "equals-ignore-case":
            return text is not None and text.lower() == operand.lower()
        case "wildcard":
            return text is not None and fnmatch.fnmatchcase(text, operand)
        case "cidr":
            try:
                return text is not None and ipaddress.ip_address(text) in ipaddress.ip_network(operand)
            except ValueError:
                return False
        case "numeric":
            if isinstance(value, bool) or not isinstance(value, int | float):
                return False
            pairs = zip(operand[::2], operand[1::2], strict=True)
            return all(
                {"=": value == b, "<": value < b, "<=": value <= b, ">": value > b, ">=": value >= b}[o]
                for o, b in pairs
            )
    raise AssertionError(operator)
