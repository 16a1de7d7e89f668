"""Data points: what a metric's values were in each second, minute, five minutes or hour.

The finer they are, the sooner they are rolled up into coarser ones (API reference, GetMetricStatistics). What is due
for it is known by the hour, so that rolling up reads nothing but what it rolls.
"""

from __future__ import annotations

from collections.abc import Iterator

from pileus.kernel import Call, Record

from . import cloudwatch
from .distributions import Distribution

KEPT = {1: 3 * 3600, 60: 15 * 86400, 300: 63 * 86400, 3600: 455 * 86400}
"""How many seconds points of each resolution are kept; then they are rolled up, and those of hours forgotten."""
COARSER = {1: 60, 60: 300, 300: 3600}
ROLLED_AT_ONCE = 500

Units = dict[str, Distribution]
"""Values by their unit, which are never thrown together."""


class Points(Record, key=("metric", "resolution", "at")):
    """The values of a metric in the `resolution` seconds from `at`, an instant in whole seconds."""

    metric: bytes
    resolution: int
    at: int
    units: Units


class Filled(Record, key=("resolution", "hour", "metric")):
    """There are points of that metric and resolution in that hour (of the epoch)."""

    resolution: int
    hour: int
    metric: bytes


def note(call: Call, metric: bytes, at: int, resolution: int, units: Units) -> None:
    """Add values to those of a slot."""
    slot = at - at % resolution
    points = Points.get(call, metric, resolution, slot)
    if points is None:
        Points(metric, resolution, slot, units).put(call)
        mark(call, metric, resolution, slot)
        return
    for unit, values in units.items():
        if held := points.units.get(unit):
            held.add(values)
        else:
            points.units[unit] = values
    points.put(call)


def mark(call: Call, metric: bytes, resolution: int, slot: int) -> None:
    hour = slot // 3600
    if Filled.get(call, resolution, hour, metric) is None:
        if Filled.first(call, resolution, hour) is None:
            due = (hour + 1) * 3600 + KEPT[resolution]
            roll_up.later(call, resolution=resolution, hour=hour, due=max(float(due), call.now))
        Filled(resolution, hour, metric).put(call)


@cloudwatch.task
def roll_up(call: Call, resolution: int, hour: int) -> None:
    """Turn the points of an hour into coarser ones, those of some metrics at a time."""
    filled = list(Filled.scan(call, resolution, hour, limit=ROLLED_AT_ONCE))
    for one in filled:
        one.delete(call)
        start, end = (hour * 3600,), ((hour + 1) * 3600,)
        for points in list(Points.scan(call, one.metric, resolution, since=start, before=end)):
            points.delete(call)
            if coarser := COARSER.get(resolution):
                note(call, one.metric, points.at, coarser, points.units)
    if len(filled) == ROLLED_AT_ONCE:
        roll_up.later(call, resolution=resolution, hour=hour)


def between(call: Call, metric: bytes, start: float, end: float, finest: int = 1) -> Iterator[tuple[int, Units]]:
    """What is known from `start` up to `end`, of each resolution in its order: instants and values."""
    for resolution in KEPT:
        if resolution >= finest:
            for points in Points.scan(call, metric, resolution, since=(int(start),), before=(int(end),)):
                yield points.at, points.units


def collected(
    call: Call, metric: bytes, start: int, end: int, period: int, unit: str = ""
) -> dict[int, dict[str, Distribution]]:
    """Values by period, counted from `start`, and by unit."""
    found: dict[int, dict[str, Distribution]] = {}
    for at, units in between(call, metric, start, end):
        slot = start + (at - start) // period * period
        for name, values in units.items():
            if unit and name != unit:
                continue
            held = found.setdefault(slot, {})
            if name in held:
                held[name].add(values)
            else:
                held[name] = values
    return found
