"""Metrics of tables ("DynamoDB Metrics and dimensions"): what was consumed, and what requests returned.

Left out: latencies, errors and throttles, and those of streams, replicas and backups.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call
from pileus.kernel.meters import Dimensions

from . import dynamodb
from .capacity import Units
from .tables import Table

NAMESPACE = "AWS/DynamoDB"
CONSUMED = {"Read": "ConsumedReadCapacityUnits", "Write": "ConsumedWriteCapacityUnits"}


def consumed(call: Call, table: Table, kind: str, own: float, others: Units) -> None:
    """Capacity was consumed; `kind` is Read or Write."""
    metric, place = CONSUMED[kind], (("TableName", table.name),)
    if others:
        for index in table.indexes:
            units = others.get(index.name, 0.0)
            if index.local:
                own += units
            elif units:
                dimensions: Dimensions = (*place, ("GlobalSecondaryIndexName", index.name))
                call.cloud.meters.tally(call.account, call.region, NAMESPACE, dimensions).add(metric, units)
    if own:
        call.cloud.meters.tally(call.account, call.region, NAMESPACE, place).add(metric, own)


@dynamodb.meter("Query", "Scan")
def returned(call: Call, request: dict[str, Any], result: dict[str, Any]) -> None:
    name = request["TableName"].rpartition("/")[2]
    place = (("Operation", call.operation), ("TableName", name))
    call.cloud.meters.tally(call.account, call.region, NAMESPACE, place).add("ReturnedItemCount", result["Count"])
