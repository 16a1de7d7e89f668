"""Values of rows: texts, numbers, instants, or None for what is not there."""

from __future__ import annotations

import datetime
import re
from typing import Any

import msgspec

PERIODS = {"ms": 1, "msec": 1, "s": 1000, "sec": 1000, "m": 60_000, "min": 60_000, "h": 3_600_000, "hr": 3_600_000}
PERIODS |= {"d": 86_400_000, "w": 604_800_000, "second": 1000, "minute": 60_000, "hour": 3_600_000, "day": 86_400_000}
PERIODS |= {"week": 604_800_000}
MONTHS = {"mo": 1, "mon": 1, "month": 1, "q": 3, "qtr": 3, "quarter": 3, "y": 12, "yr": 12, "year": 12}
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


class Instant(int):
    """Milliseconds since the epoch, shown as a time."""


def number(value: Any) -> float | int | None:
    """The number that a value is or spells."""
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) and NUMBER.fullmatch(value.strip()):
        found = float(value)
        return int(found) if found.is_integer() and "." not in value and "e" not in value.lower() else found
    return None


def text(value: Any) -> str:
    """A value as it is shown."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, Instant):
        at = datetime.datetime.fromtimestamp(value / 1000, datetime.UTC)
        return f"{at:%Y-%m-%d %H:%M:%S}.{value % 1000:03d}"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{value:.4f}".rstrip("0").rstrip(".")
    if isinstance(value, int):
        return str(value)
    return msgspec.json.encode(value).decode()


def plain(value: Any) -> Any:
    """A value of a JSON document as a row has it."""
    if value is True or value is False:
        return int(value)
    return msgspec.json.encode(value).decode() if isinstance(value, dict | list) else value


def walk(value: Any, parts: list[str]) -> Any:
    for number, part in enumerate(parts):
        if isinstance(value, dict):
            whole = ".".join(parts[number:])
            if whole in value:  # a name that has dots in it
                return value[whole]
            value = value.get(part)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def floor(at: int, period: str) -> Instant:
    """The beginning of the period that a time is in."""
    count, unit = parsed(period)
    if unit in MONTHS:
        return Instant(month_floor(at, count * MONTHS[unit]))
    size = count * PERIODS[unit]
    return Instant(at // size * size)


def parsed(period: str) -> tuple[int, str]:
    """`5m` as 5 and m; ValueError for what is no period."""
    match = re.fullmatch(r"(\d+)([a-zA-Z]+)", period)
    if match is None or not int(match[1]):
        raise ValueError(period)
    unit = match[2].lower()
    for one in (unit, unit.removesuffix("s")):
        if one in PERIODS or one in MONTHS:
            return int(match[1]), one
    raise ValueError(period)


def month_floor(at: int, months: int) -> int:
    date = datetime.datetime.fromtimestamp(at / 1000, datetime.UTC)
    count = (date.year * 12 + date.month - 1) // months * months
    first = datetime.datetime(count // 12, count % 12 + 1, 1, tzinfo=datetime.UTC)
    return int(first.timestamp() * 1000)


CHUNK = re.compile(r"\d+|\D+")

Order = tuple[int, Any]


def order(value: Any) -> Order:
    """Where a value stands: nothing, then texts, whose digits count as numbers, then numbers ("sort")."""
    if value is None:
        return 0, ()
    if (found := number(value)) is not None:
        return 2, found
    pieces = CHUNK.findall(value if isinstance(value, str) else text(value))
    return 1, tuple((0, int(piece), "") if piece.isdigit() else (1, 0, piece) for piece in pieces)


def equal(one: Any, other: Any) -> bool:
    if type(one) is type(other):
        return bool(one == other)
    left, right = number(one), number(other)
    if left is not None and right is not None:
        return left == right
    return one is not None and other is not None and text(one) == text(other)


def compare(one: Any, other: Any) -> int | None:
    """Less, the same, more: as numbers if both are some, else as texts; None if there is nothing to compare."""
    if one is None or other is None:
        return None
    left, right = number(one), number(other)
    if left is not None and right is not None:
        return (left > right) - (left < right)
    if left is not None or right is not None:
        return None
    a, b = text(one), text(other)
    return (a > b) - (a < b)
