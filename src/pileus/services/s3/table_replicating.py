"""Replicas of tables: the snapshots of a table and their files in another table bucket, read-only ("Replicating S3
tables", S3 User Guide).

Files keep their keys. What tells where they are (metadata, lists, manifests, deletions by position) is written anew for
the warehouse that it goes to, so that a replica is whole without its source. What is there already is not brought
again; so a table that has changed costs what is new in it.
"""

from __future__ import annotations

import asyncio
import inspect
from typing import Any, NamedTuple

from pileus.engines.iceberg import manifests, metadata, rows, snapshots
from pileus.engines.iceberg.manifests import Entry
from pileus.engines.iceberg.metadata import Metadata
from pileus.kernel import Call, Fault, Record, identity, names
from pileus.kernel.access.enforcement import authorize
from pileus.kernel.access.target import Target
from pileus.kernel.blobs import threaded

from . import roles, s3, table_files, tables, upkeep
from .buckets import Bucket
from .objects import Object
from .table_files import Files
from .tables import REPLICATION, Namespace, Table, TableBucket

WAIT = 30.0
"""Seconds for which commits come together."""
SLICE = 500
SESSION = "s3tables-replication"
POSITIONS = 1
"""The content of a file of deletions by position."""
PENDING, COMPLETED, FAILED = "pending", "completed", "failed"

Members = dict[str, Any]


class Link(Record, key=("source", "target"), omit_defaults=True):
    """A table on its way to another table bucket."""

    source: str
    """The table's ARN."""
    target: str
    """The table bucket's ARN."""
    status: str = PENDING
    due: float = 0.0
    replica: str = ""
    """The ARN of the replica."""
    location: str = ""
    """The metadata that have arrived last, and when."""
    arrived: float = 0.0
    message: str = ""


class Refused(Exception):
    """Why a table cannot be replicated."""


def configuration(call: Call, table: Table) -> Members:
    """What says where a table is replicated to: its own configuration, or else its bucket's."""
    if table.source:
        return {}
    return table.replication or tables.home(call, table).replication


def destinations(found: Members) -> list[str]:
    return [
        each["destinationTableBucketARN"]
        for rule in found.get("configuration", {}).get("rules", [])
        for each in rule["destinations"]
    ]


def soon(call: Call, table: Table) -> None:
    """Have a table that has changed replicated, if it is to be."""
    call = tables.beside(call, table.address)
    for target in destinations(configuration(call, table)):
        link = Link.get(call, table.address, target) or Link(table.address, target)
        if link.status == PENDING and link.due > call.now:
            continue
        link.status, link.due = PENDING, call.now + WAIT
        link.put(call)
        who = identity.service(REPLICATION, table.address, table.account)
        at = call.at(service="s3", principal=who, source_ip="", members={})
        replicate_table.later(at, source=table.address, target=target, planned=link.due, due=link.due)


@s3.task
def replicate_all(call: Call, address: str, after: tuple[str, ...] = ()) -> None:
    """Have the tables of a bucket replicated that have no configuration of their own, some at a time."""
    bucket = tables.bucket_of(call, address)
    if bucket is None or not bucket.replication:
        return
    some = list(Table.scan(call, bucket.id, above=tuple(after) or None, limit=SLICE))
    for table in some:
        if table.location and not table.replication:
            soon(call, table)
    if len(some) == SLICE:
        replicate_all.later(call, address=address, after=(some[-1].namespace, some[-1].name))


def forget(call: Call, table: Table) -> None:
    """Forget where a table was replicated to."""
    Link.delete_all(call, table.address)


@s3.task(retries=5)
async def replicate_table(call: Call, source: str, target: str, planned: float) -> None:
    """Bring what is new in a table to one of its destinations, and note how that went."""
    link, table = Link.get(call, source, target), tables.table_of(call, source)
    if link is None or table is None or link.due != planned:
        return
    found = configuration(call, table)
    if target not in destinations(found) or not table.location:
        return
    try:
        table_files.check_installed()
        replica = await brought(call, table, target, found["configuration"]["role"])
    except (Fault, Refused, ValueError) as refused:
        words = refused.message if isinstance(refused, Fault) else str(refused)
        with call.transaction():
            note(call, source, target, status=FAILED, message=words)
        return
    except table_files.Lost:
        return
    with call.transaction():
        told = {"location": table.at(table.location), "arrived": call.now, "replica": replica.address, "message": ""}
        note(call, source, target, status=COMPLETED, **told)
        again = tables.table_of(call, source)
        if again is not None and again.token != table.token:
            soon(call, again)


def note(call: Call, source: str, target: str, **told: Any) -> None:
    link = Link.get(call, source, target)
    if link is not None:
        for name, value in told.items():
            setattr(link, name, value)
        link.put(call)


async def brought(call: Call, table: Table, target: str, role: str) -> Table:
    """Bring all that is new in a table to a destination; the replica."""
    reader = call.at(principal=roles.taken_on(call, role, REPLICATION, SESSION))
    there = tables.beside(call, target)
    with call.transaction():
        for action in ("GetTable", "GetTableMetadataLocation"):
            authorize(reader, f"s3tables:{action}", about(call, table))
        replica = ready(there, reader, table, target)
    authorize(reader, "s3tables:PutTableData", about(there, replica))
    source = Files(reader, table)
    content = metadata.loads(await source.read(table.at(table.location)))
    await Copying(source, Files(there, replica)).table(content)
    key = f"metadata/{metadata.file_name(replica.location)}"
    await Files(there, replica).write(replica.at(key), metadata.dumps(moved(content, table, replica)))
    with call.transaction():
        again = tables.table_of(there, replica.address)
        if again is None or again.source != table.address:
            raise Refused("The destination table is not a replica of the source table any more.")
        authorize(reader, "s3tables:UpdateTableMetadataLocation", about(there, again))
        again.move_to(there, key, "")
        again.put(there)
        upkeep.plan(there, again)
    return again


def about(call: Call, table: Table) -> Target:
    keys, policy = table.condition_keys(call, {}), table.resource_policy(call)
    return Target(table.address, table.account, policy, tags=table.tags, keys=keys)


def ready(there: Call, reader: Call, table: Table, target: str) -> Table:
    """The replica, which is made if there is none yet, as the role may make it."""
    bucket = tables.bucket_of(there, target)
    if bucket is None:
        raise Refused("The destination table bucket does not exist.")
    found = Table.get(there, bucket.id, table.namespace, table.name)
    if found is not None:
        if found.source != table.address:
            raise Refused("A table with an identical name already exists in the destination table bucket.")
        return found
    into = Target(bucket.address, bucket.account, bucket.policy, keys={"s3tables:namespace": (table.namespace,)})
    if Namespace.get(there, bucket.id, table.namespace) is None:
        authorize(reader, "s3tables:CreateNamespace", into)
        Namespace(
            bucket=bucket.id, name=table.namespace, id=names.uuid4(), created=there.now, creator=bucket.account
        ).put(there)
        tables.counted(there, bucket.address, namespaces=1)
    authorize(reader, "s3tables:CreateTable", into)
    tables.counted(there, bucket.address, tables=1)
    return replica_of(there, table, bucket).put(there)


def replica_of(there: Call, table: Table, bucket: TableBucket) -> Table:
    identifier = names.uuid4()
    address = f"{bucket.address}/table/{identifier}"
    return Table(
        bucket=bucket.id,
        namespace=table.namespace,
        name=table.name,
        id=identifier,
        address=address,
        account=bucket.account,
        warehouse=tables.open_warehouse(there, address, bucket.encryption, bucket.storage_class).name,
        created=there.now,
        creator=bucket.account,
        modified=there.now,
        modifier=bucket.account,
        token=tables.new_token(),
        manager=REPLICATION,
        source=table.address,
        encryption=bucket.encryption,
        storage_class=bucket.storage_class,
    )


def moved(content: Metadata, table: Table, replica: Table) -> Metadata:
    """A table's metadata as its replica has them."""
    kept = [
        {**each, "manifest-list": replica.at(table.key_of(each["manifest-list"]))}
        for each in content.get("snapshots", [])
    ]
    gone: Members = {"metadata-log": [], "statistics": [], "partition-statistics": []}
    return content | gone | {"location": replica.root, "snapshots": kept}


class Copying(NamedTuple):
    """The files of a table on their way."""

    source: Files
    target: Files

    def there(self, path: str) -> str:
        return self.target.table.at(self.source.table.key_of(path))

    def size(self, path: str) -> int | None:
        """How long a file is that has arrived already."""
        call, table = self.target.call, self.target.table
        bucket = Bucket.get(call, call.partition, table.warehouse)
        found = Object.get(call, bucket.room, self.source.table.key_of(path)) if bucket else None
        return None if found is None else found.size

    async def table(self, content: Metadata) -> None:
        """All that a table's snapshots are made of. What refers to a file is written after it."""
        for snapshot in content.get("snapshots", []):
            path = snapshot["manifest-list"]
            if self.size(path) is None:
                listed = manifests.read_list(await self.source.read(path))
                told = [await self.manifest(each) for each in listed]
                number, parent = snapshot["snapshot-id"], snapshot.get("parent-snapshot-id")
                body = manifests.write_list(told, number, parent, snapshot.get("sequence-number", 0))
                await self.target.write(self.there(path), body)
            await asyncio.sleep(0)

    async def manifest(self, told: Entry) -> Entry:
        """A manifest with all its files; what a list of manifests tells of it at the other side."""
        path = told["manifest_path"]
        length = self.size(path)
        if length is None:
            held = await snapshots.opened(await self.source.read(path))
            entries = [await self.entry(each) for each in held.entries]
            body = manifests.write(entries, held)
            await self.target.write(self.there(path), body)
            length = len(body)
        return told | {"manifest_path": self.there(path), "manifest_length": length}

    async def entry(self, told: Entry) -> Entry:
        file = dict(told["data_file"])
        if told["status"] != manifests.DELETED and self.size(file["file_path"]) is None:
            file["file_size_in_bytes"] = await self.file(file)
        file["file_path"] = self.there(file["file_path"])
        if file.get("referenced_data_file"):
            file["referenced_data_file"] = self.there(file["referenced_data_file"])
        return {**told, "data_file": file}

    async def file(self, told: Entry) -> int:
        """Rows, or deletions; the size that they have there."""
        path = told["file_path"]
        if told.get("content", 0) == POSITIONS:
            if told["file_format"].upper() != "PARQUET":
                raise Refused(f"Deletions in the format {told['file_format']} are not replicated.")
            roots = (f"{self.source.table.root}/", f"{self.target.table.root}/")
            body = await threaded(rows.renamed, await self.source.read(path), "file_path", *roots)
            await self.target.write(self.there(path), body)
            return len(body)
        key = self.source.table.key_of(path)
        found = self.source.call.aws("s3").get_object(bucket=self.source.table.warehouse, key=key)
        if inspect.isawaitable(found):
            found = await found
        await self.target.call.aws("s3").put_object(
            bucket=self.target.table.warehouse, key=key, body=found["Body"], content_length=found["ContentLength"]
        )
        size: int = told["file_size_in_bytes"]
        return size
