"""PromQL: read into a tree, and computed for an instant.

    avg by (InstanceId) (avg_over_time(CPUUtilization{"@instrumentation.@name"="cloudwatch.aws/ec2"}[10m])) > 80

"Querying Prometheus", prometheus.io. Left out: subqueries, `@`, `group_left` and `group_right`, native histograms but
for `histogram_avg`, `histogram_sum` and `histogram_count`, which tell those statistics of a metric; without one a
metric's value is its average.
"""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import NamedTuple

from .expressions import Misspelt

LOOKBACK = 300.0
"""Seconds for which a value is good."""
TOKEN = re.compile(
    r"""\s*(?:(?P<length>\d+(?:ms|[smhdwy])(?:\d+(?:ms|[smhdwy]))*)
    |(?P<number>0x[0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[iI]nf\b|NaN\b)
    |(?P<name>[a-zA-Z_:][\w:.]*)|(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<sign>=~|!~|!=|==|<=|>=|[-+*/%^<>=(){}\[\],]))""",
    re.VERBOSE,
)
SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31536000.0}
LEVELS = (("or",), ("and", "unless"), ("==", "!=", "<", "<=", ">", ">="), ("+", "-"), ("*", "/", "%"))
COMPARISONS = LEVELS[2]

Labels = dict[str, str]


class Sample(NamedTuple):
    labels: Labels
    value: float


Vector = list[Sample]
Points = list[tuple[float, float]]
Source = Callable[["Selector", str, float, float], list[tuple[Labels, Points]]]
"""Finds the series of a selector with a statistic of theirs, from one time up to another."""


@dataclass(frozen=True)
class Number:
    value: float


@dataclass(frozen=True)
class Text:
    value: str


@dataclass(frozen=True)
class Selector:
    matchers: tuple[tuple[str, str, str], ...]
    """A label, how it is compared, and with what."""
    length: float = 0.0
    """Seconds of a range; 0 for an instant."""
    offset: float = 0.0

    def covers(self, labels: Labels) -> bool:
        return all(TESTS[how](labels.get(name, ""), wanted) for name, how, wanted in self.matchers)


@dataclass(frozen=True)
class Apply:
    """A function or an operator, with the labels that an aggregation or a match is by."""

    name: str
    arguments: tuple[Node, ...]
    labels: tuple[str, ...] | None = None
    without: bool = False
    truth: bool = False
    """Whether a comparison tells 0 and 1 instead of leaving out."""


Node = Number | Text | Selector | Apply
Value = float | str | Vector

TESTS: dict[str, Callable[[str, str], bool]] = {
    "=": lambda value, wanted: value == wanted,
    "!=": lambda value, wanted: value != wanted,
    "=~": lambda value, wanted: re.fullmatch(wanted, value) is not None,
    "!~": lambda value, wanted: re.fullmatch(wanted, value) is None,
}


# Reading


@lru_cache(maxsize=256)
def parse(text: str) -> Node:
    reader = Reader(text)
    tree = reader.level(0)
    if reader.tokens:
        raise Misspelt(f"unexpected '{reader.tokens[0][1]}'")
    return tree


class Reader:
    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        at, text = 0, re.sub(r"#[^\n]*", "", text).rstrip()
        while at < len(text):
            found = TOKEN.match(text, at)
            if found is None or found.lastgroup is None:
                raise Misspelt(f"unexpected '{text[at:].strip()[:1]}'")
            self.tokens.append((found.lastgroup, found[found.lastgroup]))
            at = found.end()

    def at(self, *tokens: str) -> bool:
        return bool(self.tokens) and self.tokens[0][0] in ("sign", "name") and self.tokens[0][1] in tokens

    def take(self, kind: str = "") -> str:
        if not self.tokens:
            raise Misspelt("it ends too soon")
        if kind and self.tokens[0][0] != kind:
            raise Misspelt(f"expected a {kind} before '{self.tokens[0][1]}'")
        return self.tokens.pop(0)[1]

    def expect(self, sign: str) -> None:
        if not self.at(sign):
            raise Misspelt(f"expected '{sign}'")
        self.take()

    def level(self, depth: int) -> Node:
        if depth == len(LEVELS):
            return self.power()
        left = self.level(depth + 1)
        while self.at(*LEVELS[depth]):
            name, truth = self.take(), False
            if self.at("bool"):
                self.take()
                truth = True
            labels, without = self.grouping("on", "ignoring")
            left = Apply(name, (left, self.level(depth + 1)), labels, without, truth)
        return left

    def power(self) -> Node:
        if self.at("-", "+"):
            sign = self.take()
            inner = self.power()
            return Apply("-", (Number(0.0), inner)) if sign == "-" else inner
        base = self.primary()
        if self.at("^"):
            self.take()
            return Apply("^", (base, self.power()))
        return base

    def grouping(self, by: str, without: str) -> tuple[tuple[str, ...] | None, bool]:
        if not self.at(by, without):
            return None, False
        other = self.take() == without
        self.expect("(")
        names: list[str] = []
        while not self.at(")"):
            kind, _ = self.tokens[0] if self.tokens else ("", "")
            names.append(self.take() if kind == "name" else unquoted(self.take("text")))
            if self.at(","):
                self.take()
        self.expect(")")
        return tuple(names), other

    def primary(self) -> Node:
        kind, token = self.tokens[0] if self.tokens else ("", "")
        if kind == "number":
            return Number(float(int(self.take(), 16)) if token.startswith("0x") else float(self.take()))
        if kind == "text":
            return Text(unquoted(self.take()))
        if self.at("("):
            self.take()
            inner = self.level(0)
            self.expect(")")
            return inner
        if self.at("{"):
            return self.selector("")
        name = self.take("name")
        if name in AGGREGATIONS:
            return self.aggregation(name)
        if self.at("("):
            if name not in FUNCTIONS and name not in RANGES and name not in STATISTICS:
                raise Misspelt(f"unknown function {name}")
            return Apply(name, self.arguments())
        return self.selector(name)

    def aggregation(self, name: str) -> Node:
        labels, without = self.grouping("by", "without")
        arguments = self.arguments()
        if labels is None:
            labels, without = self.grouping("by", "without")
        return Apply(name, arguments, labels or (), without)

    def arguments(self) -> tuple[Node, ...]:
        self.expect("(")
        found: list[Node] = []
        while not self.at(")"):
            if found:
                self.expect(",")
            found.append(self.level(0))
        self.expect(")")
        return tuple(found)

    def selector(self, name: str) -> Selector:
        matchers = [("__name__", "=", name)] if name else []
        if self.at("{"):
            self.take()
            while not self.at("}"):
                kind, _ = self.tokens[0] if self.tokens else ("", "")
                label = unquoted(self.take()) if kind == "text" else self.take("name")
                if kind == "text" and self.at(",", "}"):
                    matchers.append(("__name__", "=", label))
                else:
                    matchers.append((label, self.take("sign"), unquoted(self.take("text"))))
                if self.at(","):
                    self.take()
            self.expect("}")
        if not matchers or any(how not in TESTS for _, how, _ in matchers):
            raise Misspelt("a selector names a metric or labels")
        found = Selector(tuple(matchers))
        if self.at("["):
            self.take()
            found = replace(found, length=seconds(self.take("length")))
            self.expect("]")
        if self.at("offset"):
            self.take()
            found = replace(found, offset=seconds(self.take("length")))
        return found


def unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def seconds(text: str) -> float:
    return sum(float(count) * SECONDS[unit] for count, unit in re.findall(r"(\d+)(ms|[smhdwy])", text))


# Computing


@dataclass
class Scope:
    source: Source
    at: float
    statistic: str = "Average"
    depth: int = field(default=0)


def evaluate(tree: Node, scope: Scope) -> Value:
    if isinstance(tree, Number | Text):
        return tree.value
    if isinstance(tree, Selector):
        if tree.length:
            raise Misspelt("a range is no value by itself")
        found = series(tree, scope, LOOKBACK)
        return [Sample(labels, points[-1][1]) for labels, points in found if points]
    if tree.name in STATISTICS:
        return nameless(vector(evaluate(tree.arguments[0], replace(scope, statistic=STATISTICS[tree.name]))))
    if tree.name in RANGES:
        return ranged(tree, scope)
    values = [evaluate(argument, scope) for argument in tree.arguments]
    if tree.name in AGGREGATIONS:
        return aggregated(tree, values)
    if tree.name in FUNCTIONS:
        return FUNCTIONS[tree.name](scope, *values)
    return operated(tree, *values)


def series(tree: Selector, scope: Scope, length: float) -> list[tuple[Labels, Points]]:
    end = scope.at - tree.offset
    return [(labels, points) for labels, points in scope.source(tree, scope.statistic, end - length, end) if points]


def ranged(tree: Apply, scope: Scope) -> Vector:
    where = tree.arguments[-1]
    if isinstance(where, Apply) and where.name in STATISTICS:
        scope, where = replace(scope, statistic=STATISTICS[where.name]), where.arguments[0]
    if not isinstance(where, Selector) or not where.length:
        raise Misspelt(f"{tree.name} takes a range")
    found = series(where, scope, where.length)
    told = [(labels, RANGES[tree.name](points, where.length)) for labels, points in found]
    return nameless([Sample(labels, value) for labels, value in told if value is not None])


def vector(value: Value) -> Vector:
    if not isinstance(value, list):
        raise Misspelt("expected time series")
    return value


def nameless(samples: Vector) -> Vector:
    return [Sample({k: v for k, v in labels.items() if k != "__name__"}, value) for labels, value in samples]


def grouped(labels: Labels, names: tuple[str, ...], without: bool) -> Labels:
    if without:
        return {k: v for k, v in labels.items() if k not in names and k != "__name__"}
    return {name: labels[name] for name in names if name in labels}


def aggregated(tree: Apply, values: list[Value]) -> Vector:
    groups: dict[tuple[tuple[str, str], ...], Vector] = {}
    for sample in vector(values[-1]):
        key = tuple(sorted(grouped(sample.labels, tree.labels or (), tree.without).items()))
        groups.setdefault(key, []).append(sample)
    if tree.name in ("topk", "bottomk"):
        count = int(number(values[0]))
        ranked = {k: sorted(s, key=lambda one: one.value, reverse=tree.name == "topk") for k, s in groups.items()}
        return [sample for samples in ranked.values() for sample in samples[:count]]
    if tree.name == "quantile":
        rank = number(values[0])
        return [Sample(dict(k), quantile([one.value for one in s], rank)) for k, s in groups.items()]
    return [Sample(dict(k), AGGREGATIONS[tree.name]([one.value for one in s])) for k, s in groups.items()]


def number(value: Value) -> float:
    if not isinstance(value, float):
        raise Misspelt("expected a number")
    return value


def quantile(values: list[float], rank: float) -> float:
    if not 0 <= rank <= 1:
        return math.inf if rank > 1 else -math.inf
    ordered = sorted(values)
    place = rank * (len(ordered) - 1)
    low, high = ordered[math.floor(place)], ordered[math.ceil(place)]
    return low + (high - low) * (place - math.floor(place))


def operated(tree: Apply, left: Value, right: Value) -> Value:
    """An operator between numbers and vectors; a comparison leaves out what it does not hold for."""
    if tree.name in ("and", "or", "unless"):
        return joined(tree, vector(left), vector(right))
    compares = tree.name in COMPARISONS
    function = OPERATORS[tree.name]
    if isinstance(left, float) and isinstance(right, float):
        return function(left, right)
    if isinstance(left, list) and isinstance(right, list):
        others = {matched(tree, one.labels): one.value for one in right}
        pairs = [(one, one.value, others[key]) for one in left if (key := matched(tree, one.labels)) in others]
    elif isinstance(left, list):
        pairs = [(one, one.value, number(right)) for one in left]
    else:
        pairs = [(one, number(left), one.value) for one in vector(right)]
    if compares and not tree.truth:
        return [one for one, a, b in pairs if function(a, b)]
    return nameless([Sample(one.labels, function(a, b)) for one, a, b in pairs])


def matched(tree: Apply, labels: Labels) -> tuple[tuple[str, str], ...]:
    if tree.labels is None:
        return tuple(sorted(grouped(labels, (), without=True).items()))
    return tuple(sorted(grouped(labels, tree.labels, tree.without).items()))


def joined(tree: Apply, left: Vector, right: Vector) -> Vector:
    ours = {matched(tree, one.labels) for one in left}
    theirs = {matched(tree, one.labels) for one in right}
    if tree.name == "or":
        return [*left, *(one for one in right if matched(tree, one.labels) not in ours)]
    return [one for one in left if (matched(tree, one.labels) in theirs) == (tree.name == "and")]


def rise(points: Points) -> float:
    """How much a counter has grown, whatever it was set back in between."""
    grown, before = 0.0, points[0][1]
    for _, value in points[1:]:
        grown += value - before if value >= before else value
        before = value
    return grown


def mapped(function: Callable[[float], float]) -> Callable[..., Value]:
    return lambda scope, value: nameless([Sample(one.labels, function(one.value)) for one in vector(value)])


def scalar(scope: Scope, value: Value) -> Value:
    found = vector(value)
    return found[0].value if len(found) == 1 else math.nan


def logarithm(base: float) -> Callable[[float], float]:
    return lambda value: math.log(value, base) if value > 0 else math.nan


def clamped(scope: Scope, value: Value, least: Value, most: Value) -> Value:
    return mapped(lambda one: min(max(one, number(least)), number(most)))(scope, value)


AGGREGATIONS: dict[str, Callable[[list[float]], float]] = {
    "sum": sum,
    "avg": statistics.fmean,
    "min": min,
    "max": max,
    "count": lambda values: float(len(values)),
    "group": lambda values: 1.0,
    "stddev": statistics.pstdev,
    "stdvar": statistics.pvariance,
    "topk": max,
    "bottomk": min,
    "quantile": max,
}
STATISTICS = {"histogram_avg": "Average", "histogram_sum": "Sum", "histogram_count": "SampleCount"}
RANGES: dict[str, Callable[[Points, float], float | None]] = {
    "rate": lambda points, length: rise(points) / length if len(points) > 1 else None,
    "increase": lambda points, length: rise(points) if len(points) > 1 else None,
    "delta": lambda points, length: points[-1][1] - points[0][1] if len(points) > 1 else None,
    "irate": lambda points, length: rise(points[-2:]) / (points[-1][0] - points[-2][0]) if len(points) > 1 else None,
    "avg_over_time": lambda points, length: statistics.fmean(value for _, value in points),
    "min_over_time": lambda points, length: min(value for _, value in points),
    "max_over_time": lambda points, length: max(value for _, value in points),
    "sum_over_time": lambda points, length: sum(value for _, value in points),
    "count_over_time": lambda points, length: float(len(points)),
    "last_over_time": lambda points, length: points[-1][1],
    "stddev_over_time": lambda points, length: statistics.pstdev(value for _, value in points),
}
FUNCTIONS: dict[str, Callable[..., Value]] = {
    "abs": mapped(abs),
    "ceil": mapped(lambda value: float(math.ceil(value))),
    "floor": mapped(lambda value: float(math.floor(value))),
    "round": mapped(lambda value: float(math.floor(value + 0.5))),
    "sqrt": mapped(lambda value: math.sqrt(value) if value >= 0 else math.nan),
    "exp": mapped(math.exp),
    "ln": mapped(logarithm(math.e)),
    "log2": mapped(logarithm(2)),
    "log10": mapped(logarithm(10)),
    "sgn": mapped(lambda value: float((value > 0) - (value < 0))),
    "clamp": clamped,
    "clamp_min": lambda scope, value, least: clamped(scope, value, least, math.inf),
    "clamp_max": lambda scope, value, most: clamped(scope, value, -math.inf, most),
    "scalar": scalar,
    "vector": lambda scope, value: [Sample({}, number(value))],
    "time": lambda scope: scope.at,
    "absent": lambda scope, value: [] if vector(value) else [Sample({}, 1.0)],
}
OPERATORS: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b if b else math.nan if not a or math.isnan(a) else math.copysign(math.inf, a),
    "%": lambda a, b: math.fmod(a, b) if b else math.nan,
    "^": lambda a, b: a**b if a > 0 or b == int(b) else math.nan,
    "==": lambda a, b: float(a == b),
    "!=": lambda a, b: float(a != b),
    "<": lambda a, b: float(a < b),
    "<=": lambda a, b: float(a <= b),
    ">": lambda a, b: float(a > b),
    ">=": lambda a, b: float(a >= b),
}
