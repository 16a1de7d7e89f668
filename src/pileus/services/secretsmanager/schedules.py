"""Schedules of rotation: `rate(10 days)`, and `cron(0 16 1,15 * ? *)` in UTC.

User Guide, "Schedule expressions in Secrets Manager rotation".
"""

from __future__ import annotations

from pileus.kernel import schedules

HOUR = schedules.HOUR
DAY = schedules.DAY
SHORTEST = 4 * HOUR


def period(expression: str) -> float | None:
    """Seconds of a rate; None for what is none. At least four hours, as AWS demands."""
    if not expression.startswith("rate("):
        return None
    rate = schedules.parse(expression)
    assert isinstance(rate, schedules.Rate)
    if rate.seconds < SHORTEST or "minute" in expression:
        raise ValueError(expression)
    return rate.seconds


def next_after(expression: str, now: float) -> float:
    """When a schedule is due next; ValueError for an expression that is none, or that never is."""
    if seconds := period(expression):
        return now + seconds
    due = schedules.parse(expression).after(now) if expression.startswith("cron(") else None
    if due is None:
        raise ValueError(expression)
    return due
