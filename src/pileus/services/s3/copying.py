"""CopyObject, and where the source of a copy is."""

from __future__ import annotations

import math
from contextlib import AsyncExitStack
from typing import Any, NamedTuple
from urllib.parse import unquote, unquote_plus

from pileus.kernel import Call, Fault

from . import (
    access,
    conditions,
    data,
    digests,
    faults,
    happenings,
    headers,
    locks,
    points,
    restoring,
    rules,
    s3,
    seals,
    tagging,
    versions,
)
from .annotations import attach, brought
from .buckets import Bucket, still
from .data import LARGEST, Intake
from .digests import Digests
from .objects import Object
from .writing import ABOUT, begun, checksums, filled

SOURCE = (
    "CopySource",
    "CopySourceIfMatch",
    "CopySourceIfModifiedSince",
    "CopySourceIfNoneMatch",
    "CopySourceIfUnmodifiedSince",
    "CopySourceSSECustomerAlgorithm",
    "CopySourceSSECustomerKey",
    "CopySourceSSECustomerKeyMD5",
    "ExpectedSourceBucketOwner",
)
COPY = (
    *ABOUT,
    *SOURCE,
    "ChecksumAlgorithm",
    "MetadataDirective",
    "TaggingDirective",
    "AnnotationDirective",
    "IfMatch",
    "IfNoneMatch",
)
CHANGES = ("StorageClass", "WebsiteRedirectLocation", "ServerSideEncryption", "SSECustomerKey", "ChecksumAlgorithm")


class Source(NamedTuple):
    """An object that is to be copied from."""

    bucket: Bucket
    found: Object
    customer: seals.CustomerKey | None


def source(call: Call, request: dict[str, Any]) -> Source:
    """`/bucket/key?versionId=…`, percent-encoded."""
    path, _, query = request["CopySource"].partition("?")
    text = unquote_plus(path).removeprefix("/")
    name, _, key = text.partition("/object/" if text.startswith("arn:") else "/")
    if not name or not key:
        words = "Copy Source must mention the source bucket and key: sourcebucket/sourcekey"
        raise faults.invalid_argument(words, "x-amz-copy-source", request["CopySource"])
    version = unquote(query.removeprefix("versionId=")) if query.startswith("versionId=") else ""
    bucket = Bucket.get(call, call.partition, name) or points.reach(call, name)
    if bucket is None:
        raise faults.no_bucket(name)
    access.check_owner(bucket, request.get("ExpectedSourceBucketOwner", ""))
    members = {"Bucket": name, "Key": key} | ({"VersionId": version} if version else {})
    reading = call.at(operation="GetObject", members=members)
    access.check_source(reading, bucket, key)
    found = copied(reading, bucket, key, version)
    conditions.check_source(request, found)
    restoring.check_readable(call, found)
    customer = seals.customer_key(
        request.get("CopySourceSSECustomerAlgorithm", ""),
        request.get("CopySourceSSECustomerKey", ""),
        request.get("CopySourceSSECustomerKeyMD5", ""),
        copy=True,
    )
    seals.check_reader(found.seal, customer)
    return Source(bucket, found, customer)


def copied(call: Call, bucket: Bucket, key: str, version: str) -> Object:
    try:
        return versions.find(call, bucket, key, version)
    except Fault as fault:
        if fault.code != "MethodNotAllowed":
            raise
        words = "The source of a copy request may not specifically refer to a delete marker by version id."
        raise faults.invalid_request(words) from None


def content(call: Call, origin: Source, start: int, stop: int) -> Any:
    """A range of the source's bytes."""
    found = origin.found
    opener = found.opener(call, origin.bucket, origin.customer)
    return data.read(call, opener, found.pieces(call), start, stop)


@s3.operation(on=access.to_key, honours=COPY, action="s3:PutObject")
async def copy_object(call: Call, bucket: Bucket, key: str, request: dict[str, Any]) -> dict[str, Any]:
    """Make an object of another one's bytes, and of what was said about it or of what the caller says."""
    origin = source(call, request)
    found = origin.found
    check_changes(bucket, key, request, origin)
    if found.size > LARGEST:
        words = "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120"
        raise faults.invalid_request(words)
    customer = seals.of_request(request)
    new = begun(call, bucket, key, request, seals.asked(call, bucket, request, customer))
    take_over(new, found, request)
    conditions.check_write(request, key, Object.get(call, bucket.room, key))
    algorithm = request.get("ChecksumAlgorithm") or (found.algorithm if not found.composite else "") or digests.DEFAULT
    running = Digests(algorithm)
    async with AsyncExitStack() as stack:
        intake = await stack.enter_async_context(Intake(call, new.opener(call, bucket, customer), running))
        await intake.take(content(call, origin, 0, found.size))
        notes = []
        if found.annotations and request.get("AnnotationDirective") != "EXCLUDE" and customer is None:
            notes = await brought(call, origin.bucket, found, bucket, new, stack)
        with call.transaction():
            bucket = still(call, bucket)
            old = Object.get(call, bucket.room, key)
            conditions.check_write(request, key, old)
            filled(new, intake.adopt(call), algorithm, bucket)
            new.modified = call.now
            locks.apply(call, bucket, new, request)
            versions.place(call, bucket, new, old)
            for each in notes:
                attach(call, new, each.name, each.intake)
            if notes:
                new.put(call)
            happenings.created(call, bucket, new, "Copy")
    return {
        "CopyObjectResult": {"ETag": f'"{new.etag}"', "LastModified": math.floor(new.modified), **checksums(new)},
        **({"CopySourceVersionId": found.version} if origin.bucket.versioned else {}),
        **seals.shown(new.seal, with_context=True),
        **(versions.shown(bucket, new) if bucket.versioning == "Enabled" else {}),
        **rules.expiring(call, bucket, new),
        **access.charged(call, bucket),
    }


def check_changes(bucket: Bucket, key: str, request: dict[str, Any], origin: Source) -> None:
    """A copy onto itself must change something, unless it brings an older version back."""
    same = origin.bucket.room == bucket.room and origin.found.name == key
    if not same or "?versionId=" in request["CopySource"] or request.get("MetadataDirective") == "REPLACE":
        return
    if request.keys().isdisjoint(CHANGES) and not bucket.encryption:
        words = (
            "This copy request is illegal because it is trying to copy an object to itself without changing the "
            "object's "
            "metadata, storage class, website redirect location or encryption attributes."
        )
        raise faults.invalid_request(words)


def take_over(new: Object, found: Object, request: dict[str, Any]) -> None:
    """What the copy keeps of its source: metadata and tags unless they are replaced; never its ACL, class or lock."""
    if request.get("MetadataDirective", "COPY") == "COPY":
        new.headers, new.metadata = found.headers, found.metadata
    else:
        new.headers, new.metadata = headers.system(request), headers.metadata(request)
    replaced = request.get("TaggingDirective", "COPY") == "REPLACE"
    new.tags = tagging.from_header(request.get("Tagging", "")) if replaced else found.tags
