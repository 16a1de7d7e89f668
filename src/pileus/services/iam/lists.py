"""Lists in IAM's manner: MaxItems and Marker in, IsTruncated and perhaps a Marker out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from pileus.kernel import Call, Fault, paging
from pileus.kernel.record import Record

R = TypeVar("R", bound=Record)
T = TypeVar("T")

MOST = 100
"""How many entries a list gives where its caller sets no limit (API reference, MaxItems)."""

INVALID_MARKER = Fault("ValidationError", "Invalid Marker.")


def records(
    call: Call,
    member: str,
    record: type[R],
    *prefix: Any,
    show: Callable[[R], Any],
    marker: str,
    max_items: int,
    **scope: Any,
) -> dict[str, Any]:
    """A page of records in the order of their keys."""
    page = record.page(call, *prefix, limit=max_items, token=marker, invalid=INVALID_MARKER, **scope)
    return answer(member, [show(found) for found in page.items], page.token)


def entries(call: Call, member: str, items: Iterable[Any], marker: str, max_items: int) -> dict[str, Any]:
    """A page of what is at hand as a whole."""
    page, token = piece(call, list(items), marker, max_items)
    return answer(member, page, token)


def piece(call: Call, items: Sequence[T], marker: str, max_items: int) -> tuple[list[T], str | None]:
    """The entries that a marker leads to, and the marker that leads on."""
    start = paging.opened(call, marker, INVALID_MARKER) if marker else 0
    stop = start + max_items
    return list(items[start:stop]), paging.sealed(call, stop) if stop < len(items) else None


def answer(member: str, items: list[Any], token: str | None) -> dict[str, Any]:
    return {member: items, "IsTruncated": token is not None} | ({"Marker": token} if token else {})
