"""CompleteMultipartUpload: parts become one object, without a byte being copied."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from typing import Any

from pileus.kernel import Call

from . import access, conditions, data, digests, faults, happenings, rules, s3, seals, versions
from .buckets import Bucket
from .digests import COMPOSITE, FULL, MEMBERS
from .objects import Manifest, Object, Part
from .uploads import Sent, Upload
from .writing import checksums

SMALLEST = 5 * 1024 * 1024
"""Of a part that is not the last."""
LARGEST = 50 * 1024**4
CONDITIONS = ("IfMatch", "IfNoneMatch", "SSECustomerAlgorithm", "SSECustomerKey", "SSECustomerKeyMD5")


@s3.operation(on=access.to_key, honours=(*MEMBERS, *CONDITIONS), action="s3:PutObject")
def complete_multipart_upload(
    call: Call,
    bucket: Bucket,
    key: str,
    upload_id: str,
    multipart_upload: dict[str, Any] | None = None,
    checksum_type: str = "",
    mpu_object_size: int | None = None,
    *,
    request: dict[str, Any],
) -> dict[str, Any]:
    """Make an object of the parts that are named. Repeated, it answers the same while the object is still there."""
    old = Object.get(call, bucket.room, key)
    upload = Upload.get(call, bucket.room, key, upload_id)
    if upload is None:
        if old is not None and old.manifest == upload_id:
            return answer(call, bucket, old)
        raise faults.no_upload(upload_id)
    conditions.check_write(request, key, old)
    if multipart_upload is None:
        raise faults.invalid_request("You must specify at least one part")
    parts = chosen(call, upload, multipart_upload.get("Parts", []))
    new = assembled(upload, parts)
    check_whole(upload, new, request, checksum_type, mpu_object_size)
    discard_rest(call, upload, parts)
    Manifest(id=upload.id, parts=parts).put(call)
    new.modified = upload.begun  # "Object metadata", User Guide: created when its upload was initiated
    versions.place(call, bucket, new, old)
    happenings.created(call, bucket, new, "CompleteMultipartUpload")
    upload.delete(call)
    return answer(call, bucket, new)


def answer(call: Call, bucket: Bucket, new: Object) -> dict[str, Any]:
    return {
        "Location": location(call, bucket, new.name),
        "Bucket": bucket.name,
        "Key": new.name,
        "ETag": f'"{new.etag}"',
        **checksums(new),
        **{name: value for name, value in seals.shown(new.seal).items() if not name.startswith("SSECustomer")},
        **(versions.shown(bucket, new) if bucket.versioning == "Enabled" else {}),
        **rules.expiring(call, bucket, new),
        **access.charged(call, bucket),
    }


def location(call: Call, bucket: Bucket, key: str) -> str:
    """The object's address, in the style in which the caller came."""
    from urllib.parse import quote

    virtual = call.endpoint.partition("://")[2].startswith(f"{bucket.name}.")
    return call.url(quote(key if virtual else f"{bucket.name}/{key}"))


def chosen(call: Call, upload: Upload, named: list[dict[str, Any]]) -> list[Part]:
    """The parts that are to make up the object, if they are there and in order."""
    if not named:
        raise faults.malformed()
    if any("PartNumber" not in each or "ETag" not in each for each in named):
        raise faults.malformed()
    numbers = [each["PartNumber"] for each in named]
    if any(one >= after for one, after in pairwise(numbers)):
        words = "The list of parts was not in ascending order. Parts must be ordered by part number."
        raise faults.fault("InvalidPartOrder", words, UploadId=upload.id)
    sent = {each.number: each.part for each in Sent.scan(call, upload.id)}
    parts = [found(upload, sent, each) for each in named]
    for part in parts[:-1]:
        if part.size < SMALLEST:
            raise faults.fault(
                "EntityTooSmall",
                "Your proposed upload is smaller than the minimum allowed size",
                ProposedSize=part.size,
                MinSizeAllowed=SMALLEST,
                PartNumber=part.number,
                ETag=part.md5,
            )
    return parts


def found(upload: Upload, sent: dict[int, Part], each: dict[str, Any]) -> Part:
    """One part, if it is what the caller takes it for."""
    number, etag = each["PartNumber"], each["ETag"].strip('"')
    part = sent.get(number)
    member = f"Checksum{upload.algorithm}"
    if part is None or part.md5 != etag or (upload.announced and each.get(member, part.checksum) != part.checksum):
        words = (
            "One or more of the specified parts could not be found.  The part may not have been uploaded, or the "
            "specified "
            "entity tag may not match the part's entity tag."
        )
        raise faults.fault("InvalidPart", words, UploadId=upload.id, PartNumber=number, ETag=etag)
    if upload.composite and member not in each:
        raise faults.invalid_request(
            f"The upload was created using a {upload.algorithm.lower()} checksum. The complete request must "
            "include the "
            f"checksum for each part. It was missing for part {number} in the request."
        )
    return part


def assembled(upload: Upload, parts: list[Part]) -> Object:
    """The object that the parts make up."""
    new = upload.new
    new.manifest, new.parts = upload.id, len(parts)
    new.size = sum(part.size for part in parts)
    if new.size > LARGEST:
        raise faults.too_large(new.size, LARGEST)
    digest = hashlib.md5(b"".join([bytes.fromhex(part.md5) for part in parts]), usedforsecurity=False)
    new.etag = f"{digest.hexdigest()}-{len(parts)}"
    new.algorithm, new.composite = upload.algorithm, upload.composite
    if upload.composite:
        new.checksum = digests.composite(upload.algorithm, [part.checksum for part in parts])
    else:
        new.checksum = digests.joined(upload.algorithm, [(part.checksum, part.size) for part in parts])
    return new


def check_whole(upload: Upload, new: Object, request: dict[str, Any], kind: str, size: int | None) -> None:
    """Compare the object with what the caller says of it."""
    if kind and kind != (COMPOSITE if upload.composite else FULL):
        raise faults.invalid_request(
            f"The upload was created using the {COMPOSITE if upload.composite else FULL} checksum mode. The "
            "complete request "
            "must use the same checksum mode."
        )
    if size is not None and size != new.size:
        words = f"The provided 'x-amz-mp-object-size' header value {size} does not match what was computed: {new.size}"
        raise faults.invalid_request(words)
    for member, algorithm in MEMBERS.items():
        given = request.get(member)
        if given is None:
            continue
        expected = new.checksum.partition("-")[0] if "-" not in given else new.checksum
        if algorithm != upload.algorithm or given != expected:
            raise faults.fault("BadDigest", f"The {algorithm} you specified did not match the calculated checksum.")


def discard_rest(call: Call, upload: Upload, parts: list[Part]) -> None:
    """Parts that were sent and are not named are gone."""
    kept = {part.number for part in parts}
    for sent in Sent.scan(call, upload.id):
        if sent.number not in kept:
            data.discard(call, sent.part)
    Sent.delete_all(call, upload.id)
