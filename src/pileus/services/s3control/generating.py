"""Manifests that a job makes itself, of what is in a bucket ("Specifying a manifest", S3 User Guide).

All versions are in it that its filter means, and no delete markers. What a job is about stays as it was when its
manifest was made, so it is kept until the job is over, whether it is written into a bucket or not.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import quote_plus

from pileus.kernel import Call, Fault, Record, names
from pileus.kernel.identity import Principal
from pileus.services.s3 import replicating, roles
from pileus.services.s3.buckets import Bucket
from pileus.services.s3.listing_versions import every
from pileus.services.s3.objects import Object

from .jobs import GENERATED, Job
from .manifests import Stopped, Target, client

ROWS = 1000
ENCRYPTIONS = {"SSES3": "AES256", "SSEKMS": "aws:kms", "DSSEKMS": "aws:kms:dsse", "SSEC": "SSE-C"}

Members = dict[str, Any]


class Listed(Record, key=("job", "number")):
    """Some lines of a manifest: keys and version ids."""

    job: str
    number: int
    rows: list[tuple[str, str]]


async def generate(call: Call, job: Job, principal: Principal) -> None:
    """Make the manifest of a job, and write it where that is wanted."""
    given = job.generator
    bucket = source(call, given, principal)
    rows: list[tuple[str, str]] = []
    number = 0
    with call.transaction():
        Listed.delete_all(call, job.id)  # of an attempt that was not finished
    async for version in every(call, bucket):
        if version.held is not None and means(call, bucket, version.held, given.get("Filter", {})):
            rows.append((version.name, version.version if bucket.versioned else ""))
        if len(rows) == ROWS:
            number, rows = keep(call, job, number, rows), []
    keep(call, job, number, rows)
    if given["EnableManifestOutput"]:
        await write(call, job, bucket, principal)


def source(call: Call, given: Members, principal: Principal) -> Bucket:
    """The bucket that is to be listed, if the role may have that done."""
    found = Bucket.get(call, call.partition, given["SourceBucket"].rpartition(":")[2])
    if found is None or found.zone or found.table:
        raise Stopped("ManifestGenerationFailed", "The source bucket of the manifest does not exist.")
    if given.get("ExpectedBucketOwner", found.owner) != found.owner:
        raise Stopped("ManifestGenerationFailed", "The source bucket belongs to another account.")
    try:
        roles.check(call.at(principal=principal), "s3:PutInventoryConfiguration", found)
    except Fault as fault:
        raise Stopped("ManifestGenerationFailed", f"The source bucket cannot be listed: {fault}") from None
    return found


def keep(call: Call, job: Job, number: int, rows: list[tuple[str, str]]) -> int:
    """Keep some rows under the next number."""
    if rows:
        with call.transaction():
            Listed(job=job.id, number=number, rows=rows).put(call)
    return number + 1


def kept(call: Call, job: Job) -> Iterator[Target]:
    """The lines of a manifest that was made."""
    bucket = job.generator["SourceBucket"].rpartition(":")[2]
    for some in Listed.scan(call, job.id):
        for key, version in some.rows:
            yield Target(bucket, key, version)


async def lines(call: Call, job: Job) -> AsyncIterator[Target]:
    """The same as a job reads them."""
    for target in kept(call, job):
        yield target


# What is in it


def means(call: Call, bucket: Bucket, found: Object, wanted: Members) -> bool:
    """Whether a filter means a version."""
    after, before = wanted.get("CreatedAfter"), wanted.get("CreatedBefore")
    above, below = wanted.get("ObjectSizeGreaterThanBytes"), wanted.get("ObjectSizeLessThanBytes")
    classes, statuses = wanted.get("MatchAnyStorageClass"), wanted.get("ObjectReplicationStatuses")
    return (
        (after is None or found.modified > after)
        and (before is None or found.modified < before)
        and (above is None or found.size > above)
        and (below is None or found.size < below)
        and (not classes or found.storage_class in classes)
        and (not statuses or (found.replication or "NONE") in statuses)
        and named(found.name, wanted.get("KeyNameConstraint", {}))
        and encrypted(found, wanted.get("MatchAnyObjectEncryption"))
        and (
            "EligibleForReplication" not in wanted or eligible(call, bucket, found) == wanted["EligibleForReplication"]
        )
    )


def named(name: str, wanted: Members) -> bool:
    """Whether a key begins, ends, or contains as one of each list does."""
    beginnings, ends = wanted.get("MatchAnyPrefix"), wanted.get("MatchAnySuffix")
    parts = wanted.get("MatchAnySubstring")
    return (
        (not beginnings or name.startswith(tuple(beginnings)))
        and (not ends or name.endswith(tuple(ends)))
        and (not parts or any(part in name for part in parts))
    )


def encrypted(found: Object, wanted: list[Members] | None) -> bool:
    if not wanted:
        return True
    seal = found.seal
    for each in wanted:
        for kind, more in each.items():
            key, bucket_key = more.get("KmsKeyArn", seal.kms_key), more.get("BucketKeyEnabled", seal.bucket_key)
            if ENCRYPTIONS.get(kind) == seal.algorithm and (key, bucket_key) == (seal.kms_key, seal.bucket_key):
                return True
    return False


def eligible(call: Call, bucket: Bucket, found: Object) -> bool:
    """Whether a rule of the bucket would replicate it."""
    return not found.replica and any(
        replicating.selected(rule, found) for rule, _ in replicating.fitting(call, bucket, found.name, found.tags)
    )


# Where it is written


async def write(call: Call, job: Job, bucket: Bucket, principal: Principal) -> None:
    """Write the manifest as an inventory is written, and note where."""
    to = job.generator["ManifestOutputLocation"]
    target = to["Bucket"].rpartition(":")[2]
    folder = f"{to.get('ManifestPrefix', '').strip('/')}/{bucket.name}/job-{job.id}".lstrip("/")
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows((bucket.name, quote_plus(line.key, safe="/"), line.version) for line in kept(call, job))
    body = gzip.compress(text.getvalue().encode(), 6)
    key = f"{folder}/data/{names.uuid4()}.csv.gz"
    digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
    about = {
        "sourceBucket": bucket.name,
        "destinationBucket": to["Bucket"],
        "version": "2021-11-30",
        "creationTimestamp": str(int(call.now * 1000)),
        "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, VersionId",
        "files": [{"key": key, "size": len(body), "MD5checksum": digest}],
    }
    place = f"{folder}/manifest.json"
    try:
        await put(call, principal, to, target, key, body)
        etag = await put(call, principal, to, target, place, json.dumps(about, indent=2).encode())
    except Fault as fault:
        raise Stopped("ManifestGenerationFailed", f"The manifest cannot be written: {fault}") from None
    with call.transaction():
        found = Job.get(call, job.id)
        assert found is not None, f"a task is about a job that is not there: {job.id}"
        location = {"ObjectArn": f"arn:{call.partition}:s3:::{target}/{place}", "ETag": etag}
        found.generated = {"Format": GENERATED, "Location": location}
        found.put(call)


async def put(call: Call, principal: Principal, to: Members, bucket: str, key: str, body: bytes) -> str:
    """Put a part of the manifest; its ETag."""
    wanted = to.get("ManifestEncryption", {})
    given: Members = {"server_side_encryption": "AES256"} if "SSES3" in wanted else {}
    if "SSEKMS" in wanted:
        given = {"server_side_encryption": "aws:kms", "ssekms_key_id": wanted["SSEKMS"]["KeyId"]}
    owner = to.get("ExpectedManifestBucketOwner")
    told = await client(call, principal, bucket).put_object(
        bucket=bucket, key=key, body=body, expected_bucket_owner=owner, **given
    )
    return str(told["ETag"]).strip('"')
