"""FIFO queues (Developer Guide, "Amazon SQS FIFO queues"): order, exactly-once processing, receive attempts."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest


@pytest.fixture
def send(sqs: Any) -> Any:
    """`send(url, "a1", "b1")` sends to the groups `a` and `b`."""

    def send(url: str, *bodies: str, **options: Any) -> list[dict[str, Any]]:
        return [
            sqs.send_message(
                QueueUrl=url,
                **{"MessageBody": body, "MessageGroupId": body[0], "MessageDeduplicationId": body, **options},
            )
            for body in bodies
        ]

    return send


# Order


def test_messages_come_in_the_order_of_their_group(sqs: Any, queue: Any, send: Any, receive: Any) -> None:
    url = queue(fifo=True)
    sent = send(url, *[f"a{n}" for n in range(5)])
    messages = receive(url)
    assert [message["Body"] for message in messages] == [f"a{n}" for n in range(5)]
    numbers = [message["Attributes"]["SequenceNumber"] for message in messages]
    assert numbers == [answer["SequenceNumber"] for answer in sent] == sorted(numbers)
    assert all(len(number) == 20 and number.isdigit() for number in numbers)
    attributes = messages[0]["Attributes"]
    assert (attributes["MessageGroupId"], attributes["MessageDeduplicationId"]) == ("a", "a0")


def test_a_receive_takes_as_many_of_a_group_as_it_can(sqs: Any, queue: Any, send: Any, bodies: Any) -> None:
    url = queue(fifo=True)
    send(url, "a1", "b1", "a2", "b2", "a3")
    assert bodies(url, 4) == ["a1", "a2", "a3", "b1"]


def test_a_group_is_blocked_while_one_of_its_messages_is_in_flight(
    sqs: Any, queue: Any, send: Any, receive: Any, bodies: Any
) -> None:
    url = queue(fifo=True)
    send(url, "a1", "a2", "b1", "a3", "c1")
    first, second = receive(url, 2)
    assert [first["Body"], second["Body"]] == ["a1", "a2"]
    assert bodies(url, 1) == ["b1"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=second["ReceiptHandle"])
    assert bodies(url) == ["c1"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    assert bodies(url) == ["a3"]


def test_what_becomes_visible_again_comes_first(
    sqs: Any, queue: Any, send: Any, receive: Any, bodies: Any, counts: Any, clock: Any
) -> None:
    url = queue(fifo=True)
    send(url, "a1", "a2", "a3", "a4")
    first, second = receive(url, 2)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=60)
    clock.advance(30)
    assert counts(url) == (3, 1, 0)
    assert bodies(url) == []  # a1 is still in flight, and a2 must not overtake it
    clock.advance(30)
    assert counts(url) == (4, 0, 0)
    again = receive(url)
    assert [message["Body"] for message in again] == ["a1", "a2", "a3", "a4"]
    assert [message["Attributes"]["ApproximateReceiveCount"] for message in again] == ["2", "2", "1", "1"]
    assert second["Attributes"]["ApproximateReceiveCount"] == "1"


def test_a_message_given_back_is_received_at_once(sqs: Any, queue: Any, send: Any, receive: Any, counts: Any) -> None:
    url = queue(fifo=True)
    send(url, "a1", "a2")
    [message] = receive(url, 1)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    assert counts(url) == (2, 0, 0)
    assert [message["Body"] for message in receive(url)] == ["a1", "a2"]


def test_a_handle_expires_when_its_message_is_visible_again(
    sqs: Any, queue: Any, send: Any, receive: Any, counts: Any, refused: Any, clock: Any
) -> None:
    url = queue(fifo=True)
    send(url, "a1")
    handle = receive(url)[0]["ReceiptHandle"]
    clock.advance(30)
    expired = f"Value {handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired."
    with refused("InvalidParameterValue", expired):
        sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
    [again] = receive(url, VisibilityTimeout=60)
    with refused("InvalidParameterValue", expired):
        sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
    with refused("InvalidParameterValue", expired):
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=5)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"])
    sqs.delete_message(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"])
    assert counts(url) == (0, 0, 0)
    with refused("InvalidParameterValue", "Message does not exist"):
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"], VisibilityTimeout=5)


def test_expired_messages_free_their_group(
    sqs: Any, queue: Any, send: Any, receive: Any, bodies: Any, counts: Any, clock: Any
) -> None:
    url = queue(fifo=True, MessageRetentionPeriod=60)
    send(url, "a1", "b1")
    receive(url, 1, VisibilityTimeout=70)
    clock.advance(40)
    send(url, "a2", "b2")
    clock.advance(30)
    assert counts(url) == (2, 0, 0)
    assert bodies(url) == ["a2", "b2"]


# Required and refused


def test_a_message_needs_a_group(sqs: Any, queue: Any, refused: Any) -> None:
    url = queue(fifo=True)
    with refused("MissingParameter", "The request must contain the parameter MessageGroupId."):
        sqs.send_message(QueueUrl=url, MessageBody="x", MessageDeduplicationId="x")


@pytest.mark.parametrize("parameter", ["MessageGroupId", "MessageDeduplicationId"])
def test_ids_have_1_to_128_printable_characters(sqs: Any, queue: Any, send: Any, refused: Any, parameter: str) -> None:
    url = queue(fifo=True)
    send(url, "a", **{parameter: "!~" * 64})
    for wrong in ("x" * 129, "a b", "ä"):
        with refused("InvalidParameterValue", f"for parameter {parameter} is invalid."):
            send(url, "a", **{parameter: wrong})


def test_a_message_may_not_be_delayed_but_a_queue_may(
    sqs: Any, queue: Any, send: Any, bodies: Any, counts: Any, refused: Any, clock: Any
) -> None:
    # Study notes say that FIFO queues know no delay: it is the delay of a single message that they refuse.
    url = queue(fifo=True, DelaySeconds=10)
    with refused("InvalidParameterValue", "The request include parameter that is not valid for this queue type"):
        send(url, "x", DelaySeconds=5)
    send(url, "a1", "b1")
    clock.advance(5)
    send(url, "a2")
    assert counts(url) == (0, 0, 3)
    assert bodies(url) == []
    clock.advance(5)
    assert counts(url) == (2, 0, 1)
    assert bodies(url, VisibilityTimeout=0) == ["a1", "b1"]
    clock.advance(5)
    assert counts(url) == (3, 0, 0)
    assert bodies(url) == ["a1", "a2", "b1"]


def test_a_changed_delay_concerns_the_messages_that_are_there(
    sqs: Any, queue: Any, send: Any, bodies: Any, counts: Any, clock: Any
) -> None:
    url = queue(fifo=True, DelaySeconds=60)
    send(url, "a1")
    clock.advance(20)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "90"})
    clock.advance(60)
    assert counts(url) == (0, 0, 1)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "0"})
    assert counts(url) == (1, 0, 0)
    assert bodies(url) == ["a1"]


# Exactly once


def test_a_message_sent_again_within_5_minutes_is_not_delivered(
    sqs: Any, queue: Any, send: Any, receive: Any, counts: Any, clock: Any
) -> None:
    url = queue(fifo=True)
    [first] = send(url, "a1")
    clock.advance(299)
    [second] = send(url, "b2", MessageDeduplicationId="a1")
    assert (second["MessageId"], second["SequenceNumber"]) == (first["MessageId"], first["SequenceNumber"])
    assert second["MD5OfMessageBody"] == hashlib.md5(b"b2").hexdigest()
    assert counts(url) == (1, 0, 0)
    clock.advance(1)
    [third] = send(url, "a1")
    assert third["MessageId"] != first["MessageId"]
    assert counts(url) == (2, 0, 0)


def test_a_message_stays_known_when_it_is_deleted_or_purged(
    sqs: Any, queue: Any, send: Any, receive: Any, counts: Any
) -> None:
    url = queue(fifo=True)
    send(url, "a1", "b1")
    sqs.delete_message(QueueUrl=url, ReceiptHandle=receive(url, 1)[0]["ReceiptHandle"])
    sqs.purge_queue(QueueUrl=url)
    send(url, "a1", "b1")
    assert counts(url) == (0, 0, 0)


def test_content_identifies_a_message_if_the_queue_says_so(
    sqs: Any, queue: Any, receive: Any, counts: Any, refused: Any
) -> None:
    url = queue(fifo=True)
    with refused(
        "InvalidParameterValue",
        "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
    ):
        sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="g")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"ContentBasedDeduplication": "true"})
    attribute = {"a": {"DataType": "String", "StringValue": "x"}}
    sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="g", MessageAttributes=attribute)
    sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="g")
    digest = hashlib.sha256(b"x").hexdigest()
    sqs.send_message(QueueUrl=url, MessageBody="y", MessageGroupId="g", MessageDeduplicationId=digest)
    sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="g", MessageDeduplicationId="another")
    assert counts(url) == (2, 0, 0)
    assert receive(url)[0]["Attributes"]["MessageDeduplicationId"] == digest


def test_duplicates_are_sought_in_the_whole_queue_or_in_the_group(sqs: Any, queue: Any, send: Any, counts: Any) -> None:
    for scope, expected in (("queue", 1), ("messageGroup", 2)):
        url = queue(fifo=True, DeduplicationScope=scope)
        send(url, "a", "b", MessageDeduplicationId="same")
        send(url, "a", "b", MessageDeduplicationId="same")
        assert counts(url) == (expected, 0, 0)


def test_a_batch_deduplicates_and_keeps_its_order(sqs: Any, queue: Any, bodies: Any) -> None:
    url = queue(fifo=True)
    entries = [
        {"Id": str(n), "MessageBody": body, "MessageGroupId": "g", "MessageDeduplicationId": body}
        for n, body in enumerate("abacb")
    ]
    answer = sqs.send_message_batch(QueueUrl=url, Entries=entries)
    ids = [entry["MessageId"] for entry in answer["Successful"]]
    assert ids[0] == ids[2]
    assert ids[1] == ids[4]
    assert bodies(url) == ["a", "b", "c"]


def test_a_new_queue_of_the_same_name_remembers_nothing(
    sqs: Any, queue: Any, send: Any, counts: Any, clock: Any
) -> None:
    url = queue(fifo=True, name="forgetful.fifo")
    send(url, "a1")
    sqs.delete_queue(QueueUrl=url)
    clock.advance(60)
    queue(fifo=True, name="forgetful.fifo")
    send(url, "a1")
    assert counts(url) == (1, 0, 0)


# Receive attempts


def test_a_repeated_attempt_gets_the_same_messages(
    sqs: Any, queue: Any, send: Any, receive: Any, counts: Any, clock: Any
) -> None:
    url = queue(fifo=True)
    send(url, "a1", "a2", "b1", "c1")
    first = receive(url, 3, ReceiveRequestAttemptId="try")
    clock.advance(20)
    again = receive(url, 3, ReceiveRequestAttemptId="try")
    assert again == first
    assert [message["Body"] for message in again] == ["a1", "a2", "b1"]
    clock.advance(20)  # the attempt has set the timeout anew
    assert counts(url) == (1, 3, 0)
    for message in again:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert [message["Body"] for message in receive(url, ReceiveRequestAttemptId="try")] == ["c1"]


def test_an_attempt_cannot_be_repeated_after_a_message_was_touched_or_5_minutes_have_passed(
    sqs: Any, queue: Any, send: Any, receive: Any, bodies: Any, clock: Any
) -> None:
    url = queue(fifo=True, VisibilityTimeout=600)
    send(url, "a1", "b1", "c1")
    held = receive(url, 2, ReceiveRequestAttemptId="try")
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=held[0]["ReceiptHandle"], VisibilityTimeout=500)
    assert bodies(url, ReceiveRequestAttemptId="try") == ["c1"]
    assert bodies(url, ReceiveRequestAttemptId="try") == ["c1"]
    clock.advance(300)
    assert bodies(url, ReceiveRequestAttemptId="try") == []


def test_attempts_are_for_fifo_queues(sqs: Any, queue: Any, refused: Any) -> None:
    with refused("InvalidParameterValue", "The request include parameter that is not valid for this queue type"):
        sqs.receive_message(QueueUrl=queue(), ReceiveRequestAttemptId="x")


def test_a_long_poll_ends_when_a_group_goes_on(sqs: Any, queue: Any, send: Any, receive: Any, clock: Any) -> None:
    from .test_receiving import Poll

    url = queue(fifo=True)
    send(url, "a1", "a2")
    [held] = receive(url, 1)
    poll = Poll(sqs, url, WaitTimeSeconds=10)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=held["ReceiptHandle"])
    assert poll.result() == ["a2"]
    poll = Poll(sqs, url, WaitTimeSeconds=10)
    clock.advance(30)
    assert poll.result() == ["a2"]
    assert poll.took < 5
