"""Spans: what the items of a table were at the beginning of a span of time, and at its end."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from pileus.kernel import Call

from . import values
from .keys import END
from .records import load
from .tables import Table, under
from .values import Item


class Change(NamedTuple):
    """What has become of an item."""

    keys: Item
    old: Item | None
    new: Item | None
    at: float
    """When it was last written within the span."""

    @property
    def size(self) -> int:
        return sum(values.size(image) for image in (self.old, self.new) if image)


def changes(call: Call, table: Table, start: float, end: float) -> list[tuple[bytes, Change]]:
    """The items that were changed from `start` on and before `end`, in the order of their places."""
    before: dict[bytes, Item | None] = {}
    last: dict[bytes, float] = {}
    for place, at, old in logged(call, table, start, end):
        before.setdefault(place, old)
        last[place] = at
    after: dict[bytes, Item | None] = {}
    for place, _, old in logged(call, table, end, None):
        if place in before:
            after.setdefault(place, old)
    found = []
    for place, old in sorted(before.items()):
        raw = None if place in after else call.store.get(table.prefix + place)
        new = after[place] if place in after else load(raw) if raw else None
        if keyed := new or old:
            found.append((place, Change(table.schema.of(keyed), old, new, last[place])))
    return found


def logged(call: Call, table: Table, start: float, end: float | None) -> Iterator[tuple[bytes, float, Item | None]]:
    """The log of changes: where, when, and what was there before."""
    prefix = under(call, "Change", table.box)
    stop = prefix + (struct.pack(">d", end) if end is not None else END + END)
    for path, raw in call.store.scan(prefix + struct.pack(">d", start), stop):
        (at,) = struct.unpack_from(">d", path, len(prefix))
        yield path[len(prefix) + 8 :], at, msgspec.msgpack.decode(raw)
