"""How a table's snapshots, files and records go, and how small files are put together: what is set about it, and how it
went ("Maintenance for tables" and "Maintenance for table buckets", S3 User Guide). `services/s3/upkeep` does it.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault
from pileus.kernel.access.enforcement import authorize
from pileus.services.s3.table_replicating import about
from pileus.services.s3.tables import LENS, METADATA, Table, TableBucket, home
from pileus.services.s3.upkeep import COMPACTION, EXPIRATION, REMOVAL, SNAPSHOTS, configured

from . import faults, s3tables
from .buckets import by_arn, check_own
from .tables import by_name, by_table_arn

SIZES = range(64, 513)
"""What files may be put together to, in MB."""

Members = dict[str, Any]


def changed(held: Members, kind: str, value: Members) -> Members:
    """What is held with a new configuration of one kind."""
    given = value.get("settings", {})
    if given and kind not in given:
        raise faults.bad(f"The settings are not those of {kind}.")
    before = held.get(kind, {})
    merged = before.get("settings", {}).get(kind, {}) | given.get(kind, {})
    if kind == COMPACTION and merged.get("targetFileSizeMB", 512) not in SIZES:
        raise faults.bad("targetFileSizeMB must be between 64 and 512.")
    status = value.get("status", before.get("status", "enabled"))
    return held | {kind: {"status": status, "settings": {kind: merged}}}


@s3tables.operation(on=by_arn)
def get_table_bucket_maintenance_configuration(call: Call, bucket: TableBucket) -> Members:
    return {"tableBucketARN": bucket.address, "configuration": {REMOVAL: configured(bucket.removal, REMOVAL)}}


@s3tables.operation(on=by_arn)
def put_table_bucket_maintenance_configuration(
    call: Call,
    bucket: TableBucket,
    type: str,  # noqa: A002
    value: Members,
) -> None:
    """Say after how many days files that no table refers to are removed."""
    check_own(call, bucket)
    bucket.removal = changed(bucket.removal, type, value)
    bucket.put(call)


@s3tables.operation(on=by_name)
def get_table_maintenance_configuration(call: Call, table: Table) -> Members:
    told = {kind: configured(table.maintenance, kind) for kind in (COMPACTION, SNAPSHOTS)}
    return {"tableARN": table.address, "configuration": told}


@s3tables.operation(on=by_name)
def put_table_maintenance_configuration(
    call: Call,
    table: Table,
    type: str,  # noqa: A002
    value: Members,
) -> None:
    """Say how small files are put together, or how long snapshots are kept."""
    if value.get("settings", {}).get(COMPACTION, {}).get("strategy") in ("sort", "z-order"):
        authorize(call, "s3tables:GetTableData", about(call, table))
    table.maintenance = changed(table.maintenance, type, value)
    table.put(call)


@s3tables.operation(on=by_name)
def get_table_maintenance_job_status(call: Call, table: Table) -> Members:
    """How each kind of maintenance went the last time."""
    bucket = home(call, table)
    told = {}
    for kind in (COMPACTION, SNAPSHOTS, REMOVAL):
        held = bucket.removal if kind == REMOVAL else table.maintenance
        off = configured(held, kind)["status"] == "disabled"
        told[kind] = {"status": "Disabled"} if off else table.jobs.get(kind, {"status": "Not_Yet_Run"})
    return {"tableARN": table.address, "status": told}


# Records that expire


def expiring(call: Call, table_arn: str) -> Table:
    """A table whose records may expire: one that S3 itself writes."""
    found = by_table_arn(call, table_arn)
    if found.manager not in (METADATA, LENS):
        words = "Record expiration is only supported for tables that are managed by AWS."
        raise Fault("MethodNotAllowedException", words)
    return found


@s3tables.operation(on=expiring)
def put_table_record_expiration_configuration(call: Call, table: Table, value: Members) -> None:
    """Say after how many days records are removed."""
    if value.get("status") == "enabled" and "days" not in value.get("settings", {}):
        raise faults.bad("The number of days must be specified.")
    table.expiration = value
    table.put(call)


@s3tables.operation(on=expiring)
def get_table_record_expiration_configuration(call: Call, table: Table) -> Members:
    return {"configuration": table.expiration or {"status": "disabled"}}


@s3tables.operation(on=expiring)
def get_table_record_expiration_job_status(call: Call, table: Table) -> Members:
    """How the removal of records went the last time."""
    if table.expiration.get("status") != "enabled":
        return {"status": "Disabled"}
    found: Members = table.jobs.get(EXPIRATION, {"status": "NotYetRun"})
    return found
