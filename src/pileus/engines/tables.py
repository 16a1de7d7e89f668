"""Tables that are asked by SQL: DuckDB in memory, for one query, which reads nothing but what it is given."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

CLOSED: dict[str, Any] = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false", "threads": "2"}


class Wrong(ValueError):
    """Why a statement cannot be carried out."""


class Tables:
    """A database; ImportError where there is no DuckDB."""

    def __init__(self) -> None:
        import duckdb

        self._error = duckdb.Error
        self._stopped = False
        self._connection = duckdb.connect(":memory:", config=CLOSED)
        for setting in ("enable_external_access = false", "lock_configuration = true"):
            self._connection.execute(f"SET {setting}")

    def load(self, name: str, batches: Iterable[list[str]], schema: dict[str, Any]) -> None:
        """Make a table of rows that are JSON objects: `schema` says the types of its columns."""
        self._connection.execute(f"CREATE TABLE raw_{name} (line VARCHAR)")
        for lines in batches:
            if self._stopped:
                return
            self._connection.execute(f"INSERT INTO raw_{name} SELECT unnest(?::VARCHAR[])", [lines])
        self._connection.execute(
            f"CREATE TABLE {name} AS SELECT unnest(json_transform(line::JSON, ?)) FROM raw_{name}", [json.dumps(schema)]
        )
        self._connection.execute(f"DROP TABLE raw_{name}")

    def ask(self, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        """The names of columns, and rows; `Wrong` for what does not fit the tables."""
        try:
            found = self._connection.execute(sql)
            return [column[0] for column in found.description or ()], found.fetchall()
        except self._error as error:
            raise Wrong(str(error).splitlines()[0]) from None

    def stop(self) -> None:
        """End what another thread waits for."""
        self._stopped = True
        self._connection.interrupt()

    def close(self) -> None:
        self._connection.close()
