"""Receiving, deleting, and visibility (API reference, ReceiveMessage, DeleteMessage, ChangeMessageVisibility)."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pileus.services.sqs import receiving


def text(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": value}


def send(sqs: Any, url: str, *bodies: str) -> None:
    for body in bodies:
        sqs.send_message(QueueUrl=url, MessageBody=body)


# What is received


def test_a_queue_gives_its_oldest_messages_first(sqs: Any, queue: Any, bodies: Any, counts: Any) -> None:
    url = queue()
    send(sqs, url, *"abcdefghijkl")
    assert counts(url) == (12, 0, 0)
    assert bodies(url, 1) == ["a"]
    assert bodies(url, 10) == list("bcdefghijk")
    assert bodies(url, 10) == ["l"]
    assert bodies(url, 10) == []
    assert counts(url) == (0, 12, 0)


def test_an_empty_answer_has_no_messages(sqs: Any, queue: Any) -> None:
    assert "Messages" not in sqs.receive_message(QueueUrl=queue())


def test_a_message_tells_of_itself_only_what_is_asked(sqs: Any, queue: Any) -> None:
    url = queue(VisibilityTimeout=0)
    attributes = {name: text("x") for name in ("color", "color.dark", "color.light", "size")}
    sqs.send_message(QueueUrl=url, MessageBody="x", MessageAttributes=attributes)

    def asked(**names: list[str]) -> dict[str, Any]:
        [message] = sqs.receive_message(QueueUrl=url, **names)["Messages"]
        return dict(message)

    assert set(asked()) == {"MessageId", "ReceiptHandle", "MD5OfBody", "Body"}
    assert set(asked(AttributeNames=["SenderId"])["Attributes"]) == {"SenderId"}
    assert set(asked(MessageSystemAttributeNames=["SentTimestamp"])["Attributes"]) == {"SentTimestamp"}
    both = asked(AttributeNames=["SenderId"], MessageSystemAttributeNames=["ApproximateReceiveCount"])
    assert set(both["Attributes"]) == {"SenderId", "ApproximateReceiveCount"}
    for names, found in [
        (["All"], set(attributes)),
        ([".*"], set(attributes)),
        (["color"], {"color"}),
        (["color.*"], {"color.dark", "color.light"}),
        (["size", "color.*", "shape"], {"size", "color.dark", "color.light"}),
    ]:
        assert set(asked(MessageAttributeNames=names)["MessageAttributes"]) == found
    assert "MessageAttributes" not in asked(MessageAttributeNames=["shape"])


def test_an_attribute_that_messages_do_not_have(sqs: Any, queue: Any, refused: Any) -> None:
    with refused("InvalidAttributeName", "Unknown Attribute Nonsense."):
        sqs.receive_message(QueueUrl=queue(), AttributeNames=["Nonsense"])


@pytest.mark.parametrize(
    ("parameter", "value", "reason"),
    [
        ("MaxNumberOfMessages", 0, "Must be between 1 and 10, if provided."),
        ("MaxNumberOfMessages", 11, "Must be between 1 and 10, if provided."),
        ("VisibilityTimeout", -1, "Must be between 0 and 43200, if provided."),
        ("VisibilityTimeout", 43201, "Must be between 0 and 43200, if provided."),
        ("WaitTimeSeconds", -1, "Must be >= 0 and <= 20, if provided."),
        ("WaitTimeSeconds", 21, "Must be >= 0 and <= 20, if provided."),  # a long poll lasts 20 seconds at most
    ],
)
def test_numbers_have_a_range(sqs: Any, queue: Any, refused: Any, parameter: str, value: int, reason: str) -> None:
    with refused("InvalidParameterValue", f"Value {value} for parameter {parameter} is invalid. Reason: {reason}"):
        sqs.receive_message(QueueUrl=queue(), **{parameter: value})


# Visibility


def test_received_messages_are_hidden_and_come_back_unless_they_are_deleted(
    sqs: Any, queue: Any, receive: Any, counts: Any, clock: Any, timestamp: Any
) -> None:
    url = queue()
    send(sqs, url, "work")
    [first] = receive(url)
    sent = timestamp()
    clock.advance(29)
    assert receive(url) == []
    clock.advance(1)
    assert counts(url) == (1, 0, 0)
    [second] = receive(url)
    assert second["MessageId"] == first["MessageId"]
    assert second["ReceiptHandle"] != first["ReceiptHandle"]
    assert second["Attributes"]["ApproximateReceiveCount"] == "2"
    assert second["Attributes"]["ApproximateFirstReceiveTimestamp"] == sent
    sqs.delete_message(QueueUrl=url, ReceiptHandle=second["ReceiptHandle"])
    clock.advance(3600)
    assert receive(url) == []
    assert counts(url) == (0, 0, 0)


def test_a_receive_may_set_its_own_timeout(sqs: Any, queue: Any, bodies: Any, clock: Any) -> None:
    url = queue(VisibilityTimeout=100)
    send(sqs, url, "x")
    assert bodies(url, VisibilityTimeout=0) == ["x"]
    assert bodies(url, VisibilityTimeout=5) == ["x"]
    clock.advance(5)
    assert bodies(url) == ["x"]
    clock.advance(99)
    assert bodies(url) == []
    clock.advance(1)
    assert bodies(url, VisibilityTimeout=43200) == ["x"]
    clock.advance(43199)
    assert bodies(url) == []


def test_what_comes_back_keeps_its_place_in_line(sqs: Any, queue: Any, bodies: Any, clock: Any) -> None:
    url = queue()
    send(sqs, url, "old", "middle")
    assert bodies(url, 1) == ["old"]
    clock.advance(10)
    send(sqs, url, "new")
    clock.advance(20)
    assert bodies(url) == ["old", "middle", "new"]


def test_visibility_can_be_prolonged_and_shortened(sqs: Any, queue: Any, receive: Any, counts: Any, clock: Any) -> None:
    url = queue()
    send(sqs, url, "x")
    handle = receive(url)[0]["ReceiptHandle"]
    for seconds in (60, 50):
        clock.advance(20)
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=seconds)
    clock.advance(49)
    assert counts(url) == (0, 1, 0)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
    assert counts(url) == (1, 0, 0)
    [again] = receive(url)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"], VisibilityTimeout=90)
    clock.advance(60)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"])
    assert counts(url) == (0, 0, 0)


def test_12_hours_after_a_receive_its_visibility_ends(
    sqs: Any, queue: Any, receive: Any, refused: Any, clock: Any
) -> None:
    url = queue(VisibilityTimeout=7200)
    send(sqs, url, "x")
    handle = receive(url)[0]["ReceiptHandle"]
    clock.advance(3600)
    beyond = "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]."
    with refused("InvalidParameterValue", beyond):
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=39601)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=39600)
    with refused("InvalidParameterValue", "Value 43201 for parameter VisibilityTimeout is invalid."):
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=43201)


def test_visibility_of_what_is_not_in_flight(sqs: Any, queue: Any, receive: Any, refused: Any, clock: Any) -> None:
    url = queue()
    send(sqs, url, "x")
    handle = receive(url)[0]["ReceiptHandle"]
    clock.advance(30)
    with refused("AWS.SimpleQueueService.MessageNotInflight"):
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=5)
    assert len(receive(url)) == 1
    gone = f"Value {handle} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available"
    with refused("InvalidParameterValue", gone):
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=5)


# Deleting


def test_deleting_twice_is_fine(sqs: Any, queue: Any, receive: Any, counts: Any) -> None:
    url = queue()
    send(sqs, url, "x", "y")
    handle = receive(url, 1)[0]["ReceiptHandle"]
    for _ in range(2):
        sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
    assert counts(url) == (1, 0, 0)


def test_an_old_handle_deletes_until_the_message_is_received_again(
    sqs: Any, queue: Any, receive: Any, counts: Any, clock: Any
) -> None:
    url = queue()
    send(sqs, url, "x", "y")
    x, y = (message["ReceiptHandle"] for message in receive(url))
    clock.advance(30)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=x)
    assert counts(url) == (1, 0, 0)
    assert [message["Body"] for message in receive(url)] == ["y"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=y)  # succeeds, but might not delete, says the API reference
    assert counts(url) == (0, 1, 0)


@pytest.mark.parametrize("handle", ["", "x", "AQEB", "é", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"])
def test_a_text_that_is_no_receipt_handle(sqs: Any, queue: Any, refused: Any, handle: str) -> None:
    url = queue()
    message = f'The input receipt handle "{handle}" is not a valid receipt handle.'
    with refused("ReceiptHandleIsInvalid", message):
        sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
    with refused("ReceiptHandleIsInvalid", message):
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=1)


def test_a_handle_is_good_only_for_its_queue(sqs: Any, queue: Any, receive: Any, refused: Any) -> None:
    url = queue()
    send(sqs, url, "x")
    handle = receive(url)[0]["ReceiptHandle"]
    with refused("ReceiptHandleIsInvalid"):
        sqs.delete_message(QueueUrl=queue(), ReceiptHandle=handle)


def test_messages_are_deleted_and_prolonged_in_batches(
    sqs: Any, queue: Any, receive: Any, counts: Any, clock: Any
) -> None:
    url = queue()
    send(sqs, url, *"abc")
    a, b, c = (message["ReceiptHandle"] for message in receive(url))
    answer = sqs.change_message_visibility_batch(
        QueueUrl=url,
        Entries=[
            {"Id": "a", "ReceiptHandle": a, "VisibilityTimeout": 100},
            {"Id": "b", "ReceiptHandle": b, "VisibilityTimeout": 43201},
            {"Id": "c", "ReceiptHandle": c, "VisibilityTimeout": 0},
        ],
    )
    assert [entry["Id"] for entry in answer["Successful"]] == ["a", "c"]
    assert [(entry["Id"], entry["Code"]) for entry in answer["Failed"]] == [("b", "InvalidParameterValue")]
    assert counts(url) == (1, 2, 0)
    entries = [{"Id": "1", "ReceiptHandle": a}, {"Id": "2", "ReceiptHandle": "x"}, {"Id": "3", "ReceiptHandle": c}]
    answer = sqs.delete_message_batch(QueueUrl=url, Entries=entries)
    assert [entry["Id"] for entry in answer["Successful"]] == ["1", "3"]
    assert [(entry["Id"], entry["Code"]) for entry in answer["Failed"]] == [("2", "ReceiptHandleIsInvalid")]
    answer = sqs.delete_message_batch(QueueUrl=url, Entries=[{"Id": "1", "ReceiptHandle": "x"}])
    assert [(entry["Id"], entry["Code"]) for entry in answer["Failed"]] == [("1", "ReceiptHandleIsInvalid")]
    clock.advance(30)
    assert counts(url) == (1, 0, 0)


# Retention


def test_messages_are_gone_when_their_retention_has_passed(
    sqs: Any, queue: Any, bodies: Any, counts: Any, clock: Any
) -> None:
    url = queue()
    send(sqs, url, "old")
    clock.advance(4 * 86400 - 60)
    send(sqs, url, "new")
    assert counts(url) == (2, 0, 0)
    clock.advance(60.001)
    assert counts(url) == (1, 0, 0)
    assert bodies(url) == ["new"]


def test_a_shorter_retention_concerns_the_messages_that_are_there(
    sqs: Any, queue: Any, bodies: Any, counts: Any, clock: Any
) -> None:
    url = queue(MessageRetentionPeriod=1_209_600)
    send(sqs, url, "x")
    clock.advance(100)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"MessageRetentionPeriod": "60"})
    assert bodies(url) == []
    assert counts(url) == (0, 0, 0)


def test_a_message_in_flight_does_not_outlive_its_retention(
    sqs: Any, queue: Any, bodies: Any, counts: Any, clock: Any
) -> None:
    url = queue(MessageRetentionPeriod=60)
    send(sqs, url, "x")
    assert bodies(url, VisibilityTimeout=100) == ["x"]
    clock.advance(100)
    assert bodies(url) == []
    assert counts(url) == (0, 0, 0)


def test_many_that_are_due_at_once_are_all_there(sqs: Any, queue: Any, bodies: Any, counts: Any, clock: Any) -> None:
    url = queue()
    for start in range(0, 250, 10):
        entries = [{"Id": str(n), "MessageBody": str(n), "DelaySeconds": 60} for n in range(start, start + 10)]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)
    clock.advance(60)
    seen = [body for _ in range(25) for body in bodies(url, VisibilityTimeout=900)]
    assert sorted(map(int, seen)) == list(range(250))
    assert counts(url) == (0, 250, 0)
    clock.advance(900)
    assert counts(url) == (250, 0, 0)
    clock.advance(14 * 86400)
    assert bodies(url) == []
    assert counts(url) == (0, 0, 0)


def test_large_messages_come_back_whole_and_go_for_good(
    sqs: Any, queue: Any, receive: Any, counts: Any, clock: Any
) -> None:
    url = queue()
    body = "0123456789" * 20_000
    sqs.send_message(QueueUrl=url, MessageBody=body, MessageAttributes={"a": text("x")})
    for _ in range(3):
        [message] = receive(url)
        assert message["Body"] == body
        assert message["MessageAttributes"] == {"a": text("x")}
        clock.advance(30)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert counts(url) == (0, 0, 0)


# In flight


@pytest.fixture
def few_in_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "MOST_IN_FLIGHT", 3)


@pytest.mark.usefixtures("few_in_flight")
def test_a_short_poll_is_told_that_too_many_messages_are_in_flight(
    sqs: Any, queue: Any, receive: Any, bodies: Any, refused: Any
) -> None:
    assert receiving.MOST_IN_FLIGHT == 3  # 120,000 messages on AWS
    url = queue()
    send(sqs, url, *"abcd")
    held = receive(url)
    assert [message["Body"] for message in held] == ["a", "b", "c"]
    with refused("OverLimit"):
        sqs.receive_message(QueueUrl=url)
    assert bodies(url, WaitTimeSeconds=1) == []
    sqs.delete_message(QueueUrl=url, ReceiptHandle=held[0]["ReceiptHandle"])
    assert bodies(url) == ["d"]


@pytest.mark.usefixtures("few_in_flight")
def test_a_fifo_queue_only_answers_nothing(sqs: Any, queue: Any, bodies: Any) -> None:
    url = queue(fifo=True)
    for body in "abcd":
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=body, MessageDeduplicationId=body)
    assert bodies(url) == ["a", "b", "c"]
    assert bodies(url) == []


# Long polls


class Poll(threading.Thread):
    """A consumer that waits for messages in a thread of its own."""

    def __init__(self, sqs: Any, url: str, **options: Any) -> None:
        super().__init__(daemon=True)
        self.answer: list[str] | None = None
        self.error = ""
        self.took = 0.0
        self._receive = lambda: sqs.receive_message(QueueUrl=url, **options)
        self.start()
        time.sleep(0.15)  # until it waits; were it late, the message would be there at once, and nothing go wrong

    def run(self) -> None:
        start = time.monotonic()
        try:
            self.answer = [message["Body"] for message in self._receive().get("Messages", [])]
        except ClientError as error:
            self.error = error.response["Error"]["Code"]
        self.took = time.monotonic() - start

    def result(self) -> list[str] | None:
        self.join(10)
        return self.answer


def test_a_long_poll_ends_with_the_message_that_arrives(sqs: Any, queue: Any) -> None:
    url = queue(ReceiveMessageWaitTimeSeconds=20)
    poll = Poll(sqs, url)
    assert poll.answer is None
    send(sqs, url, "news")
    assert poll.result() == ["news"]
    assert poll.took < 5


def test_a_long_poll_ends_empty_when_its_time_is_over(sqs: Any, queue: Any) -> None:
    poll = Poll(sqs, queue(), WaitTimeSeconds=1)
    assert poll.result() == []
    assert poll.took >= 1


def test_a_request_may_wait_less_than_its_queue_says(sqs: Any, queue: Any) -> None:
    assert "Messages" not in sqs.receive_message(QueueUrl=queue(ReceiveMessageWaitTimeSeconds=20), WaitTimeSeconds=0)


def test_each_message_goes_to_one_of_those_who_wait(sqs: Any, queue: Any) -> None:
    url = queue()
    polls = [Poll(sqs, url, WaitTimeSeconds=5) for _ in range(3)]
    send(sqs, url, *"abc")
    assert sorted(body for poll in polls for body in poll.result() or ["none"]) == ["a", "b", "c"]


def test_a_long_poll_ends_when_a_message_becomes_visible(sqs: Any, queue: Any, receive: Any, clock: Any) -> None:
    url = queue(VisibilityTimeout=3600)
    send(sqs, url, "x", "y")
    handle = receive(url, 1)[0]["ReceiptHandle"]
    receive(url, 1)
    poll = Poll(sqs, url, WaitTimeSeconds=10)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
    assert poll.result() == ["x"]
    poll = Poll(sqs, url, WaitTimeSeconds=10)
    clock.advance(3600)
    assert poll.result() in (["x"], ["y"])
    assert poll.took < 5


def test_a_long_poll_learns_of_what_was_hidden_after_it_began(sqs: Any, queue: Any, clock: Any) -> None:
    url = queue()
    poll = Poll(sqs, url, WaitTimeSeconds=10)
    sqs.send_message(QueueUrl=url, MessageBody="later", DelaySeconds=600)
    clock.advance(599)
    assert poll.answer is None
    clock.advance(1)
    assert poll.result() == ["later"]
    assert poll.took < 5


def test_a_long_poll_fails_when_its_queue_is_deleted(sqs: Any, queue: Any) -> None:
    url = queue()
    poll = Poll(sqs, url, WaitTimeSeconds=10)
    sqs.delete_queue(QueueUrl=url)
    assert poll.result() is None
    assert poll.error == "AWS.SimpleQueueService.NonExistentQueue"
    assert poll.took < 5
