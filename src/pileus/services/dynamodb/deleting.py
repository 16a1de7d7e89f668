"""Deleting tables."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call

from . import dynamodb, faults
from .backups import keep
from .describing import description
from .destinations import Outbox
from .groups import leave
from .replication import Shipping
from .streams import closed
from .tables import Table, purge
from .throttling import Bucket
from .ttl import Sweep


@dynamodb.operation(on=Table.of)
def delete_table(call: Call, table: Table) -> dict[str, Any]:
    """Delete a table and what is in it."""
    if table.status in ("CREATING", "UPDATING", "DELETING"):
        doing = {"CREATING": "created", "UPDATING": "updated", "DELETING": "deleted"}[table.status]
        raise faults.in_use(f"Attempt to change a resource which is still in use: Table is being {doing}: {table.name}")
    if table.protected:
        raise faults.invalid(
            "Resource cannot be deleted as it is currently protected against deletion. "
            "Disable deletion protection first."
        )
    told = description(call, table)
    keep(call, table)
    table.status = "DELETING"
    table.put(call)
    vanish.later(call, name=table.name)
    kept = ("TableName", "ProvisionedThroughput", "TableSizeBytes", "ItemCount", "TableArn", "TableId")
    return {"TableDescription": {name: told[name] for name in kept} | {"TableStatus": "DELETING"}}


@dynamodb.task
def vanish(call: Call, name: str) -> None:
    """The table is gone: its name is free, and what was in it is purged."""
    if table := Table.get(call, name):
        if table.holders:
            vanish.later(call, name=name, delay=0.1)
            return
        if table.view:
            closed(call, table)
        peers = table.peers
        if table.group:
            leave(call, table)
        table.delete(call)
        for kind in (Outbox, Shipping, Bucket, Sweep):
            kind.delete_all(call, table.box)
        for index in table.indexes:
            Bucket.delete_all(call, f"{table.box}.{index.box}")
        boxes = [("Item", table.box), *(("Entry", f"{table.box}.{index.box}") for index in table.indexes)]
        boxes += [("Vector", f"{table.box}.{one['box']}") for one in table.vectors]
        boxes += [(kind, table.box) for kind in ("Expiry", "Change", "Stamp", "Telling")]
        for name_of_kind, box in boxes + [("Outgoing", f"{table.box}.{peer}") for peer in peers]:
            purge.later(call, kind=name_of_kind, box=box)
