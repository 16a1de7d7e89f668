"""kill -9 in the middle of load: what was acknowledged is there, what was not is not half there, order holds."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .process import Client, Process

KILLS = 20
SENDERS = 4


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Process]:
    folder = tmp_path / "data"
    folder.mkdir()
    process = Process(folder)
    yield process
    process.stop()


class Sender(threading.Thread):
    """Sends numbered messages until the server is gone, and remembers those that it was told are safe."""

    def __init__(self, server: Process, queue: str, round: int, number: int, fifo: bool) -> None:
        super().__init__()
        self.client = server.client()
        self.queue = queue
        self.name = f"{round}-{number}"
        self.fifo = fifo
        self.acknowledged: list[int] = []

    def run(self) -> None:
        count = 0
        while True:
            extra = {"MessageGroupId": self.name, "MessageDeduplicationId": f"{self.name}-{count}"} if self.fifo else {}
            body = json.dumps({"sender": self.name, "count": count, "padding": "x" * 200})
            try:
                self.client.sqs("SendMessage", QueueUrl=self.queue, MessageBody=body, **extra)
            except (OSError, http.client.HTTPException):
                return
            self.acknowledged.append(count)
            count += 1


def drained(client: Client, queue: str) -> Iterator[dict[str, Any]]:
    while messages := client.sqs("ReceiveMessage", QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            yield json.loads(message["Body"])
        entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
        client.sqs("DeleteMessageBatch", QueueUrl=queue, Entries=entries)


@pytest.mark.parametrize("fifo", [False, True], ids=["standard", "fifo"])
def test_twenty_kills_lose_nothing_that_was_acknowledged(server: Process, fifo: bool) -> None:
    name, attributes = ("q.fifo", {"FifoQueue": "true"}) if fifo else ("q", {})
    queue = server.client().sqs("CreateQueue", QueueName=name, Attributes=attributes)["QueueUrl"]
    chance = random.Random(4)
    safe: dict[str, list[int]] = {}
    for round in range(KILLS // 2):
        senders = [Sender(server, queue, round, number, fifo) for number in range(SENDERS)]
        for sender in senders:
            sender.start()
        time.sleep(chance.uniform(0.02, 0.25))  # the moment of the kill is what is random here
        server.kill()
        for sender in senders:
            sender.join()
            safe[sender.name] = sender.acknowledged
        server.start()
    found: dict[str, list[int]] = {}
    for message in drained(server.client(), queue):
        assert len(message["padding"]) == 200
        found.setdefault(message["sender"], []).append(message["count"])
    assert sum(map(len, safe.values())) > KILLS, "the load was no load"
    for name, counts in safe.items():
        there = found.get(name, [])
        if not fifo:
            there.sort()
        # The one that was on its way when the server died may be there; it was only never acknowledged.
        assert there in (counts, [*counts, len(counts)])


def test_counts_are_right_after_a_kill(server: Process) -> None:
    client = server.client()
    queue = client.sqs("CreateQueue", QueueName="q")["QueueUrl"]
    for _ in range(10):
        client.sqs("SendMessage", QueueUrl=queue, MessageBody="x")
    client.sqs("ReceiveMessage", QueueUrl=queue, MaxNumberOfMessages=3)
    server.kill()
    server.start()
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = server.client().sqs("GetQueueAttributes", QueueUrl=queue, AttributeNames=names)["Attributes"]
    there, hidden = (int(answer[name]) for name in names)
    assert there + hidden == 10
    assert 1 <= hidden <= 3


def test_tasks_go_on_after_a_kill(server: Process) -> None:
    """A redrive under way when the server dies moves everything, and each message once."""
    client = server.client()
    dead = client.sqs("CreateQueue", QueueName="dead")["QueueUrl"]
    arn = client.sqs("GetQueueAttributes", QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    work = client.sqs("CreateQueue", QueueName="work", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    work_arn = client.sqs("GetQueueAttributes", QueueUrl=work, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    bodies = [json.dumps({"n": n}) for n in range(200)]
    for start in range(0, len(bodies), 10):
        entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies[start : start + 10])]
        client.sqs("SendMessageBatch", QueueUrl=dead, Entries=entries)
    client.sqs("StartMessageMoveTask", SourceArn=arn, DestinationArn=work_arn, MaxNumberOfMessagesPerSecond=500)
    server.kill()
    server.start()
    client = server.client()
    end = time.monotonic() + 30
    found: list[int] = []
    while len(found) < len(bodies) and time.monotonic() < end:
        found += [message["n"] for message in drained(client, work)]
    assert sorted(found) == list(range(len(bodies)))
