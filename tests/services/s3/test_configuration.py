"""Documents of a bucket: returned as they were put, and refused where S3 refuses them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pileus.testing.account import Account

from .conftest import fresh, refused

MIDNIGHT = datetime(2031, 1, 1, tzinfo=UTC)

DEEPER = {"StorageClass": "GLACIER"}

LIFECYCLE = {
    "Rules": [
        {
            "ID": "one",
            "Status": "Enabled",
            "Filter": {"And": {"Prefix": "logs/", "Tags": [{"Key": "a", "Value": "1"}], "ObjectSizeGreaterThan": 500}},
            "Transitions": [{"Days": 30, "StorageClass": "STANDARD_IA"}, {"Days": 90, "StorageClass": "GLACIER"}],
            "Expiration": {"Days": 365},
        },
        {
            "ID": "two",
            "Status": "Disabled",
            "Filter": {"Prefix": ""},
            "NoncurrentVersionTransitions": [{"NoncurrentDays": 30, "StorageClass": "ONEZONE_IA"}],
            "NoncurrentVersionExpiration": {"NoncurrentDays": 60, "NewerNoncurrentVersions": 3},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
            "Expiration": {"Date": MIDNIGHT},
        },
    ]
}


def test_lifecycle(s3: Any, bucket: str) -> None:
    assert refused(s3.get_bucket_lifecycle_configuration, Bucket=bucket) == ("NoSuchLifecycleConfiguration", 404)
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=LIFECYCLE)
    got = s3.get_bucket_lifecycle_configuration(Bucket=bucket)
    assert got["Rules"] == LIFECYCLE["Rules"]
    assert got["TransitionDefaultMinimumObjectSize"] == "all_storage_classes_128K"
    s3.delete_bucket_lifecycle(Bucket=bucket)
    assert refused(s3.get_bucket_lifecycle_configuration, Bucket=bucket)[1] == 404


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"Expiration": {"Days": 0}}, "InvalidArgument"),
        ({"Expiration": {"Days": 1, "Date": MIDNIGHT}}, "MalformedXML"),
        ({"Expiration": {"Date": datetime(2031, 1, 1, 5, tzinfo=UTC)}}, "InvalidArgument"),
        ({"Transitions": [{"Days": 29, "StorageClass": "STANDARD_IA"}]}, "InvalidArgument"),
        ({"Transitions": [{"Days": 50, "StorageClass": "GLACIER"}], "Expiration": {"Days": 50}}, "InvalidArgument"),
        ({"Filter": {"Prefix": "a", "Tag": {"Key": "k", "Value": "v"}}, "Expiration": {"Days": 1}}, "MalformedXML"),
        ({"Transitions": [{"Days": 30, "StorageClass": "STANDARD_IA"}, DEEPER | {"Days": 59}]}, "InvalidArgument"),
        ({"Transitions": [DEEPER | {"Days": 30}], "Expiration": {"Date": MIDNIGHT}}, "InvalidRequest"),
        (
            {
                "NoncurrentVersionTransitions": [{"NoncurrentDays": 9, "StorageClass": "GLACIER"}],
                "NoncurrentVersionExpiration": {"NoncurrentDays": 9},
            },
            "InvalidArgument",
        ),
        ({"Filter": {"ObjectSizeGreaterThan": 9}, "Expiration": {"ExpiredObjectDeleteMarker": True}}, "InvalidRequest"),
        (
            {"Filter": {"ObjectSizeGreaterThan": 9}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}},
            "InvalidRequest",
        ),
        ({}, "InvalidRequest"),
        ({"ID": "x" * 256, "Expiration": {"Days": 1}}, "InvalidArgument"),
        (
            {
                "Filter": {"Tag": {"Key": "k", "Value": "v"}},
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
            },
            "InvalidRequest",
        ),
    ],
)
def test_lifecycle_rules_that_are_refused(s3: Any, bucket: str, changes: dict[str, Any], code: str) -> None:
    rule = {"Status": "Enabled", "Filter": {"Prefix": ""}} | changes
    assert refused(s3.put_bucket_lifecycle_configuration, Bucket=bucket, LifecycleConfiguration={"Rules": [rule]}) == (
        code,
        400,
    )


def test_what_is_not_current_may_move_at_once(s3: Any, bucket: str) -> None:
    moves = [{"NoncurrentDays": 0, "StorageClass": "GLACIER"}]
    rule = {"ID": "a", "Status": "Enabled", "Filter": {"Prefix": ""}, "NoncurrentVersionTransitions": moves}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == [rule]


def test_cors(s3: Any, bucket: str) -> None:
    assert refused(s3.get_bucket_cors, Bucket=bucket) == ("NoSuchCORSConfiguration", 404)
    rules = [
        {"AllowedMethods": ["GET", "PUT"], "AllowedOrigins": ["https://*.example.com"], "AllowedHeaders": ["*"]},
        {
            "ID": "x",
            "AllowedMethods": ["HEAD"],
            "AllowedOrigins": ["*"],
            "ExposeHeaders": ["ETag"],
            "MaxAgeSeconds": 60,
        },
    ]
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == rules
    s3.delete_bucket_cors(Bucket=bucket)
    wrong = [{"AllowedMethods": ["PATCH"], "AllowedOrigins": ["*"]}]
    assert refused(s3.put_bucket_cors, Bucket=bucket, CORSConfiguration={"CORSRules": wrong}) == ("InvalidRequest", 400)
    wrong = [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*a*"]}]
    assert refused(s3.put_bucket_cors, Bucket=bucket, CORSConfiguration={"CORSRules": wrong}) == ("InvalidRequest", 400)


def test_website(s3: Any, bucket: str) -> None:
    assert refused(s3.get_bucket_website, Bucket=bucket) == ("NoSuchWebsiteConfiguration", 404)
    site = {"IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "error.html"}}
    site["RoutingRules"] = [{"Condition": {"KeyPrefixEquals": "a/"}, "Redirect": {"ReplaceKeyPrefixWith": "b/"}}]
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=site)
    got = s3.get_bucket_website(Bucket=bucket)
    assert {name: got[name] for name in site} == site
    s3.delete_bucket_website(Bucket=bucket)
    for wrong in ({"IndexDocument": {"Suffix": "a/b"}}, {"ErrorDocument": {"Key": "e"}}):
        assert refused(s3.put_bucket_website, Bucket=bucket, WebsiteConfiguration=wrong) == ("InvalidArgument", 400)


@pytest.mark.parametrize(
    ("site", "message"),
    [
        ({"RedirectAllRequestsTo": {"HostName": "a", "Protocol": "ftp"}}, "Invalid protocol, protocol can be http or"),
        ({"Redirect": {"HttpRedirectCode": "300"}}, "The provided HTTP redirect code (300) is not valid."),
        (
            {"Condition": {"HttpErrorCodeReturnedEquals": "302"}, "Redirect": {"ReplaceKeyWith": "a"}},
            "The provided HTTP error code (302) is not valid. Valid codes are 4XX or 5XX.",
        ),
        ({"Condition": {}, "Redirect": {"ReplaceKeyWith": "a"}}, "Condition cannot be empty."),
    ],
)
def test_websites_that_cannot_be(s3: Any, bucket: str, site: dict[str, Any], message: str) -> None:
    if "Redirect" in site:
        site = {"IndexDocument": {"Suffix": "index.html"}, "RoutingRules": [site]}
    with pytest.raises(ClientError) as raised:
        s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=site)
    error = raised.value.response["Error"]
    assert error["Code"] == "InvalidRequest"
    assert error["Message"].startswith(message)


@pytest.mark.parametrize(
    ("tag", "message"),
    [
        ({"Key": "aws:team", "Value": "a"}, "System tags cannot be added/updated by requester"),
        ({"Key": "a" * 129, "Value": "a"}, "The TagKey you have provided is invalid"),
        ({"Key": "a", "Value": "<b>"}, "The TagValue you have provided is invalid"),
    ],
)
def test_tags_that_cannot_be(s3: Any, bucket: str, tag: dict[str, str], message: str) -> None:
    with pytest.raises(ClientError) as raised:
        s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [tag]})
    error = raised.value.response["Error"]
    assert (error["Code"], error["Message"]) == ("InvalidTag", message)


def test_policies_and_tags_are_put_without_an_answer(aws: Account, s3: Any, bucket: str) -> None:
    """204 and not 200 as the model has it."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": aws.id},
        "Action": "s3:*",
        "Resource": f"arn:aws:s3:::{bucket}",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    for done in (
        s3.put_bucket_policy(Bucket=bucket, Policy=policy),
        s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]}),
    ):
        assert done["ResponseMetadata"]["HTTPStatusCode"] == 204


def test_a_public_access_block_says_something(s3: Any, bucket: str) -> None:
    wanted = {"Bucket": bucket, "PublicAccessBlockConfiguration": {}}
    assert refused(s3.put_public_access_block, **wanted) == ("InvalidRequest", 400)
    assert s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]["BlockPublicAcls"]


def test_replication(aws: Account, s3: Any, versioned: str) -> None:
    target = fresh()
    s3.create_bucket(Bucket=target)
    rule = {
        "ID": "all",
        "Priority": 1,
        "Filter": {"Prefix": ""},
        "Status": "Enabled",
        "DeleteMarkerReplication": {"Status": "Disabled"},
        "Destination": {"Bucket": f"arn:aws:s3:::{target}"},
    }
    wanted = {"Role": f"arn:aws:iam::{aws.id}:role/replicate", "Rules": [rule]}
    assert refused(s3.put_bucket_replication, Bucket=versioned, ReplicationConfiguration=wanted) == (
        "InvalidRequest",
        400,
    )
    assert refused(s3.put_bucket_replication, Bucket=target, ReplicationConfiguration=wanted)[0] == "InvalidRequest"
    s3.put_bucket_versioning(Bucket=target, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_replication(Bucket=versioned, ReplicationConfiguration=wanted)
    assert s3.get_bucket_replication(Bucket=versioned)["ReplicationConfiguration"] == wanted
    s3.delete_bucket_replication(Bucket=versioned)
    assert refused(s3.get_bucket_replication, Bucket=versioned) == ("ReplicationConfigurationNotFoundError", 404)


def test_logging_wants_a_target_of_the_same_owner(s3: Any, bucket: str) -> None:
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)
    wanted = {"TargetBucket": bucket, "TargetPrefix": "log/"}
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={"LoggingEnabled": wanted})
    assert s3.get_bucket_logging(Bucket=bucket)["LoggingEnabled"] == wanted
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={})
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)
    nowhere = {"LoggingEnabled": {"TargetBucket": fresh(), "TargetPrefix": ""}}
    assert refused(s3.put_bucket_logging, Bucket=bucket, BucketLoggingStatus=nowhere) == (
        "InvalidTargetBucketForLogging",
        400,
    )


def test_tags_payer_and_acceleration(s3: Any, bucket: str) -> None:
    assert refused(s3.get_bucket_tagging, Bucket=bucket) == ("NoSuchTagSet", 404)
    tags = [{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "1"}]
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == tags
    s3.delete_bucket_tagging(Bucket=bucket)
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"
    s3.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration={"Payer": "Requester"})
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "Requester"
    assert "Status" not in s3.get_bucket_accelerate_configuration(Bucket=bucket)
    s3.put_bucket_accelerate_configuration(Bucket=bucket, AccelerateConfiguration={"Status": "Enabled"})
    assert s3.get_bucket_accelerate_configuration(Bucket=bucket)["Status"] == "Enabled"


@pytest.mark.parametrize(
    ("noun", "content"),
    [
        ("metrics", {"Filter": {"Prefix": "a/"}}),
        ("analytics", {"StorageClassAnalysis": {}}),
        ("intelligent_tiering", {"Status": "Enabled", "Tierings": [{"Days": 90, "AccessTier": "ARCHIVE_ACCESS"}]}),
        (
            "inventory",
            {
                "IsEnabled": False,
                "IncludedObjectVersions": "All",
                "Schedule": {"Frequency": "Daily"},
                "Destination": {"S3BucketDestination": {"Bucket": "arn:aws:s3:::somewhere", "Format": "CSV"}},
            },
        ),
    ],
)
def test_configurations_with_ids(s3: Any, bucket: str, noun: str, content: dict[str, Any]) -> None:
    member = "".join(part.capitalize() for part in noun.split("_")) + "Configuration"
    get, put = getattr(s3, f"get_bucket_{noun}_configuration"), getattr(s3, f"put_bucket_{noun}_configuration")
    listing, delete = (
        getattr(s3, f"list_bucket_{noun}_configurations"),
        getattr(s3, f"delete_bucket_{noun}_configuration"),
    )
    assert refused(get, Bucket=bucket, Id="a") == ("NoSuchConfiguration", 404)
    assert refused(put, Bucket=bucket, Id="a", **{member: {"Id": "b", **content}}) == ("IdMismatch", 400)
    assert refused(put, Bucket=bucket, Id="a b", **{member: {"Id": "a b", **content}})[0] == "InvalidConfigurationId"
    twofold = {"Id": "a", **content, "Filter": {"Prefix": "a", "Tag": {"Key": "a", "Value": "b"}}}
    if noun != "inventory":  # whose filters are prefixes alone
        assert refused(put, Bucket=bucket, Id="a", **{member: twofold}) == ("MalformedXML", 400)
    for name in ("b", "a"):
        put(Bucket=bucket, Id=name, **{member: {"Id": name, **content}})
    assert get(Bucket=bucket, Id="a")[member] == {"Id": "a", **content}
    listed = listing(Bucket=bucket)
    assert [each["Id"] for each in listed[f"{member}List"]] == ["a", "b"]
    assert listed["IsTruncated"] is False
    delete(Bucket=bucket, Id="a")
    assert refused(delete, Bucket=bucket, Id="a") == ("NoSuchConfiguration", 404)


def test_a_new_bucket_of_the_same_name_has_nothing_of_the_old(aws: Account) -> None:
    s3, name = aws.client("s3"), fresh()
    s3.create_bucket(Bucket=name)
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration=LIFECYCLE)
    s3.delete_bucket(Bucket=name)
    s3.create_bucket(Bucket=name)
    assert refused(s3.get_bucket_lifecycle_configuration, Bucket=name)[1] == 404
