"""The commands `diff`, `anomaly` and `unnest`.

    pattern @message | diff previousDay        the patterns of this time against those of the same time a day ago
    pattern @message | anomaly                 what is unusual in them
    unnest list into element                   a row for each element

What the console shows as "Difference event count" and the like has no documented names in results: those of the columns
here are ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from . import deviations, values
from .expressions import Expression, Row
from .patterns import COLUMNS, Pattern

DIFFERENCES = (*COLUMNS, "@previousSampleCount", "@differenceEventCount", "@differenceDescription")
ANOMALIES = ("@pattern", "@anomalyType", "@priority", "@priorityScore", "@description", "@anomalyTime", "@logSample")
DAY = 86_400_000
BACK = {"previousday": DAY, "previousweek": 7 * DAY, "previousmonth": 30 * DAY}
PARTS = 24
"""A query's time is looked at in so many parts."""


class Diff:
    """The difference that each pattern makes to the time before."""

    def __init__(self, pattern: Pattern, places: Sequence[int], back: int) -> None:
        self.pattern = pattern
        self.places = places
        self.back = back
        """How many milliseconds ago the time before was; the length of this one, if that is not said."""

    def all(self, rows: list[Row]) -> list[Row]:
        found = []
        for row in rows:
            text, _, now, _ = (row[place] for place in self.pattern.places)
            before = self.pattern.before[text]
            row[self.places[4]], row[self.places[5]], row[self.places[6]] = before, now - before, told(before, now)
            found.append(row)
        return sorted(found, key=lambda row: -abs(row[self.places[5]]))


def told(before: int, now: int) -> str:
    if before == now:
        return "No change"
    if not before or not now:
        return "New pattern" if now else "Pattern is gone"
    return f"{'Increase' if now > before else 'Decrease'} by {abs(now - before) * 100 / before:.0f}%"


class Anomaly:
    """What is unusual in the patterns, the worst first."""

    def __init__(self, pattern: Pattern, places: Sequence[int]) -> None:
        self.pattern = pattern
        self.places = places
        self.span = (0, 0)
        """The time of the query."""

    def all(self, rows: list[Row]) -> list[Row]:
        size = len(rows[0]) if rows else 0
        start, end = self.span
        width = max(1, -(-(end - start) // PARTS))
        found = [
            (alike.text(), one) for alike in self.pattern.alike for one in deviations.within(alike, start, end, width)
        ]
        return [self.row(text, one, size) for text, one in sorted(found, key=lambda pair: -pair[1].score)]

    def row(self, text: str, one: deviations.Deviation, size: int) -> Row:
        row: Row = [None] * size
        shown = (text, one.kind, one.priority, one.score, one.description, values.Instant(one.at), one.sample)
        for place, value in zip(self.places, shown, strict=True):
            row[place] = value
        return row


class Unnest:
    """A row for each element of a list; one without a list stays as it is."""

    def __init__(self, source: Expression, place: int) -> None:
        self.source = source
        self.place = place

    def all(self, rows: list[Row]) -> list[Row]:
        found = []
        for row in rows:
            elements = listed(self.source(row))
            before, after = row[: self.place], row[self.place + 1 :]
            found += [[*before, element, *after] for element in ([None] if elements is None else elements)]
        return found


def listed(value: Any) -> list[Any] | None:
    if isinstance(value, str) and value.startswith("["):
        try:
            value = msgspec.json.decode(value)
        except msgspec.DecodeError:
            return None
    return value if isinstance(value, list) else None
