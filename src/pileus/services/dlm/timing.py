"""When a schedule is due, and how long intervals are."""

from __future__ import annotations

from typing import Any

from pileus.kernel import schedules

HOUR, DAY = 3600.0, 86400.0
UNITS = {"DAYS": DAY, "WEEKS": 7 * DAY, "MONTHS": 30 * DAY, "YEARS": 365 * DAY}
INTERVALS = (1, 2, 3, 4, 6, 8, 12, 24)
USUAL_TIME = "09:00"


def seconds(rule: dict[str, Any]) -> float:
    """How long a rule keeps something; 0 for one that counts."""
    return float(rule["Interval"] * UNITS[rule["IntervalUnit"]]) if rule.get("Interval") else 0.0


def after(rule: dict[str, Any], instant: float) -> float | None:
    """When a creation rule is due next. AWS begins within an hour of that; here it is then."""
    if expression := rule.get("CronExpression"):
        return schedules.parse(expression).after(instant)
    hours, minutes = (rule.get("Times") or [USUAL_TIME])[0].split(":")
    beginning = int(hours) * HOUR + int(minutes) * 60.0
    return schedules.Rate(rule["Interval"] * HOUR, beginning).after(instant)
