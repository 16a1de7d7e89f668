"""On-demand backups: full copies of tables, kept until they are deleted.

The copy is the items as they were when the backup was asked for; it is made in the background, some items at a time.
Of a table with point-in-time recovery DynamoDB makes one itself when the table is deleted, and keeps it for 35 days.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pileus.kernel import Call, Fault, Record, names

from . import dynamodb, vectors
from .records import size_of
from .recovery import DAY, found
from .snapshots import hold, release, snapshot
from .tables import Index, Members, Table, below, new_box, purge, under

AT_ONCE = 1000
MOST_LISTED = 100
KEPT_FOR = 35 * DAY
"""How long there is a system backup (Developer Guide, "Point-in-time recovery", deleting a table)."""


class Backup(Record, key=("table", "id"), arn="table/{table}/backup/{id}"):
    """A backup; its items lie in a box of their own."""

    table: str
    id: str
    name: str
    box: str
    created: float
    source: Table
    items: int = 0
    size: int = 0
    status: str = "CREATING"
    kind: str = "USER"
    expires: float = 0.0


def of_arn(call: Call, backup_arn: str) -> Backup:
    named = below(backup_arn, "backup")
    backup = Backup.get(call, *named) if named else None
    if backup is None or tuple(backup_arn.split(":", 5)[3:5]) != (call.region, call.account):
        raise Fault("BackupNotFoundException", f"Backup not found: {backup_arn}")
    return backup


@dynamodb.operation(on=found)
def create_backup(call: Call, table: Table, backup_name: str) -> dict[str, Any]:
    """Copy a table as it is."""
    if table.status not in ("ACTIVE", "UPDATING"):
        raise Fault("TableInUseException", f"Table is being created or deleted: {table.name}")
    backup = begun(call, table, backup_name, "USER")
    table.put(call)
    return {"BackupDetails": details(call, backup)}


def begun(call: Call, table: Table, name: str, kind: str, expires: float = 0.0) -> Backup:
    """A backup that is made in the background of a table, which the caller stores."""
    hold(call, table)
    backup = Backup(
        table=table.name,
        id=f"{int(call.now * 1000):014d}-{names.uuid4()[:8]}",
        name=name,
        box=new_box(),
        created=call.now,
        source=msgspec.structs.replace(table),
        kind=kind,
        expires=expires,
    )
    copy_items.later(call, table=backup.table, number=backup.id, start=b"")
    return backup.put(call)


def keep(call: Call, table: Table) -> None:
    """Make the system backup of a table that is deleted, if it has point-in-time recovery."""
    if table.recovery_since:
        name = f"{table.name}$DeletedTableBackup"
        backup = begun(call, table, name, "SYSTEM", expires=call.now + KEPT_FOR)
        expire.later(call, table=backup.table, number=backup.id, delay=KEPT_FOR)


@dynamodb.task
def expire(call: Call, table: str, number: str) -> None:
    """The time of a system backup is over."""
    if backup := Backup.get(call, table, number):
        remove(call, backup)


def remove(call: Call, backup: Backup) -> None:
    backup.delete(call)
    purge.later(call, kind="Copied", box=backup.box)


@dynamodb.task
def copy_items(call: Call, table: str, number: str, start: bytes) -> None:
    """Copy some items into a backup, which is available once it has all."""
    backup = Backup.get(call, table, number)
    if backup is None:
        return
    target = under(call, "Copied", backup.box)
    rows, onward = snapshot(call, backup.source, backup.created).read(call, start, AT_ONCE)
    for place, raw in rows:
        call.store.put(target + place, raw)
        backup.size += size_of(raw)
    backup.items += len(rows)
    if onward is None:
        backup.status = "AVAILABLE"
        release(call, table, backup.source.box)
    else:
        copy_items.later(call, table=table, number=number, start=onward)
    backup.put(call)


def check_available(backup: Backup, call: Call) -> None:
    if backup.status != "AVAILABLE":
        raise Fault("BackupInUseException", f"Backup is being created: {backup.arn(call)}")


def details(call: Call, backup: Backup) -> Members:
    return {
        "BackupArn": backup.arn(call),
        "BackupName": backup.name,
        "BackupSizeBytes": backup.size,
        "BackupStatus": backup.status,
        "BackupType": backup.kind,
        "BackupCreationDateTime": backup.created,
        "BackupExpiryDateTime": backup.expires or None,
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
    if table.vectors:
        features["VectorIndexes"] = [vectors.definition(index) for index in vectors.held(table)]
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
    check_available(backup, call)
    answer = described(call, backup)
    answer["BackupDetails"]["BackupStatus"] = "DELETED"
    remove(call, backup)
    return {"BackupDescription": answer}


@dynamodb.operation
def list_backups(
    call: Call,
    table_name: str = "",
    limit: int = MOST_LISTED,
    time_range_lower_bound: float = 0.0,
    time_range_upper_bound: float = float("inf"),
    exclusive_start_backup_arn: str = "",
    backup_type: str = "USER",
) -> dict[str, Any]:
    """Backups of a table, or of all; those of AWS Backup do not exist here."""
    from .tables import short

    name = short(table_name) if table_name else ""
    above = None
    if exclusive_start_backup_arn:
        after = of_arn(call, exclusive_start_backup_arn)
        above = (after.id,) if name else (after.table, after.id)
    several: list[Backup] = []
    for backup in Backup.scan(call, *([name] if name else []), above=above):
        if backup_type in ("ALL", backup.kind) and time_range_lower_bound <= backup.created < time_range_upper_bound:
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
