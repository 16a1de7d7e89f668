"""ListObjectVersions: current versions, older ones and delete markers, by key and then from new to old."""

from __future__ import annotations

import asyncio
import heapq
import math
from collections.abc import AsyncIterator, Iterator
from itertools import islice
from typing import Any

from pileus.kernel import Call

from . import access, faults, s3, versions
from .buckets import Bucket
from .listing import MOST, Frame, R, Rolled, behind, encoder, growing, listed, most_keys, walk
from .naming import canonical_id
from .objects import NULL, Object
from .versions import Version, check_id

SLICE = 1000


def merged(call: Call, bucket: Bucket, limit: int | None, **bounds: Any) -> Iterator[Version]:
    """All versions of a range of keys; a current one is shown as if it were an older one."""
    current = (Version.of(found) for found in objects(call, bucket, limit, **bounds))
    older = scan(Version, call, bucket, limit, **bounds)
    return heapq.merge(current, older, key=lambda version: (version.name, version.order))


async def every(call: Call, bucket: Bucket) -> AsyncIterator[Version]:
    """All versions in a bucket, read in slices, between which others come in."""
    bounds: dict[str, Any] = {}
    while seen := list(islice(merged(call, bucket, SLICE, **bounds), SLICE)):
        for version in seen:
            yield version
        bounds = {"above": (seen[-1].name, seen[-1].order)}
        await asyncio.sleep(0)


def objects(call: Call, bucket: Bucket, limit: int | None, **bounds: Any) -> Iterator[Object]:
    """Current versions; of a key at whose middle the range begins, the current one is not in it."""
    above = bounds.get("above")
    if above is not None and len(above) == 2:
        bounds["above"] = above[:1]
    return scan(Object, call, bucket, limit, **bounds)


def scan(kind: type[R], call: Call, bucket: Bucket, limit: int | None, **bounds: Any) -> Iterator[R]:
    if limit is None:
        return growing(kind, call, bucket.room, **bounds)
    return kind.scan(call, bucket.room, limit=limit, **bounds)


def beginning(call: Call, bucket: Bucket, frame: Frame, key_marker: str, version_marker: str) -> dict[str, Any]:
    """Where to go on after a version of a key, or after all of them."""
    if not key_marker:
        if version_marker:
            words = "A version-id marker cannot be specified without a key marker."
            raise faults.invalid_argument(words, "version-id-marker", version_marker)
        return {}
    if not version_marker:
        rolled = frame.rolled(key_marker) if key_marker.startswith(frame.prefix) else ""
        after = behind(key_marker) if rolled == key_marker else None
        return {"since": (after,)} if after is not None else {"above": (key_marker,)}
    check_id(version_marker)
    return {"above": (key_marker, order_of(call, bucket, key_marker, version_marker))}


def order_of(call: Call, bucket: Bucket, name: str, version: str) -> int:
    """Where a version stands among those of its key, even if it is gone meanwhile."""
    if version != NULL:
        return versions.order_of(call, bucket, name, version) or 0
    current = Object.get(call, bucket.room, name)
    if current is not None and current.version == NULL:
        return -current.serial
    null = next((old for old in Version.scan(call, bucket.room, name) if old.version == NULL), None)
    return null.order if null else 0


@s3.operation(on=access.to_list, action="s3:ListBucketVersions")
def list_object_versions(
    call: Call,
    bucket: Bucket,
    delimiter: str = "",
    encoding_type: str = "",
    key_marker: str = "",
    max_keys: int = MOST,
    prefix: str = "",
    version_id_marker: str = "",
    optional_object_attributes: list[str] = [],
) -> dict[str, Any]:
    """A page of versions and delete markers."""
    frame, most = Frame(prefix, delimiter), most_keys(max_keys)
    start = beginning(call, bucket, frame, key_marker, version_id_marker)
    told = encoder(encoding_type)
    answer: dict[str, Any] = {"Versions": [], "DeleteMarkers": [], "CommonPrefixes": []}
    count, last, previous = 0, None, key_marker if version_id_marker else ""
    truncated = False
    limit = None if delimiter else most + 1
    for each in walk(
        lambda **bounds: merged(call, bucket, limit, **bounds), lambda version: version.name, frame, **start
    ):
        if count >= most:
            truncated = most > 0
            break
        count += 1
        last = each
        if isinstance(each, Rolled):
            answer["CommonPrefixes"].append({"Prefix": told(str(each))})
            continue
        shown = version_shown(call, each, told, optional_object_attributes)
        shown["IsLatest"] = each.name != previous
        previous = each.name
        answer["Versions" if each.held else "DeleteMarkers"].append(shown)
    answer |= {"Name": bucket.name, "Prefix": told(prefix), "MaxKeys": most, "IsTruncated": truncated}
    answer |= {"KeyMarker": told(key_marker), "VersionIdMarker": version_id_marker}
    if truncated and last is not None:
        answer["NextKeyMarker"] = told(str(last) if isinstance(last, Rolled) else last.name)
        if isinstance(last, Version):
            answer["NextVersionIdMarker"] = last.version
    given = {"Delimiter": told(delimiter), "EncodingType": encoding_type}
    return answer | {name: value for name, value in given.items() if value} | access.charged(call, bucket)


def version_shown(call: Call, version: Version, told: Any, optional: list[str]) -> dict[str, Any]:
    owner = {"ID": canonical_id(version.owner)}
    if version.held is not None:
        return listed(call, version.held, told, optional) | {"VersionId": version.version, "Owner": owner}
    return {
        "Key": told(version.name),
        "LastModified": math.floor(version.modified),
        "VersionId": version.version,
        "Owner": owner,
    }
