"""Trails, what they select, and what they deliver."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.services.cloudtrail.conftest import allow


@pytest.fixture
def trail(aws: Any, bucket: str) -> Iterator[Any]:
    client = aws.client("cloudtrail")
    client.create_trail(Name="main", S3BucketName=bucket)
    client.start_logging(Name="main")
    yield client
    client.stop_logging(Name="main")  # or it would deliver whenever another test turns the clock


def test_a_trail_is_created_found_and_deleted(aws: Any, bucket: str, refused: Any) -> None:
    trail = aws.client("cloudtrail")
    made = trail.create_trail(Name="main", S3BucketName=bucket, TagsList=[{"Key": "team", "Value": "blue"}])
    arn = f"arn:aws:cloudtrail:us-east-1:{aws.id}:trail/main"
    assert (made["TrailARN"], made["IncludeGlobalServiceEvents"], made["IsMultiRegionTrail"]) == (arn, True, False)
    found = trail.get_trail(Name=arn)["Trail"]
    assert (found["HomeRegion"], found["HasCustomEventSelectors"]) == ("us-east-1", False)
    assert trail.list_trails()["Trails"] == [{"TrailARN": arn, "Name": "main", "HomeRegion": "us-east-1"}]
    assert trail.list_tags(ResourceIdList=[arn])["ResourceTagList"][0]["TagsList"] == [{"Key": "team", "Value": "blue"}]
    assert trail.get_trail_status(Name="main")["IsLogging"] is False
    with refused("TrailAlreadyExistsException"):
        trail.create_trail(Name="main", S3BucketName=bucket)
    trail.delete_trail(Name="main")
    with refused("TrailNotFoundException", f"Unknown trail: {arn} for the user: {aws.id}"):
        trail.get_trail(Name="main")


def test_a_bucket_must_let_cloudtrail_write(aws: Any, bucket: str, refused: Any) -> None:
    trail = aws.client("cloudtrail")
    aws.client("s3").create_bucket(Bucket=f"closed-{aws.id}")
    with refused("InsufficientS3BucketPolicyException", "Incorrect S3 bucket policy is detected for bucket: closed-"):
        trail.create_trail(Name="main", S3BucketName=f"closed-{aws.id}")
    with refused("InsufficientS3BucketPolicyException"):  # the policy allows the trail `main` alone
        trail.create_trail(Name="other", S3BucketName=bucket)
    with refused("InsufficientS3BucketPolicyException"):
        trail.create_trail(Name="main", S3BucketName=bucket, S3KeyPrefix="logs")
    with refused("S3BucketDoesNotExistException"):
        trail.create_trail(Name="main", S3BucketName=f"nowhere-{aws.id}")
    for name in ("ab", "-abc", "a..b", "192.168.5.4", "a b"):
        with refused("InvalidTrailNameException"):
            trail.create_trail(Name=name, S3BucketName=bucket)


def test_a_multi_region_trail_casts_shadows(aws: Any, bucket: str, refused: Any) -> None:
    here, there = aws.client("cloudtrail"), aws.client("cloudtrail", region_name="eu-west-1")
    here.create_trail(Name="main", S3BucketName=bucket, IsMultiRegionTrail=True)
    assert [one["Name"] for one in there.describe_trails()["trailList"]] == ["main"]
    assert there.describe_trails(includeShadowTrails=False)["trailList"] == []
    with refused("InvalidHomeRegionException"):
        there.update_trail(Name="main", IsMultiRegionTrail=False)
    with refused("InvalidParameterCombinationException"):
        here.update_trail(Name="main", IncludeGlobalServiceEvents=False)
    here.update_trail(Name="main", IsMultiRegionTrail=False)
    assert there.describe_trails()["trailList"] == []


def test_events_are_delivered_within_15_minutes(aws: Any, clock: Any, bucket: str, trail: Any, delivered: Any) -> None:
    aws.client("sqs").create_queue(QueueName="letters")
    clock.advance(900)
    names = [record["eventName"] for record in delivered()]
    assert {"StartLogging", "CreateQueue"} <= {*names}
    assert len({record["eventID"] for record in delivered()}) == len(names)
    keys = [object["Key"] for object in aws.client("s3").list_objects_v2(Bucket=bucket)["Contents"]]
    pattern = (
        rf"AWSLogs/{aws.id}/CloudTrail/us-east-1/\d{{4}}/\d\d/\d\d/"
        rf"{aws.id}_CloudTrail_us-east-1_\d{{8}}T\d{{4}}Z_\w{{16}}\.json\.gz"
    )
    assert all(re.fullmatch(pattern, key) for key in keys)
    assert trail.get_trail_status(Name="main")["LatestDeliveryTime"]


def test_a_trail_of_one_region_has_only_its_own(aws: Any, clock: Any, trail: Any, delivered: Any) -> None:
    aws.client("sqs", region_name="eu-west-1").create_queue(QueueName="far")
    aws.client("sqs").create_queue(QueueName="near")
    clock.advance(900)
    queues = [one["requestParameters"] for one in delivered() if one["eventName"] == "CreateQueue"]
    assert queues == [{"queueName": "near"}]
    trail.update_trail(Name="main", IsMultiRegionTrail=True)
    aws.client("sqs", region_name="eu-west-1").create_queue(QueueName="farther")
    clock.advance(900)
    queues = [one["requestParameters"] for one in delivered() if one["eventName"] == "CreateQueue"]
    assert {"queueName": "farther"} in queues


def test_a_trail_that_has_nothing_to_deliver_waits_for_the_next_event(
    aws: Any, cloud: Any, clock: Any, trail: Any, delivered: Any
) -> None:
    clock.advance(3600)

    def due() -> list[Any]:
        with urllib.request.urlopen(f"{cloud.endpoint}/_pileus/tasks") as answer:
            tasks = json.load(answer)["pending"]
        return [one for one in tasks if one["task"] == "cloudtrail.deliver" and one["account"] == aws.id]

    assert due() == []
    clock.advance(30 * 86400)
    aws.client("kms").list_keys()
    clock.advance(300)
    assert [one["eventName"] for one in delivered()].count("ListKeys") == 1
    clock.advance(3600)
    assert due() == []


def test_what_is_stopped_delivers_no_more(aws: Any, clock: Any, trail: Any, delivered: Any) -> None:
    sqs = aws.client("sqs")
    sqs.create_queue(QueueName="before")
    trail.stop_logging(Name="main")
    clock.advance(1)
    sqs.create_queue(QueueName="after")
    clock.advance(3600)
    queues = [one["requestParameters"]["queueName"] for one in delivered() if one["eventName"] == "CreateQueue"]
    assert queues == ["before"]
    status = trail.get_trail_status(Name="main")
    assert (status["IsLogging"], "StopLoggingTime" in status) == (False, True)


def test_data_events_are_recorded_where_selectors_want_them(
    aws: Any, clock: Any, bucket: str, trail: Any, delivered: Any
) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=f"data-{aws.id}")
    s3.put_object(Bucket=f"data-{aws.id}", Key="early", Body=b"x")
    selector = {
        "ReadWriteType": "WriteOnly",
        "IncludeManagementEvents": True,
        "DataResources": [{"Type": "AWS::S3::Object", "Values": [f"arn:aws:s3:::data-{aws.id}/in/"]}],
    }
    trail.put_event_selectors(TrailName="main", EventSelectors=[selector])
    assert trail.get_trail(Name="main")["Trail"]["HasCustomEventSelectors"] is True
    s3.put_object(Bucket=f"data-{aws.id}", Key="in/one", Body=b"x")
    s3.get_object(Bucket=f"data-{aws.id}", Key="in/one")
    s3.put_object(Bucket=f"data-{aws.id}", Key="out/two", Body=b"x")
    clock.advance(900)
    found = [record for record in delivered() if record["eventCategory"] == "Data"]
    assert [(one["eventName"], one["requestParameters"]["key"]) for one in found] == [("PutObject", "in/one")]
    assert found[0]["managementEvent"] is False
    assert found[0]["resources"][0] == {"type": "AWS::S3::Object", "ARN": f"arn:aws:s3:::data-{aws.id}/in/one"}
    assert "GetTrail" not in {record["eventName"] for record in delivered()}


def test_advanced_selectors_choose_by_their_fields(aws: Any, clock: Any, trail: Any, delivered: Any) -> None:
    sqs = aws.client("sqs")
    mine, other = (sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("mine", "other"))
    fields = [
        {"Field": "eventCategory", "Equals": ["Data"]},
        {"Field": "resources.type", "Equals": ["AWS::SQS::Queue"]},
        {"Field": "resources.ARN", "StartsWith": [f"arn:aws:sqs:us-east-1:{aws.id}:mi"]},
        {"Field": "eventName", "NotEquals": ["ReceiveMessage"]},
    ]
    trail.put_event_selectors(TrailName="main", AdvancedEventSelectors=[{"Name": "sent", "FieldSelectors": fields}])
    for url in (mine, other):
        sqs.send_message(QueueUrl=url, MessageBody="hush")
        sqs.receive_message(QueueUrl=url)
    clock.advance(900)
    (found,) = [record for record in delivered() if record["eventCategory"] == "Data"]
    assert (found["eventName"], found["requestParameters"]["messageBody"]) == (
        "SendMessage",
        "HIDDEN_DUE_TO_SECURITY_REASONS",
    )


def test_selectors_are_checked(trail: Any, refused: Any) -> None:
    wrong = [
        [{"Field": "eventName", "Equals": ["X"]}],
        [{"Field": "eventCategory", "Equals": ["Data"]}],
        [{"Field": "eventCategory", "Equals": ["Management"]}, {"Field": "resources.ARN", "Equals": ["arn:x"]}],
        [{"Field": "eventCategory", "Equals": ["Management"]}, {"Field": "readOnly", "Equals": ["perhaps"]}],
        [{"Field": "eventCategory", "Equals": ["Management"]}, {"Field": "eventSource"}],
    ]
    for fields in wrong:
        with refused("InvalidEventSelectorsException"):
            trail.put_event_selectors(TrailName="main", AdvancedEventSelectors=[{"FieldSelectors": fields}])
    with refused("InvalidEventSelectorsException"):
        trail.put_event_selectors(TrailName="main", EventSelectors=[{"ReadWriteType": "All"}] * 6)
    with refused("InvalidEventSelectorsException"):
        resources = [{"Type": "AWS::SQS::Queue", "Values": ["arn:aws:sqs"]}]
        trail.put_event_selectors(TrailName="main", EventSelectors=[{"DataResources": resources}])
    with refused("InvalidEventSelectorsException"):
        trail.put_event_selectors(TrailName="main")
    with refused("InsightNotEnabledException"):
        trail.get_insight_selectors(TrailName="main")


def test_a_bucket_that_closes_is_told_by_the_status(
    aws: Any, clock: Any, bucket: str, trail: Any, delivered: Any
) -> None:
    aws.client("sqs").create_queue(QueueName="letters")
    policy = aws.client("s3").get_bucket_policy(Bucket=bucket)["Policy"]
    aws.client("s3").delete_bucket_policy(Bucket=bucket)
    clock.advance(600)
    assert trail.get_trail_status(Name="main")["LatestDeliveryError"] == "AccessDenied"
    assert delivered() == []
    aws.client("s3").put_bucket_policy(Bucket=bucket, Policy=policy)
    clock.advance(600)
    assert "LatestDeliveryError" not in trail.get_trail_status(Name="main")
    assert "CreateQueue" in {record["eventName"] for record in delivered()}


def test_log_files_are_encrypted_by_the_trails_key(aws: Any, clock: Any, refused: Any) -> None:
    bucket = allow(aws, f"sealed-{aws.id}", "pre/")
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    statements = [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{aws.id}:root"}, "Action": "kms:*", "Resource": "*"},
        {
            "Effect": "Allow",
            "Principal": {"Service": "cloudtrail.amazonaws.com"},
            "Action": ["kms:GenerateDataKey*", "kms:DescribeKey"],
            "Resource": "*",
        },
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    aws.client("kms").put_key_policy(KeyId=key, PolicyName="default", Policy=policy)
    trail = aws.client("cloudtrail")
    with refused("KmsKeyNotFoundException"):
        trail.create_trail(Name="main", S3BucketName=bucket, S3KeyPrefix="pre", KmsKeyId="alias/none")
    trail.create_trail(Name="main", S3BucketName=bucket, S3KeyPrefix="pre", KmsKeyId=key)
    trail.start_logging(Name="main")
    clock.advance(600)
    s3 = aws.client("s3")
    (first, *_) = s3.list_objects_v2(Bucket=bucket, Prefix=f"pre/AWSLogs/{aws.id}/CloudTrail/")["Contents"]
    assert s3.head_object(Bucket=bucket, Key=first["Key"])["SSEKMSKeyId"] == key
    trail.stop_logging(Name="main")


def test_eventbridge_is_told_of_what_changes_something(aws: Any, clock: Any, trail: Any) -> None:
    sqs, events = aws.client("sqs"), aws.client("events")
    url = sqs.create_queue(QueueName="heard")["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{aws.id}:heard"
    allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:*", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    pattern = {
        "source": ["aws.iam"],
        "detail-type": ["AWS API Call via CloudTrail"],
        "detail": {"eventName": ["CreateUser", "GetUser"]},
    }
    events.put_rule(Name="users", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="users", Targets=[{"Id": "queue", "Arn": arn}])
    aws.client("iam").create_user(UserName="bob")
    aws.client("iam").get_user(UserName="bob")
    clock.advance(5)
    (message,) = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    told = json.loads(message["Body"])
    assert (told["source"], told["detail"]["requestParameters"]) == ("aws.iam", {"userName": "bob"})
    trail.stop_logging(Name="main")
    aws.client("iam").create_user(UserName="ann")
    clock.advance(5)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
