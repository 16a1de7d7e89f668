"""Restoring: new tables made of backups, or of what a table was at some second of the last days.

The table is filled in the background, some items at a time, and can be used when that is done.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, names

from . import dynamodb, vectors
from .backups import AT_ONCE, Backup, check_available, of_arn, told
from .creating import activate, check_name, check_throughput, encryption, global_index, indexes_of
from .describing import description
from .records import load, reindex
from .recovery import earliest, found
from .snapshots import Snapshot, hold, release
from .tables import Index, Members, Table, new_box, under


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
    searched: list[Members] | None,
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
        vectors=vectors.chosen(source.vectors, searched),
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
    searched_by = {part["AttributeName"] for one in table.vectors for part in one["schema"]}
    used = {part["AttributeName"] for keys in (table.keys, *(i.keys for i in table.indexes)) for part in keys}
    table.attributes = {name: kind for name, kind in table.attributes.items() if name in used | searched_by}
    return table


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
    vector_index_override: list[Members] | None = None,
) -> dict[str, Any]:
    """Make a new table of a backup."""
    check_available(backup, call)
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
        vector_index_override,
    )
    table.restored = {
        "SourceBackupArn": backup.arn(call),
        "SourceTableArn": backup.source.arn(call),
        "RestoreDateTime": backup.created,
        "RestoreInProgress": False,
    }
    return begun(call, table, under(call, "Copied", backup.box), under(call, "Unchanged", backup.box), call.now)


def begun(call: Call, table: Table, prefix: bytes, changes: bytes, at: float, source: str = "") -> dict[str, Any]:
    """Let a table be filled with what was under a prefix at a time."""
    table.filling = True
    table.put(call)
    fill.later(call, name=table.name, box=table.box, prefix=prefix, changes=changes, at=at, held=source, start=b"")
    answer = description(call, table)
    return {"TableDescription": answer | {"RestoreSummary": table.restored | {"RestoreInProgress": True}}}


@dynamodb.task
def fill(call: Call, name: str, box: str, prefix: bytes, changes: bytes, at: float, held: str, start: bytes) -> None:
    """Put some items into a table that is restored; with the last of them it is there to be used."""
    table = Table.get(call, name)
    if table is None or table.box != box:
        return
    rows, onward = Snapshot(prefix, changes, at).read(call, start, AT_ONCE)
    for place, raw in rows:
        call.store.put(table.prefix + place, raw)
        item = load(raw) if table.indexes or table.vectors else {}
        for index in table.entries:
            reindex(call, index, place, None, item, raw)
        if table.vectors:
            vectors.reindex(call, table, place, None, item)
    if onward is not None:
        fill.later(call, name=name, box=box, prefix=prefix, changes=changes, at=at, held=held, start=onward)
        return
    table.filling = False
    table.put(call)
    if held:
        release(call, *held.split("/"))
    activate.later(call, name=name)


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
    vector_index_override: list[Members] | None = None,
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
        vector_index_override,
    )
    table.restored = {"SourceTableArn": source.arn(call), "RestoreDateTime": at, "RestoreInProgress": False}
    hold(call, source)
    source.put(call)
    held = f"{source.name}/{source.box}"
    return begun(call, table, source.prefix, under(call, "Change", source.box), at, held)
