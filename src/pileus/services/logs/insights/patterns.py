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

    def __init__(self, found: Words, count: int) -> None:
        self.words = list(found)
        self.count = count

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


def together(texts: Iterable[str]) -> list[Alike]:
    """The patterns of some messages, the most frequent first."""
    counted = Counter(map(words, texts))
    shelves: dict[tuple[int, tuple[str, str]], list[Alike]] = defaultdict(list)
    for found, count in counted.most_common():
        shelf = shelves[len(found), found[0] if found else ("", "")]
        best = max(shelf, key=lambda one: one.likeness(found), default=None)
        if best and (best.likeness(found) >= ALIKE or len(shelf) >= MOST):
            best.take(found, count)
        else:
            shelf.append(Alike(found, count))
    every = [one for shelf in shelves.values() for one in shelf]
    return sorted(every, key=lambda one: (-one.count, one.text()))


def severity(text: str) -> str:
    return next((label for label, wanted in SEVERITIES if wanted.search(text)), "None")


class Pattern:
    """A command that wants all rows."""

    def __init__(self, source: Expression, places: Sequence[int]) -> None:
        self.source = source
        self.places = places

    def all(self, rows: list[Row]) -> list[Row]:
        texts = [values.text(value) for row in rows if (value := self.source(row)) is not None]
        size = len(rows[0]) if rows else 0
        found = []
        for alike in together(texts):
            row: Row = [None] * size
            text = alike.text()
            ratio = round(alike.count / len(texts), 4)
            for place, value in zip(self.places, (text, ratio, alike.count, severity(text)), strict=True):
                row[place] = value
            found.append(row)
        return found
