"""Attribute values: what may be one, how it is brought into its one form, and how it is measured.

A value stays the structure that it is on the wire, `{"S": "…"}`. Numbers are in plain notation and sets are sorted, so
that two values are equal if and only if their structures are.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypedDict

from . import faults, numbers

Value = dict[str, Any]
Item = dict[str, Value]


class Attribute(TypedDict, total=False):
    """A value as it is read from JSON, where binaries are in Base64."""

    S: str
    N: str
    B: bytes
    SS: list[str]
    NS: list[str]
    BS: list[bytes]
    M: dict[str, Attribute]
    L: list[Attribute]
    NULL: bool
    BOOL: bool


DEEPEST = 32
TYPES = {
    "S": "String",
    "N": "Number",
    "B": "Binary",
    "SS": "StringSet",
    "NS": "NumberSet",
    "BS": "BinarySet",
    "M": "Map",
    "L": "List",
    "NULL": "Null",
    "BOOL": "Boolean",
}


def take(item: Item) -> int:
    """Check the values of an item that came from outside, bring them into their one form in place; its size."""
    total, texts = 0, [*item]
    for value in item.values():
        if len(value) == 1 and "S" in value:
            texts.append(value["S"])
        else:
            total += take_value(value)
    return total + len("".join(texts).encode())


def take_value(value: Value, depth: int = 0) -> int:
    """As `take`, for one value."""
    if len(value) != 1:
        if value:
            raise faults.invalid(
                "Supplied AttributeValue has more than one datatypes set, "
                "must contain exactly one of the supported datatypes"
            )
        raise faults.invalid("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
    ((kind, content),) = value.items()
    return TAKERS[kind](value, content, depth)


def _text(value: Value, content: str, depth: int) -> int:
    return len(content) if content.isascii() else len(content.encode())


def _number(value: Value, content: str, depth: int) -> int:
    value["N"] = content = numbers.normal(content)
    return numbers.size(content)


def _bytes(value: Value, content: bytes, depth: int) -> int:
    return len(content)


def _null(value: Value, content: bool, depth: int) -> int:
    if not content:
        raise faults.bad_parameter("Null attribute value types must have the value of true")
    return 1


def _boolean(value: Value, content: bool, depth: int) -> int:
    return 1


def _deeper(depth: int) -> int:
    if depth >= DEEPEST:
        raise faults.invalid("Nesting Levels have exceeded supported limits")
    return depth + 1


def _list(value: Value, content: list[Value], depth: int) -> int:
    below = _deeper(depth)
    return 3 + len(content) + sum([take_value(one, below) for one in content])


def _map(value: Value, content: Item, depth: int) -> int:
    below = _deeper(depth)
    return 3 + len(content) + sum([len(name.encode()) + take_value(one, below) for name, one in content.items()])


def _texts(value: Value, content: list[str], depth: int) -> int:
    if not content:
        raise faults.bad_parameter("An string set  may not be empty")
    if len({*content}) != len(content):
        raise faults.bad_parameter(f"Input collection [{', '.join(content)}] contains duplicates.")
    value["SS"] = sorted(content)
    return sum([len(text.encode()) for text in content])


def _numbers(value: Value, content: list[str], depth: int) -> int:
    if not content:
        raise faults.bad_parameter("An number set  may not be empty")
    content = [numbers.normal(text) for text in content]
    if len({*content}) != len(content):
        raise faults.invalid("Input collection contains duplicates")
    value["NS"] = sorted(content, key=Decimal)
    return sum([numbers.size(text) for text in content])


def _binaries(value: Value, content: list[bytes], depth: int) -> int:
    if not content:
        raise faults.bad_parameter("Binary sets should not be empty")
    if len({*content}) != len(content):
        shown = ", ".join(base64.b64encode(one).decode() for one in content)
        raise faults.bad_parameter(f"Input collection [{shown}]of type BS contains duplicates.")
    value["BS"] = sorted(content)
    return sum([len(one) for one in content])


TAKERS: dict[str, Callable[[Value, Any, int], int]] = {
    "S": _text,
    "N": _number,
    "B": _bytes,
    "SS": _texts,
    "NS": _numbers,
    "BS": _binaries,
    "M": _map,
    "L": _list,
    "NULL": _null,
    "BOOL": _boolean,
}


def kind_of(value: Value) -> str:
    return next(iter(value))


def size(item: Item) -> int:
    """The size of an item in its one form."""
    total, texts = 0, [*item]
    for value in item.values():
        if "S" in value:
            texts.append(value["S"])
        else:
            total += value_size(value)
    return total + len("".join(texts).encode())


def value_size(value: Value) -> int:
    ((kind, content),) = value.items()
    if kind in ("NULL", "BOOL"):
        return 1
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        return numbers.size(content)
    if kind == "M":
        return 3 + len(content) + size(content)
    if kind == "L":
        return 3 + len(content) + sum([value_size(one) for one in content])
    if kind == "B":
        return len(content)
    return sum([value_size({kind[0]: one}) for one in content])


def copied(value: Value) -> Value:
    """A copy that may be changed at any depth."""
    ((kind, content),) = value.items()
    if kind == "M":
        return {"M": {name: copied(one) for name, one in content.items()}}
    if kind == "L":
        return {"L": [copied(one) for one in content]}
    return {kind: list(content)} if kind in ("SS", "NS", "BS") else value


def depth(value: Value) -> int:
    """How deep a value nests."""
    ((kind, content),) = value.items()
    if kind == "M":
        return 1 + max([depth(one) for one in content.values()], default=0)
    if kind == "L":
        return 1 + max([depth(one) for one in content], default=0)
    return 0


def in_order(kind: str, content: Any) -> Any:
    """The content of a string, number or binary as something that Python compares as DynamoDB does."""
    return Decimal(content) if kind == "N" else content


def members(kind: str, content: Any) -> list[Any]:
    """The members of a set in its one form."""
    return sorted(content, key=Decimal) if kind == "NS" else sorted(content)


def shown(value: Value) -> str:
    """A value as DynamoDB's messages write it."""
    ((kind, content),) = value.items()
    if kind in ("S", "N"):
        return f"AttributeValue: {{{kind}:{content}}}"
    return f"AttributeValue: {{{kind}:...}}"
