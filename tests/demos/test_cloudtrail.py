"""What the notes say of CloudTrail, carried out."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def clock(cloud: Any) -> Iterator[Any]:
    cloud.clock.freeze()
    yield cloud.clock
    cloud.clock.resume()


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def allowed(aws: Any, bucket: str) -> str:
    service = {"Service": "cloudtrail.amazonaws.com"}
    return policy(
        {"Effect": "Allow", "Principal": service, "Action": "s3:GetBucketAcl", "Resource": f"arn:aws:s3:::{bucket}"},
        {
            "Effect": "Allow",
            "Principal": service,
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{bucket}/AWSLogs/{aws.id}/*",
            "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}},
        },
    )


def test_who_did_what_goes_to_s3_to_cloudwatch_and_is_announced_by_sns(aws: Any, clock: Any) -> None:
    s3, sns, sqs = aws.client("s3"), aws.client("sns"), aws.client("sqs")
    iam, logs, trail = aws.client("iam"), aws.client("logs"), aws.client("cloudtrail")
    bucket = f"audit-{aws.id}"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_policy(Bucket=bucket, Policy=allowed(aws, bucket))

    # "can have sns to message when a new log file is added to S3"
    topic = sns.create_topic(Name="audit")["TopicArn"]
    service = {"Service": "cloudtrail.amazonaws.com"}
    publish = {"Effect": "Allow", "Principal": service, "Action": "sns:Publish", "Resource": topic}
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy(publish))
    queue = sqs.create_queue(QueueName="audit")["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{aws.id}:audit"
    send = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy(send)})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})

    # "can send logs to cloudWatch as well"
    logs.create_log_group(logGroupName="audit")
    group = f"arn:aws:logs:us-east-1:{aws.id}:log-group:audit:*"
    trust = policy({"Effect": "Allow", "Principal": service, "Action": "sts:AssumeRole"})
    role = iam.create_role(RoleName="audit", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    write = {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": group}
    iam.put_role_policy(RoleName="audit", PolicyName="write", PolicyDocument=policy(write))
    denied = {"metricName": "denied", "metricNamespace": "audit", "metricValue": "1"}
    logs.put_metric_filter(
        logGroupName="audit",
        filterName="denied",
        filterPattern='{ $.errorCode = "AccessDenied" }',
        metricTransformations=[denied],
    )

    # "All Regions: default"; "logs all interactions by iam users with aws"; "check for unauthorized access"
    trail.create_trail(
        Name="audit",
        S3BucketName=bucket,
        SnsTopicName="audit",
        IsMultiRegionTrail=True,
        CloudWatchLogsLogGroupArn=group,
        CloudWatchLogsRoleArn=role,
    )
    trail.start_logging(Name="audit")
    iam.create_user(UserName="bob")
    key = iam.create_access_key(UserName="bob")["AccessKey"]
    keys = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    with pytest.raises(ClientError):
        aws.client("sqs", region="eu-west-1", **keys).create_queue(QueueName="forbidden")

    # "updated within +15 mins of api call"
    clock.advance(15 * 60)
    records = []
    for item in s3.list_objects_v2(Bucket=bucket)["Contents"]:
        # "all encrypted with SSE on S3 by default"
        assert s3.head_object(Bucket=bucket, Key=item["Key"])["ServerSideEncryption"] == "AES256"
        body = s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()
        records += json.loads(gzip.decompress(body))["Records"]
    (attempt,) = [record for record in records if record["userIdentity"].get("userName") == "bob"]
    assert (attempt["awsRegion"], attempt["errorCode"]) == ("eu-west-1", "AccessDenied")

    messages = []
    while found := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        for message in found:
            messages.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    told = {name for message in messages for name in message["s3ObjectKey"]}
    assert told == {item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]}

    streams = {stream["logStreamName"] for stream in logs.describe_log_streams(logGroupName="audit")["logStreams"]}
    assert streams == {f"{aws.id}_CloudTrail_us-east-1", f"{aws.id}_CloudTrail_eu-west-1"}
    events = logs.filter_log_events(logGroupName="audit", filterPattern='{ $.userIdentity.userName = "bob" }')["events"]
    assert [json.loads(event["message"])["eventID"] for event in events] == [attempt["eventID"]]
    data = aws.client("cloudwatch").get_metric_statistics(
        Namespace="audit",
        MetricName="denied",
        StartTime=clock.now() - 3600,
        EndTime=clock.now() + 60,
        Period=3600,
        Statistics=["Sum"],
    )["Datapoints"]
    assert sum(point["Sum"] for point in data) == 1
    status = trail.get_trail_status(Name="audit")
    assert {"LatestDeliveryTime", "LatestNotificationTime", "LatestCloudWatchLogsDeliveryTime"} <= {*status}
