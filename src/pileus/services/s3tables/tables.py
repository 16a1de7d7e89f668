"""Tables: create, find, list, rename, delete; how they are encrypted and stored."""

from __future__ import annotations

from typing import Any

from pileus.engines.iceberg import metadata
from pileus.engines.iceberg.metadata import Refused
from pileus.kernel import Call, names
from pileus.kernel.access.enforcement import authorize
from pileus.kernel.access.target import Target
from pileus.services.s3 import table_replicating, tables, upkeep
from pileus.services.s3.tables import Namespace, Table, TableBucket, new_token

from . import faults, namespaces, s3tables
from .buckets import AS_USUAL, beginning, by_arn, check_own, checked, tagged

MOST = 10_000
"""In a table bucket."""
PATIENCE = 3600.0
"""Seconds after which a warehouse whose table never came to be is removed."""
FOLDER = "metadata/"
BESIDE = ("PutTableEncryption", "PutTableStorageClass", "TagResource")
"""What else must be allowed to who says of a new table how it is encrypted, stored and tagged ("CreateTable")."""

Members = dict[str, Any]


def by_name(call: Call, table_bucket_arn: str, namespace: str, name: str) -> Table:
    """The table of that name."""
    bucket = by_arn(call, table_bucket_arn)
    found = Table.get(tables.beside(call, bucket.address), bucket.id, namespace, name)
    if found is None:
        raise faults.missing("table")
    return found


def by_table_arn(call: Call, table_arn: str) -> Table:
    """The table of an ARN."""
    found = tables.table_of(call, table_arn)
    if found is None or table_arn.split(":")[3] != call.region:
        raise faults.missing("table")
    return found


def meant(call: Call, table_bucket_arn: str = "", namespace: str = "", name: str = "", table_arn: str = "") -> Table:
    """The table of an ARN, or of a name in a namespace of a table bucket."""
    if table_arn:
        return by_table_arn(call, table_arn)
    if not (table_bucket_arn and namespace and name):
        raise faults.bad("Either tableArn, or tableBucketARN, namespace and name must be specified.")
    return by_name(call, table_bucket_arn, namespace, name)


@s3tables.operation(on=by_arn)
async def create_table(
    call: Call,
    bucket: TableBucket,
    namespace: str,
    name: str,
    format: str,  # noqa: A002
    metadata: Members | None = None,
    encryption_configuration: dict[str, str] = {},
    storage_class_configuration: dict[str, str] = {},
    tags: dict[str, str] = {},
) -> Members:
    """Create a table; its metadata are written if it is said what is in it, or else left to its first writer."""
    who = call.principal.account or call.account
    identifier = names.uuid4()
    with call.transaction():
        check_new(call, bucket, namespace, name)
        table = Table(
            bucket=bucket.id,
            namespace=namespace,
            name=name,
            id=identifier,
            address=f"{bucket.address}/table/{identifier}",
            account=bucket.account,
            warehouse="",
            created=call.now,
            creator=who,
            modified=call.now,
            modifier=who,
            token=new_token(),
            type=bucket.type,
            manager=tables.METADATA if "s3.amazonaws.com" in call.called_via else "",
            encryption=checked(call, encryption_configuration) or bucket.encryption,
            storage_class=storage_class_configuration.get("storageClass", bucket.storage_class),
            tags=tagged(tags),
        )
        more = (encryption_configuration, storage_class_configuration, tags)
        check_may(call, bucket, table, *(action for given, action in zip(more, BESIDE, strict=True) if given))
        opened = tables.open_warehouse(call, table.address, table.encryption, table.storage_class)
        table.warehouse = opened.name
        tidy.later(call, address=table.address, warehouse=table.warehouse, delay=PATIENCE)
    if metadata is not None:
        table.location = await begin(call, bucket, table, metadata["iceberg"])
    with call.transaction():
        check_new(call, bucket, namespace, name)
        table.put(call)
        tables.counted(call, table.address, tables=1)
        if table.location:
            upkeep.plan(call, table)
            table_replicating.soon(call, table)
    return {"tableARN": table.address, "versionToken": table.token}


def check_new(call: Call, bucket: TableBucket, namespace: str, name: str) -> None:
    """Refuse a new table where there may be none of that name."""
    check_own(call, bucket)
    now = TableBucket.get(call, bucket.name)
    if now is None:
        raise faults.missing("table bucket")
    namespaces.check_name(call, name, "table")
    namespaces.named(call, bucket, namespace)
    if Table.get(call, bucket.id, namespace, name) is not None:
        raise faults.conflict("A table with an identical name already exists in the namespace.")
    if now.tables >= MOST:
        raise faults.bad("You have attempted to create more tables than allowed.")


def check_may(call: Call, bucket: TableBucket, table: Table, *actions: str) -> None:
    """Refuse what the caller may not do with a table that is only being made."""
    keys = {"s3tables:namespace": (table.namespace,), "s3tables:tablename": (table.name,)}
    for action in actions:
        target = Target(table.address, table.account, bucket.policy, tags=table.tags, keys=keys)
        authorize(call, f"s3tables:{action}", target)


@s3tables.task
def tidy(call: Call, address: str, warehouse: str) -> None:
    """Remove a warehouse whose table did not come to be."""
    if tables.table_of(call, address) is None:
        tables.close_warehouse(call, warehouse)


async def begin(call: Call, bucket: TableBucket, table: Table, asked: Members) -> str:
    """Write the first metadata of a table, if the caller may write its data; the key of the file."""
    check_may(call, bucket, table, "PutTableData")
    given = asked.get("schemaV2") or asked.get("schema")
    if given is None or ("schema" in asked and "schemaV2" in asked):
        raise faults.bad("Exactly one of schema and schemaV2 must be specified.")
    spec, order = fields_of(asked.get("partitionSpec")), fields_of(asked.get("writeOrder"))
    try:
        made = metadata.new(
            table.root,
            spelt(given, schemaId="schema-id", identifierFieldIds="identifier-field-ids"),
            call.now,
            spec={"fields": [spelt(field, sourceId="source-id", fieldId="field-id") for field in spec]},
            order={"fields": [spelt(field, sourceId="source-id", nullOrder="null-order") for field in order]},
            properties=asked.get("properties", {}),
        )
    except Refused as refused:
        raise faults.bad(str(refused)) from None
    return await write(call, table.warehouse, made)


def fields_of(given: Members | None) -> list[Members]:
    return list(given["fields"]) if given else []


def spelt(given: Members, **names: str) -> Members:
    """Members of the API as Iceberg spells them."""
    return {names.get(name, name): value for name, value in given.items()}


async def write(call: Call, warehouse: str, content: Members, previous: str = "") -> str:
    """Write a metadata file beside the others, as the caller; its key."""
    key = FOLDER + metadata.file_name(previous)
    await call.aws("s3").put_object(bucket=warehouse, key=key, body=metadata.dumps(content))
    return key


# Finding


def shown(table: Table) -> Members:
    """What lists tell."""
    return {
        "namespace": [table.namespace],
        "name": table.name,
        "type": table.type,
        "tableARN": table.address,
        "createdAt": table.created,
        "modifiedAt": table.modified,
        "managedByService": table.manager or None,
        "tableBucketId": table.bucket,
    }


@s3tables.operation(on=meant)
def get_table(call: Call, table: Table) -> Members:
    """Details about a table."""
    space = Namespace.get(call, table.bucket, table.namespace)
    return shown(table) | {
        "namespaceId": space.id if space else None,
        "versionToken": table.token,
        "metadataLocation": table.at(table.location) if table.location else None,
        "warehouseLocation": table.root,
        "createdBy": table.creator,
        "modifiedBy": table.modifier,
        "ownerAccountId": table.account,
        "format": "ICEBERG",
        "managedTableInformation": {"replicationInformation": {"sourceTableARN": table.source}}
        if table.source
        else None,
    }


@s3tables.operation(on=by_arn)
def list_tables(
    call: Call,
    bucket: TableBucket,
    namespace: str = "",
    prefix: str = "",
    continuation_token: str = "",
    max_tables: int = 1000,
) -> Members:
    """A page of tables, by namespace and name."""
    page = Table.page(
        call,
        bucket.id,
        *((namespace,) if namespace else ()),
        limit=max_tables,
        token=continuation_token,
        invalid=faults.TOKEN,
        where=lambda table: table.name.startswith(prefix),
        **(beginning(prefix) if namespace else {}),
    )
    spaces = {name: Namespace.get(call, bucket.id, name) for name in {each.namespace for each in page.items}}
    ids = {name: space.id for name, space in spaces.items() if space}
    told = [shown(each) | {"namespaceId": ids.get(each.namespace)} for each in page.items]
    return {"tables": told, "continuationToken": page.token}


# Changing


def check_token(table: Table, token: str) -> None:
    if token and token != table.token:
        raise faults.conflict(faults.OUTDATED)


def check_writable(table: Table) -> None:
    """Refuse changes of what somebody else writes: S3 itself, or replication."""
    if table.manager:
        raise faults.forbidden("The table is managed by AWS and read-only.")


@s3tables.operation(on=by_name)
def rename_table(
    call: Call, table: Table, new_namespace_name: str = "", new_name: str = "", version_token: str = ""
) -> None:
    """Give a table another name, or another namespace, or both."""
    check_writable(table)
    check_token(table, version_token)
    if not new_namespace_name and not new_name:
        raise faults.bad("A new name or a new namespace must be specified.")
    name, space = new_name or table.name, new_namespace_name or table.namespace
    check_new(call, tables.home(call, table), space, name)
    table.move(call, namespace=space, name=name, modified=call.now, modifier=call.principal.account or call.account)


@s3tables.operation(on=by_name)
def delete_table(call: Call, table: Table, version_token: str = "") -> None:
    """Delete a table with all its files."""
    check_token(table, version_token)
    tables.close_warehouse(call, table.warehouse)
    table.delete(call)
    tables.counted(call, table.address, tables=-1)
    table_replicating.forget(call, table)


# Encryption and storage class


@s3tables.operation(on=by_name)
def get_table_encryption(call: Call, table: Table) -> Members:
    return {"encryptionConfiguration": table.encryption or AS_USUAL}


@s3tables.operation(on=by_name)
def get_table_storage_class(call: Call, table: Table) -> Members:
    return {"storageClassConfiguration": {"storageClass": table.storage_class}}
