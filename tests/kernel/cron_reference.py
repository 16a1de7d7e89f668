"""When AWS's crons are due, by croniter and zoneinfo: on a wall clock without changes, and then in a zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from croniter import croniter


def times(expression: str, zone: str, start: float, end: float) -> list[float]:
    """All times after `start` and up to `end`."""
    where = ZoneInfo(zone)
    wall = datetime.fromtimestamp(start - 86_400, where).replace(tzinfo=None)
    found = []
    for instant in croniter(translated(expression), wall, ret_type=datetime):
        there = instant.replace(tzinfo=where)
        utc = there.astimezone(UTC)
        if utc.timestamp() > end + 86_400:
            return [one for one in found if start < one <= end]
        if (
            utc.astimezone(where).replace(tzinfo=None, fold=0) == instant
        ):  # what a change of the clock leaves out is out
            found.append(utc.timestamp())
    return found


def translated(expression: str) -> str:
    """AWS's fields as everybody else's: the week begins with 0, and ? is any."""
    minutes, hours, of_month, month, of_week, _ = expression.removeprefix("cron(").removesuffix(")").split()
    of_week = re.sub(r"(?<![#\w])([1-7])(?=[-,#L/]|$)", lambda number: str(int(number[1]) - 1), of_week)
    if of_week.endswith("L"):
        of_week = f"L{of_week[:-1]}"
    return " ".join(field.replace("?", "*").replace("L", "l") for field in (minutes, hours, of_month, month)) + (
        " " + of_week.replace("?", "*")
    )
