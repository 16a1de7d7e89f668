"""Directory buckets, for S3 Express One Zone: made in one Availability Zone, and used with credentials of a session
("Working with directory buckets", S3 User Guide).

What they cannot do is refused here, whichever operation it is: `check` is asked whenever a bucket is found. Their lists
come in the order of keys, which AWS does not promise for them.
"""

from __future__ import annotations

import os
import re
from typing import Any

from pileus.kernel import Call, names, paging, regions
from pileus.kernel.access.target import Target
from pileus.kernel.identity import ANONYMOUS, Credential, new_access_key_id

from . import documents, faults, s3, seals
from .buckets import Bucket, check_recreated, listed, tags_of
from .naming import is_bucket_name

CLASS = "EXPRESS_ONEZONE"
SUFFIX = "--x-s3"
LASTS = 300.0
"""Seconds for which a session's credentials are good."""
MOST_LISTED = 1000
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*--([a-z0-9-]+-az\d)--x-s3")

READS = {"GetObject", "HeadObject", "GetObjectAttributes", "ListObjectsV2", "ListMultipartUploads", "ListParts"}
WRITES = {
    "PutObject",
    "CopyObject",
    "DeleteObject",
    "DeleteObjects",
    "RenameObject",
    "CreateMultipartUpload",
    "UploadPart",
    "UploadPartCopy",
    "CompleteMultipartUpload",
    "AbortMultipartUpload",
}
ABOUT = {"HeadBucket", "CreateSession", "DeleteBucket", "GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy"}
ABOUT |= {"GetBucketEncryption", "PutBucketEncryption", "DeleteBucketEncryption", "GetBucketLocation"}
ABOUT |= {"GetBucketLifecycleConfiguration", "PutBucketLifecycleConfiguration", "DeleteBucketLifecycle"}
FOREIGN = {
    "ACL": "x-amz-acl",
    "Tagging": "x-amz-tagging",
    "ObjectLockMode": "x-amz-object-lock-mode",
    "ObjectLockLegalHoldStatus": "x-amz-object-lock-legal-hold",
    "SSECustomerAlgorithm": "x-amz-server-side-encryption-customer-algorithm",
    "WebsiteRedirectLocation": "x-amz-website-redirect-location",
    "VersionId": "versionId",
}
"""Members that no directory bucket knows, and how they stand in a request."""


def check(call: Call, bucket: Bucket) -> None:
    """Refuse what a directory bucket cannot do, and what the session of the caller does not let him.

    Nobody in particular comes in: public access to directory buckets is always blocked.
    """
    if call.principal is ANONYMOUS:
        raise faults.denied()
    session = call.principal.session.get("express", {})
    does, members = call.operation, call.members
    if session and (session["bucket"], session.get("point", "")) != (bucket.name, bucket.through):
        raise faults.denied()
    if does not in READS | WRITES | ABOUT:
        raise faults.fault("NotImplemented", f"This bucket does not support {does}", 501)
    if session.get("mode") == "ReadOnly" and does in WRITES:
        raise faults.denied()
    for name, header in FOREIGN.items():
        if members.get(name) not in (None, "null"):
            words = "A header you provided implies functionality that is not implemented"
            raise faults.fault("NotImplemented", words, 501, Header=header)
    if does == "ListObjectsV2":
        check_list(members)
    if members.get("StorageClass", CLASS) != CLASS:
        raise faults.fault("InvalidStorageClass", "The storage class you specified is not valid")
    numbers = [part.get("PartNumber") for part in (members.get("MultipartUpload") or {}).get("Parts", [])]
    if numbers != list(range(1, len(numbers) + 1)):
        raise faults.fault("InvalidPartOrder", "The part numbers of an object in a directory bucket are consecutive.")


def check_list(members: Any) -> None:
    """Only prefixes that end with the delimiter, and no other delimiter than a slash."""
    delimiter, prefix = members.get("Delimiter", ""), members.get("Prefix", "")
    if delimiter not in ("", "/"):
        raise faults.invalid_argument("This bucket only supports / as a delimiter", "delimiter", delimiter)
    if prefix and not prefix.endswith("/"):
        raise faults.invalid_argument("This bucket only supports prefixes that end with a delimiter", "prefix", prefix)
    if "StartAfter" in members:
        words = "A header you provided implies functionality that is not implemented"
        raise faults.fault("NotImplemented", words, 501, Header="start-after")


# Their life


def create(call: Call, name: str, configuration: dict[str, Any]) -> dict[str, Any]:
    """Create a directory bucket in the zone that its name says."""
    match = _NAME.fullmatch(name)
    zone = match[1] if match else ""
    if not match or not is_bucket_name(name.removesuffix(SUFFIX)):
        raise faults.fault("InvalidBucketName", "The specified bucket is not valid.", BucketName=name)
    session = call.principal.session.get("express", {})
    if session and (session["bucket"], session["mode"]) != (name, "ReadWrite"):
        raise faults.denied()
    if configuration.get("Location", {}).get("Name") != zone or "Bucket" not in configuration:
        words = "The bucket's name and its configuration must name the same Availability Zone"
        raise faults.invalid_request(words)
    if not is_zone(call, zone):
        raise faults.fault("InvalidBucketName", "The specified bucket is not valid.", BucketName=name)
    if (old := Bucket.get(call, call.partition, name)) is not None:
        check_recreated(call, old, call.region)
        return {"Location": call.url(name), "BucketArn": old.arn(call)}
    made = Bucket.new(call, name)
    made.zone, made.tags = zone, tags_of(configuration.get("Tags", []))
    made.put(call)
    return {"Location": call.url(name), "BucketArn": made.arn(call)}


def is_zone(call: Call, zone: str) -> bool:
    return any(each.id == zone for each in regions.zones(call.region))


@s3.operation(action="s3express:ListAllMyDirectoryBuckets")
def list_directory_buckets(
    call: Call, continuation_token: str = "", max_directory_buckets: int = MOST_LISTED
) -> dict[str, Any]:
    """The caller's directory buckets in this Region."""
    token = faults.invalid_argument("The continuation token provided is incorrect", "continuation-token")
    start = str(paging.opened(call, continuation_token, token)) if continuation_token else ""
    found: list[dict[str, Any]] = []
    answer: dict[str, Any] = {"Buckets": found}
    index = (call.partition, call.account, call.partition)
    for bucket in Bucket.scan(call, *index, index="owner", since=(start,) if start else None):
        if not bucket.zone or bucket.region != call.region:
            continue
        if len(found) == min(max_directory_buckets, MOST_LISTED):
            return answer | {"ContinuationToken": paging.sealed(call, bucket.name)}
        found.append(listed(call, bucket, with_region=False))
    return answer


# Sessions


def directory(call: Call, bucket: str) -> Bucket:
    """The directory bucket of a session, or one that there may yet be.

    At an endpoint of their user's own SDKs want a session even for a bucket that they are about to create. It lets them
    do nothing that they might not do without it, and there is nothing in the bucket to be done.
    """
    match = _NAME.fullmatch(bucket)
    if match and is_zone(call, match[1]) and Bucket.get(call, call.partition, bucket) is None:
        if call.principal is ANONYMOUS:
            raise faults.denied()
        made = Bucket.new(call, bucket)
        made.zone = match[1]
        return made
    found = Bucket.named(call, bucket)
    if not found.zone:
        raise faults.not_allowed("GET", "BUCKET")
    return found


@s3.operation(on=directory)
def create_session(
    call: Call,
    bucket: Bucket,
    session_mode: str = "ReadWrite",
    server_side_encryption: str = "",
    ssekms_key_id: str = "",
    ssekms_encryption_context: str = "",
    bucket_key_enabled: bool | None = None,
) -> dict[str, Any]:
    """Credentials for five minutes, good for this bucket's objects alone, or for those of an access point.

    What is put with them is encrypted as is said here, or else as the bucket's default has it.
    """
    if server_side_encryption not in ("", "AES256", "aws:kms"):
        raise faults.invalid_argument(
            "The encryption method specified is not supported", "x-amz-server-side-encryption"
        )
    if bucket_key_enabled is False and server_side_encryption == "aws:kms":
        raise faults.invalid_request("S3 Bucket Keys cannot be disabled for directory buckets")
    asked = {
        "ServerSideEncryption": server_side_encryption,
        "SSEKMSKeyId": ssekms_key_id,
        "SSEKMSEncryptionContext": ssekms_encryption_context,
    }
    seal = seals.asked(call, bucket, {name: value for name, value in asked.items() if value}, None)
    express = {"bucket": bucket.name, "mode": session_mode, "point": bucket.through, "seal": seals.as_request(seal)}
    key = new_access_key_id("ASIA", call.principal.account)
    session = call.principal.session | {"express": express, "temporary": True}
    made = Credential(
        access_key_id=key,
        secret=names.token(40),
        principal=type(call.principal)(
            call.principal.type, call.principal.account, call.principal.arn, call.principal.user_id, key, session
        ),
        token=names.token(128),
        expires=call.now + LASTS,
    ).put(call)
    told = {
        "AccessKeyId": key,
        "SecretAccessKey": made.secret,
        "SessionToken": made.token,
        "Expiration": call.now + LASTS,
    }
    return {"Credentials": told, **seals.shown(seal, with_context=True)}


def encryption(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """What a request says of encryption, which is what its session says; only a copy may say something else."""
    own: dict[str, Any] = call.principal.session.get("express", {}).get("seal", {})
    if call.operation == "CopyObject":
        return request
    if any(request.get(name, value) != value for name, value in own.items()):
        raise faults.invalid_request("The encryption settings of a request must be those of its session")
    return {**own, **request}


def targets(call: Call, request: dict[str, Any]) -> list[Target]:
    """Who may make a session may do all that it is for; who has one has been asked, but for what is about the bucket.

    A request by an access point is about the point and the bucket behind it.
    """
    within = call.operation in READS | WRITES | {"HeadBucket"}
    if within and "express" in call.principal.session:
        return []
    from . import access, points

    name = request["Bucket"]
    mode = request.get("SessionMode", "ReadOnly" if call.operation in READS else "ReadWrite")
    action = f"s3express:{'CreateSession' if within else access.actions(call)[0].partition(':')[2]}"
    keys: dict[str, Any] = {"s3express:sessionmode": (mode,)}
    found: list[Target] = []
    if name.endswith(points.DIRECTORY):
        point = points.find(call, name)
        assert isinstance(point, points.AccessPoint)
        point.check_network(call)
        name, account = point.bucket, point.address.split(":")[4]
        keys |= {
            "s3express:dataaccesspointarn": (point.address,),
            "s3express:dataaccesspointaccount": (account,),
            "s3express:accesspointnetworkorigin": (point.origin,),
            "s3express:permissions": tuple(point.scope.get("Permissions", ())),
        }
        found.append(Target(point.address, account, point.policy, keys=keys, action=action))
    bucket = Bucket.get(call, call.partition, name)
    owner = bucket.owner if bucket else call.account
    arn = f"arn:{call.partition}:s3express:{call.region}:{owner}:bucket/{name}"
    policy = documents.load(call, bucket.room, "policy") if bucket and bucket.has_policy else ""
    return [*found, Target(arn, owner, policy, keys=keys, action=action)]


def new_etag() -> str:
    """An ETag that is no digest."""
    return os.urandom(16).hex()
