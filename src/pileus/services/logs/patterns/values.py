"""What patterns compare with: texts with wildcards, numbers, regular expressions."""

from __future__ import annotations

import re
from collections.abc import Callable

from pileus.kernel import Fault

LONGEST_REGEX = 1024

Test = Callable[[str], bool]


def invalid(reason: str = "") -> Fault:
    return Fault("InvalidParameterException", f"Invalid filter pattern{': ' + reason if reason else ''}")


def regex(text: str) -> re.Pattern[str]:
    """A regular expression between percent signs: without groups and back references, as AWS's are."""
    if re.search(r"(?<!\\)[()]", text) or not text:
        raise invalid(f"Invalid regex %{text}%")
    try:
        return re.compile(text)
    except re.error:
        raise invalid(f"Invalid regex %{text}%") from None


def wildcard(text: str) -> Test:
    """Whether a whole text is as one that has `*` for anything."""
    if "*" not in text:
        return lambda value: value == text
    if text == "*":
        return lambda value: True
    pieces = [re.escape(piece) for piece in text.split("*")]
    match = re.compile(".*".join(pieces), re.DOTALL).fullmatch
    return lambda value: match(value) is not None


def number(text: str) -> float | None:
    """The number that a text is, written as JSON has it or with a leading dot."""
    if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text):
        return float(text)
    return None


COMPARE: dict[str, Callable[[float, float], bool]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
