"""Metadata tables: what they are set up to tell of a bucket ("Discovering your data with S3 Metadata", S3 User Guide).

A configuration of version 2 has S3 make a journal, and if asked an inventory, in a table bucket of its own (`aws-s3`);
one of version 1 a journal in a table bucket of the customer's. `founding` makes the tables, as who configured them;
`journals` and `live_inventories` fill them.

Left out: annotation tables, whose columns are nowhere described.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Record, Unfinished

from . import faults, journals, s3, table_files, tables
from .buckets import Bucket, by_name

OLD_NAMESPACE = "aws_s3_metadata"
SHORTEST = 7
"""Days for which a journal's rows are kept at least."""
CREATE = "s3:CreateBucketMetadataTableConfiguration"
GET = "s3:GetBucketMetadataTableConfiguration"
DELETE = "s3:DeleteBucketMetadataTableConfiguration"
INTEGRITY = ("ContentMD5", "ChecksumAlgorithm")

Members = dict[str, Any]


class Setup(Record, scope="cloud", kw_only=True, omit_defaults=True):
    """The metadata configuration of a bucket, and what has become of its tables.

    Of each table `name`, `arn`, `status`, `error`, `encryption`, and `since` when it is asked for; of the one
    `expiration`, of the other `state`.
    """

    room: str
    name: str
    """The bucket's."""
    version: int
    destination: str
    """The ARN of the table bucket."""
    namespace: str
    journal: Members
    inventory: Members = {}


def absent() -> Exception:
    return faults.fault("MetadataConfigurationNotFound", "The metadata configuration was not found", 404)


def set_up(call: Call, bucket: Bucket) -> Setup:
    found = Setup.get(call, bucket.room)
    if found is None:
        raise absent()
    return found


def check_new(call: Call, bucket: Bucket) -> None:
    table_files.check_installed()
    if Setup.get(call, bucket.room) is not None:
        words = "A metadata configuration already exists on this bucket."
        raise faults.fault("MetadataConfigurationAlreadyExists", words, 409)


def check_expiration(given: Members) -> Members:
    if given["Expiration"] == "ENABLED" and given.get("Days", 0) < SHORTEST:
        raise faults.invalid_argument(f"Days must be at least {SHORTEST}.", "Days", given.get("Days"))
    if given["Expiration"] == "DISABLED" and "Days" in given:
        raise faults.invalid_argument("Days can only be specified if record expiration is enabled.", "Days")
    return given


def check_annotations(given: Members) -> None:
    if given.get("ConfigurationState") == "ENABLED":
        raise Unfinished("Pileus has no annotation tables yet.")


# Version 2


@s3.operation(on=by_name, action=CREATE, honours=INTEGRITY)
def create_bucket_metadata_configuration(call: Call, bucket: Bucket, metadata_configuration: Members) -> None:
    """Have a journal, and if asked an inventory, kept of what is in the bucket."""
    check_new(call, bucket)
    check_annotations(metadata_configuration.get("AnnotationTableConfiguration", {}))
    journal = metadata_configuration["JournalTableConfiguration"]
    inventory = metadata_configuration.get("InventoryTableConfiguration", {"ConfigurationState": "DISABLED"})
    setup = Setup(
        room=bucket.room,
        name=bucket.name,
        version=2,
        destination=f"arn:{call.partition}:s3tables:{bucket.region}:{bucket.owner}:bucket/{tables.MANAGED_NAME}",
        namespace=f"b_{bucket.name.replace('.', '_')}",
        journal={
            "name": "journal",
            "expiration": check_expiration(journal["RecordExpiration"]),
            "encryption": journal.get("EncryptionConfiguration", {}),
        },
        inventory={"state": "DISABLED"},
    )
    begin(call, bucket, setup)
    if inventory["ConfigurationState"] == "ENABLED":
        enable_inventory(call, bucket, setup, inventory)


def begin(call: Call, bucket: Bucket, setup: Setup) -> None:
    """Note all that happens from now on; the table for it is made by a task."""
    from .founding import found_table

    setup.journal |= {"status": "CREATING", "since": call.now}
    setup.put(call)
    bucket.journals = True
    bucket.put(call)
    at = call.at(account=bucket.owner, region=bucket.region)
    found_table.later(at, room=bucket.room, which="journal")


def enable_inventory(call: Call, bucket: Bucket, setup: Setup, given: Members) -> None:
    from .founding import found_table

    setup.inventory = {
        "state": "ENABLED",
        "name": "inventory",
        "status": "CREATING",
        "since": call.now,
        "encryption": given.get("EncryptionConfiguration", {}),
    }
    setup.put(call)
    at = call.at(account=bucket.owner, region=bucket.region)
    found_table.later(at, room=bucket.room, which="inventory")


@s3.operation(on=by_name, action=GET)
def get_bucket_metadata_configuration(call: Call, bucket: Bucket) -> Members:
    """The configuration, of either version, and how its tables are."""
    setup = set_up(call, bucket)
    destination = {
        "TableBucketType": "aws" if setup.version == 2 else "customer",
        "TableBucketArn": setup.destination,
        "TableNamespace": setup.namespace,
    }
    expiration = setup.journal.get("expiration", {"Expiration": "DISABLED"})
    told: Members = {
        "DestinationResult": destination,
        "JournalTableConfigurationResult": shown(setup.journal) | {"RecordExpiration": expiration},
    }
    if setup.version == 2:
        inventory = shown(setup.inventory) if setup.inventory["state"] == "ENABLED" else {}
        told["InventoryTableConfigurationResult"] = inventory | {"ConfigurationState": setup.inventory["state"]}
    return {"GetBucketMetadataConfigurationResult": {"MetadataConfigurationResult": told}}


def shown(table: Members) -> Members:
    """A table as responses have it."""
    told = {"TableStatus": table["status"], "TableName": table["name"]}
    told |= {"TableArn": table["arn"]} if "arn" in table else {}
    return told | ({"Error": table["error"]} if "error" in table else {})


@s3.operation(on=by_name, action=DELETE)
def delete_bucket_metadata_configuration(call: Call, bucket: Bucket) -> None:
    """Have nothing more told; the tables stay as they are."""
    setup = set_up(call, bucket)
    setup.delete(call)
    end(call, bucket)


def end(call: Call, bucket: Bucket) -> None:
    from . import live_inventories

    journals.forget(call, bucket.room)
    live_inventories.forget(call, bucket.room)
    if Bucket.get(call, bucket.partition, bucket.name) is not None:
        bucket.journals = False
        bucket.put(call)


@s3.operation(on=by_name, honours=INTEGRITY)
def update_bucket_metadata_journal_table_configuration(
    call: Call, bucket: Bucket, journal_table_configuration: Members
) -> None:
    """Say whether the journal's rows go after some days."""
    setup = of_second(set_up(call, bucket))
    setup.journal["expiration"] = check_expiration(journal_table_configuration["RecordExpiration"])
    setup.put(call)
    if "arn" in setup.journal:
        expire(call, setup.journal["arn"], setup.journal["expiration"])


def expire(call: Call, address: str, given: Members) -> None:
    """Have a journal's rows go after the days of a configuration."""
    table = tables.table_of(call, address)
    if table is not None:
        table.expiration = {"status": given["Expiration"].lower()}
        if "Days" in given:
            table.expiration["settings"] = {"days": given["Days"]}
        table.put(tables.beside(call, address))


@s3.operation(on=by_name, honours=INTEGRITY)
def update_bucket_metadata_inventory_table_configuration(
    call: Call, bucket: Bucket, inventory_table_configuration: Members
) -> None:
    """Begin or end to keep an inventory. An earlier one must be deleted before another one can be."""
    from . import live_inventories

    setup = of_second(set_up(call, bucket))
    if inventory_table_configuration["ConfigurationState"] == setup.inventory["state"]:
        return
    if setup.inventory["state"] == "ENABLED":
        setup.inventory = {"state": "DISABLED"}
        setup.put(call)
        live_inventories.forget(call, bucket.room)
    else:
        enable_inventory(call, bucket, setup, inventory_table_configuration)


def of_second(setup: Setup) -> Setup:
    if setup.version != 2:
        raise faults.not_allowed("PUT", "BUCKET")
    return setup


# Version 1


@s3.operation(on=by_name, honours=INTEGRITY)
def create_bucket_metadata_table_configuration(
    call: Call, bucket: Bucket, metadata_table_configuration: Members
) -> None:
    """Have a journal kept in a table bucket of one's own."""
    check_new(call, bucket)
    to = metadata_table_configuration["S3TablesDestination"]
    parts = to["TableBucketArn"].split(":")
    if len(parts) != 6 or parts[2] != "s3tables" or parts[3:5] != [bucket.region, bucket.owner]:
        words = "The destination table bucket must be in the same Region and AWS account as the bucket."
        raise faults.invalid_argument(words, "TableBucketArn", to["TableBucketArn"])
    setup = Setup(
        room=bucket.room,
        name=bucket.name,
        version=1,
        destination=to["TableBucketArn"],
        namespace=OLD_NAMESPACE,
        journal={"name": to["TableName"]},
    )
    begin(call, bucket, setup)


@s3.operation(on=by_name)
def get_bucket_metadata_table_configuration(call: Call, bucket: Bucket) -> Members:
    """The configuration of version 1, and how its table is."""
    setup = of_first(set_up(call, bucket), "GET")
    arn = setup.journal.get("arn", f"{setup.destination}/table/")
    told = {
        "TableBucketArn": setup.destination,
        "TableName": setup.journal["name"],
        "TableArn": arn,
        "TableNamespace": setup.namespace,
    }
    found: Members = {
        "MetadataTableConfigurationResult": {"S3TablesDestinationResult": told},
        "Status": setup.journal["status"],
    }
    found |= {"Error": setup.journal["error"]} if "error" in setup.journal else {}
    return {"GetBucketMetadataTableConfigurationResult": found}


@s3.operation(on=by_name)
def delete_bucket_metadata_table_configuration(call: Call, bucket: Bucket) -> None:
    """Have nothing more told; the table stays as it is."""
    of_first(set_up(call, bucket), "DELETE").delete(call)
    end(call, bucket)


def of_first(setup: Setup, method: str) -> Setup:
    if setup.version != 1:
        raise faults.not_allowed(method, "BUCKET")
    return setup


# What becomes of it


def failed(call: Call, room: str, which: str, code: str, words: str) -> None:
    """Note that one of the tables cannot be; a journal that cannot be ends the notes for it."""
    setup = Setup.get(call, room)
    bucket = Bucket.get(call, call.partition, setup.name) if setup else None
    if setup is None:
        return
    getattr(setup, which).update(status="FAILED", error={"ErrorCode": code, "ErrorMessage": words})
    setup.put(call)
    if which == "journal" and bucket is not None and bucket.room == room:
        end(call, bucket)
