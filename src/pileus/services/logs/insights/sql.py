"""SQL over log groups: sqlglot reads it, and DuckDB answers it (User Guide, "OpenSearch SQL").

    SELECT `@timestamp`, level, COUNT(*) AS n FROM `/app/web` WHERE level != 'debug' GROUP BY `@timestamp`, level

A log group is a table, or several are one by `logGroups(logGroupIdentifier: ['a', 'b'])`. Its columns are the fields of
its events: what is not there is null. Left out: data sources, indexes, and functions that only OpenSearch has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from pileus.kernel import Fault, Unfinished
from pileus.services.logs import faults

from .events import discovered
from .slices import Slice
from .values import Instant, number, text

LANGUAGE = "SQL"
TOGETHER = re.compile(r"`?logGroups\s*\(\s*logGroupIdentifier\s*:\s*\[([^\]]*)\]\s*\)`?", re.IGNORECASE)
EXTRA = "SQL needs the packages sqlglot and duckdb: pip install 'pileus[select]'"
BUILT_IN = {
    "@timestamp": "TIMESTAMP",
    "@ingestionTime": "TIMESTAMP",
    "@message": "VARCHAR",
    "@logStream": "VARCHAR",
    "@log": "VARCHAR",
}
AT_ONCE = 10_000


class Statement(NamedTuple):
    """A statement that was read."""

    sql: str
    tables: list[list[str]]
    """The identifiers of the groups of each table t0, t1, …"""
    names: frozenset[str]
    """The fields that it names."""
    everything: bool
    """Whether it asks for all there are."""


def malformed(reason: str) -> Fault:
    return Fault("MalformedQueryException", reason)


@lru_cache(maxsize=256)
def read(source: str) -> Statement:
    """What a statement comes to; MalformedQueryException for what is none, or does more than to ask."""
    try:
        import sqlglot
        from sqlglot import exp
    except ImportError:
        raise Unfinished(EXTRA) from None
    tables: list[list[str]] = []

    def together(found: re.Match[str]) -> str:
        tables.append(re.findall(r"['\"`]([^'\"`]+)['\"`]", found[1]))
        return f"t{len(tables) - 1}"

    try:
        trees = sqlglot.parse(TOGETHER.sub(together, source.strip().rstrip(";")), read="spark")
    except sqlglot.errors.SqlglotError as error:
        raise malformed(str(error).splitlines()[0]) from None
    tree = trees[0] if len(trees) == 1 else None
    if not isinstance(tree, exp.Query):
        raise malformed("Only a single SELECT statement is supported.")
    if any(one.args.get("recursive") for one in tree.find_all(exp.With)):
        raise malformed("Recursive queries are not supported.")
    known = {f"t{place}" for place in range(len(tables))} | {one.alias for one in tree.find_all(exp.CTE)}
    for table in list(tree.find_all(exp.Table)):
        if not isinstance(table.this, exp.Identifier):
            raise malformed(f"{table.sql()} is not a log group.")
        name = ".".join(part.name for part in table.parts)
        if name not in known:
            tables.append([name])
            if not table.alias and "." not in name:
                table.set("alias", exp.TableAlias(this=exp.to_identifier(name, quoted=True)))
            table.set("this", exp.to_identifier(f"t{len(tables) - 1}"))
            table.set("db", None)
            table.set("catalog", None)
    if not tables:
        raise malformed("The query names no log group.")
    aliases = {one.alias for one in tree.find_all(exp.Table, exp.Subquery)} | known
    names = {field(column, aliases) for column in tree.find_all(exp.Column)} - {"*"}
    everything = any(not isinstance(star.parent, exp.Count) for star in tree.find_all(exp.Star))
    return Statement(tree.sql("duckdb"), tables, frozenset(names), everything)


def field(column: Any, aliases: set[str]) -> str:
    """The field that a column is, which may have dots in its name; what stands before it may be a table."""
    from sqlglot import exp

    parts = column.parts
    if len(parts) > 1 and parts[0].name in aliases:
        parts = parts[1:]
    if isinstance(parts[-1], exp.Star):
        return "*"
    name = ".".join(part.name for part in parts)
    table = column.parts[0] if len(parts) < len(column.parts) else None
    column.replace(exp.Column(this=exp.to_identifier(name, quoted=True), table=table))
    return name


class Sql:
    """A query that is fed the events of groups, as `query.Query` is."""

    indexed: tuple[str, ...] = ()

    def __init__(self, source: str, limit: int) -> None:
        self._statement = read(source)
        self._limit = limit
        self._rows: dict[str, list[dict[str, Any]]] = {}
        self.scanned = self.matched = self.octets = 0
        self._found: list[list[tuple[str, str]]] = []

    def feed(self, given: Slice) -> None:
        """Take the events of a part that are in a time."""
        part = given.part
        rows = self._rows.setdefault(given.log.partition(":")[2], [])
        self.scanned += len(part.times)
        self.octets += len(given.packed)
        ingested, place = text(Instant(part.ingested)), {"@logStream": given.stream, "@log": given.log}
        for at, message, told in zip(part.times, part.messages, given.documents or part.messages, strict=True):
            if given.start <= at < given.end:
                own = {"@timestamp": text(Instant(at)), "@ingestionTime": ingested, "@message": message}
                rows.append(self._fields(told) | (part.entity or {}) | own | place)

    def _fields(self, message: str) -> dict[str, Any]:
        found = discovered(message)
        return found if self._statement.everything else {n: found[n] for n in self._statement.names & found.keys()}

    def answer(self) -> None:
        """Have DuckDB answer; a fault where the statement does not fit what there is."""
        from pileus.engines.tables import Tables, Wrong

        try:
            tables = Tables()
        except ImportError:
            raise Unfinished(EXTRA) from None
        try:
            for place, groups in enumerate(self._statement.tables):
                rows = [row for group in groups for row in self._rows.get(named(group), [])]
                schema = self._schema(rows)
                texts = [json.dumps(row) for row in rows]
                batches = (texts[start : start + AT_ONCE] for start in range(0, len(texts), AT_ONCE))
                tables.load(f"t{place}", batches, schema)
            columns, found = tables.ask(self._statement.sql)
        except Wrong as problem:
            raise malformed(str(problem)) from None
        finally:
            tables.close()
        self.matched = len(found)
        self._found = [
            [(name, shown(value)) for name, value in zip(columns, row, strict=True) if value is not None]
            for row in found[: self._limit]
        ]

    def _schema(self, rows: list[dict[str, Any]]) -> dict[str, str]:
        """The columns of a table: numbers where all that there is are numbers, else texts."""
        values: dict[str, list[str]] = {name: [] for name in self._statement.names if name not in BUILT_IN}
        for row in rows:
            for name, value in row.items():
                if name not in BUILT_IN:
                    values.setdefault(name, []).append(value)
        return BUILT_IN | {name: kind_of(found) for name, found in values.items()}

    def results(self, pointer: Callable[[str, str, int, int], str]) -> list[list[tuple[str, str]]]:
        return self._found


def named(identifier: str) -> str:
    """The name of a group in an ARN, or by itself."""
    return identifier.split(":")[6] if identifier.startswith("arn:") else identifier


def kind_of(values: list[str]) -> str:
    numbers = [number(value) for value in values]
    if not values or any(one is None for one in numbers):
        return "VARCHAR"
    return "BIGINT" if all(isinstance(one, int) and abs(one) < 2**63 for one in numbers) else "DOUBLE"


def shown(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}.{value.microsecond // 1000:03d}"
    if isinstance(value, bool):
        return "true" if value else "false"
    return text(value if isinstance(value, str | int | float) else str(value))


def groups_of(source: str) -> list[str]:
    """The log groups that a statement asks."""
    found = list(dict.fromkeys(named(group) for groups in read(source).tables for group in groups))
    if not found:
        raise faults.invalid("The query names no log group.")
    return found
