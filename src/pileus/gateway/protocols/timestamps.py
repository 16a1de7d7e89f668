"""Timestamps: `iso8601`, `rfc822` and `unixTimestamp` on the wire, epoch seconds in here."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from .faults import Malformed

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
EARLIEST, LATEST = -62135596800.0, 253402300800.0  # the years 1 and 9999, what every format can write
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)


def parse(text: str) -> float:
    """Epoch seconds from any of the formats; services are as lenient about which one a client chose."""
    try:
        if _NUMBER.fullmatch(text):
            return checked(float(text))
        moment = datetime.fromisoformat(text) if text[:4].isdigit() else _http_date(text)
        return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH) / timedelta(seconds=1)
    except (ValueError, OverflowError, TypeError, IndexError):
        raise Malformed(f"Invalid timestamp: {text[:64]}") from None


def _http_date(text: str) -> datetime:
    """RFC 9110, section 5.6.7, with the obsolete formats that a server must still read."""
    from email.utils import parsedate_to_datetime  # costs milliseconds, and few requests need it

    return parsedate_to_datetime(text)


def checked(seconds: float) -> float:
    """The same moment as a float, if it lies in a year that can be written."""
    if EARLIEST <= seconds < LATEST:
        return float(seconds)
    raise Malformed(f"Timestamp out of range: {seconds}")


def moment(value: Any) -> datetime:
    """What an operation returned as a timestamp, to the millisecond, which is all that AWS's services tell."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return EPOCH + timedelta(milliseconds=round(number(value) * 1000))


def number(value: Any) -> float | int:
    if isinstance(value, datetime):
        return (moment(value) - EPOCH) / timedelta(seconds=1)
    if isinstance(value, float | int) and not isinstance(value, bool):
        return value
    raise TypeError(f"a timestamp is a number of seconds or a datetime, not {value!r}")


def unix(value: Any) -> float | int:
    """Seconds as a JSON number: whole ones without a fraction."""
    seconds = round(number(value), 3)
    return int(seconds) if seconds == int(seconds) else seconds


def unix_text(value: Any) -> str:
    return str(unix(value))


def iso8601(value: Any) -> str:
    """`2015-01-25T08:00:00Z`, with milliseconds when there are some."""
    at = moment(value).astimezone(UTC)
    return at.isoformat(timespec="milliseconds" if at.microsecond >= 1000 else "seconds")[:-6] + "Z"


def iso8601_millis(value: Any) -> str:
    """`2015-01-25T08:00:00.000Z`, as S3 and EC2 always write it."""
    return moment(value).astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def rfc822(value: Any) -> str:
    """`Sun, 25 Jan 2015 08:00:00 GMT` (RFC 9110, section 5.6.7)."""
    if isinstance(value, float):
        return _rfc822(round(value * 1000) // 1000)
    at = moment(value).astimezone(UTC)
    return f"{DAYS[at.weekday()]}, {at.day:02} {MONTHS[at.month - 1]} {at.year:04} {at:%H:%M:%S} GMT"


@lru_cache(maxsize=4096)
def _rfc822(second: int) -> str:
    return rfc822(second)


WRITERS: dict[str, Callable[[Any], str]] = {
    "iso8601": iso8601,
    "rfc822": rfc822,
    "unixtimestamp": unix_text,
}
