"""Schedules of rotation: `rate(10 days)`, and `cron(0 16 1,15 * ? *)` with AWS's six fields, in UTC.

User Guide, "Schedule expressions in Secrets Manager rotation". `L`, `#` and lists are known; `W` is not.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

HOUR = 3600.0
DAY = 24 * HOUR
MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
DAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), start=1)}
FARTHEST = 366 * 8
"""Days to look ahead: the 29th of February comes within eight years."""

On = Callable[[date], bool]


def period(expression: str) -> float | None:
    """Seconds of a rate; None for what is none. At least four hours, as AWS demands."""
    match = re.fullmatch(r"rate\((\d+) (hours?|days?)\)", expression)
    if not match:
        return None
    seconds = int(match[1]) * (HOUR if match[2].startswith("hour") else DAY)
    if seconds < 4 * HOUR:
        raise ValueError(expression)
    return seconds


def next_after(expression: str, now: float) -> float:
    """When a schedule is due next; ValueError for an expression that is none, or that never is."""
    if seconds := period(expression):
        return now + seconds
    match = re.fullmatch(r"cron\((.+)\)", expression)
    fields = match[1].split() if match else []
    if len(fields) != 6:
        raise ValueError(expression)
    return next_of(fields, datetime.fromtimestamp(now, UTC))


def next_of(fields: list[str], now: datetime) -> float:
    minutes, hours = numbers(fields[0], 0, 59), numbers(fields[1], 0, 23)
    fits = days(fields[2], fields[3], fields[4], fields[5])
    day = now.date()
    for _ in range(FARTHEST):
        if fits(day):
            for hour in hours:
                for minute in minutes:
                    found = datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)
                    if found > now:
                        return found.timestamp()
        day += timedelta(days=1)
    raise ValueError(" ".join(fields))


def numbers(field: str, least: int, most: int, names: dict[str, int] = {}) -> list[int]:
    """The numbers that a field stands for: `*`, `5`, `1-5`, `1,15`, `0/15`, `MON-FRI`."""
    found: set[int] = set()
    for part in field.upper().split(","):
        span, _, step = part.partition("/")
        first, dash, last = span.partition("-")
        if span in ("*", "?"):
            start, stop = least, most
        else:
            start = names[first] if first in names else int(first)
            stop = (names[last] if last in names else int(last)) if dash else most if step else start
        if not least <= start <= stop <= most:
            raise ValueError(field)
        found.update(range(start, stop + 1, int(step) if step else 1))
    return sorted(found)


def days(of_month: str, month: str, of_week: str, year: str) -> On:
    """Which days a schedule means. One of the two days is `?`."""
    if (of_month == "?") == (of_week == "?"):
        raise ValueError(f"{of_month} {of_week}")
    months, years = numbers(month, 1, 12, MONTHS), numbers(year, 1970, 2199)
    fits = month_day(of_month) if of_week == "?" else week_day(of_week)
    return lambda day: day.month in months and day.year in years and fits(day)


def month_day(field: str) -> On:
    if field == "L":
        return lambda day: day.day == calendar.monthrange(day.year, day.month)[1]
    wanted = numbers(field, 1, 31)
    return lambda day: day.day in wanted


def week_day(field: str) -> On:
    """Sunday is 1; `6#2` is the second Friday of the month, `FRIL` the last."""
    if nth := re.fullmatch(r"(\w+)#([1-5])", field):
        (which,), week = numbers(nth[1], 1, 7, DAYS), int(nth[2])
        return lambda day: number_of(day) == which and (day.day - 1) // 7 + 1 == week
    if last := re.fullmatch(r"(\w+)L", field):
        (which,) = numbers(last[1], 1, 7, DAYS)
        return lambda day: number_of(day) == which and (day + timedelta(days=7)).month != day.month
    wanted = numbers(field, 1, 7, DAYS)
    return lambda day: number_of(day) in wanted


def number_of(day: date) -> int:
    return day.isoweekday() % 7 + 1
