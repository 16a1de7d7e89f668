"""Lengths of time and instants as people and machines write them: `4d`, `1h30m`, `PT15M`, `2030-01-01T00:00Z`."""

from __future__ import annotations

import re
from datetime import UTC, datetime

SECONDS = {"w": 604800.0, "d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}

_NUMBER = r"(\d+(?:\.\d+)?)"
_PART = re.compile(rf"{_NUMBER}(ms|[wdhms])")
# ISO 8601-1:2019, 5.5.2.3. Years and months have no fixed length and are refused.
_ISO = re.compile(rf"P(?:{_NUMBER}W)?(?:{_NUMBER}D)?(?:T(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?", re.IGNORECASE)


def seconds(text: str) -> float:
    """A length in seconds: `90` or `1.5` are seconds, `4d` and `1h30m` say their units, `P1DT12H` is ISO 8601."""
    text = text.strip()
    if re.fullmatch(_NUMBER, text):
        return float(text)
    if (iso := _ISO.fullmatch(text)) and any(iso.groups()):
        return sum(float(number) * SECONDS[unit] for number, unit in zip(iso.groups(), "wdhms", strict=True) if number)
    parts = _PART.findall(text.lower().replace(" ", ""))
    if parts and "".join(number + unit for number, unit in parts) == text.lower().replace(" ", ""):
        return sum(float(number) * SECONDS[unit] for number, unit in parts)
    raise ValueError(f"{text!r} is no length of time: write 90s, 15m, 1h30m, 4d, 2w, or ISO 8601 such as PT15M")


def instant(text: str) -> float:
    """Seconds since the epoch of an ISO 8601 instant, or of a number of seconds; without an offset it is UTC."""
    try:
        return float(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{text!r} is no instant: write 2030-01-31, 2030-01-31T12:00:00Z, or epoch seconds") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def iso(epoch: float) -> str:
    """An instant in ISO 8601, in UTC, to the millisecond."""
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def spoken(length: float) -> str:
    """A length of time for people: its two largest units."""
    parts = []
    rest = int(length)
    for unit in "dhms":
        count, rest = divmod(rest, int(SECONDS[unit]))
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts[:2]) or "0s"
