"""A pattern's JSON as conditions: read, and refused in the words in which AWS refuses it.

A pattern is an object like the event; at its leaves are lists of what a value may be. `$or` gives alternatives; it is
multiplied out, so that what is compiled is a list of alternatives, each with conditions by path.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable
from itertools import product
from typing import Any

from .conditions import (
    Absent,
    AnythingBut,
    Between,
    Cidr,
    Condition,
    Exactly,
    Folded,
    Prefix,
    Present,
    Suffix,
    Wildcard,
    identity,
)

Path = tuple[str, ...]
Alternative = dict[Path, tuple[Condition, ...]]
"""By path, the conditions of which one must hold."""

LARGEST = 5e9
"""Numbers in patterns lie between this and its negative."""
MOST_ALTERNATIVES = 1000
OPERATORS = frozenset(
    ["prefix", "suffix", "equals-ignore-case", "anything-but", "numeric", "exists", "cidr", "wildcard", "exactly"]
)


class InvalidPattern(ValueError):
    """Why a pattern is none."""


def read(text: str) -> dict[str, Any]:
    """The object that a pattern's text is."""
    try:
        pattern = json.loads(text, object_pairs_hook=without_doubles)
    except json.JSONDecodeError as error:
        raise InvalidPattern(f"Unparseable JSON: {error}") from None
    if not isinstance(pattern, dict):
        raise InvalidPattern("Filter is not an object")
    return pattern


def without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of a key that comes twice, the last: as JSON parsers have it."""
    return dict(pairs)


def alternatives(pattern: dict[str, Any], path: Path = ()) -> list[Alternative]:
    """The alternatives that an object of a pattern stands for."""
    if not pattern:
        raise InvalidPattern("Empty objects are not allowed")
    factors = [member(name, value, (*path, name), path) for name, value in pattern.items()]
    size = 1
    for factor in factors:
        size *= len(factor)
    if size > MOST_ALTERNATIVES:
        raise InvalidPattern("Rule is too complex - try using fewer wildcard characters or fewer $or alternatives")
    return [joined(parts) for parts in product(*factors)]


def member(name: str, value: Any, path: Path, parent: Path) -> list[Alternative]:
    if name == "$or" and is_or(value):
        return [alternative for choice in value for alternative in alternatives(choice, parent)]
    if isinstance(value, dict):
        return alternatives(value, path)
    if not isinstance(value, list):
        raise InvalidPattern(f'"{name}" must be an object or an array')
    if not value:
        raise InvalidPattern("Empty arrays are not allowed")
    return [{path: tuple(dict.fromkeys(condition(one) for one in value))}]


def is_or(value: Any) -> bool:
    """Whether `$or` is the operator: otherwise it is the name of a member as others are."""
    choices = value if isinstance(value, list) else []
    return len(choices) > 1 and all(isinstance(one, dict) and one and not OPERATORS & {*one} for one in choices)


def joined(parts: tuple[Alternative, ...]) -> Alternative:
    whole: Alternative = {}
    for part in parts:
        if twice := whole.keys() & part.keys():
            raise InvalidPattern(f"Path `{'.'.join(min(twice))}` cannot be allowed multiple times")
        whole |= part
    return whole


# Conditions


def condition(written: Any) -> Condition:
    """What one element of a leaf's list asks."""
    if isinstance(written, list):
        raise InvalidPattern("Match value must be String, number, true, false, or null")
    if not isinstance(written, dict):
        return Exactly(identity(in_range(written)))
    operator, operand = only(written)
    if operator not in READERS:
        raise InvalidPattern(f"Unrecognized match type {operator}")
    return READERS[operator](operand)


def only(written: dict[str, Any]) -> tuple[str, Any]:
    if not written:
        raise InvalidPattern("Empty objects are not allowed")
    if len(written) > 1:
        raise InvalidPattern("Only one key allowed in match expression")
    return next(iter(written.items()))


def in_range(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool) and not -LARGEST <= value <= LARGEST:
        raise InvalidPattern(f"Value must be between {-LARGEST:.1E} and {LARGEST:.1E}, inclusive".replace("E+0", "E"))
    return value


def text(operator: str, operand: Any) -> str:
    if not isinstance(operand, str):
        raise InvalidPattern(f"{operator} match pattern must be a string")
    return operand


def edge(operator: str, kind: Callable[[str, bool], Condition]) -> Callable[[Any], Condition]:
    """A prefix or suffix: a text, or one whose case is ignored."""

    def read(operand: Any) -> Condition:
        if isinstance(operand, dict):
            inner, value = only(operand)
            if inner != "equals-ignore-case":
                raise InvalidPattern(f"Unsupported {operator} pattern: {inner}")
            folded = text(inner, value).lower()
        else:
            folded = ""
        found = folded or text(operator, operand if not isinstance(operand, dict) else "")
        if not found:
            raise InvalidPattern(f"Null {operator} not allowed")
        return kind(found, bool(folded))

    return read


def folded(operand: Any) -> Condition:
    return Folded(text("equals-ignore-case", operand).lower())


def wildcard(operand: Any) -> Condition:
    parts, part, at = [], "", 0
    written = text("wildcard", operand)
    while at < len(written):
        sign, following = written[at], written[at + 1 : at + 2]
        if sign == "\\":
            if following not in ("*", "\\"):
                raise InvalidPattern(f"Invalid escape character at pos {at}")
            part += following
            at += 1
        elif sign == "*":
            if following == "*":
                raise InvalidPattern(f"Consecutive wildcard characters at pos {at}")
            parts.append(part)
            part = ""
        else:
            part += sign
        at += 1
    return Wildcard((*parts, part))


def exists(operand: Any) -> Condition:
    if not isinstance(operand, bool):
        raise InvalidPattern("exists match pattern must be either true or false.")
    return Present() if operand else Absent()


def cidr(operand: Any) -> Condition:
    block = text("prefix", operand)
    _, slash, bits = block.partition("/")
    if slash and not bits.isdigit():
        raise InvalidPattern("Malformed CIDR, mask bits must be an integer")
    try:
        return Cidr(ipaddress.ip_network(block, strict=False))
    except ValueError:
        raise InvalidPattern(f"Malformed CIDR, {'mask bits or address' if slash else 'one / required'}") from None


def numeric(operand: Any) -> Condition:
    """`["=", 5]`, `[">", 0]`, `[">=", 0, "<", 5]`."""
    if not isinstance(operand, list):
        raise InvalidPattern("Value of numeric must be an array.")
    if not operand:
        raise InvalidPattern("Invalid member in numeric match: ]")
    operators = operand[::2]
    numbers = [number(operator, value) for operator, value in zip(operators, operand[1::2], strict=False)]
    if len(operand) % 2:
        raise InvalidPattern(f"Value of {operators[-1]} must be numeric")
    if operators == ["="]:
        return Between(numbers[0], numbers[0])
    if len(operators) == 1:
        (operator,), (bound,) = operators, numbers
        if operator in ("<", "<="):
            return Between(high=bound, high_open=operator == "<")
        return Between(low=bound, low_open=operator == ">")
    if len(operators) > 2 or operators[0] not in (">", ">="):
        raise InvalidPattern("Too many elements in numeric expression")
    if operators[1] not in ("<", "<="):
        raise InvalidPattern(f"Bad numeric range operator: {operators[1]}")
    low, high = numbers
    if low >= high:
        raise InvalidPattern("Bottom must be less than top")
    return Between(low, high, operators[0] == ">", operators[1] == "<")


def number(operator: Any, value: Any) -> float:
    if not isinstance(operator, str):
        raise InvalidPattern(f"Invalid member in numeric match: {operator}")
    if operator not in ("=", "<", "<=", ">", ">="):
        raise InvalidPattern(f"Unrecognized numeric range operator: {operator}")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidPattern(f"Value of {'equals' if operator == '=' else operator} must be numeric")
    return float(in_range(value))


INSIDE_ANYTHING_BUT = ("prefix", "suffix", "equals-ignore-case", "wildcard")


def anything_but(operand: Any) -> Condition:
    """A value, several of one kind, or what prefixes, suffixes, wildcards or texts of any case exclude."""
    if isinstance(operand, dict):
        operator, inner = only(operand)
        if operator not in INSIDE_ANYTHING_BUT:
            raise InvalidPattern(f"Unsupported anything-but pattern: {operator}")
        return AnythingBut(tuple(READERS[operator](one) for one in listed(inner)))
    values = listed(operand)
    for value in values:
        if value is None or isinstance(value, bool | list | dict):
            raise InvalidPattern("Inside anything but list, start|null|boolean is not supported.")
        in_range(value)
    if len({isinstance(value, str) for value in values}) > 1:
        message = "Inside anything but list, either all values are number or string, mixed type is not supported"
        raise InvalidPattern(message)
    keys = [identity(value) for value in values]
    return AnythingBut(tuple(Exactly(key) for key in keys), frozenset(keys))


def listed(operand: Any) -> list[Any]:
    if operand == []:
        raise InvalidPattern("Empty arrays are not allowed")
    if operand is None or isinstance(operand, bool):
        raise InvalidPattern("Value of anything-but must be an array or single string/number value.")
    return operand if isinstance(operand, list) else [operand]


READERS: dict[str, Callable[[Any], Condition]] = {
    "prefix": edge("prefix", Prefix),
    "suffix": edge("suffix", Suffix),
    "equals-ignore-case": folded,
    "wildcard": wildcard,
    "exists": exists,
    "cidr": cidr,
    "numeric": numeric,
    "anything-but": anything_but,
}
