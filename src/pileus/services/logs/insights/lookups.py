"""The command `lookup`: columns of a table beside a row, where the row has a key of the table.

    lookup users id as user_id OUTPUT name, email as mail

`OUTPUT` puts the columns over what a row has under these names, `OUTPUTNEW` only where it has nothing. Rows that the
table does not know stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from . import values
from .expressions import Row

Table = list[dict[str, str]]
Tables = Callable[[str], Table]


class Pair(NamedTuple):
    """A column of the table and the place of a field."""

    column: str
    place: int


class Lookup:
    """One row at a time; the table is read before the first."""

    def __init__(self, table: str, keys: list[Pair], outputs: list[Pair], over: bool) -> None:
        self.table = table
        self.keys = keys
        self.outputs = outputs
        self.over = over
        self._found: dict[tuple[str, ...], dict[str, str]] = {}

    def prepare(self, tables: Tables) -> None:
        for row in reversed(tables(self.table)):  # of several rows with one key the first counts
            self._found[tuple(row.get(column, "") for column, _ in self.keys)] = row

    def __call__(self, row: Row) -> bool:
        key = [row[place] for _, place in self.keys]
        if None not in key and (found := self._found.get(tuple(map(values.text, key)))):
            for column, place in self.outputs:
                if self.over or row[place] is None:
                    row[place] = found.get(column)
        return True
