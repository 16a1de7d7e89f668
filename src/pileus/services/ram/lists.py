"""Lists in RAM's manner."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pileus.kernel import Call, paging

from .faults import INVALID_TOKEN

MOST = 500


def page(call: Call, member: str, items: Iterable[Any], token: str, most: int) -> dict[str, Any]:
    """A page of what is at hand as a whole."""
    whole = list(items)
    start = paging.opened(call, token, INVALID_TOKEN) if token else 0
    stop = start + most
    return {member: whole[start:stop], "nextToken": paging.sealed(call, stop) if stop < len(whole) else None}
