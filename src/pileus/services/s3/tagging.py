"""Tags of objects: ten at most ("Categorizing your objects using tags", S3 User Guide)."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from pileus.kernel import Call

from . import access, faults, happenings, naming, s3, versions
from .buckets import Bucket

MOST = 10
INTEGRITY = ("ContentMD5", "ChecksumAlgorithm")


def from_header(text: str) -> dict[str, str]:
    """Tags as x-amz-tagging has them: the form of a query."""
    if not text:
        return {}
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True)
    except ValueError:
        pairs = []
    if not pairs or len(dict(pairs)) != len(pairs):
        raise faults.invalid_argument(
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag "
            "name duplicates.",
            "x-amz-tagging",
            text,
        )
    return checked([{"Key": key, "Value": value} for key, value in pairs])


def checked(given: list[dict[str, str]]) -> dict[str, str]:
    if len(given) > MOST:
        raise faults.fault("BadRequest", "Object tags cannot be greater than 10")
    found = {tag["Key"]: tag["Value"] for tag in given}
    if len(found) != len(given):
        raise faults.fault("InvalidTag", "Cannot provide multiple Tags with the same key")
    naming.check_tags(found)
    return found


def listed(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


@s3.operation(on=access.to_key, honours=("RequestPayer",))
def get_object_tagging(call: Call, bucket: Bucket, key: str, version_id: str = "") -> dict[str, Any]:
    """The tags of an object."""
    found = versions.find(call, bucket, key, version_id)
    return {"TagSet": listed(found.tags), **versions.shown(bucket, found)}


@s3.operation(on=access.to_key, honours=INTEGRITY)
def put_object_tagging(
    call: Call, bucket: Bucket, key: str, tagging: dict[str, Any], version_id: str = ""
) -> dict[str, Any]:
    """Replace the tags of an object."""
    found = versions.find(call, bucket, key, version_id, method="PUT")
    found.tags = checked(tagging.get("TagSet", []))
    versions.save(call, found)
    happenings.changed(call, bucket, found, "ObjectTagging:Put")
    return versions.shown(bucket, found)


@s3.operation(on=access.to_unpaid_key)
def delete_object_tagging(call: Call, bucket: Bucket, key: str, version_id: str = "") -> dict[str, Any]:
    """Remove the tags of an object."""
    found = versions.find(call, bucket, key, version_id, method="DELETE")
    found.tags = {}
    versions.save(call, found)
    happenings.changed(call, bucket, found, "ObjectTagging:Delete")
    return versions.shown(bucket, found)
