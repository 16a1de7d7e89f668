"""What is known of the values of one metric in one span of time, and the statistics that can be told of it.

CloudWatch keeps no single values: it keeps how often each occurred, which is exact for a few and within one per cent
for many. A statistic set tells even less: its percentiles are known only where all its values are one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from functools import lru_cache

import msgspec

EXACT = 150
"""So many different values are kept as they are; further ones to within one per cent."""
STEP = math.log(1.01)


class Distribution(msgspec.Struct, array_like=True):
    """Values and how often each occurred; `values` is None where only a summary is known."""

    count: float
    total: float
    minimum: float
    maximum: float
    values: dict[float, float] | None

    @classmethod
    def of(cls, value: float, count: float = 1.0) -> Distribution:
        return cls(count, value * count, value, value, {value: count})

    @classmethod
    def summary(cls, count: float, total: float, minimum: float, maximum: float) -> Distribution:
        values = {minimum: count} if minimum == maximum or count == 1 else None
        return cls(count, total, minimum, maximum, values)

    def add(self, other: Distribution) -> None:
        self.count += other.count
        self.total += other.total
        self.minimum = min(self.minimum, other.minimum)
        self.maximum = max(self.maximum, other.maximum)
        if self.values is None or other.values is None:
            self.values = None
            return
        values = self.values
        for value, count in other.values.items():
            if value not in values and len(values) >= EXACT:
                value = coarse(value)
            values[value] = values.get(value, 0.0) + count

    def copy(self) -> Distribution:
        values = None if self.values is None else dict(self.values)
        return Distribution(self.count, self.total, self.minimum, self.maximum, values)

    def sorted(self) -> list[tuple[float, float]]:
        assert self.values is not None
        return sorted(self.values.items())


def coarse(value: float) -> float:
    """The value to within one per cent."""
    if value == 0:
        return 0.0
    return math.copysign(math.exp(round(math.log(abs(value)) / STEP) * STEP), value)


def merged(distributions: Iterator[Distribution] | list[Distribution]) -> Distribution | None:
    whole: Distribution | None = None
    for one in distributions:
        if whole is None:
            whole = one.copy()
        else:
            whole.add(one)
    return whole


# Statistics

Statistic = Callable[[Distribution], float | None]

SIMPLE: dict[str, Statistic] = {
    "SampleCount": lambda d: d.count,
    "Sum": lambda d: d.total,
    "Average": lambda d: d.total / d.count if d.count else None,
    "Minimum": lambda d: d.minimum,
    "Maximum": lambda d: d.maximum,
}
SHORT = re.compile(r"(p|tm|wm|tc|ts)(\d{1,2}(?:\.\d{1,10})?|100)")
RANGE = re.compile(r"(TM|WM|TC|TS|PR)\((-?[\d.]*%?):(-?[\d.]*%?)\)")


@lru_cache(maxsize=1024)
def statistic(name: str) -> Statistic | None:
    """The statistic of that name, or None if there is none (User Guide, "CloudWatch statistics definitions")."""
    if name in SIMPLE:
        return SIMPLE[name]
    if name == "IQM":
        return lambda d: trimmed(d, 0.25, 0.75, "TM")
    if found := SHORT.fullmatch(name):
        kind, share = found[1], float(found[2]) / 100
        return (lambda d: percentile(d, share)) if kind == "p" else (lambda d: trimmed(d, 0.0, share, kind.upper()))
    found = RANGE.fullmatch(name)
    if found is None or (not found[2] and not found[3]):
        return None
    return ranged(*found.groups())


def ranged(kind: str, low: str, high: str) -> Statistic | None:
    """`TM(10%:90%)` or `TM(150:1000)`: of shares of the samples, or of values."""
    if "%" in low + high:
        if kind == "PR" or (low and low[-1] != "%") or (high and high[-1] != "%"):
            return None
        share = [float(one.strip("%")) / 100 if one else default for one, default in ((low, 0.0), (high, 1.0))]
        return lambda d: trimmed(d, share[0], share[1], kind)
    try:
        bounds = [float(one) if one else default for one, default in ((low, -math.inf), (high, math.inf))]
    except ValueError:
        return None
    return lambda d: bounded(d, bounds[0], bounds[1], kind)


def percentile(distribution: Distribution, share: float) -> float | None:
    """The smallest value that so large a share of the samples does not exceed."""
    if distribution.values is None:
        return None
    rank, seen = share * distribution.count, 0.0
    for value, count in distribution.sorted():
        seen += count
        if seen >= rank - 1e-9:
            return value
    return distribution.maximum


def trimmed(distribution: Distribution, low: float, high: float, kind: str) -> float | None:
    """Of the samples between two shares of them: mean, count, or sum; or the mean with the rest drawn to the bounds."""
    if distribution.values is None:
        return None
    start, end, seen = low * distribution.count, high * distribution.count, 0.0
    kept: list[tuple[float, float]] = []
    for value, count in distribution.sorted():
        part = min(seen + count, end) - max(seen, start)
        seen += count
        if part > 1e-12:
            kept.append((value, part))
    if kind == "WM" and kept:
        kept = [(kept[0][0], start), *kept, (kept[-1][0], distribution.count - end)]
    return told(kept, kind)


def bounded(distribution: Distribution, low: float, high: float, kind: str) -> float | None:
    """Of the values above `low` and up to `high`."""
    if distribution.values is None:
        return None
    samples = distribution.sorted()
    if kind == "WM":
        return told([(min(max(value, low), high), count) for value, count in samples], kind)
    kept = [(value, count) for value, count in samples if low < value <= high]
    if kind == "PR":
        return 100 * sum(count for _, count in kept) / distribution.count
    return told(kept, kind)


def told(kept: list[tuple[float, float]], kind: str) -> float | None:
    count = sum(count for _, count in kept)
    total = sum(value * count for value, count in kept)
    if kind == "TC":
        return count
    if kind == "TS":
        return total
    return total / count if count else None
