"""Replication: which tables have read-only copies in other table buckets, and how far those are."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call
from pileus.kernel.access.enforcement import authorize
from pileus.kernel.access.target import Target
from pileus.services.s3 import table_replicating
from pileus.services.s3.table_replicating import Link
from pileus.services.s3.tables import REPLICATION, Table, TableBucket, new_token

from . import faults, s3tables
from .buckets import by_arn, check_own
from .tables import by_table_arn, check_writable

Members = dict[str, Any]


def checked(call: Call, held: Members, token: str, given: Members, own: str) -> Members:
    """A new configuration in place of the one that is held, if the caller knows that one and may pass the role."""
    check_token(held, token)
    targets = [each["destinationTableBucketARN"] for rule in given["rules"] for each in rule["destinations"]]
    if own in targets:
        raise faults.bad("The source and the destination table bucket cannot be the same.")
    if len(targets) != len(set(targets)):
        raise faults.bad("The destinations of a replication configuration must be unique.")
    keys = {"iam:passedtoservice": (REPLICATION,)}
    authorize(call, "iam:PassRole", Target(given["role"], given["role"].split(":")[4], keys=keys))
    return {"configuration": given, "token": new_token()}


def check_token(held: Members, token: str) -> None:
    if token and token != held.get("token"):
        raise faults.conflict("The version token provided is not that of the replication configuration.")


def shown(held: Members) -> Members:
    if not held:
        raise faults.missing("replication configuration")
    return {"versionToken": held["token"], "configuration": held["configuration"]}


# Of a table bucket


@s3tables.operation(on=by_arn)
def put_table_bucket_replication(
    call: Call, bucket: TableBucket, configuration: Members, version_token: str = ""
) -> Members:
    """Have all tables of a bucket replicated that have no configuration of their own."""
    check_own(call, bucket)
    bucket.replication = checked(call, bucket.replication, version_token, configuration, bucket.address)
    bucket.put(call)
    table_replicating.replicate_all.later(call, address=bucket.address)
    return {"versionToken": bucket.replication["token"], "status": "SUCCESS"}


@s3tables.operation(on=by_arn)
def get_table_bucket_replication(call: Call, bucket: TableBucket) -> Members:
    return shown(bucket.replication)


@s3tables.operation(on=by_arn)
def delete_table_bucket_replication(call: Call, bucket: TableBucket, version_token: str = "") -> None:
    """Replicate nothing more; replicas stay as they are."""
    shown(bucket.replication)
    check_token(bucket.replication, version_token)
    bucket.replication = {}
    bucket.put(call)


# Of a table


@s3tables.operation(on=by_table_arn)
def put_table_replication(call: Call, table: Table, configuration: Members, version_token: str = "") -> Members:
    """Have a table replicated, whatever its bucket says."""
    check_writable(table)
    own = table.address.partition("/table/")[0]
    table.replication = checked(call, table.replication, version_token, configuration, own)
    table.put(call)
    if table.location:
        table_replicating.soon(call, table)
    return {"versionToken": table.replication["token"], "status": "SUCCESS"}


@s3tables.operation(on=by_table_arn)
def get_table_replication(call: Call, table: Table) -> Members:
    return shown(table.replication)


@s3tables.operation(on=by_table_arn)
def delete_table_replication(call: Call, table: Table, version_token: str) -> None:
    """Replicate a table no more, unless its bucket says so; replicas stay as they are."""
    shown(table.replication)
    check_token(table.replication, version_token)
    table.replication = {}
    table.put(call)


@s3tables.operation(on=by_table_arn)
def get_table_replication_status(call: Call, table: Table) -> Members:
    """How far the replicas of a table are."""
    found = table_replicating.configuration(call, table)
    if not found:
        raise faults.missing("replication configuration")
    told = [status(call, table, target) for target in table_replicating.destinations(found)]
    return {"sourceTableArn": table.address, "destinations": told}


def status(call: Call, table: Table, target: str) -> Members:
    link = Link.get(call, table.address, target) or Link(table.address, target)
    last = {"metadataLocation": link.location, "timestamp": link.arrived} if link.location else None
    return {
        "replicationStatus": link.status,
        "destinationTableBucketArn": target,
        "destinationTableArn": link.replica or None,
        "lastSuccessfulReplicatedUpdate": last,
        "failureMessage": link.message or None,
    }
