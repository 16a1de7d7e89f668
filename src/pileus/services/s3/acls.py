"""Access control lists of buckets and objects ("Access control list (ACL) overview", S3 User Guide).

Grants are kept as the model has them; an empty list means that all is the owner's. Grantees by e-mail address are
refused, as AWS has dropped them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from . import faults
from .naming import canonical_id

if TYPE_CHECKING:
    from .buckets import Bucket

Grant = dict[str, Any]

ALL = "http://acs.amazonaws.com/groups/global/AllUsers"
AUTHENTICATED = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
LOG_DELIVERY = "http://acs.amazonaws.com/groups/s3/LogDelivery"
GROUPS = (ALL, AUTHENTICATED, LOG_DELIVERY)
PERMISSIONS = ("FULL_CONTROL", "WRITE", "WRITE_ACP", "READ", "READ_ACP")
MOST_GRANTS = 100

CANNED: dict[str, tuple[tuple[str, str], ...]] = {
    "private": (),
    "public-read": ((ALL, "READ"),),
    "public-read-write": ((ALL, "READ"), (ALL, "WRITE")),
    "authenticated-read": ((AUTHENTICATED, "READ"),),
    "log-delivery-write": ((LOG_DELIVERY, "WRITE"), (LOG_DELIVERY, "READ_ACP")),
    "aws-exec-read": (),
}


class Headers(NamedTuple):
    """Grants as the x-amz-grant- headers give them."""

    full_control: str = ""
    read: str = ""
    read_acp: str = ""
    write: str = ""
    write_acp: str = ""


def of_request(request: dict[str, Any]) -> Headers:
    """The headers of a request in wire names."""
    names = ("GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP")
    return Headers(*(request.get(name, "") for name in names))


def user(account: str, permission: str) -> Grant:
    return {"Grantee": {"Type": "CanonicalUser", "ID": canonical_id(account)}, "Permission": permission}


def group(uri: str, permission: str) -> Grant:
    return {"Grantee": {"Type": "Group", "URI": uri}, "Permission": permission}


def from_headers(owner: str, canned: str, headers: Headers, bucket_owner: str) -> list[Grant]:
    """The grants that a request asks for; none for what leaves all to the owner."""
    given = any(headers)
    if canned and given:
        raise faults.invalid_request("Specifying both Canned ACLs and Header Grants is not allowed")
    if given:
        return [
            {"Grantee": grantee, "Permission": name.upper()}
            for name, value in zip(Headers._fields, headers, strict=True)
            for grantee in grantees(value, f"x-amz-grant-{name.replace('_', '-')}")
        ]
    if canned in ("bucket-owner-read", "bucket-owner-full-control"):
        if owner == bucket_owner:
            return []
        permission = "READ" if canned == "bucket-owner-read" else "FULL_CONTROL"
        return [user(owner, "FULL_CONTROL"), user(bucket_owner, permission)]
    extra = [group(uri, permission) for uri, permission in CANNED.get(canned, ())]
    return [user(owner, "FULL_CONTROL"), *extra] if extra else []


def grantees(value: str, header: str) -> Iterable[dict[str, str]]:
    """`id="…", uri="…"`"""
    for item in filter(None, map(str.strip, value.split(","))):
        kind, _, name = item.partition("=")
        name = name.strip().strip('"')
        if kind.strip().lower() == "id":
            yield grantee({"Type": "CanonicalUser", "ID": name})
        elif kind.strip().lower() == "uri":
            yield grantee({"Type": "Group", "URI": name})
        elif kind.strip().lower() == "emailaddress":
            raise by_email()
        else:
            raise faults.invalid_argument("Argument format not recognized", header, item)


def grantee(given: dict[str, str]) -> dict[str, str]:
    """A checked grantee."""
    kind = given.get("Type", "")
    if kind == "CanonicalUser" and "ID" in given:
        if len(given["ID"]) != 64 or not all(letter in "0123456789abcdef" for letter in given["ID"]):
            raise faults.invalid_argument("Invalid id", "CanonicalUser/ID", given["ID"])
        return {"Type": kind, "ID": given["ID"]}
    if kind == "Group" and "URI" in given:
        if given["URI"] not in GROUPS:
            raise faults.invalid_argument("Invalid group uri", "Group/URI", given["URI"])
        return {"Type": kind, "URI": given["URI"]}
    if kind == "AmazonCustomerByEmail":
        raise by_email()
    raise faults.malformed("MalformedACLError")


def by_email() -> Exception:
    """Nobody is granted anything by an address since October 2025 ("PutObjectAcl", API Reference)."""
    return faults.not_allowed("PUT", "ACL")


def from_document(document: dict[str, Any], owner: str) -> list[Grant]:
    """The grants of an AccessControlPolicy, whose owner must be the present one."""
    if "Owner" not in document:
        raise faults.malformed("MalformedACLError")
    if document["Owner"].get("ID") != canonical_id(owner):
        raise faults.denied()
    grants = document.get("Grants", [])
    if len(grants) > MOST_GRANTS:
        raise faults.malformed("MalformedACLError")
    if any("Grantee" not in grant or "Permission" not in grant for grant in grants):
        raise faults.malformed("MalformedACLError")
    found = [{"Grantee": grantee(grant["Grantee"]), "Permission": grant["Permission"]} for grant in grants]
    return [] if found == [user(owner, "FULL_CONTROL")] else found


def shown(grants: list[Grant], owner: str) -> dict[str, Any]:
    return {"Owner": {"ID": canonical_id(owner)}, "Grants": grants or [user(owner, "FULL_CONTROL")]}


def is_public(grants: list[Grant]) -> bool:
    """Whether anybody at all gets something ("The meaning of public", S3 User Guide)."""
    return any(grant["Grantee"].get("URI") in (ALL, AUTHENTICATED) for grant in grants)


def allow(grants: list[Grant], permission: str, account: str | None, *, public: bool) -> bool:
    """Whether grants give a permission to an account, or to nobody in particular."""
    me = canonical_id(account) if account else ""
    for grant in grants:
        if grant["Permission"] not in (permission, "FULL_CONTROL"):
            continue
        to = grant["Grantee"]
        if account and to.get("ID") == me:
            return True
        if public and (to.get("URI") == ALL or (account and to.get("URI") == AUTHENTICATED)):
            return True
    return False


def with_log_delivery(policy: str, bucket: Bucket) -> str:
    """A bucket's policy, and what its ACL lets the log delivery group do, as a statement of it."""
    granted = {each["Permission"] for each in bucket.acl if each["Grantee"].get("URI") == LOG_DELIVERY}
    if not granted & {"WRITE", "FULL_CONTROL"} or bucket.ownership == "BucketOwnerEnforced":
        return policy
    document = json.loads(policy) if policy else {"Version": "2012-10-17", "Statement": []}
    own = document["Statement"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:{bucket.partition}:s3:::{bucket.name}/*",
    }
    return json.dumps(document | {"Statement": [*(own if isinstance(own, list) else [own]), statement]})


def check_supported(grants: list[Grant], ownership: str) -> None:
    """Where the bucket's owner owns everything, ACLs are disabled ("Controlling ownership of objects", User Guide)."""
    if grants and ownership == "BucketOwnerEnforced":
        raise faults.fault("AccessControlListNotSupported", "The bucket does not allow ACLs")


def check_public(grants: list[Grant], blocks: set[str]) -> None:
    if "BlockPublicAcls" in blocks and is_public(grants):
        raise faults.denied("Access Denied")
