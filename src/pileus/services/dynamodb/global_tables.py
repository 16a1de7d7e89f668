"""Global tables of version 2017.11.29: tables that were made one by one, and then put together.

Developer Guide, "Global tables version 2017.11.29 (Legacy)".
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, regions

from . import autoscaling, dynamodb, faults
from .describing import measured
from .groups import Group, described, settle, tables
from .replication import OLD_VERSION
from .tables import Members, Table

MOST_LISTED = 100


def found(call: Call, global_table_name: str) -> Group:
    group = Group.get(call, global_table_name)
    if group is None or group.version != OLD_VERSION:
        raise Fault("GlobalTableNotFoundException", f"Global table not found: {global_table_name}")
    return group


@dynamodb.operation
def create_global_table(call: Call, global_table_name: str, replication_group: list[dict[str, str]]) -> dict[str, Any]:
    """Put tables of one name in several Regions together, which must be alike and empty."""
    if Group.get(call, global_table_name):
        raise Fault(
            "GlobalTableAlreadyExistsException", f"Global table with name: '{global_table_name}' already exists"
        )
    group = Group(name=global_table_name, version=OLD_VERSION, created=call.now, members={})
    for replica in replication_group:
        add(call, group, replica.get("RegionName", ""))
    settle(call, group)
    return {"GlobalTableDescription": description(call, group) | {"GlobalTableStatus": "CREATING"}}


def add(call: Call, group: Group, region: str) -> None:
    if not regions.is_region(region):
        raise faults.bad_parameter(f"Invalid region name: {region}")
    if region in group.members:
        raise Fault("ReplicaAlreadyExistsException", f"Replica already exists in region: {region}")
    there = call.at(region=region)
    table = Table.get(there, group.name)
    if table is None or table.status != "ACTIVE":
        raise Fault("TableNotFoundException", f"Table not found: {group.name} in region: {region}")
    if table.view != "NEW_AND_OLD_IMAGES":
        raise faults.invalid(f"Table {group.name} must have a stream of NEW_AND_OLD_IMAGES in region: {region}")
    if table.group or measured(there, table.prefix)[0]:
        raise faults.invalid(f"Table {group.name} must be empty and of no other global table in region: {region}")
    for _, other in tables(call, group):
        if (other.keys, other.attributes) != (table.keys, table.attributes):
            raise faults.invalid(f"Table {group.name} must have the same key schema in all regions")
        check_alike(other, table)
    group.members[region] = {"status": "ACTIVE"}
    table.group = OLD_VERSION
    table.put(there)


def check_alike(one: Table, other: Table) -> None:
    """The same global secondary indexes, and the same write capacity."""
    shapes = [
        sorted((index.name, index.keys, index.projection) for index in table.indexes if not index.local)
        for table in (one, other)
    ]
    if shapes[0] != shapes[1]:
        raise faults.invalid(f"Table {one.name} must have the same global secondary indexes in all regions")
    if one.throughput.get("WriteCapacityUnits") != other.throughput.get("WriteCapacityUnits"):
        raise faults.invalid(f"Table {one.name} must have the same write capacity in all regions")


def description(call: Call, group: Group) -> Members:
    return {
        "ReplicationGroup": [described(call, group, region) for region in group.members],
        "GlobalTableArn": f"arn:{call.partition}:dynamodb::{call.account}:global-table/{group.name}",
        "CreationDateTime": group.created,
        "GlobalTableStatus": group.status,
        "GlobalTableName": group.name,
    }


@dynamodb.operation(on=found)
def describe_global_table(call: Call, group: Group) -> dict[str, Any]:
    """A global table and its Regions."""
    return {"GlobalTableDescription": description(call, group)}


@dynamodb.operation
def list_global_tables(
    call: Call, exclusive_start_global_table_name: str = "", limit: int = MOST_LISTED, region_name: str = ""
) -> dict[str, Any]:
    """The account's global tables of this version, or those among them that have a replica in a Region."""
    above = (exclusive_start_global_table_name,) if exclusive_start_global_table_name else None
    several = [
        group
        for group in Group.scan(call, above=above)
        if group.version == OLD_VERSION and (not region_name or region_name in group.members)
    ]
    told: dict[str, Any] = {
        "GlobalTables": [
            {
                "GlobalTableName": group.name,
                "ReplicationGroup": [{"RegionName": region} for region in group.members],
            }
            for group in several[:limit]
        ]
    }
    return told | ({"LastEvaluatedGlobalTableName": several[limit - 1].name} if len(several) > limit else {})


@dynamodb.operation(on=found)
def update_global_table(call: Call, group: Group, replica_updates: list[Members]) -> dict[str, Any]:
    """Add tables, or let some go, which stay what they are."""
    for update in replica_updates:
        if create := update.get("Create"):
            add(call, group, create["RegionName"])
        if delete := update.get("Delete"):
            remove(call, group, delete["RegionName"])
    settle(call, group)
    return {"GlobalTableDescription": description(call, group) | {"GlobalTableStatus": "UPDATING"}}


def remove(call: Call, group: Group, region: str) -> None:
    if group.members.pop(region, None) is None:
        raise Fault("ReplicaNotFoundException", f"Replica not found in region: {region}")
    there = call.at(region=region)
    if table := Table.get(there, group.name):
        table.group, table.peers = "", []
        table.put(there)


# Settings


@dynamodb.operation(on=found)
def describe_global_table_settings(call: Call, group: Group) -> dict[str, Any]:
    """What the replicas can take."""
    return {"GlobalTableName": group.name, "ReplicaSettings": [settings(*one) for one in tables(call, group)]}


def settings(call: Call, table: Table) -> Members:
    told: Members = {
        "RegionName": table.region,
        "ReplicaStatus": table.status,
        "ReplicaBillingModeSummary": {"BillingMode": table.billing}
        | ({"LastUpdateToPayPerRequestDateTime": table.billed_since} if table.billed_since else {}),
        "ReplicaProvisionedReadCapacityUnits": table.throughput.get("ReadCapacityUnits", 0),
        "ReplicaProvisionedWriteCapacityUnits": table.throughput.get("WriteCapacityUnits", 0),
    }
    told |= autoscaling.described(call, f"table/{table.name}", "table", "Replica")
    if table.table_class:
        told["ReplicaTableClassSummary"] = {"TableClass": table.table_class}
    indexes = [index for index in table.indexes if not index.local]
    if indexes:
        told["ReplicaGlobalSecondaryIndexSettings"] = [
            {"IndexName": index.name, "IndexStatus": index.status}
            | {
                f"Provisioned{unit}": index.throughput[unit]
                for unit in ("ReadCapacityUnits", "WriteCapacityUnits")
                if index.throughput
            }
            | autoscaling.described(call, f"table/{table.name}/index/{index.name}", "index", "")
            for index in indexes
        ]
    return told


@dynamodb.operation(on=found)
def update_global_table_settings(
    call: Call,
    group: Group,
    global_table_billing_mode: str = "",
    global_table_provisioned_write_capacity_units: int = 0,
    global_table_provisioned_write_capacity_auto_scaling_settings_update: Members | None = None,
    global_table_global_secondary_index_settings_update: list[Members] = [],
    replica_settings_update: list[Members] = [],
) -> dict[str, Any]:
    """Change what all replicas can take, or single ones; auto scaling is set where it belongs, with its own service."""
    here = list(tables(call, group))
    for there, table in here:
        if global_table_billing_mode and global_table_billing_mode != table.billing:
            rebill(there, table, global_table_billing_mode)
        if global_table_provisioned_write_capacity_units:
            provision(table, "WriteCapacityUnits", global_table_provisioned_write_capacity_units)
        if update := global_table_provisioned_write_capacity_auto_scaling_settings_update:
            autoscaling.change(there, f"table/{table.name}", "table:WriteCapacityUnits", update)
        for given in global_table_global_secondary_index_settings_update:
            update_index(there, table, given, "Write")
        table.put(there)
    for given in replica_settings_update:
        at = next(((there, table) for there, table in here if table.region == given["RegionName"]), None)
        if at is None:
            raise Fault("ReplicaNotFoundException", f"Replica not found in region: {given['RegionName']}")
        update_replica(*at, given)
    return {"GlobalTableName": group.name, "ReplicaSettings": [settings(*one) for one in here]}


def rebill(call: Call, table: Table, mode: str) -> None:
    table.billing = mode
    if mode == "PAY_PER_REQUEST":
        table.billed_since, table.throughput = call.now, {}
    else:
        table.throughput = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}
    for index in table.indexes:
        if not index.local:
            index.throughput = dict(table.throughput)


def provision(what: Any, unit: str, units: int) -> None:
    """Set the capacity of a table or an index."""
    if not what.throughput:
        raise faults.bad_parameter(f"{unit} cannot be specified when BillingMode is PAY_PER_REQUEST")
    what.throughput = what.throughput | {unit: units}


def update_replica(call: Call, table: Table, given: Members) -> None:
    if units := given.get("ReplicaProvisionedReadCapacityUnits"):
        provision(table, "ReadCapacityUnits", units)
    if update := given.get("ReplicaProvisionedReadCapacityAutoScalingSettingsUpdate"):
        autoscaling.change(call, f"table/{table.name}", "table:ReadCapacityUnits", update)
    table.table_class = given.get("ReplicaTableClass", table.table_class)
    for index in given.get("ReplicaGlobalSecondaryIndexSettingsUpdate", ()):
        update_index(call, table, index, "Read")
    table.put(call)


def update_index(call: Call, table: Table, given: Members, kind: str) -> None:
    name = given["IndexName"]
    index = next((index for index in table.indexes if index.name == name and not index.local), None)
    if index is None:
        raise Fault("IndexNotFoundException", f"Index not found: {name}")
    if units := given.get(f"Provisioned{kind}CapacityUnits"):
        provision(index, f"{kind}CapacityUnits", units)
    if update := given.get(f"Provisioned{kind}CapacityAutoScalingSettingsUpdate"):
        autoscaling.change(call, f"table/{table.name}/index/{name}", f"index:{kind}CapacityUnits", update)
