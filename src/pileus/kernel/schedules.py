"""Schedule expressions, as EventBridge, Scheduler and others write them: `rate(5 minutes)`, `cron(0 8 ? * MON-FRI *)`,
`at(2027-01-31T08:00:00)`.

Cron has AWS's six fields: minutes, hours, day of month, month, day of week (1 is Sunday), year; with `L`, `W` and `#`.
Cron and at are about the clock on the wall of a time zone. A time that a change of that clock leaves out is left out;
one that comes twice counts the first time (Scheduler User Guide, "Daylight saving time").
"""

from __future__ import annotations

import calendar
import re
from bisect import bisect_left
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
UNITS = {"minute": MINUTE, "hour": HOUR, "day": DAY}
MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
DAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), start=1)}
FIRST_YEAR, LAST_YEAR = 1970, 2199
RATE = re.compile(r"rate\((\d+) (minutes?|hours?|days?)\)")


class Schedule:
    """When something is due, again and again, or once."""

    def after(self, instant: float) -> float | None:
        """The next time after an instant; None when there is none any more."""
        raise NotImplementedError


class Rate(Schedule):
    """Every so many seconds, counted from a beginning."""

    def __init__(self, seconds: float, beginning: float = 0.0) -> None:
        self.seconds = seconds
        self.beginning = beginning

    def after(self, instant: float) -> float:
        if instant < self.beginning:
            return self.beginning
        return self.beginning + ((instant - self.beginning) // self.seconds + 1) * self.seconds


class Once(Schedule):
    def __init__(self, at: float) -> None:
        self.at = at

    def after(self, instant: float) -> float | None:
        return self.at if self.at > instant else None


class Cron(Schedule):
    def __init__(self, fields: list[str], zone: tzinfo) -> None:
        minutes, hours, self._of_month, months, self._of_week, years = fields
        if (self._of_month == "?") == (self._of_week == "?"):
            raise ValueError("one of day-of-month and day-of-week must be ?, and not both")
        self.zone = zone
        self.minutes = numbers(minutes, 0, 59)
        self.hours = numbers(hours, 0, 23)
        self.months = numbers(months, 1, 12, MONTHS)
        self.years = numbers(years, FIRST_YEAR, LAST_YEAR)
        self.days_of(2024, 2)  # raises for what is no day

    def after(self, instant: float) -> float | None:
        start = datetime.fromtimestamp(instant, self.zone).date()
        for year in self.years[bisect_left(self.years, start.year) :]:
            for month in self.months:
                if (year, month) < (start.year, start.month):
                    continue
                for number_of_day in self.days_of(year, month):
                    day = date(year, month, number_of_day)
                    if day >= start and (found := self.on(day, instant)) is not None:
                        return found
        return None

    def on(self, day: date, instant: float) -> float | None:
        """The first time of a day after an instant."""
        for hour in self.hours:
            for minute in self.minutes:
                wall = datetime(day.year, day.month, day.day, hour, minute, tzinfo=self.zone)
                there = wall.astimezone(UTC)
                if there.timestamp() > instant and there.astimezone(self.zone).replace(fold=0) == wall:
                    return there.timestamp()
        return None

    def days_of(self, year: int, month: int) -> list[int]:
        last = calendar.monthrange(year, month)[1]
        if self._of_week == "?":
            found = {day for part in self._of_month.upper().split(",") for day in of_month(part, year, month, last)}
        else:
            found = {day for part in self._of_week.upper().split(",") for day in of_week(part, year, month, last)}
        return sorted(found)


def of_month(part: str, year: int, month: int, last: int) -> list[int]:
    """`L` is the last day, `L-2` two days before, `15W` the weekday nearest to the 15th, `LW` the last weekday."""
    if before := re.fullmatch(r"L(?:-(\d+))?", part):
        day = last - int(before[1] or 0)
        return [day] if day > 0 else []
    if near := re.fullmatch(r"(\d+|L)W", part):
        return [nearest_weekday(year, month, last if near[1] == "L" else int(near[1]), last)]
    return [day for day in numbers(part, 1, 31) if day <= last]


def nearest_weekday(year: int, month: int, day: int, last: int) -> int:
    if not 1 <= day <= 31:
        raise ValueError(f"there is no day {day}")
    day = min(day, last)
    weekday = date(year, month, day).weekday()
    if weekday == 5:
        return day - 1 if day > 1 else day + 2
    if weekday == 6:
        return day + 1 if day < last else day - 2
    return day


def of_week(part: str, year: int, month: int, last: int) -> list[int]:
    """`6#2` is the second Friday, `FRIL` or `6L` the last one, `L` Saturday."""
    if nth := re.fullmatch(r"(\w+)#([1-5])", part):
        days = of_week(nth[1], year, month, last)
        return days[int(nth[2]) - 1 : int(nth[2])]
    if final := re.fullmatch(r"(\w+)L", part):
        return of_week(final[1], year, month, last)[-1:]
    wanted = [7] if part == "L" else numbers(part, 1, 7, DAYS)
    first = date(year, month, 1).isoweekday() % 7  # Sunday is 0
    return [day for day in range(1, last + 1) if (first + day - 1) % 7 + 1 in wanted]


def numbers(field: str, least: int, most: int, names: dict[str, int] = {}) -> list[int]:
    """The numbers that a field stands for: `*`, `5`, `1-5`, `1,15`, `0/15`, `MON-FRI`."""
    found: set[int] = set()
    for part in field.upper().split(","):
        span, slash, step = part.partition("/")
        first, dash, final = span.partition("-")
        if span in ("*", "?"):
            start, stop = least, most
        else:
            start = number(first, names)
            stop = number(final, names) if dash else most if slash else start
        if not least <= start <= stop <= most or (slash and number(step, {}) < 1):
            raise ValueError(f"{field} is not within {least} and {most}")
        found.update(range(start, stop + 1, int(step) if slash else 1))
    return sorted(found)


def number(text: str, names: dict[str, int]) -> int:
    if text in names:
        return names[text]
    if not text.isdecimal() or len(text) > 4:
        raise ValueError(f"{text} is no number")
    return int(text)


@lru_cache(maxsize=1024)
def parse(expression: str, zone: str = "UTC", beginning: float = 0.0) -> Schedule:
    """The schedule of an expression; ValueError for what is none. Rates count from `beginning`."""
    where = zone_named(zone)
    if rate := RATE.fullmatch(expression):
        count, unit = int(rate[1]), rate[2]
        if not count or (count == 1) == unit.endswith("s"):
            raise ValueError(expression)
        return Rate(count * UNITS[unit.rstrip("s")], beginning)
    if cron := re.fullmatch(r"cron\(\s*(.+?)\s*\)", expression):
        fields = cron[1].split()
        if len(fields) != 6:
            raise ValueError(expression)
        return Cron(fields, where)
    if once := re.fullmatch(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)", expression):
        return Once(datetime.fromisoformat(once[1]).replace(tzinfo=where).timestamp())
    raise ValueError(expression)


@lru_cache(maxsize=256)
def zone_named(name: str) -> tzinfo:
    """A time zone of the IANA database; ValueError for a name that is not in it."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        raise ValueError(f"there is no time zone {name}") from None
