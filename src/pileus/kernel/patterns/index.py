"""Many patterns at once: each alternative of each pattern is one bit, and a field of the event tells which bits stay.

For every path that any pattern asks about there is a `Field`: it maps a value to the set of alternatives that are
content with it, as the bits of an integer. An event then costs a look-up for each such path, whatever the number of
patterns; prefixes and suffixes are looked up by the lengths that there are, numbers by bisection. Only wildcards,
addresses and exclusions by form are asked one by one, and each of them once, however many patterns share it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Iterator, Mapping
from functools import reduce
from operator import or_
from typing import Any, Generic, TypeVar

from .conditions import Absent, AnythingBut, Between, Condition, Exactly, Folded, Prefix, Present, Suffix, identity
from .pattern import Pattern

K = TypeVar("K", bound=Hashable)

Masks = dict[Any, int]


class Field:
    """What all patterns ask about one path."""

    def __init__(self) -> None:
        self.asked = 0
        """The alternatives that ask anything here."""
        self.absent = 0
        """Those that are content if there is no value."""
        self.present = 0
        """Those that are content with any value."""
        self.exact: Masks = {}
        self.folded: Masks = {}
        self.prefixes: Masks = {}
        self.suffixes: Masks = {}
        self.prefix_lengths: list[int] = []
        self.suffix_lengths: list[int] = []
        self.ranges: list[tuple[Between, int]] = []
        self.points: list[float] = []
        """The bounds of the ranges; between them, and on them, lie `spans`."""
        self.spans: list[int] = []
        self.excluding = 0
        self.excluded: Masks = {}
        self.others: Masks = {}
        """Conditions that are asked one by one."""
        self.content = 0
        """Those that stay if there is no value."""

    def add(self, condition: Condition, bit: int) -> None:
        self.asked |= bit
        match condition:
            case Absent():
                self.absent |= bit
            case Present():
                self.present |= bit
            case Exactly(key):
                grow(self.exact, key, bit)
            case Folded(text):
                grow(self.folded, text, bit)
            case Prefix(text, False):
                grow(self.prefixes, text, bit)
            case Suffix(text, False):
                grow(self.suffixes, text, bit)
            case Between():
                self.ranges.append((condition, bit))
            case AnythingBut(_, keys) if keys and not self.excluding & bit:
                self.excluding |= bit
                for key in keys:
                    grow(self.excluded, key, bit)
            case _:
                grow(self.others, condition, bit)

    def finish(self, every: int) -> None:
        self.content = every & ~self.asked | self.absent
        self.prefix_lengths = sorted({len(text) for text in self.prefixes})
        self.suffix_lengths = sorted({len(text) for text in self.suffixes})
        bounds = {bound for between, _ in self.ranges for bound in (between.low, between.high)}
        self.points = sorted(bounds - {float("inf"), float("-inf")})
        if self.ranges:
            self.spans = [self._mask_of(value) for value in samples(self.points)]

    def _mask_of(self, value: float) -> int:
        return reduce(or_, (bit for between, bit in self.ranges if between.holds(value)), 0)

    def hits(self, value: Any) -> int:
        """The alternatives that are content with a value."""
        key = identity(value)
        found = self.present | self.exact.get(key, 0)
        if self.excluding:
            found |= self.excluding & ~self.excluded.get(key, 0)
        if isinstance(value, str):
            found |= self._text(value)
        elif self.spans and key is value:
            at = bisect_left(self.points, float(value))
            on = at < len(self.points) and self.points[at] == value
            found |= self.spans[2 * at + on]
        for condition, mask in self.others.items():
            if condition.holds(value):
                found |= mask
        return found

    def _text(self, value: str) -> int:
        found = self.folded.get(value.lower(), 0) if self.folded else 0
        size = len(value)
        for length in self.prefix_lengths:
            if length > size:
                break
            found |= self.prefixes.get(value[:length], 0)
        for length in self.suffix_lengths:
            if length > size:
                break
            found |= self.suffixes.get(value[size - length :], 0)
        return found


def grow(masks: Masks, key: Any, bit: int) -> None:
    masks[key] = masks.get(key, 0) | bit


def samples(points: list[float]) -> Iterator[float]:
    """A number below the first point, each point, and a number between every two and above the last.

    Any number between two points will do: none of the ranges begins or ends there.
    """
    if not points:
        yield 0.0
        return
    yield float("-inf")
    for number, point in enumerate(points):
        yield point
        yield (point + points[number + 1]) / 2 if number + 1 < len(points) else float("inf")


Node = dict[str, Any]
"""By a member's name: the `Field` there, if any, and the names below it."""


class Index(Generic[K]):
    """Patterns by their keys."""

    def __init__(self, patterns: Mapping[K, Pattern]) -> None:
        self._owners: list[tuple[K, Pattern, int]] = []
        """Of each bit: the key, its pattern, and which of its alternatives."""
        self._root: Node = {}
        fields: dict[tuple[str, ...], Field] = {}
        for key, pattern in patterns.items():
            for number, alternative in enumerate(pattern.alternatives):
                bit = 1 << len(self._owners)
                self._owners.append((key, pattern, number))
                for path, conditions in alternative.items():
                    if path not in fields:
                        fields[path] = self._field(path)
                    for condition in conditions:
                        fields[path].add(condition, bit)
        self._every = (1 << len(self._owners)) - 1
        self._fields = sorted(fields.values(), key=lambda field: -field.asked.bit_count())
        for field in self._fields:
            field.finish(self._every)

    def _field(self, path: tuple[str, ...]) -> Field:
        node = self._root
        for name in path[:-1]:
            node = node.setdefault(name, (None, {}))[1]
        _, below = node.get(path[-1], (None, {}))
        field = Field()
        node[path[-1]] = (field, below)
        return field

    def matching(self, event: dict[str, Any]) -> list[K]:
        """The keys of the patterns that the event matches, in their order."""
        hits: dict[Field, int] = {}
        mingled = gather(self._root, event, hits)
        alive = self._every
        for field in self._fields:
            found = hits.get(field)
            if found is None:
                alive &= field.content
            else:
                alive &= ~field.asked | found
            if not alive:
                return []
        return list(dict.fromkeys(self._keys(alive, event if mingled else None)))

    def _keys(self, alive: int, event: dict[str, Any] | None) -> Iterator[K]:
        """The owners of bits; after a closer look, where values of several objects were thrown together."""
        bits = f"{alive:b}"[::-1]
        at = bits.find("1")
        while at >= 0:
            key, pattern, number = self._owners[at]
            if event is None or pattern.matches_alternative(number, event):
                yield key
            at = bits.find("1", at + 1)


def gather(node: Node, event: dict[str, Any], hits: dict[Field, int]) -> bool:
    """Collect what each field of the event is content with; whether a list of several objects lay on the way."""
    mingled = False
    for name, value in event.items() if len(event) < len(node) else [(n, event[n]) for n in node if n in event]:
        if name in node:
            mingled |= visit(node[name], value, hits)
    return mingled


def visit(place: tuple[Field | None, Node], value: Any, hits: dict[Field, int]) -> bool:
    field, below = place
    if isinstance(value, dict):
        return gather(below, value, hits) if below else False
    if isinstance(value, list):
        # A loop, not `any`: everything must be visited.
        several = sum(isinstance(one, dict | list) for one in value) > 1 and bool(below)
        for one in value:
            several |= visit(place, one, hits)
        return several
    if field is not None:
        hits[field] = hits.get(field, 0) | field.hits(value)
    return False
