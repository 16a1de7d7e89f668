"""Statistics of one metric: GetMetricStatistics, and what GetMetricData and alarms read."""

from __future__ import annotations

import math
from typing import Any

from pileus.kernel import Call

from . import cloudwatch, datasets, points
from .distributions import Distribution, statistic
from .faults import bad_combination, bad_value, missing
from .metrics import dimensions_of, identity, label_of

MOST_POINTS = 1440
FINE = (1, 5, 10, 20, 30)
"""Periods below a minute, in seconds."""

Series = dict[int, float]
"""Values by the start of their period."""


def check_period(period: int, name: str = "Period") -> None:
    if period not in FINE and (period < 60 or period % 60):
        raise bad_value(f"The parameter {name} must be 1, 5, 10, 20, 30, or a multiple of 60.")


def aligned(call: Call, start: float, period: int) -> int:
    """Where the first period begins: AWS rounds down, the further back the more (API reference, StartTime)."""
    age = call.now - start
    step = period if period < 60 else 60 if age < points.KEPT[60] else 300 if age < points.KEPT[300] else 3600
    return math.floor(start / step) * step


def series(
    call: Call,
    metric: bytes,
    name: str,
    start: int,
    end: int,
    period: int,
    unit: str = "",
) -> Series:
    """A statistic of each period that has values, whatever their units."""
    tell = statistic(name)
    assert tell
    found: Series = {}
    for at, units in points.collected(call, metric, start, end, period, unit).items():
        value = tell(whole(units))
        if value is not None:
            found[at] = value
    return dict(sorted(found.items()))


def whole(units: dict[str, Distribution]) -> Distribution:
    first, *rest = units.values()
    for other in rest:
        first.add(other)
    return first


@cloudwatch.operation
def get_metric_statistics(
    call: Call,
    namespace: str,
    metric_name: str,
    start_time: float,
    end_time: float,
    period: int,
    dimensions: list[dict[str, str]] = [],
    statistics: list[str] = [],
    extended_statistics: list[str] = [],
    unit: str = "",
) -> dict[str, Any]:
    """Statistics of one metric, of each period that has values; of each unit apart."""
    if not statistics and not extended_statistics:
        raise missing("Must specify either Statistics or ExtendedStatistics")
    if start_time >= end_time:
        raise bad_value("The parameter StartTime must be less than the parameter EndTime.")
    check_period(period)
    for name in extended_statistics:
        if statistic(name) is None:
            raise bad_value(f"The value {name} for parameter ExtendedStatistics is invalid.")
    requested = math.ceil((end_time - start_time) / period)
    if requested > MOST_POINTS:
        raise bad_combination(
            f"You have requested up to {requested:,} datapoints, which exceeds the limit of {MOST_POINTS:,}. "
            "You may reduce the datapoints requested by increasing Period, or decreasing the time range."
        )
    datasets.readable(call)
    metric = identity(namespace, metric_name, label_of(dimensions_of(dimensions)))
    start = aligned(call, start_time, period)
    found = points.collected(call, metric, start, math.ceil(end_time), period, unit)
    shown = [
        point(at, name, values, statistics, extended_statistics)
        for at, units in sorted(found.items())
        for name, values in units.items()
    ]
    return {"Label": metric_name, "Datapoints": shown}


def point(at: int, unit: str, values: Distribution, simple: list[str], extended: list[str]) -> dict[str, Any]:
    told = {name: value for name in simple if (value := tell(name, values)) is not None}
    more = {name: value for name in extended if (value := tell(name, values)) is not None}
    return {"Timestamp": at, "Unit": unit, **told} | ({"ExtendedStatistics": more} if more else {})


def tell(name: str, values: Distribution) -> float | None:
    known = statistic(name)
    return known(values) if known else None
