"""Tables that S3 makes for itself, in the table bucket of its own that an account has in each Region (`aws-s3`)."""

from __future__ import annotations

from functools import partial
from typing import Any

from pileus.engines.iceberg import metadata, snapshots
from pileus.engines.iceberg.metadata import Metadata
from pileus.kernel import Call, names
from pileus.services.s3 import tables
from pileus.services.s3.tables import MANAGED, MANAGED_NAME, Table, TableBucket

from . import table_files, warehouses
from .buckets import Namespace, counted
from .expiring_records import at
from .journals import file_of
from .table_files import Files
from .upkeep import quietly

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
        counted(call, bucket.address, namespaces=1)
    if (found := Table.get(call, bucket.id, namespace, name)) is not None:
        return found
    counted(call, bucket.address, tables=1)
    identifier = names.uuid4()
    address = f"{bucket.address}/table/{identifier}"
    return Table(
        bucket=bucket.id,
        namespace=namespace,
        name=name,
        id=identifier,
        address=address,
        account=call.account,
        warehouse=warehouses.open_warehouse(call, address, encryption).name,
        created=call.now,
        creator=call.account,
        modified=call.now,
        modifier=call.account,
        token=tables.new_token(),
        type=MANAGED,
        manager=by,
        encryption=encryption,
    ).put(call)


async def put(call: Call, address: str, column: int, moment: float, told: list[Members]) -> None:
    """Add rows of a moment to a table, unless some of that moment are there: from an earlier try."""
    await table_files.commit(call, address, partial(added, call, column, moment, told), quietly)


async def added(
    call: Call, column: int, moment: float, told: list[Members], before: Metadata, files: Files
) -> Metadata | None:
    for file in await snapshots.data_files(before, files):
        if at(file, column, upper=False) <= moment <= at(file, column, upper=True):
            return None
    return await snapshots.changed(before, files, call.now, added=[await file_of(before, files, told)])
