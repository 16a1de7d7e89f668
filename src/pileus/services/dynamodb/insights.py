"""Contributor insights of tables and indexes: whether they are on. The rules in CloudWatch are not made.

Developer Guide, "CloudWatch Contributor Insights for DynamoDB: how it works": four rules for a table with a sort key,
two for one without, of which half are about throttled keys.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, paging

from . import dynamodb, faults
from .keys import Keys
from .tables import Members, Table

MODE = "ACCESSED_AND_THROTTLED_KEYS"
MOST = 100


def keys_of(table: Table, index_name: str) -> Keys:
    if not index_name:
        return table.schema
    found = next((index for index in table.entries if index.name == index_name and not index.local), None)
    if found is None:
        raise Fault("ResourceNotFoundException", f"Requested resource not found: Index: {index_name} not found")
    return found


@dynamodb.operation(on=Table.of)
def update_contributor_insights(
    call: Call,
    table: Table,
    contributor_insights_action: str,
    index_name: str = "",
    contributor_insights_mode: str = "",
) -> dict[str, Any]:
    """Switch them on or off for a table or an index."""
    keys_of(table, index_name)
    held = table.insights.get(index_name, {})
    enable = contributor_insights_action == "ENABLE"
    mode = contributor_insights_mode or held.get("mode", MODE)
    if not enable and not held:
        raise faults.invalid("Contributor Insights is already disabled")
    table.insights = table.insights | {
        index_name: {"status": "ENABLING" if enable else "DISABLING", "mode": mode, "at": call.now}
    }
    table.put(call)
    settle_insights.later(call, name=table.name, box=table.box, index=index_name)
    return named(table, index_name) | {
        "ContributorInsightsStatus": "ENABLING" if enable else "DISABLING",
        "ContributorInsightsMode": mode,
    }


def named(table: Table, index_name: str) -> Members:
    return {"TableName": table.name} | ({"IndexName": index_name} if index_name else {})


@dynamodb.task
def settle_insights(call: Call, name: str, box: str, index: str) -> None:
    """They are on, or off."""
    table = Table.get(call, name)
    if table is None or table.box != box or index not in table.insights:
        return
    held = dict(table.insights[index])
    held["status"] = {"ENABLING": "ENABLED", "DISABLING": "DISABLED"}.get(held["status"], held["status"])
    table.insights = table.insights | {index: held}
    table.put(call)


@dynamodb.operation(on=Table.of)
def describe_contributor_insights(call: Call, table: Table, index_name: str = "") -> dict[str, Any]:
    """Whether they are on, and the names of the rules that AWS makes for them."""
    keys = keys_of(table, index_name)
    held = table.insights.get(index_name)
    told = named(table, index_name)
    if held is None:
        return told | {"ContributorInsightsStatus": "DISABLED"}
    told |= {
        "ContributorInsightsStatus": held["status"],
        "LastUpdateDateTime": held["at"],
        "ContributorInsightsMode": held["mode"],
    }
    if held["status"] in ("ENABLING", "ENABLED"):
        told["ContributorInsightsRuleList"] = rules(call, table, index_name, keys, held["mode"])
    return told


def rules(call: Call, table: Table, index_name: str, keys: Keys, mode: str) -> list[str]:
    whose = f"{table.name}{f'-{index_name}' if index_name else ''}"
    at = int(table.created * 1000)
    kinds = ["PKT"] if mode == "THROTTLED_KEYS" else ["PKC", "PKT"]
    if keys.ranges:
        kinds += ["SKT"] if mode == "THROTTLED_KEYS" else ["SKC", "SKT"]
    return [f"DynamoDBContributorInsights-{kind}-{whose}-{at}" for kind in kinds]


@dynamodb.operation
def list_contributor_insights(
    call: Call, table_name: str = "", next_token: str = "", max_results: int = MOST
) -> dict[str, Any]:
    """Tables and indexes for which they have been switched on."""
    tables = [Table.of(call, table_name)] if table_name else Table.scan(call)
    summaries = [
        named(table, index) | {"ContributorInsightsStatus": held["status"], "ContributorInsightsMode": held["mode"]}
        for table in tables
        for index, held in sorted(table.insights.items())
    ]
    start = paging.opened(call, next_token) if next_token else 0
    end = start + min(max_results or MOST, MOST)
    told: dict[str, Any] = {"ContributorInsightsSummaries": summaries[start:end]}
    return told | ({"NextToken": paging.sealed(call, end)} if end < len(summaries) else {})
