"""Annotations: named notes of up to 1 MiB on one version of an object, kept, sealed and removed with it.

"Annotating objects", S3 User Guide. Left out: their replication, and the metadata tables that tell of them.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Any, NamedTuple

from pileus.kernel import Call, Record, paging

from . import access, conditions, data, digests, faults, happenings, locks, s3, seals, versions
from .buckets import Bucket
from .data import Intake
from .digests import MEMBERS, Digests
from .objects import Object, Part

LONGEST = 512
"""Bytes of a name."""
LARGEST = 1024 * 1024
MOST = 1000


class Annotation(Record, scope="cloud", key=("room", "subject", "serial", "name"), kw_only=True):
    """One annotation. The serial number tells the versions of a key apart, wherever they stand."""

    room: str
    subject: str
    serial: int
    name: str
    modified: float
    part: Part
    algorithm: str

    @property
    def etag(self) -> str:
        return f'"{self.part.md5}"'

    @classmethod
    def of(cls, call: Call, found: Object, **bounds: Any) -> Iterator[Annotation]:
        return cls.scan(call, found.room, found.name, found.serial, **bounds)


def about(found: Object, name: str) -> tuple[str, str, int, str]:
    return found.room, found.name, found.serial, name


def check_name(name: str) -> None:
    if len(name.encode()) > LONGEST:
        words = "The annotation name exceeds the maximum length of 512 bytes."
        raise faults.fault("AnnotationNameTooLong", words, AnnotationName=name)
    if not name or name.lower().startswith("aws:") or not name.isprintable():
        raise faults.fault("InvalidAnnotationName", "The annotation name you provided is invalid.", AnnotationName=name)


@s3.operation(on=access.to_key, honours=(*MEMBERS, "ChecksumAlgorithm", "ContentMD5"))
async def put_object_annotation(
    call: Call,
    bucket: Bucket,
    key: str,
    annotation_name: str,
    annotation_payload: Any,
    version_id: str = "",
    object_if_match: str = "",
    *,
    request: dict[str, Any],
) -> dict[str, Any]:
    """Attach an annotation, in place of one of the same name."""
    check_name(annotation_name)
    found = annotated(call, bucket, key, version_id, object_if_match)
    want = digests.wanted(request, annotation_payload)
    running = Digests(want.algorithm if want else digests.DEFAULT)
    async with Intake(call, found.opener(call, bucket), running) as intake:
        await intake.take(limited(annotation_payload))
        if not intake.size:
            raise faults.invalid_request("The annotation payload must have at least one byte.")
        digests.compare(running, want, annotation_payload, request.get("ContentMD5", ""))
        with call.transaction():
            found = annotated(call, bucket, key, found.version, object_if_match)
            made = attach(call, found, annotation_name, intake)
            versions.save(call, found)
            happenings.changed(call, bucket, found, "ObjectAnnotation:Put")
    return {
        "Key": key,
        "AnnotationName": annotation_name,
        "ETag": made.etag,
        **checksum(made),
        **identified(bucket, found),
        **encrypted(found),
        **access.charged(call, bucket),
    }


async def limited(body: Any) -> AsyncIterator[bytes]:
    """A payload as it arrives, up to the most that it may be."""
    size = 0
    async for piece in data.pieces(body):
        size += len(piece)
        if size > LARGEST:
            raise faults.too_large(size, LARGEST)
        yield piece


def annotated(call: Call, bucket: Bucket, key: str, version: str, etag: str) -> Object:
    """The object, if it may be annotated and is the one that the caller takes it for."""
    found = versions.find(call, bucket, key, version, method="PUT")
    if found.seal.algorithm == seals.CUSTOMER:
        raise faults.invalid_request("Objects encrypted with SSE-C cannot have annotations.")
    if etag and not conditions.matches(etag, found.etag):
        raise faults.precondition("x-amz-object-if-match")
    return found


def attach(call: Call, found: Object, name: str, intake: Intake) -> Annotation:
    before = Annotation.get(call, *about(found, name))
    if before is not None:
        data.discard(call, before.part)
    elif found.annotations >= MOST:
        words = "The request would exceed the maximum number of annotations allowed per object."
        raise faults.fault("AnnotationLimitExceeded", words)
    else:
        found.annotations += 1
    return Annotation(
        room=found.room,
        subject=found.name,
        serial=found.serial,
        name=name,
        modified=call.now,
        part=intake.adopt(call),
        algorithm=intake.digests.algorithm,
    ).put(call)


def checksum(found: Annotation) -> dict[str, str]:
    return {f"Checksum{found.algorithm}": found.part.checksum, "ChecksumType": digests.FULL}


def identified(bucket: Bucket, found: Object) -> dict[str, str]:
    return {"ObjectVersionId": found.version} if bucket.versioned else {}


def encrypted(found: Object) -> dict[str, Any]:
    return {"ServerSideEncryption": seals.shown(found.seal)["ServerSideEncryption"]}


@s3.operation(on=access.to_key)
def get_object_annotation(
    call: Call, bucket: Bucket, key: str, annotation_name: str, version_id: str = "", checksum_mode: str = ""
) -> dict[str, Any]:
    """The payload of an annotation."""
    found = versions.find(call, bucket, key, version_id)
    note = Annotation.get(call, *about(found, annotation_name))
    if note is None:
        words = "The specified annotation does not exist on this object."
        raise faults.fault("NoSuchAnnotation", words, 404, AnnotationName=annotation_name)
    return {
        "AnnotationPayload": data.read(call, found.opener(call, bucket), [note.part], 0, note.part.size),
        "ContentLength": note.part.size,
        "LastModified": math.floor(note.modified),
        "ETag": note.etag,
        **(checksum(note) if checksum_mode == "ENABLED" else {}),
        **identified(bucket, found),
        **encrypted(found),
        **access.charged(call, bucket),
    }


@s3.operation(on=access.to_key)
def list_object_annotations(
    call: Call,
    bucket: Bucket,
    key: str,
    version_id: str = "",
    max_annotation_results: int = MOST,
    annotation_prefix: str = "",
    continuation_token: str = "",
) -> dict[str, Any]:
    """A page of an object's annotations, by their names."""
    found = versions.find(call, bucket, key, version_id)
    wrong = faults.invalid_argument("The continuation token provided is incorrect", "continuation-token")
    after = str(paging.opened(call, continuation_token, wrong)) if continuation_token else ""
    bounds: dict[str, Any] = {"above": (after,)} if after else {"since": (annotation_prefix,)}
    page: list[Annotation] = []
    following = None
    for note in Annotation.of(call, found, **bounds):
        if not note.name.startswith(annotation_prefix):
            break
        if len(page) == max_annotation_results:
            following = paging.sealed(call, page[-1].name)
            break
        page.append(note)
    told: dict[str, Any] = {
        "Bucket": bucket.name,
        "Key": key,
        "MaxAnnotationResults": max_annotation_results,
        "AnnotationCount": len(page),
        "Annotations": [listed(note) for note in page],
    }
    given = {"AnnotationPrefix": annotation_prefix, "ContinuationToken": continuation_token}
    told |= {name: value for name, value in given.items() if value}
    told |= {"NextContinuationToken": following} if following else {}
    return told | identified(bucket, found) | access.charged(call, bucket)


def listed(note: Annotation) -> dict[str, Any]:
    return {
        "AnnotationName": note.name,
        "LastModified": math.floor(note.modified),
        "ETag": note.etag,
        "ChecksumAlgorithm": [note.algorithm],
        "Size": note.part.size,
    }


@s3.operation(on=access.to_key)
def delete_object_annotation(
    call: Call, bucket: Bucket, key: str, annotation_name: str, version_id: str = "", object_if_match: str = ""
) -> dict[str, Any]:
    """Remove an annotation; to remove none is no error."""
    found = annotated(call, bucket, key, version_id, object_if_match)
    if bucket.lock:
        locks.check_removable(call, bucket, found)
    note = Annotation.get(call, *about(found, annotation_name))
    if note is not None:
        data.discard(call, note.part)
        note.delete(call)
        found.annotations -= 1
        versions.save(call, found)
        happenings.changed(call, bucket, found, "ObjectAnnotation:Delete")
    return identified(bucket, found) | access.charged(call, bucket)


# Copies


class Brought(NamedTuple):
    """An annotation on its way to a copy."""

    name: str
    intake: Intake


async def brought(
    call: Call, source: Bucket, found: Object, target: Bucket, new: Object, stack: AsyncExitStack
) -> list[Brought]:
    """The annotations of an object, read and sealed anew for a copy of it."""
    arrived = []
    for note in list(Annotation.of(call, found)):
        intake = Intake(call, new.opener(call, target), Digests(note.algorithm))
        await stack.enter_async_context(intake)
        await intake.take(data.read(call, found.opener(call, source), [note.part], 0, note.part.size))
        arrived.append(Brought(note.name, intake))
    return arrived
