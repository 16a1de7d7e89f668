"""Dates as the patterns of Java's DateTimeFormatter write them, as far as AWS's services use those."""

from __future__ import annotations

import datetime
import re

PATTERN = re.compile(r"'([^']*)'|([A-Za-z])\2*|.")
LETTERS = {
    "yyyy": "%Y",
    "yy": "%y",
    "MM": "%m",
    "MMM": "%b",
    "MMMM": "%B",
    "dd": "%d",
    "DDD": "%j",
    "HH": "%H",
    "hh": "%I",
    "mm": "%M",
    "ss": "%S",
    "EEE": "%a",
    "EEEE": "%A",
    "a": "%p",
    "Z": "%z",
}


def dated(when: datetime.datetime, pattern: str) -> str:
    def part(found: re.Match[str]) -> str:
        if found[1] is not None:
            return found[1] or "'"
        if not found[2]:
            return found[0]
        known = LETTERS.get(found[0])
        if known:
            return when.strftime(known)
        plain = LETTERS.get(found[2] * 2) or LETTERS.get(found[2] * 4)
        return str(int(when.strftime(plain))) if plain else found[0]

    return PATTERN.sub(part, pattern)
