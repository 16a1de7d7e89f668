"""LookupEvents: who did what in the last 90 days."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError


def events(aws: Any, **wish: Any) -> list[dict[str, Any]]:
    pages = aws.client("cloudtrail").get_paginator("lookup_events").paginate(**wish)
    return [event for page in pages for event in page["Events"]]


def named(aws: Any, name: str) -> list[dict[str, Any]]:
    found = events(aws, LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}])
    return [json.loads(event["CloudTrailEvent"]) for event in found]


def test_a_call_becomes_an_event(aws: Any) -> None:
    url = aws.client("sqs").create_queue(QueueName="letters")["QueueUrl"]
    (record,) = named(aws, "CreateQueue")
    assert record["eventVersion"] == "1.11"
    assert record["userIdentity"] == {
        "type": "Root",
        "principalId": aws.id,
        "arn": f"arn:aws:iam::{aws.id}:root",
        "accountId": aws.id,
        "accessKeyId": aws.id,
    }
    assert (record["eventSource"], record["eventName"]) == ("sqs.amazonaws.com", "CreateQueue")
    assert (record["awsRegion"], record["recipientAccountId"]) == ("us-east-1", aws.id)
    assert record["sourceIPAddress"] == "127.0.0.1"
    assert "Boto3" in record["userAgent"]
    assert record["requestParameters"] == {"queueName": "letters"}
    assert record["responseElements"] == {"queueUrl": url}
    assert (record["readOnly"], record["managementEvent"]) == (False, True)
    assert (record["eventType"], record["eventCategory"]) == ("AwsApiCall", "Management")
    assert record["requestID"]
    assert record["eventID"]


def test_reading_tells_no_response(aws: Any) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="bob")
    iam.get_user(UserName="bob")
    (record,) = named(aws, "GetUser")
    assert record["readOnly"] is True
    assert record["requestParameters"] == {"userName": "bob"}
    assert record["responseElements"] is None


def test_a_refusal_is_an_event_too(aws: Any) -> None:
    with pytest.raises(ClientError):
        aws.client("iam").get_user(UserName="nobody")
    (record,) = named(aws, "GetUser")
    assert record["errorCode"].startswith("NoSuchEntity")
    assert "nobody" in record["errorMessage"]


def test_data_events_are_not_in_the_history(aws: Any) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="letters")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="hello")
    assert [event["EventName"] for event in events(aws)] == ["CreateQueue"]


def test_secrets_are_left_out(aws: Any) -> None:
    iam, ssm, secrets = aws.client("iam"), aws.client("ssm"), aws.client("secretsmanager")
    iam.create_user(UserName="bob")
    key = iam.create_access_key(UserName="bob")["AccessKey"]
    iam.create_login_profile(UserName="bob", Password="correct horse 1 Battery!")
    ssm.put_parameter(Name="p", Value="hush", Type="SecureString")
    secrets.create_secret(Name="s", SecretString="hush")
    (record,) = named(aws, "CreateAccessKey")
    assert record["responseElements"]["accessKey"]["accessKeyId"] == key["AccessKeyId"]
    assert "secretAccessKey" not in record["responseElements"]["accessKey"]
    (record,) = named(aws, "CreateLoginProfile")
    assert record["requestParameters"] == {"userName": "bob"}
    (record,) = named(aws, "PutParameter")
    assert record["requestParameters"]["value"] == "HIDDEN_DUE_TO_SECURITY_REASONS"
    everything = json.dumps([event["CloudTrailEvent"] for event in events(aws)])
    for secret in (key["SecretAccessKey"], "correct horse", "hush"):
        assert secret not in everything


def test_events_are_found_by_every_attribute(aws: Any) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="bob")
    key = iam.create_access_key(UserName="bob")["AccessKey"]
    iam.put_user_policy(
        UserName="bob",
        PolicyName="all",
        PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        ),
    )
    bob = aws.client("iam", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    bob.list_users()
    bob.create_group(GroupName="crew")
    (record,) = named(aws, "CreateGroup")

    def found(key: str, value: str) -> list[str]:
        attributes = [{"AttributeKey": key, "AttributeValue": value}]
        return [event["EventName"] for event in events(aws, LookupAttributes=attributes)]

    assert found("Username", "bob") == ["CreateGroup", "ListUsers"]
    assert found("AccessKeyId", key["AccessKeyId"]) == ["CreateGroup", "ListUsers"]
    assert found("EventId", record["eventID"]) == ["CreateGroup"]
    assert found("ReadOnly", "true").count("ListUsers") == 1
    assert "ListUsers" not in found("ReadOnly", "false")
    assert found("ResourceName", "bob") == ["PutUserPolicy", "CreateAccessKey", "CreateUser"]
    assert found("ResourceType", "AWS::IAM::Group") == ["CreateGroup"]
    assert "ListUsers" in found("EventSource", "iam.amazonaws.com")
    assert found("EventName", "NoSuchThing") == []
    assert record["userIdentity"]["type"] == "IAMUser"
    assert record["userIdentity"]["userName"] == "bob"
    assert record["userIdentity"]["arn"] == f"arn:aws:iam::{aws.id}:user/bob"


def test_pages_go_from_the_newest_to_the_oldest(aws: Any) -> None:
    iam = aws.client("iam")
    for number in range(130):
        iam.create_group(GroupName=f"group-{number}")
    found = events(aws, PaginationConfig={"PageSize": 7})
    names = [json.loads(event["CloudTrailEvent"])["requestParameters"]["groupName"] for event in found[:-1]]
    creations = [event for event in found if event["EventName"] == "CreateGroup"]
    assert len(creations) == 130
    assert names[:2] == ["group-129", "group-128"]
    assert len({event["EventId"] for event in creations}) == 130


def test_a_range_of_time(aws: Any, clock: Any) -> None:
    iam = aws.client("iam")
    iam.create_group(GroupName="first")
    clock.advance(3600)
    between = clock.now()
    clock.advance(3600)
    iam.create_group(GroupName="second")

    def groups(**time: Any) -> list[str]:
        wish = [{"AttributeKey": "EventName", "AttributeValue": "CreateGroup"}]
        return [event["Resources"][0]["ResourceName"] for event in events(aws, LookupAttributes=wish, **time)]

    assert groups() == ["second", "first"]
    assert groups(StartTime=between) == ["second"]
    assert groups(EndTime=between) == ["first"]
    assert groups(StartTime=between, EndTime=between + 60) == []


def test_history_ends_after_90_days(aws: Any, clock: Any) -> None:
    iam = aws.client("iam")
    iam.create_group(GroupName="first")
    clock.advance(89 * 86400)
    iam.create_group(GroupName="second")
    assert len(named(aws, "CreateGroup")) == 2
    clock.advance(2 * 86400)
    iam.create_group(GroupName="third")
    assert len(named(aws, "CreateGroup")) == 2


def test_what_is_asked_for_is_checked(aws: Any, refused: Any) -> None:
    trail = aws.client("cloudtrail")
    two = [{"AttributeKey": "EventName", "AttributeValue": "A"}, {"AttributeKey": "ReadOnly", "AttributeValue": "true"}]
    with refused("InvalidLookupAttributesException"):
        trail.lookup_events(LookupAttributes=two)
    with refused("InvalidTimeRangeException"):
        trail.lookup_events(StartTime=2_000_000_000, EndTime=1_000_000_000)
    with refused("InvalidNextTokenException"):
        trail.lookup_events(NextToken="never given")
