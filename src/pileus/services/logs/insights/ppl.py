"""Queries in OpenSearch's Piped Processing Language, by the same commands on the same rows.

    where status >= 500 and like(path, '/orders/%') | eval slow = latency > 200 | stats count() as n by slow | sort - n

CloudWatch Logs User Guide, "OpenSearch PPL". Left out: join, lookup, subqueries, eventstats, trendline, expand,
flatten, grok, patterns and fieldsummary; `dedup` of more than one row; and all but the commonest functions.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from . import commands, values
from .expressions import Expression, Expressions, Row, binned, compared, sized, true
from .functions import FUNCTIONS
from .lexer import malformed
from .parser import Column, Parser

AGGREGATES = {
    "dc": "count_distinct",
    "distinct_count": "count_distinct",
    "stddev_samp": "stddev",
    "stddev_pop": "stddev",
}
RENAMED = {"length": "strlen", "lower": "tolower", "upper": "toupper", "ifnull": "coalesce", "ceiling": "ceil"}
DEFAULT_HEAD = 10

Function = Callable[..., Any]


def rounded(value: Any, digits: Any = 0) -> Any:
    number = values.number(value)
    if number is None:
        return None
    scale = 10 ** int(digits)
    return math.floor(number * scale + 0.5) / scale


def cut(value: Any, start: Any, length: Any = None) -> Any:
    """From the first character on, which is number 1."""
    if value is None:
        return None
    text, first = values.text(value), int(start)
    begin = first - 1 if first > 0 else max(len(text) + first, 0)
    return text[begin:] if length is None else text[begin : begin + int(length)]


def like(value: Any, pattern: Any) -> bool:
    """Whether a text is as SQL's pattern says, in any case."""
    if value is None:
        return False
    wanted = "".join({"%": ".*", "_": "."}.get(sign, re.escape(sign)) for sign in values.text(pattern))
    return re.fullmatch(wanted, values.text(value), re.IGNORECASE | re.DOTALL) is not None


OWN: dict[str, tuple[int, int, Function]] = {
    "if": (3, 3, lambda test, one, other: one if true(test) else other),
    "isnull": (1, 1, lambda value: int(value is None)),
    "isnotnull": (1, 1, lambda value: int(value is not None)),
    "nullif": (2, 2, lambda one, other: None if values.equal(one, other) else one),
    "like": (2, 2, like),
    "round": (1, 2, rounded),
    "substring": (2, 3, cut),
    "substr": (2, 3, cut),
}


class PipedExpressions(Expressions):
    """Expressions, where they are written differently."""

    def comparison(self) -> Expression:
        left = self.sum()
        negated = bool(self.lexer.take("not"))
        word = self.lexer.take("=", "!=", "<", "<=", ">", ">=", "like", "in", "between")
        if not word:
            return left if not negated else lambda row: self.lexer.fail()
        test = self.test(word, left)
        return (lambda row: not test(row)) if negated else test

    def test(self, word: str, left: Expression) -> Expression:
        if word == "like":
            right = self.sum()
            return lambda row: like(left(row), right(row))
        if word == "in":
            self.lexer.need("(")
            wanted = self.arguments(False)
            return lambda row: any(values.equal(left(row), one(row)) for one in wanted)
        if word == "between":
            least = self.sum()
            self.lexer.need("and")
            above, below = compared(">=", left, least), compared("<=", left, self.sum())
            return lambda row: above(row) and below(row)
        if word == "=":
            self.lexer.take("=")  # `==` says the same
        return compared(word, left, self.sum())

    def function(self, name: str, start: int) -> Expression:
        known = name.lower()
        if known == "span":
            return self.span()
        if known in OWN:
            least, most, apply = OWN[known]
            arguments = self.arguments(False)
            if not least <= len(arguments) <= most:
                raise malformed(f"wrong number of arguments for {name}", start, self.lexer.place)
            return lambda row: apply(*[argument(row) for argument in arguments])
        if self.aggregations is not None and known in AGGREGATES:
            return self.aggregate(AGGREGATES[known])
        renamed = RENAMED.get(known, known)
        return super().function(renamed if renamed in FUNCTIONS else name, start)

    def span(self) -> Expression:
        """A part of time, or of numbers, that a value is in."""
        place = self.names.place(self.lexer.next().text)
        self.lexer.need(",")
        token = self.lexer.peek()
        if token.kind == "number":
            width = float(self.lexer.next().text)
            self.lexer.need(")")
            return lambda row: (
                None if (value := values.number(row[place])) is None else math.floor(value / width) * width
            )
        size, period = sized(self.period())
        self.lexer.need(")")
        found = partial(binned, place, size, period)
        if size and place == 0:
            self.simple[id(found)] = ("bin", size)
            self.kept.append(found)
        return found


class Slice:
    def __init__(self, first: int, most: int) -> None:
        self.first = first
        self.most = most

    def all(self, rows: list[Row]) -> list[Row]:
        return rows[self.first : self.first + self.most]


class Frequent:
    """`top` and `rare`: the values that come most or least often, in each group."""

    def __init__(self, fields: list[int], by: list[int], count: int, most: int, rare: bool) -> None:
        self.fields = fields
        self.by = by
        self.count = count
        self.most = most
        self.rare = rare

    def all(self, rows: list[Row]) -> list[Row]:
        counted: dict[tuple[Any, ...], Counter[tuple[Any, ...]]] = {}
        for row in rows:
            group = tuple(row[place] for place in self.by)
            counted.setdefault(group, Counter())[tuple(row[place] for place in self.fields)] += 1
        found: list[Row] = []
        for group, counts in counted.items():
            ordered = sorted(counts.items(), key=lambda pair: pair[1] if self.rare else -pair[1])
            for value, count in ordered[: self.most]:
                made: Row = [None] * len(rows[0])
                for place, one in zip((*self.by, *self.fields, self.count), (*group, *value, count), strict=True):
                    made[place] = one
                found.append(made)
        return found


class Pipes(Parser):
    """From the text of a query in this language to its commands."""

    language = "PPL"
    unbuilt = {
        *("join", "lookup", "eventstats", "trendline", "expand", "flatten", "grok", "patterns", "fieldsummary"),
        *("kmeans", "ad", "ml", "describe", "show"),
    }

    def reading(self) -> Expressions:
        return PipedExpressions(self.lexer, self.names)

    def readers(self) -> dict[str, Callable[[], None]]:
        return {
            "fields": self.fields,
            "where": self.filter,
            "eval": self.eval,
            "stats": self.stats,
            "sort": self.sort,
            "head": self.head,
            "dedup": self.dedup,
            "rename": self.rename,
            "top": partial(self.frequent, rare=False),
            "rare": partial(self.frequent, rare=True),
            "parse": self.parse_regex,
            "fillnull": self.fill,
        }

    def named(self) -> list[Column]:
        """Names of fields, separated by commas."""
        found: list[Column] = []
        while True:
            token = self.lexer.next()
            if token.kind not in ("name", "field"):
                raise malformed(f"unexpected symbol found {token.text} at offset {token.start}", token.start, token.end)
            found.append((token.text, self.names.place(token.text)))
            if not self.lexer.take(","):
                return found

    def fields(self) -> None:
        """These, or with a minus all others."""
        sign = self.lexer.take("+", "-")
        found = self.named()
        if sign == "-":
            found = [column for column in self.present() if column not in found]
        self.shown, self.displayed = found, True

    def present(self) -> list[Column]:
        return self.shown or [("@timestamp", 0), ("@message", 1)]

    def eval(self) -> None:
        self.shown = self.present()
        while True:
            name = self.lexer.next().text
            self.lexer.need("=")
            place, expression = self.names.place(name), self.expressions.parse()
            self.changed = self.changed or name == "@message"
            self.step(commands.assigning(place, expression))
            if (name, place) not in self.shown:
                self.shown = [*self.shown, (name, place)]
            if not self.lexer.take(","):
                return

    def sort(self) -> None:
        most = int(self.lexer.next().text) if self.lexer.peek().kind == "number" else 0
        keys: list[tuple[Expression, bool]] = []
        while True:
            down = self.lexer.take("+", "-") == "-"
            key = self.expressions.primary()
            keys.append((key, self.lexer.take("asc", "desc", "a", "d") in ("desc", "d") or down))
            if not self.lexer.take(","):
                break
        self.rest.append(commands.Sort(keys))
        if most:
            self.rest.append(commands.Limit(most))

    def head(self) -> None:
        most = int(self.lexer.next().text) if self.lexer.peek().kind == "number" else DEFAULT_HEAD
        first = int(self.lexer.next().text) if self.lexer.take("from") else 0
        self.rest.append(Slice(first, most) if first else commands.Limit(most))

    def dedup(self) -> None:
        token = self.lexer.peek()
        if token.kind == "number" and self.lexer.next().text != "1":
            raise malformed("dedup keeps one row", token.start, token.end)
        self.rest.append(commands.Dedup([self.expressions.field(name) for name, _ in self.named()]))

    def rename(self) -> None:
        self.shown = self.present()
        while True:
            old = self.lexer.next().text
            self.lexer.need("as")
            new = self.lexer.next().text
            before, after = self.names.place(old), self.names.place(new)
            self.step(commands.assigning(after, lambda row, place=before: row[place]))  # type: ignore[misc]
            self.shown = [(new, after) if place == before else (name, place) for name, place in self.shown]
            if not self.lexer.take(","):
                return

    def frequent(self, rare: bool) -> None:
        most = int(self.lexer.next().text) if self.lexer.peek().kind == "number" else DEFAULT_HEAD
        fields = self.named()
        by = self.named() if self.lexer.take("by") else []
        count = self.names.place("count")
        wanted, groups = ([place for _, place in columns] for columns in (fields, by))
        self.rest.append(Frequent(wanted, groups, count, most, rare))
        self.shown = [*by, *fields, ("count", count)]
        self.displayed = self.expressions.known = True
        self.events = False

    def parse_regex(self) -> None:
        """A field and a regular expression with named groups, as a text."""
        source = self.expressions.primary()
        token = self.lexer.next()
        written = self.lexer.text[token.start + 1 : token.end - 1]  # a backslash is the expression's own
        try:
            pattern = re.compile(re.sub(r"\(\?<([A-Za-z]\w*)>", r"(?P<\1>", written))
        except re.error as error:
            raise malformed(f"invalid regular expression: {error}", token.start, token.end) from None
        named = sorted(pattern.groupindex, key=pattern.groupindex.__getitem__)
        if token.kind != "string" or len(named) != pattern.groups or not named:
            raise malformed("parse wants a name for each group", token.start, token.end)
        self.step(commands.parsing(source, pattern, [self.names.place(name) for name in named]))

    def fill(self) -> None:
        """`with VALUE in FIELDS`: what is not there gets a value."""
        self.lexer.need("with")
        value = self.expressions.sum()
        self.lexer.need("in")
        for _, place in self.named():
            self.step(commands.assigning(place, filled(place, value)))


def filled(place: int, value: Expression) -> Expression:
    return lambda row: value(row) if row[place] is None else row[place]
