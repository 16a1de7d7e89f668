"""Multipart uploads: begin, send parts, copy parts, list, abort ("Multipart upload overview", S3 User Guide)."""

from __future__ import annotations

import math
import re
from typing import Any

from pileus.kernel import Call, Record, names

from . import access, data, digests, faults, locks, rules, s3, seals
from .buckets import Bucket
from .copying import SOURCE, content, source
from .data import LARGEST, Intake
from .digests import COMPOSITE, DEFAULT, FULL, MEMBERS, Digests
from .naming import canonical_id
from .objects import Object, Part
from .seals import Opener
from .writing import ABOUT, begun

MOST_PARTS = 10_000
MOST_LISTED = 1000
COMPOSITES = ("CRC32", "CRC32C", "SHA1", "SHA256", "SHA512", "MD5")
"""Algorithms whose checksum of an object sent in parts is by default one of the parts' checksums."""

_RANGE = re.compile(r"bytes=(\d+)-(\d+)", re.ASCII)
_CUSTOMER = ("SSECustomerAlgorithm", "SSECustomerKey", "SSECustomerKeyMD5")


class Upload(Record, scope="cloud", key=("room", "name", "id"), kw_only=True):
    """An upload that is under way."""

    room: str
    name: str
    id: str
    """Ids of one key are in the order in which the uploads were begun."""
    begun: float
    initiator: str
    """An account, or the ARN of somebody else."""
    new: Object
    """What the object will be, but for its bytes."""
    algorithm: str
    announced: bool
    """Whether the caller named the algorithm."""
    composite: bool

    @property
    def initiated_by(self) -> dict[str, str]:
        return {"ID": self.initiator if self.initiator.startswith("arn:") else canonical_id(self.initiator)}

    @classmethod
    def named(cls, call: Call, bucket: Bucket, name: str, upload: str) -> Upload:
        found = cls.get(call, bucket.room, name, upload)
        if found is None:
            raise faults.no_upload(upload)
        return found


class Sent(Record, scope="cloud", key=("upload", "number")):
    """A part that has arrived."""

    upload: str
    number: int
    modified: float
    part: Part


@s3.operation(on=access.to_key, honours=(*ABOUT, "ChecksumAlgorithm", "ChecksumType"), action="s3:PutObject")
def create_multipart_upload(call: Call, bucket: Bucket, key: str, request: dict[str, Any]) -> dict[str, Any]:
    """Begin an upload: all that is said of the object is said here."""
    customer = seals.of_request(request)
    new = begun(call, bucket, key, request, seals.asked(call, bucket, request, customer))
    locks.apply(call, bucket, new, request)
    algorithm = request.get("ChecksumAlgorithm", "")
    kind = checksum_type(algorithm, request.get("ChecksumType", ""))
    upload = Upload(
        room=bucket.room,
        name=key,
        id=f"{int(call.now * 1000):013}{names.token(83)}",
        begun=call.now,
        initiator=call.account if call.principal.type == "Root" else call.principal.arn,
        new=new,
        algorithm=algorithm or DEFAULT,
        announced=bool(algorithm),
        composite=kind == COMPOSITE,
    ).put(call)
    told = {"Bucket": bucket.name, "Key": key, "UploadId": upload.id}
    if algorithm:
        told |= {"ChecksumAlgorithm": algorithm, "ChecksumType": kind}
    told |= rules.aborting(call, bucket, key, upload.begun)
    return {**told, **seals.shown(new.seal, with_context=True), **access.charged(call, bucket)}


def checksum_type(algorithm: str, asked: str) -> str:
    """Whether the object's checksum will be one of all its bytes or one of its parts' checksums."""
    if asked and not algorithm:
        raise faults.invalid_request(
            "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."
        )
    if not asked:
        return COMPOSITE if algorithm in COMPOSITES else FULL
    linear = bool(digests.ALGORITHMS[algorithm].join)
    if (asked == FULL and not linear) or (asked == COMPOSITE and algorithm not in COMPOSITES):
        raise faults.invalid_request(
            f"The {asked} checksum type cannot be used with the {algorithm.lower()} checksum algorithm."
        )
    return asked


@s3.operation(
    on=access.to_key,
    honours=(*MEMBERS, *_CUSTOMER, "Body", "ContentLength", "ContentMD5", "ChecksumAlgorithm"),
    action="s3:PutObject",
)
async def upload_part(
    call: Call, bucket: Bucket, key: str, part_number: int, upload_id: str, *, request: dict[str, Any]
) -> dict[str, Any]:
    """Send a part; one that was sent with the same number before is replaced."""
    body = request.get("Body")
    check_number(part_number)
    upload = Upload.named(call, bucket, key, upload_id)
    if request.get("ContentLength", 0) > LARGEST + LARGEST // 1000:
        raise faults.too_large(request["ContentLength"], LARGEST)
    customer = customer_of(upload, request)
    want = digests.wanted(request, body)
    if upload.announced and (want is None or want.algorithm != upload.algorithm):
        raise faults.invalid_request(
            f"Checksum Type mismatch occurred, expected checksum Type: {upload.algorithm.lower()}, actual "
            f"checksum Type: {want.algorithm.lower() if want else 'null'}"
        )
    running = Digests(want.algorithm if want else upload.algorithm)
    kept = running if running.algorithm == upload.algorithm else Both(running, Digests(upload.algorithm))
    async with Intake(call, opener(call, bucket, upload, customer), kept) as intake:
        await intake.take(body)
        digests.compare(running, want, body, request.get("ContentMD5", ""))
        part = keep(call, bucket, upload, part_number, intake)
    return {
        "ETag": f'"{part.md5}"',
        **({f"Checksum{running.algorithm}": running.checksum} if want else {}),
        **seals.shown(upload.new.seal),
        **access.charged(call, bucket),
    }


class Both(Digests):
    """What the sender wants compared, and what the upload is to keep."""

    def __init__(self, first: Digests, second: Digests) -> None:
        super().__init__(second.algorithm)
        self._first = first

    def update(self, data: bytes) -> None:
        super().update(data)
        self._first.update(data)


def opener(call: Call, bucket: Bucket, upload: Upload, customer: seals.CustomerKey | None) -> Opener:
    return upload.new.opener(call, bucket, customer)


def customer_of(upload: Upload, request: dict[str, Any]) -> seals.CustomerKey | None:
    """The customer's key, which must be the one with which the upload was begun."""
    customer = seals.of_request(request)
    if upload.new.seal.algorithm == seals.CUSTOMER and customer is None:
        raise faults.invalid_request(
            "The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate "
            "encryption parameters."
        )
    if (customer.md5 if customer else "") != upload.new.seal.customer_md5:
        raise faults.invalid_request("The provided encryption parameters did not match the ones used originally.")
    return customer


def check_number(number: int) -> None:
    if not 1 <= number <= MOST_PARTS:
        words = f"Part number must be an integer between 1 and {MOST_PARTS}, inclusive"
        raise faults.invalid_argument(words, "partNumber", number)


def keep(call: Call, bucket: Bucket, upload: Upload, number: int, intake: Intake) -> Part:
    """Record a part that has arrived, unless the upload is over meanwhile."""
    with call.transaction():
        Upload.named(call, bucket, upload.name, upload.id)
        if (before := Sent.get(call, upload.id, number)) is not None:
            data.discard(call, before.part)
        part = intake.adopt(call, number)
        if upload.new.seal.algorithm != "AES256":
            part.md5 = part.key[:16].hex()
        Sent(upload=upload.id, number=number, modified=call.now, part=part).put(call)
    return part


@s3.operation(on=access.to_key, honours=(*SOURCE, *_CUSTOMER), action="s3:PutObject")
async def upload_part_copy(
    call: Call,
    bucket: Bucket,
    key: str,
    part_number: int,
    upload_id: str,
    copy_source_range: str = "",
    *,
    request: dict[str, Any],
) -> dict[str, Any]:
    """Send a part by naming an object, or a range of one."""
    check_number(part_number)
    upload = Upload.named(call, bucket, key, upload_id)
    origin = source(call, request)
    start, stop = copied_range(copy_source_range, origin.found.size)
    if stop - start > LARGEST:
        words = "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120"
        raise faults.invalid_request(words)
    running = Digests(upload.algorithm)
    async with Intake(call, opener(call, bucket, upload, customer_of(upload, request)), running) as intake:
        await intake.take(content(call, origin, start, stop))
        part = keep(call, bucket, upload, part_number, intake)
    return {
        "CopyPartResult": {
            "ETag": f'"{part.md5}"',
            "LastModified": math.floor(call.now),
            **({f"Checksum{running.algorithm}": running.checksum} if upload.announced else {}),
        },
        **({"CopySourceVersionId": origin.found.version} if origin.bucket.versioned else {}),
        **seals.shown(upload.new.seal),
        **access.charged(call, bucket),
    }


def copied_range(text: str, size: int) -> tuple[int, int]:
    if not text:
        return 0, size
    match = _RANGE.fullmatch(text)
    if match is None or int(match[1]) > int(match[2]):
        words = (
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are "
            "the zero-based offsets of the first and last bytes to copy"
        )
        raise faults.invalid_argument(words, "x-amz-copy-source-range", text)
    start, last = int(match[1]), int(match[2])
    if last >= size:
        words = f"Range specified is not valid for source object of size: {size}"
        raise faults.invalid_argument(words, "x-amz-copy-source-range", text)
    return start, last + 1


@s3.operation(on=access.to_key, honours=_CUSTOMER, action="s3:ListMultipartUploadParts")
def list_parts(
    call: Call, bucket: Bucket, key: str, upload_id: str, max_parts: int = MOST_LISTED, part_number_marker: int = 0
) -> dict[str, Any]:
    """The parts that have arrived."""
    upload = Upload.named(call, bucket, key, upload_id)
    if max_parts < 0:
        raise faults.invalid_argument(
            "Argument max-parts must be an integer between 0 and 2147483647", "max-parts", max_parts
        )
    most = min(max_parts, MOST_LISTED)
    found = list(Sent.scan(call, upload_id, above=(part_number_marker,), limit=most + 1))
    page = found[:most]
    told: dict[str, Any] = {
        "Bucket": bucket.name,
        "Key": key,
        "UploadId": upload_id,
        "PartNumberMarker": part_number_marker,
        "NextPartNumberMarker": page[-1].number if page else 0,
        "MaxParts": most,
        "IsTruncated": len(found) > most,
        "Parts": [sent_shown(upload, sent) for sent in page],
        "Initiator": upload.initiated_by,
        "Owner": {"ID": canonical_id(upload.new.owner)},
        "StorageClass": upload.new.storage_class,
    }
    if upload.announced:
        told |= {"ChecksumAlgorithm": upload.algorithm, "ChecksumType": COMPOSITE if upload.composite else FULL}
    return told | rules.aborting(call, bucket, key, upload.begun) | access.charged(call, bucket)


def sent_shown(upload: Upload, sent: Sent) -> dict[str, Any]:
    part = sent.part
    told = {
        "PartNumber": part.number,
        "LastModified": math.floor(sent.modified),
        "ETag": f'"{part.md5}"',
        "Size": part.size,
    }
    return told | ({f"Checksum{upload.algorithm}": part.checksum} if upload.announced else {})


@s3.operation(on=access.to_key)
def abort_multipart_upload(
    call: Call, bucket: Bucket, key: str, upload_id: str, if_match_initiated_time: float | None = None
) -> dict[str, Any]:
    """End an upload; its parts are gone."""
    upload = Upload.named(call, bucket, key, upload_id)
    if if_match_initiated_time is not None and int(if_match_initiated_time) != int(upload.begun):
        raise faults.precondition("x-amz-if-match-initiated-time")
    abort(call, upload)
    return access.charged(call, bucket)


def abort(call: Call, upload: Upload) -> None:
    for sent in Sent.scan(call, upload.id):
        data.discard(call, sent.part)
    Sent.delete_all(call, upload.id)
    upload.delete(call)


def abort_all(call: Call, bucket: Bucket) -> None:
    """For a bucket that is deleted."""
    for upload in Upload.scan(call, bucket.room):
        abort(call, upload)
