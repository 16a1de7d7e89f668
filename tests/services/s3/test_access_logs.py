"""Server access logs, as they arrive in the target bucket."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from pileus import LocalCloud
from pileus.testing.account import Account

from .conftest import fresh, put, read, refused

FIELD = re.compile(r'"[^"]*"|\[[^\]]*\]|\S+')
NAMES = [
    "owner",
    "bucket",
    "time",
    "ip",
    "requester",
    "request_id",
    "operation",
    "key",
    "uri",
    "status",
    "error",
    "sent",
    "size",
    "total",
    "turn_around",
    "referer",
    "agent",
    "version",
    "host_id",
    "signature",
    "cipher",
    "authentication",
    "host",
    "tls",
    "access_point",
    "acl",
]


def lines(s3: Any, bucket: str, prefix: str = "") -> list[dict[str, str]]:
    found = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])]
    text = "".join(read(s3, bucket, key).decode() for key in found)
    return [dict(zip(NAMES, FIELD.findall(line), strict=True)) for line in text.splitlines()]


def let_in(s3: Any, target: str, source: str) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{target}/*",
        "Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{source}"}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    s3.put_bucket_policy(Bucket=target, Policy=policy)


def logged(s3: Any, bucket: str, target: str, prefix: str = "log/", **more: Any) -> None:
    enabled = {"TargetBucket": target, "TargetPrefix": prefix, **more}
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={"LoggingEnabled": enabled})


def test_the_lines(clock: Any, cloud: LocalCloud, aws: Account, s3: Any, versioned: str) -> None:
    target = fresh()
    s3.create_bucket(Bucket=target)
    let_in(s3, target, versioned)
    logged(s3, versioned, target)
    made = put(s3, versioned, "a b", b"hello")
    s3.get_object(Bucket=versioned, Key="a b", Range="bytes=1-2")
    assert refused(s3.get_object, Bucket=versioned, Key="nowhere")[1] == 404
    s3.list_objects_v2(Bucket=versioned)
    s3.get_bucket_acl(Bucket=versioned)
    s3.delete_objects(Bucket=versioned, Delete={"Objects": [{"Key": "a b"}]})
    assert lines(s3, target) == []
    cloud.clock.advance(301)
    (key,) = [each["Key"] for each in s3.list_objects_v2(Bucket=target)["Contents"]]
    assert re.fullmatch(r"log/\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d-[0-9A-F]{16}", key)
    found = lines(s3, target)
    assert {line["operation"]: line["status"] for line in found} == {
        "REST.PUT.LOGGING_STATUS": "200",
        "REST.PUT.OBJECT": "200",
        "REST.GET.OBJECT": "404",
        "REST.GET.BUCKET": "200",
        "REST.GET.ACL": "200",
        "REST.POST.MULTI_OBJECT_DELETE": "200",
    }
    sent = next(line for line in found if line["operation"] == "REST.PUT.OBJECT")
    assert (sent["bucket"], sent["key"], sent["error"], sent["size"]) == (versioned, "a%20b", "-", "5")
    assert re.fullmatch(r"\[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000\]", sent["time"])
    assert (sent["ip"], sent["signature"], sent["authentication"]) == ("127.0.0.1", "SigV4", "AuthHeader")
    assert sent["owner"] == sent["requester"] == s3.list_buckets()["Owner"]["ID"]
    assert (sent["request_id"], sent["version"]) == (made["ResponseMetadata"]["RequestId"], made["VersionId"])
    assert sent["uri"].startswith('"PUT /') and sent["uri"].endswith(' HTTP/1.1"')
    part, missing = (line for line in found if line["operation"] == "REST.GET.OBJECT")
    assert (part["status"], part["sent"], part["size"]) == ("206", "2", "5")
    assert missing["error"] == "NoSuchKey"


def test_prefixes_by_date(clock: Any, cloud: LocalCloud, aws: Account, s3: Any, bucket: str) -> None:
    target = fresh()
    s3.create_bucket(Bucket=target)
    let_in(s3, target, bucket)
    form = {"PartitionedPrefix": {"PartitionDateSource": "EventTime"}}
    logged(s3, bucket, target, "", TargetObjectKeyFormat=form)
    put(s3, bucket, "k")
    cloud.clock.advance(301)
    (key,) = [each["Key"] for each in s3.list_objects_v2(Bucket=target)["Contents"]]
    assert re.fullmatch(rf"{aws.id}/us-east-1/{bucket}/\d{{4}}/\d\d/\d\d/[\d-]{{20}}[0-9A-F]{{16}}", key)


def test_only_who_is_let_in_delivers(clock: Any, cloud: LocalCloud, s3: Any, bucket: str) -> None:
    target = fresh()
    s3.create_bucket(Bucket=target)
    logged(s3, bucket, target)
    put(s3, bucket, "lost")
    cloud.clock.advance(301)
    assert lines(s3, target) == []
    rule = {"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}
    s3.put_bucket_ownership_controls(Bucket=target, OwnershipControls=rule)
    s3.put_bucket_acl(Bucket=target, ACL="log-delivery-write")
    put(s3, bucket, "kept")
    cloud.clock.advance(301)
    assert [line["key"] for line in lines(s3, target)] == ["kept"]
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={})
    put(s3, bucket, "unseen")
    cloud.clock.advance(601)
    assert [line["key"] for line in lines(s3, target)] == ["kept"]


def test_request_metrics(clock: Any, cloud: LocalCloud, aws: Account, s3: Any, bucket: str) -> None:
    now = cloud.clock.now()
    cloud.clock.advance(60 - now % 60)
    began = datetime.fromtimestamp(cloud.clock.now(), UTC)
    for name, more in (("all", {}), ("in", {"Filter": {"Prefix": "in/"}})):
        s3.put_bucket_metrics_configuration(Bucket=bucket, Id=name, MetricsConfiguration={"Id": name, **more})
    put(s3, bucket, "in/a", b"x" * 100)
    put(s3, bucket, "out", b"x")
    read(s3, bucket, "in/a")
    assert refused(s3.get_object, Bucket=bucket, Key="in/nowhere")[1] == 404
    cloud.clock.advance(61)
    cloudwatch = aws.client("cloudwatch")

    def total(metric: str, name: str) -> float:
        found = cloudwatch.get_metric_statistics(
            Namespace="AWS/S3",
            MetricName=metric,
            Dimensions=[{"Name": "BucketName", "Value": bucket}, {"Name": "FilterId", "Value": name}],
            StartTime=began,
            EndTime=began + timedelta(minutes=2),
            Period=60,
            Statistics=["Sum"],
        )["Datapoints"]
        return sum(point["Sum"] for point in found)

    assert (total("PutRequests", "in"), total("GetRequests", "in"), total("4xxErrors", "in")) == (1, 2, 1)
    assert total("BytesUploaded", "in") == 100
    assert total("PutRequests", "all") >= 2
