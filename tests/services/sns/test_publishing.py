"""Publishing to topics, and what their subscribers get."""

from __future__ import annotations

import base64
import json
import urllib.request
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

import pileus
from pileus.testing.local import CloudClock

TEXT = {"DataType": "String", "StringValue": "store"}


def test_every_queue_gets_its_copy_wrapped_or_raw(sns: Any, topic: Any, queue: Any) -> None:
    arn, wrapped, raw = topic(), queue("wrapped"), queue("raw")
    subscription = sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=wrapped.arn)["SubscriptionArn"]
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=raw.arn, Attributes={"RawMessageDelivery": "true"})
    binary = {"DataType": "Binary", "BinaryValue": b"\x00\x01"}
    sent = sns.publish(TopicArn=arn, Message="hello", Subject="Hi", MessageAttributes={"at": TEXT, "bytes": binary})
    (notice,) = wrapped.notices()
    assert notice["Type"] == "Notification"
    assert notice["MessageId"] == sent["MessageId"]
    assert (notice["TopicArn"], notice["Subject"], notice["Message"]) == (arn, "Hi", "hello")
    assert notice["MessageAttributes"] == {
        "at": {"Type": "String", "Value": "store"},
        "bytes": {"Type": "Binary", "Value": base64.b64encode(b"\x00\x01").decode()},
    }
    assert f"SubscriptionArn={subscription}" in notice["UnsubscribeURL"]
    (message,) = raw.messages()
    assert message["Body"] == "hello"
    assert message["MessageAttributes"] == {"at": TEXT, "bytes": binary}


@pytest.mark.parametrize("version", ["1", "2"])
def test_the_signature_verifies_with_the_certificate_that_the_message_names(
    sns: Any, topic: Any, queue: Any, version: str
) -> None:
    arn, heard = topic(SignatureVersion=version), queue()
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=heard.arn)
    sns.publish(TopicArn=arn, Message="über", Subject="S")
    sns.publish(TopicArn=arn, Message="no subject")
    for notice in heard.notices():
        verify(notice, version)


def verify(notice: dict[str, Any], version: str) -> None:
    certificate = x509.load_pem_x509_certificate(urllib.request.urlopen(notice["SigningCertURL"]).read())
    names = ["Message", "MessageId", "SubscribeURL", "Subject", "Timestamp", "Token", "TopicArn", "Type"]
    signed = "".join(f"{name}\n{notice[name]}\n" for name in names if name in notice)
    assert notice["SignatureVersion"] == version
    digest = hashes.SHA1() if version == "1" else hashes.SHA256()
    signature = base64.b64decode(notice["Signature"])
    certificate.public_key().verify(signature, signed.encode(), padding.PKCS1v15(), digest)  # type: ignore


def test_each_protocol_gets_its_own_text(sns: Any, topic: Any, queue: Any) -> None:
    arn, heard = topic(), queue()
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=heard.arn)
    sns.publish(TopicArn=arn, MessageStructure="json", Message=json.dumps({"default": "all", "sqs": "queues"}))
    sns.publish(TopicArn=arn, MessageStructure="json", Message=json.dumps({"default": "all", "sms": "phones"}))
    assert sorted(notice["Message"] for notice in heard.notices()) == ["all", "queues"]


@pytest.mark.parametrize(
    ("members", "code", "words"),
    [
        ({"Message": ""}, "InvalidParameter", "Invalid parameter: Empty message"),
        ({"Message": "x" * 262_145}, "InvalidParameter", "Invalid parameter: Message too long"),
        ({"Message": "x", "Subject": "a\nb"}, "InvalidParameter", "Invalid parameter: Subject"),
        ({"Message": "x", "Subject": "a" * 101}, "InvalidParameter", "Invalid parameter: Subject"),
        ({"Message": "x", "MessageStructure": "json"}, "InvalidParameter", "JSON message body failed to parse"),
        ({"Message": '{"sqs": "x"}', "MessageStructure": "json"}, "InvalidParameter", "No default entry"),
        (
            {"Message": "x", "MessageAttributes": {"a": {"DataType": "Number", "StringValue": "many"}}},
            "ParameterValueInvalid",
            "Could not cast message attribute 'a' value to number.",
        ),
        (
            {"Message": "x", "MessageAttributes": {"a": {"DataType": "Text", "StringValue": "many"}}},
            "ParameterValueInvalid",
            "has an invalid message attribute type",
        ),
        ({"Message": "x", "MessageDeduplicationId": "1"}, "InvalidParameter", "not valid for this topic type"),
    ],
)
def test_what_cannot_be_published_is_refused(
    sns: Any, topic: Any, refused: Any, members: dict[str, Any], code: str, words: str
) -> None:
    with refused(code, words):
        sns.publish(TopicArn=topic(), **members)


def test_messages_may_be_larger_where_the_topic_says_so(sns: Any, topic: Any, queue: Any) -> None:
    arn, heard = topic(MaximumMessageSize="1048576"), queue()
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=heard.arn, Attributes={"RawMessageDelivery": "true"})
    sns.publish(TopicArn=arn, Message="x" * 600_000)
    assert len(heard.bodies()[0]) == 600_000


def test_a_batch_takes_and_refuses_each_entry_by_itself(sns: Any, topic: Any, queue: Any, refused: Any) -> None:
    arn, heard = topic(), queue()
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=heard.arn)
    entries = [{"Id": "good", "Message": "1"}, {"Id": "bad", "Message": "2", "Subject": "\n"}]
    answer = sns.publish_batch(TopicArn=arn, PublishBatchRequestEntries=entries)
    assert [one["Id"] for one in answer["Successful"]] == ["good"]
    (failed,) = answer["Failed"]
    assert (failed["Id"], failed["Code"], failed["SenderFault"]) == ("bad", "InvalidParameter", True)
    assert [notice["Message"] for notice in heard.notices()] == ["1"]
    with refused("BatchEntryIdsNotDistinct"):
        sns.publish_batch(TopicArn=arn, PublishBatchRequestEntries=[entries[0], entries[0]])
    with refused("TooManyEntriesInBatchRequest"):
        sns.publish_batch(TopicArn=arn, PublishBatchRequestEntries=[{"Id": str(n), "Message": "x"} for n in range(11)])
    with refused("BatchRequestTooLong"):
        large = [{"Id": str(n), "Message": "x" * 150_000} for n in range(2)]
        sns.publish_batch(TopicArn=arn, PublishBatchRequestEntries=large)


def test_what_a_queue_does_not_let_in_goes_to_the_dead_letters(sns: Any, sqs: Any, topic: Any, queue: Any) -> None:
    arn, closed, dead, open_ = topic(), queue("closed"), queue("dead"), queue("open")
    sqs.set_queue_attributes(QueueUrl=closed.url, Attributes={"Policy": ""})
    redrive = json.dumps({"deadLetterTargetArn": dead.arn})
    for endpoint in (closed.arn, closed.arn.replace("closed", "gone"), open_.arn):
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=endpoint, Attributes={"RedrivePolicy": redrive})
    sns.publish(TopicArn=arn, Message="hello")
    assert closed.messages() == []
    assert [notice["Message"] for notice in open_.notices()] == ["hello"]
    assert [notice["Message"] for notice in dead.notices()] == ["hello", "hello"]


def test_a_queues_policy_may_name_the_topic(sns: Any, sqs: Any, topic: Any, queue: Any) -> None:
    mine, other, heard = topic("mine"), topic("other"), queue()
    policy = json.loads(sqs.get_queue_attributes(QueueUrl=heard.url, AttributeNames=["Policy"])["Attributes"]["Policy"])
    policy["Statement"][0]["Condition"] = {"ArnEquals": {"aws:SourceArn": mine}}
    sqs.set_queue_attributes(QueueUrl=heard.url, Attributes={"Policy": json.dumps(policy)})
    for arn in (mine, other):
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=heard.arn)
        sns.publish(TopicArn=arn, Message=arn)
    assert [notice["Message"] for notice in heard.notices()] == [mine]


def test_a_topic_with_hundreds_of_subscriptions_reaches_all(
    sns: Any, topic: Any, queue: Any, cloud: pileus.LocalCloud, clock: CloudClock
) -> None:
    arn, heard = topic(), queue()
    raw = {"RawMessageDelivery": "true"}
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=heard.arn, Attributes=raw)
    with_numbers = [f"+1555{number:07d}" for number in range(250)]
    for number in with_numbers:
        sns.subscribe(TopicArn=arn, Protocol="sms", Endpoint=number)
    sns.publish(TopicArn=arn, Message="all of you")
    clock.advance(1)
    assert heard.bodies() == ["all of you"]
    account = arn.split(":")[4]
    sent = json.loads(urllib.request.urlopen(f"{cloud.endpoint}/_pileus/sms?account={account}").read())["sms"]
    assert {to for one in sent for to in one["to"]} == {*with_numbers}


def test_an_encrypted_topic_wants_a_key_that_may_be_used(aws: Any, sns: Any, topic: Any, refused: Any) -> None:
    kms = aws.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    arn = topic(KmsMasterKeyId=key)
    sns.publish(TopicArn=arn, Message="x")
    kms.disable_key(KeyId=key)
    with refused("KMSDisabled"):
        sns.publish(TopicArn=arn, Message="x")
