"""DuckDB, shut in: it gets records as a parameter, may open no file but one that is named, and stays shut in."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from pileus.kernel import Fault, Unfinished

from .faults import wrong
from .grammar import STAR, Statement, Step
from .records import Batch, CsvRecords
from .translation import Plan, plan
from .values import Sql, quoted

MACROS = r"""
CREATE TEMP MACRO local_time(t) AS CASE
    WHEN t IS NULL THEN NULL
    WHEN regexp_full_match(t, '\d{4}T') THEN CAST(left(t, 4) || '-01-01' AS TIMESTAMP)
    WHEN regexp_full_match(t, '\d{4}-\d\dT') THEN CAST(left(t, 7) || '-01' AS TIMESTAMP)
    WHEN regexp_full_match(t, '\d{4}-\d\d-\d\dT?') THEN CAST(left(t, 10) AS TIMESTAMP)
    WHEN regexp_full_match(t, '.*T\d\d:\d\d') THEN CAST(t || ':00' AS TIMESTAMP)
    ELSE CAST(t AS TIMESTAMP) END;
CREATE TEMP MACRO to_time(t) AS
    CASE WHEN regexp_full_match(t, '.*T\d.*[+-]\d\d:\d\d') THEN local_time(left(t, -6)) - to_minutes(
        CAST(t[-6] || '1' AS INTEGER) * (CAST(t[-5:-4] AS INTEGER) * 60 + CAST(t[-2:] AS INTEGER)))
    WHEN regexp_full_match(t, '.*\dZ') THEN local_time(left(t, -1))
    ELSE local_time(t) END;
CREATE TEMP MACRO time_text(t) AS CASE
    WHEN t = date_trunc('second', t) THEN strftime(t, '%Y-%m-%dT%H:%M:%SZ')
    ELSE strftime(t, '%Y-%m-%dT%H:%M:%S.') || rtrim(strftime(t, '%f'), '0') || 'Z' END;
CREATE TEMP MACRO to_int(t) AS CASE
    WHEN t IS NULL OR regexp_full_match(trim(t), '[+-]?\d+') THEN CAST(t AS BIGINT)
    ELSE CAST(error('no whole number') AS BIGINT) END;
"""
CSV, JSON = "CSV", "JSON"


def connect(file: str = "") -> Any:
    try:
        import duckdb
    except ImportError:
        raise Unfinished("S3 Select needs DuckDB: pip install 'pileus[select]'") from None
    closed: dict[str, Any] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "threads": "1",
    }
    connection = duckdb.connect(":memory:", config=closed)
    connection.execute(MACROS)
    if file:
        connection.execute(f"SET allowed_paths = [{quoted(file)}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


class Engine:
    """Answers one statement, batch by batch."""

    def __init__(
        self, statement: Statement, kind: str, now: float, csv: CsvRecords | None = None, file: str = ""
    ) -> None:
        self.statement = statement
        self.kind = kind
        self.left = statement.limit
        """How many records may still be given."""
        self._csv = csv
        self._file = file
        self._plan: Plan | None = None
        self._gathering = False
        self._connection = connect(file)
        moment = datetime.fromtimestamp(now, UTC).replace(tzinfo=None)
        self._connection.execute(f"CREATE TEMP MACRO utcnow() AS TIMESTAMP '{moment.isoformat(' ')}'")

    @property
    def plan(self) -> Plan:
        """Made when the names of columns are known, which stand in the first batch."""
        if self._plan is None:
            source, statement = self.statement.source, self.statement
            if not statement.alias and source and isinstance(source[-1], str) and source[-1] != STAR:
                statement = statement._replace(alias=source[-1])
            self._plan = plan(statement, self._csv_field if self.kind == CSV else json_field)
        return self._plan

    @property
    def full(self) -> bool:
        return self.left == 0 and not self.plan.partials

    def _csv_field(self, path: list[Step]) -> Sql:
        assert self._csv is not None
        name = path[0] if path else ""
        if len(path) != 1 or not isinstance(name, str):
            raise wrong("InvalidKeyPath")
        if self._csv.names is not None and self._csv._header == "USE" and name in self._csv.names:
            return Sql(f"r[{self._csv.names.index(name) + 1}]", "text")
        if name[:1] == "_" and name[1:].isdigit():
            number = int(name[1:])
            width = max(self._csv.width, len(self._csv.names or ()))
            if number < 1 or (width and number > width):
                raise wrong("InvalidColumnIndex", f"There is no column {number}.")
            return Sql(f"r[{number}]", "text")
        raise wrong("MissingHeaders")

    def relation(self) -> str:
        """The records of a batch as rows of one column, `r`."""
        if self._file:
            rows = f"SELECT to_json(t) AS r FROM read_parquet({quoted(self._file)}, file_row_number = false) t"
            if self._groups is not None:
                rows = self._in_groups()
        elif self.kind == CSV:
            return """SELECT unnest(from_json(CAST($1 AS JSON), '[["VARCHAR"]]')) AS r"""
        else:
            rows = "SELECT unnest(json_extract(CAST($1 AS JSON), '$[*]')) AS r"
        steps = self.statement.source
        for step in steps[1:] if steps[:1] == (STAR,) else steps:
            if step == STAR:
                each = "CASE WHEN json_type(r) = 'ARRAY' THEN json_extract(r, '$[*]') ELSE [r] END"
                rows = f"SELECT unnest({each}) AS r FROM ({rows})"
            else:
                rows = f"SELECT {json_field([step]).text} AS r FROM ({rows})"
        return rows

    _groups: tuple[int, int] | None = None

    def only_groups(self, start: int, end: int) -> None:
        """Of a Parquet file: only row groups that begin within a range of bytes."""
        self._groups = (start, end)

    def _in_groups(self) -> str:
        assert self._groups is not None
        start, end = self._groups
        asked = (
            "SELECT row_group_id, any_value(row_group_num_rows), "
            "min(least(data_page_offset, coalesce(dictionary_page_offset, data_page_offset))) "
            f"FROM parquet_metadata({quoted(self._file)}) GROUP BY row_group_id ORDER BY row_group_id"
        )
        first, chosen = 0, ["FALSE"]
        for _, count, offset in self._connection.execute(asked).fetchall():
            if start <= offset <= end:
                chosen.append(f"file_row_number BETWEEN {first} AND {first + count - 1}")
            first += count
        inner = f"SELECT * FROM read_parquet({quoted(self._file)}, file_row_number = true) WHERE {' OR '.join(chosen)}"
        return f"SELECT to_json(t) AS r FROM (SELECT * EXCLUDE (file_row_number) FROM ({inner})) t"

    def query(self) -> str:
        where = f" WHERE {self.plan.where}" if self.plan.where else ""
        if self.plan.partials:
            wanted = ", ".join(f"{text} AS p{number}" for number, text in enumerate(self.plan.partials))
            return f"SELECT {wanted} FROM ({self.relation()}){where}"
        wanted = ", ".join(shown(column.sql) for column in self.plan.columns) or "r"
        limit = f" LIMIT {self.left}" if self.left is not None else ""
        return f"SELECT {wanted} FROM ({self.relation()}){where}{limit}"

    def run(self, batch: Batch | None) -> list[tuple[Any, ...]]:
        """The rows of a batch (of the file, if there is one); none while aggregates are gathered."""
        parameters = [] if batch is None else [batch.records]
        if self.plan.partials:
            into = "INSERT INTO gathered" if self._gathering else "CREATE TEMP TABLE gathered AS"
            self._execute(f"{into} {self.query()}", parameters)
            self._gathering = True
            return []
        rows = self._execute(self.query(), parameters)
        if self.left is not None:
            self.left -= len(rows)
        return rows

    def finish(self) -> list[tuple[Any, ...]]:
        """What the aggregates come to."""
        if not self.plan.partials or self.left == 0:
            return []
        if not self._gathering:
            self.run(Batch("[]", 0))
        wanted = ", ".join(shown(column.sql) for column in self.plan.columns)
        return self._execute(f"SELECT {wanted} FROM gathered", [])

    def _execute(self, query: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
        import duckdb

        try:
            rows: list[tuple[Any, ...]] = self._connection.execute(query, parameters).fetchall()
            return rows
        except duckdb.Error as error:
            raise told(error, self.kind, bool(self._file)) from None

    def close(self) -> None:
        self._connection.close()


def told(error: Exception, kind: str, file: bool) -> Fault:
    """DuckDB's error as S3 Select's."""
    words, name = str(error), type(error).__name__
    if "no whole number" in words or (name == "ConversionException" and "JSON" not in words):
        return wrong("CastFailed")
    if "Malformed JSON" in words or ("JSON" in words and name == "ConversionException"):
        return wrong("JSONParsingError")
    if name == "OutOfRangeException":
        return Fault("IntegerOverflow", "An integer overflow or underflow occurred in the SQL expression.", status=400)
    if file and name in ("InvalidInputException", "IOException", "NotImplementedException"):
        return wrong("ParquetParsingError")
    if name == "BinderException":
        return wrong("InvalidDataType", words.split("\n")[0].removeprefix("Binder Error: "))
    return wrong("ExternalEvalException")


def shown(value: Sql) -> str:
    return f"time_text({value.text})" if value.kind == "time" else value.text


def json_field(path: list[Step]) -> Sql:
    """The value at a path in the document `r`; no value at all (not JSON's null) where there is none."""
    if not path:
        return Sql("r", "json")
    steps = "".join(
        "[*]" if step == STAR else f"[{step}]" if isinstance(step, int) else f".{json.dumps(step)}" for step in path
    )
    found = f"json_extract(r, {quoted(f'${steps}')})"
    return Sql(f"to_json({found})" if STAR in path else found, "json")
