"""Metadata tables in the making: a task makes them, as whoever configured them, and notes how that went."""

from __future__ import annotations

import json
from typing import Any

from pileus.kernel import Call, Fault

from . import journals, live_inventories, s3, tables, upkeep
from .buckets import Bucket
from .metadata_tables import Setup, expire, failed
from .tables import METADATA, Table

ACTIONS = ["GetTable", "GetTableData", "PutTableData", "GetTableMetadataLocation", "UpdateTableMetadataLocation"]
KEPT = 24
"""Hours for which a snapshot stays: there is one every few minutes."""

Members = dict[str, Any]


@s3.task
async def found_table(call: Call, room: str, which: str) -> None:
    """Make the `journal` or the `inventory` of a bucket, and begin to fill it."""
    setup = Setup.get(call, room)
    wanted: Members = getattr(setup, which) if setup else {}
    if setup is None or wanted.get("status") != "CREATING":
        return
    try:
        if which == "inventory" and setup.journal["status"] == "FAILED":
            words = "The journal table that the inventory table relies on has a FAILED status."
            raise Fault("JournalTableNotAvailable", words)
        with call.transaction():
            place(call, setup)
        address = await made(call, setup, which, wanted)
    except Fault as fault:
        with call.transaction():
            failed(call, room, which, code_of(fault, setup, which), fault.message)
        return
    with call.transaction():
        settle(call, room, which, address)


def place(call: Call, setup: Setup) -> None:
    """Make the table bucket and the namespace, unless they are there."""
    s3tables = call.aws("s3tables")
    if setup.version == 2:
        unless_there(s3tables.create_table_bucket, name=setup.destination.rpartition("/")[2])
    unless_there(s3tables.create_namespace, table_bucket_arn=setup.destination, namespace=[setup.namespace])


def unless_there(create: Any, **members: Any) -> None:
    try:
        create(**members)
    except Fault as fault:
        if fault.code != "ConflictException":
            raise


async def made(call: Call, setup: Setup, which: str, wanted: Members) -> str:
    """The ARN of the table, which is new, or was made by an earlier try."""
    s3tables = call.aws("s3tables")
    schema = (journals if which == "journal" else live_inventories).SCHEMA
    encryption = {"SseAlgorithm": "sseAlgorithm", "KmsKeyArn": "kmsKeyArn"}
    named = {"table_bucket_arn": setup.destination, "namespace": setup.namespace, "name": wanted["name"]}
    given = {encryption[name]: value for name, value in wanted.get("encryption", {}).items()}
    try:
        told = await s3tables.create_table(
            **named,
            format="ICEBERG",
            metadata={"iceberg": {"schemaV2": schema}},
            encryption_configuration=given or None,
        )
    except Fault as fault:
        own = own_table(call, setup, wanted) if fault.code == "ConflictException" else None
        if own is None:
            raise
        return own.address
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": METADATA},
                "Action": [f"s3tables:{action}" for action in ACTIONS],
                "Resource": told["tableARN"],
                "Condition": {"StringEquals": {"aws:SourceAccount": call.account}},
            }
        ],
    }
    s3tables.put_table_policy(**named, resource_policy=json.dumps(policy))
    address: str = told["tableARN"]
    return address


def own_table(call: Call, setup: Setup, wanted: Members) -> Table | None:
    """The table, if it was made for this configuration."""
    bucket = tables.bucket_of(call, setup.destination)
    found = Table.get(call, bucket.id, setup.namespace, wanted["name"]) if bucket else None
    return found if found and found.manager == METADATA and found.created >= wanted["since"] else None


def code_of(fault: Fault, setup: Setup, which: str) -> str:
    """What kind of failure it is ("ErrorDetails", API Reference)."""
    if fault.status == 403 or "AccessDenied" in fault.code or fault.code == "ForbiddenException":
        return "AccessDeniedCreatingResources"
    if fault.code == "ConflictException":
        return "TableAlreadyExists" if setup.version == 1 else f"{which.capitalize()}TableAlreadyExists"
    if fault.code == "NotFoundException":
        return "TableBucketNotFound"
    return fault.code if fault.code == "JournalTableNotAvailable" else "ServerInternalError"


def settle(call: Call, room: str, which: str, address: str) -> None:
    """The table is there: fill it."""
    setup = Setup.get(call, room)
    bucket = Bucket.get(call, call.partition, setup.name) if setup else None
    if setup is None or bucket is None or bucket.room != room:
        return
    table = tables.table_of(call, address)
    if table is not None:
        table.maintenance = {upkeep.SNAPSHOTS: {"settings": {upkeep.SNAPSHOTS: {"maxSnapshotAgeHours": KEPT}}}}
        if which == "inventory":
            table.maintenance[upkeep.COMPACTION] = {"status": "disabled"}  # its files are in order, and stay so
        table.put(tables.beside(call, address))
    at = journals.itself(call, bucket)
    getattr(setup, which)["arn"] = address
    if which == "journal":
        setup.journal["status"] = "ACTIVE"
        if setup.journal.get("expiration"):
            expire(call, address, setup.journal["expiration"])
        journals.plan(call, bucket)
    else:
        setup.inventory["status"] = "BACKFILLING"
        live_inventories.backfill_inventory.later(at, room=room)
    setup.put(call)
