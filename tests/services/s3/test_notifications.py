"""Event notifications: who hears of what, in AWS's own records."""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus

import pytest
from botocore.exceptions import ClientError

from pileus import LocalCloud
from pileus.testing.account import Account
from tests.services.lambda_.conftest import Functions

from .conftest import fresh, put, refused


class Inbox:
    """A queue that lets S3 send to it on behalf of one bucket."""

    def __init__(self, aws: Account, bucket: str, name: str = "inbox") -> None:
        self.sqs = aws.client("sqs")
        self.url = self.sqs.create_queue(QueueName=name, Attributes={"MessageRetentionPeriod": "1209600"})["QueueUrl"]
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        self.arn: str = attributes["Attributes"]["QueueArn"]
        self.allow(bucket)

    def allow(self, bucket: str, principal: str = "s3.amazonaws.com", source: str = "") -> None:
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": principal},
            "Action": "sqs:SendMessage",
            "Resource": self.arn,
            "Condition": {"ArnLike": {"aws:SourceArn": source or f"arn:aws:s3:::{bucket}"}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": policy})

    def bodies(self, cloud: LocalCloud) -> list[dict[str, Any]]:
        """What has come, oldest first."""
        cloud.clock.advance(1)  # lets the tasks run
        found = []
        while got := self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages"):
            for message in got:
                found.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def records(self, cloud: LocalCloud) -> list[dict[str, Any]]:
        found = [record for body in self.bodies(cloud) for record in body.get("Records", [])]
        return sorted(found, key=lambda record: str(record["s3"]["object"]["sequencer"]))


def configured(s3: Any, bucket: str, inbox: Inbox, *events: str, **more: Any) -> None:
    entry = {"Id": "all", "QueueArn": inbox.arn, "Events": list(events), **more}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [entry]})


@pytest.fixture
def inbox(aws: Account, bucket: str) -> Inbox:
    return Inbox(aws, bucket)


def test_a_destination_gets_a_test_event(clock: Any, cloud: LocalCloud, s3: Any, bucket: str, inbox: Inbox) -> None:
    configured(s3, bucket, inbox, "s3:ObjectCreated:*")
    (event,) = inbox.bodies(cloud)
    assert event.keys() == {"Service", "Event", "Time", "Bucket", "RequestId", "HostId"}
    assert (event["Service"], event["Event"], event["Bucket"]) == ("Amazon S3", "s3:TestEvent", bucket)


def test_the_record_of_a_put(clock: Any, cloud: LocalCloud, s3: Any, versioned: str, inbox: Inbox) -> None:
    configured(s3, versioned, inbox, "s3:ObjectCreated:Put")
    done = put(s3, versioned, "red flowers/ä.jpg", b"hello")
    (record,) = inbox.records(cloud)
    assert record["eventVersion"] == "2.1"
    assert (record["eventSource"], record["awsRegion"], record["eventName"]) == (
        "aws:s3",
        "us-east-1",
        "ObjectCreated:Put",
    )
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record["eventTime"])
    assert record["userIdentity"]["principalId"].startswith("AWS:")
    assert record["requestParameters"] == {"sourceIPAddress": "127.0.0.1"}
    assert record["responseElements"]["x-amz-request-id"] == done["ResponseMetadata"]["RequestId"]
    told = record["s3"]
    assert (told["s3SchemaVersion"], told["configurationId"]) == ("1.0", "all")
    assert (told["bucket"]["name"], told["bucket"]["arn"]) == (versioned, f"arn:aws:s3:::{versioned}")
    thing = told["object"]
    assert thing["key"] == "red+flowers/%C3%A4.jpg"
    assert unquote_plus(thing["key"]) == "red flowers/ä.jpg"
    assert (thing["size"], thing["eTag"], thing["versionId"]) == (5, done["ETag"].strip('"'), done["VersionId"])
    int(thing["sequencer"], 16)


def test_what_can_be_heard_of(s3: Any, bucket: str, inbox: Inbox) -> None:
    def configure(events: list[str], *rules: dict[str, str]) -> None:
        entry = {"QueueArn": inbox.arn, "Events": events, "Filter": {"Key": {"FilterRules": list(rules)}}}
        wanted = {"QueueConfigurations": [entry]}
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=wanted)

    configure(["s3:ObjectCreated:*"], {"Name": "Prefix", "Value": "a"}, {"Name": "SUFFIX", "Value": "b"})
    for events, rule, message in (
        (["s3:ObjectTouched:*"], {"Name": "prefix", "Value": "a"}, "A specified event is not supported"),
        (["s3:ObjectCreated:*"], {"Name": "infix", "Value": "a"}, "filter rule name must be either prefix or suffix"),
    ):
        with pytest.raises(ClientError) as raised:
            configure(events, rule)
        error = raised.value.response["Error"]
        assert error["Code"] == "InvalidArgument"
        assert error["Message"].startswith(message)


def test_every_way_to_make_and_remove_an_object(
    clock: Any, cloud: LocalCloud, s3: Any, bucket: str, inbox: Inbox
) -> None:
    configured(s3, bucket, inbox, "s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectTagging:*", "s3:ObjectAcl:Put")
    put(s3, bucket, "a", b"x")
    s3.copy_object(Bucket=bucket, Key="b", CopySource=f"{bucket}/a")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="c")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="c", UploadId=upload, PartNumber=1, Body=b"x")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket=bucket, Key="c", UploadId=upload, MultipartUpload=parts)
    s3.put_object_tagging(Bucket=bucket, Key="a", Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
    s3.delete_object_tagging(Bucket=bucket, Key="a")
    s3.put_object_acl(Bucket=bucket, Key="a", ACL="bucket-owner-full-control")
    s3.delete_object(Bucket=bucket, Key="a")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    marker = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "b"}]})["Deleted"][0]
    s3.delete_object(Bucket=bucket, Key="b", VersionId=marker["DeleteMarkerVersionId"])
    s3.delete_object(Bucket=bucket, Key="nothing", VersionId=marker["DeleteMarkerVersionId"])
    records = inbox.records(cloud)
    assert [record["eventName"] for record in records] == [
        "ObjectCreated:Put",
        "ObjectCreated:Copy",
        "ObjectCreated:CompleteMultipartUpload",
        "ObjectTagging:Put",
        "ObjectTagging:Delete",
        "ObjectAcl:Put",
        "ObjectRemoved:Delete",
        "ObjectRemoved:DeleteMarkerCreated",
        "ObjectRemoved:Delete",
    ]
    assert [record["eventVersion"] for record in records] == ["2.1"] * 3 + ["2.3"] * 3 + ["2.1"] * 3
    assert "size" not in records[6]["s3"]["object"]
    assert records[7]["s3"]["object"]["versionId"] == marker["DeleteMarkerVersionId"]


def test_filters(clock: Any, cloud: LocalCloud, s3: Any, bucket: str, inbox: Inbox) -> None:
    rules = [{"Name": "prefix", "Value": "in/"}, {"Name": "suffix", "Value": ".jpg"}]
    configured(s3, bucket, inbox, "s3:ObjectCreated:*", Filter={"Key": {"FilterRules": rules}})
    for key in ("in/a.jpg", "in/a.png", "out/a.jpg"):
        put(s3, bucket, key)
    s3.delete_object(Bucket=bucket, Key="in/a.jpg")
    assert [record["s3"]["object"]["key"] for record in inbox.records(cloud)] == ["in/a.jpg"]


def test_destinations_that_do_not_let_s3_in(aws: Account, s3: Any, bucket: str, inbox: Inbox) -> None:
    def attempt(**more: Any) -> Callable[[], Any]:
        entry = {"QueueArn": inbox.arn, "Events": ["s3:ObjectCreated:*"]} | more
        return lambda **options: s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [entry]}, **options
        )

    inbox.allow("some-other-bucket")
    with pytest.raises(s3.exceptions.ClientError) as raised:
        attempt()()
    told = raised.value.response["Error"]
    assert told["Message"] == "Unable to validate the following destination configurations"
    assert told["ArgumentName1"] == inbox.arn
    assert "Permissions on the destination queue do not allow S3" in told["ArgumentValue1"]
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket=bucket)
    assert refused(attempt(QueueArn=f"{inbox.arn}-not")) == ("InvalidArgument", 400)
    elsewhere = inbox.arn.replace("us-east-1", "eu-west-1")
    assert refused(attempt(QueueArn=elsewhere)) == ("InvalidArgument", 400)
    attempt()(SkipDestinationValidation=True)
    assert s3.get_bucket_notification_configuration(Bucket=bucket)["QueueConfigurations"][0]["Id"]


@pytest.mark.parametrize(
    "filters",
    [
        ({"prefix": "a"}, {"prefix": "ab"}),
        ({}, {"suffix": ".jpg"}),
    ],
)
def test_overlapping_configurations_are_refused(s3: Any, bucket: str, inbox: Inbox, filters: Any) -> None:
    def entry(rules: dict[str, str], event: str) -> dict[str, Any]:
        written = [{"Name": name, "Value": value} for name, value in rules.items()]
        return {"QueueArn": inbox.arn, "Events": [event], "Filter": {"Key": {"FilterRules": written}}}

    two = [entry(filters[0], "s3:ObjectCreated:*"), entry(filters[1], "s3:ObjectCreated:Put")]
    wanted = {"QueueConfigurations": two}
    assert refused(s3.put_bucket_notification_configuration, Bucket=bucket, NotificationConfiguration=wanted) == (
        "InvalidArgument",
        400,
    )
    two[1]["Events"] = ["s3:ObjectRemoved:*"]
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=wanted)


def test_nothing_is_told_any_more_once_it_is_configured_away(
    clock: Any, cloud: LocalCloud, s3: Any, bucket: str, inbox: Inbox
) -> None:
    configured(s3, bucket, inbox, "s3:ObjectCreated:*")
    put(s3, bucket, "a")
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    put(s3, bucket, "b")
    assert [record["s3"]["object"]["key"] for record in inbox.records(cloud)] == ["a"]


def test_a_queue_of_another_account(clock: Any, cloud: LocalCloud, s3: Any, bucket: str) -> None:
    inbox = Inbox(cloud.account(), bucket)
    configured(s3, bucket, inbox, "s3:ObjectCreated:*")
    put(s3, bucket, "a")
    assert len(inbox.records(cloud)) == 1


def test_a_topic_hears_of_it(clock: Any, cloud: LocalCloud, aws: Account, s3: Any, bucket: str, inbox: Inbox) -> None:
    sns = aws.client("sns")
    topic = sns.create_topic(Name="news")["TopicArn"]
    wanted = {"TopicConfigurations": [{"TopicArn": topic, "Events": ["s3:ObjectCreated:*"]}]}

    def let_in(account: str) -> None:
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "s3.amazonaws.com"},
            "Action": "sns:Publish",
            "Resource": topic,
            "Condition": {"StringEquals": {"aws:SourceAccount": account}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)

    # Neither a topic's default policy lets in S3, nor one that lets it in for somebody else.
    configure = s3.put_bucket_notification_configuration
    assert refused(configure, Bucket=bucket, NotificationConfiguration=wanted) == ("InvalidArgument", 400)
    let_in("111122223333")
    assert refused(configure, Bucket=bucket, NotificationConfiguration=wanted) == ("InvalidArgument", 400)
    let_in(aws.id)
    inbox.allow("*", "sns.amazonaws.com", topic)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=inbox.arn)
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=wanted)
    put(s3, bucket, "a")
    told = [body for body in inbox.bodies(cloud) if "Records" in body["Message"]]
    assert [body["Subject"] for body in told] == ["Amazon S3 Notification"]
    assert json.loads(told[0]["Message"])["Records"][0]["s3"]["object"]["key"] == "a"


def test_a_function_runs_at_it(clock: Any, cloud: LocalCloud, aws: Account, s3: Any, bucket: str) -> None:
    functions = Functions(aws)
    source = """
        import json

        def handler(event, context):
            print("heard of", event["Records"][0]["s3"]["object"]["key"])
    """
    arn = functions.create(source)["FunctionArn"]
    wanted = {"LambdaFunctionConfigurations": [{"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    assert refused(s3.put_bucket_notification_configuration, Bucket=bucket, NotificationConfiguration=wanted) == (
        "InvalidArgument",
        400,
    )
    permission = {"StatementId": "s3", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
    source_arn = f"arn:aws:s3:::{bucket}"
    functions.client.add_permission(FunctionName="function", SourceArn=source_arn, **permission)
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=wanted)
    put(s3, bucket, "news.txt")
    logs, end = aws.client("logs"), time.monotonic() + 30
    found: list[str] = []
    while not any("heard of news.txt" in message for message in found):
        assert time.monotonic() < end, found  # functions live by the machine's clock
        cloud.clock.advance(20)  # what was tried too early is tried again after a minute
        with contextlib.suppress(logs.exceptions.ResourceNotFoundException):
            events = logs.filter_log_events(logGroupName="/aws/lambda/function")["events"]
            found = [event["message"] for event in events]


def test_event_bridge_hears_of_it(
    clock: Any, cloud: LocalCloud, aws: Account, s3: Any, versioned: str, inbox: Inbox
) -> None:
    events = aws.client("events")
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [versioned]}}}
    rule = events.put_rule(Name="all", EventPattern=json.dumps(pattern))["RuleArn"]
    inbox.allow("*", "events.amazonaws.com", rule)
    events.put_targets(Rule="all", Targets=[{"Id": "q", "Arn": inbox.arn}])
    s3.put_bucket_notification_configuration(
        Bucket=versioned, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    put(s3, versioned, "a b", b"xyz")
    s3.delete_object(Bucket=versioned, Key="a b")
    created, deleted = sorted(inbox.bodies(cloud), key=lambda event: str(event["detail-type"]))
    assert (created["detail-type"], created["source"], created["account"]) == ("Object Created", "aws.s3", aws.id)
    assert created["resources"] == [f"arn:aws:s3:::{versioned}"]
    detail = created["detail"]
    assert (detail["reason"], detail["object"]["key"], detail["object"]["size"]) == ("PutObject", "a b", 3)
    assert (deleted["detail-type"], deleted["detail"]["deletion-type"]) == ("Object Deleted", "Delete Marker Created")


def test_the_form_of_old(clock: Any, cloud: LocalCloud, s3: Any, bucket: str, inbox: Inbox) -> None:
    wanted = {"QueueConfiguration": {"Id": "old", "Queue": inbox.arn, "Events": ["s3:ObjectCreated:*"]}}
    s3.put_bucket_notification(Bucket=bucket, NotificationConfiguration=wanted)
    got = s3.get_bucket_notification(Bucket=bucket)["QueueConfiguration"]
    assert (got["Id"], got["Queue"]) == ("old", inbox.arn)
    put(s3, bucket, "a")
    assert len(inbox.records(cloud)) == 1
    name = fresh()
    s3.create_bucket(Bucket=name)
    assert s3.get_bucket_notification(Bucket=name).keys() == {"ResponseMetadata"}
