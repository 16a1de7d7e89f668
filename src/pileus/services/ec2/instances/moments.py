"""Instants as filters compare them: `2021-09-29T11:04:43.000Z`."""

from __future__ import annotations

from datetime import UTC, datetime


def moment(instant: float) -> str:
    return datetime.fromtimestamp(instant, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
