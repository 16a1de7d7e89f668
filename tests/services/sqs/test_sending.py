"""Sending messages (API reference, SendMessage, SendMessageBatch; Developer Guide, "Amazon SQS message metadata")."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from pileus.services.sqs import messages

MEBIBYTE = 1_048_576
PREFIX = "AWS.SimpleQueueService."


def text(value: str, data_type: str = "String") -> dict[str, str]:
    return {"DataType": data_type, "StringValue": value}


def test_a_message_arrives_as_it_was_sent(sqs: Any, queue: Any, receive: Any, timestamp: Any) -> None:
    url = queue()
    attributes = {
        "city": text("Köln"),
        "a-number.of_things": text("-12.5e3", "Number.int"),
        "picture": {"DataType": "Binary.png", "BinaryValue": b"\x00\xff"},
    }
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"
    sent = sqs.send_message(
        QueueUrl=url,
        MessageBody="grüße 🌩\n",
        MessageAttributes=attributes,
        MessageSystemAttributes={"AWSTraceHeader": text(trace)},
        MessageGroupId="tenant-1",  # on a standard queue: fair queues
    )
    [message] = receive(url)
    assert message["Body"] == "grüße 🌩\n"
    assert message["MessageId"] == sent["MessageId"]
    assert message["MD5OfBody"] == sent["MD5OfMessageBody"] == hashlib.md5("grüße 🌩\n".encode()).hexdigest()
    assert message["MessageAttributes"] == attributes
    assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert message["Attributes"] == {
        "SenderId": url.split("/")[-2],
        "SentTimestamp": timestamp(),
        "ApproximateReceiveCount": "1",
        "ApproximateFirstReceiveTimestamp": timestamp(),
        "MessageGroupId": "tenant-1",
        "AWSTraceHeader": trace,
    }
    assert "SequenceNumber" not in sent
    assert sent["MD5OfMessageSystemAttributes"]


def test_attributes_are_digested_as_the_developer_guide_says() -> None:
    """Length and bytes of name, data type, and value; before the value, 1 for texts and 2 for bytes; sorted by name."""

    def framed(part: bytes) -> bytes:
        return len(part).to_bytes(4, "big") + part

    attributes = {"b": {"DataType": "Binary", "BinaryValue": b"\x01"}, "a": text("1", "Number")}
    expected = framed(b"a") + framed(b"Number") + b"\x01" + framed(b"1")
    expected += framed(b"b") + framed(b"Binary") + b"\x02" + framed(b"\x01")
    assert messages.attributes_digest(attributes) == hashlib.md5(expected).hexdigest()


def test_an_empty_message_is_a_missing_one(sqs: Any, queue: Any, refused: Any) -> None:
    with refused("MissingParameter", "The request must contain the parameter MessageBody."):
        sqs.send_message(QueueUrl=queue(), MessageBody="")


@pytest.mark.parametrize("character", ["\x00", "\x08", "\x0b", "\x1f", "\ufffe", "\uffff"])
def test_characters_outside_of_xml_are_refused(sqs: Any, queue: Any, refused: Any, character: str) -> None:
    url = queue()
    with refused("InvalidMessageContents", "Invalid characters found."):
        sqs.send_message(QueueUrl=url, MessageBody=f"a{character}b")
    with refused("InvalidMessageContents"):
        sqs.send_message(QueueUrl=url, MessageBody="x", MessageAttributes={"a": text(character)})


@pytest.mark.parametrize("body", ["\t\n\r ", "\x7f\x85\xa0", "\ud7ff\ue000\ufffd", "\U00010000\U0010ffff", "\u2028"])
def test_all_other_characters_are_fine(sqs: Any, queue: Any, bodies: Any, body: str) -> None:
    url = queue()
    sqs.send_message(QueueUrl=url, MessageBody=body)
    assert bodies(url) == [body]


def test_a_message_has_at_most_1_mebibyte_with_its_attributes(sqs: Any, queue: Any, bodies: Any, refused: Any) -> None:
    # Study notes say 256 KB: since August 2025 the limit is 1 MiB.
    url = queue()
    sqs.send_message(QueueUrl=url, MessageBody="x" * MEBIBYTE)
    [received] = bodies(url)
    assert received == "x" * MEBIBYTE
    too_long = "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes."
    with refused("InvalidParameterValue", too_long):
        sqs.send_message(QueueUrl=url, MessageBody="x" * (MEBIBYTE + 1))
    with refused("InvalidParameterValue", too_long):
        sqs.send_message(QueueUrl=url, MessageBody="ä" * (MEBIBYTE // 2 + 1))
    attribute = {"name": text("value")}
    size = len("name") + len("String") + len("value")
    sqs.send_message(QueueUrl=url, MessageBody="x" * (MEBIBYTE - size), MessageAttributes=attribute)
    with refused("InvalidParameterValue", too_long):
        sqs.send_message(QueueUrl=url, MessageBody="x" * (MEBIBYTE - size + 1), MessageAttributes=attribute)


def test_a_queue_may_set_a_lower_limit(sqs: Any, queue: Any, refused: Any) -> None:
    url = queue(MaximumMessageSize=1024)
    sqs.send_message(QueueUrl=url, MessageBody="x" * 1024)
    with refused("InvalidParameterValue", "Message must be shorter than 1024 bytes."):
        sqs.send_message(QueueUrl=url, MessageBody="x" * 1025)


BAD_ATTRIBUTES: list[tuple[dict[str, Any], str, str]] = [
    ({str(n): text("x") for n in range(11)}, "InvalidParameterValue", "Number of message attributes [11] exceeds"),
    ({"a": {"DataType": "Float", "StringValue": "1"}}, "InvalidParameterValue", "invalid message attribute type"),
    ({"a": {"StringValue": "1"}}, "InvalidParameterValue", "must contain a non-empty message attribute type"),
    ({"a": text("")}, "InvalidParameterValue", "must contain a non-empty message attribute value"),
    ({"a": {"DataType": "Binary", "StringValue": "x"}}, "InvalidParameterValue", "non-empty message attribute value"),
    ({"a": text("one", "Number")}, "InvalidParameterValue", "Can't cast the value of message (user) attribute 'a'"),
    ({"a": text("NaN", "Number")}, "InvalidParameterValue", "Can't cast"),
    ({"a": {"DataType": "String", "StringListValues": ["x"]}}, f"{PREFIX}UnsupportedOperation", "list"),
    ({"a" * 257: text("x")}, "InvalidParameterValue", "1 to 256 in length"),
    ({"a..b": text("x")}, "InvalidParameterValue", "attribute name 'a..b'"),
    ({".a": text("x")}, "InvalidParameterValue", "attribute name '.a'"),
    ({"a.": text("x")}, "InvalidParameterValue", "attribute name 'a.'"),
    ({"a b": text("x")}, "InvalidParameterValue", "attribute name 'a b'"),
    ({"AWS.x": text("x")}, "InvalidParameterValue", "must not start with"),
    ({"amazon.x": text("x")}, "InvalidParameterValue", "must not start with"),
]


@pytest.mark.parametrize(("attributes", "code", "reason"), BAD_ATTRIBUTES)
def test_attributes_have_rules(
    sqs: Any, queue: Any, refused: Any, attributes: dict[str, Any], code: str, reason: str
) -> None:
    with refused(code, reason):
        sqs.send_message(QueueUrl=queue(), MessageBody="x", MessageAttributes=attributes)


def test_the_only_system_attribute_is_a_trace(sqs: Any, queue: Any, refused: Any) -> None:
    for attributes in ({"SenderId": text("x")}, {"AWSTraceHeader": {"DataType": "Binary", "BinaryValue": b"x"}}):
        with refused("InvalidParameterValue"):
            sqs.send_message(QueueUrl=queue(), MessageBody="x", MessageSystemAttributes=attributes)


def test_a_delayed_message_shows_after_its_delay(sqs: Any, queue: Any, bodies: Any, counts: Any, clock: Any) -> None:
    url = queue(DelaySeconds=30)
    sqs.send_message(QueueUrl=url, MessageBody="the queue's")
    sqs.send_message(QueueUrl=url, MessageBody="longer", DelaySeconds=900)
    sqs.send_message(QueueUrl=url, MessageBody="none", DelaySeconds=0)
    assert bodies(url, VisibilityTimeout=1000) == ["none"]
    assert counts(url) == (0, 1, 2)
    clock.advance(29)
    assert bodies(url) == []
    clock.advance(1)
    assert counts(url) == (1, 1, 1)
    assert bodies(url, VisibilityTimeout=1000) == ["the queue's"]
    clock.advance(870)
    assert bodies(url) == ["longer"]


def test_a_changed_delay_does_not_concern_what_a_standard_queue_has(
    sqs: Any, queue: Any, counts: Any, clock: Any
) -> None:
    url = queue(DelaySeconds=30)
    sqs.send_message(QueueUrl=url, MessageBody="x")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "0"})
    assert counts(url) == (0, 0, 1)


@pytest.mark.parametrize("seconds", [-1, 901])
def test_a_delay_is_15_minutes_at_most(sqs: Any, queue: Any, refused: Any, seconds: int) -> None:
    reason = f"Value {seconds} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900."
    with refused("InvalidParameterValue", reason):
        sqs.send_message(QueueUrl=queue(), MessageBody="x", DelaySeconds=seconds)


def test_a_standard_queue_does_not_deduplicate(sqs: Any, queue: Any, refused: Any) -> None:
    with refused("InvalidParameterValue", "The request include parameter that is not valid for this queue type"):
        sqs.send_message(QueueUrl=queue(), MessageBody="x", MessageDeduplicationId="d")


def test_each_message_of_a_batch_succeeds_or_fails_by_itself(sqs: Any, queue: Any, bodies: Any, counts: Any) -> None:
    url = queue()
    answer = sqs.send_message_batch(
        QueueUrl=url,
        Entries=[
            {"Id": "first", "MessageBody": "1", "MessageAttributes": {"a": text("x")}},
            {"Id": "bad", "MessageBody": "\x00"},
            {"Id": "late", "MessageBody": "2", "DelaySeconds": 5},
            {"Id": "worse", "MessageBody": "3", "DelaySeconds": 901},
            {"Id": "last", "MessageBody": "4"},
        ],
    )
    assert [entry["Id"] for entry in answer["Successful"]] == ["first", "late", "last"]
    first = answer["Successful"][0]
    assert first["MD5OfMessageBody"] == hashlib.md5(b"1").hexdigest()
    assert first["MD5OfMessageAttributes"] == messages.attributes_digest({"a": text("x")})
    assert [(entry["Id"], entry["Code"], entry["SenderFault"]) for entry in answer["Failed"]] == [
        ("bad", "InvalidMessageContents", True),
        ("worse", "InvalidParameterValue", True),
    ]
    assert "DelaySeconds must be >= 0 and <= 900." in answer["Failed"][1]["Message"]
    assert counts(url) == (2, 0, 1)
    assert bodies(url) == ["1", "4"]


def test_a_batch_without_failures_tells_of_none(sqs: Any, queue: Any) -> None:
    answer = sqs.send_message_batch(QueueUrl=queue(), Entries=[{"Id": "a", "MessageBody": ""}])
    assert [entry["Code"] for entry in answer["Failed"]] == ["MissingParameter"]
    assert "Failed" not in sqs.send_message_batch(QueueUrl=queue(), Entries=[{"Id": "a", "MessageBody": "x"}])


BAD_BATCHES = [
    ([], "EmptyBatchRequest", "There should be at least one {kind} in the request."),
    (list("abcdefghijk"), "TooManyEntriesInBatchRequest", "number of entries per request are 10. You have sent 11."),
    (["a", "b", "a"], "BatchEntryIdsNotDistinct", "Id a repeated."),
    (["a b"], "InvalidBatchEntryId", "A batch entry id can only contain alphanumeric characters, hyphens"),
    ([""], "InvalidBatchEntryId", "It can be at most 80 letters long."),
    (["x" * 81], "InvalidBatchEntryId", ""),
]  # fmt: skip
BATCHES = [
    ("send_message_batch", "SendMessageBatchRequestEntry", {"MessageBody": "x"}),
    ("delete_message_batch", "DeleteMessageBatchRequestEntry", {"ReceiptHandle": "x"}),
    ("change_message_visibility_batch", "ChangeMessageVisibilityBatchRequestEntry", {"ReceiptHandle": "x"}),
]


@pytest.mark.parametrize(("operation", "kind", "entry"), BATCHES)
@pytest.mark.parametrize(("ids", "code", "message"), BAD_BATCHES)
def test_batches_that_are_refused_as_a_whole(
    sqs: Any, queue: Any, refused: Any, operation: str, kind: str, entry: Any, ids: list[str], code: str, message: str
) -> None:
    with refused(PREFIX + code, message.format(kind=kind)):
        getattr(sqs, operation)(QueueUrl=queue(), Entries=[{"Id": id, **entry} for id in ids])


def test_all_messages_of_a_batch_have_1_mebibyte_together(sqs: Any, queue: Any, refused: Any, counts: Any) -> None:
    url = queue()
    half = "x" * (MEBIBYTE // 2)
    entries = [{"Id": str(n), "MessageBody": half} for n in range(2)]
    assert len(sqs.send_message_batch(QueueUrl=url, Entries=entries)["Successful"]) == 2
    entries[1]["MessageBody"] += "y"
    message = "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes."
    with refused(PREFIX + "BatchRequestTooLong", message):
        sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert counts(url) == (2, 0, 0)
