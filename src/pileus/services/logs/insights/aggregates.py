"""The aggregates of `stats`: each is fed values, and tells a result at the end."""

from __future__ import annotations

import math
from typing import Any, Protocol

from .values import number, order

NUMBERS = {int, float}


class Aggregate(Protocol):
    def add(self, value: Any, at: int) -> None:
        """Take a value of the row whose event was at that time; None for what is not there."""

    def add_all(self, values: list[Any]) -> None:
        """Take many values whose times do not matter."""

    def result(self) -> Any: ...


class Count:
    __slots__ = ("total",)

    def __init__(self) -> None:
        self.total = 0

    def add(self, value: Any, at: int) -> None:
        if value is not None:
            self.total += 1

    def add_all(self, values: list[Any]) -> None:
        self.total += len(values) - values.count(None)

    def result(self) -> int:
        return self.total


class CountDistinct:
    __slots__ = ("seen",)

    def __init__(self) -> None:
        self.seen: set[Any] = set()

    def add(self, value: Any, at: int) -> None:
        if value is not None:
            self.seen.add(value)

    def add_all(self, values: list[Any]) -> None:
        self.seen.update(values)
        self.seen.discard(None)

    def result(self) -> int:
        return len(self.seen)


class Sum:
    __slots__ = ("count", "total")

    def __init__(self) -> None:
        self.total: float = 0
        self.count = 0

    def add(self, value: Any, at: int) -> None:
        kind = type(value)
        found = value if kind is int or kind is float else number(value)
        if found is not None:
            self.total += found
            self.count += 1

    def add_all(self, values: list[Any]) -> None:
        found = numbers(values)
        self.total += sum(found)
        self.count += len(found)

    def result(self) -> float | None:
        return self.total if self.count else None


class Average(Sum):
    __slots__ = ()

    def result(self) -> float | None:
        return self.total / self.count if self.count else None


class Deviation:
    """The standard deviation, by Welford's method."""

    __slots__ = ("count", "mean", "squares")

    def __init__(self) -> None:
        self.count, self.mean, self.squares = 0, 0.0, 0.0

    def add(self, value: Any, at: int) -> None:
        if (found := number(value)) is not None:
            self.count += 1
            delta = found - self.mean
            self.mean += delta / self.count
            self.squares += delta * (found - self.mean)

    def add_all(self, values: list[Any]) -> None:
        for value in values:
            self.add(value, 0)

    def result(self) -> float | None:
        return math.sqrt(self.squares / self.count) if self.count else None


class Least:
    """The least number, else the first of the texts."""

    __slots__ = ("best", "key")
    sign = -1

    def __init__(self) -> None:
        self.best: Any = None
        self.key: Any = None

    def add(self, value: Any, at: int) -> None:
        if value is None:
            return
        key = order(value)
        if self.key is None or (key > self.key) - (key < self.key) == self.sign:
            self.best, self.key = value, key

    def add_all(self, values: list[Any]) -> None:
        if values and set(map(type, values)) <= NUMBERS:
            self.add(min(values) if self.sign < 0 else max(values), 0)
            return
        for value in values:
            self.add(value, 0)

    def result(self) -> Any:
        return self.best


class Greatest(Least):
    __slots__ = ()
    sign = 1


class Percentile:
    __slots__ = ("share", "values")

    def __init__(self, share: float) -> None:
        self.share = share
        self.values: list[float] = []

    def add(self, value: Any, at: int) -> None:
        kind = type(value)
        found = value if kind is int or kind is float else number(value)
        if found is not None:
            self.values.append(found)

    def add_all(self, values: list[Any]) -> None:
        self.values += numbers(values)

    def result(self) -> float | None:
        """The nearest rank."""
        if not self.values:
            return None
        self.values.sort()
        rank = math.ceil(self.share / 100 * len(self.values))
        return self.values[max(0, min(len(self.values), rank) - 1)]


class Earliest:
    """The value of the earliest event that has one."""

    __slots__ = ("at", "value")
    sign = 1

    def __init__(self) -> None:
        self.at: int | None = None
        self.value: Any = None

    def add(self, value: Any, at: int) -> None:
        if value is not None and (self.at is None or (self.at - at) * self.sign > 0):
            self.at, self.value = at, value

    def add_all(self, values: list[Any]) -> None:
        raise TypeError("their times matter")

    def result(self) -> Any:
        return self.value


class Latest(Earliest):
    __slots__ = ()
    sign = -1


def numbers(values: list[Any]) -> list[float]:
    """Those of the values that are numbers, or spell some."""
    if set(map(type, values)) <= NUMBERS:
        return values
    return [found for value in values if (found := number(value)) is not None]


AGGREGATES: dict[str, type[Aggregate]] = {
    "count": Count,
    "count_distinct": CountDistinct,
    "sum": Sum,
    "avg": Average,
    "min": Least,
    "max": Greatest,
    "stddev": Deviation,
    "earliest": Earliest,
    "latest": Latest,
    "sortsfirst": Least,
    "sortslast": Greatest,
}
PERCENTILES = {"pct", "percentile"}
TIMED = {"earliest", "latest"}
