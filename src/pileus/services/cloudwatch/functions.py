"""What metric math computes: with numbers, time series, and lists of time series.

An operator or function of two series is applied where both have a value; of a series and a number, everywhere.
User Guide, "Functions supported for metric math".
"""

from __future__ import annotations

import datetime
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from statistics import pstdev
from typing import Any

from .expressions import Apply, Misspelt, Name, Node, Number, Text


@dataclass
class Line:
    """A time series with what is told of it."""

    values: dict[int, float]
    label: str
    period: int
    attributes: dict[str, str] = field(default_factory=dict)
    """What it is of, where a query has told several apart."""


Value = float | str | Line | list[Line]


@dataclass
class Scope:
    """What an expression may name, and the times it is computed for."""

    ids: dict[str, Value]
    start: int
    end: int
    period: int
    search: Callable[[str, str, int], list[Line]] = lambda expression, stat, period: []
    band: Callable[[Line, float], list[Line]] = lambda line, width: []
    rule: Callable[[str, str], Line] = lambda name, metric: Line({}, metric, 60)
    """A metric of a Contributor Insights rule."""
    metrics: list[Line] = field(default_factory=list)
    """Lines of plain metrics, which METRICS() stands for."""


def evaluate(tree: Node, scope: Scope) -> Value:
    """The value of an expression; `Misspelt` for what cannot be computed."""
    if isinstance(tree, Number):
        return tree.value
    if isinstance(tree, Text):
        return tree.value
    if isinstance(tree, Name):
        if tree.value[0].isupper():
            return tree.value
        if tree.value not in scope.ids:
            raise Misspelt(f"undefined id '{tree.value}'")
        return scope.ids[tree.value]
    return apply(tree, scope)


def apply(tree: Apply, scope: Scope) -> Value:
    name = tree.function
    values = [evaluate(argument, scope) for argument in tree.arguments]
    if name in BINARY:
        return pairwise(BINARY[name], values[0], values[1])
    if name in UNARY:
        (value,) = exactly(name, values, 1)
        return each(UNARY[name], value)
    if name in TOGETHER:
        (value,) = exactly(name, values, 1)
        return together(TOGETHER[name], value)
    if name not in OTHERS:
        raise Misspelt(f"unsupported function '{name}'")
    found: Value = OTHERS[name](scope, *values)
    return found


def exactly(name: str, values: list[Value], count: int) -> list[Value]:
    if len(values) != count:
        raise Misspelt(f"{name} takes {count} argument{'s' if count > 1 else ''}, not {len(values)}")
    return values


# Point by point


def truth(claim: bool) -> float:
    return 1.0 if claim else 0.0


def quotient(left: float, right: float) -> float:
    return left / right if right else math.nan


def power(left: float, right: float) -> float:
    try:
        found = left**right
    except (OverflowError, ZeroDivisionError):
        return math.nan
    return math.nan if isinstance(found, complex) else found


BINARY: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": quotient,
    "%": lambda a, b: math.fmod(a, b) if b else math.nan,
    "^": power,
    "==": lambda a, b: truth(a == b),
    "!=": lambda a, b: truth(a != b),
    "<": lambda a, b: truth(a < b),
    "<=": lambda a, b: truth(a <= b),
    ">": lambda a, b: truth(a > b),
    ">=": lambda a, b: truth(a >= b),
    "&&": lambda a, b: truth(bool(a) and bool(b)),
    "||": lambda a, b: truth(bool(a) or bool(b)),
}
UNARY: dict[str, Callable[[float], float]] = {
    "negative": lambda a: -a,
    "ABS": abs,
    "CEIL": lambda a: float(math.ceil(a)),
    "FLOOR": lambda a: float(math.floor(a)),
    "LOG": lambda a: math.log(a) if a > 0 else math.nan,
    "LOG10": lambda a: math.log10(a) if a > 0 else math.nan,
}


def pairwise(function: Callable[[float, float], float], left: Value, right: Value) -> Value:
    if isinstance(left, float) and isinstance(right, float):
        return function(left, right)
    if isinstance(left, list):
        return [line(pairwise(function, one, right)) for one in left]
    if isinstance(right, list):
        return [line(pairwise(function, left, one)) for one in right]
    if isinstance(left, Line) and isinstance(right, Line):
        shared = [at for at in left.values if at in right.values]
        return finite(left, {at: function(left.values[at], right.values[at]) for at in shared})
    if isinstance(left, Line) and isinstance(right, float):
        return finite(left, {at: function(value, right) for at, value in left.values.items()})
    if isinstance(left, float) and isinstance(right, Line):
        return finite(right, {at: function(left, value) for at, value in right.values.items()})
    raise Misspelt("operators take numbers and time series")


def each(function: Callable[[float], float], value: Value) -> Value:
    if isinstance(value, float):
        return function(value)
    if isinstance(value, list):
        return [line(each(function, one)) for one in value]
    series = line(value)
    return finite(series, {at: function(one) for at, one in series.values.items()})


def finite(like: Line, values: dict[int, float]) -> Line:
    """A line without what cannot be computed, such as a division by zero: AWS has no point there."""
    return replace(like, values={at: value for at, value in values.items() if math.isfinite(value)})


def line(value: Value) -> Line:
    if not isinstance(value, Line):
        raise Misspelt("a time series is expected")
    return value


def lines(value: Value) -> list[Line]:
    return value if isinstance(value, list) else [line(value)]


# All points of a series, or the series of a list at each instant

TOGETHER: dict[str, Callable[[list[float]], float]] = {
    "AVG": lambda values: sum(values) / len(values),
    "SUM": lambda values: float(sum(values)),
    "MIN": min,
    "MAX": max,
    "STDDEV": pstdev,
    "DATAPOINT_COUNT": lambda values: float(len(values)),
}


def together(function: Callable[[list[float]], float], value: Value) -> Value:
    if isinstance(value, list):
        instants = sorted({at for one in value for at in one.values})
        found = {at: function([one.values[at] for one in value if at in one.values]) for at in instants}
        return Line(found, "", min((one.period for one in value), default=60))
    values = list(line(value).values.values())
    return float(function(values)) if values else math.nan


# The others


def metrics(scope: Scope, part: Value = "") -> Value:
    return [
        one for name, one in scope.ids.items() if isinstance(one, Line) and one in scope.metrics and part_of(part, name)
    ]


def part_of(part: Value, name: str) -> bool:
    return isinstance(part, str) and part in name


def fill(scope: Scope, value: Value, filling: Value) -> Value:
    if isinstance(value, list):
        return [line(fill(scope, one, filling)) for one in value]
    series = line(value)
    steps = range(scope.start, scope.end, series.period)
    if isinstance(filling, str):
        if filling.upper() not in ("REPEAT", "LINEAR"):
            raise Misspelt(f"FILL takes a number, REPEAT or LINEAR, not '{filling}'")
        return replace(series, values=dict(filled(series.values, steps, filling.upper())))
    if isinstance(filling, Line):
        return replace(
            series, values={at: v for at in steps if (v := series.values.get(at, filling.values.get(at))) is not None}
        )
    if isinstance(filling, float):
        return replace(series, values={at: series.values.get(at, filling) for at in steps})
    raise Misspelt("FILL takes a number, REPEAT or LINEAR")


def filled(values: dict[int, float], steps: range, how: str) -> Iterator[tuple[int, float]]:
    """REPEAT: the last value before; LINEAR: on the line between the neighbours. Nothing before the first value."""
    known = sorted(values)
    for at in steps:
        if at in values:
            yield at, values[at]
            continue
        before = max((one for one in known if one < at), default=None)
        after = min((one for one in known if one > at), default=None)
        if before is None:
            continue
        if how == "REPEAT" or after is None:
            if how == "REPEAT":
                yield at, values[before]
        else:
            share = (at - before) / (after - before)
            yield at, values[before] + share * (values[after] - values[before])


def choose(scope: Scope, condition: Value, then: Value, otherwise: Value | None = None) -> Value:
    """IF(condition, then, otherwise): without `otherwise` there is no point where the condition is false."""
    if isinstance(condition, float):
        chosen = then if condition else otherwise
        return Line({}, "", scope.period) if chosen is None else chosen
    asked = line(condition)
    found: dict[int, float] = {}
    for at, holds in asked.values.items():
        value = at_instant(then if holds else otherwise, at)
        if value is not None:
            found[at] = value
    return replace(asked, values=found)


def at_instant(value: Value | None, at: int) -> float | None:
    if value is None or isinstance(value, float):
        return value
    return line(value).values.get(at)


def changes(series: Line) -> Iterator[tuple[int, int, float]]:
    """Each instant but the first: seconds and change since the one before."""
    known = sorted(series.values.items())
    for (earlier, before), (at, value) in itertools.pairwise(known):
        yield at, at - earlier, value - before


def rate(scope: Scope, value: Value) -> Value:
    return (
        [line(rate(scope, one)) for one in value]
        if isinstance(value, list)
        else replace(line(value), values={at: change / seconds for at, seconds, change in changes(line(value))})
    )


def diff(scope: Scope, value: Value) -> Value:
    return (
        [line(diff(scope, one)) for one in value]
        if isinstance(value, list)
        else replace(line(value), values={at: change for at, _, change in changes(line(value))})
    )


def difference_time(scope: Scope, value: Value) -> Value:
    return replace(line(value), values={at: float(seconds) for at, seconds, _ in changes(line(value))})


def running_sum(scope: Scope, value: Value) -> Value:
    if isinstance(value, list):
        return [line(running_sum(scope, one)) for one in value]
    total, found = 0.0, {}
    for at, one in sorted(line(value).values.items()):
        total += one
        found[at] = total
    return replace(line(value), values=found)


def first(scope: Scope, value: Value) -> Value:
    return edge(value, 0)


def last(scope: Scope, value: Value) -> Value:
    return edge(value, -1)


def edge(value: Value, which: int) -> Value:
    if isinstance(value, list):
        if not value:
            raise Misspelt("FIRST and LAST of nothing")
        return value[which]
    known = sorted(line(value).values.items())
    return known[which][1] if known else math.nan


def period(scope: Scope, value: Value) -> Value:
    return float(line(value).period)


def remove_empty(scope: Scope, value: Value) -> Value:
    return [one for one in lines(value) if one.values]


def time_series(scope: Scope, value: Value) -> Value:
    if not isinstance(value, float):
        raise Misspelt("TIME_SERIES takes a number")
    return Line(dict.fromkeys(range(scope.start, scope.end, scope.period), value), "", scope.period)


def sort(scope: Scope, value: Value, how: Value, order: Value, most: Value = math.inf) -> Value:
    measure = TOGETHER.get(str(how).upper())
    if measure is None or str(order).upper() not in ("ASC", "DESC") or not isinstance(most, float):
        raise Misspelt("SORT takes time series, AVG, MIN, MAX or SUM, and ASC or DESC")
    known = [one for one in lines(value) if one.values]
    known.sort(key=lambda one: measure(list(one.values.values())), reverse=str(order).upper() == "DESC")
    return known if most == math.inf else known[: int(most)]


def slice_of(scope: Scope, value: Value, start: Value, end: Value | None = None) -> Value:
    if not isinstance(start, float) or not (end is None or isinstance(end, float)):
        raise Misspelt("SLICE takes time series and numbers")
    return lines(value)[int(start) : None if end is None else int(end)]


def search(scope: Scope, expression: Value, stat: Value, seconds: Value | None = None) -> Value:
    if (
        not isinstance(expression, str)
        or not isinstance(stat, str)
        or not (seconds is None or isinstance(seconds, float))
    ):
        raise Misspelt("SEARCH takes an expression, a statistic and a period")
    return scope.search(expression, stat, int(seconds or scope.period))


def anomaly_band(scope: Scope, value: Value, width: Value = 2.0) -> Value:
    if not isinstance(width, float):
        raise Misspelt("ANOMALY_DETECTION_BAND takes a metric and a number")
    return scope.band(line(value), width)


def insight_rule_metric(scope: Scope, rule: Value, metric: Value) -> Value:
    if not isinstance(rule, str) or not isinstance(metric, str):
        raise Misspelt("INSIGHT_RULE_METRIC takes the name of a rule and that of one of its metrics")
    return scope.rule(rule, metric)


def calendar(part: Callable[[datetime.datetime], float]) -> Callable[..., Value]:
    """EPOCH, HOUR, …: of the instants of a series, in UTC."""

    def tell(scope: Scope, value: Value) -> Value:
        return replace(
            line(value),
            values={at: part(datetime.datetime.fromtimestamp(at, datetime.UTC)) for at in line(value).values},
        )

    return tell


def listing(scope: Scope, *values: Value) -> Value:
    return [one for value in values for one in lines(value)]


OTHERS: dict[str, Callable[..., Any]] = {
    "[]": listing,
    "FILL": fill,
    "METRICS": metrics,
    "IF": choose,
    "RATE": rate,
    "DIFF": diff,
    "DIFF_TIME": difference_time,
    "RUNNING_SUM": running_sum,
    "FIRST": first,
    "LAST": last,
    "PERIOD": period,
    "REMOVE_EMPTY": remove_empty,
    "TIME_SERIES": time_series,
    "SORT": sort,
    "SLICE": slice_of,
    "SEARCH": search,
    "ANOMALY_DETECTION_BAND": anomaly_band,
    "INSIGHT_RULE_METRIC": insight_rule_metric,
}
CALENDAR: dict[str, Callable[..., Any]] = {
    "EPOCH": calendar(lambda when: when.timestamp()),
    "MINUTE": calendar(lambda when: float(when.minute)),
    "HOUR": calendar(lambda when: float(when.hour)),
    "DAY": calendar(lambda when: float(when.isoweekday())),
    "DATE": calendar(lambda when: float(when.day)),
    "MONTH": calendar(lambda when: float(when.month)),
    "YEAR": calendar(lambda when: float(when.year)),
}
OTHERS |= CALENDAR
CHANGING = {*CALENDAR, "INSIGHT_RULE_METRIC"}
"""What gives other values later though no metric has got any."""
