"""On-demand backups: full copies of tables, kept until they are deleted; and restoring from them or to a point in time.

The copy is the items as they were when the backup was asked for: it is made at once, in the same transaction.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record, names

from . import dynamodb
from .creating import check_name, check_throughput, encryption, global_index, indexes_of
from .keys import END
from .records import dump, load, reindex, size_of
from .recovery import as_of, earliest, found
from .tables import Index, Members, Table, description, measured, new_box, purge, under
from .values import Item, size

MOST_LISTED = 100


class Backup(Record, key=("table", "id"), arn="table/{table}/backup/{id}"):
    """A backup; its items lie in a box of their own."""

    table: str
    id: str
    name: str
    box: str
    created: float
    source: Table
    items: int
    size: int


def of_arn(call: Call, backup_arn: str) -> Backup:
    parts = backup_arn.split(":", 5)
    path = parts[5].split("/") if len(parts) == 6 else []
    backup = Backup.get(call, path[1], path[3]) if len(path) == 4 and path[2] == "backup" else None
    if backup is None or (parts[3], parts[4]) != (call.region, call.account):
        raise Fault("BackupNotFoundException", f"Backup not found: {backup_arn}")
    return backup


@dynamodb.operation(on=found)
def create_backup(call: Call, table: Table, backup_name: str) -> dict[str, Any]:
    """Copy a table as it is."""
    if table.status not in ("ACTIVE", "UPDATING"):
        raise Fault("TableInUseException", f"Table is being created or deleted: {table.name}")
    items, total = measured(call, table.prefix)
    backup = Backup(
        table=table.name,
        id=f"{int(call.now * 1000):014d}-{names.uuid4()[:8]}",
        name=backup_name,
        box=new_box(),
        created=call.now,
        source=table,
        items=items,
        size=total,
    ).put(call)
    target = under(call, "Backup", backup.box)
    for path, raw in call.store.scan(table.prefix, table.prefix + END):
        call.store.put(target + path[len(table.prefix) :], raw)
    return {"BackupDetails": details(call, backup) | {"BackupStatus": "CREATING"}}


def details(call: Call, backup: Backup) -> Members:
    return {
        "BackupArn": backup.arn(call),
        "BackupName": backup.name,
        "BackupSizeBytes": backup.size,
        "BackupStatus": "AVAILABLE",
        "BackupType": "USER",
        "BackupCreationDateTime": backup.created,
    }


def described(call: Call, backup: Backup) -> Members:
    table = backup.source
    features: Members = {}
    local = [index for index in table.indexes if index.local]
    others = [index for index in table.indexes if not index.local]
    if local:
        features["LocalSecondaryIndexes"] = [told(index) for index in local]
    if others:
        features["GlobalSecondaryIndexes"] = [
            told(index) | ({"ProvisionedThroughput": index.throughput} if index.throughput else {}) for index in others
        ]
    if table.view:
        features["StreamDescription"] = {"StreamEnabled": True, "StreamViewType": table.view}
    if table.ttl:
        features["TimeToLiveDescription"] = {"TimeToLiveStatus": table.ttl_status, "AttributeName": table.ttl}
    source = {
        "TableName": table.name,
        "TableId": table.id,
        "TableArn": table.arn(call),
        "TableSizeBytes": backup.size,
        "KeySchema": table.keys,
        "TableCreationDateTime": table.created,
        "ItemCount": backup.items,
        "BillingMode": table.billing,
    }
    if table.throughput:
        source["ProvisionedThroughput"] = table.throughput
    else:
        source["ProvisionedThroughput"] = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
    return {
        "BackupDetails": details(call, backup),
        "SourceTableDetails": source,
        "SourceTableFeatureDetails": features,
    }


def told(index: Index) -> Members:
    return {"IndexName": index.name, "KeySchema": index.keys, "Projection": index.projection}


@dynamodb.operation(on=of_arn)
def describe_backup(call: Call, backup: Backup) -> dict[str, Any]:
    """A backup, and the table as it was."""
    return {"BackupDescription": described(call, backup)}


@dynamodb.operation(on=of_arn)
def delete_backup(call: Call, backup: Backup) -> dict[str, Any]:
    """Delete a backup."""
    answer = described(call, backup)
    answer["BackupDetails"]["BackupStatus"] = "DELETED"
    backup.delete(call)
    purge.later(call, kind="Backup", box=backup.box)
    return {"BackupDescription": answer}


@dynamodb.operation
def list_backups(
    call: Call,
    table_name: str = "",
    limit: int = MOST_LISTED,
    time_range_lower_bound: float = 0.0,
    time_range_upper_bound: float = float("inf"),
    exclusive_start_backup_arn: str = "",
    backup_type: str = "ALL",
) -> dict[str, Any]:
    """Backups of a table, or of all; system backups and those of AWS Backup do not exist here."""
    from .tables import short

    name = short(table_name) if table_name else ""
    above = None
    if exclusive_start_backup_arn:
        after = of_arn(call, exclusive_start_backup_arn)
        above = (after.id,) if name else (after.table, after.id)
    several: list[Backup] = []
    if backup_type in ("ALL", "USER"):
        for backup in Backup.scan(call, *([name] if name else []), above=above):
            if time_range_lower_bound <= backup.created < time_range_upper_bound:
                several.append(backup)
            if len(several) > limit:
                break
    summaries = [summary(call, backup) for backup in several[:limit]]
    last = {"LastEvaluatedBackupArn": summaries[-1]["BackupArn"]} if len(several) > limit else {}
    return {"BackupSummaries": summaries} | last


def summary(call: Call, backup: Backup) -> Members:
    table = backup.source
    return details(call, backup) | {
        "TableName": table.name,
        "TableId": table.id,
        "TableArn": table.arn(call),
    }


# Restoring


def restored(
    call: Call,
    source: Table,
    name: str,
    billing: str,
    others: list[Members] | None,
    local: list[Members] | None,
    throughput: Members | None,
    on_demand: dict[str, int] | None,
    encrypted: Members | None,
) -> Table:
    """The table that a restore makes: without stream, expiry, tags and policies, as AWS leaves them to be set anew."""
    check_name(name)
    if Table.get(call, name):
        raise Fault("TableAlreadyExistsException", f"Table already exists: {name}")
    mode = billing or source.billing
    table = Table(
        name=name,
        id=names.uuid4(),
        account=call.account,
        region=call.region,
        box=new_box(),
        created=call.now,
        attributes=source.attributes,
        keys=source.keys,
        billing=mode,
        billed_since=call.now if mode == "PAY_PER_REQUEST" else 0.0,
        throughput=throughput or (source.throughput if mode == source.billing else {}),
        on_demand=source.on_demand if on_demand is None else on_demand,
        encryption=source.encryption if encrypted is None else encryption(call, encrypted),
        table_class=source.table_class,
    )
    check_throughput(mode, table.throughput or None, "")
    kept_local = [told(index) for index in source.indexes if index.local] if local is None else local
    table.indexes = indexes_of(table, kept_local or None, None)
    if others is None:
        inherited = [index for index in source.indexes if not index.local and index.status == "ACTIVE"]
        table.indexes += [
            Index(
                name=index.name,
                keys=index.keys,
                projection=index.projection,
                throughput=index.throughput if mode == source.billing else {},
                box=new_box(),
            )
            for index in inherited
        ]
    else:
        table.indexes += [global_index(table, given) for given in others]
    used = {part["AttributeName"] for keys in (table.keys, *(i.keys for i in table.indexes)) for part in keys}
    table.attributes = {name: kind for name, kind in table.attributes.items() if name in used}
    return table


def fill(call: Call, table: Table, prefix: bytes, then: dict[bytes, Item | None]) -> None:
    """Copy the items that lie under a prefix, but for those that were something else or nothing `then`."""

    def put(place: bytes, item: Item, total: int) -> None:
        call.store.put(table.prefix + place, dump(item, total))
        for index in table.entries:
            reindex(call, index, place, None, item)

    for path, raw in call.store.scan(prefix, prefix + END):
        place = path[len(prefix) :]
        if place not in then:
            put(place, load(raw), size_of(raw))
    for place, item in then.items():
        if item is not None:
            put(place, item, size(item))


@dynamodb.operation(on=of_arn)
def restore_table_from_backup(
    call: Call,
    backup: Backup,
    target_table_name: str,
    billing_mode_override: str = "",
    global_secondary_index_override: list[Members] | None = None,
    local_secondary_index_override: list[Members] | None = None,
    provisioned_throughput_override: Members | None = None,
    on_demand_throughput_override: dict[str, int] | None = None,
    sse_specification_override: Members | None = None,
) -> dict[str, Any]:
    """Make a new table of a backup."""
    table = restored(
        call,
        backup.source,
        target_table_name,
        billing_mode_override,
        global_secondary_index_override,
        local_secondary_index_override,
        provisioned_throughput_override,
        on_demand_throughput_override,
        sse_specification_override,
    )
    table.restored = {
        "SourceBackupArn": backup.arn(call),
        "SourceTableArn": backup.source.arn(call),
        "RestoreDateTime": backup.created,
        "RestoreInProgress": False,
    }
    return filled(call, table, under(call, "Backup", backup.box), {})


def filled(call: Call, table: Table, prefix: bytes, then: dict[bytes, Item | None]) -> dict[str, Any]:
    from .creating import activate

    fill(call, table, prefix, then)
    table.put(call)
    activate.later(call, name=table.name)
    answer = description(call, table)
    return {"TableDescription": answer | {"RestoreSummary": table.restored | {"RestoreInProgress": True}}}


@dynamodb.operation
def restore_table_to_point_in_time(
    call: Call,
    target_table_name: str,
    source_table_arn: str = "",
    source_table_name: str = "",
    use_latest_restorable_time: bool = False,
    restore_date_time: float | None = None,
    billing_mode_override: str = "",
    global_secondary_index_override: list[Members] | None = None,
    local_secondary_index_override: list[Members] | None = None,
    provisioned_throughput_override: Members | None = None,
    on_demand_throughput_override: dict[str, int] | None = None,
    sse_specification_override: Members | None = None,
) -> dict[str, Any]:
    """Make a new table of another as it was at some second of the last days."""
    source = found(call, source_table_name or source_table_arn)
    if not source.recovery_since:
        raise Fault(
            "PointInTimeRecoveryUnavailableException",
            f"Point in time recovery is not enabled for table '{source.name}'",
        )
    at = call.now if use_latest_restorable_time or restore_date_time is None else restore_date_time
    if not int(earliest(call, source)) <= int(at) <= int(call.now):
        raise Fault(
            "InvalidRestoreTimeException",
            "RestoreDateTime must be between EarliestRestorableDateTime and LatestRestorableDateTime",
        )
    table = restored(
        call,
        source,
        target_table_name,
        billing_mode_override,
        global_secondary_index_override,
        local_secondary_index_override,
        provisioned_throughput_override,
        on_demand_throughput_override,
        sse_specification_override,
    )
    table.restored = {"SourceTableArn": source.arn(call), "RestoreDateTime": at, "RestoreInProgress": False}
    return filled(call, table, source.prefix, as_of(call, source, at))
