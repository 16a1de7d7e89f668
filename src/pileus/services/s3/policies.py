"""Bucket policies, the public access block, ownership controls."""

from __future__ import annotations

import json
from typing import Any

from pileus.kernel import Call
from pileus.kernel.edge import Result

from . import acls, documents, faults, points, public, s3
from .buckets import BLOCKS, Bucket, by_name

LONGEST = 20 * 1024
KIND = "policy"
INTEGRITY = ("ContentMD5", "ChecksumAlgorithm")


def text(call: Call, bucket: Bucket) -> str:
    found = documents.load(call, bucket.room, KIND)
    if found is None:
        raise faults.fault("NoSuchBucketPolicy", "The bucket policy does not exist", 404, BucketName=bucket.name)
    return str(found)


@s3.operation(on=by_name)
def get_bucket_policy(call: Call, bucket: Bucket) -> dict[str, Any]:
    """The policy as it was put."""
    return {"Policy": text(call, bucket)}


@s3.operation(on=by_name, honours=(*INTEGRITY, "ConfirmRemoveSelfBucketAccess"))
def put_bucket_policy(call: Call, bucket: Bucket, policy: str) -> dict[str, Any]:
    """Replace the policy, if it can be one, and does not make public what is not to be."""
    document = public.checked(call, bucket, policy, LONGEST)
    if "BlockPublicPolicy" in points.blocks(call, bucket) and public.is_public(document):
        raise faults.denied(
            f"User: {call.principal.arn} is not authorized to perform: s3:PutBucketPolicy on resource: "
            f'"{bucket.arn(call)}" because public policies are prevented by the BlockPublicPolicy setting in S3 '
            "Block Public "
            "Access."
        )
    documents.save(call, bucket.room, KIND, policy)
    bucket.has_policy = True
    bucket.put(call)
    return Result({}, 204)


@s3.operation(on=by_name)
def delete_bucket_policy(call: Call, bucket: Bucket) -> None:
    """Remove the policy."""
    documents.drop(call, bucket.room, KIND)
    bucket.has_policy = False
    bucket.put(call)


@s3.operation(on=by_name)
def get_bucket_policy_status(call: Call, bucket: Bucket) -> dict[str, Any]:
    """Whether the policy lets in anybody at all."""
    document = json.loads(text(call, bucket))
    return {"PolicyStatus": {"IsPublic": public.is_public(document)}}


# The public access block


@s3.operation(on=by_name, action="s3:GetBucketPublicAccessBlock")
def get_public_access_block(call: Call, bucket: Bucket) -> dict[str, Any]:
    """The four settings that keep a bucket from being public."""
    if not bucket.has_block:
        words = "The public access block configuration was not found"
        raise faults.fault("NoSuchPublicAccessBlockConfiguration", words, 404, BucketName=bucket.name)
    return {"PublicAccessBlockConfiguration": {name: name in bucket.blocks for name in BLOCKS}}


@s3.operation(on=by_name, action="s3:PutBucketPublicAccessBlock", honours=INTEGRITY)
def put_public_access_block(call: Call, bucket: Bucket, public_access_block_configuration: dict[str, bool]) -> None:
    """Replace the settings; what is not named is off."""
    check_block(public_access_block_configuration)
    bucket.blocks = tuple(name for name in BLOCKS if public_access_block_configuration.get(name))
    bucket.has_block = True
    bucket.put(call)


def check_block(given: dict[str, bool]) -> None:
    if not given:
        raise faults.invalid_request("Must specify at least one configuration.")


@s3.operation(on=by_name, action="s3:PutBucketPublicAccessBlock")
def delete_public_access_block(call: Call, bucket: Bucket) -> None:
    """Remove the settings: all are off."""
    bucket.blocks, bucket.has_block = (), False
    bucket.put(call)


# Ownership


@s3.operation(on=by_name)
def get_bucket_ownership_controls(call: Call, bucket: Bucket) -> dict[str, Any]:
    """Who owns what others put into the bucket."""
    if not bucket.ownership:
        words = "The bucket ownership controls were not found"
        raise faults.fault("OwnershipControlsNotFoundError", words, 404, BucketName=bucket.name)
    return {"OwnershipControls": {"Rules": [{"ObjectOwnership": bucket.ownership}]}}


@s3.operation(on=by_name, honours=INTEGRITY)
def put_bucket_ownership_controls(call: Call, bucket: Bucket, ownership_controls: dict[str, Any]) -> None:
    """Say who owns what others put. ACLs can be disabled only where none lets others in."""
    rules = ownership_controls.get("Rules", [])
    if len(rules) != 1:
        raise faults.malformed()
    wanted = rules[0]["ObjectOwnership"]
    if wanted == "BucketOwnerEnforced" and any(
        grant != acls.user(bucket.owner, "FULL_CONTROL") for grant in bucket.acl
    ):
        words = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"
        raise faults.fault("InvalidBucketAclWithObjectOwnership", words)
    bucket.ownership = wanted
    bucket.put(call)


@s3.operation(on=by_name, action="s3:PutBucketOwnershipControls")
def delete_bucket_ownership_controls(call: Call, bucket: Bucket) -> None:
    """Remove the controls: everybody owns what he puts."""
    bucket.ownership = ""
    bucket.put(call)
