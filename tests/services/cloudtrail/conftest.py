"""A bucket that trails may write to."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def bucket(aws: Any) -> str:
    return allow(aws, f"trail-{aws.id}")


def allow(aws: Any, name: str, prefix: str = "") -> str:
    """A bucket with the policy of the CloudTrail User Guide."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=name)
    service = {"Service": "cloudtrail.amazonaws.com"}
    statements = [
        {"Effect": "Allow", "Principal": service, "Action": "s3:GetBucketAcl", "Resource": f"arn:aws:s3:::{name}"},
        {
            "Effect": "Allow",
            "Principal": service,
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{name}/{prefix}AWSLogs/{aws.id}/*",
            "Condition": {
                "StringEquals": {
                    "s3:x-amz-acl": "bucket-owner-full-control",
                    "aws:SourceArn": f"arn:aws:cloudtrail:us-east-1:{aws.id}:trail/main",
                }
            },
        },
    ]
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))
    return name


@pytest.fixture
def delivered(aws: Any, bucket: str) -> Callable[[], list[dict[str, Any]]]:
    """All records that lie in the bucket."""

    def read() -> list[dict[str, Any]]:
        s3 = aws.client("s3")
        found = []
        for object in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
            if "/CloudTrail/" in object["Key"]:
                body = s3.get_object(Bucket=bucket, Key=object["Key"])["Body"].read()
                found += json.loads(gzip.decompress(body))["Records"]
        return found

    return read
