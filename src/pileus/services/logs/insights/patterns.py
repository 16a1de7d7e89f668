"""The command `pattern`: events that are alike but for a few words, put together ("pattern", User Guide).

A message is cut into words; those that are times, addresses, identifiers or numbers vary from the start. Then messages
of as many words are put together, as long as most of their words are the same (the idea of the Drain algorithm). The
kinds of what varies, and what counts as alike, are ours; AWS does not tell its own.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from . import values
from .expressions import Expression, Row

COLUMNS = ("@pattern", "@ratio", "@sampleCount", "@severityLabel")
ALIKE = 0.6
"""The share of words that have to be the same."""
MOST = 5000
"""Patterns that are told apart; what comes then goes to the one that is most alike."""
WORDS = re.compile(
    r"""(?P<Time>\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?
        | \d\d:\d\d:\d\d(?:[.,]\d+)?)
    | (?P<UUID>[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12})
    | (?P<IPAddress>(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]))
    | (?P<ResourceID>arn:[^\s,"']+|\b[a-z]{1,6}-[0-9a-f]{8,17}\b)
    | (?P<Number>(?<![\w.])[+-]?(?:0x[0-9A-Fa-f]+|\d+(?:\.\d+)?)(?![\w.]))
    | (?P<Token>\b(?=\w*\d)(?=\w*[A-Za-z])\w{6,}\b)
    | (?P<word>[A-Za-z_][\w.$/-]*)
    | (?P<space>\s+)
    | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
FIXED = {"word", "space", "other"}
SEVERITIES = (
    ("Error", re.compile(r"\b(?:error|err|fatal|critical|severe|exception|fail(?:ed|ure)?)\b", re.IGNORECASE)),
    ("Warning", re.compile(r"\bwarn(?:ing)?\b", re.IGNORECASE)),
    ("Info", re.compile(r"\binfo(?:rmation)?\b", re.IGNORECASE)),
    ("Debug", re.compile(r"\b(?:debug|trace)\b", re.IGNORECASE)),
)

Words = tuple[tuple[str, str], ...]
"""Kinds and texts; the text of what varies is empty."""


def words(text: str) -> Words:
    return tuple(
        (kind, match[0] if kind in FIXED else "") for match in WORDS.finditer(text) if (kind := match.lastgroup or "")
    )


class Alike:
    """Messages that are alike."""

    def __init__(self, found: Iterable[tuple[str, str]], count: int) -> None:
        self.words = list(found)
        self.count = count
        self.events: list[tuple[int, str]] = []
        """Times and messages, where somebody wants to look at them again."""

    def likeness(self, other: Words) -> float:
        same = total = 0
        for mine, theirs in zip(self.words, other, strict=True):
            if mine[0] != "space" and theirs[0] != "space":
                total += 1
                same += mine == theirs
            elif mine != theirs:
                return 0.0
        return same / total if total else 1.0

    def take(self, other: Words, count: int) -> None:
        self.count += count
        for at, (mine, theirs) in enumerate(zip(self.words, other, strict=True)):
            if mine != theirs:
                self.words[at] = (mine[0] if mine[0] == theirs[0] and mine[0] not in FIXED else "Token", "")

    def text(self) -> str:
        out, number = [], 0
        for kind, text in self.words:
            if kind in FIXED:
                out.append(text)
            else:
                number += 1
                out.append(f"<{kind}-{number}>")
        return "".join(out)

    def values(self, message: str) -> dict[int, tuple[str, str]]:
        """What a message has for what varies, by its number: the kind of it, and the text."""
        found: dict[int, tuple[str, str]] = {}
        texts = [match[0] for match in WORDS.finditer(message)]
        for (kind, _), text in zip(self.words, texts, strict=True):
            if kind not in FIXED:
                found[len(found) + 1] = (kind, text)
        return found


class Shelves:
    """Patterns, where a message finds the one that it is like."""

    def __init__(self) -> None:
        self._shelves: dict[tuple[int, tuple[str, str]], list[Alike]] = defaultdict(list)

    def shelf(self, found: Sequence[tuple[str, str]]) -> list[Alike]:
        first = (found[0][0], found[0][1]) if found else ("", "")
        return self._shelves[len(found), first]

    def put(self, found: Words, count: int) -> Alike:
        shelf = self.shelf(found)
        best = max(shelf, key=lambda one: one.likeness(found), default=None)
        if best and (best.likeness(found) >= ALIKE or len(shelf) >= MOST):
            best.take(found, count)
            return best
        shelf.append(Alike(found, count))
        return shelf[-1]

    def every(self) -> list[Alike]:
        return [one for shelf in self._shelves.values() for one in shelf]


def together(texts: Iterable[str]) -> list[Alike]:
    """The patterns of some messages, the most frequent first."""
    shelves = Shelves()
    for found, count in Counter(map(words, texts)).most_common():
        shelves.put(found, count)
    return sorted(shelves.every(), key=lambda one: (-one.count, one.text()))


def severity(text: str) -> str:
    return next((label for label, wanted in SEVERITIES if wanted.search(text)), "None")


class Pattern:
    """A command that wants all rows. What it has put together goes on to `diff` and `anomaly`, if they follow."""

    def __init__(self, source: Expression, places: Sequence[int], earlier: int) -> None:
        self.source = source
        self.places = places
        self.earlier = earlier
        """Where rows say that they are of the time before, for `diff`."""
        self.kept = False
        """Whether events are looked at again."""
        self.before: Counter[str] = Counter()
        """How many events of the time before there are of each pattern."""
        self.alike: list[Alike] = []

    def all(self, rows: list[Row]) -> list[Row]:
        texts: dict[Words, list[tuple[int, str, bool]]] = defaultdict(list)
        for row in rows:
            if (value := self.source(row)) is not None:
                text = values.text(value)
                texts[words(text)].append((row[0] or 0, text, bool(row[self.earlier])))
        shelves, before = Shelves(), Counter[int]()
        for found, events in sorted(texts.items(), key=lambda pair: -len(pair[1])):
            old = sum(event[2] for event in events)
            alike = shelves.put(found, len(events) - old)
            before[id(alike)] += old
            if self.kept:
                alike.events += [(at, text) for at, text, earlier in events if not earlier]
        self.alike = sorted(shelves.every(), key=lambda one: (-one.count, one.text()))
        self.before = Counter({one.text(): before[id(one)] for one in self.alike})
        total = sum(one.count for one in self.alike)
        return [self.row(one, total, len(rows[0])) for one in self.alike]

    def row(self, alike: Alike, total: int, size: int) -> Row:
        row: Row = [None] * size
        text = alike.text()
        ratio = round(alike.count / total, 4) if total else 0
        for place, value in zip(self.places, (text, ratio, alike.count, severity(text)), strict=True):
            row[place] = value
        return row
