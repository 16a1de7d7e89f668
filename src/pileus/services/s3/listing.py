"""ListObjects, ListObjectsV2 and ListMultipartUploads: pages in the order of the keys' UTF-8 bytes.

A page costs what it returns: where a delimiter rolls keys up into one common prefix, the next thing that is looked at
is the first key behind all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote_plus

from pileus.kernel import Call, Record, paging
from pileus.kernel.edge import Result

from . import access, faults, reshaping, s3, transforming
from .buckets import Bucket
from .naming import canonical_id
from .objects import Object
from .uploads import Upload

MOST = 1000

T = TypeVar("T")
R = TypeVar("R", bound=Record)


class Rolled(str):
    """A common prefix, in place of all the keys that begin with it."""

    __slots__ = ()


class Frame(NamedTuple):
    """What part of the keys is to be seen."""

    prefix: str = ""
    delimiter: str = ""

    def rolled(self, key: str) -> str:
        """The common prefix that stands for a key, or an empty text."""
        if not self.delimiter:
            return ""
        end = key.find(self.delimiter, len(self.prefix))
        return key[: end + len(self.delimiter)] if end >= 0 else ""


def behind(prefix: str) -> str | None:
    """The least text that is greater than all that begin with a prefix; None if there is none."""
    while prefix:
        last = ord(prefix[-1])
        if last < 0x10FFFF:
            after = last + 1
            return prefix[:-1] + chr(0xE000 if after == 0xD800 else after)
        prefix = prefix[:-1]
    return None


def walk(
    scan: Callable[..., Iterator[T]], name: Callable[[T], str], frame: Frame, **start: tuple[Any, ...]
) -> Iterator[T | Rolled]:
    """Records of a frame in the order of their keys, and common prefixes; `scan` takes the bounds of `Record.scan`."""
    end = behind(frame.prefix) if frame.prefix else None
    before: dict[str, Any] = {} if end is None else {"before": (end,)}
    if frame.prefix and not any(bound and bound[0] >= frame.prefix for bound in start.values()):
        start = {"since": (frame.prefix,)}
    if not frame.delimiter:
        yield from scan(**start, **before)
        return
    while True:
        for record in scan(**start, **before):
            if common := frame.rolled(name(record)):
                yield Rolled(common)
                after = behind(common)
                if after is None:
                    return
                start = {"since": (after,)}
                break
            yield record
        else:
            return


def beginning(frame: Frame, marker: str) -> dict[str, tuple[Any, ...]]:
    """Where to go on after a key; after a common prefix, behind all that it stands for."""
    if not marker:
        return {}
    if frame.delimiter and marker.startswith(frame.prefix) and frame.rolled(marker) == marker:
        after = behind(marker)
        return {"since": (after,)} if after is not None else {"above": (marker,)}
    return {"above": (marker,)}


def growing(kind: type[R], call: Call, room: str, **bounds: Any) -> Iterator[R]:
    """A scan that reads a few records at first and ever more later, for one that may soon be broken off."""
    size = 4
    while True:
        last, count = None, 0
        for last in kind.scan(call, room, limit=size, **bounds):
            count += 1
            yield last
        if last is None or count < size:
            return
        bounds = {name: bound for name, bound in bounds.items() if name == "before"} | {"above": last.place()[1:]}
        size = min(size * 8, MOST)


class Page(NamedTuple):
    found: list[Object]
    common: list[str]
    last: str
    """The last key or common prefix of the page; empty if it is the last page."""


def page(call: Call, bucket: Bucket, frame: Frame, marker: str, most: int) -> Page:
    """At most so many objects and common prefixes after a marker."""
    found: list[Object] = []
    common: list[str] = []
    last = ""

    def scan(**bounds: Any) -> Iterator[Object]:
        if frame.delimiter:
            return growing(Object, call, bucket.room, **bounds)
        return Object.scan(call, bucket.room, limit=most + 1, **bounds)

    if most == 0:
        return Page(found, common, "")
    for each in walk(scan, lambda record: record.name, frame, **beginning(frame, marker)):
        if len(found) + len(common) == most:
            return Page(found, common, last)
        if isinstance(each, Rolled):
            common.append(str(each))
            last = common[-1]
        else:
            found.append(each)
            last = each.name
    return Page(found, common, "")


def encoder(encoding_type: str) -> Callable[[str], str]:
    """How keys are told: as they are, or as in a URL."""
    return (lambda text: quote_plus(text, safe="/*")) if encoding_type == "url" else str


def most_keys(max_keys: int, name: str = "max-keys") -> int:
    if max_keys < 0:
        words = f"Argument {name} must be an integer between 0 and 2147483647"
        raise faults.invalid_argument(words, name, max_keys)
    return min(max_keys, MOST)


def listed(call: Call, found: Object, told: Callable[[str], str], optional: list[str]) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "Key": told(found.name),
        "LastModified": math.floor(found.modified),
        "ETag": f'"{found.etag}"',
        "Size": found.size,
        "StorageClass": found.storage_class,
    }
    if found.algorithm:
        answer["ChecksumAlgorithm"] = [found.algorithm]
        answer["ChecksumType"] = "COMPOSITE" if found.composite else "FULL_OBJECT"
    if "RestoreStatus" in optional and found.restore is not None and found.restore.expires > call.now:
        ongoing = call.now < found.restore.ready
        answer["RestoreStatus"] = {"IsRestoreInProgress": ongoing}
        if not ongoing:
            answer["RestoreStatus"]["RestoreExpiryDate"] = found.restore.expires
    return answer


def owner(found: Object) -> dict[str, Any]:
    return {"Owner": {"ID": canonical_id(found.owner)}}


def common_answer(bucket: Bucket, frame: Frame, page: Page, most: int, encoding_type: str) -> dict[str, Any]:
    told = encoder(encoding_type)
    answer: dict[str, Any] = {
        "Name": bucket.name,
        "Prefix": told(frame.prefix),
        "MaxKeys": most,
        "IsTruncated": bool(page.last),
    }
    if frame.delimiter:
        answer["Delimiter"] = told(frame.delimiter)
    if page.common:
        answer["CommonPrefixes"] = [{"Prefix": told(prefix)} for prefix in page.common]
    if encoding_type:
        answer["EncodingType"] = encoding_type
    return answer


@s3.operation(on=access.to_list, action="s3:ListBucket")
def list_objects(
    call: Call,
    bucket: Bucket,
    delimiter: str = "",
    encoding_type: str = "",
    marker: str = "",
    max_keys: int = MOST,
    prefix: str = "",
    optional_object_attributes: list[str] = [],
) -> dict[str, Any] | Coroutine[Any, Any, dict[str, Any]]:
    """A page of objects. Where to go on is told only if there is a delimiter; else it is the last key."""
    if bucket.through and (function := transforming.wanted(call, bucket)) is not None:
        return reshaping.reshaped(call, *function, dict(call.members))
    frame, most = Frame(prefix, delimiter), most_keys(max_keys)
    found = page(call, bucket, frame, marker, most)
    told = encoder(encoding_type)
    answer = common_answer(bucket, frame, found, most, encoding_type) | {"Marker": told(marker)}
    answer["Contents"] = [listed(call, each, told, optional_object_attributes) | owner(each) for each in found.found]
    if found.last and delimiter:
        answer["NextMarker"] = told(found.last)
    return placed(bucket, answer | access.charged(call, bucket))


@s3.operation(on=access.to_list, action="s3:ListBucket")
def list_objects_v2(
    call: Call,
    bucket: Bucket,
    delimiter: str = "",
    encoding_type: str = "",
    max_keys: int = MOST,
    prefix: str = "",
    continuation_token: str | None = None,
    fetch_owner: bool = False,
    start_after: str = "",
    optional_object_attributes: list[str] = [],
) -> dict[str, Any] | Coroutine[Any, Any, dict[str, Any]]:
    """A page of objects."""
    if bucket.through and (function := transforming.wanted(call, bucket)) is not None:
        return reshaping.reshaped(call, *function, dict(call.members))
    frame, most = Frame(prefix, delimiter), most_keys(max_keys)
    marker = start_after
    if continuation_token is not None:
        wrong = faults.invalid_argument("The continuation token provided is incorrect", "continuation-token")
        marker = str(paging.opened(call, continuation_token, wrong))
    found = page(call, bucket, frame, marker, most)
    told = encoder(encoding_type)
    answer = common_answer(bucket, frame, found, most, encoding_type)
    answer["Contents"] = [listed(call, each, told, optional_object_attributes) for each in found.found]
    if fetch_owner:
        for each, entry in zip(found.found, answer["Contents"], strict=True):
            entry |= owner(each)
    answer["KeyCount"] = len(found.found) + len(found.common)
    if continuation_token is not None:
        answer["ContinuationToken"] = continuation_token
    if start_after:
        answer["StartAfter"] = told(start_after)
    if found.last:
        answer["NextContinuationToken"] = paging.sealed(call, found.last)
    return placed(bucket, answer | access.charged(call, bucket))


def placed(bucket: Bucket, answer: dict[str, Any]) -> Result:
    """A list, which tells the bucket's Region in a field that the model does not have."""
    return Result(answer, 200, [("x-amz-bucket-region", bucket.region)])


@s3.operation(on=access.to_list, action="s3:ListBucketMultipartUploads")
def list_multipart_uploads(
    call: Call,
    bucket: Bucket,
    delimiter: str = "",
    encoding_type: str = "",
    key_marker: str = "",
    max_uploads: int = MOST,
    prefix: str = "",
    upload_id_marker: str = "",
) -> dict[str, Any]:
    """A page of the uploads under way, by key and then by age."""
    frame, most = Frame(prefix, delimiter), most_keys(max_uploads, "max-uploads")
    start = beginning(frame, key_marker)
    if key_marker and upload_id_marker:
        start = {"above": (key_marker, upload_id_marker)}
    found: list[Upload] = []
    common: list[str] = []
    truncated = False
    last: Upload | str | None = None
    for each in walk(
        lambda **bounds: growing(Upload, call, bucket.room, **bounds), lambda upload: upload.name, frame, **start
    ):
        if len(found) + len(common) >= most:
            truncated = most > 0
            break
        last = str(each) if isinstance(each, Rolled) else each
        if isinstance(each, Rolled):
            common.append(str(each))
        else:
            found.append(each)
    told = encoder(encoding_type)
    answer: dict[str, Any] = {
        "Bucket": bucket.name,
        "KeyMarker": told(key_marker),
        "UploadIdMarker": upload_id_marker,
        "MaxUploads": most,
        "IsTruncated": truncated,
        "Uploads": [upload_shown(each, told) for each in found],
        "CommonPrefixes": [{"Prefix": told(each)} for each in common],
    }
    if truncated and last is not None:
        answer["NextKeyMarker"] = told(last if isinstance(last, str) else last.name)
        answer["NextUploadIdMarker"] = "" if isinstance(last, str) else last.id
    given = {"Prefix": told(prefix), "Delimiter": told(delimiter), "EncodingType": encoding_type}
    return answer | {name: value for name, value in given.items() if value} | access.charged(call, bucket)


def upload_shown(upload: Upload, told: Callable[[str], str]) -> dict[str, Any]:
    answer = {
        "Key": told(upload.name),
        "UploadId": upload.id,
        "Initiated": math.floor(upload.begun),
        "StorageClass": upload.new.storage_class,
        "Owner": {"ID": canonical_id(upload.new.owner)},
        "Initiator": upload.initiated_by,
    }
    if upload.announced:
        answer["ChecksumAlgorithm"] = upload.algorithm
        answer["ChecksumType"] = "COMPOSITE" if upload.composite else "FULL_OBJECT"
    return answer
