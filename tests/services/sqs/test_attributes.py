"""The attributes of a queue (API reference, CreateQueue, SetQueueAttributes and GetQueueAttributes)."""

from __future__ import annotations

import json
from typing import Any

import pytest

STANDARD = {
    "DelaySeconds": "0",
    "MaximumMessageSize": "1048576",  # 1 MiB since August 2025; study notes still say 256 KB
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "VisibilityTimeout": "30",
    "SqsManagedSseEnabled": "true",
    "ApproximateNumberOfMessages": "0",
    "ApproximateNumberOfMessagesDelayed": "0",
    "ApproximateNumberOfMessagesNotVisible": "0",
}
FIFO = STANDARD | {
    "FifoQueue": "true",
    "ContentBasedDeduplication": "false",
    "DeduplicationScope": "queue",
    "FifoThroughputLimit": "perQueue",
}


def told(sqs: Any, url: str, *names: str) -> dict[str, str]:
    attributes: dict[str, str] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names or ["All"]).get(
        "Attributes", {}
    )
    return attributes


@pytest.mark.parametrize(("fifo", "expected"), [(False, STANDARD), (True, FIFO)])
def test_a_new_queue_has_the_documented_defaults(
    sqs: Any, queue: Any, clock: Any, fifo: bool, expected: dict[str, str]
) -> None:
    url = queue(fifo=fifo)
    account, name = url.split("/")[-2:]
    now = str(int(clock.now()))
    assert told(sqs, url) == expected | {
        "QueueArn": f"arn:aws:sqs:us-east-1:{account}:{name}",
        "CreatedTimestamp": now,
        "LastModifiedTimestamp": now,
    }


def test_messages_are_kept_from_1_minute_to_14_days_and_4_days_by_default(sqs: Any, queue: Any, refused: Any) -> None:
    assert told(sqs, queue(), "MessageRetentionPeriod") == {"MessageRetentionPeriod": str(4 * 86400)}
    for period in (60, 14 * 86400):
        url = queue(MessageRetentionPeriod=period)
        assert told(sqs, url, "MessageRetentionPeriod") == {"MessageRetentionPeriod": str(period)}
    for period in (59, 14 * 86400 + 1):
        with refused("InvalidAttributeValue", "Invalid value for the parameter MessageRetentionPeriod."):
            queue(MessageRetentionPeriod=period)


RANGES = [
    ("DelaySeconds", 0, 900),
    ("MaximumMessageSize", 1024, 1_048_576),
    ("ReceiveMessageWaitTimeSeconds", 0, 20),  # a long poll lasts 20 seconds at most
    ("VisibilityTimeout", 0, 12 * 3600),  # visibility timeout maximum is 12 hours
    ("KmsDataKeyReusePeriodSeconds", 60, 86_400),
]


@pytest.mark.parametrize(("name", "least", "most"), RANGES)
def test_whole_numbers_have_a_range(sqs: Any, queue: Any, refused: Any, name: str, least: int, most: int) -> None:
    url = queue()
    for value in (least, most):
        assert told(sqs, queue(**{name: value}), name) == {name: str(value)}
        sqs.set_queue_attributes(QueueUrl=url, Attributes={name: str(value)})
        assert told(sqs, url, name) == {name: str(value)}
    for wrong in (str(least - 1), str(most + 1), "", "x", "1.5", "-0"):
        with refused("InvalidAttributeValue", f"Invalid value for the parameter {name}."):
            sqs.set_queue_attributes(QueueUrl=url, Attributes={name: wrong})
        with refused("InvalidAttributeValue", f"Invalid value for the parameter {name}."):
            queue(**{name: wrong})


@pytest.mark.parametrize("name", ["Nonsense", "All", "QueueArn", "CreatedTimestamp", "ApproximateNumberOfMessages"])
def test_an_attribute_that_cannot_be_set(sqs: Any, queue: Any, refused: Any, name: str) -> None:
    with refused("InvalidAttributeName", f"Unknown Attribute {name}."):
        queue(**{name: "1"})
    with refused("InvalidAttributeName", f"Unknown Attribute {name}."):
        sqs.set_queue_attributes(QueueUrl=queue(), Attributes={name: "1"})


def test_attributes_are_told_by_name(sqs: Any, queue: Any, refused: Any) -> None:
    url = queue()
    assert told(sqs, url, "DelaySeconds", "Policy", "SqsManagedSseEnabled") == {
        "DelaySeconds": "0",
        "SqsManagedSseEnabled": "true",
    }
    assert told(sqs, url, "Policy") == {}
    assert "Attributes" not in sqs.get_queue_attributes(QueueUrl=url)
    with refused("InvalidAttributeName", "Unknown Attribute Nonsense."):
        told(sqs, url, "All", "Nonsense")


def test_a_change_is_dated(sqs: Any, queue: Any, clock: Any) -> None:
    url = queue()
    created = int(clock.now())
    clock.advance(100)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1"})
    times = told(sqs, url, "CreatedTimestamp", "LastModifiedTimestamp")
    assert times == {"CreatedTimestamp": str(created), "LastModifiedTimestamp": str(created + 100)}


def test_a_refused_change_changes_nothing(sqs: Any, queue: Any, refused: Any) -> None:
    url = queue()
    with refused("InvalidAttributeValue"):
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "5", "VisibilityTimeout": "x"})
    assert told(sqs, url, "DelaySeconds") == {"DelaySeconds": "0"}


def test_a_policy_is_a_document_and_an_empty_one_is_none(sqs: Any, queue: Any, refused: Any) -> None:
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    url = queue(Policy=policy)
    assert told(sqs, url, "Policy") == {"Policy": policy}
    for wrong in ("x", "[]", "{}"):
        with refused("InvalidAttributeValue", "Invalid value for the parameter Policy."):
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": wrong})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    assert told(sqs, url, "Policy") == {}


@pytest.mark.parametrize(
    "name", ["FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"]
)
def test_what_a_standard_queue_does_not_know(sqs: Any, queue: Any, refused: Any, name: str) -> None:
    value = {"FifoQueue": "false", "DeduplicationScope": "queue", "FifoThroughputLimit": "perQueue"}.get(name, "true")
    with refused("InvalidAttributeName", f"Unknown Attribute {name}."):
        queue(**{name: value})
    with refused("InvalidAttributeName", f"Unknown Attribute {name}."):
        sqs.set_queue_attributes(QueueUrl=queue(), Attributes={name: value})


def test_a_queue_cannot_become_another_kind(sqs: Any, queue: Any, refused: Any) -> None:
    url = queue(fifo=True)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"FifoQueue": "true"})
    with refused("InvalidAttributeValue", "FifoQueue"):
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"FifoQueue": "false"})


def test_high_throughput_needs_both_of_its_settings(sqs: Any, queue: Any, refused: Any) -> None:
    url = queue(fifo=True, DeduplicationScope="messageGroup", FifoThroughputLimit="perMessageGroupId")
    rule = "The perMessageGroupId value is allowed only when the value for DeduplicationScope is messageGroup."
    with refused("InvalidAttributeValue", rule):
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"DeduplicationScope": "queue"})
    with refused("InvalidAttributeValue", rule):
        queue(fifo=True, FifoThroughputLimit="perMessageGroupId")
    for name in ("DeduplicationScope", "FifoThroughputLimit", "ContentBasedDeduplication"):
        with refused("InvalidAttributeValue", f"Invalid value for the parameter {name}."):
            sqs.set_queue_attributes(QueueUrl=url, Attributes={name: "perhaps"})


def test_a_queue_has_one_kind_of_encryption_at_a_time(sqs: Any, queue: Any, refused: Any) -> None:
    names = ("KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled")
    url = queue(KmsMasterKeyId="alias/aws/sqs")
    with_key = {"KmsMasterKeyId": "alias/aws/sqs", "KmsDataKeyReusePeriodSeconds": "300"}
    assert told(sqs, url, *names) == with_key | {"SqsManagedSseEnabled": "false"}
    with refused("InvalidAttributeValue", "You can either enable KMS SSE or SQS SSE."):
        queue(KmsMasterKeyId="alias/aws/sqs", SqsManagedSseEnabled="true")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"SqsManagedSseEnabled": "true"})
    assert told(sqs, url, *names)["SqsManagedSseEnabled"] == "true"
    assert "KmsMasterKeyId" not in told(sqs, url, *names)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"KmsMasterKeyId": "alias/mine"})
    assert told(sqs, url, *names)["SqsManagedSseEnabled"] == "false"
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"KmsMasterKeyId": ""})
    assert "KmsMasterKeyId" not in told(sqs, url, *names)


def test_permissions_are_statements_of_the_policy(sqs: Any, queue: Any, arn: Any) -> None:
    url = queue()
    sqs.add_permission(QueueUrl=url, Label="Alice", AWSAccountIds=["111122223333"], Actions=["SendMessage"])
    sqs.add_permission(
        QueueUrl=url, Label="both", AWSAccountIds=["111122223333", "444455556666"], Actions=["ReceiveMessage", "*"]
    )
    assert json.loads(told(sqs, url, "Policy")["Policy"]) == {
        "Version": "2012-10-17",
        "Id": f"{arn(url)}/SQSDefaultPolicy",
        "Statement": [
            {
                "Sid": "Alice",
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
                "Action": "SQS:SendMessage",
                "Resource": arn(url),
            },
            {
                "Sid": "both",
                "Effect": "Allow",
                "Principal": {"AWS": ["arn:aws:iam::111122223333:root", "arn:aws:iam::444455556666:root"]},
                "Action": ["SQS:ReceiveMessage", "SQS:*"],
                "Resource": arn(url),
            },
        ],
    }
    for label in ("Alice", "both"):
        sqs.remove_permission(QueueUrl=url, Label=label)
    assert told(sqs, url, "Policy") == {}


def test_permissions_have_limits(sqs: Any, queue: Any, refused: Any) -> None:
    url = queue()
    good: dict[str, Any] = {"Label": "a", "AWSAccountIds": ["111122223333"], "Actions": ["SendMessage"]}
    sqs.add_permission(QueueUrl=url, **good)
    for code, reason, change in [
        ("InvalidParameterValue", "Value a for parameter Label is invalid. Reason: Already exists.", {}),
        ("InvalidParameterValue", "parameter Label", {"Label": "a b"}),
        ("InvalidParameterValue", "Value [12] for parameter PrincipalId is invalid.", {"AWSAccountIds": ["12"]}),
        ("InvalidParameterValue", "Only the queue owner is allowed to invoke this", {"Actions": ["DeleteQueue"]}),
        ("MissingParameter", "The request must contain the parameter Actions.", {"Actions": []}),
        ("OverLimit", "8 Actions were found, maximum allowed is 7.", {"Actions": ["SendMessage"] * 8}),
    ]:  # fmt: skip
        with refused(code, reason):
            sqs.add_permission(
                QueueUrl=url, **good | ({"Label": "b"} if "Label" not in change and change else {}) | change
            )
    with refused("InvalidParameterValue", "can't find label on existing policy"):
        sqs.remove_permission(QueueUrl=url, Label="never")
    for number in range(19):
        sqs.add_permission(QueueUrl=url, **good | {"Label": str(number)})
    with refused("OverLimit", "maximum allowed is 20"):
        sqs.add_permission(QueueUrl=url, **good | {"Label": "too-much"})
