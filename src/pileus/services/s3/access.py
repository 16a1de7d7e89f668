"""Who may come in: the owner's account, whom a policy or an ACL lets in, and nobody else.

What principals of the owner's own account may do is not asked here: the kernel's access decision says it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pileus.kernel import Call
from pileus.kernel.identity import ANONYMOUS

from . import acls, faults, s3
from .buckets import Bucket

if TYPE_CHECKING:
    from .objects import Object

# Actions that the ACL of a bucket or of an object may allow to others ("Mapping of ACL permissions and access policy
# permissions", S3 User Guide).
BUCKET_PERMISSIONS = {
    "s3:ListBucket": "READ",
    "s3:ListBucketVersions": "READ",
    "s3:ListBucketMultipartUploads": "READ",
    "s3:PutObject": "WRITE",
    "s3:DeleteObject": "WRITE",
    "s3:AbortMultipartUpload": "WRITE",
    "s3:ListMultipartUploadParts": "READ",
    "s3:GetBucketAcl": "READ_ACP",
    "s3:PutBucketAcl": "WRITE_ACP",
}
OBJECT_PERMISSIONS = {
    "s3:GetObject": "READ",
    "s3:GetObjectVersion": "READ",
    "s3:GetObjectAttributes": "READ",
    "s3:GetObjectAcl": "READ_ACP",
    "s3:PutObjectAcl": "WRITE_ACP",
}


def check_owner(bucket: Bucket, expected: str) -> None:
    """x-amz-expected-bucket-owner: the caller wants no other's bucket."""
    if not expected or expected == bucket.owner:
        return
    if len(expected) != 12 or not expected.isdigit():
        raise faults.invalid_argument("The value of the expected bucket owner parameter must be an AWS account ID")
    raise faults.denied()


def to_key(call: Call, bucket: str, key: str, expected_bucket_owner: str = "", request_payer: str = "") -> Bucket:
    """The bucket of an object that a call is about, if the caller may make it."""
    found = Bucket.named(call, bucket)
    check_owner(found, expected_bucket_owner)
    if call.account != found.owner:
        check_payer(found, request_payer)
        check_key(call, found, key)
    return found


def to_unpaid_key(call: Call, bucket: str, key: str, expected_bucket_owner: str = "") -> Bucket:
    """The same for the operations that nobody offers to pay for."""
    return to_key(call, bucket, key, expected_bucket_owner, "requester")


def to_some(call: Call, bucket: str, expected_bucket_owner: str = "", request_payer: str = "") -> Bucket:
    """The bucket of several objects, of each of which `check_key` is to be asked."""
    found = Bucket.named(call, bucket)
    check_owner(found, expected_bucket_owner)
    if call.account != found.owner:
        check_payer(found, request_payer)
    return found


def to_list(call: Call, bucket: str, expected_bucket_owner: str = "", request_payer: str = "") -> Bucket:
    """The bucket that is to be listed."""
    found = Bucket.named(call, bucket)
    check_owner(found, expected_bucket_owner)
    if call.account != found.owner:
        check_payer(found, request_payer)
        check_bucket(call, found)
    return found


def check_payer(bucket: Bucket, request_payer: str) -> None:
    """Whoever is not the owner of a bucket where requesters pay says that he does ("Using Requester Pays buckets")."""
    if bucket.payer == "Requester" and request_payer != "requester":
        raise faults.denied()


def charged(call: Call, bucket: Bucket) -> dict[str, str]:
    """What a response says of who paid."""
    return {"RequestCharged": "requester"} if bucket.payer == "Requester" and call.account != bucket.owner else {}


def action(call: Call) -> str:
    return s3.bound(call.operation).action


def check_bucket(call: Call, bucket: Bucket) -> None:
    """Refuse a call about the bucket itself."""
    if call.account == bucket.owner:
        return
    does = action(call)
    if not policy_allows(call, bucket, does, "") and not acl_allows(
        call, bucket, bucket.acl, BUCKET_PERMISSIONS.get(does)
    ):
        raise faults.denied()


def check_key(call: Call, bucket: Bucket, key: str) -> None:
    """Refuse a call about an object, unless that depends on the object's own ACL, to which `check_object` looks."""
    does = action(call)
    if does in OBJECT_PERMISSIONS or policy_allows(call, bucket, does, key):
        return
    if not acl_allows(call, bucket, bucket.acl, BUCKET_PERMISSIONS.get(does)):
        raise faults.denied()


def check_object(call: Call, bucket: Bucket, found: Object | None, key: str, version: str = "") -> None:
    """Refuse a call about an object that is there, or, where there is none, one by who may not even know that."""
    if call.account == bucket.owner:
        return
    does = action(call)
    if does not in OBJECT_PERMISSIONS:
        return
    if version and does == "s3:GetObject":
        does = "s3:GetObjectVersion"
    if policy_allows(call, bucket, does, key):
        return
    if found is not None:
        if found.owner == call.account and not found.acl:
            return
        if acl_allows(call, bucket, found.acl, OBJECT_PERMISSIONS[does]):
            return
    elif policy_allows(call, bucket, "s3:ListBucket", "") or acl_allows(call, bucket, bucket.acl, "READ"):
        return
    raise faults.denied()


def policy_allows(call: Call, bucket: Bucket, does: str, key: str) -> bool:
    """Whether the bucket's policy lets the caller in; a statement that denies ends the matter."""
    if not bucket.has_policy:
        return False
    from . import evaluation, policies

    document = policies.parsed(call, bucket)
    verdict = evaluation.decide(call, document, does, f"{bucket.arn(call)}/{key}" if key else bucket.arn(call))
    if verdict is False:
        raise faults.denied()
    if "RestrictPublicBuckets" in bucket.blocks and evaluation.is_public(document):
        return False
    return bool(verdict)


def acl_allows(call: Call, bucket: Bucket, grants: list[dict[str, object]], permission: str | None) -> bool:
    if permission is None or bucket.ownership == "BucketOwnerEnforced":
        return False
    public = "IgnorePublicAcls" not in bucket.blocks
    account = None if call.principal is ANONYMOUS else call.account
    return acls.allow(grants, permission, account, public=public)
