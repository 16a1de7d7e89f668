"""Dead letters and the way back (Developer Guide, "Using dead-letter queues in Amazon SQS")."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest

import pileus


def to(target: str, most: Any = 2) -> str:
    return json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": most}, separators=(",", ":"))


@pytest.fixture
def pair(sqs: Any, queue: Any, arn: Any) -> Any:
    """A queue and its dead-letter queue."""

    def make(fifo: bool = False, most: int = 2, **attributes: Any) -> tuple[str, str]:
        dead = queue(fifo=fifo, **attributes)
        return queue(fifo=fifo, RedrivePolicy=to(arn(dead), most)), dead

    return make


def send(sqs: Any, url: str, *bodies: str) -> None:
    for body in bodies:
        fifo = {"MessageGroupId": body[0], "MessageDeduplicationId": body} if url.endswith(".fifo") else {}
        sqs.send_message(QueueUrl=url, MessageBody=body, **fifo)


# The way to the dead-letter queue


@pytest.mark.parametrize("fifo", [False, True])
def test_a_message_moves_when_it_would_be_received_once_too_often(
    sqs: Any, pair: Any, arn: Any, receive: Any, bodies: Any, counts: Any, clock: Any, fifo: bool
) -> None:
    url, dead = pair(fifo)
    send(sqs, url, "a1")
    for _ in range(2):
        [message] = receive(url)
        assert counts(dead) == (0, 0, 0)
        clock.advance(30)
    send(sqs, url, "a2")
    assert counts(url) == (2, 0, 0)
    assert bodies(url) == ["a2"]
    assert counts(url) == (0, 1, 0)
    assert counts(dead) == (1, 0, 0)
    [letter] = receive(dead)
    assert letter["Body"] == "a1"
    assert letter["MessageId"] == message["MessageId"]
    assert letter["Attributes"]["DeadLetterQueueSourceArn"] == arn(url)
    assert letter["Attributes"]["ApproximateReceiveCount"] == "3"  # across all queues
    sqs.delete_message(QueueUrl=dead, ReceiptHandle=letter["ReceiptHandle"])
    assert counts(dead) == (0, 0, 0)


def test_a_dead_letter_may_die_again(sqs: Any, queue: Any, pair: Any, arn: Any, receive: Any, counts: Any) -> None:
    url, dead = pair(most=3)
    grave = queue()
    sqs.set_queue_attributes(QueueUrl=dead, Attributes={"RedrivePolicy": to(arn(grave), 1)})
    send(sqs, url, "x")
    for _ in range(4):
        receive(url, VisibilityTimeout=0)
    assert [counts(one) for one in (url, dead, grave)] == [(0, 0, 0), (1, 0, 0), (0, 0, 0)]
    assert len(receive(dead, VisibilityTimeout=0)) == 1
    assert receive(dead, VisibilityTimeout=0) == []
    [letter] = receive(grave)
    assert letter["Attributes"]["DeadLetterQueueSourceArn"] == arn(dead)


def test_a_dead_letter_keeps_its_age(
    sqs: Any, pair: Any, receive: Any, counts: Any, clock: Any, timestamp: Any
) -> None:
    url, dead = pair(most=1, MessageRetentionPeriod=100)
    send(sqs, url, "x")
    sent = timestamp()
    receive(url)
    clock.advance(80)
    receive(url)
    assert receive(dead, VisibilityTimeout=0)[0]["Attributes"]["SentTimestamp"] == sent
    clock.advance(21)
    assert counts(dead) == (0, 0, 0)


def test_on_fifo_queues_a_dead_letters_age_starts_anew(
    sqs: Any, pair: Any, receive: Any, counts: Any, clock: Any
) -> None:
    url, dead = pair(True, most=1, MessageRetentionPeriod=100)
    send(sqs, url, "x")
    receive(url)
    clock.advance(80)
    receive(url)
    clock.advance(100)
    assert counts(dead) == (1, 0, 0)
    clock.advance(1)
    assert counts(dead) == (0, 0, 0)


def test_messages_stay_when_the_dead_letter_queue_is_gone(sqs: Any, pair: Any, bodies: Any, clock: Any) -> None:
    url, dead = pair(most=1)
    send(sqs, url, "x")
    sqs.delete_queue(QueueUrl=dead)
    for _ in range(3):
        assert bodies(url, VisibilityTimeout=0) == ["x"]


def test_without_a_policy_messages_come_back_for_ever(sqs: Any, pair: Any, bodies: Any) -> None:
    url, _ = pair(most=1)
    send(sqs, url, "x")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": ""})
    for _ in range(3):
        assert bodies(url, VisibilityTimeout=0) == ["x"]


def test_whoever_waits_at_the_dead_letter_queue_is_woken(sqs: Any, pair: Any, receive: Any) -> None:
    from .test_receiving import Poll

    url, dead = pair(most=1)
    send(sqs, url, "x")
    receive(url, VisibilityTimeout=0)
    poll = Poll(sqs, dead, WaitTimeSeconds=10)
    assert receive(url) == []
    assert poll.result() == ["x"]
    assert poll.took < 5


# The policies


def test_a_redrive_policy_is_told_as_numbers_and_text(sqs: Any, queue: Any, arn: Any) -> None:
    target = arn(queue())
    url = queue(RedrivePolicy=to(target, "5"))
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]["RedrivePolicy"]
    assert json.loads(told) == {"deadLetterTargetArn": target, "maxReceiveCount": 5}


def test_a_redrive_policy_is_checked(sqs: Any, queue: Any, arn: Any, refused: Any) -> None:
    good = arn(queue())
    account = good.split(":")[4]
    for policy, reason in [
        ("x", "Redrive policy is not a valid JSON map."),
        ("[]", "Redrive policy is not a valid JSON map."),
        ("{}", "Redrive policy does not contain mandatory attribute: deadLetterTargetArn."),
        (json.dumps({"deadLetterTargetArn": good}), "does not contain mandatory attribute: maxReceiveCount."),
        (to(good, 0), "Invalid value for maxReceiveCount: 0, valid values are from 1 to 1000 both inclusive."),
        (to(good, 1001), "Invalid value for maxReceiveCount: 1001"),
        (to(good, "x"), "Invalid value for maxReceiveCount: x"),
        (to("x"), "Invalid value for deadLetterTargetArn."),
        (to(good.replace("sqs", "sns")), "Invalid value for deadLetterTargetArn."),
        (to(good.replace(account, "999999999999")), "Dead letter target owner should be same as the source."),
        (to(good.replace("us-east-1", "eu-west-1")), "Dead-letter target must be in same region as the source."),
        (to(good + "-nowhere"), "Dead letter target does not exist."),
        (to(arn(queue(fifo=True))), "Dead-letter queue must be same type of queue as the source."),
    ]:
        with refused("InvalidParameterValue", f"Value {policy} for parameter RedrivePolicy is invalid. Reason: "):
            queue(RedrivePolicy=policy)
        with refused("InvalidParameterValue", reason):
            sqs.set_queue_attributes(QueueUrl=queue(), Attributes={"RedrivePolicy": policy})


def test_a_dead_letter_queue_says_whose_it_is(sqs: Any, queue: Any, arn: Any, refused: Any) -> None:
    dead, source, other = queue(), queue(), queue()

    def allow(permission: str, *sources: str) -> None:
        document: dict[str, Any] = {"redrivePermission": permission} | ({"sourceQueueArns": sources} if sources else {})
        sqs.set_queue_attributes(QueueUrl=dead, Attributes={"RedriveAllowPolicy": json.dumps(document)})

    def use(url: str) -> None:
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": to(arn(dead))})

    allow("denyAll")
    with refused("InvalidParameterValue", "redrive allow policy"):
        use(source)
    allow("byQueue", arn(source))
    use(source)
    with refused("InvalidParameterValue", "redrive allow policy"):
        use(other)
    allow("allowAll")
    use(other)
    sqs.set_queue_attributes(QueueUrl=dead, Attributes={"RedriveAllowPolicy": ""})
    assert "Attributes" not in sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["RedriveAllowPolicy"])


@pytest.mark.parametrize(
    "policy",
    [
        "x",
        {"redrivePermission": "perhaps"},
        {"redrivePermission": "byQueue"},
        {"redrivePermission": "denyAll", "sourceQueueArns": ["arn:aws:sqs:us-east-1:111122223333:a"]},
        {"redrivePermission": "byQueue", "sourceQueueArns": [f"arn:aws:sqs:us-east-1:1:{n}" for n in range(11)]},
        {"redrivePermission": "allowAll", "nonsense": 1},
    ],
)  # fmt: skip
def test_a_redrive_allow_policy_is_checked(queue: Any, refused: Any, policy: Any) -> None:
    with refused("InvalidParameterValue", "for parameter RedriveAllowPolicy is invalid."):
        queue(RedriveAllowPolicy=policy if isinstance(policy, str) else json.dumps(policy))


def test_a_dead_letter_queue_lists_its_sources(sqs: Any, queue: Any, arn: Any) -> None:
    dead = queue()
    sources = sorted(queue(RedrivePolicy=to(arn(dead))) for _ in range(3))
    assert sorted(sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"]) == sources
    pages = sqs.get_paginator("list_dead_letter_source_queues").paginate(
        QueueUrl=dead, PaginationConfig={"PageSize": 2}
    )
    assert [len(page["queueUrls"]) for page in pages] == [2, 1]
    sqs.set_queue_attributes(QueueUrl=sources[0], Attributes={"RedrivePolicy": ""})
    sqs.delete_queue(QueueUrl=sources[1])
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == sources[2:]


# The way back


@pytest.fixture
def bury(sqs: Any, receive: Any) -> Any:
    """Sends messages and lets them die."""

    def bury(url: str, *bodies: str) -> None:
        send(sqs, url, *bodies)
        for _ in range(3):
            receive(url, VisibilityTimeout=0)

    return bury


@pytest.fixture
def task(sqs: Any, arn: Any) -> Any:
    """The last move task of a queue."""

    def last(url: str) -> dict[str, Any]:
        [entry] = sqs.list_message_move_tasks(SourceArn=arn(url))["Results"]
        return dict(entry)

    return last


@pytest.mark.parametrize("fifo", [False, True])
def test_messages_go_back_where_they_came_from(
    sqs: Any,
    pair: Any,
    bury: Any,
    task: Any,
    arn: Any,
    receive: Any,
    counts: Any,
    clock: Any,
    timestamp: Any,
    fifo: bool,
) -> None:
    url, dead = pair(fifo)
    other = pair(fifo)[0]
    sqs.set_queue_attributes(QueueUrl=other, Attributes={"RedrivePolicy": to(arn(dead))})
    bury(url, "a1", "a2", "b1")
    bury(other, "c1")
    assert counts(dead) == (4, 0, 0)
    clock.advance(100)
    handle = sqs.start_message_move_task(SourceArn=arn(dead))["TaskHandle"]
    clock.advance(0)
    assert [counts(one) for one in (url, other, dead)] == [(3, 0, 0), (1, 0, 0), (0, 0, 0)]
    assert task(dead) == {
        "Status": "COMPLETED",
        "SourceArn": arn(dead),
        "ApproximateNumberOfMessagesMoved": 4,
        "ApproximateNumberOfMessagesToMove": 4,
        "StartedTimestamp": int(timestamp()),
    }
    assert handle
    messages = receive(url)
    assert [message["Body"] for message in messages] == ["a1", "a2", "b1"]
    assert {message["Attributes"]["ApproximateReceiveCount"] for message in messages} == {"1"}
    assert {message["Attributes"]["SentTimestamp"] for message in messages} == {timestamp()}
    assert all("DeadLetterQueueSourceArn" not in message["Attributes"] for message in messages)


def test_messages_go_to_another_queue_at_the_rate_that_was_asked_for(
    sqs: Any, queue: Any, pair: Any, bury: Any, task: Any, arn: Any, counts: Any, clock: Any
) -> None:
    url, dead = pair()
    elsewhere = queue()
    bury(url, *[str(n) for n in range(10)])
    handle = sqs.start_message_move_task(
        SourceArn=arn(dead), DestinationArn=arn(elsewhere), MaxNumberOfMessagesPerSecond=3
    )["TaskHandle"]
    for second, moved in enumerate((3, 6, 9, 10)):
        clock.advance(1 if second else 0)
        assert counts(elsewhere) == (moved, 0, 0)
        assert task(dead)["ApproximateNumberOfMessagesMoved"] == moved
        if moved < 10:
            assert (task(dead)["Status"], task(dead)["TaskHandle"]) == ("RUNNING", handle)
    last = task(dead)
    assert (last["Status"], last["DestinationArn"]) == ("COMPLETED", arn(elsewhere))
    assert last["MaxNumberOfMessagesPerSecond"] == 3
    assert "TaskHandle" not in last


def test_a_fast_move_keeps_its_rate_in_small_steps(
    sqs: Any, pair: Any, task: Any, arn: Any, receive: Any, clock: Any
) -> None:
    url, dead = pair(most=1)
    for _ in range(15):
        sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(n), "MessageBody": "x"} for n in range(10)])
    for _ in range(30):
        receive(url, VisibilityTimeout=0)
    sqs.start_message_move_task(SourceArn=arn(dead), MaxNumberOfMessagesPerSecond=100)
    for seconds, moved in ((0, 50), (0.4, 50), (0.1, 100), (0.5, 150)):
        clock.advance(seconds)
        assert task(dead)["ApproximateNumberOfMessagesMoved"] == moved


def test_a_move_can_be_cancelled(
    sqs: Any, pair: Any, bury: Any, task: Any, arn: Any, counts: Any, refused: Any, clock: Any
) -> None:
    url, dead = pair()
    bury(url, *"abcde")
    handle = sqs.start_message_move_task(SourceArn=arn(dead), MaxNumberOfMessagesPerSecond=2)["TaskHandle"]
    clock.advance(0)
    assert sqs.cancel_message_move_task(TaskHandle=handle)["ApproximateNumberOfMessagesMoved"] == 2
    assert task(dead)["Status"] == "CANCELLING"
    clock.advance(1)
    assert task(dead)["Status"] == "CANCELLED"
    clock.advance(10)
    assert counts(dead) == (3, 0, 0)
    with refused("AWS.SimpleQueueService.UnsupportedOperation", "Only active tasks can be cancelled."):
        sqs.cancel_message_move_task(TaskHandle=handle)
    sqs.start_message_move_task(SourceArn=arn(dead))
    clock.advance(0)
    assert counts(url) == (5, 0, 0)
    results = sqs.list_message_move_tasks(SourceArn=arn(dead), MaxResults=10)["Results"]
    assert [entry["Status"] for entry in results] == ["COMPLETED", "CANCELLED"]


def test_a_queue_has_one_active_move(sqs: Any, pair: Any, bury: Any, arn: Any, refused: Any) -> None:
    url, dead = pair()
    bury(url, *"abc")
    sqs.start_message_move_task(SourceArn=arn(dead), MaxNumberOfMessagesPerSecond=1)
    with refused("AWS.SimpleQueueService.UnsupportedOperation", "There is already a task running."):
        sqs.start_message_move_task(SourceArn=arn(dead))


def test_a_move_fails_when_it_does_not_know_where_to(
    sqs: Any, pair: Any, bury: Any, task: Any, arn: Any, counts: Any, clock: Any
) -> None:
    url, dead = pair()
    bury(url, "a", "b")
    send(sqs, dead, "sent here")
    bury(url, "c")
    sqs.start_message_move_task(SourceArn=arn(dead))
    clock.advance(0)
    last = task(dead)
    assert (last["Status"], last["FailureReason"]) == ("FAILED", "CouldNotDetermineMessageSource")
    assert last["ApproximateNumberOfMessagesMoved"] == counts(url)[0]
    assert counts(url)[0] + counts(dead)[0] == 4


def test_moves_are_checked(sqs: Any, queue: Any, pair: Any, arn: Any, refused: Any) -> None:
    url, dead = pair()
    source = arn(dead)
    with refused("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue."):
        sqs.start_message_move_task(SourceArn=arn(url))
    with refused(
        "ResourceNotFoundException", "The resource that you specified for the SourceArn parameter doesn't exist."
    ):
        sqs.start_message_move_task(SourceArn=source + "-nowhere")
    with refused("ResourceNotFoundException", "for the DestinationArn parameter doesn't exist."):
        sqs.start_message_move_task(SourceArn=source, DestinationArn=source + "-nowhere")
    with refused("InvalidParameterValue", "You must use this format to specify the SourceArn"):
        sqs.start_message_move_task(SourceArn="x")
    for destination in (source, arn(queue(fifo=True))):
        with refused("InvalidParameterValue"):
            sqs.start_message_move_task(SourceArn=source, DestinationArn=destination)
    for rate in (0, 501):
        with refused("InvalidParameterValue", "MaxNumberOfMessagesPerSecond"):
            sqs.start_message_move_task(SourceArn=source, MaxNumberOfMessagesPerSecond=rate)
    for most in (0, 11):
        with refused("InvalidParameterValue", "MaxResults"):
            sqs.list_message_move_tasks(SourceArn=source, MaxResults=most)
    with refused("InvalidParameterValue", "TaskHandle"):
        sqs.cancel_message_move_task(TaskHandle="x")
    with refused("ResourceNotFoundException"):
        sqs.list_message_move_tasks(SourceArn=source + "-nowhere")


BEFORE_THE_KILL = """
import os, signal, sys, boto3, pileus
from pathlib import Path

with pileus.cloud(data=Path(sys.argv[1])) as cloud:
    cloud.clock.freeze()
    sqs = boto3.client("sqs", **cloud.client_kwargs())
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    source = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = '{"deadLetterTargetArn":"%s","maxReceiveCount":1}' % source
    url = sqs.create_queue(QueueName="work", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    for number in range(5):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))
    for _ in range(2):
        sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
    sqs.start_message_move_task(SourceArn=source, MaxNumberOfMessagesPerSecond=2)
    cloud.clock.advance(0)
    print(sqs.list_message_move_tasks(SourceArn=source)["Results"][0]["ApproximateNumberOfMessagesMoved"], flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_move_goes_on_after_the_cloud_was_killed(tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", BEFORE_THE_KILL, tmp_path], stdout=subprocess.PIPE, text=True)
    assert killed.returncode == -signal.SIGKILL
    assert killed.stdout == "2\n"
    with pileus.cloud(data=tmp_path) as cloud:
        sqs = boto3.client("sqs", **cloud.client_kwargs())
        cloud.clock.advance(5)
        dead = sqs.get_queue_url(QueueName="dead")["QueueUrl"]
        source = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        [entry] = sqs.list_message_move_tasks(SourceArn=source)["Results"]
        assert (entry["Status"], entry["ApproximateNumberOfMessagesMoved"]) == ("COMPLETED", 5)
        url = sqs.get_queue_url(QueueName="work")["QueueUrl"]
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
        assert sorted(message["Body"] for message in messages) == list("01234")
