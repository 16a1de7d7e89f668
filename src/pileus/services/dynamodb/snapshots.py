"""Snapshots: a table as it was at a moment, read some items at a time while it goes on changing.

What has changed since is in the log of changes (`recovery`), which is kept for as long as somebody holds it.
"""

from __future__ import annotations

import struct

import msgspec

from pileus.kernel import Call

from . import values
from .keys import END
from .records import dump
from .tables import Table, purge, under
from .values import Item

Row = tuple[bytes, bytes]
"""An item's place and the item at rest."""


class Snapshot:
    """What was under a table's prefix at a time."""

    def __init__(self, prefix: bytes, changes: bytes, at: float) -> None:
        self._prefix = prefix
        self._changes = changes
        self._from = changes + struct.pack(">d", at) + END
        self._then: dict[bytes, Item | None] = {}

    def read(self, call: Call, start: bytes, limit: int) -> tuple[list[Row], bytes | None]:
        """Items from a place on, and the place to go on from, or None at the end."""
        self._learn(call)
        size = len(self._prefix)
        rows = [
            (path[size:], raw) for path, raw in call.store.scan(self._prefix + start, self._prefix + END, limit=limit)
        ]
        last = rows[-1][0] if len(rows) == limit else None
        found = [(place, raw) for place, raw in rows if place not in self._then]
        for place, item in self._then.items():
            if item is not None and start <= place and (last is None or place <= last):
                found.append((place, dump(item, values.size(item))))
        found.sort()
        return found, None if last is None else last + b"\0"

    def _learn(self, call: Call) -> None:
        """What has changed since the last look; the earliest change of an item tells what it was."""
        head = len(self._changes)
        for path, raw in call.store.scan(self._from, self._changes + END + END):
            self._then.setdefault(path[head + 8 :], msgspec.msgpack.decode(raw))
            self._from = path[: head + 8]


def snapshot(call: Call, table: Table, at: float) -> Snapshot:
    return Snapshot(table.prefix, under(call, "Change", table.box), at)


def hold(call: Call, table: Table) -> None:
    """Keep what changes from now on, until it is released; the caller stores the table."""
    table.holders += 1
    table.barrier = call.now


def release(call: Call, name: str, box: str) -> None:
    """Keep it no longer, unless there is somebody else who wants it."""
    table = Table.get(call, name)
    if table is None or table.box != box:
        return
    table.holders -= 1
    if not table.holders:
        table.barrier = 0.0
        if not table.recovery_since:
            purge.later(call, kind="Change", box=box)
    table.put(call)
