"""Where in the text of a policy its statements stand."""

from __future__ import annotations

import json

Position = tuple[int, int]
"""Line and column, both counted from one."""

SPACE = " \t\n\r"


def position_of(text: str, number: int) -> tuple[Position, Position]:
    """Beginning and end of one statement, counted from zero, of a document that is known to be JSON."""
    spans = statements(text)
    start, end = spans[number] if number < len(spans) else (0, 0)
    return place(text, start), place(text, end)


def place(text: str, offset: int) -> Position:
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def statements(text: str) -> list[tuple[int, int]]:
    """The spans of the statements in an object of which `Statement` is a member."""
    decoder = json.JSONDecoder()
    offset = after(text, 0, "{")
    while 0 < offset < len(text):
        try:
            name, offset = decoder.raw_decode(text, offset)
            offset = after(text, offset, ":")
            value, end = decoder.raw_decode(text, offset)
        except ValueError:
            return []
        if name == "Statement":
            return elements(text, offset, decoder) if isinstance(value, list) else [(offset, end)]
        offset = after(text, end, ",")
    return []


def elements(text: str, offset: int, decoder: json.JSONDecoder) -> list[tuple[int, int]]:
    found = []
    offset = after(text, offset, "[")
    while offset and text[offset] != "]":
        _, end = decoder.raw_decode(text, offset)
        found.append((offset, end))
        offset = after(text, end, ",")
    return found


def after(text: str, offset: int, sign: str) -> int:
    """The place of what follows a sign and white space; 0 where the sign is not what comes next."""
    while offset < len(text) and text[offset] in SPACE:
        offset += 1
    if text[offset : offset + 1] != sign:
        return 0
    offset += 1
    while offset < len(text) and text[offset] in SPACE:
        offset += 1
    return offset
