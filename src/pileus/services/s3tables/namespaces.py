"""Namespaces of a table bucket. They have one level."""

from __future__ import annotations

import re
from typing import Any

from pileus.kernel import Call, names
from pileus.services.s3.tables import Namespace, Table, TableBucket, beside, counted

from . import faults, s3tables
from .buckets import beginning, by_arn, check_own

MOST = 10_000
_NAME = re.compile(r"[0-9a-z](?:[0-9a-z_]{0,253}[0-9a-z])?")


def check_name(call: Call, name: str, what: str) -> None:
    """Names that begin with `aws` are kept for services ("Amazon S3 table bucket naming rules", S3 User Guide)."""
    if "s3.amazonaws.com" in call.called_via:
        return
    if not _NAME.fullmatch(name) or (name.startswith("aws") and what == "namespace"):
        raise faults.bad(f"The specified {what} name is not valid.")


def named(call: Call, bucket: TableBucket, name: str) -> Namespace:
    found = Namespace.get(beside(call, bucket.address), bucket.id, name)
    if found is None:
        raise faults.missing("namespace")
    return found


@s3tables.operation(on=by_arn)
def create_namespace(call: Call, bucket: TableBucket, namespace: list[str]) -> dict[str, Any]:
    """Create a namespace."""
    [name] = namespace
    check_own(call, bucket)
    check_name(call, name, "namespace")
    if Namespace.get(call, bucket.id, name) is not None:
        raise faults.conflict("A namespace with an identical name already exists in the bucket.")
    if bucket.namespaces >= MOST:
        raise faults.bad("You have attempted to create more namespaces than allowed.")
    Namespace(
        bucket=bucket.id, name=name, id=names.uuid4(), created=call.now, creator=call.principal.account or call.account
    ).put(call)
    counted(call, bucket.address, namespaces=1)
    return {"tableBucketARN": bucket.address, "namespace": [name]}


def shown(bucket: TableBucket, found: Namespace) -> dict[str, Any]:
    return {
        "namespace": [found.name],
        "createdAt": found.created,
        "createdBy": found.creator,
        "ownerAccountId": bucket.account,
        "namespaceId": found.id,
        "tableBucketId": bucket.id,
    }


@s3tables.operation(on=by_arn)
def get_namespace(call: Call, bucket: TableBucket, namespace: str) -> dict[str, Any]:
    return shown(bucket, named(call, bucket, namespace))


@s3tables.operation(on=by_arn)
def list_namespaces(
    call: Call, bucket: TableBucket, prefix: str = "", continuation_token: str = "", max_namespaces: int = 1000
) -> dict[str, Any]:
    """A page of a table bucket's namespaces."""
    page = Namespace.page(
        call,
        bucket.id,
        limit=max_namespaces,
        token=continuation_token,
        invalid=faults.TOKEN,
        **beginning(prefix),
    )
    return {"namespaces": [shown(bucket, each) for each in page.items], "continuationToken": page.token}


@s3tables.operation(on=by_arn)
def delete_namespace(call: Call, bucket: TableBucket, namespace: str) -> None:
    """Delete an empty namespace."""
    found = named(call, bucket, namespace)
    if Table.first(call, bucket.id, namespace) is not None:
        raise faults.conflict("The namespace that you tried to delete is not empty.")
    found.delete(call)
    counted(call, bucket.address, namespaces=-1)
