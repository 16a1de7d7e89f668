"""The ACLs of buckets and objects, read and written."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call

from . import (
    access,
    acls,
    faults,
    happenings,
    points,
    s3,
    versions,
)
from .buckets import Bucket, by_name

HEADERS = ("GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP")
INTEGRITY = ("ContentMD5", "ChecksumAlgorithm")


def asked(call: Call, bucket: Bucket, owner: str, request: dict[str, Any]) -> list[acls.Grant]:
    """The grants that a request sets, by one of three ways."""
    document, canned, headers = request.get("AccessControlPolicy"), request.get("ACL", ""), acls.of_request(request)
    if document and (canned or any(headers)):
        raise faults.fault("UnexpectedContent", "This request does not support content")
    if document:
        grants = acls.from_document(document, owner)
    elif canned or any(headers):
        grants = acls.from_headers(owner, canned, headers, bucket.owner)
    else:
        words = "Your request was missing a required header"
        raise faults.fault("MissingSecurityHeader", words, MissingHeaderName="x-amz-acl")
    if canned != "bucket-owner-full-control":
        acls.check_supported([acls.user(owner, "FULL_CONTROL")], bucket.ownership)
    acls.check_public(grants, points.blocks(call, bucket))
    return grants


@s3.operation(on=by_name)
def get_bucket_acl(call: Call, bucket: Bucket) -> dict[str, Any]:
    """Who is granted what on the bucket."""
    return acls.shown(bucket.acl, bucket.owner)


@s3.operation(on=by_name, honours=(*HEADERS, *INTEGRITY, "ACL", "AccessControlPolicy"))
def put_bucket_acl(call: Call, bucket: Bucket, request: dict[str, Any]) -> None:
    """Replace the bucket's grants, where ACLs are enabled."""
    bucket.acl = asked(call, bucket, bucket.owner, request)
    bucket.put(call)


@s3.operation(on=access.to_key)
def get_object_acl(call: Call, bucket: Bucket, key: str, version_id: str = "") -> dict[str, Any]:
    """Who is granted what on an object."""
    found = versions.find(call, bucket, key, version_id)
    return acls.shown(found.acl, found.owner) | access.charged(call, bucket)


@s3.operation(on=access.to_key, honours=(*HEADERS, *INTEGRITY, "ACL", "AccessControlPolicy"))
def put_object_acl(
    call: Call, bucket: Bucket, key: str, version_id: str = "", *, request: dict[str, Any]
) -> dict[str, Any]:
    """Replace an object's grants, where ACLs are enabled."""
    found = versions.find(call, bucket, key, version_id, method="PUT")
    found.acl = asked(call, bucket, found.owner, request)
    versions.save(call, found)
    happenings.changed(call, bucket, found, "ObjectAcl:Put")
    return access.charged(call, bucket)
