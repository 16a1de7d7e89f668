"""Table buckets: create, find, list, delete; how what is in them is encrypted and stored."""

from __future__ import annotations

import re
from typing import Any

from pileus.kernel import Call, Fault, names, tags
from pileus.services.s3.tables import MANAGED, MANAGED_NAME, Namespace, TableBucket, beside

from . import faults, s3tables

MOST = 10
"""Of an account in a Region ("Amazon S3 Tables quotas and limits", S3 User Guide); managed ones do not count."""
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_RESERVED = ("xn--", "sthree-", "amzn-s3-demo", "aws")
_ENDINGS = ("-s3alias", "--ol-s3", "--x-s3", "--table-s3")
AS_USUAL = {"sseAlgorithm": "AES256"}


def by_arn(call: Call, table_bucket_arn: str) -> TableBucket:
    """The table bucket of an ARN."""
    region = table_bucket_arn.split(":")[3]
    found = TableBucket.get(beside(call, table_bucket_arn), table_bucket_arn.rpartition("/")[2])
    if found is None or region != call.region:
        raise faults.missing("table bucket")
    return found


def check_own(call: Call, bucket: TableBucket) -> None:
    """Refuse changes in a table bucket of S3's own, unless it is S3 that makes them for its caller."""
    if bucket.type == MANAGED and "s3.amazonaws.com" not in call.called_via:
        raise faults.forbidden(faults.READ_ONLY)


def check_name(call: Call, name: str) -> str:
    """The type of a table bucket of that name; only S3 makes the one that holds its metadata tables."""
    if name == MANAGED_NAME and "s3.amazonaws.com" in call.called_via:
        return MANAGED
    if not _NAME.fullmatch(name) or name.startswith(_RESERVED) or name.endswith(_ENDINGS):
        raise faults.bad("The specified bucket name is not valid.")
    return "customer"


def checked(call: Call, encryption: dict[str, str]) -> dict[str, str]:
    """How something is to be encrypted, if its key is one that the caller knows."""
    if encryption.get("sseAlgorithm") != "aws:kms":
        if "kmsKeyArn" in encryption:
            raise faults.bad("A KMS key can only be specified with the SSE algorithm aws:kms.")
        return encryption
    if "kmsKeyArn" not in encryption:
        raise faults.bad("A KMS key ARN is required with the SSE algorithm aws:kms.")
    try:
        call.aws("kms").describe_key(key_id=encryption["kmsKeyArn"])
    except Fault as fault:
        raise faults.bad(f"The KMS key cannot be used: {fault.message}") from None
    return encryption


def tagged(given: dict[str, str]) -> dict[str, str]:
    tags.check(given, code="BadRequestException")
    return given


@s3tables.operation
def create_table_bucket(
    call: Call,
    name: str,
    encryption_configuration: dict[str, str] = {},
    storage_class_configuration: dict[str, str] = {},
    tags: dict[str, str] = {},
) -> dict[str, Any]:
    """Create a table bucket."""
    kind = check_name(call, name)
    if TableBucket.get(call, name) is not None:
        raise faults.conflict("The bucket that you tried to create already exists, and you own it.")
    held = sum(1 for each in TableBucket.scan(call) if each.type != MANAGED)
    if kind != MANAGED and held >= MOST:
        raise faults.bad("You have attempted to create more table buckets than allowed.")
    made = TableBucket(
        name=name,
        id=names.uuid4(),
        address=call.arn(f"bucket/{name}"),
        account=call.account,
        created=call.now,
        type=kind,
        encryption=checked(call, encryption_configuration),
        storage_class=storage_class_configuration.get("storageClass", "STANDARD"),
        tags=tagged(tags),
    ).put(call)
    return {"arn": made.address}


def shown(bucket: TableBucket) -> dict[str, Any]:
    return {
        "arn": bucket.address,
        "name": bucket.name,
        "ownerAccountId": bucket.account,
        "createdAt": bucket.created,
        "tableBucketId": bucket.id,
        "type": bucket.type,
    }


@s3tables.operation(on=by_arn)
def get_table_bucket(call: Call, bucket: TableBucket) -> dict[str, Any]:
    return shown(bucket)


@s3tables.operation
def list_table_buckets(
    call: Call,
    prefix: str = "",
    continuation_token: str = "",
    max_buckets: int = 1000,
    type: str = "",  # noqa: A002
) -> dict[str, Any]:
    """A page of the account's table buckets in the Region."""
    page = TableBucket.page(
        call,
        limit=max_buckets,
        token=continuation_token,
        invalid=faults.TOKEN,
        where=lambda bucket: not type or bucket.type == type,
        **beginning(prefix),
    )
    return {"tableBuckets": [shown(each) for each in page.items], "continuationToken": page.token}


def beginning(prefix: str) -> dict[str, Any]:
    """The bounds of a scan for names with a prefix."""
    return {"since": (prefix,), "before": (f"{prefix}\U0010ffff",)} if prefix else {}


@s3tables.operation(on=by_arn)
def delete_table_bucket(call: Call, bucket: TableBucket) -> None:
    """Delete an empty table bucket."""
    if Namespace.first(call, bucket.id) is not None:
        raise faults.conflict("The bucket that you tried to delete is not empty.")
    bucket.delete(call)


# Encryption and storage class


@s3tables.operation(on=by_arn)
def get_table_bucket_encryption(call: Call, bucket: TableBucket) -> dict[str, Any]:
    """How new tables are encrypted, if something was set: else they are as everything in S3 is."""
    if not bucket.encryption:
        raise faults.missing("table bucket encryption configuration")
    return {"encryptionConfiguration": bucket.encryption}


@s3tables.operation(on=by_arn)
def put_table_bucket_encryption(call: Call, bucket: TableBucket, encryption_configuration: dict[str, str]) -> None:
    """Say how new tables are encrypted."""
    check_own(call, bucket)
    bucket.encryption = checked(call, encryption_configuration)
    bucket.put(call)


@s3tables.operation(on=by_arn)
def delete_table_bucket_encryption(call: Call, bucket: TableBucket) -> None:
    check_own(call, bucket)
    bucket.encryption = {}
    bucket.put(call)


@s3tables.operation(on=by_arn)
def get_table_bucket_storage_class(call: Call, bucket: TableBucket) -> dict[str, Any]:
    return {"storageClassConfiguration": {"storageClass": bucket.storage_class}}


@s3tables.operation(on=by_arn)
def put_table_bucket_storage_class(
    call: Call, bucket: TableBucket, storage_class_configuration: dict[str, str]
) -> None:
    """Say which storage class new tables have."""
    check_own(call, bucket)
    bucket.storage_class = storage_class_configuration["storageClass"]
    bucket.put(call)
