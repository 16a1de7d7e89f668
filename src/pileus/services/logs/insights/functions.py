"""The functions of expressions: on numbers, times, texts, addresses, documents (User Guide, "functions")."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Callable
from typing import Any

import msgspec

from . import values
from .values import Instant, number, text

Function = Callable[..., Any]


def of_number(function: Callable[[float], float]) -> Function:
    def apply(value: Any) -> float | None:
        found = number(value)
        try:
            return None if found is None else function(found)
        except (ValueError, OverflowError):
            return None

    return apply


def of_text(function: Callable[..., Any]) -> Function:
    def apply(value: Any, *more: Any) -> Any:
        return None if value is None else function(text(value), *[text(one) for one in more if one is not None])

    return apply


def extreme(choose: Callable[[list[float]], float]) -> Function:
    def apply(*given: Any) -> float | None:
        found = [one for value in given if (one := number(value)) is not None]
        return choose(found) if found else None

    return apply


def floored(value: Any, period: str) -> Instant | None:
    at = number(value)
    return None if at is None else values.floor(int(at), period)


def ceiled(value: Any, period: str) -> Instant | None:
    at = number(value)
    if at is None:
        return None
    low = values.floor(int(at), period)
    if low == at:
        return low
    count, unit = values.parsed(period)
    size = values.PERIODS.get(unit, 31 * 86_400_000) * count
    return values.floor(low + size + (86_400_000 if unit in values.MONTHS else 0), period)


def from_millis(value: Any) -> Instant | None:
    at = number(value)
    return None if at is None else Instant(int(at))


def to_millis(value: Any) -> int | None:
    at = number(value)
    return None if at is None else int(at)


def substring(value: str, start: str, length: str = "") -> str:
    first = int(float(start))
    return value[first : first + int(float(length))] if length else value[first:]


def coalesce(*given: Any) -> Any:
    return next((value for value in given if value is not None), None)


def concat(*given: Any) -> str:
    return "".join(text(value) for value in given if value is not None)


def address(value: Any) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(value) if isinstance(value, str) else None
    except ValueError:
        return None


def in_subnet(version: int = 0) -> Function:
    def apply(value: Any, subnet: Any) -> int:
        found = address(value)
        try:
            network = ipaddress.ip_network(text(subnet), strict=False)
        except ValueError:
            return 0
        return int(found is not None and version in (0, found.version) and found in network)

    return apply


def is_address(version: int = 0) -> Function:
    def apply(value: Any) -> int:
        found = address(value)
        return int(found is not None and version in (0, found.version))

    return apply


def json_parse(value: Any) -> Any:
    try:
        return msgspec.json.decode(value) if isinstance(value, str) else value
    except msgspec.DecodeError:
        return None


FUNCTIONS: dict[str, tuple[int, int, Function]] = {
    "abs": (1, 1, of_number(abs)),
    "ceil": (1, 1, of_number(math.ceil)),
    "floor": (1, 1, of_number(math.floor)),
    "log": (1, 1, of_number(math.log)),
    "sqrt": (1, 1, of_number(math.sqrt)),
    "greatest": (1, 99, extreme(max)),
    "least": (1, 99, extreme(min)),
    "datefloor": (2, 2, floored),
    "dateceil": (2, 2, ceiled),
    "frommillis": (1, 1, from_millis),
    "tomillis": (1, 1, to_millis),
    "ispresent": (1, 1, lambda value: int(value is not None)),
    "coalesce": (1, 99, coalesce),
    "isempty": (1, 1, lambda value: int(value is None or value == "")),
    "isblank": (1, 1, lambda value: int(value is None or not text(value).strip())),
    "concat": (1, 99, concat),
    "trim": (1, 2, of_text(lambda value, signs=None: value.strip(signs))),
    "ltrim": (1, 2, of_text(lambda value, signs=None: value.lstrip(signs))),
    "rtrim": (1, 2, of_text(lambda value, signs=None: value.rstrip(signs))),
    "strlen": (1, 1, of_text(len)),
    "toupper": (1, 1, of_text(str.upper)),
    "tolower": (1, 1, of_text(str.lower)),
    "substr": (2, 3, of_text(substring)),
    "replace": (3, 3, of_text(lambda value, old, new="": value.replace(old, new))),
    "strcontains": (2, 2, of_text(lambda value, part: int(part in value))),
    "isvalidip": (1, 1, is_address()),
    "isvalidipv4": (1, 1, is_address(4)),
    "isvalidipv6": (1, 1, is_address(6)),
    "isipinsubnet": (2, 2, in_subnet()),
    "isipv4insubnet": (2, 2, in_subnet(4)),
    "isipv6insubnet": (2, 2, in_subnet(6)),
    "jsonparse": (1, 1, json_parse),
    "jsonstringify": (1, 1, lambda value: None if value is None else msgspec.json.encode(value).decode()),
}
"""By name in lower case: how many arguments at least and at most, and what it does."""
