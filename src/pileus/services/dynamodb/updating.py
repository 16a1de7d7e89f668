"""Changing tables: throughput, streams, classes, protection, and secondary indexes that come and go."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault

from . import accounts, dynamodb, faults, vectors
from .creating import (
    MOST_GLOBAL,
    activate,
    attributes_of,
    check_definitions,
    check_projected,
    check_throughput,
    encryption,
    global_index,
    limit_exceeded,
    stream,
)
from .describing import description
from .groups import NEW_VERSION, peers
from .keys import END
from .records import load, reindex
from .replicas import update_replicas
from .tables import Index, Members, Table, purge

AT_ONCE = 500


@dynamodb.operation(on=Table.of)
def update_table(
    call: Call,
    table: Table,
    attribute_definitions: list[Members] | None = None,
    billing_mode: str = "",
    provisioned_throughput: Members | None = None,
    global_secondary_index_updates: list[Members] | None = None,
    stream_specification: Members = {},
    sse_specification: Members | None = None,
    replica_updates: list[Members] | None = None,
    table_class: str = "",
    deletion_protection_enabled: bool | None = None,
    multi_region_consistency: str = "",
    global_table_witness_updates: list[Members] | None = None,
    on_demand_throughput: dict[str, int] | None = None,
    warm_throughput: dict[str, int] | None = None,
    disassociation_protection_enabled: bool | None = None,
    vector_index_updates: list[Members] | None = None,
    global_table_settings_replication_mode: str = "",
) -> dict[str, Any]:
    """Change a table, which goes on working meanwhile; a new index is filled in the background."""
    if table.status != "ACTIVE":
        doing = {"CREATING": "created", "UPDATING": "updated", "DELETING": "deleted"}[table.status]
        raise faults.in_use(f"Attempt to change a resource which is still in use: Table is being {doing}: {table.name}")
    given = [
        billing_mode or None,
        provisioned_throughput,
        global_secondary_index_updates,
        stream_specification or None,
        sse_specification,
        replica_updates,
        global_table_witness_updates,
        disassociation_protection_enabled,
        vector_index_updates,
        table_class or None,
        deletion_protection_enabled,
        on_demand_throughput,
        warm_throughput,
        global_table_settings_replication_mode or None,
    ]
    if all(one is None for one in given):
        raise faults.invalid(
            "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates or "
            "SSESpecification or ReplicaUpdates is required"
        )
    if attribute_definitions is not None:
        table.attributes = table.attributes | attributes_of(attribute_definitions)
    bill(call, table, billing_mode, provisioned_throughput, global_secondary_index_updates or [])
    stream(call, table, stream_specification)
    if sse_specification is not None:
        table.encryption = encryption(call, sse_specification)
    table.table_class = table_class or table.table_class
    if deletion_protection_enabled is not None:
        table.protected = deletion_protection_enabled
    table.on_demand = table.on_demand if on_demand_throughput is None else on_demand_throughput
    table.warm = table.warm if warm_throughput is None else warm_throughput
    for change in global_secondary_index_updates or ():
        update_index(call, table, change)
    if vector_index_updates:
        vectors.update(call, table, vector_index_updates)
    if global_table_settings_replication_mode:
        accounts.choose(table, global_table_settings_replication_mode)
    if disassociation_protection_enabled is not None:
        table.disassociation_protected = disassociation_protection_enabled
    settled(call, table)
    if table.group == NEW_VERSION:
        for there, peer in peers(call, table):
            follow(
                there,
                peer,
                attribute_definitions,
                billing_mode,
                provisioned_throughput,
                global_secondary_index_updates or [],
            )
    if replica_updates or global_table_witness_updates or multi_region_consistency:
        update_replicas(
            call, table, replica_updates or [], global_table_witness_updates or [], multi_region_consistency
        )
    table.put(call)
    return {"TableDescription": description(call, table)}


def settled(call: Call, table: Table) -> None:
    """Check what a table has become; it is active again once its indexes have come and gone."""
    forget_definitions(table)
    check_definitions(table)
    table.status = "UPDATING"
    if not any(index.status in ("CREATING", "DELETING") for index in table.indexes):
        activate.later(call, name=table.name)


def follow(
    call: Call,
    table: Table,
    definitions: list[Members] | None,
    mode: str,
    throughput: Members | None,
    changes: list[Members],
) -> None:
    """Change a replica as its peer was changed: the billing, the write capacity and the indexes are the same in all."""
    if not (definitions or mode or throughput or changes):
        return
    if table.status != "ACTIVE":
        raise faults.in_use(
            f"Attempt to change a resource which is still in use: Replica is not active: {table.region}"
        )
    if definitions is not None:
        table.attributes = table.attributes | attributes_of(definitions)
    if throughput and table.throughput:
        throughput = throughput | {"ReadCapacityUnits": table.throughput["ReadCapacityUnits"]}
    bill(call, table, mode, throughput if throughput != table.throughput else None, changes)
    for change in changes:
        update_index(call, table, change)
    settled(call, table)
    table.put(call)


def bill(call: Call, table: Table, mode: str, throughput: Members | None, changes: list[Members]) -> None:
    """Change how a table is paid for and what it can take."""
    before = table.billing
    table.billing = mode or before
    if throughput or mode:
        check_throughput(
            table.billing, throughput or (table.throughput if mode == before == "PROVISIONED" else None), ""
        )
    if mode == "PAY_PER_REQUEST" and before != mode:
        table.billed_since = call.now
        table.throughput = {}
        for index in table.indexes:
            index.throughput = {}
    if throughput:
        check_changed(table.throughput, throughput, "table", before == table.billing)
        note_change(call, table, throughput)
        table.throughput = throughput
    if mode == "PROVISIONED" and before != mode:
        given = {change["Update"]["IndexName"]: change["Update"] for change in changes if "Update" in change}
        for index in table.indexes:
            if not index.local:
                check_throughput(mode, given.get(index.name, {}).get("ProvisionedThroughput"), index.name)


def check_changed(now: Members, wanted: Members, what: str, provisioned: bool) -> None:
    if provisioned and now == wanted:
        reads, writes = wanted["ReadCapacityUnits"], wanted["WriteCapacityUnits"]
        raise faults.invalid(
            f"The provisioned throughput for the {what} will not change. The requested value equals the current value. "
            f"Current ReadCapacityUnits provisioned for the {what}: {reads}. Requested ReadCapacityUnits: {reads}. "
            f"Current WriteCapacityUnits provisioned for the {what}: {writes}. Requested WriteCapacityUnits: {writes}. "
            "Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits."
        )


def note_change(call: Call, table: Table, wanted: Members) -> None:
    told = dict(table.throughput_changes)
    for unit in ("ReadCapacityUnits", "WriteCapacityUnits"):
        if wanted[unit] > table.throughput.get(unit, 0):
            told["LastIncreaseDateTime"] = call.now
        elif wanted[unit] < table.throughput.get(unit, 0):
            told["LastDecreaseDateTime"] = call.now
    table.throughput_changes = told


# Indexes


def update_index(call: Call, table: Table, change: Members) -> None:
    if len(change) != 1:
        raise faults.bad_parameter("One of GlobalSecondaryIndexUpdate Create, Update or Delete must be specified")
    ((kind, asked),) = change.items()
    name = asked["IndexName"]
    index = next((index for index in table.indexes if index.name == name), None)
    if kind == "Create":
        if index:
            raise faults.invalid(f"Attempting to create an index which already exists: {name}")
        create_index(call, table, asked)
        return
    if index is None or index.local:
        raise Fault("ResourceNotFoundException", f"Requested resource not found: Index: {name} not found")
    if kind == "Delete":
        check_alone(table)
        index.status = "DELETING"
        drop.later(call, name=table.name, box=table.box, index=index.box)
        return
    if throughput := asked.get("ProvisionedThroughput"):
        check_throughput(table.billing, throughput, name)
        check_changed(index.throughput, throughput, "index", provisioned=True)
        index.throughput = throughput
    index.on_demand = asked.get("OnDemandThroughput", index.on_demand)
    index.warm = asked.get("WarmThroughput", index.warm)


def check_alone(table: Table) -> None:
    if any(index.status in ("CREATING", "DELETING") for index in table.indexes):
        raise limit_exceeded(
            "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table"
        )


def create_index(call: Call, table: Table, asked: Members) -> None:
    check_alone(table)
    if sum(not index.local for index in table.indexes) >= MOST_GLOBAL:
        raise limit_exceeded(
            f"Subscriber limit exceeded: Number of GlobalSecondaryIndexes exceeds per-table limit of {MOST_GLOBAL}"
        )
    index = global_index(table, asked)
    index.status, index.backfilling = "CREATING", True
    table.indexes = [*table.indexes, index]
    check_projected(table.indexes)
    backfill.later(call, name=table.name, box=table.box, index=index.box, after=b"")


def forget_definitions(table: Table) -> None:
    """Definitions that nothing uses any more go with the last index that did."""
    used = {part["AttributeName"] for keys in (table.keys, *(i.keys for i in table.indexes)) for part in keys}
    used |= {part["AttributeName"] for one in table.vectors for part in one["schema"]}
    table.attributes = {name: kind for name, kind in table.attributes.items() if name in used}


def found(call: Call, name: str, box: str, index: str) -> tuple[Table, Index] | None:
    table = Table.get(call, name)
    if table is None or table.box != box:
        return None
    one = next((one for one in table.indexes if one.box == index), None)
    return (table, one) if one else None


@dynamodb.task
def backfill(call: Call, name: str, box: str, index: str, after: bytes) -> None:
    """Put the items that there are into a new index, some at a time; those that come meanwhile put themselves there.

    Items that have something of another type at the index's key are left out (Developer Guide, "Adding a Global
    Secondary Index to an existing table").
    """
    here = found(call, name, box, index)
    if here is None:
        return
    table, new = here
    entries = next(one for one in table.entries if one.index is new)
    rows = list(call.store.scan(table.prefix + after, table.prefix + END, limit=AT_ONCE))
    for path, raw in rows:
        item = load(raw)
        if all(kind in item.get(key, {}) and item[key][kind] != "" for key, kind in entries.types.items()):
            reindex(call, entries, path[len(table.prefix) :], None, item, raw)
    if len(rows) == AT_ONCE:
        onward = rows[-1][0][len(table.prefix) :] + b"\0"
        backfill.later(call, name=name, box=box, index=index, after=onward)
        return
    new.status, new.backfilling = "ACTIVE", False
    table.status = "ACTIVE"
    table.put(call)


@dynamodb.task
def drop(call: Call, name: str, box: str, index: str) -> None:
    """Remove an index."""
    here = found(call, name, box, index)
    if here is None:
        return
    table, old = here
    table.indexes = [one for one in table.indexes if one is not old]
    forget_definitions(table)
    table.status = "ACTIVE"
    table.put(call)
    purge.later(call, kind="Entry", box=f"{box}.{index}")
