"""What S3 knows of the tables of S3 Tables (`services/s3tables`, which makes them): whose the files in a warehouse are,
a bucket in which the files of a table lie ("Working with Amazon S3 Tables", S3 User Guide).

A warehouse belongs to one table, and is in no list of buckets. Whoever may read or write the table's data may read or
write objects in it, and do nothing else: what is not referenced any more is removed by the table bucket's maintenance.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from pileus.kernel import Call, Record, Unfinished, arn, names
from pileus.kernel.access.target import Target
from pileus.kernel.identity import ANONYMOUS

from . import faults, points
from .buckets import Bucket

SUFFIX = points.TABLE
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


def check_installed() -> None:
    """Say what is missing where tables cannot be written."""
    if not installed():
        raise Unfinished("What writes tables wants fastavro and pyarrow: pip install 'pileus[tables]'.")


def installed() -> bool:
    """Whether what reads and writes manifests and Parquet is installed."""
    return all(find_spec(name) for name in ("fastavro", "pyarrow"))


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


# Warehouses


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
