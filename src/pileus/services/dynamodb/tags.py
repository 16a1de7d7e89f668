"""Tags of tables."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, paging, tags

from . import dynamodb, faults
from .creating import checked_tags
from .tables import Table

LISTED = 10


def tagged(call: Call, resource_arn: str) -> Table:
    """The table of an ARN."""
    parts = resource_arn.split(":", 5)
    if len(parts) != 6 or parts[2] != "dynamodb" or not parts[5].startswith("table/"):
        raise faults.invalid(f"Invalid TableArn: Invalid ResourceArn provided as input {resource_arn}")
    table = Table.get(call, parts[5].split("/")[1])
    if table is None or (parts[3], parts[4]) != (call.region, call.account):
        raise Fault("ResourceNotFoundException", f"Requested resource not found: ResourcArn: {resource_arn} not found")
    return table


@dynamodb.operation(on=tagged)
def tag_resource(call: Call, table: Table, tags: list[dict[str, str]]) -> None:
    """Add tags, or give new values to those that there are."""
    table.tags = table.tags | checked_tags(tags)
    check(table)
    table.put(call)


def check(table: Table) -> None:
    tags.check(table.tags)


@dynamodb.operation(on=tagged)
def untag_resource(call: Call, table: Table, tag_keys: list[str]) -> None:
    """Remove tags; those that the table does not have are no error."""
    table.tags = {key: value for key, value in table.tags.items() if key not in tag_keys}
    table.put(call)


@dynamodb.operation(on=tagged)
def list_tags_of_resource(call: Call, table: Table, next_token: str = "") -> dict[str, Any]:
    """The tags of a table, ten at a time."""
    start = paging.opened(call, next_token) if next_token else 0
    held = tags.as_list(table.tags)
    told: dict[str, Any] = {"Tags": held[start : start + LISTED]}
    return told | ({"NextToken": paging.sealed(call, start + LISTED)} if start + LISTED < len(held) else {})
