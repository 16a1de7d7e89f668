"""Policies of table buckets and of tables."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call
from pileus.kernel.access import grammar
from pileus.services.s3.tables import Table, TableBucket

from . import faults, s3tables
from .buckets import by_arn
from .tables import by_name

WANTED = {"Effect", "Principal", "Action", "Resource"}


def checked(text: str) -> str:
    """A policy, if it looks like one."""
    try:
        found = grammar.parsed(text)
        for each in grammar.statements(found):
            grammar.check_shape(each, "resource")
            grammar.check_principal(each, "resource")
    except grammar.Malformed:
        raise faults.bad("The specified resource policy is not valid.") from None
    for each in grammar.statements(found):
        if not {name.removeprefix("Not") for name in each} >= WANTED:
            raise faults.bad("The specified resource policy is not valid.")
        for action in several(each.get("Action") or each.get("NotAction")):
            if action != "*" and not action.lower().startswith("s3tables:"):
                raise faults.bad("The specified resource policy has an action that is not valid.")
    return text


def several(given: Any) -> list[Any]:
    return given if isinstance(given, list) else [given]


@s3tables.operation(on=by_arn)
def put_table_bucket_policy(call: Call, bucket: TableBucket, resource_policy: str) -> None:
    """Set the policy of a table bucket, which holds for its tables too."""
    bucket.policy = checked(resource_policy)
    bucket.put(call)


@s3tables.operation(on=by_arn)
def get_table_bucket_policy(call: Call, bucket: TableBucket) -> dict[str, Any]:
    if not bucket.policy:
        raise faults.missing("table bucket policy")
    return {"resourcePolicy": bucket.policy}


@s3tables.operation(on=by_arn)
def delete_table_bucket_policy(call: Call, bucket: TableBucket) -> None:
    bucket.policy = ""
    bucket.put(call)


@s3tables.operation(on=by_name)
def put_table_policy(call: Call, table: Table, resource_policy: str) -> None:
    """Set the policy of a table."""
    table.policy = checked(resource_policy)
    table.put(call)


@s3tables.operation(on=by_name)
def get_table_policy(call: Call, table: Table) -> dict[str, Any]:
    if not table.policy:
        raise faults.missing("table policy")
    return {"resourcePolicy": table.policy}


@s3tables.operation(on=by_name)
def delete_table_policy(call: Call, table: Table) -> None:
    table.policy = ""
    table.put(call)
