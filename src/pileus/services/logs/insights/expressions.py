"""Expressions, each parsed into a function of a row.

a = 1 and (b like /x/ or not ispresent(c)) · latency / 1000 ^ 2 · status in [500, 502]
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from functools import partial
from typing import Any

from . import values
from .aggregates import AGGREGATES, PERCENTILES, TIMED, Percentile
from .functions import FUNCTIONS
from .lexer import Lexer, malformed

Row = list[Any]
Expression = Callable[[Row], Any]


class Names:
    """The names that a query speaks of, and their places in its rows."""

    def __init__(self) -> None:
        self.places: dict[str, int] = {}

    def place(self, name: str) -> int:
        return self.places.setdefault(name, len(self.places))


class Aggregation:
    """One aggregate of a `stats` command: how to make it, what it is fed, and where its result goes."""

    def __init__(self, make: Callable[[], Any], argument: Expression | None, place: int) -> None:
        self.make = make
        self.argument = argument
        self.place = place


class Expressions:
    """Reads expressions at the lexer's place. `aggregations` is where aggregates go, if they are allowed."""

    def __init__(self, lexer: Lexer, names: Names) -> None:
        self.lexer = lexer
        self.names = names
        self.aggregations: list[Aggregation] | None = None
        self.simple: dict[int, tuple[str, int]] = {}
        """Those expressions that are but a field, at a place, or a bin, of a size in milliseconds."""
        self.kept: list[Expression] = []
        """They stay, so that nothing else gets their identity."""
        self.timed = False
        """Whether there is an aggregate to which the times of events matter."""
        self.known = False
        """Whether there are only results of `stats` left, which are named as they were written."""
        self.literals: list[str] = []
        """What @message must have in it for the last condition to hold, as far as that is sure."""
        self.made: set[str] = set()
        """Fields that commands have made, which may be objects."""
        self.walked: set[int] = set()
        """Those expressions that are a member of one."""
        self.asked: list[str] = []
        """The fields that were named, in their order."""
        self.unmasked: dict[str, int] = {}
        """Fields that are wanted as they are, and their places."""

    def parse(self) -> Expression:
        return self.either()

    def either(self) -> Expression:
        tests = [self.both()]
        while self.lexer.take("or"):
            self.literals.clear()
            tests.append(self.both())
            self.literals.clear()
        return tests[0] if len(tests) == 1 else lambda row: any(true(test(row)) for test in tests)

    def both(self) -> Expression:
        tests = [self.inverse()]
        while self.lexer.take("and"):
            tests.append(self.inverse())
        return tests[0] if len(tests) == 1 else lambda row: all(true(test(row)) for test in tests)

    def inverse(self) -> Expression:
        if self.lexer.take("not"):
            kept = list(self.literals)
            test = self.inverse()
            self.literals[:] = kept
            return lambda row: not true(test(row))
        return self.comparison()

    def comparison(self) -> Expression:
        left_at = self.lexer.peek()
        left = self.sum()
        negated = False
        if self.lexer.peek().text.lower() == "not":
            self.lexer.next()
            negated = True
        word = self.lexer.take("=", "!=", "<", "<=", ">", ">=", "=~", "like", "in")
        if not word:
            return left if not negated else lambda row: self.lexer.fail()
        if word in ("like", "=~"):
            test = self.like(left, left_at.text if not negated else "")
        elif word == "in":
            test = self.inside(left)
        else:
            test = compared(word, left, self.sum())
        return (lambda row: not test(row)) if negated else test

    def like(self, left: Expression, name: str) -> Expression:
        if regex := self.lexer.regex():
            if name == "@message" and re.fullmatch(r"[\w \-:=]+", regex.pattern) and not regex.flags & re.IGNORECASE:
                self.literals.append(regex.pattern)
            search = regex.search
            return lambda row: (value := left(row)) is not None and search(values.text(value)) is not None
        token = self.lexer.next()
        if token.kind != "string":
            raise malformed(f"like wants a text or a regular expression, not {token.text}", token.start, token.end)
        if name == "@message":
            self.literals.append(token.text)
        part = token.text
        return lambda row: (value := left(row)) is not None and part in values.text(value)

    def inside(self, left: Expression) -> Expression:
        self.lexer.need("[")
        wanted: list[Expression] = []
        while not self.lexer.take("]"):
            wanted.append(self.sum())
            if not self.lexer.take(","):
                self.lexer.need("]")
                break
        return lambda row: any(values.equal(left(row), one(row)) for one in wanted)

    def sum(self) -> Expression:
        left = self.product()
        while sign := self.lexer.take("+", "-"):
            left = arithmetic(operator.add if sign == "+" else operator.sub, left, self.product())
        return left

    def product(self) -> Expression:
        left = self.power()
        while sign := self.lexer.take("*", "/", "%"):
            apply = {"*": operator.mul, "/": operator.truediv, "%": operator.mod}[sign]
            left = arithmetic(apply, left, self.power())
        return left

    def power(self) -> Expression:
        left = self.unary()
        return arithmetic(operator.pow, left, self.power()) if self.lexer.take("^") else left

    def unary(self) -> Expression:
        if self.lexer.take("-"):
            inner = self.unary()
            return arithmetic(operator.sub, lambda row: 0, inner)
        return self.primary()

    def primary(self) -> Expression:
        lexer = self.lexer
        if lexer.take("("):
            inner = self.either()
            lexer.need(")")
            return inner
        token = lexer.next()
        if token.kind == "number":
            return constant(values.number(token.text))
        if token.kind == "string":
            return constant(token.text)
        if token.kind == "field":
            return self.field(token.text)
        if token.kind == "name":
            if lexer.take("("):
                return self.function(token.text, token.start)
            if token.text.lower() in ("true", "false"):
                return constant(int(token.text.lower() == "true"))
            return self.field(token.text)
        raise malformed(f"unexpected symbol found {token.text} at offset {token.start}", token.start, token.end)

    def field(self, name: str) -> Expression:
        self.asked.append(name)
        parts = name.split(".")
        for length in range(1, len(parts)):
            if (head := ".".join(parts[:length])) in self.made:
                member = walking(self.names.place(head), parts[length:])
                self.walked.add(id(member))
                self.kept.append(member)
                return member
        place = self.names.place(name)
        if name in ("@timestamp", "@ingestionTime") and not self.known:
            return lambda row: values.Instant(row[place])
        found = operator.itemgetter(place)
        self.simple[id(found)] = ("field", place)
        self.kept.append(found)
        return found

    def function(self, name: str, start: int) -> Expression:
        known = name.lower()
        if self.aggregations is not None and (known in AGGREGATES or known in PERCENTILES):
            return self.aggregate(known)
        if self.known and known not in FUNCTIONS:
            return self.written(start)
        if known == "bin":
            period = self.period()
            self.lexer.need(")")
            size, period = sized(period)
            found = partial(binned, self.names.place("@timestamp"), size, period)
            if size:
                self.simple[id(found)] = ("bin", size)
                self.kept.append(found)
            return found
        if known == "unmask":
            return self.unmask(start)
        if known == "now":
            self.lexer.need(")")
            return operator.itemgetter(self.names.place("now()"))
        if known not in FUNCTIONS:
            raise malformed(f"unknown function {name}", start, start + len(name))
        least, most, apply = FUNCTIONS[known]
        arguments = self.arguments(known in ("datefloor", "dateceil"))
        if not least <= len(arguments) <= most:
            raise malformed(f"wrong number of arguments for {name}", start, self.lexer.place)
        if len(arguments) == 1:
            (only,) = arguments
            return lambda row: apply(only(row))
        return lambda row: apply(*[argument(row) for argument in arguments])

    def unmask(self, start: int) -> Expression:
        """A field as it was before anything in it was masked."""
        token = self.lexer.next()
        if token.kind not in ("name", "field"):
            raise malformed("unmask wants a field", start, token.end)
        self.lexer.need(")")
        place = self.unmasked.setdefault(token.text, self.names.place(f"\0unmask {token.text}"))
        return operator.itemgetter(place)

    def written(self, start: int) -> Expression:
        """A column of `stats` under the words that made it, such as `count(*)`."""
        depth = 1
        while depth:
            token = self.lexer.next()
            depth += {"(": 1, ")": -1}.get(token.text, 0) if token.kind == "op" else 0
            if token.kind == "end":
                self.lexer.fail()
        return operator.itemgetter(self.names.place(self.lexer.text[start : self.lexer.place].strip()))

    def arguments(self, period_last: bool) -> list[Expression]:
        found: list[Expression] = []
        while not self.lexer.take(")"):
            if period_last and found:
                found.append(constant(self.period()))
            else:
                found.append(self.either())
            if not self.lexer.take(","):
                self.lexer.need(")")
                break
        return found

    def period(self) -> str:
        token = self.lexer.next()
        text = token.text
        if token.kind == "number":  # `5 minutes`
            text += self.lexer.next().text
        try:
            values.parsed(text)
        except ValueError:
            raise malformed(f"invalid period {text}", token.start, token.end) from None
        return text

    def aggregate(self, name: str) -> Expression:
        held, self.aggregations = self.aggregations, None  # they do not nest
        assert held is not None
        argument = None if self.lexer.take("*") or self.lexer.peek().text == ")" else self.either()
        make: Callable[[], Any] = AGGREGATES.get(name, Percentile)
        self.timed = self.timed or name in TIMED
        if name in PERCENTILES:
            self.lexer.need(",")
            token = self.lexer.next()
            if token.kind != "number" or not 0 <= float(token.text) <= 100:
                raise malformed(f"invalid percentile {token.text}", token.start, token.end)
            make = partial(Percentile, float(token.text))
        self.lexer.need(")")
        self.aggregations = held
        place = self.names.place(f"\0{len(self.names.places)}")
        held.append(Aggregation(make, argument, place))
        return operator.itemgetter(place)


def walking(place: int, parts: list[str]) -> Expression:
    """A member of an object that a command has made."""
    return lambda row: values.plain(values.walk(row[place], parts))


def true(value: Any) -> bool:
    return value is True or (value is not None and value is not False and value != 0 and value != "")


def constant(value: Any) -> Expression:
    return lambda row: value


def sized(period: str) -> tuple[int, str]:
    """A period in milliseconds; months have no size."""
    count, unit = values.parsed(period)
    return count * values.PERIODS.get(unit, 0), period


def binned(place: int, size: int, period: str, row: Row) -> values.Instant:
    at = row[place]
    return values.Instant(at - at % size) if size else values.floor(at, period)


def arithmetic(apply: Callable[[Any, Any], Any], left: Expression, right: Expression) -> Expression:
    def result(row: Row) -> Any:
        a, b = values.number(left(row)), values.number(right(row))
        if a is None or b is None:
            return None
        try:
            return apply(a, b)
        except (ZeroDivisionError, OverflowError):
            return None

    return result


def compared(sign: str, left: Expression, right: Expression) -> Expression:
    if sign == "=":
        return lambda row: values.equal(left(row), right(row))
    if sign == "!=":
        return lambda row: not values.equal(left(row), right(row))
    wanted = {"<": (-1,), "<=": (-1, 0), ">": (1,), ">=": (0, 1)}[sign]
    return lambda row: values.compare(left(row), right(row)) in wanted
