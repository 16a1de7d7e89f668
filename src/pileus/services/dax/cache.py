"""What a cluster keeps in memory: items by their keys, and the answers to queries; each for some time.

Developer Guide, "DAX and DynamoDB consistency models": both caches are apart. A write puts its item into the item cache
and leaves the query cache as it is.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any, NamedTuple

MOST = 50_000
"""Entries of each cache; the one that was asked for least recently goes first."""


class Entry(NamedTuple):
    """Something that is kept."""

    value: Any
    until: float


class Kept:
    """One cache, of items or of answers."""

    def __init__(self) -> None:
        self._entries: OrderedDict[Hashable, Entry] = OrderedDict()

    def get(self, key: Hashable, now: float) -> Entry | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.until <= now:
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        return entry

    def put(self, key: Hashable, value: Any, until: float) -> None:
        self._entries[key] = Entry(value, until)
        self._entries.move_to_end(key)
        if len(self._entries) > MOST:
            self._entries.popitem(last=False)

    def drop(self, key: Hashable) -> None:
        self._entries.pop(key, None)

    def clear(self) -> None:
        self._entries.clear()


class Caches:
    """The caches of a cluster."""

    def __init__(self) -> None:
        self.items = Kept()
        self.queries = Kept()
        self.schemas = Kept()
        """Key schemas of tables, which clients keep for a minute too."""

    def clear(self) -> None:
        self.items.clear()
        self.queries.clear()
        self.schemas.clear()
