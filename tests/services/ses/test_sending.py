"""Letters by both APIs: who may send them, what they look like, and what becomes of them."""

from __future__ import annotations

import email
import email.policy
import json
import urllib.request
from typing import Any

import pytest

import pileus
from pileus.testing.account import Account
from pileus.testing.local import CloudClock

SENDER, FRIEND = "ada@example.com", "bob@example.org"


class Post:
    """The two APIs of one account, and its letters."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.first = account.client("ses")
        self.second = account.client("sesv2")
        for address in (SENDER, FRIEND):
            self.first.verify_email_identity(EmailAddress=address)
        self.already = len(self.letters())

    def send(self, *to: str, **members: Any) -> str:
        message = {"Subject": {"Data": "books"}, "Body": {"Text": {"Data": "here they are"}}}
        sent = self.first.send_email(
            Source=f"Ada <{SENDER}>", Destination={"ToAddresses": list(to or (FRIEND,))}, Message=message, **members
        )
        found: str = sent["MessageId"]
        return found

    def letters(self) -> list[dict[str, Any]]:
        """The letters of the account in the cloud's mailbox, the first one first."""
        address = f"{self.account.cloud.endpoint}/_pileus/mail?account={self.account.id}"
        with urllib.request.urlopen(address) as answer:
            found: list[dict[str, Any]] = json.load(answer)["mail"][::-1]
        return found[getattr(self, "already", 0) :]

    def raw(self, name: str) -> Any:
        with urllib.request.urlopen(f"{self.account.cloud.endpoint}/_pileus/mail/{name}") as answer:
            return email.message_from_bytes(answer.read(), policy=email.policy.default)

    def topic(self) -> tuple[str, Any]:
        """A topic that SES may publish to, and what a queue hears of it."""
        sns, sqs = self.account.client("sns"), self.account.client("sqs")
        queue = sqs.create_queue(QueueName="news")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        allow = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
        topic = sns.create_topic(Name="news")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

        def heard() -> list[dict[str, Any]]:
            found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
            return [json.loads(json.loads(one["Body"])["Message"]) for one in found]

        return topic, heard


@pytest.fixture
def post(aws: Account) -> Post:
    return Post(aws)


def test_a_letter_lies_in_the_mailbox(post: Post) -> None:
    name = post.send()
    (letter,) = post.letters()
    assert (letter["id"], letter["from"], letter["to"]) == (name, SENDER, [FRIEND])
    assert (letter["subject"], letter["text"].strip()) == ("books", "here they are")
    raw = post.raw(name)
    assert raw["From"] == f"Ada <{SENDER}>"
    assert raw["Message-ID"] == f"<{name}@us-east-1.amazonses.com>"


def test_html_beside_text_and_copies(post: Post) -> None:
    body = {"Text": {"Data": "plain"}, "Html": {"Data": "<b>rich</b>"}}
    name = post.first.send_email(
        Source=SENDER,
        Destination={"ToAddresses": [FRIEND], "CcAddresses": [SENDER], "BccAddresses": [FRIEND]},
        Message={"Subject": {"Data": "Größe"}, "Body": body},
        ReplyToAddresses=["answers@example.com"],
    )["MessageId"]
    raw = post.raw(name)
    assert (raw["Cc"], raw["Bcc"], raw["Reply-To"], raw["Subject"]) == (SENDER, None, "answers@example.com", "Größe")
    assert raw.get_body(("plain",)).get_content().strip() == "plain"
    assert raw.get_body(("html",)).get_content().strip() == "<b>rich</b>"


def test_a_letter_that_is_brought_whole(post: Post) -> None:
    whole = f"From: {SENDER}\r\nTo: {FRIEND}\r\nSubject: raw\r\nX-Own: 1\r\nBcc: {SENDER}\r\n\r\nhello\r\n".encode()
    name = post.first.send_raw_email(RawMessage={"Data": whole})["MessageId"]
    raw = post.raw(name)
    assert (raw["X-Own"], raw["Bcc"], raw.get_content().strip()) == ("1", None, "hello")
    assert post.letters()[-1]["to"] == [FRIEND, SENDER]
    by_second = post.second.send_email(Content={"Raw": {"Data": whole}})["MessageId"]
    assert post.raw(by_second)["Subject"] == "raw"


def test_an_attachment_by_the_second_api(post: Post) -> None:
    content = {
        "Simple": {
            "Subject": {"Data": "list"},
            "Body": {"Text": {"Data": "see there"}},
            "Headers": [{"Name": "X-Team", "Value": "red"}],
            "Attachments": [{"RawContent": b"a,b\n", "FileName": "list.csv", "ContentType": "text/csv"}],
        }
    }
    name = post.second.send_email(FromEmailAddress=SENDER, Destination={"ToAddresses": [FRIEND]}, Content=content)[
        "MessageId"
    ]
    raw = post.raw(name)
    (attachment,) = raw.iter_attachments()
    assert (raw["X-Team"], attachment.get_filename()) == ("red", "list.csv")
    assert attachment.get_payload(decode=True) == b"a,b\n"


def test_nobody_sends_from_an_address_that_is_not_verified(post: Post, refused: Any) -> None:
    message = {"Subject": {"Data": "x"}, "Body": {"Text": {"Data": "x"}}}
    text = "The following identities failed the check in region US-EAST-1: eve@evil.example"
    with refused("MessageRejected", text):
        post.first.send_email(Source="eve@evil.example", Destination={"ToAddresses": [FRIEND]}, Message=message)
    assert post.letters() == []


def test_a_topic_that_is_told_of_bounces_must_be_there(post: Post, refused: Any) -> None:
    for topic in (f"arn:aws:sns:us-east-1:{post.account.id}:nowhere", "arn:aws:sqs:us-east-1:111122223333:queue"):
        with refused("InvalidParameterValue", f"Invalid SNS topic <{topic}>."):
            post.first.set_identity_notification_topic(Identity=SENDER, NotificationType="Bounce", SnsTopic=topic)


def test_no_address_begins_a_header_field_of_its_own(post: Post, refused: Any) -> None:
    message = {"Subject": {"Data": "two\nlines"}, "Body": {"Text": {"Data": "x"}}}
    bad = f"{FRIEND}\nBcc: eve@evil.example"
    with refused("InvalidParameterValue", "Local address contains control or whitespace"):
        post.first.send_email(Source=SENDER, Destination={"ToAddresses": [bad]}, Message=message)
    with refused("InvalidParameterValue", "Local address contains control or whitespace"):
        post.first.send_raw_email(Source=f"{SENDER}\f", RawMessage={"Data": b"Subject: x\n\nx"})
    with refused("BadRequestException", "Local address contains control or whitespace"):
        post.second.send_email(
            FromEmailAddress=f"{SENDER}\r", Destination={"ToAddresses": [FRIEND]}, Content={"Simple": message}
        )
    assert post.letters() == []
    post.first.send_email(Source=SENDER, Destination={"ToAddresses": [FRIEND]}, Message=message)
    (letter,) = post.letters()
    assert letter["subject"] == "two lines"


def test_in_the_sandbox_recipients_are_verified_too(post: Post, refused: Any) -> None:
    with refused("MessageRejected", "stranger@example.net"):
        post.send("stranger@example.net")
    post.second.put_account_details(
        MailType="TRANSACTIONAL", WebsiteURL="https://example.com", ProductionAccessEnabled=True
    )
    post.send("stranger@example.net")
    assert post.second.get_account()["ProductionAccessEnabled"] is True


def test_a_verified_domain_sends_from_all_its_addresses(post: Post) -> None:
    post.first.verify_domain_identity(Domain="example.net")
    message = {"Subject": {"Data": "x"}, "Body": {"Text": {"Data": "x"}}}
    for source in ("anybody@example.net", "anybody@mail.example.net"):
        post.first.send_email(Source=source, Destination={"ToAddresses": [FRIEND]}, Message=message)


def test_two_hundred_letters_a_day_in_the_sandbox(post: Post, refused: Any, clock: CloudClock) -> None:
    for _ in range(4):
        post.send(*[FRIEND] * 50)
    quota = post.first.get_send_quota()
    assert (quota["Max24HourSend"], quota["MaxSendRate"], quota["SentLast24Hours"]) == (200, 1, 200)
    with refused("Throttling", "Daily message quota exceeded"):
        post.send()
    clock.advance(86400 + 900)
    post.send()


def test_no_more_than_fifty_recipients(post: Post, refused: Any) -> None:
    with refused("MessageRejected", "Recipient count exceeds 50"):
        post.send(*[FRIEND] * 51)


def test_a_paused_account_sends_nothing(post: Post, refused: Any) -> None:
    post.first.update_account_sending_enabled(Enabled=False)
    with refused("AccountSendingPausedException"):
        post.send()
    assert post.second.get_account()["SendingEnabled"] is False


# Templates


def test_a_template_is_filled_in(post: Post, refused: Any) -> None:
    template = {
        "TemplateName": "greeting",
        "SubjectPart": "Dear {{name}}",
        "TextPart": "{{#if books}}{{#each books}}{{title}} ({{../name}}), {{/each}}{{else}}nothing{{/if}}",
    }
    post.first.create_template(Template=template)
    with refused("AlreadyExists"):
        post.first.create_template(Template=template)
    data = json.dumps({"name": "Bob", "books": [{"title": "A"}, {"title": "B"}]})
    post.first.send_templated_email(
        Source=SENDER, Destination={"ToAddresses": [FRIEND]}, Template="greeting", TemplateData=data
    )
    (letter,) = post.letters()
    assert (letter["subject"], letter["text"].strip()) == ("Dear Bob", "A (Bob), B (Bob),")
    rendered = post.second.test_render_email_template(TemplateName="greeting", TemplateData='{"name": "Eve"}')
    assert "Subject: Dear Eve" in rendered["RenderedTemplate"]
    assert "nothing" in rendered["RenderedTemplate"]
    with refused("MissingRenderingAttribute", "'name' is not present"):
        post.first.test_render_template(TemplateName="greeting", TemplateData="{}")
    with refused("InvalidRenderingParameter"):
        post.first.test_render_template(TemplateName="greeting", TemplateData="[")
    with refused("TemplateDoesNotExist"):
        post.first.get_template(TemplateName="nothing")
    with refused("NotFoundException"):
        post.second.get_email_template(TemplateName="nothing")


def test_a_letter_to_each_destination(post: Post) -> None:
    post.second.create_email_template(TemplateName="hi", TemplateContent={"Subject": "Hi {{name}}", "Text": "."})
    answer = post.second.send_bulk_email(
        FromEmailAddress=SENDER,
        DefaultContent={"Template": {"TemplateName": "hi", "TemplateData": '{"name": "you"}'}},
        BulkEmailEntries=[
            {"Destination": {"ToAddresses": [FRIEND]}},
            {
                "Destination": {"ToAddresses": [SENDER]},
                "ReplacementEmailContent": {"ReplacementTemplate": {"ReplacementTemplateData": '{"name": "Ada"}'}},
            },
            {"Destination": {"ToAddresses": ["stranger@example.net"]}},
        ],
    )
    statuses = [one["Status"] for one in answer["BulkEmailEntryResults"]]
    assert statuses == ["SUCCESS", "SUCCESS", "MESSAGE_REJECTED"]
    assert {letter["subject"] for letter in post.letters()} == {"Hi you", "Hi Ada"}


# What becomes of letters


def test_the_simulator_bounces_and_complains_and_topics_are_told(post: Post, clock: CloudClock) -> None:
    topic, heard = post.topic()
    for kind in ("Bounce", "Complaint", "Delivery"):
        post.first.set_identity_notification_topic(Identity=SENDER, NotificationType=kind, SnsTopic=topic)
    name = post.send(
        "bounce@simulator.amazonses.com", "complaint@simulator.amazonses.com", "success@simulator.amazonses.com"
    )
    clock.advance(1)
    told = {one["notificationType"]: one for one in heard()}
    assert told["Bounce"]["bounce"]["bounceType"] == "Permanent"
    assert told["Bounce"]["bounce"]["bouncedRecipients"][0]["emailAddress"] == "bounce@simulator.amazonses.com"
    assert told["Complaint"]["complaint"]["complainedRecipients"][0]["emailAddress"].startswith("complaint@")
    assert told["Delivery"]["delivery"]["recipients"] == ["success@simulator.amazonses.com"]
    assert {one["mail"]["messageId"] for one in told.values()} == {name}
    points = post.first.get_send_statistics()["SendDataPoints"]
    assert [(one["DeliveryAttempts"], one["Bounces"], one["Complaints"]) for one in points] == [(3, 1, 1)]


def test_suppressed_addresses_get_nothing(post: Post, clock: CloudClock, refused: Any) -> None:
    topic, heard = post.topic()
    post.first.set_identity_notification_topic(Identity=SENDER, NotificationType="Bounce", SnsTopic=topic)
    post.second.put_suppressed_destination(EmailAddress=FRIEND, Reason="COMPLAINT")
    post.send()
    clock.advance(1)
    (told,) = heard()
    assert told["bounce"]["bounceSubType"] == "OnAccountSuppressionList"
    listed = post.second.list_suppressed_destinations(Reasons=["COMPLAINT"])["SuppressedDestinationSummaries"]
    assert [one["EmailAddress"] for one in listed] == [FRIEND]
    post.second.delete_suppressed_destination(EmailAddress=FRIEND)
    with refused("NotFoundException"):
        post.second.get_suppressed_destination(EmailAddress=FRIEND)


def test_event_destinations_of_a_configuration_set(post: Post, clock: CloudClock, refused: Any) -> None:
    topic, heard = post.topic()
    post.second.create_configuration_set(ConfigurationSetName="watched", Tags=[{"Key": "team", "Value": "red"}])
    post.first.create_configuration_set_event_destination(
        ConfigurationSetName="watched",
        EventDestination={
            "Name": "news",
            "Enabled": True,
            "MatchingEventTypes": ["send", "delivery"],
            "SNSDestination": {"TopicARN": topic},
        },
    )
    name = post.send(ConfigurationSetName="watched", Tags=[{"Name": "campaign", "Value": "books"}])
    clock.advance(1)
    told = {one["eventType"]: one for one in heard()}
    assert set(told) == {"Send", "Delivery"}
    assert told["Send"]["mail"]["messageId"] == name
    assert told["Send"]["mail"]["tags"]["campaign"] == ["books"]
    assert told["Send"]["mail"]["tags"]["ses:configuration-set"] == ["watched"]
    (destination,) = post.second.get_configuration_set_event_destinations(ConfigurationSetName="watched")[
        "EventDestinations"
    ]
    assert (destination["MatchingEventTypes"], destination["SnsDestination"]) == (
        ["SEND", "DELIVERY"],
        {"TopicArn": topic},
    )
    post.first.update_configuration_set_sending_enabled(ConfigurationSetName="watched", Enabled=False)
    with refused("ConfigurationSetSendingPausedException"):
        post.send(ConfigurationSetName="watched")
    with refused("ConfigurationSetDoesNotExist"):
        post.send(ConfigurationSetName="nothing")


def test_events_become_metrics(post: Post, clock: CloudClock, cloud: pileus.LocalCloud) -> None:
    post.second.create_configuration_set(ConfigurationSetName="counted")
    post.second.create_configuration_set_event_destination(
        ConfigurationSetName="counted",
        EventDestinationName="metrics",
        EventDestination={
            "Enabled": True,
            "MatchingEventTypes": ["SEND"],
            "CloudWatchDestination": {
                "DimensionConfigurations": [
                    {
                        "DimensionName": "campaign",
                        "DimensionValueSource": "MESSAGE_TAG",
                        "DefaultDimensionValue": "none",
                    }
                ]
            },
        },
    )
    post.send(ConfigurationSetName="counted", Tags=[{"Name": "campaign", "Value": "books"}])
    clock.advance(1)
    metrics = post.account.client("cloudwatch").list_metrics(Namespace="AWS/SES")["Metrics"]
    assert [(one["MetricName"], one["Dimensions"][0]["Value"]) for one in metrics] == [("Send", "books")]


def test_events_go_into_a_bucket_by_firehose(post: Post, clock: CloudClock) -> None:
    account = post.account
    bucket, role = f"events-{account.id}", f"arn:aws:iam::{account.id}:role/events"
    account.client("s3").create_bucket(Bucket=bucket)
    hose = account.client("firehose").create_delivery_stream(
        DeliveryStreamName="hose",
        ExtendedS3DestinationConfiguration={"RoleARN": role, "BucketARN": f"arn:aws:s3:::{bucket}"},
    )["DeliveryStreamARN"]
    clock.advance(10)
    post.first.create_configuration_set(ConfigurationSet={"Name": "set"})
    destination = {
        "Name": "hose",
        "Enabled": True,
        "MatchingEventTypes": ["send", "delivery"],
        "KinesisFirehoseDestination": {"IAMRoleARN": role, "DeliveryStreamARN": hose},
    }
    post.first.create_configuration_set_event_destination(ConfigurationSetName="set", EventDestination=destination)
    name = post.send(ConfigurationSetName="set")
    clock.advance(400)
    s3 = account.client("s3")
    (one,) = s3.list_objects_v2(Bucket=bucket)["Contents"]
    told = [json.loads(line) for line in s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read().splitlines()]
    assert sorted((event["eventType"], event["mail"]["messageId"]) for event in told) == [
        ("Delivery", name),
        ("Send", name),
    ]
