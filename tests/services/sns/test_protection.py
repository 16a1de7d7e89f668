"""Data protection: what a topic refuses, masks and reports, of those who publish and for those who subscribe."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pileus.testing.local import CloudClock

CARD, MAIL = "4111 1111 1111 1111", "ann@example.com"


def statement(identifiers: list[str], operation: dict[str, Any], direction: str = "Inbound", **who: Any) -> Any:
    names = [name if name.islower() else f"arn:aws:dataprotection::aws:data-identifier/{name}" for name in identifiers]
    told = {"DataDirection": direction, "DataIdentifier": names, "Operation": operation}
    return told | (who or {"Principal": ["*"]})


def document(*statements: Any, **more: Any) -> str:
    return json.dumps({"Name": "p", "Version": "2021-06-01", "Statement": statements} | more)


def mask(sign: str = "#") -> dict[str, Any]:
    return {"Deidentify": {"MaskConfig": {"MaskWithCharacter": sign}}}


def test_sensitive_data_are_masked_taken_out_or_refused(sns: Any, topic: Any, queue: Any, refused: Any) -> None:
    arn, heard = topic(), queue()
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=heard.arn, Attributes={"RawMessageDelivery": "true"})
    policy = document(
        statement(["EmailAddress", "IpAddress"], mask()),
        statement(["ticket"], {"Deidentify": {"RedactConfig": {}}}),
        statement(["CreditCardNumber"], {"Deny": {}}),
        Configuration={"CustomDataIdentifier": [{"Name": "ticket", "Regex": r"T-\d+ ?"}]},
    )
    sns.put_data_protection_policy(ResourceArn=arn, DataProtectionPolicy=policy)
    assert sns.get_data_protection_policy(ResourceArn=arn)["DataProtectionPolicy"] == policy
    sns.publish(TopicArn=arn, Message=f"T-12 of {MAIL} at 192.0.2.7, order 1234567812345678")
    assert heard.bodies() == ["of ############### at #########, order 1234567812345678"]
    with refused("AuthorizationError", "data protection policy"):
        sns.publish(TopicArn=arn, Message=f"card {CARD}")
    batch = [{"Id": "a", "Message": CARD}, {"Id": "b", "Message": "none"}]
    answer = sns.publish_batch(TopicArn=arn, PublishBatchRequestEntries=batch)
    assert [one["Id"] for one in answer["Failed"]] == ["a"]
    assert heard.bodies() == ["none"]


def test_who_subscribed_decides_what_is_seen(aws: Any, sns: Any, topic: Any, queue: Any, clock: CloudClock) -> None:
    """Outbound statements are about the principals of subscriptions, and others see all."""
    arn, iam = topic(), aws.client("iam")
    users = {}
    for name in ("partner", "auditor"):
        iam.create_user(UserName=name)
        allow = {"Effect": "Allow", "Action": "sns:*", "Resource": "*"}
        text = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=text)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        users[name] = aws.client(
            "sns", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
        )
    heard = {name: queue(name) for name in ("partner", "auditor", "owner")}
    for name, box in heard.items():
        made = users.get(name, sns).subscribe(
            TopicArn=arn, Protocol="sqs", Endpoint=box.arn, Attributes={"RawMessageDelivery": "true"}
        )
        told = sns.get_subscription_attributes(SubscriptionArn=made["SubscriptionArn"])["Attributes"]
        who = "root" if name == "owner" else f"user/{name}"
        assert told["SubscriptionPrincipal"] == f"arn:aws:iam::{aws.id}:{who}"
    partner, auditor = (f"arn:aws:iam::{aws.id}:user/{name}" for name in users)
    policy = document(
        statement(["CreditCardNumber"], {"Deny": {}}, "Outbound", Principal=[partner]),
        statement(["EmailAddress"], mask("*"), "Outbound", NotPrincipal=[auditor]),
    )
    sns.put_data_protection_policy(ResourceArn=arn, DataProtectionPolicy=policy)
    sns.publish(TopicArn=arn, Message=f"{MAIL} paid with {CARD}")
    sns.publish(TopicArn=arn, Message=f"{MAIL} came")
    assert heard["partner"].bodies() == ["*************** came"]
    assert heard["auditor"].bodies() == [f"{MAIL} paid with {CARD}", f"{MAIL} came"]
    assert heard["owner"].bodies() == [f"*************** paid with {CARD}", "*************** came"]


def test_audits_report_where_the_data_are(aws: Any, client: Any, sns: Any, topic: Any, clock: CloudClock) -> None:
    logs, s3, arn = client("logs"), client("s3"), topic()
    for group in ("found", "nothing"):
        logs.create_log_group(logGroupName=f"/aws/vendedlogs/{group}")
    s3.create_bucket(Bucket=f"findings-{aws.id}")
    audit = {
        "SampleRate": "99",
        "FindingsDestination": {
            "CloudWatchLogs": {"LogGroup": "/aws/vendedlogs/found"},
            "S3": {"Bucket": f"findings-{aws.id}"},
        },
        "NoFindingsDestination": {"CloudWatchLogs": {"LogGroup": "/aws/vendedlogs/nothing"}},
    }
    policy = document(statement(["EmailAddress", "CreditCardNumber"], {"Audit": audit}))
    sns.put_data_protection_policy(ResourceArn=arn, DataProtectionPolicy=policy)
    ids = [sns.publish(TopicArn=arn, Message=text)["MessageId"] for text in [f"{MAIL} or b@example.com"] * 9]
    sns.publish(TopicArn=arn, Message="nothing", MessageAttributes={})
    clock.advance(1)

    def told(group: str) -> list[dict[str, Any]]:
        events = logs.filter_log_events(logGroupName=f"/aws/vendedlogs/{group}")["events"]
        return [json.loads(one["message"]) for one in events]

    looked_into = [one for one in ids if int(one[:8], 16) % 100 < 99]
    assert {one["messageId"] for one in told("found")} == {*looked_into}
    finding = told("found")[0]
    assert finding["resourceArn"] == arn
    assert finding["callerPrincipal"] == f"arn:aws:iam::{aws.id}:root"
    places = [{"start": 0, "end": 15}, {"start": 19, "end": 32}]
    assert finding["dataIdentifiers"] == [{"name": "EmailAddress", "count": 2, "detections": places}]
    assert len(s3.list_objects_v2(Bucket=f"findings-{aws.id}")["Contents"]) == len(looked_into)
    assert all(one["dataIdentifiers"] == [] for one in told("nothing"))


AUDIT = {"Audit": {"SampleRate": "100", "FindingsDestination": {}}}
ELSEWHERE = {"Audit": {"SampleRate": "9", "FindingsDestination": {"CloudWatchLogs": {"LogGroup": "mine"}}}}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("{", "not a valid JSON document"),
        (document(), "Statement are required"),
        (document(statement(["Nonsense"], mask())), "not a managed data identifier"),
        (document(statement(["own"], mask())), "not a data identifier"),
        (document(statement([], mask())), "DataIdentifier"),
        (document(statement(["Name"], mask(), "Sideways")), "Inbound or Outbound"),
        (document(statement(["Name"], mask(), Principal=["*"], NotPrincipal=["*"])), "Principal or NotPrincipal"),
        (document(statement(["Name"], mask("##"))), "one character"),
        (document(statement(["Name"], {"Deidentify": {}})), "MaskConfig or RedactConfig"),
        (document(statement(["Name"], {"Hide": {}})), "one Operation"),
        (document(statement(["Name"], AUDIT)), "SampleRate"),
        (document(statement(["Name"], AUDIT, "Outbound")), "inbound messages only"),
        (document(statement(["Name"], ELSEWHERE)), "must begin with /aws/vendedlogs/"),
    ],
)
def test_a_wrong_policy_is_refused(sns: Any, topic: Any, refused: Any, wrong: str, words: str) -> None:
    with refused("InvalidParameter", words):
        sns.put_data_protection_policy(ResourceArn=topic(), DataProtectionPolicy=wrong)
