"""Dates by patterns as Java has them: `yyyy-MM-dd'T'HH:mm:ss.SSSZ`; and `epoch`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
TOKEN = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|.", re.DOTALL)
DEFAULT = "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'"


class Wrong(Exception):
    """A date, or a pattern, that is none."""


def zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError):
        raise Wrong(f"there is no time zone {name}") from None


def read(text: str, pattern: str, assumed: tzinfo) -> datetime:
    """The time that a text says."""
    expression, letters = "", []
    for token in TOKEN.finditer(pattern):
        if token[2]:
            letters.append(token[0])
            expression += group(token[0])
        else:
            expression += re.escape(token[1].replace("''", "'") if token[1] is not None else token[0])
    found = re.fullmatch(expression, text.strip())
    if found is None:
        raise Wrong(f"{text} is not as {pattern} says")
    return built(dict(zip((letter[0] + str(len(letter)) for letter in letters), found.groups(), strict=True)), assumed)


def group(token: str) -> str:
    match token[0]:
        case "M" | "L" if len(token) > 2:
            return "(" + "|".join(name[:3] if len(token) == 3 else name for name in MONTHS) + ")"
        case "E":
            return "(" + "|".join(name[:3] if len(token) < 4 else name for name in DAYS) + ")"
        case "a":
            return "([AaPp][Mm])"
        case "Z" | "X" | "x":
            return r"(Z|[+-]\d{2}:?(?:\d{2})?)"
        case "z" | "V":
            return r"([A-Za-z][\w/+-]*)"
        case "y" | "u":
            return r"(\d{2})" if len(token) == 2 else r"(\d{4})"
        case "S" | "n":
            return rf"(\d{{{len(token)}}})"
        case "M" | "L" | "d" | "H" | "h" | "k" | "m" | "s":
            return r"(\d{2})" if len(token) == 2 else r"(\d{1,2})"
        case _:
            raise Wrong(f"there is no {token} in patterns of dates")


def built(parts: dict[str, str], assumed: tzinfo) -> datetime:
    held: dict[str, int] = {"year": 1970, "month": 1, "day": 1, "hour": 0, "minute": 0, "second": 0, "microsecond": 0}
    where, afternoon = assumed, ""
    for name, text in parts.items():
        match name[0]:
            case "y" | "u":
                held["year"] = int(text) + (2000 if len(text) == 2 else 0)
            case "M" | "L":
                held["month"] = int(text) if text.isdigit() else [m[:3] for m in MONTHS].index(text[:3]) + 1
            case "d":
                held["day"] = int(text)
            case "H" | "h" | "k":
                held["hour"] = int(text) % 24
            case "m":
                held["minute"] = int(text)
            case "s":
                held["second"] = int(text)
            case "S":
                held["microsecond"] = int(text.ljust(6, "0")[:6])
            case "a":
                afternoon = text.lower()
            case "Z" | "X" | "x":
                where = offset(text)
            case "z" | "V":
                where = zone(text)
    if afternoon:
        held["hour"] = held["hour"] % 12 + (12 if afternoon == "pm" else 0)
    try:
        return datetime(**held, tzinfo=where)
    except ValueError as error:
        raise Wrong(str(error)) from None


def offset(text: str) -> tzinfo:
    if text == "Z":
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    size = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-size if text[0] == "-" else size)


def written(at: datetime, pattern: str) -> str:
    """A time as a pattern says."""
    out = []
    for token in TOKEN.finditer(pattern):
        if token[2]:
            out.append(part(at, token[0]))
        else:
            out.append(token[1].replace("''", "'") or "'" if token[1] is not None else token[0])
    return "".join(out)


def part(at: datetime, token: str) -> str:
    size = len(token)
    numbers = {"M": at.month, "L": at.month, "d": at.day, "H": at.hour, "m": at.minute, "s": at.second}
    match token[0]:
        case "y" | "u":
            return f"{at.year % 100:02d}" if size == 2 else f"{at.year:04d}"
        case "M" | "L" if size > 2:
            return MONTHS[at.month - 1][: 3 if size == 3 else None]
        case "E":
            return DAYS[at.weekday()][: 3 if size < 4 else None]
        case "h":
            return f"{(at.hour + 11) % 12 + 1:0{size}d}"
        case "S":
            return f"{at.microsecond:06d}".ljust(size, "0")[:size]
        case "a":
            return "PM" if at.hour >= 12 else "AM"
        case "Z" | "x":
            return at.strftime("%z") if size < 3 else f"{at:%z}"[:3] + ":" + f"{at:%z}"[3:]
        case "X":
            text = at.strftime("%z")
            return (
                "Z" if text == "+0000" else text[:3] if size == 1 else text if size == 2 else f"{text[:3]}:{text[3:]}"
            )
        case "z" | "V":
            return at.tzname() or "UTC"
        case letter if letter in numbers:
            return f"{numbers[letter]:0{size}d}"
        case _:
            raise Wrong(f"there is no {token} in patterns of dates")
