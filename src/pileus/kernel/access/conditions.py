"""Condition blocks, compiled: every operator, its IfExists form, and the two ways to ask of many values.

IAM User Guide, "IAM JSON policy elements: Condition operators" and "Multivalued context keys".
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import operator
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from . import matching
from .matching import Lookup, Matcher

Test = Callable[[Lookup], bool]

NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
    "NotIpAddress": "IpAddress",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
}
"""Operators that hold where another one does not, and where the key is missing."""
ALL, ANY = "ForAllValues:", "ForAnyValue:"
ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "LessThanEquals": operator.le,
    "GreaterThan": operator.gt,
    "GreaterThanEquals": operator.ge,
}


def compiled(block: Mapping[str, Mapping[str, Any]], *, variables: bool) -> tuple[Test, ...]:
    """The tests of a condition block, all of which must hold. ValueError for an operator or value that cannot be."""
    return tuple(
        test(name, key.lower(), texts(values), variables)
        for name, keys in block.items()
        for key, values in keys.items()
    )


def texts(values: Any) -> list[str]:
    """The values of a key, one or many, as texts."""
    listed = values if isinstance(values, list) else [values]
    if not all(isinstance(value, str | int | float) for value in listed):
        raise ValueError("a condition's values are texts, numbers and booleans")
    return [str(value).lower() if isinstance(value, bool) else str(value) for value in listed]


def test(name: str, key: str, values: list[str], variables: bool) -> Test:
    quantifier = next((mark for mark in (ALL, ANY) if name.startswith(mark)), "")
    name = name.removeprefix(quantifier)
    if name == "Null":
        return null(key, values, quantifier)
    if_exists = name.endswith("IfExists")
    name = name.removesuffix("IfExists")
    negated = name in NEGATED
    maker = OPERATORS.get(NEGATED.get(name, name))
    if maker is None:
        raise ValueError(f"there is no condition operator {name}")
    match = maker(values, variables)
    if quantifier == ALL:
        return lambda lookup: all(match(value, lookup) != negated for value in lookup(key))
    if quantifier == ANY:

        def any_value(lookup: Lookup) -> bool:
            found = lookup(key)
            return any(match(value, lookup) != negated for value in found) if found else if_exists

        return any_value
    missing = negated or if_exists

    def single(lookup: Lookup) -> bool:
        found = lookup(key)
        if not found:
            return missing
        if len(found) == 1:
            return match(found[0], lookup) != negated
        return any(match(value, lookup) for value in found) != negated

    return single


def null(key: str, values: list[str], quantifier: str) -> Test:
    """Whether the key is missing. The quantifiers make no difference to that."""
    wanted = {boolean(value) for value in values}
    return lambda lookup: (not lookup(key)) in wanted


# Operators: each makes a matcher of the policy's values, any of which may match.


def string_equals(values: list[str], variables: bool) -> Matcher:
    return matching.strings(values, variables=variables)


def string_equals_ignore_case(values: list[str], variables: bool) -> Matcher:
    return matching.strings(values, variables=variables, fold=True)


def string_like(values: list[str], variables: bool) -> Matcher:
    return matching.strings(values, variables=variables, wild=True)


def arn_like(values: list[str], variables: bool) -> Matcher:
    return matching.arns(values, variables=variables)


def compared(convert: Callable[[str], Any], compare: Callable[[Any, Any], bool]) -> Callable[..., Matcher]:
    """An operator that compares what both sides mean; a request's value without that meaning never matches."""

    def maker(values: list[str], variables: bool) -> Matcher:
        wanted = [convert(value) for value in values]

        def match(text: str, lookup: Lookup) -> bool:
            try:
                given = convert(text)
            except ValueError:
                return False
            return any(compare(given, value) for value in wanted)

        return match

    return maker


def number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)


def date(text: str) -> float:
    """Seconds since the epoch of an ISO 8601 date, or of such a number itself."""
    try:
        return float(text)
    except ValueError:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def boolean(text: str) -> bool:
    try:
        return {"true": True, "false": False}[text.lower()]
    except KeyError:
        raise ValueError(f"neither true nor false: {text}") from None


def binary(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@lru_cache(maxsize=1024)
def network(text: str) -> Network:
    return ipaddress.ip_network(text, strict=False)


def within(given: Network, wanted: Network) -> bool:
    return given.version == wanted.version and given.subnet_of(wanted)  # type: ignore[arg-type]


OPERATORS: dict[str, Callable[[list[str], bool], Matcher]] = {
    "StringEquals": string_equals,
    "StringEqualsIgnoreCase": string_equals_ignore_case,
    "StringLike": string_like,
    "ArnEquals": arn_like,
    "ArnLike": arn_like,
    "Bool": compared(boolean, operator.eq),
    "BinaryEquals": compared(binary, operator.eq),
    "IpAddress": compared(network, within),
    **{f"Numeric{name}": compared(number, order) for name, order in ORDERS.items()},
    **{f"Date{name}": compared(date, order) for name, order in ORDERS.items()},
}


def names() -> Iterable[str]:
    """All operators without their IfExists form and quantifiers."""
    return [*OPERATORS, *NEGATED, "Null"]
