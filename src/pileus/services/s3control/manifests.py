"""Manifests of batch operations: the objects of a job, as CSV or as an inventory lists them."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import AsyncIterator
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

from pileus.kernel import Call, Fault
from pileus.kernel.identity import Principal
from pileus.services.s3.buckets import Bucket
from pileus.services.s3.data import pieces

from .jobs import FORMATS, Job


class Target(NamedTuple):
    """A line of a manifest."""

    bucket: str
    key: str
    version: str


class Stopped(Exception):
    """The job cannot go on."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.failure = {"FailureCode": code, "FailureReason": reason[:256]}


async def manifest(call: Call, job: Job, principal: Principal) -> AsyncIterator[Target]:
    """The targets of a job."""
    place, spec = job.manifest["Location"], job.manifest["Spec"]
    bucket, _, key = place["ObjectArn"].split(":::", 1)[-1].partition("/")
    content = await read(call, principal, bucket, unquote_plus(key), place["ETag"], place.get("ObjectVersionId"))
    if spec["Format"] == FORMATS[0]:
        for target in rows(content.decode(), spec["Fields"]):
            yield target
        return
    try:
        listed = json.loads(content)
        fields = [field.strip() for field in listed["fileSchema"].split(",")]
        home = listed["destinationBucket"].split(":::")[-1]
        files = [file["key"] for file in listed["files"]]
    except (ValueError, KeyError):
        raise Stopped("InvalidManifest", "The manifest is no inventory's manifest.json.") from None
    for name in files:
        packed = await read(call, principal, home, name)
        for target in rows(gzip.decompress(packed).decode(), fields):
            yield target


def rows(text: str, fields: list[str]) -> list[Target]:
    """The lines of a CSV, whose keys are URL-encoded."""
    found = []
    for number, row in enumerate(csv.reader(io.StringIO(text)), 1):
        if not row:
            continue
        if len(row) != len(fields):
            raise Stopped("InvalidManifest", f"Line {number} of the manifest has {len(row)} fields.")
        named = dict(zip(fields, row, strict=True))
        if named.get("IsDeleteMarker") == "true":
            continue
        found.append(Target(named["Bucket"], unquote_plus(named["Key"]), named.get("VersionId", "")))
    return found


async def read(
    call: Call, principal: Principal, bucket: str, key: str, etag: str = "", version: str | None = None
) -> bytes:
    members: dict[str, Any] = {"bucket": bucket, "key": key, "version_id": version}
    try:
        told = client(call, principal, bucket).get_object(**members)
    except Fault as fault:
        raise Stopped("ManifestInvalid", f"The manifest {bucket}/{key} cannot be read: {fault}") from None
    if etag and told["ETag"].strip('"') != etag.strip('"'):
        raise Stopped("ManifestETagMismatch", "The ETag of the manifest is not the one that the job names.")
    return b"".join([piece async for piece in pieces(told["Body"])])


def client(call: Call, principal: Principal, bucket: str) -> Any:
    """S3 in the Region of a bucket, as the job's role calls it."""
    found = Bucket.get(call, call.partition, bucket)
    at = call.at(account=principal.account, region=found.region if found else call.region)
    return at.aws("s3", principal=principal)
