"""Capacity units: what reads and writes cost, and how that is told.

Developer Guide, "DynamoDB read and write operations": a write unit for each begun kilobyte; a read unit for each begun
four kilobytes, half of one if the read is eventually consistent; twice as much in a transaction.
"""

from __future__ import annotations

from typing import Any

from .tables import Table

WRITTEN = 1024
READ = 4096

Units = dict[str, float]


def write_units(size: int) -> float:
    return float(max(-(-size // WRITTEN), 1))


def read_units(size: int, consistent: bool) -> float:
    units = max(-(-size // READ), 1)
    return float(units) if consistent else units / 2


def consumed(
    table: Table, mode: str, own: float, others: Units | None = None, transaction: str = ""
) -> dict[str, Any] | None:
    """ConsumedCapacity as `mode` asks for it. `transaction` is `Read` or `Write` where it is told twice."""
    if mode == "NONE":
        return None
    others = others or {}

    def told(units: float) -> dict[str, float]:
        return {"CapacityUnits": units} | ({f"{transaction}CapacityUnits": units} if transaction else {})

    answer: dict[str, Any] = {"TableName": table.name} | told(own + sum(others.values()))
    if mode == "INDEXES":
        answer["Table"] = told(own)
        for kind, local in (("LocalSecondaryIndexes", True), ("GlobalSecondaryIndexes", False)):
            if units := {
                one.name: told(others[one.name]) for one in table.entries if one.local == local and one.name in others
            }:
                answer[kind] = units
    return answer


def together(one: Units, other: Units) -> Units:
    """The sum of two accounts by index."""
    return {name: one.get(name, 0.0) + other.get(name, 0.0) for name in {**one, **other}}


class Bill:
    """What a request about several tables costs, by table."""

    def __init__(self) -> None:
        self._tables: dict[str, Table] = {}
        self._own: Units = {}
        self._others: dict[str, Units] = {}

    def add(self, table: Table, own: float, others: Units = {}) -> None:
        name = table.name
        self._tables[name] = table
        self._own[name] = self._own.get(name, 0.0) + own
        if others:
            self._others[name] = together(self._others.get(name, {}), others)

    def told(self, mode: str, transaction: str = "") -> dict[str, Any]:
        """The member ConsumedCapacity, if it was asked for."""
        if mode == "NONE":
            return {}
        accounts = [
            consumed(table, mode, self._own[name], self._others.get(name), transaction)
            for name, table in self._tables.items()
        ]
        return {"ConsumedCapacity": accounts}
