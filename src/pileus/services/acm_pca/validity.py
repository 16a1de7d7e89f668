"""From when until when certificates are valid, as requests say it."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta
from typing import Any

from . import faults

HOUR = 3600.0
LATEST = 253402300799
"""The end of the year 9999, where certificates end (RFC 5280, 4.1.2.5)."""


def end(validity: dict[str, Any], now: float) -> float:
    """Not after."""
    value, kind = validity["Value"], validity["Type"]
    if kind == "ABSOLUTE":
        found = float(value)
    elif kind == "END_DATE":
        found = date(str(value))
    else:
        found = later(now, value, kind)
    if not now < found <= LATEST:
        raise faults.validation("The certificate validity must end in the future, and before the year 10000.")
    return found


def start(validity: dict[str, Any], now: float) -> float:
    """Not before; an hour ago by default, because clocks differ."""
    if not validity:
        return now - HOUR
    if validity["Type"] != "ABSOLUTE":
        raise faults.validation("ValidityNotBefore must be of the type ABSOLUTE.")
    return float(validity["Value"])


def date(text: str) -> float:
    """UTCTime (YYMMDDHHMMSS) or GeneralizedTime (YYYYMMDDHHMMSS); the number has lost its leading zeros."""
    if len(text) <= 12:
        text = text.zfill(12)
        text = ("19" if int(text[:2]) >= 50 else "20") + text
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise faults.validation(f"{text} is not a date of the form YYYYMMDDHHMMSS.") from None


def later(now: float, number: int, kind: str) -> float:
    """So many days, months or years from now."""
    begin = datetime.fromtimestamp(now, UTC)
    try:
        if kind == "DAYS":
            return (begin + timedelta(days=number)).timestamp()
        months = begin.month - 1 + number * (12 if kind == "YEARS" else 1)
        year, month = begin.year + months // 12, months % 12 + 1
        day = min(begin.day, calendar.monthrange(year, month)[1])
        return begin.replace(year=year, month=month, day=day).timestamp()
    except (OverflowError, ValueError):
        return float(LATEST + 1)
