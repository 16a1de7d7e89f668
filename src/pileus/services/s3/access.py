"""Who may come in: the owner's account, whom a policy or an ACL lets in, and nobody else.

What principals of the owner's own account may do the kernel's access decision says before this is asked; here it is
said of all others, by the same policies, and of the account's root, which a policy may deny things too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pileus.kernel import Call, Fault
from pileus.kernel.access.admission import unlimited
from pileus.kernel.identity import ANONYMOUS

from . import acls, documents, faults, points, public, s3
from .buckets import Bucket
from .points import blocks

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
    "s3:GetObjectVersionAttributes": "READ",
    "s3:GetObjectAcl": "READ_ACP",
    "s3:GetObjectVersionAcl": "READ_ACP",
    "s3:PutObjectAcl": "WRITE_ACP",
    "s3:PutObjectVersionAcl": "WRITE_ACP",
}
THE_OWNERS = ("s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy")
"""What no policy can deny to the account's root, so that it can mend one ("PutBucketPolicy", API Reference)."""


def check_owner(bucket: Bucket, expected: str) -> None:
    """x-amz-expected-bucket-owner: the caller wants no other's bucket."""
    if not expected or expected == bucket.owner:
        return
    if len(expected) != 12 or not expected.isdigit():
        words = f"The value of the expected bucket owner parameter must be an AWS Account ID... [{expected}]"
        raise faults.fault("InvalidBucketOwnerAWSAccountID", words)
    raise faults.denied()


def to_key(call: Call, bucket: str, key: str, expected_bucket_owner: str = "", request_payer: str = "") -> Bucket:
    """The bucket of an object that a call is about, if the caller may make it."""
    found = to_some(call, bucket, expected_bucket_owner, request_payer)
    if found.settled:
        return found
    if call.account != found.owner:
        check_key(call, found, key)
    elif found.has_policy:
        check_root(call, found, key)
    return found


def to_unpaid_key(call: Call, bucket: str, key: str, expected_bucket_owner: str = "") -> Bucket:
    """The same for the operations that nobody offers to pay for."""
    return to_key(call, bucket, key, expected_bucket_owner, "requester")


def to_some(call: Call, bucket: str, expected_bucket_owner: str = "", request_payer: str = "") -> Bucket:
    """The bucket of several objects, of each of which `check_key` is to be asked."""
    found = Bucket.named(call, bucket)
    if expected_bucket_owner:
        check_owner(found, expected_bucket_owner)
    if call.account != found.owner:
        check_payer(call, found, request_payer)
    return found


def to_list(call: Call, bucket: str, expected_bucket_owner: str = "", request_payer: str = "") -> Bucket:
    """The bucket that is to be listed."""
    found = to_some(call, bucket, expected_bucket_owner, request_payer)
    check_bucket(call, found)
    return found


def check_payer(call: Call, bucket: Bucket, request_payer: str) -> None:
    """Whoever is not the owner of a bucket where requesters pay says that he does ("Using Requester Pays buckets")."""
    if bucket.payer == "Requester" and (request_payer != "requester" or call.principal is ANONYMOUS):
        raise faults.denied()


def charged(call: Call, bucket: Bucket) -> dict[str, str]:
    """What a response says of who paid."""
    return {"RequestCharged": "requester"} if bucket.payer == "Requester" and call.account != bucket.owner else {}


def actions(call: Call) -> list[str]:
    """The actions that a call is: its operation's, and those that some members make of it or add to it."""
    from pileus.kernel.access.enforcement import actions_for

    return actions_for(s3.bound(call.operation), dict(call.members))


def check_root(call: Call, bucket: Bucket, key: str = "") -> None:
    """Refuse the account's root what the bucket's policy denies; of others in the account the kernel has said it."""
    if call.principal.type != "Root":
        return
    for does in actions(call):
        if does not in THE_OWNERS and verdict(call, bucket, does, key) is False:
            raise explicitly_denied(call, bucket, does, key)


def explicitly_denied(call: Call, bucket: Bucket, does: str, key: str) -> Exception:
    return faults.denied(
        f'User: {call.principal.arn} is not authorized to perform: {does} on resource: "{resource(call, bucket, key)}" '
        "with an explicit deny in a resource-based policy"
    )


def check_bucket(call: Call, bucket: Bucket) -> None:
    """Refuse a call about the bucket itself."""
    if bucket.settled:
        return
    if call.account == bucket.owner:
        if bucket.has_policy:
            check_root(call, bucket)
        return
    for does in actions(call):
        if not policy_allows(call, bucket, does, "") and not acl_allows(
            call, bucket, bucket.acl, BUCKET_PERMISSIONS.get(does)
        ):
            raise faults.denied()


def check_key(call: Call, bucket: Bucket, key: str) -> None:
    """Refuse a call about an object, unless that depends on the object's own ACL, to which `check_object` looks."""
    does, *beside = actions(call)
    if does not in OBJECT_PERMISSIONS and not policy_allows(call, bucket, does, key):
        if not acl_allows(call, bucket, bucket.acl, BUCKET_PERMISSIONS.get(does)):
            raise faults.denied()
        return  # an ACL that lets others write lets them say all that belongs to a write
    for more in beside:
        if not policy_allows(call, bucket, more, key):
            raise faults.denied()


def lets_list(call: Call, bucket: Bucket) -> bool:
    """Whether it is the owner's root who calls, of whom `check_listed` asks nothing, whatever he lists."""
    own = call.account == bucket.owner and not bucket.has_policy and unlimited(call, bucket.owner)
    return own and not bucket.through


def check_listed(call: Call, bucket: Bucket, key: str) -> None:
    """Refuse a call about one of the objects that a request lists."""
    if bucket.through:
        points.check(call, bucket, key)
        return
    if bucket.settled:
        return
    if call.account != bucket.owner:
        check_key(call, bucket, key)
    elif bucket.has_policy or not unlimited(call, bucket.owner):
        check_root(call, bucket, key)
        check_own(call, bucket, key, *actions(call))


def check_more(call: Call, bucket: Bucket, key: str, does: str) -> None:
    """Refuse who lacks a permission that a call only turns out to need when its object has been seen."""
    if call.account != bucket.owner:
        if not policy_allows(call, bucket, does, key):
            raise faults.denied()
    elif call.principal.type != "Root":
        check_own(call, bucket, key, does)
    elif bucket.has_policy and verdict(call, bucket, does, key) is False:
        raise explicitly_denied(call, bucket, does, key)


def may(call: Call, bucket: Bucket, key: str, does: str) -> bool:
    """Whether the caller has a permission without which less is told."""
    try:
        check_more(call, bucket, key, does)
    except Fault as fault:
        if fault.code not in ("AccessDenied", "AccessDeniedException"):
            raise
        return False
    return True


def check_own(call: Call, bucket: Bucket, key: str, *doing: str) -> None:
    """Refuse a user or role of the owner's account what its own policies and the bucket's do not let it do."""
    if call.principal.type == "AWSService" or unlimited(call, bucket.owner):
        return
    from pileus.kernel.access.enforcement import authorize
    from pileus.kernel.access.target import Target

    policy = bucket.resource_policy(call)
    for does in doing:
        authorize(call, does, Target(resource(call, bucket, key), bucket.owner, policy))


def check_object(call: Call, bucket: Bucket, found: Object | None, key: str, version: str = "") -> None:
    """Refuse a call about an object that is there, or, where there is none, one by who may not even know that."""
    if bucket.settled:
        return  # the access point's policy and the bucket's were asked before
    if found is None:
        check_knowing(call, bucket)
        return
    if call.account == bucket.owner:
        if found.owner != bucket.owner:
            check_others(call, bucket, found)
        return
    does = actions(call)[0]
    if does not in OBJECT_PERMISSIONS:
        return
    if policy_allows(call, bucket, does, key) and found.owner == bucket.owner:
        return
    if found.owner == call.account and not found.acl:
        return
    if not acl_allows(call, bucket, found.acl, OBJECT_PERMISSIONS[does]):
        raise faults.denied()


def check_knowing(call: Call, bucket: Bucket) -> None:
    """Refuse who may not list a bucket, and so not learn what is missing in it ("GetObject", API Reference)."""
    if call.account != bucket.owner:
        if not policy_allows(call, bucket, "s3:ListBucket", "") and not acl_allows(call, bucket, bucket.acl, "READ"):
            raise faults.denied()
    elif call.principal.type not in ("Root", "AWSService"):
        from pileus.kernel.access.enforcement import authorize
        from pileus.kernel.access.target import Target

        authorize(call, "s3:ListBucket", Target(bucket.arn(call), bucket.owner, bucket.resource_policy(call)))


def check_others(call: Call, bucket: Bucket, found: Object) -> None:
    """An object that another account owns is not the bucket owner's to read ("Controlling ownership of objects")."""
    does = actions(call)[0]
    if does not in OBJECT_PERMISSIONS or bucket.ownership == "BucketOwnerEnforced":
        return
    if call.principal.type != "AWSService" and not acl_allows(call, bucket, found.acl, OBJECT_PERMISSIONS[does]):
        raise faults.denied()


# What the bucket's policy and ACLs say


def resource(call: Call, bucket: Bucket, key: str) -> str:
    return f"{bucket.arn(call)}/{key}" if key else bucket.arn(call)


def verdict(call: Call, bucket: Bucket, does: str, key: str) -> bool | None:
    """What the bucket's policy says of the caller: True for allowed, False for denied, None for neither."""
    from pileus.kernel.access.context import Context
    from pileus.kernel.access.decision import Query, best_grant
    from pileus.kernel.access.policy import compiled
    from pileus.kernel.access.principals import NOT
    from pileus.kernel.access.standing import standing
    from pileus.kernel.access.target import Target

    text = public.for_caller(documents.load(call, bucket.room, "policy"), call.account)
    who = standing(call)
    keys, tags = bucket.condition_keys(call, call.members), {} if key else bucket.condition_tags(call)
    target = Target(resource(call, bucket, key), bucket.owner, text, tags=tags, keys=keys)
    context = Context(call, who, s3.bound(call.operation), does, call.members, target)
    query = Query(who.caller, does, target.arn, bucket.owner, context)
    policies = compiled("bucket policy", text)
    if policies.denying(query):
        return False
    return True if best_grant(query, policies)[0] != NOT else None


def policy_allows(call: Call, bucket: Bucket, does: str, key: str) -> bool:
    """Whether the bucket's policy lets the caller in; a statement that denies ends the matter."""
    if not bucket.has_policy:
        return False
    said = verdict(call, bucket, does, key)
    if said is False:
        raise explicitly_denied(call, bucket, does, key)
    if not said or call.principal.type == "AWSService" or "RestrictPublicBuckets" not in blocks(call, bucket):
        return bool(said)
    return not public.has_public_policy(call, bucket)


def acl_allows(call: Call, bucket: Bucket, grants: list[dict[str, object]], permission: str | None) -> bool:
    if permission is None or bucket.ownership == "BucketOwnerEnforced":
        return False
    open_to_all = "IgnorePublicAcls" not in blocks(call, bucket)
    account = None if call.principal is ANONYMOUS else call.account
    return acls.allow(grants, permission, account, public=open_to_all)


def check_source(call: Call, bucket: Bucket, key: str) -> None:
    """Whether who belongs to the owner's account may read what he copies; of others `check_object` says it."""
    own = call.account == bucket.owner and not bucket.zone and (bucket.has_policy or not unlimited(call, bucket.owner))
    if bucket.through or own:
        check_listed(call, bucket, key)
