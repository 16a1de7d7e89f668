"""Tables of S3 Tables, and their warehouses: the buckets in which the files of tables lie ("Working with Amazon S3
Tables", S3 User Guide). S3 Tables makes them (`services/s3tables`), S3 reads them here.

A warehouse belongs to one table, and is in no list of buckets. Whoever may read or write the table's data may read or
write objects in it, and do nothing else: what is not referenced any more is removed by the table bucket's maintenance.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pileus.kernel import Call, Record, arn, names
from pileus.kernel.access.target import Target
from pileus.kernel.identity import ANONYMOUS

from . import faults, points
from .buckets import Bucket

SUFFIX = points.TABLE
LONGEST = 63
READS = {"GetObject", "HeadObject", "GetObjectAttributes"}
WRITES = {
    "PutObject",
    "CreateMultipartUpload",
    "UploadPart",
    "CompleteMultipartUpload",
    "AbortMultipartUpload",
    "ListParts",
    "ListMultipartUploads",
}
MANAGED = "aws"
"""The type of table buckets, and of their tables, that only S3 itself writes into."""
MANAGED_NAME = "aws-s3"
"""The table bucket that S3 has in an account and a Region."""
METADATA = "metadata.s3.amazonaws.com"
"""What writes into metadata tables."""
MAINTENANCE = "maintenance.s3tables.amazonaws.com"
"""What looks after tables."""
REPLICATION = "replication.s3tables.amazonaws.com"
LENS = "storage-lens.s3.amazonaws.com"
ITSELF = ("s3.amazonaws.com", "s3tables.amazonaws.com", METADATA, MAINTENANCE, REPLICATION, LENS)


class TableBucket(Record, arn="bucket/{name}", cfn="AWS::S3Tables::TableBucket", kw_only=True, omit_defaults=True):
    """A table bucket of an account in a Region."""

    name: str
    id: str
    address: str
    """The ARN."""
    account: str
    created: float
    type: str = "customer"
    encryption: dict[str, str] = {}
    storage_class: str = "STANDARD"
    policy: str = ""
    removal: dict[str, Any] = {}
    """How files that no table refers to are removed, where that is not as usual."""
    replication: dict[str, Any] = {}
    """The configuration, and its version token."""
    tags: dict[str, str] = {}
    namespaces: int = 0
    tables: int = 0
    """How many it has."""

    def arn(self, call: Call) -> str:
        return self.address

    def resource_policy(self, call: Call) -> str | None:
        return self.policy

    def condition_keys(self, call: Call, request: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
        return asked(request) | tag_keys(self.tags)


class Namespace(Record, key=("bucket", "name"), kw_only=True):
    """A namespace of a table bucket, which is known by its id."""

    bucket: str
    name: str
    id: str
    created: float
    creator: str


class Table(
    Record,
    key=("bucket", "namespace", "name"),
    indexes={"by_id": ("bucket", "id")},
    arn="bucket/{bucket}/table/{id}",
    cfn="AWS::S3Tables::Table",
    kw_only=True,
    omit_defaults=True,
):
    """A table: where its metadata are, and what is set about it."""

    bucket: str
    """The id of the table bucket."""
    namespace: str
    name: str
    id: str
    address: str
    """The ARN."""
    account: str
    warehouse: str
    """The bucket of its files."""
    created: float
    creator: str
    modified: float
    modifier: str
    token: str
    """The version token: another one after each change."""
    location: str = ""
    """The key of the current metadata file."""
    type: str = "customer"
    manager: str = ""
    """The service that writes it, where that is not its owner."""
    source: str = ""
    """The ARN of the table that it is a replica of."""
    encryption: dict[str, str] = {}
    storage_class: str = "STANDARD"
    policy: str = ""
    maintenance: dict[str, Any] = {}
    jobs: dict[str, Any] = {}
    """How each kind of maintenance went the last time."""
    expiration: dict[str, Any] = {}
    """After how many days records are removed."""
    replication: dict[str, Any] = {}
    tags: dict[str, str] = {}

    def arn(self, call: Call) -> str:
        return self.address

    def resource_policy(self, call: Call) -> str | None:
        return together(self.policy, home(call, self).policy)

    def condition_keys(self, call: Call, request: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
        own = {"s3tables:namespace": (self.namespace,), "s3tables:tablename": (self.name,)}
        return asked(request) | tag_keys(home(call, self).tags) | own

    @property
    def root(self) -> str:
        """The warehouse's address."""
        return f"s3://{self.warehouse}"

    def move_to(self, call: Call, key: str, by: str) -> None:
        """Have the metadata be elsewhere from now on, under another version token. To be stored."""
        self.location, self.token = key, new_token()
        self.modified, self.modifier = call.now, by or self.account

    def at(self, key: str) -> str:
        return f"{self.root}/{key}"

    def key_of(self, address: str) -> str:
        """The key of a file by its address; ValueError for one that lies elsewhere."""
        if not address.startswith(f"{self.root}/"):
            raise ValueError(f"{address} is not in {self.root}")
        return address.removeprefix(f"{self.root}/")


def new_token() -> str:
    return names.token(20, names.HEX)


def tag_keys(tags: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    return {f"s3tables:tablebuckettag/{name.lower()}": (value,) for name, value in tags.items()}


def asked(request: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Condition keys that a request tells."""
    encryption = request.get("encryptionConfiguration") or {}
    space = request.get("namespace", "")
    told = {
        "s3tables:namespace": space[0] if isinstance(space, list) and space else space,
        "s3tables:ssealgorithm": encryption.get("sseAlgorithm"),
        "s3tables:kmskeyarn": encryption.get("kmsKeyArn"),
        "s3tables:storageclass": (request.get("storageClassConfiguration") or {}).get("storageClass"),
    }
    return {name: (value,) for name, value in told.items() if value}


def together(*documents: str) -> str:
    """Several policies as one: a table's and its bucket's both say who may use it."""
    given = [document for document in documents if document]
    if len(given) < 2:
        return given[0] if given else ""
    statements: list[Any] = []
    for document in given:
        found = json.loads(document)["Statement"]
        statements += found if isinstance(found, list) else [found]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


# Finding


def home(call: Call, table: Table) -> TableBucket:
    """The bucket that a table is in."""
    found = TableBucket.get(beside(call, table.address), arn.parse(table.address).resource.split("/")[1])
    assert found is not None, f"a table is in a table bucket that is not there: {table.address}"
    return found


def beside(call: Call, address: str) -> Call:
    """A call that looks at the account and the Region of an ARN."""
    parts = arn.parse(address)
    if (parts.account, parts.region) == (call.account, call.region):
        return call
    return call.at(account=parts.account, region=parts.region)


def bucket_of(call: Call, address: str) -> TableBucket | None:
    """The table bucket of an ARN, its own or a table's."""
    name = arn.parse(address).resource.split("/")[1]
    return TableBucket.get(beside(call, address), name)


def table_of(call: Call, address: str) -> Table | None:
    """The table of an ARN."""
    bucket, number = bucket_of(call, address), address.rpartition("/")[2]
    if bucket is None:
        return None
    return Table.first(beside(call, address), bucket.id, number, index="by_id")


def counted(call: Call, address: str, *, namespaces: int = 0, tables: int = 0) -> None:
    """Note how many more, or fewer, a table bucket has."""
    bucket = bucket_of(call, address)
    if bucket is not None:
        bucket.namespaces += namespaces
        bucket.tables += tables
        bucket.put(beside(call, address))


# Warehouses


def open_warehouse(call: Call, address: str, encryption: Mapping[str, str], storage_class: str = "") -> Bucket:
    """The bucket for the files of a table."""
    start = names.uuid4()[:19]
    name = f"{start}{names.token(LONGEST - len(start) - len(SUFFIX), names.LOWER)}{SUFFIX}"
    bucket = Bucket(
        partition=call.partition,
        name=name,
        owner=call.account,
        region=call.region,
        room=names.token(8),
        created=call.now,
        table=address,
        shelf=storage_class if storage_class != "STANDARD" else "",
    )
    if encryption.get("sseAlgorithm") == "aws:kms":
        default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": encryption["kmsKeyArn"]}
        bucket.encryption = {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}
    return bucket.put(call)


def close_warehouse(call: Call, name: str) -> None:
    """Remove a table's files, and the bucket that they are in."""
    from . import forgetting

    found = Bucket.get(call, call.partition, name)
    if found is not None:
        forgetting.remove(call, found)
        forgetting.clear.later(call, room=found.room)


def check(call: Call, bucket: Bucket) -> None:
    """Refuse what cannot be done in a warehouse ("Access management for S3 Tables", S3 User Guide).

    Nobody in particular comes in: public access to tables is always blocked.
    """
    if call.principal is ANONYMOUS:
        raise faults.denied()
    if call.operation not in READS | WRITES and call.principal.arn not in ITSELF:
        raise faults.not_allowed(call.operation[:3].upper(), "BUCKET" if "Key" not in call.members else "OBJECT")


def targets(call: Call, request: dict[str, Any]) -> list[Target] | None:
    """A request in a warehouse is about the table's data."""
    bucket = Bucket.get(call, call.partition, request["Bucket"])
    if bucket is None or call.operation not in READS | WRITES:
        return None
    if call.principal.arn in ITSELF:
        return []
    there = beside(call, bucket.table)
    table = table_of(there, bucket.table)
    if table is None:
        if call.principal.account == bucket.owner:
            return []  # it is only being made
        raise faults.no_bucket(bucket.name)
    does = "GetTableData" if call.operation in READS else "PutTableData"
    if does == "PutTableData" and table.manager:
        raise faults.denied()
    keys, policy = table.condition_keys(there, {}), table.resource_policy(there)
    return [Target(table.address, table.account, policy, tags=table.tags, keys=keys, action=f"s3tables:{does}")]
