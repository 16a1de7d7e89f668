"""Tables that S3 makes for itself, in the table bucket of its own that an account has in each Region (`aws-s3`)."""

from __future__ import annotations

from typing import Any

from pileus.engines.iceberg import metadata
from pileus.kernel import Call, names

from . import tables
from .table_files import Files
from .tables import MANAGED, MANAGED_NAME, Namespace, Table, TableBucket

Members = dict[str, Any]


async def made(call: Call, namespace: str, name: str, schema: Members, encryption: dict[str, str], by: str) -> str:
    """The ARN of a table of that name, which is made with its bucket and its namespace unless it is there."""
    with call.transaction():
        table = placed(call, namespace, name, encryption, by)
    if not table.location:
        files, key = Files(call, table), f"metadata/{metadata.file_name()}"
        await files.write(table.at(key), metadata.dumps(metadata.new(table.root, schema, call.now)))
        with call.transaction():
            table = Table.get(call, table.bucket, namespace, name) or table
            if not table.location:
                table.move_to(call, key, "")
                table.put(call)
    return table.address


def placed(call: Call, namespace: str, name: str, encryption: dict[str, str], by: str) -> Table:
    bucket = TableBucket.get(call, MANAGED_NAME)
    if bucket is None:
        address = call.arn(f"bucket/{MANAGED_NAME}", "s3tables")
        bucket = TableBucket(
            name=MANAGED_NAME,
            id=names.uuid4(),
            address=address,
            account=call.account,
            created=call.now,
            type=MANAGED,
        ).put(call)
    if Namespace.get(call, bucket.id, namespace) is None:
        Namespace(bucket=bucket.id, name=namespace, id=names.uuid4(), created=call.now, creator=call.account).put(call)
        tables.counted(call, bucket.address, namespaces=1)
    if (found := Table.get(call, bucket.id, namespace, name)) is not None:
        return found
    tables.counted(call, bucket.address, tables=1)
    identifier = names.uuid4()
    address = f"{bucket.address}/table/{identifier}"
    return Table(
        bucket=bucket.id,
        namespace=namespace,
        name=name,
        id=identifier,
        address=address,
        account=call.account,
        warehouse=tables.open_warehouse(call, address, encryption).name,
        created=call.now,
        creator=call.account,
        modified=call.now,
        modifier=call.account,
        token=tables.new_token(),
        type=MANAGED,
        manager=by,
        encryption=encryption,
    ).put(call)
