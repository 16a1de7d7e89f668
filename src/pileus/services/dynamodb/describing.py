"""Describing tables, listing them, and what an account may have of them."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call

from . import dynamodb, vectors
from .groups import told_of
from .keys import END
from .tables import Index, Members, Table, under

MOST_LISTED = 100
COUNTED = 2000
"""So many items of a table or an index are counted; beyond, their number is estimated from how thick they lie."""
UNPROVISIONED = {"NumberOfDecreasesToday": 0, "ReadCapacityUnits": 0, "WriteCapacityUnits": 0}


@dynamodb.operation(on=Table.of)
def describe_table(call: Call, table: Table) -> dict[str, Any]:
    """Everything about a table; its size is exact while it is small, and estimated when it is not."""
    return {"Table": description(call, table)}


def description(call: Call, table: Table) -> Members:
    items, size = measured(call, under(call, "Item", table.box))
    told: Members = {
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": kind} for name, kind in table.attributes.items()
        ],
        "TableName": table.name,
        "KeySchema": table.keys,
        "TableStatus": table.status,
        "CreationDateTime": table.created,
        "ProvisionedThroughput": UNPROVISIONED | table.throughput_changes | table.throughput,
        "TableSizeBytes": size,
        "ItemCount": items,
        "TableArn": table.arn(call),
        "TableId": table.id,
        "DeletionProtectionEnabled": table.protected,
        "WarmThroughput": warm(table.warm, table.throughput, table.billing) | {"Status": "ACTIVE"},
    }
    if table.billed_since:
        told["BillingModeSummary"] = {
            "BillingMode": table.billing,
            "LastUpdateToPayPerRequestDateTime": table.billed_since,
        }
    elif table.billing == "PAY_PER_REQUEST":
        told["BillingModeSummary"] = {"BillingMode": table.billing}
    if table.vectors:
        told["VectorIndexes"] = vectors.described(call, table)
    return told | options(call, table) | described_indexes(call, table)


def options(call: Call, table: Table) -> Members:
    """What is told of a table only if it has been asked for."""
    told: Members = {}
    if table.label:
        told["LatestStreamLabel"] = table.label
        told["LatestStreamArn"] = call.arn(table.stream_arn_of, "dynamodb")
    if table.view:
        told["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": table.view}
    if table.encryption:
        told["SSEDescription"] = table.encryption
    if table.table_class:
        told["TableClassSummary"] = {"TableClass": table.table_class}
    if table.on_demand:
        told["OnDemandThroughput"] = table.on_demand
    if table.restored:
        told["RestoreSummary"] = table.restored
    if table.settings:
        told["GlobalTableSettingsReplicationMode"] = table.settings
    if table.group:
        told |= told_of(call, table)
    return told


def described_indexes(call: Call, table: Table) -> Members:
    told: Members = {}
    local = [described_index(call, table, index) for index in table.indexes if index.local]
    others = [described_index(call, table, index) for index in table.indexes if not index.local]
    if local:
        told["LocalSecondaryIndexes"] = local
    if others:
        told["GlobalSecondaryIndexes"] = others
    return told


def described_index(call: Call, table: Table, index: Index) -> Members:
    items, size = measured(call, under(call, "Entry", f"{table.box}.{index.box}"))
    told: Members = {
        "IndexName": index.name,
        "KeySchema": index.keys,
        "Projection": index.projection,
        "IndexSizeBytes": size,
        "ItemCount": items,
        "IndexArn": f"{table.arn(call)}/index/{index.name}",
    }
    if index.local:
        return told
    told["IndexStatus"] = "CREATING" if table.status == "CREATING" else index.status
    told["ProvisionedThroughput"] = UNPROVISIONED | index.throughput
    told["WarmThroughput"] = warm(index.warm, index.throughput, table.billing) | {"Status": "ACTIVE"}
    if index.backfilling:
        told["Backfilling"] = True
    if index.on_demand:
        told["OnDemandThroughput"] = index.on_demand
    return told


def warm(asked: dict[str, int], throughput: Members, billing: str) -> Members:
    """A new table can take 12,000 reads and 4,000 writes a second on demand, or what is provisioned."""
    if billing == "PAY_PER_REQUEST":
        return {"ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": 4_000} | asked
    reads, writes = throughput.get("ReadCapacityUnits", 0), throughput.get("WriteCapacityUnits", 0)
    return {"ReadUnitsPerSecond": reads, "WriteUnitsPerSecond": writes} | asked


def measured(call: Call, prefix: bytes) -> tuple[int, int]:
    """How many items there are under a prefix, and how large they are together."""
    items = size = 0
    last = b""
    for path, value in call.store.scan(prefix, prefix + END, limit=COUNTED):
        items += 1
        size += int.from_bytes(value[:4], "big")
        last = path
    if items < COUNTED:
        return items, size
    passed = int.from_bytes(last[len(prefix) : len(prefix) + 4], "big") + 1
    return items * (1 << 32) // passed, size * (1 << 32) // passed


@dynamodb.operation
def list_tables(call: Call, exclusive_start_table_name: str = "", limit: int = MOST_LISTED) -> dict[str, Any]:
    """Names of the account's tables in this Region."""
    above = (exclusive_start_table_name,) if exclusive_start_table_name else None
    found = [table.name for table in Table.scan(call, above=above, limit=limit + 1)]
    if len(found) > limit:
        return {"TableNames": found[:limit], "LastEvaluatedTableName": found[limit - 1]}
    return {"TableNames": found}


@dynamodb.operation
def describe_limits(call: Call) -> dict[str, Any]:
    """The account's quotas, which are those of a new account."""
    return {
        "AccountMaxReadCapacityUnits": 80_000,
        "AccountMaxWriteCapacityUnits": 80_000,
        "TableMaxReadCapacityUnits": 40_000,
        "TableMaxWriteCapacityUnits": 40_000,
    }


@dynamodb.operation(action="dynamodb:DescribeEndpoints")
def describe_endpoints(call: Call) -> dict[str, Any]:
    """The address by which the caller reached the cloud."""
    return {"Endpoints": [{"Address": call.endpoint.partition("://")[2], "CachePeriodInMinutes": 1440}]}
