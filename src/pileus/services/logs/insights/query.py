"""A query that is fed the events of streams, a part at a time, and tells its results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from pileus.services.logs.parts import ENTITY

from . import commands, comparing, parser, ppl
from .events import Documents, filler
from .expressions import Row
from .slices import Slice
from .values import Instant, plain, text, walk

DEFAULT_LIMIT = 10_000
LANGUAGES: dict[str, type[parser.Parser]] = {"CWLI": parser.Parser, "PPL": ppl.Pipes}
TIMES = (parser.BUILT_IN.index("@timestamp"), parser.BUILT_IN.index("@ingestionTime"))


class Query:
    """One run of a query."""

    def __init__(self, source: str, now: int, limit: int = DEFAULT_LIMIT, language: str = "CWLI") -> None:
        self.parsed = parser.parsed(source, LANGUAGES[language])
        self.limit = limit
        self.scanned = self.matched = self.octets = 0
        self._now = Instant(now)
        self._rows: list[Row] = []
        self._fill = filler(self.parsed.names)
        self._documents = Documents.of(self.parsed.names)
        self._size = len(self.parsed.names.places)
        self._blank: Row = [None] * (self._size - len(parser.BUILT_IN))
        self._about = [(name, at) for name, at in self.parsed.names.places.items() if name.startswith(ENTITY)]
        if (place := self.parsed.names.places.get("now()")) is not None:
            self._blank[place - len(parser.BUILT_IN)] = self._now
        first = self.parsed.rest[0] if self.parsed.rest else None
        self._stats = first if isinstance(first, commands.Stats) else None
        self._earlier = self.parsed.names.places.get(parser.EARLIER, 0)
        self._needs = tuple(literal.encode() for literal in self.parsed.literals)

    def prepare(self, tables: Callable[[str], list[dict[str, str]]]) -> None:
        """Have the tables that commands look into."""
        for lookup in self.parsed.lookups:
            lookup.prepare(tables)

    def span(self, start: int, end: int) -> tuple[int, int] | None:
        """Be told the time of the query; the time before, if events of that are wanted too."""
        if anomaly := self.parsed.one(comparing.Anomaly):
            anomaly.span = (start, end)
        if diff := self.parsed.one(comparing.Diff):
            back = diff.back or end - start
            return start - back, end - back
        return None

    def feed(self, given: Slice) -> None:
        """Take the events of a part that are in a time; and their fields from what a transformer has made of them."""
        packed, part, start, end, log, stream, documents, raw, earlier = given
        told = part.messages if documents is None else documents
        if self._stats and self._stats.simple and start <= part.times[0] and part.times[-1] < end:
            self.scanned += len(part.times)
            self.matched += len(part.times)
            self.octets += len(packed)
            columns = self._documents.columns(told) if self._documents else {}
            self._stats.feed_columns(part.times, columns)
            return
        literals, steps, fill, blank = self.parsed.literals, self.parsed.steps, self._fill, self._blank
        times, messages, number, ingested = part.times, part.messages, part.number, part.ingested
        self.scanned += len(times)
        self.octets += len(packed)
        if documents is not None:
            literals = []
        elif self._needs and not all(need in packed for need in self._needs):
            return
        take = self._stats.feed if self._stats else self._rows.append
        whole = start <= times[0] and times[-1] < end
        if self._about and part.entity:
            blank = self._blank_about(part.entity)
        matched = 0
        for index, message in enumerate(messages):
            if literals and not all(literal in message for literal in literals):
                continue
            at = times[index]
            if not whole and not start <= at < end:
                continue
            row: Row = [at, message, stream, log, ingested, number + index, *blank]
            if fill is not None:
                fill(row, told[index])
            if earlier:
                row[self._earlier] = True
            if self.parsed.unmasked:
                self._unmask(row, raw[index] if raw else message)
            for step in steps:
                if not step(row):
                    break
            else:
                matched += 1
                take(row)
        self.matched += matched
        if len(self._rows) > 4 * max(self.limit, DEFAULT_LIMIT):
            self._prune()

    def _blank_about(self, entity: dict[str, str]) -> Row:
        """The rest of a row before it is filled, of events that are about something."""
        blank = list(self._blank)
        for name, place in self._about:
            blank[place - len(parser.BUILT_IN)] = entity.get(name)
        return blank

    def _unmask(self, row: Row, message: str) -> None:
        for name, place in self.parsed.unmasked.items():
            row[place] = message if name == "@message" else member(message, name)

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

    def results(self, pointer: Callable[[str, str, int, int], str]) -> list[list[tuple[str, str]]]:
        """The results as they are told; `pointer` makes a text of where an event lies."""
        shown = self.parsed.shown
        found = []
        for row in self.rows():
            told = [
                (label, text(Instant(row[p]) if p in TIMES else row[p])) for label, p in shown if row[p] is not None
            ]
            if self.parsed.events:
                told = [pair for pair in told if pair[0] != "@ptr"]
                told.append(("@ptr", pointer(row[3], row[2], row[0], row[5])))
            found.append(told)
        return found


def member(message: str, name: str) -> Any:
    """A field of a message that is JSON."""
    try:
        return plain(walk(msgspec.json.decode(message), name.split(".")))
    except msgspec.DecodeError:
        return None
