"""What commands do to rows. Some take a row at a time; `stats`, `sort`, `dedup` and `limit` want all of them."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
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


Simple = list[tuple[str, int]]
"""Keys or arguments that are but a field, a bin, or nothing at all."""
Columns = dict[int, list[Any]]
"""The values of many events, by their places in rows."""


class Stats:
    """Aggregates by the values of some expressions; it is fed a row at a time, or, where it is simple, many events."""

    def __init__(
        self, by: list[tuple[int, Expression]], aggregations: list[Aggregation], columns: list[tuple[int, Expression]]
    ) -> None:
        self.by = by
        self.aggregations = aggregations
        self.columns = columns
        self.groups: dict[Any, list[tuple[Expression | None, Any]]] = {}
        self.keys = [expression for _, expression in by]
        self.simple: tuple[Simple, Simple] | None = None
        """Keys and arguments, if all of them are simple."""

    def group(self, key: Any) -> list[tuple[Expression | None, Any]]:
        group = self.groups.get(key)
        if group is None:
            group = self.groups[key] = [(one.argument, one.make()) for one in self.aggregations]
        return group

    def feed(self, row: Row) -> None:
        keys = self.keys
        key: Any = keys[0](row) if len(keys) == 1 else tuple([one(row) for one in keys])
        try:
            group = self.group(key)
        except TypeError:  # a list or an object
            group = self.group(values.text(key) if len(keys) == 1 else tuple(map(values.text, key)))
        at = row[0]
        for argument, aggregate in group:
            aggregate.add(1 if argument is None else argument(row), at)

    def feed_columns(self, times: list[int], columns: Columns) -> None:
        """The same for many events at once, their values in columns."""
        assert self.simple is not None
        by, arguments = self.simple
        keyed = [[at - at % n for at in times] if kind == "bin" else columns[n] for kind, n in by]
        keys: Iterable[Any] = keyed[0] if len(keyed) == 1 else zip(*keyed, strict=True) if keyed else [()] * len(times)
        keys = list(keys)
        for number, (kind, place) in enumerate(arguments):
            if kind == "one":
                for key, count in Counter(keys).items():
                    self.group(key)[number][1].total += count
                continue
            held: dict[Any, list[Any]] = defaultdict(list)
            for key, value in zip(keys, columns[place], strict=True):
                held[key].append(value)
            for key, found in held.items():
                self.group(key)[number][1].add_all(found)

    def rows(self, size: int) -> list[Row]:
        bins = [n for n, (kind, _) in enumerate(self.simple[0]) if kind == "bin"] if self.simple else []
        found = []
        for key, group in self.groups.items():
            row: Row = [None] * size
            held = [key] if len(self.by) == 1 else list(key)
            for n in bins:
                held[n] = values.Instant(held[n])
            for (place, _), value in zip(self.by, held, strict=True):
                row[place] = value
            for aggregation, (_, aggregate) in zip(self.aggregations, group, strict=True):
                row[aggregation.place] = aggregate.result()
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
