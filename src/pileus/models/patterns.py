"""The models' regular expressions, which are Java's, as Python's.

Left out, knowingly: flags in the middle, nested classes and intersections, `\\Q..\\E`, and the handful of patterns that
are broken in the models. Such a pattern is `None`, and whatever it would constrain is not constrained.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import cache
from itertools import chain, groupby
from typing import Any

# Java's POSIX classes, which are US-ASCII only, and the Unicode property that models use.
POSIX = {
    "ASCII": r"\x00-\x7f",
    "Alnum": "a-zA-Z0-9",
    "Alpha": "a-zA-Z",
    "Blank": r"\x20\t",
    "Cntrl": r"\x00-\x1f\x7f",
    "Digit": "0-9",
    "Graph": r"\x21-\x7e",
    "Lower": "a-z",
    "Print": r"\x20-\x7e",
    "Punct": r"\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e",
    "Space": r"\t-\r\x20",
    "Upper": "A-Z",
    "XDigit": "0-9a-fA-F",
}
UNITED = {"IsAlphabetic": ("L", "Nl"), "IsLetter": ("L",), "IsDigit": ("Nd",)}
PLAIN_ESCAPES = frozenset("dDsSwWbBAnrtfav0123456789")
CLASS_ESCAPES = frozenset("dDsSwW")
ASSIGNED = (range(0x33480), range(0xE0000, 0xE01F0))
_PROPERTY = re.compile(r"\\([pP])(?:\{(\^?\w+)\}|([A-Z]))")
_CODE_POINT = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")
_PAIR = re.compile(r"\\u([dD][89abAB][0-9A-Fa-f]{2})\\u([dD][c-fC-F][0-9A-Fa-f]{2})")

_FLAGS = re.compile(r"((?:\(\?[a-z]+\))?)(.*)", re.DOTALL)


class Untranslatable(Exception):
    """Python's expressions have no equal."""


@cache
def matcher(pattern: str) -> Callable[[str], Any] | None:
    """What tells whether a text satisfies a pattern, or None when that cannot be told."""
    text = searched(pattern)
    return None if text is None else re.compile(text).search


@cache
def searched(pattern: str) -> str | None:
    """What Python finds in exactly the texts that satisfy a pattern, or None when it has no such expression.

    A pattern is for the whole text, as AWS's services take it; one that is anchored at its start only is for the start.
    """
    try:
        flags, inner = _FLAGS.fullmatch(translated(pattern)).groups()  # type: ignore[union-attr]  # everything matches
        end = "" if pattern.startswith("^") and not pattern.endswith("$") else r"\Z"
        text = rf"(?a){flags}\A(?:{inner}){end}"
        re.compile(text)
    except (Untranslatable, re.error, RecursionError, OverflowError):
        return None
    return text


def translated(pattern: str) -> str:
    """The pattern in Python's syntax; raises `Untranslatable`."""
    return "".join(_pieces(_PAIR.sub(_joined, pattern)))


def _joined(pair: re.Match[str]) -> str:
    """Java writes characters beyond U+FFFF as their two UTF-16 halves."""
    high, low = int(pair[1], 16), int(pair[2], 16)
    return f"\\U{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00):08X}"


def _pieces(pattern: str) -> Iterator[str]:
    at, inside = 0, False
    while at < len(pattern):
        character = pattern[at]
        if character == "\\":
            piece, at, is_class = _escape(pattern, at, inside)
            yield piece
            if inside and is_class and pattern[at : at + 1] == "-":  # no range can begin with a class
                yield r"\-"
                at += 1
            continue
        if inside and (character == "[" or pattern.startswith("&&", at)):
            raise Untranslatable
        if character == "[":
            inside = True
            start = 2 if pattern.startswith("[^", at) else 1
            yield pattern[at : at + start]
            at += start
            continue
        inside = inside and character != "]"
        yield f"\\{character}" if inside and _doubled(pattern, at) else character
        at += 1


def _doubled(pattern: str, at: int) -> bool:
    """What Python may once take for an operation on sets, and warns of."""
    return pattern[at] in "|~" or (pattern[at] == pattern[at - 1] == "-" and pattern[at - 2] != "\\")


def _escape(pattern: str, at: int, inside: bool) -> tuple[str, int, bool]:
    """The escape at a position in Python's syntax, where it ends, and whether it stands for several characters."""
    following = pattern[at + 1 : at + 2]
    if found := _PROPERTY.match(pattern, at):
        text = _property(found[2] or found[3], negated=found[1] == "P")
        return text if inside else f"[{text}]", found.end(), True
    if found := _CODE_POINT.match(pattern, at):
        return f"\\U{int(found[1], 16):08X}", found.end(), False
    if following == "z":
        return r"\Z", at + 2, False
    if following == "h":
        return r"\x20\t\xa0" if inside else r"[\x20\t\xa0]", at + 2, True
    if following in "uUx":
        return pattern[at : at + 2], at + 2, False
    if following.isalnum() and following not in PLAIN_ESCAPES:
        raise Untranslatable
    return pattern[at : at + 2], at + 2, following in CLASS_ESCAPES


@cache
def _property(name: str, negated: bool) -> str:
    """The characters with a property, as the inside of a class."""
    if name in POSIX:
        if negated:
            raise Untranslatable
        return POSIX[name]
    wanted = UNITED.get(name, (name.removeprefix("Is"),))
    members = {category for category in _ranges() if category.startswith(wanted)}
    if not members:
        raise Untranslatable
    chosen = {category for category in _ranges() if (category in members) != negated}
    return "".join(chain.from_iterable(_ranges()[category] for category in sorted(chosen)))


@cache
def _ranges() -> dict[str, list[str]]:
    """The ranges of each general category. What is not assigned yet is in none but a letter's next of kin, `Lo`.

    So that a character younger than this Python is not taken for a control character.
    """
    ranges: dict[str, list[str]] = {}
    codes = chain.from_iterable(ASSIGNED)
    for category, run in groupby(codes, key=lambda code: unicodedata.category(chr(code))):
        points = list(run)
        name = "Lo" if category == "Cn" else category
        ranges.setdefault(name, []).append(f"\\U{points[0]:08X}-\\U{points[-1]:08X}")
    return ranges
