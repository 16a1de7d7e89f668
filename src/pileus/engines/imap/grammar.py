"""IMAP's grammar: commands taken apart into words and lists, and values written down (RFC 3501, section 9)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

Word = bytes
Token = Any
"""A word, or a list of tokens."""

LITERAL = re.compile(rb"\{(\d+)(\+?)\}$")
_LITERAL_HERE = re.compile(rb"\{(\d+)\+?\}\r\n")
_PLAIN = re.compile(rb'[^\x00-\x1f"\\\x7f-\xff]*')
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Malformed(ValueError):
    """What is no command."""


def parsed(command: bytes) -> list[Token]:
    """A command, with its literals in place, as tokens."""
    tokens, end = _listed(command, 0, closing=False)
    assert end == len(command)
    return tokens


def _listed(data: bytes, at: int, *, closing: bool) -> tuple[list[Token], int]:
    """Tokens up to a closing parenthesis, or to the end."""
    found: list[Token] = []
    while at < len(data):
        byte = data[at : at + 1]
        if byte == b" ":
            at += 1
        elif byte == b"(":
            inner, at = _listed(data, at + 1, closing=True)
            found.append(inner)
        elif byte == b")":
            if not closing:
                raise Malformed("a parenthesis is closed that was not opened")
            return found, at + 1
        elif byte == b'"':
            word, at = _quoted(data, at + 1)
            found.append(word)
        elif literal := _LITERAL_HERE.match(data, at):
            at = literal.end() + int(literal[1])
            found.append(data[literal.end() : at])
        else:
            word, at = _atom(data, at)
            found.append(word)
    if closing:
        raise Malformed("a parenthesis is not closed")
    return found, at


def _quoted(data: bytes, at: int) -> tuple[Word, int]:
    word = bytearray()
    while at < len(data):
        byte = data[at]
        if byte == 0x22:
            return bytes(word), at + 1
        if byte == 0x5C:
            at += 1
        word += data[at : at + 1]
        at += 1
    raise Malformed("a quotation mark is missing")


def _atom(data: bytes, at: int) -> tuple[Word, int]:
    """A word up to a space or a parenthesis; what stands in brackets belongs to it."""
    start, depth = at, 0
    while at < len(data):
        byte = data[at : at + 1]
        depth += (byte == b"[") - (byte == b"]")
        if depth <= 0 and byte in b' ()"':
            break
        at += 1
    if at == start:
        raise Malformed("a word is missing")
    return data[start:at], at


def numbers(word: Word, highest: int) -> Callable[[int], bool]:
    """Whether a number is in a set such as `2:4,7,9:*`."""
    ranges = []
    for part in word.split(b","):
        first, colon, last = part.partition(b":")
        ends = [_number(one, highest) for one in ((first, last) if colon else (first, first))]
        ranges.append((min(ends), max(ends)))
    return lambda number: any(low <= number <= high for low, high in ranges)


def is_set(word: Word) -> bool:
    return re.fullmatch(rb"[\d*]+(:[\d*]+)?(,[\d*]+(:[\d*]+)?)*", word) is not None


def _number(word: Word, highest: int) -> int:
    if word == b"*":
        return highest
    if not word.isdigit() or not int(word):
        raise Malformed(f"{word!r} is no number")
    return int(word)


def day(word: Word) -> int:
    """The number of a day such as `1-Feb-1994`."""
    parts = word.decode("ascii", "replace").split("-")
    try:
        date, month, year = parts
        return datetime(int(year), MONTHS.index(month.capitalize()) + 1, int(date), tzinfo=UTC).toordinal()
    except ValueError:
        raise Malformed(f"{word!r} is no date") from None


# Answers


def text(value: str | bytes | None) -> bytes:
    """A string as a quoted one, or as a literal where it is not fit for that; or NIL."""
    if value is None:
        return b"NIL"
    data = value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")
    return b'"%s"' % data if len(data) < 1000 and _PLAIN.fullmatch(data) else literal(data)


def literal(data: bytes) -> bytes:
    return b"{%d}\r\n%s" % (len(data), data)


def listed(values: list[bytes]) -> bytes:
    return b"(%s)" % b" ".join(values)


def instant(at: float) -> bytes:
    when = datetime.fromtimestamp(at, UTC)
    return f'"{when.day:2d}-{MONTHS[when.month - 1]}-{when.year} {when:%H:%M:%S} +0000"'.encode()
