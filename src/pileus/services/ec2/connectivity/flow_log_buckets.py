"""Buckets of flow logs: their policies let AWS's delivery of logs in.

VPC User Guide, "Amazon S3 bucket permissions for flow logs": whoever makes a flow log, and may say so, has that added.
"""

from __future__ import annotations

import json
from typing import Any

from pileus.kernel import Call, Fault

DELIVERY = "delivery.logs.amazonaws.com"


def admit(call: Call, destination: str) -> None:
    """Add to the policy of a bucket what delivery needs; where the caller may not, it remains as it is."""
    bucket, _, folder = destination.split(":::", 1)[1].partition("/")
    try:
        document = json.loads(_policy(call, bucket))
        there = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
        wanted = [one for one in statements(call, bucket, folder) if one not in there]
        if wanted:
            policy = json.dumps(document | {"Statement": [*there, *wanted]})
            call.aws("s3").put_bucket_policy(bucket=bucket, policy=policy)
    except Fault:
        return


def _policy(call: Call, bucket: str) -> str:
    try:
        found: Any = call.aws("s3").get_bucket_policy(bucket=bucket)
    except Fault as fault:
        if fault.code != "NoSuchBucketPolicy":
            raise
        return json.dumps({"Version": "2012-10-17", "Statement": []})
    return str(found["Policy"])


def statements(call: Call, bucket: str, folder: str) -> list[dict[str, Any]]:
    place = f"{folder.strip('/')}/" if folder.strip("/") else ""
    arn = f"arn:{call.partition}:s3:::{bucket}"
    ours = {
        "StringEquals": {"aws:SourceAccount": call.account},
        "ArnLike": {"aws:SourceArn": call.arn("*", "logs")},
    }
    written = {"StringEquals": ours["StringEquals"] | {"s3:x-amz-acl": "bucket-owner-full-control"}}
    return [
        {
            "Sid": "AWSLogDeliveryWrite",
            "Effect": "Allow",
            "Principal": {"Service": DELIVERY},
            "Action": "s3:PutObject",
            "Resource": f"{arn}/{place}AWSLogs/{call.account}/*",
            "Condition": ours | written,
        },
        {
            "Sid": "AWSLogDeliveryAclCheck",
            "Effect": "Allow",
            "Principal": {"Service": DELIVERY},
            "Action": "s3:GetBucketAcl",
            "Resource": arn,
            "Condition": ours,
        },
    ]
