"""GetObject, HeadObject, GetObjectAttributes: bytes go out, and what is known of them."""

from __future__ import annotations

import re
from collections.abc import Coroutine, Mapping
from typing import Any, NamedTuple

from pileus.kernel import Call
from pileus.kernel.edge import Result

from . import (
    access,
    conditions,
    data,
    faults,
    headers,
    locks,
    reshaping,
    restoring,
    rules,
    s3,
    seals,
    tiering,
    transforming,
    versions,
)
from .buckets import Bucket
from .objects import Object, Part
from .writing import checksums

READ = (
    "IfMatch",
    "IfNoneMatch",
    "IfModifiedSince",
    "IfUnmodifiedSince",
    "Range",
    "PartNumber",
    "VersionId",
    "ChecksumMode",
    "SSECustomerAlgorithm",
    "SSECustomerKey",
    "SSECustomerKeyMD5",
    *headers.OVERRIDES,
)
MOST_PARTS = 1000

_RANGE = re.compile(r"bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*", re.ASCII | re.IGNORECASE)


class Range(NamedTuple):
    """From `start` up to and without `stop`; `partial` if that is what was asked for."""

    start: int
    stop: int
    partial: bool


@s3.operation(on=access.to_key, honours=READ)
def get_object(
    call: Call, bucket: Bucket, key: str, request: dict[str, Any]
) -> dict[str, Any] | Coroutine[Any, Any, dict[str, Any]]:
    """The bytes of an object, or some of them."""
    if bucket.through and (function := transforming.wanted(call, bucket)) is not None:
        return transforming.transformed(call, *function, request)
    found = versions.find(call, bucket, key, request.get("VersionId", ""))
    check_unsigned(call, request)
    conditions.check_read(request, found)
    restoring.check_readable(call, found)
    customer = seals.of_request(request)
    seals.check_reader(found.seal, customer)
    parts = found.pieces(call)
    wanted, part = span(request, found, parts)
    told = described(call, bucket, found, request, wanted, part)
    if found.storage_class == tiering.CLASS:
        tiering.read(call, found)
    told["Body"] = data.read(call, found.opener(call, bucket, customer), parts, wanted.start, wanted.stop)
    return Result(told, 206) if wanted.partial else told


@s3.operation(on=access.to_key, honours=READ, action="s3:GetObject")
def head_object(
    call: Call, bucket: Bucket, key: str, request: dict[str, Any]
) -> dict[str, Any] | Coroutine[Any, Any, dict[str, Any]]:
    """What GetObject would tell beside the bytes."""
    if bucket.through and (function := transforming.wanted(call, bucket)) is not None:
        return reshaping.reshaped(call, *function, request)
    found = versions.find(call, bucket, key, request.get("VersionId", ""), method="HEAD")
    check_unsigned(call, request)
    conditions.check_read(request, found)
    seals.check_reader(found.seal, seals.of_request(request))
    wanted, part = span(request, found, found.pieces(call) if "PartNumber" in request else [])
    told = described(call, bucket, found, request, wanted, part)
    return Result(told, 206) if wanted.partial else told


def check_unsigned(call: Call, request: Mapping[str, Any]) -> None:
    """Nobody in particular may not choose the headers of a response."""
    if call.principal.type == "Anonymous" and not headers.OVERRIDES.keys().isdisjoint(request):
        words = "Request specific response headers cannot be used for anonymous GET requests."
        raise faults.invalid_request(words)


def described(
    call: Call, bucket: Bucket, found: Object, request: Mapping[str, Any], wanted: Range, part: Part | None
) -> dict[str, Any]:
    told = headers.shown(found, request)
    told["ContentLength"] = wanted.stop - wanted.start
    if wanted.partial:
        told["ContentRange"] = f"bytes {wanted.start}-{wanted.stop - 1}/{found.size}"
    if part is not None and found.parts:
        told["PartsCount"] = found.parts
    if "ChecksumMode" in request and request["ChecksumMode"].upper() == "ENABLED":
        told |= told_checksums(found, wanted, part)
    told |= seals.shown(found.seal)
    if bucket.versioned:
        told["VersionId"] = found.version
    if found.tier:
        told["ArchiveStatus"] = found.tier
    if found.replica or found.replicas:
        told["ReplicationStatus"] = found.replication
    if found.tags:
        version = "Version" if "VersionId" in request else ""
        if access.may(call, bucket, found.name, f"s3:GetObject{version}Tagging"):
            told["TagCount"] = len(found.tags)
    if bucket.lock:
        told |= lock_shown(call, bucket, found)
    if bucket.has_lifecycle and "VersionId" not in request:
        told |= rules.expiring(call, bucket, found)
    if found.restore is not None:
        told |= restoring.shown(call, found)
    told |= access.charged(call, bucket)
    return told


def lock_shown(call: Call, bucket: Bucket, found: Object) -> dict[str, Any]:
    """What the caller may know of the lock."""
    told = locks.shown(found)
    for permission, mark in (("Retention", "ObjectLockMode"), ("LegalHold", "ObjectLockLegalHoldStatus")):
        if mark in told and not access.may(call, bucket, found.name, f"s3:GetObject{permission}"):
            del told[mark]
            if permission == "Retention":
                del told["ObjectLockRetainUntilDate"]
    return told


def told_checksums(found: Object, wanted: Range, part: Part | None) -> dict[str, str]:
    """That of the object for all of it, that of a part for a part, and none for any other range."""
    if part is not None and found.parts:
        return {f"Checksum{found.algorithm}": part.checksum} if part.checksum else {}
    if wanted.stop - wanted.start != found.size:
        return {}
    return checksums(found)


def span(request: Mapping[str, Any], found: Object, parts: list[Part]) -> tuple[Range, Part | None]:
    """Which bytes are asked for, and the part, if it is one."""
    if "PartNumber" not in request:
        asked = request.get("Range")
        return (ranged(asked, found.size) if asked else Range(0, found.size, False)), None
    if "Range" in request:
        raise faults.invalid_request("Cannot specify both Range header and partNumber query parameter")
    number = request["PartNumber"]
    if not 1 <= number <= 10_000:
        words = "Part number must be an integer between 1 and 10000, inclusive"
        raise faults.invalid_argument(words, "partNumber", number)
    at = 0
    for index, part in enumerate(parts, 1):
        if index == number:
            return Range(at, at + part.size, True), part
        at += part.size
    if number == 1 and not found.size:
        return Range(0, 0, False), None
    words = "The requested partnumber is not satisfiable"
    raise faults.fault("InvalidPartNumber", words, 416, PartNumberRequested=number, ActualPartCount=len(parts))


def ranged(text: str, size: int) -> Range:
    """RFC 9110, 14.1.2. What is no single range of bytes is as if it were not there."""
    match = _RANGE.fullmatch(text)
    if match is None or match.groups() == ("", ""):
        return Range(0, size, False)
    first, last = match.groups()
    if not first:
        start, stop = max(size - int(last), 0), size
        satisfiable = int(last) > 0 and size > 0
    else:
        start, stop = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return Range(0, size, False)
        satisfiable = start < size
    if not satisfiable:
        words = "The requested range is not satisfiable"
        fault = faults.fault("InvalidRange", words, 416, RangeRequested=text, ActualObjectSize=size)
        fault.headers.append(("Content-Range", f"bytes */{size}"))
        raise fault
    return Range(start, stop, True)


@s3.operation(on=access.to_key, honours=("SSECustomerAlgorithm", "SSECustomerKey", "SSECustomerKeyMD5"))
def get_object_attributes(
    call: Call,
    bucket: Bucket,
    key: str,
    object_attributes: list[str],
    version_id: str = "",
    max_parts: int = MOST_PARTS,
    part_number_marker: int = 0,
    *,
    request: dict[str, Any],
) -> dict[str, Any]:
    """Those attributes of an object that the caller names."""
    found = versions.find(call, bucket, key, version_id)
    seals.check_reader(found.seal, seals.of_request(request))
    told: dict[str, Any] = {"LastModified": found.modified, **versions.shown(bucket, found)}
    if "ETag" in object_attributes:
        told["ETag"] = found.etag
    if "Checksum" in object_attributes and found.checksum:
        told["Checksum"] = checksums(found)
    if "ObjectParts" in object_attributes and found.parts:
        told["ObjectParts"] = parts_shown(call, bucket, found, max_parts, part_number_marker)
    if "StorageClass" in object_attributes:
        told["StorageClass"] = found.storage_class
    if "ObjectSize" in object_attributes:
        told["ObjectSize"] = found.size
    return told | access.charged(call, bucket)


def parts_shown(call: Call, bucket: Bucket, found: Object, most: int, above: int) -> dict[str, Any]:
    """The parts, one by one if each has a checksum of its own, and in directory buckets always."""
    most = min(most, MOST_PARTS)
    rest = [part for part in found.pieces(call) if part.number > above]
    page = rest[:most]
    told: dict[str, Any] = {
        "TotalPartsCount": found.parts,
        "PartNumberMarker": above,
        "MaxParts": most,
        "IsTruncated": len(rest) > most,
        "NextPartNumberMarker": page[-1].number if page else 0,
    }
    if found.composite or bucket.zone:
        told["Parts"] = [
            {"PartNumber": part.number, "Size": part.size}
            | ({f"Checksum{found.algorithm}": part.checksum} if found.composite else {})
            for part in page
        ]
    return told


@s3.operation(on=access.to_key)
def get_object_torrent(call: Call, bucket: Bucket, key: str) -> dict[str, Any]:
    """S3 has ended its support of BitTorrent, and refuses this."""
    raise faults.not_allowed("GET", "TORRENT")
