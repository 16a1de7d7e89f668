"""A query that is fed the events of streams, a part at a time, and tells its results."""

from __future__ import annotations

from typing import Any

from pileus.services.logs.parts import Part

from . import commands, parser
from .events import filler
from .expressions import Row
from .values import Instant, text

DEFAULT_LIMIT = 10_000


class Query:
    """One run of a query."""

    def __init__(self, source: str, now: int, limit: int = DEFAULT_LIMIT) -> None:
        self.parsed = parser.parsed(source)
        self.limit = limit
        self.scanned = self.matched = self.octets = 0
        self._now = Instant(now)
        self._rows: list[Row] = []
        self._fill = filler(self.parsed.names)
        self._size = len(self.parsed.names.places)
        self._blank: Row = [None] * (self._size - len(parser.BUILT_IN))
        if (place := self.parsed.names.places.get("now()")) is not None:
            self._blank[place - len(parser.BUILT_IN)] = self._now
        first = self.parsed.rest[0] if self.parsed.rest else None
        self._stats = first if isinstance(first, commands.Stats) else None
        self._needs = tuple(literal.encode() for literal in self.parsed.literals)

    def feed(self, packed: bytes, part: Part, start: int, end: int, log: str, stream: str, place: Any) -> None:
        """Take the events of a part that are in a time. `place` tells where the part is, for @ptr."""
        literals, steps, fill, blank = self.parsed.literals, self.parsed.steps, self._fill, self._blank
        times, messages, number, ingested = part.times, part.messages, part.number, Instant(part.ingested)
        self.scanned += len(times)
        self.octets += len(packed)
        if self._needs and not all(need in packed for need in self._needs):
            return
        take = self._stats.feed if self._stats else self._rows.append
        whole = start <= times[0] and times[-1] < end
        matched = 0
        for index, message in enumerate(messages):
            if literals and not all(literal in message for literal in literals):
                continue
            at = times[index]
            if not whole and not start <= at < end:
                continue
            row: Row = [Instant(at), message, stream, log, ingested, (place, at, number + index), *blank]
            if fill is not None:
                fill(row, message)
            for step in steps:
                if not step(row):
                    break
            else:
                matched += 1
                take(row)
        self.matched += matched
        if len(self._rows) > 4 * max(self.limit, DEFAULT_LIMIT):
            self._prune()

    def _prune(self) -> None:
        """Forget rows that will not be among the results."""
        rest = self.parsed.rest
        order = rest[0] if rest and isinstance(rest[0], commands.Sort) else None
        after = rest[1:] if order else rest
        if all(isinstance(one, commands.Limit) for one in after):
            rows = order.all(self._rows) if order else commands.latest_first(self._rows)
            self._rows[:] = rows[: max(self.limit, DEFAULT_LIMIT)]

    def rows(self) -> list[Row]:
        """What is left after all commands."""
        rest = self.parsed.rest
        if self._stats:
            rows, rest = self._stats.rows(self._size), rest[1:]
        else:
            rows = commands.latest_first(self._rows)
        limited = False
        for command in rest:
            limited = limited or isinstance(command, commands.Limit)
            rows = command.all(rows)
        return rows if limited else rows[: self.limit]

    def results(self, pointer: Any) -> list[list[tuple[str, str]]]:
        """The results as they are told; `pointer` makes texts of the places of events."""
        shown = self.parsed.shown
        found = []
        for row in self.rows():
            told = [(label, text(row[place])) for label, place in shown if row[place] is not None and place != 5]
            if self.parsed.events:
                told.append(("@ptr", pointer(row[5])))
            found.append(told)
        return found
