"""Inventories: lists of all objects of a bucket, made every night or every Sunday night, as CSV, ORC or Parquet.

"Cataloging and analyzing your data with S3 Inventory", S3 User Guide. They are put into the destination by
`s3.amazonaws.com` on behalf of the bucket, so that the destination's policy must let it in. ORC and Parquet want
pyarrow, which the extra `inventory` brings.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any, NamedTuple
from urllib.parse import quote_plus

from pileus.kernel import Call, Fault, Record, Unfinished, identity, names
from pileus.kernel.blobs import threaded

from . import acls, documents, events, faults, roles, rules, s3, tiering
from .buckets import Bucket
from .configuration import numbered
from .listing_versions import merged
from .naming import canonical_id
from .objects import Object
from .rules import DAY
from .versions import Version

log = logging.getLogger("pileus.s3")

KIND = "inventoryconfiguration"
ROWS = 100_000
"""In one file."""
SLICE = 1000
ENDINGS = {"CSV": "csv.gz", "ORC": "orc", "Parquet": "parquet"}

Members = dict[str, Any]


class Planned(Record, scope="cloud", key=("room", "id")):
    """The next inventory of a configuration."""

    room: str
    id: str
    due: float


class Row(NamedTuple):
    """A version, and what it is to be told with."""

    call: Call
    bucket: Bucket
    version: Version
    latest: bool

    @property
    def held(self) -> Object | None:
        return self.version.held


def of_object(tell: Callable[[Object], Any]) -> Callable[[Row], Any]:
    """A column that delete markers leave empty."""
    return lambda row: "" if row.held is None else tell(row.held)


def encryption(found: Object) -> str:
    names = {"AES256": "SSE-S3", "aws:kms": "SSE-KMS", "aws:kms:dsse": "DSSE-KMS", "SSE-C": "SSE-C"}
    return names[found.seal.algorithm]


def access_list(found: Object) -> str:
    """The grants on an object as JSON in base 64 ("Working with the Object ACL field", User Guide)."""
    grants = [
        {"type": grant["Grantee"]["Type"], "permission": grant["Permission"]}
        | ({"canonicalId": grant["Grantee"]["ID"]} if "ID" in grant["Grantee"] else {"uri": grant["Grantee"]["URI"]})
        for grant in found.acl or [acls.user(found.owner, "FULL_CONTROL")]
    ]
    told = {"version": "2022-11-10", "status": "AVAILABLE", "grants": grants}
    return base64.b64encode(json.dumps(told, separators=(",", ":")).encode()).decode()


def expires(row: Row) -> str:
    if row.held is None or not row.latest or not row.bucket.has_lifecycle:
        return ""
    due = rules.expiration(rules.load(row.call, row.bucket), row.held)
    return "" if due is None else iso(due.at)


def iso(at: float) -> str:
    return events.iso(at)


COLUMNS: dict[str, Callable[[Row], Any]] = {
    "Size": of_object(lambda found: found.size),
    "LastModifiedDate": lambda row: iso(row.version.modified),
    "StorageClass": of_object(lambda found: found.storage_class),
    "ETag": of_object(lambda found: found.etag),
    "IsMultipartUploaded": of_object(lambda found: str(bool(found.parts)).lower()),
    "ReplicationStatus": of_object(lambda found: found.replication),
    "EncryptionStatus": of_object(encryption),
    "ObjectLockRetainUntilDate": of_object(lambda found: iso(found.lock_until) if found.lock_mode else ""),
    "ObjectLockMode": of_object(lambda found: found.lock_mode),
    "ObjectLockLegalHoldStatus": of_object(lambda found: "ON" if found.hold else "OFF"),
    "ObjectLockEventHoldStatus": of_object(lambda found: "ON" if found.event_hold else "OFF"),
    "IntelligentTieringAccessTier": lambda row: "" if row.held is None else tiering.tier(row.call, row.held),
    "BucketKeyStatus": of_object(lambda found: "ENABLED" if found.seal.bucket_key else "DISABLED"),
    "ChecksumAlgorithm": of_object(lambda found: found.algorithm),
    "ObjectAccessControlList": of_object(access_list),
    "ObjectOwner": lambda row: canonical_id(row.version.owner),
    "LifecycleExpirationDate": expires,
    "IntelligentTieringReferenceDate": of_object(
        lambda found: iso(tiering.last_read(found)) if tiering.monitored(found) else ""
    ),
}
"""Optional fields, in the order in which reports have them."""
UNTOLD = {"ObjectLockEventHoldDuration"}
"""How inventories write it is nowhere described."""


def check(call: Call, bucket: Bucket, content: Members) -> None:
    target = content["Destination"]["S3BucketDestination"]
    if not target["Bucket"].startswith("arn:"):
        raise faults.fault("InvalidS3DestinationBucket", "Invalid bucket ARN.")
    fields = content.get("OptionalFields", [])
    if len(fields) != len(set(fields)):
        raise faults.malformed()
    if untold := UNTOLD & set(fields):
        raise Unfinished(f"Pileus has no inventories with {', '.join(sorted(untold))} yet.")
    if content["IsEnabled"]:
        plan(call, bucket, content)


numbered("InventoryConfiguration", check)


def plan(call: Call, bucket: Bucket, content: Members) -> None:
    """Have the next inventory made at the midnight to come, or at that between Saturday and Sunday."""
    due = rules.tomorrow(call.now)
    if content["Schedule"]["Frequency"] == "Weekly":
        while datetime.fromtimestamp(due, UTC).weekday() != 6:
            due += DAY
    before = Planned.get(call, bucket.room, content["Id"])
    if before is not None and before.due == due:
        return
    Planned(bucket.room, content["Id"], due).put(call)
    who = identity.service(events.S3_ITSELF, bucket.arn(call), bucket.owner)
    at = call.at(account=bucket.owner, region=bucket.region, principal=who, source_ip="", members={})
    take_inventory.later(at, bucket=bucket.name, room=bucket.room, name=content["Id"], planned=due, due=due)


@s3.task
async def take_inventory(call: Call, bucket: str, room: str, name: str, planned: float) -> None:
    """Make an inventory, and plan the next one."""
    found = Bucket.get(call, call.partition, bucket)
    content = documents.load(call, room, KIND, name)
    expected = Planned.get(call, room, name)
    if found is None or found.room != room or expected is None or expected.due != planned:
        return
    if content is None or not content["IsEnabled"]:
        with call.transaction():
            expected.delete(call)
        return
    try:
        await Inventory(call, found, content).make()
    except Fault as fault:
        log.warning("the inventory %s of %s is not delivered: %s", name, bucket, fault)
    with call.transaction():
        plan(call, found, content)


class Inventory:
    """One inventory in the making."""

    def __init__(self, call: Call, bucket: Bucket, content: Members) -> None:
        self.call = call
        self.bucket = bucket
        self.to: Members = content["Destination"]["S3BucketDestination"]
        self.all = content["IncludedObjectVersions"] == "All"
        self.prefix: str = content.get("Filter", {}).get("Prefix", "")
        prefix = self.to.get("Prefix", "")
        self.place = f"{prefix}/{bucket.name}/{content['Id']}".lstrip("/")
        asked = content.get("OptionalFields", [])
        self.optional = [column for column in COLUMNS if column in asked]
        self.fields = ["Bucket", "Key", *(["VersionId", "IsLatest", "IsDeleteMarker"] if self.all else [])]
        self.fields += self.optional
        self.files: list[Members] = []

    async def make(self) -> None:
        rows: list[list[Any]] = []
        for row in self.rows():
            rows.append(self.told(row))
            if len(rows) % SLICE == 0:
                await asyncio.sleep(0)  # others come in between
            if len(rows) == ROWS:
                await self.write(rows)
                rows = []
        if rows or not self.files:
            await self.write(rows)
        await self.finish()

    def rows(self) -> Iterator[Row]:
        """What is in the bucket, read in slices."""
        bounds: dict[str, Any] = {"since": (self.prefix,)} if self.prefix else {}
        previous = ""
        while True:
            seen = list(islice(self.scan(bounds), SLICE))
            for version in seen:
                if not version.name.startswith(self.prefix):
                    return
                yield Row(self.call, self.bucket, version, version.name != previous)
                previous = version.name
            if len(seen) < SLICE:
                return
            bounds = {"above": (seen[-1].name, seen[-1].order) if self.all else (seen[-1].name,)}

    def scan(self, bounds: Members) -> Iterator[Version]:
        if self.all:
            return merged(self.call, self.bucket, SLICE, **bounds)
        found = Object.scan(self.call, self.bucket.room, limit=SLICE, **bounds)
        return (Version.of(each) for each in found)

    def told(self, row: Row) -> list[Any]:
        version = row.version
        told: list[Any] = [
            self.bucket.name,
            quote_plus(version.name, safe="/") if self.to["Format"] == "CSV" else version.name,
        ]
        if self.all:
            told += [version.version if self.bucket.versioned else "", row.latest, version.held is None]
        return told + [COLUMNS[column](row) for column in self.optional]

    async def write(self, rows: list[list[Any]]) -> None:
        """Put a file of rows."""
        body = await threaded(FORMATS[self.to["Format"]], self.fields, rows)
        key = f"{self.place}/data/{names.uuid4()}.{ENDINGS[self.to['Format']]}"
        await self.put(key, body, "application/octet-stream")
        digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
        self.files.append({"key": key, "size": len(body), "MD5checksum": digest})

    async def finish(self) -> None:
        """Put the manifest, its checksum, and the list of files for Hive."""
        at = datetime.fromtimestamp(self.call.now, UTC)
        manifest = {
            "sourceBucket": self.bucket.name,
            "destinationBucket": self.to["Bucket"],
            "version": "2016-11-30",
            "creationTimestamp": str(int(self.call.now * 1000)),
            "fileFormat": self.to["Format"],
            "fileSchema": self.schema(),
            "files": self.files,
        }
        target = self.to["Bucket"].rpartition(":")[2]
        links = "\n".join(f"s3://{target}/{file['key']}" for file in self.files)
        await self.put(f"{self.place}/hive/dt={at:%Y-%m-%d-%H-%M}/symlink.txt", links.encode(), "text/plain")
        folder = f"{self.place}/{at:%Y-%m-%dT%H-%MZ}"
        body = json.dumps(manifest, indent=2).encode()
        await self.put(f"{folder}/manifest.json", body, "application/json")
        digest = hashlib.md5(body, usedforsecurity=False).hexdigest().encode()
        await self.put(f"{folder}/manifest.checksum", digest, "text/plain")

    def schema(self) -> str:
        if self.to["Format"] == "CSV":
            return ", ".join(self.fields)
        columns = ",".join(f"{snake(field)}:{TYPES.get(field, 'string')}" for field in self.fields)
        return f"struct<{columns}>"

    async def put(self, key: str, body: bytes, kind: str) -> None:
        given: Members = {}
        wanted = self.to.get("Encryption", {})
        if "SSEKMS" in wanted:
            given = {"server_side_encryption": "aws:kms", "ssekms_key_id": wanted["SSEKMS"]["KeyId"]}
        elif "SSES3" in wanted:
            given = {"server_side_encryption": "AES256"}
        target = self.to["Bucket"].rpartition(":")[2]
        owner = self.to.get("AccountId")
        there = Bucket.get(self.call, self.call.partition, target)
        if there is None:
            raise faults.no_bucket(target)
        roles.check(self.call, "s3:PutObject", there, key)  # S3 asks S3 itself for nothing, so this has to be said here
        service = self.call.aws("s3", principal=self.call.principal)
        await service.put_object(
            bucket=target, key=key, body=body, content_type=kind, expected_bucket_owner=owner, **given
        )


# Formats

TYPES = {"Size": "bigint", "IsLatest": "boolean", "IsDeleteMarker": "boolean"}


def snake(field: str) -> str:
    """`last_modified_date`, as ORC and Parquet have it."""
    text = field.replace("ETag", "Etag")
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in text).lstrip("_")


def as_csv(fields: list[str], rows: list[list[Any]]) -> bytes:
    import csv
    import gzip

    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    for row in rows:
        writer.writerow([str(value).lower() if isinstance(value, bool) else value for value in row])
    return gzip.compress(text.getvalue().encode(), 6)


def table(fields: list[str], rows: list[list[Any]]) -> Any:
    try:
        import pyarrow
    except ImportError:
        raise Unfinished("Inventories as ORC or Parquet want pyarrow: pip install 'pileus[inventory]'.") from None
    kinds = {"bigint": pyarrow.int64(), "boolean": pyarrow.bool_(), "string": pyarrow.string()}
    arrays = []
    for at, field in enumerate(fields):
        kind = TYPES.get(field, "string")
        values = [None if row[at] == "" else row[at] for row in rows]
        arrays.append(pyarrow.array(values, kinds[kind]))
    return pyarrow.table(arrays, names=[snake(field) for field in fields])


def as_parquet(fields: list[str], rows: list[list[Any]]) -> bytes:
    made = table(fields, rows)
    import pyarrow.parquet

    out = io.BytesIO()
    pyarrow.parquet.write_table(made, out)
    return out.getvalue()


def as_orc(fields: list[str], rows: list[list[Any]]) -> bytes:
    made = table(fields, rows)
    import pyarrow.orc

    out = io.BytesIO()
    pyarrow.orc.write_table(made, out)
    return out.getvalue()


FORMATS: dict[str, Callable[[list[str], list[list[Any]]], bytes]] = {
    "CSV": as_csv,
    "Parquet": as_parquet,
    "ORC": as_orc,
}
