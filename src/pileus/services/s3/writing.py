"""PutObject: bytes come in, and are there whole or not at all."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, parcels

from . import (
    access,
    acls,
    appending,
    conditions,
    digests,
    directories,
    faults,
    happenings,
    headers,
    locks,
    naming,
    points,
    rules,
    s3,
    seals,
    tagging,
    versions,
)
from .buckets import Bucket, still
from .data import LARGEST, Intake, Small
from .digests import MEMBERS, Digests, Sums
from .objects import STANDARD, Object, Part

ABOUT = (
    "ACL",
    "GrantFullControl",
    "GrantRead",
    "GrantReadACP",
    "GrantWriteACP",
    *headers.SYSTEM,
    "Metadata",
    "StorageClass",
    "WebsiteRedirectLocation",
    "ServerSideEncryption",
    "SSECustomerAlgorithm",
    "SSECustomerKey",
    "SSECustomerKeyMD5",
    "SSEKMSKeyId",
    "SSEKMSEncryptionContext",
    "BucketKeyEnabled",
    "Tagging",
    "ObjectLockMode",
    "ObjectLockRetainUntilDate",
    "ObjectLockLegalHoldStatus",
    "ObjectLockEventHold",
    "ObjectLockEventHoldDurationDays",
    "ObjectLockEventHoldDurationYears",
)
"""Members that say something about a new object, whether it is put, copied, or sent in parts."""
SAID = frozenset(ABOUT)
GRANTS = ABOUT[:5]
PUT = (*ABOUT, *MEMBERS, "ChecksumAlgorithm", "Body", "ContentLength", "ContentMD5", "IfMatch", "IfNoneMatch")


def begun(call: Call, bucket: Bucket, name: str, request: dict[str, Any], seal: seals.Seal) -> Object:
    """A new object as its request describes it, still without bytes."""
    naming.check_key(name)
    new = Object(
        room=bucket.room,
        name=name,
        etag="",
        size=0,
        modified=0.0,
        owner=bucket.owner if bucket.ownership == "BucketOwnerEnforced" else call.account,
        seal=seal,
        storage_class=directories.CLASS if bucket.zone else bucket.shelf or STANDARD,
        headers={"ContentType": headers.DEFAULT_TYPE},
    )
    if not SAID.isdisjoint(request):
        describe(call, bucket, new, request)
    return new


def describe(call: Call, bucket: Bucket, new: Object, request: dict[str, Any]) -> None:
    """Note on a new object what its request says about it."""
    if not bucket.zone and not bucket.shelf:
        new.storage_class = headers.storage_class(request)
    new.headers = headers.system(request)
    new.metadata = headers.metadata(request)
    new.redirect = headers.redirect(request)
    if tags := request.get("Tagging"):
        new.tags = tagging.from_header(tags)
    new.acl = granted(call, bucket, request)
    if bucket.ownership == "BucketOwnerPreferred" and request.get("ACL") == "bucket-owner-full-control":
        new.owner, new.acl = bucket.owner, []


def granted(call: Call, bucket: Bucket, request: dict[str, Any]) -> list[acls.Grant]:
    """The grants that a request gives on a new object."""
    if request.keys().isdisjoint(GRANTS):
        return []
    canned = request.get("ACL", "")
    given = acls.of_request(request)
    if not canned and not any(given):
        return []
    grants = acls.from_headers(call.account, canned, given, bucket.owner)
    if canned != "bucket-owner-full-control":
        acls.check_supported(grants, bucket.ownership)
    elif bucket.ownership == "BucketOwnerEnforced":
        return []
    acls.check_public(grants, points.blocks(call, bucket))
    return grants


@s3.operation(on=access.to_key, honours=(*PUT, "WriteOffsetBytes"))
async def put_object(call: Call, bucket: Bucket, key: str, request: dict[str, Any]) -> dict[str, Any]:
    """Store an object."""
    return await put(call, bucket, key, request, request.get("Body"))


async def put(
    call: Call, bucket: Bucket, key: str, request: dict[str, Any], body: Any, how: str = "Put"
) -> dict[str, Any]:
    """Read a body to its end and make it the current version of the key, if all that was said of it holds."""
    customer = seals.of_request(request)
    seal = seals.asked(call, bucket, request, customer)
    new = begun(call, bucket, key, request, seal)
    length = request.get("ContentLength", 0)
    if length > LARGEST + LARGEST // 1000:  # an aws-chunked one is a little longer
        raise faults.too_large(length, LARGEST)
    want = digests.wanted(request, body)
    if bucket.lock and want is None and "ContentMD5" not in request and "ObjectLockMode" in request:
        raise faults.invalid_request(
            "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters"
        )
    if "IfMatch" in request or "IfNoneMatch" in request:
        conditions.check_write(request, key, Object.get(call, bucket.room, key))
    if "WriteOffsetBytes" in request:
        appending.check(bucket, Object.get(call, bucket.room, key), request, want)
    algorithm = want.algorithm if want else digests.DEFAULT
    opener = new.opener(call, bucket, customer)
    if isinstance(body, bytes) and len(body) <= parcels.MOST:
        appending.check_size(request, len(body))
        small = Small(call, opener, Sums(algorithm, body), body)
        digests.compare(small.digests, want, body, request.get("ContentMD5", ""))
        return placed(call, bucket, new, request, small, how)
    async with Intake(call, opener, Digests(algorithm)) as intake:
        await intake.take(body)
        appending.check_size(request, intake.size)
        digests.compare(intake.digests, want, body, request.get("ContentMD5", ""))
        return placed(call, still(call, bucket), new, request, intake, how)


def placed(
    call: Call, bucket: Bucket, new: Object, request: dict[str, Any], intake: Intake | Small, how: str
) -> dict[str, Any]:
    """Make what has arrived the current version of its key, and tell of it."""
    offset = request.get("WriteOffsetBytes")
    with call.transaction():
        old = Object.get(call, bucket.room, new.name)
        if "IfMatch" in request or "IfNoneMatch" in request:
            conditions.check_write(request, new.name, old)
        if offset:
            appending.check_offset(bucket, old, offset)
            assert old is not None
            new = appending.append(call, old, new, intake.adopt(call), intake.digests.algorithm)
        else:
            part = intake.adopt(call, over=versions.given_up(bucket, old))
            filled(new, part, intake.digests.algorithm, bucket)
            new.modified = call.now
            locks.apply(call, bucket, new, request)
            versions.place(call, bucket, new, old)
        happenings.created(call, bucket, new, how)
    told = {"ETag": f'"{new.etag}"', **checksums(new), **seals.shown(new.seal, with_context=True)}
    if bucket.versioning == "Enabled":
        told["VersionId"] = new.version
    if bucket.has_lifecycle:
        told |= rules.expiring(call, bucket, new)
    if offset is not None:
        told["Size"] = new.size
    return told | access.charged(call, bucket)


def filled(new: Object, part: Part, algorithm: str, bucket: Bucket) -> None:
    """Give an object its bytes."""
    new.part = part
    new.size = part.size
    new.etag = part.md5 if new.seal.algorithm == "AES256" and not bucket.zone else part.key[:16].hex()
    new.algorithm, new.checksum = algorithm, part.checksum


def checksums(found: Object) -> dict[str, str]:
    """The checksum as responses tell it."""
    if not found.checksum:
        return {}
    kind = digests.COMPOSITE if found.composite else digests.FULL
    return {f"Checksum{found.algorithm}": found.checksum, "ChecksumType": kind}
