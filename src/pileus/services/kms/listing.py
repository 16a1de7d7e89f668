"""Pages as KMS tells them: Truncated says whether there is more, NextMarker where."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, paging

from . import faults


def marked(token: str | None) -> dict[str, Any]:
    return {"NextMarker": token, "Truncated": True} if token else {"Truncated": False}


def part(call: Call, items: list[Any], limit: int, marker: str) -> tuple[list[Any], dict[str, Any]]:
    """A page of a list that is short enough to be made whole."""
    start = int(paging.opened(call, marker, faults.invalid_marker())) if marker else 0
    stop = start + limit
    return items[start:stop], marked(paging.sealed(call, stop) if stop < len(items) else None)
