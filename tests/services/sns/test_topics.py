"""Topics: attributes, names, tags; apps and phones."""

from __future__ import annotations

import csv
import gzip
import json
import re
import urllib.request
from datetime import UTC, datetime
from typing import Any

import pytest

import pileus
from pileus.testing.local import CloudClock


def test_creating_a_topic_again_must_mean_the_same_topic(sns: Any, topic: Any, refused: Any) -> None:
    arn = topic(DisplayName="a")
    assert topic(DisplayName="a") == topic() == arn
    with refused("InvalidParameter", "Topic already exists with different attributes"):
        topic(DisplayName="b")
    with refused("InvalidParameter", "Topic already exists with different tags"):
        sns.create_topic(Name="news", Tags=[{"Key": "a", "Value": "b"}])


@pytest.mark.parametrize(
    ("name", "attributes", "words"),
    [
        ("a b", {}, "Invalid parameter: Topic Name"),
        ("x" * 257, {}, "Invalid parameter: Topic Name"),
        ("t.fifo", {}, "Invalid parameter: Topic Name"),
        ("t", {"FifoTopic": "true"}, "Fifo Topic names must end with .fifo"),
        ("t", {"SignatureVersion": "3"}, "SignatureVersion"),
        ("t", {"Colour": "red"}, "AttributeName"),
        ("t", {"Policy": "{}"}, "Policy"),
        ("t", {"DeliveryPolicy": '{"http": {"defaultHealthyRetryPolicy": {"numRetries": 101}}}'}, "numRetries"),
        ("t", {"ContentBasedDeduplication": "true"}, "ContentBasedDeduplication"),
    ],
)
def test_what_is_no_topic_is_refused(sns: Any, refused: Any, name: str, attributes: dict[str, str], words: str) -> None:
    with refused("InvalidParameter", words):
        sns.create_topic(Name=name, Attributes=attributes)
    assert sns.list_topics()["Topics"] == []


def test_attributes_are_set_shown_and_taken_away(sns: Any, topic: Any, refused: Any) -> None:
    arn = topic()
    policy = {"http": {"defaultHealthyRetryPolicy": {"numRetries": 7, "maxDelayTarget": 40}}}
    for name, value in (("DisplayName", "News"), ("DeliveryPolicy", json.dumps(policy)), ("TracingConfig", "Active")):
        sns.set_topic_attributes(TopicArn=arn, AttributeName=name, AttributeValue=value)
    held = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    assert (held["DisplayName"], held["TracingConfig"]) == ("News", "Active")
    effective = json.loads(held["EffectiveDeliveryPolicy"])["http"]["defaultHealthyRetryPolicy"]
    assert (effective["numRetries"], effective["minDelayTarget"]) == (7, 20)
    sns.set_topic_attributes(TopicArn=arn, AttributeName="DeliveryPolicy", AttributeValue="")
    assert "DeliveryPolicy" not in sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    with refused("NotFound", "Topic does not exist"):
        sns.get_topic_attributes(TopicArn=arn + "x")
    with refused("InvalidParameter", "TopicArn Reason: An ARN must have at least 6 elements, not 1"):
        sns.get_topic_attributes(TopicArn="news")


def test_tags(sns: Any, topic: Any, refused: Any) -> None:
    arn = topic()
    sns.tag_resource(ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    sns.untag_resource(ResourceArn=arn, TagKeys=["a"])
    assert sns.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    with refused("TagLimitExceeded"):
        sns.tag_resource(ResourceArn=arn, Tags=[{"Key": str(n), "Value": ""} for n in range(50)])
    with refused("ResourceNotFound"):
        sns.tag_resource(ResourceArn=arn + "x", Tags=[])


def shown(cloud: pileus.LocalCloud, sns: Any, kind: str, topic_arn: str) -> list[dict[str, Any]]:
    account = topic_arn.split(":")[4]
    return list(json.loads(urllib.request.urlopen(f"{cloud.endpoint}/_pileus/{kind}?account={account}").read())[kind])


def test_pushes_reach_devices_that_are_enabled(
    cloud: pileus.LocalCloud, sns: Any, topic: Any, refused: Any, clock: CloudClock
) -> None:
    arn = topic()
    with refused("InvalidParameter", "PlatformCredential"):
        sns.create_platform_application(Name="app", Platform="GCM", Attributes={"PlatformPrincipal": "p"})
    app = sns.create_platform_application(
        Name="app", Platform="GCM", Attributes={"PlatformCredential": "key", "EventEndpointCreated": arn}
    )["PlatformApplicationArn"]
    device = sns.create_platform_endpoint(PlatformApplicationArn=app, Token="t1", CustomUserData="u")["EndpointArn"]
    same = sns.create_platform_endpoint(PlatformApplicationArn=app, Token="t1", CustomUserData="u")["EndpointArn"]
    assert device == same
    with refused("InvalidParameter", "already exists with the same Token, but different attributes"):
        sns.create_platform_endpoint(PlatformApplicationArn=app, Token="t1", CustomUserData="v")
    sns.subscribe(TopicArn=arn, Protocol="application", Endpoint=device)
    texts = json.dumps({"default": "plain", "GCM": json.dumps({"data": 1})})
    sns.publish(TopicArn=arn, Message=texts, MessageStructure="json")
    sns.publish(TargetArn=device, Message=texts, MessageStructure="json")
    clock.advance(1)
    pushed = shown(cloud, sns, "push", arn)
    assert [(one["to"], json.loads(one["text"])) for one in pushed] == [(["t1"], {"data": 1})] * 2
    sns.set_endpoint_attributes(EndpointArn=device, Attributes={"Enabled": "false"})
    with refused("EndpointDisabled"):
        sns.publish(TargetArn=device, Message="x")
    (listed,) = sns.list_endpoints_by_platform_application(PlatformApplicationArn=app)["Endpoints"]
    assert listed["Attributes"] == {"Enabled": "false", "Token": "t1", "CustomUserData": "u"}
    assert "PlatformCredential" not in sns.list_platform_applications()["PlatformApplications"][0]["Attributes"]
    sns.delete_platform_application(PlatformApplicationArn=app)
    with refused("NotFound"):
        sns.get_endpoint_attributes(EndpointArn=device)


def test_settings_of_text_messages_are_taken_back_by_empty_ones(sns: Any, refused: Any) -> None:
    sns.set_sms_attributes(attributes={"DefaultSMSType": "Transactional", "MonthlySpendLimit": "1"})
    with refused("InvalidParameter", "DefaultSMSType"):
        sns.set_sms_attributes(attributes={"DefaultSMSType": "Urgent"})
    sns.set_sms_attributes(attributes={"DefaultSMSType": "", "MonthlySpendLimit": "", "UsageReportS3Bucket": ""})
    assert sns.get_sms_attributes()["attributes"] == {"MonthlySpendLimit": "1"}


def test_text_messages_and_numbers_that_want_none(
    cloud: pileus.LocalCloud, sns: Any, topic: Any, refused: Any, clock: CloudClock
) -> None:
    arn = topic()
    number = "+15550100200"
    sns.set_sms_attributes(attributes={"DefaultSMSType": "Transactional", "DefaultSenderID": "Shop"})
    assert sns.get_sms_attributes(attributes=["DefaultSenderID"])["attributes"] == {"DefaultSenderID": "Shop"}
    sns.publish(PhoneNumber=number, Message="code 123")
    (sent,) = shown(cloud, sns, "sms", arn)
    assert (sent["to"], sent["text"], sent["from"], sent["type"]) == ([number], "code 123", "Shop", "Transactional")
    account, region = arn.split(":")[4], arn.split(":")[3]
    urllib.request.urlopen(f"{cloud.endpoint}/_pileus/at/sns/stop/{number}?account={account}&region={region}")
    assert sns.check_if_phone_number_is_opted_out(phoneNumber=number)["isOptedOut"] is True
    assert sns.list_phone_numbers_opted_out()["phoneNumbers"] == [number]
    sns.publish(PhoneNumber=number, Message="unheard")
    sns.opt_in_phone_number(phoneNumber=number)
    sns.publish(PhoneNumber=number, Message="heard")
    assert [one["text"] for one in shown(cloud, sns, "sms", arn)] == ["heard", "code 123"]
    with refused("InvalidParameter", "PhoneNumber"):
        sns.publish(PhoneNumber="nobody", Message="x")


def test_numbers_of_the_sandbox_are_verified_by_a_code(
    cloud: pileus.LocalCloud, sns: Any, topic: Any, refused: Any, clock: CloudClock
) -> None:
    number = "+15550100300"
    sns.create_sms_sandbox_phone_number(PhoneNumber=number)
    assert sns.list_sms_sandbox_phone_numbers()["PhoneNumbers"] == [{"PhoneNumber": number, "Status": "Pending"}]
    code = re.search(r"\d{6}", shown(cloud, sns, "sms", topic())[0]["text"])
    assert code
    with refused("VerificationException"):
        sns.verify_sms_sandbox_phone_number(PhoneNumber=number, OneTimePassword="00000")
    sns.verify_sms_sandbox_phone_number(PhoneNumber=number, OneTimePassword=code[0])
    assert sns.list_sms_sandbox_phone_numbers()["PhoneNumbers"][0]["Status"] == "Verified"
    with refused("UserError"):
        sns.delete_sms_sandbox_phone_number(PhoneNumber=number)
    clock.advance(86401)
    sns.delete_sms_sandbox_phone_number(PhoneNumber=number)
    assert sns.list_sms_sandbox_phone_numbers()["PhoneNumbers"] == []


def test_what_became_of_text_messages_is_logged_and_reported_daily(
    cloud: pileus.LocalCloud, aws: Any, client: Any, sns: Any, topic: Any, clock: CloudClock
) -> None:
    logs, s3, number = client("logs"), client("s3"), "+15550100200"
    bucket = f"usage-{aws.id}"
    s3.create_bucket(Bucket=bucket)
    allow = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "s3:PutObject"}
    policy = {"Version": "2012-10-17", "Statement": [allow | {"Resource": f"arn:aws:s3:::{bucket}/*"}]}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    attributes = {
        "DeliveryStatusIAMRole": f"arn:aws:iam::{aws.id}:role/feedback",
        "DeliveryStatusSuccessSamplingRate": "100",
        "UsageReportS3Bucket": bucket,
    }
    sns.set_sms_attributes(attributes=attributes)
    clock.advance(86_400 - clock.now() % 86_400 + 3600)  # an hour into a day
    day = datetime.fromtimestamp(clock.now(), UTC)
    arn = topic()
    sns.subscribe(TopicArn=arn, Protocol="sms", Endpoint=number)
    first = sns.publish(PhoneNumber=number, Message="x" * 161)["MessageId"]
    clock.advance(1)  # what is of one instant is told in no order
    second = sns.publish(TopicArn=arn, Message="\u4f60" * 70)["MessageId"]
    clock.advance(1)
    urllib.request.urlopen(f"{cloud.endpoint}/_pileus/at/sns/stop/{number}?account={aws.id}&region=us-east-1")
    third = sns.publish(PhoneNumber=number, Message="unheard")["MessageId"]
    clock.advance(1)

    def told(name: str) -> list[Any]:
        events = logs.filter_log_events(logGroupName=f"sns/us-east-1/{aws.id}/{name}")["events"]
        return [json.loads(one["message"]) for one in events]

    (sent,) = told("DirectPublishToPhoneNumber")
    assert (sent["status"], sent["notification"]["messageId"]) == ("SUCCESS", first)
    assert sent["delivery"]["destination"] == number
    assert (sent["delivery"]["numberOfMessageParts"], sent["delivery"]["smsType"]) == (2, "Promotional")
    (failed,) = told("DirectPublishToPhoneNumber/Failure")
    assert (failed["status"], failed["notification"]["messageId"]) == ("FAILURE", third)
    assert [one["notification"]["messageId"] for one in told(arn.rpartition(":")[2])] == [second]
    clock.advance(86_400)
    (report,) = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert report["Key"] == f"SMSUsageReports/us-east-1/{day:%Y/%m/%d}/001.csv.gz"
    text = gzip.decompress(s3.get_object(Bucket=bucket, Key=report["Key"])["Body"].read()).decode()
    rows = list(csv.DictReader(text.splitlines()))
    found = [(row["MessageId"], row["PartNumber"], row["TotalParts"]) for row in rows]
    assert found == [(first, "1", "2"), (first, "2", "2"), (second, "1", "1"), (third, "1", "1")]
    assert rows[-1]["DeliveryStatus"] == "Phone number is opted out"
