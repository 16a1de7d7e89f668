"""Lookup tables: what the command `lookup` of Logs Insights finds beside events. They are kept as the CSV they are."""

from __future__ import annotations

import csv
import io
from typing import Any

from pileus.kernel import Call, Fault, Record

from . import faults, logs
from .groups import check_key, check_tags
from .queries import UNFINISHED, Run

Members = dict[str, Any]

LARGEST = 10 * 1024 * 1024
MOST = 100
"""Tables of an account in a Region."""


class LookupTable(Record, arn="lookup-table:{name}", kw_only=True):
    """A table."""

    name: str
    body: str
    fields: list[str]
    count: int
    updated: float
    description: str = ""
    key: str = ""
    tags: dict[str, str] = {}

    @classmethod
    def by_arn(cls, call: Call, lookup_table_arn: str) -> LookupTable:
        found = cls.get(call, lookup_table_arn.rpartition(":")[2])
        if found is None:
            raise faults.missing("The specified lookup table does not exist.")
        return found

    def rows(self) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.body)))

    def fill(self, call: Call, body: str) -> None:
        """Have other content."""
        self.body, self.updated = body, call.now
        self.fields, self.count = checked(body)


def checked(body: str) -> tuple[list[str], int]:
    """The columns of a CSV document, and how many rows it has."""
    if len(body.encode()) > LARGEST:
        raise faults.limit(f"A lookup table has at most {LARGEST} bytes.")
    reader = csv.reader(io.StringIO(body))
    try:
        fields = next(reader, [])
        rows = [row for row in reader if row]
    except csv.Error as error:
        raise Fault("ValidationException", f"The table body is not valid CSV: {error}") from None
    if not fields or len(set(fields)) != len(fields) or not all(fields):
        raise Fault("ValidationException", "The first row of a lookup table must name its columns.")
    if any(len(row) != len(fields) for row in rows):
        raise Fault("ValidationException", "Each row of a lookup table must have a value for each column.")
    return fields, len(rows)


def content(call: Call, table_body: str, query_id: str) -> str:
    """The CSV that a request brings along, or that the results of a query make."""
    if bool(table_body) == bool(query_id):
        raise faults.invalid("Exactly one of tableBody and queryId must be specified.")
    if table_body:
        return table_body
    run = Run.found(call, query_id)
    if run.status in UNFINISHED or run.status == "Failed":
        raise faults.invalid("The specified query has no results yet.")
    return as_csv(run)


def as_csv(run: Run) -> str:
    """The results of a query, one column for each field that is in any of them."""
    rows = [{name: value for name, value in row if name != "@ptr"} for row in run.results]
    fields = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, fields, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


@logs.operation
def create_lookup_table(
    call: Call,
    lookup_table_name: str,
    description: str = "",
    table_body: str = "",
    query_id: str = "",
    kms_key_id: str = "",
    tags: dict[str, str] = {},
) -> Members:
    if LookupTable.get(call, lookup_table_name):
        raise faults.exists("The specified lookup table already exists.")
    if len(list(LookupTable.scan(call, limit=MOST))) == MOST:
        raise faults.limit()
    check_tags(tags)
    check_key(call, kms_key_id)
    table = LookupTable(
        name=lookup_table_name, body="", fields=[], count=0, updated=call.now, description=description, key=kms_key_id
    )
    table.tags = tags
    table.fill(call, content(call, table_body, query_id))
    return {"lookupTableArn": table.put(call).arn(call), "createdAt": int(call.now * 1000)}


@logs.operation(on=LookupTable.by_arn)
def get_lookup_table(call: Call, table: LookupTable) -> Members:
    """A table with all that is in it."""
    found = described(call, table) | {"tableBody": table.body}
    return {name: value for name, value in found.items() if name not in ("tableFields", "recordsCount")}


@logs.operation(on=LookupTable.by_arn)
def update_lookup_table(
    call: Call,
    table: LookupTable,
    description: str | None = None,
    table_body: str = "",
    query_id: str = "",
    kms_key_id: str | None = None,
) -> Members:
    """Replace what is in a table."""
    table.fill(call, content(call, table_body, query_id))
    if description is not None:
        table.description = description
    if kms_key_id is not None:
        check_key(call, kms_key_id)
        table.key = kms_key_id
    table.put(call)
    return {"lookupTableArn": table.arn(call), "lastUpdatedTime": int(table.updated * 1000)}


@logs.operation(on=LookupTable.by_arn)
def delete_lookup_table(call: Call, table: LookupTable) -> None:
    table.delete(call)


@logs.operation
def describe_lookup_tables(
    call: Call, lookup_table_name_prefix: str = "", max_results: int = 50, next_token: str = ""
) -> Members:
    prefix = lookup_table_name_prefix
    page = LookupTable.page(
        call, limit=max_results or 50, token=next_token, since=(prefix,), before=(prefix + "\U0010ffff",)
    )
    return {"lookupTables": [described(call, table) for table in page.items], "nextToken": page.token}


def described(call: Call, table: LookupTable) -> Members:
    return {
        "lookupTableArn": table.arn(call),
        "lookupTableName": table.name,
        "description": table.description or None,
        "tableFields": table.fields,
        "recordsCount": table.count,
        "sizeBytes": len(table.body.encode()),
        "lastUpdatedTime": int(table.updated * 1000),
        "kmsKeyId": table.key or None,
    }
