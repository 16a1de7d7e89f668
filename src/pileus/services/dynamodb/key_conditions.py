"""Key conditions: which part of a partition a query reads.

Developer Guide, "Key condition expressions for the Query operation".
"""

from __future__ import annotations

from typing import NamedTuple

from pileus.kernel.store.keys import prefix_range

from . import faults, values
from .conditions import Node, Values
from .keys import END, Keys, beginning, encode
from .tokens import Tokens
from .values import Value

OPERATORS = ("=", "<", "<=", ">", ">=", "BETWEEN", "begins_with")
MIRRORED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


class Part(NamedTuple):
    """What is asked of one key attribute."""

    operator: str
    values: tuple[Value, ...]


Parts = dict[str, Part]


def parts(tokens: Tokens, node: Node, given: Values) -> Parts:
    """The conditions of an expression by the attribute that each is about."""
    found: Parts = {}
    for one in flat(tokens, node):
        name, part = about(tokens, one, given)
        if name in found:
            raise faults.invalid("KeyConditionExpressions must only contain one condition per key")
        found[name] = part
    return found


def flat(tokens: Tokens, node: Node) -> list[Node]:
    if node.operator == "AND":
        return [one for below in node.below for one in flat(tokens, below)]
    if node.operator not in OPERATORS:
        raise tokens.invalid(f"Invalid operator used in KeyConditionExpression: {node.operator}")
    return [node]


def about(tokens: Tokens, node: Node, given: Values) -> tuple[str, Part]:
    first, *rest = node.operands
    operator = node.operator
    if first.kind == "value" and operator in MIRRORED:
        first, rest, operator = rest[0], [first], MIRRORED[operator]
    if "size" in (first.kind, *(one.kind for one in rest)):
        raise tokens.invalid("KeyConditionExpressions cannot contain nested operations")
    if first.kind != "path":
        raise tokens.invalid(f"Invalid operand in KeyConditionExpression: {first.value}")
    if any(one.kind != "value" for one in rest):
        raise tokens.invalid(
            "Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition"
        )
    if len(first.path) > 1:
        raise tokens.invalid("KeyConditionExpressions cannot have conditions on nested attributes")
    return str(first.path[0]), Part(operator, tuple([given[one.value] for one in rest]))


def bounds(keys: Keys, prefix: bytes, asked: Parts) -> tuple[bytes, bytes]:
    """Where in the store the asked-for part of a table or an index begins and ends."""
    for name in keys.hashes:
        if name not in asked:
            raise faults.invalid(f"Query condition missed key schema element: {name}")
        if asked[name].operator != "=":
            raise faults.invalid("Query key condition not supported")
    partition = {name: checked(keys, name, asked[name])[0] for name in keys.hashes}
    place = prefix + keys.partition(partition)
    rest = len(asked) - len(keys.hashes)
    for name in keys.ranges:
        if not rest:
            break
        if name not in asked:
            raise faults.invalid(f"Query condition missed key schema element: {name}")
        rest -= 1
        part = asked[name]
        given = checked(keys, name, part)
        if part.operator != "=" or not rest:
            if rest:
                raise faults.invalid("Query key condition not supported")
            return within(place, keys.types[name], part.operator, given)
        place += encode(keys.types[name], given[0])
    if rest:
        raise faults.invalid("Query key condition not supported")
    return place, place + END


def checked(keys: Keys, name: str, part: Part) -> tuple[Value, ...]:
    kind = keys.types[name]
    for value in part.values:
        if kind not in value:
            raise faults.bad_parameter("Condition parameter type does not match schema type")
        if part.operator != "begins_with":
            keys.encoded(name, kind, value)
        elif kind == "N":
            raise faults.invalid(
                "Invalid KeyConditionExpression: Incorrect operand type for operator or function; "
                "operator or function: begins_with, operand type: N"
            )
    if part.operator == "BETWEEN":
        lower, upper = (values.in_order(kind, value[kind]) for value in part.values)
        if lower > upper:
            raise faults.invalid(
                "Invalid KeyConditionExpression: The BETWEEN operator requires upper bound to be greater than or equal "
                f"to lower bound; lower bound operand: {values.shown(part.values[0])}, "
                f"upper bound operand: {values.shown(part.values[1])}"
            )
    return part.values


def within(place: bytes, kind: str, operator: str, given: tuple[Value, ...]) -> tuple[bytes, bytes]:
    if operator == "begins_with":
        return prefix_range(place + beginning(kind, given[0]))
    first, last = place + encode(kind, given[0]), place + encode(kind, given[-1])
    before, behind = place, place + END
    return {
        "=": (first, first + END),
        "<": (before, first),
        "<=": (before, first + END),
        ">": (first + END, behind),
        ">=": (first, behind),
        "BETWEEN": (first, last + END),
    }[operator]
