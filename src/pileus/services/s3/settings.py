"""Smaller settings of a bucket: tags, default encryption, website, acceleration, who pays.

What a website looks like is in `websites`.
"""

from __future__ import annotations

import re
from typing import Any

from pileus.kernel import Call
from pileus.kernel.edge import Result

from . import faults, s3
from .buckets import Bucket, by_name, tags_of
from .configuration import Members, document
from .seals import KMS

# Tags


@s3.operation(on=by_name)
def get_bucket_tagging(call: Call, bucket: Bucket) -> dict[str, Any]:
    """The bucket's tags; to have none is an error."""
    if not bucket.tags:
        raise faults.fault("NoSuchTagSet", "The TagSet does not exist", 404, BucketName=bucket.name)
    return {"TagSet": [{"Key": key, "Value": value} for key, value in bucket.tags.items()]}


@s3.operation(on=by_name, honours=("ContentMD5", "ChecksumAlgorithm"))
def put_bucket_tagging(call: Call, bucket: Bucket, tagging: dict[str, Any]) -> dict[str, Any]:
    """Replace the bucket's tags."""
    check_tagged_here(bucket)
    bucket.tags = tags_of(tagging.get("TagSet", []))
    bucket.put(call)
    return Result({}, 204)


@s3.operation(on=by_name, action="s3:PutBucketTagging")
def delete_bucket_tagging(call: Call, bucket: Bucket) -> None:
    """Remove the bucket's tags."""
    check_tagged_here(bucket)
    bucket.tags = {}
    bucket.put(call)


def check_tagged_here(bucket: Bucket) -> None:
    """Tags that count in policies are only changed by TagResource, which policies may control by tags themselves."""
    if bucket.abac:
        words = "This bucket has ABAC enabled. Use the TagResource and UntagResource actions to manage its tags."
        raise faults.invalid_request(words)


# Who pays


@s3.operation(on=by_name)
def get_bucket_request_payment(call: Call, bucket: Bucket) -> dict[str, Any]:
    """Who pays for requests and downloads."""
    return {"Payer": bucket.payer}


@s3.operation(on=by_name, honours=("ContentMD5", "ChecksumAlgorithm"))
def put_bucket_request_payment(call: Call, bucket: Bucket, request_payment_configuration: dict[str, Any]) -> None:
    """Say who pays for requests and downloads."""
    bucket.payer = request_payment_configuration["Payer"]
    bucket.put(call)


# Default encryption

DEFAULT_RULE = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}


@s3.operation(on=by_name, action="s3:GetEncryptionConfiguration")
def get_bucket_encryption(call: Call, bucket: Bucket) -> dict[str, Any]:
    """How new objects are encrypted; with SSE-S3 unless something else was set."""
    return {"ServerSideEncryptionConfiguration": {"Rules": [bucket.encryption or DEFAULT_RULE]}}


@s3.operation(on=by_name, action="s3:PutEncryptionConfiguration", honours=("ContentMD5", "ChecksumAlgorithm"))
def put_bucket_encryption(call: Call, bucket: Bucket, server_side_encryption_configuration: dict[str, Any]) -> None:
    """Say how new objects are encrypted."""
    rules = server_side_encryption_configuration.get("Rules", [])
    if len(rules) != 1:
        raise faults.malformed()
    rule = rules[0]
    default = rule.get("ApplyServerSideEncryptionByDefault", {})
    if not default and "BlockedEncryptionTypes" not in rule:
        raise faults.malformed()
    if default.get("SSEAlgorithm") not in KMS and "KMSMasterKeyID" in default:
        words = "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse"
        raise faults.invalid_argument(words, "ApplyServerSideEncryptionByDefault")
    bucket.encryption = {"BucketKeyEnabled": False, **rule}
    bucket.put(call)


@s3.operation(on=by_name, action="s3:PutEncryptionConfiguration")
def delete_bucket_encryption(call: Call, bucket: Bucket) -> None:
    """Go back to SSE-S3."""
    bucket.encryption = {}
    bucket.put(call)


# Website


def check_website(call: Call, bucket: Bucket, content: Members) -> None:
    if "RedirectAllRequestsTo" in content:
        if len(content) > 1:
            words = "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules."
            raise faults.invalid_argument(words, "RedirectAllRequestsTo", "not null")
        return
    suffix = content.get("IndexDocument", {}).get("Suffix", "")
    if "IndexDocument" not in content:
        words = "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty"
        raise faults.invalid_argument(words, "IndexDocument", "null")
    if not suffix or "/" in suffix:
        raise faults.invalid_argument("The IndexDocument Suffix is not well formed", "IndexDocument", suffix)
    if len(content.get("RoutingRules", [])) > 50:
        raise faults.invalid_argument("The number of routing rules exceeds the limit of 50.", "RoutingRules")
    for rule in content.get("RoutingRules", []):
        check_routing(rule.get("Condition"), rule.get("Redirect", {}))


def check_routing(condition: Members | None, redirect: Members) -> None:
    """Refuse a routing rule that says nothing, or what no answer of HTTP can say."""
    if not redirect or {"ReplaceKeyPrefixWith", "ReplaceKeyWith"} <= redirect.keys():
        raise faults.invalid_request("You can only define ReplaceKeyPrefix or ReplaceKey but not both.")
    if condition == {}:
        raise faults.invalid_request(
            "Condition cannot be empty. To redirect all requests without a condition, the condition element shouldn't "
            "be present."
        )
    error = (condition or {}).get("HttpErrorCodeReturnedEquals", "404")
    if not re.fullmatch("[45][0-9]{2}", error):
        raise faults.invalid_request(
            f"The provided HTTP error code ({error}) is not valid. Valid codes are 4XX or 5XX."
        )
    code = redirect.get("HttpRedirectCode", "301")
    if not re.fullmatch("3[0-9]{2}", code) or code == "300":
        words = f"The provided HTTP redirect code ({code}) is not valid. Valid codes are 3XX except 300."
        raise faults.invalid_request(words)


document(
    "Website",
    "WebsiteConfiguration",
    missing=("NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration"),
    flat=True,
    check=check_website,
    deletes="s3:DeleteBucketWebsite",
)


# Acceleration


def check_acceleration(call: Call, bucket: Bucket, content: Members) -> None:
    if "Status" not in content:
        raise faults.malformed()
    if "." in bucket.name:
        words = "S3 Transfer Acceleration is not supported for buckets with periods (.) in their names"
        raise faults.invalid_request(words)


document("AccelerateConfiguration", "AccelerateConfiguration", flat=True, check=check_acceleration)
