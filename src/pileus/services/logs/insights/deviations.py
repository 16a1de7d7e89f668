"""What is unusual about how often a pattern comes, and about the words that vary in it.

A count is held against the counts before it: mean and deviation are kept up without keeping the counts (Welford's
method). The kinds are AWS's ("anomaly", CloudWatch Logs User Guide); how far off something has to be is ours to
say: AWS does not tell its own measures.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from .patterns import Alike, severity

FREQUENCY, NEW, TOKEN, NUMBER = "Pattern Frequency", "New Pattern", "Token Variation", "Numerical Variation"
FEWEST_COUNTS = 5
"""So many counts there must have been before one of them can be unusual,"""
FAR = 4.0
"""and it must be so many deviations from the mean,"""
FACTOR = 2.0
"""and so many times as much."""
FEWEST_VALUES = 30
MOST_DIFFERENT = 6
"""A word that has had no more different values than these in all that time is expected to have one of them."""


class Moments(msgspec.Struct):
    """Counts, without themselves."""

    number: int = 0
    mean: float = 0.0
    squares: float = 0.0
    """The sum of the squares of what they are off the mean."""
    most: float = 0.0

    def add(self, value: float, times: int = 1) -> None:
        if times <= 0:
            return
        number = self.number + times
        off = value - self.mean
        self.squares += off * off * self.number * times / number
        self.mean += off * times / number
        self.number = number
        self.most = max(self.most, value)

    @property
    def deviation(self) -> float:
        """At least what counts of that mean deviate by chance."""
        return max(math.sqrt(self.squares / self.number) if self.number else 0.0, math.sqrt(self.mean), 1.0)

    def score(self, value: float) -> float:
        """By how many deviations a value is more than is usual; 0 if it is not unusual."""
        score = (value - self.mean) / self.deviation
        unusual = self.number >= FEWEST_COUNTS and score >= FAR and value >= FACTOR * max(self.mean, 1.0)
        return score if unusual and value > self.most else 0.0


class Deviation(NamedTuple):
    kind: str
    description: str
    score: float
    """From 0 to 1."""
    priority: str
    at: int
    """When, in milliseconds."""
    sample: str


PRIORITIES = (("HIGH", 0.8), ("MEDIUM", 0.4), ("LOW", 0.0))
WEIGHTS = {"Error": 0.5, "Warning": 0.25}


def weighed(pattern: str, score: float) -> tuple[float, str]:
    """A score from 0 to 1, and the priority, by the severity of a pattern and how far off something is."""
    found = min(1.0, WEIGHTS.get(severity(pattern), 0.0) + min(score, 4 * FAR) / (4 * FAR) / 2 + 0.1)
    return round(found, 2), next(name for name, least in PRIORITIES if found >= least)


def of_frequency(pattern: str, mean: float, count: int, score: float, at: int, sample: str) -> Deviation:
    told = f"{count:,} events of this pattern came where {mean:,.1f} are usual."
    return Deviation(FREQUENCY, told, *weighed(pattern, score), at, sample)


def of_new(pattern: str, count: int, at: int, sample: str) -> Deviation:
    events = "1 event has" if count == 1 else f"{count:,} events have"
    return Deviation(NEW, f"{events} this pattern, which was not there before.", *weighed(pattern, 2 * FAR), at, sample)


def of_token(pattern: str, number: int, value: str, usual: Iterable[str], at: int, sample: str) -> Deviation:
    told = f"Token {number} is {value!r}, and has been one of {', '.join(map(repr, usual))} before."
    return Deviation(TOKEN, told, *weighed(pattern, FAR), at, sample)


def within(alike: Alike, start: int, end: int, width: int) -> Iterable[Deviation]:
    """What is unusual about a pattern in the time of a query, one part of it held against the others."""
    events = sorted(alike.events)
    if not events:
        return
    text = alike.text()
    counts = Counter((at - start) // width for at, _ in events)
    parts = max(1, -(-(end - start) // width))
    if counts and min(counts) >= parts * 3 // 4 and parts >= FEWEST_COUNTS:
        yield of_new(text, len(events), events[0][0], events[0][1])
    for part, count in counts.items():
        others = Moments()
        others.add(0.0, parts - len(counts))
        for other, value in counts.items():
            others.add(value, other != part)
        if (score := others.score(count)) and others.mean > 0:
            at, sample = next(event for event in events if (event[0] - start) // width == part)
            yield of_frequency(text, others.mean, count, score, at, sample)
    yield from of_values(alike, text, events)


def of_values(alike: Alike, text: str, events: list[tuple[int, str]]) -> Iterable[Deviation]:
    found = [(at, message, alike.values(message)) for at, message in events]
    if len(found) < FEWEST_VALUES:
        return
    for number, (kind, _) in found[0][2].items():
        counted = Counter(values[number][1] for _, _, values in found)
        rare = [value for value, count in counted.items() if count * 100 <= len(found)]
        usual = [value for value in counted if value not in rare]
        if kind != "Time" and rare and 0 < len(usual) <= MOST_DIFFERENT and len(rare) <= len(usual):
            at, message, values = next(one for one in found if one[2][number][1] in rare)
            yield of_token(text, number, values[number][1], usual, at, message)
        elif kind == "Number":
            yield from of_numbers(text, number, [(at, message, values[number][1]) for at, message, values in found])


def of_numbers(text: str, number: int, found: list[tuple[int, str, str]]) -> Iterable[Deviation]:
    """Numbers far beyond the middle half of them."""
    numbers = [(numeric(value), at, message) for at, message, value in found]
    held = sorted(value for value, _, _ in numbers)
    low, high = held[len(held) // 4], held[len(held) * 3 // 4]
    spread = max(high - low, abs(high) * 0.05, 1e-9)
    value, at, message = max(numbers)
    off = (value - high) / spread
    if off >= 2 * FAR:
        told = f"Token {number} is {value:g}, and is {low:g} to {high:g} in most events."
        yield Deviation(NUMBER, told, *weighed(text, off / 2), at, message)


def numeric(text: str) -> float:
    return float(int(text, 16)) if "x" in text.lower() else float(text)
