"""Subscription filters deliver: to a Kinesis stream, directly and through a destination, and to a function."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from typing import Any

EVERYBODY = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def role(aws: Any, service: str) -> str:
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    name = service.split(".")[0]
    iam = aws.client("iam")
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    policy = json.dumps({"Version": "2012-10-17", "Statement": [EVERYBODY]})
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=policy)
    return str(arn)


def records(aws: Any, stream: str) -> list[Any]:
    kinesis = aws.client("kinesis")
    (shard,) = kinesis.list_shards(StreamName=stream)["Shards"]
    iterator = kinesis.get_shard_iterator(
        StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    found = kinesis.get_records(ShardIterator=iterator)["Records"]
    return [json.loads(gzip.decompress(record["Data"])) for record in found]


def stream(aws: Any, clock: Any) -> str:
    kinesis = aws.client("kinesis")
    kinesis.create_stream(StreamName="s", ShardCount=1)
    clock.advance(60)
    return str(kinesis.describe_stream_summary(StreamName="s")["StreamDescriptionSummary"]["StreamARN"])


def test_what_matches_goes_to_a_stream(aws: Any, logs: Any, put: Any, clock: Any, refused: Any) -> None:
    arn, ours = stream(aws, clock), role(aws, "logs.amazonaws.com")
    wish = {"logGroupName": "app", "filterName": "errors", "filterPattern": "ERROR"}
    with refused("InvalidParameterException", "Could not deliver test message to specified Kinesis stream"):
        logs.put_subscription_filter(**wish, destinationArn=arn[:-1] + "none", roleArn=ours)
    with refused("InvalidParameterException", "roleArn"):
        logs.put_subscription_filter(**wish, destinationArn=arn, roleArn="ours")
    logs.put_subscription_filter(**wish, destinationArn=arn, roleArn=ours)
    put("ERROR one", "INFO", "ERROR two")
    clock.advance(1)
    control, data = records(aws, "s")
    assert control["messageType"] == "CONTROL_MESSAGE"
    assert {name: data[name] for name in data if name != "logEvents"} == {
        "messageType": "DATA_MESSAGE",
        "owner": aws.id,
        "logGroup": "app",
        "logStream": "main",
        "subscriptionFilters": ["errors"],
    }
    assert [event["message"] for event in data["logEvents"]] == ["ERROR one", "ERROR two"]
    events = logs.filter_log_events(logGroupName="app", filterPattern="ERROR")["events"]
    assert [event["id"] for event in data["logEvents"]] == [event["eventId"] for event in events]


def test_a_destination_leads_to_another_accounts_stream(aws: Any, logs: Any, put: Any, clock: Any) -> None:
    central = aws.cloud.account()
    arn, theirs = stream(central, clock), role(central, "logs.amazonaws.com")
    there = central.client("logs")
    made = there.put_destination(destinationName="central", targetArn=arn, roleArn=theirs)["destination"]["arn"]
    allow = {"Effect": "Allow", "Principal": {"AWS": aws.id}, "Action": "logs:PutSubscriptionFilter", "Resource": made}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    there.put_destination_policy(destinationName="central", accessPolicy=policy)
    logs.put_subscription_filter(logGroupName="app", filterName="all", filterPattern="", destinationArn=made)
    put("hello")
    clock.advance(1)
    (data,) = records(central, "s")
    assert (data["owner"], data["logEvents"][0]["message"]) == (aws.id, "hello")


def test_a_policy_of_the_account_subscribes_all_its_groups(aws: Any, logs: Any, put: Any, clock: Any) -> None:
    arn, ours = stream(aws, clock), role(aws, "logs.amazonaws.com")
    logs.create_log_group(logGroupName="quiet")
    logs.create_log_stream(logGroupName="quiet", logStreamName="main")
    document = json.dumps({"DestinationArn": arn, "RoleArn": ours, "FilterPattern": "ERROR", "Distribution": "Random"})
    logs.put_account_policy(
        policyName="all",
        policyType="SUBSCRIPTION_FILTER_POLICY",
        policyDocument=document,
        selectionCriteria='LogGroupName NOT IN ["quiet"]',
    )
    put("ERROR loud", "fine")
    put("ERROR unheard", group="quiet")
    clock.advance(1)
    (data,) = records(aws, "s")
    assert [event["message"] for event in data["logEvents"]] == ["ERROR loud"]


FUNCTION = """
import base64, gzip, json
def handler(event, context):
    data = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    print("GOT", data["logGroup"], [one["message"] for one in data["logEvents"]])
"""


def test_what_matches_goes_to_a_function(aws: Any, logs: Any, put: Any, cloud: Any, refused: Any) -> None:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", FUNCTION)
    functions = aws.client("lambda")
    arn = functions.create_function(
        FunctionName="eater",
        Runtime="python3.12",
        Role=role(aws, "lambda.amazonaws.com"),
        Handler="app.handler",
        Code={"ZipFile": code.getvalue()},
        Timeout=20,
    )["FunctionArn"]
    functions.get_waiter("function_active_v2").wait(FunctionName="eater")
    wish = {"logGroupName": "app", "filterName": "all", "filterPattern": "ERROR", "destinationArn": arn}
    with refused("InvalidParameterException", "Could not execute the lambda function"):
        logs.put_subscription_filter(**wish)
    functions.add_permission(
        FunctionName="eater",
        StatementId="logs",
        Action="lambda:InvokeFunction",
        Principal="logs.amazonaws.com",
        SourceArn=f"arn:aws:logs:us-east-1:{aws.id}:log-group:app:*",
    )
    logs.put_subscription_filter(**wish)
    put("ERROR one", "INFO")
    said: list[str] = []
    for _ in range(200):
        cloud.clock.advance(1)
        try:
            events = logs.filter_log_events(logGroupName="/aws/lambda/eater", filterPattern="GOT")["events"]
        except logs.exceptions.ResourceNotFoundException:
            continue
        if said := [event["message"].strip() for event in events]:
            break
    assert said == ["GOT app ['ERROR one']"]


def test_what_matches_goes_through_firehose_to_a_bucket(aws: Any, logs: Any, put: Any, clock: Any) -> None:
    s3, firehose, bucket = aws.client("s3"), aws.client("firehose"), f"hose-{aws.id}"
    s3.create_bucket(Bucket=bucket)
    ours = role(aws, "logs.amazonaws.com")
    arn = firehose.create_delivery_stream(
        DeliveryStreamName="hose",
        ExtendedS3DestinationConfiguration={
            "RoleARN": role(aws, "firehose.amazonaws.com"),
            "BucketARN": f"arn:aws:s3:::{bucket}",
            "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 60},
        },
    )["DeliveryStreamARN"]
    clock.advance(2)
    logs.put_subscription_filter(
        logGroupName="app", filterName="errors", filterPattern="ERROR", destinationArn=arn, roleArn=ours
    )
    put("ERROR one", "INFO", "ERROR two")
    clock.advance(1)
    clock.advance(61)
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
    bodies = b"".join(s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys)
    lines = gzip.decompress(bodies).decode()
    told, at = [], 0
    while at < len(lines):
        document, at = json.JSONDecoder().raw_decode(lines, at)
        told.append(document)
    assert [one["messageType"] for one in told] == ["CONTROL_MESSAGE", "DATA_MESSAGE"]
    assert [event["message"] for event in told[1]["logEvents"]] == ["ERROR one", "ERROR two"]
