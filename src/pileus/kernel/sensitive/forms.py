"""What sensitive data look like: a pattern, a check, and words that must stand near."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

NEAR = 30
"""Characters between a keyword and what it tells of."""

Span = tuple[int, int]


class Form(NamedTuple):
    """One of the looks that a kind of data has."""

    pattern: re.Pattern[str]
    check: Callable[[str], bool] | None
    words: re.Pattern[str] | None
    """Where a pattern is no proof: what has to be said near by."""

    def found(self, text: str) -> Iterator[Span]:
        for hit in self.pattern.finditer(text):
            if (self.check is None or self.check(hit[0])) and self.spoken(text, hit):
                yield hit.span()

    def spoken(self, text: str, hit: re.Match[str]) -> bool:
        if self.words is None:
            return True
        before, after = text[max(0, hit.start() - NEAR) : hit.start()], text[hit.end() : hit.end() + NEAR]
        return bool(self.words.search(before) or self.words.search(after))


Forms = tuple[Form, ...]


def form(pattern: str, *, words: str = "", check: Callable[[str], bool] | None = None) -> Form:
    """A form whose data stand by themselves: no letter or digit is next to them.

    `words` are divided by commas; whether they are joined by spaces, hyphens or underscores is all the same.
    """
    alone = re.compile(rf"(?<![0-9A-Za-z])(?:{pattern})(?![0-9A-Za-z])")
    return Form(alone, check, spoken(words) if words else None)


def spoken(words: str) -> re.Pattern[str]:
    each = (re.escape(word.strip()).replace(r"\ ", "[ _-]?") for word in words.split(","))
    return re.compile(rf"(?<![^\W_])(?:{'|'.join(each)})(?![^\W_])", re.IGNORECASE)
