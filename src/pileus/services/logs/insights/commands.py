"""What commands do to rows. Some take a row at a time; `stats`, `sort`, `dedup` and `limit` want all of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Protocol

from . import values
from .expressions import Aggregation, Expression, Row, true

Step = Callable[[Row], bool]
"""Changes a row, or says that it is out."""


class Whole(Protocol):
    """A command that wants all rows."""

    def all(self, rows: list[Row]) -> list[Row]: ...


def filtering(test: Expression) -> Step:
    return lambda row: true(test(row))


def assigning(place: int, expression: Expression) -> Step:
    def assign(row: Row) -> bool:
        row[place] = expression(row)
        return True

    return assign


def parsing(source: Expression, pattern: re.Pattern[str], places: list[int]) -> Step:
    """Take a text apart; where it is not as the pattern says, the fields are not there."""
    search = pattern.search

    def parse(row: Row) -> bool:
        value = source(row)
        if value is not None and (match := search(values.text(value))):
            for place, found in zip(places, match.groups(), strict=True):
                row[place] = found
        return True

    return parse


def glob(text: str) -> re.Pattern[str]:
    """A pattern with `*` for each field."""
    pieces = [re.escape(piece) for piece in text.split("*")]
    body = "(.*?)".join(pieces[:-1]) + ("(.*)" if not pieces[-1] else f"(.*?){pieces[-1]}") if pieces[1:] else pieces[0]
    return re.compile(body, re.DOTALL)


class Stats:
    """Aggregates by the values of some expressions; it is fed a row at a time."""

    def __init__(
        self, by: list[tuple[int, Expression]], aggregations: list[Aggregation], columns: list[tuple[int, Expression]]
    ) -> None:
        self.by = by
        self.aggregations = aggregations
        self.columns = columns
        self.groups: dict[Any, list[tuple[Expression | None, Any]]] = {}
        self.keys = [expression for _, expression in by]

    def feed(self, row: Row) -> None:
        keys = self.keys
        key: Any = keys[0](row) if len(keys) == 1 else tuple([one(row) for one in keys])
        try:
            group = self.groups.get(key)
        except TypeError:  # a list or an object
            key = values.text(key) if len(keys) == 1 else tuple(map(values.text, key))
            group = self.groups.get(key)
        if group is None:
            group = self.groups[key] = [(one.argument, one.make().add) for one in self.aggregations]
        at = row[0]
        for argument, add in group:
            add(1 if argument is None else argument(row), at)

    def rows(self, size: int) -> list[Row]:
        found = []
        for key, group in self.groups.items():
            row: Row = [None] * size
            for (place, _), value in zip(self.by, (key,) if len(self.by) == 1 else key, strict=True):
                row[place] = value
            for aggregation, (_, add) in zip(self.aggregations, group, strict=True):
                row[aggregation.place] = add.__self__.result()
            for place, expression in self.columns:
                row[place] = expression(row)
            found.append(row)
        return found

    def all(self, rows: list[Row]) -> list[Row]:
        for row in rows:
            self.feed(row)
        return self.rows(len(rows[0]) if rows else 0)


class Sort:
    def __init__(self, keys: list[tuple[Expression, bool]]) -> None:
        self.keys = keys

    def all(self, rows: list[Row]) -> list[Row]:
        for expression, down in reversed(self.keys):
            rows = sorted(rows, key=lambda row, value=expression: values.order(value(row)), reverse=down)  # type: ignore[misc]
        return rows


class Limit:
    def __init__(self, most: int) -> None:
        self.most = most

    def all(self, rows: list[Row]) -> list[Row]:
        return rows[: self.most]


class Dedup:
    """The first row of each combination of values; what lacks one of them stays."""

    def __init__(self, keys: list[Expression]) -> None:
        self.keys = keys

    def all(self, rows: list[Row]) -> list[Row]:
        seen: set[tuple[str, ...]] = set()
        kept = []
        for row in rows:
            found = [key(row) for key in self.keys]
            key = tuple(map(values.text, found)) if None not in found else ()
            if not key or key not in seen:
                seen.add(key)
                kept.append(row)
        return kept


class Each:
    """Steps on rows that have been through something that wanted them all."""

    def __init__(self, step: Step) -> None:
        self.step = step

    def all(self, rows: list[Row]) -> list[Row]:
        return [row for row in rows if self.step(row)]


def latest_first(rows: list[Row]) -> list[Row]:
    """The order of rows that nothing else orders."""
    return sorted(rows, key=lambda row: row[0] or 0, reverse=True)
