"""Queues: records of a stream that one consumer each deals with."""

from __future__ import annotations

import random
from typing import Any

import pytest

from pileus.testing.local import CloudClock

from .conftest import Make, summary

HOUR = 3600


class Queue:
    def __init__(self, kinesis: Any, clock: CloudClock, make: Make, **more: Any) -> None:
        self.kinesis = kinesis
        self.clock = clock
        self.stream = make(None)
        self.of = summary(kinesis, self.stream)["StreamARN"]
        self.name = f"queue-of-{self.stream}"
        self.arn = self.create(self.name, **more)["QueueARN"]
        clock.advance(0)

    def create(self, name: str, starting: Any = None, **more: Any) -> Any:
        given = {"StreamARN": self.of} | ({"StartingPosition": starting} if starting else {})
        asked = {"QueueName": name, "StreamConfigurationList": [given], **more}
        return self.kinesis.create_queue(**asked)["QueueDescription"]

    def put(self, *several: bytes) -> None:
        records = [{"Data": data, "PartitionKey": f"of {data.decode()}"} for data in several]
        self.kinesis.put_records(StreamName=self.stream, Records=records)

    def receive(self, dead: bool = False, wait: int = 20, **more: Any) -> list[Any]:
        ask = self.kinesis.receive_dead_letter_queue_records if dead else self.kinesis.receive_queue_records
        return list(ask(QueueARN=self.arn, WaitTimeSeconds=wait, **more)["QueueRecords"])


def entries(several: list[Any], **more: Any) -> list[Any]:
    return [{"ReceiptHandle": one["ReceiptHandle"], **more} for one in several]


def test_a_record_comes_back_until_it_is_acknowledged(
    kinesis: Any, make: Make, clock: CloudClock, refused: Any
) -> None:
    queue = Queue(kinesis, clock, make)
    told = kinesis.describe_queue(QueueARN=queue.arn)["QueueDescription"]
    assert told["QueueStatus"] == "ACTIVE"
    assert told["QueueAttributes"] == {
        "VisibilityTimeoutSeconds": 30,
        "DeadLetterConfiguration": {"TargetType": "BUILT_IN", "MaxReceiveCount": 6},
    }
    queue.put(*(b"%d" % number for number in range(12)))
    first, rest = queue.receive(), queue.receive()
    assert (len(first), len(rest)) == (10, 2)
    assert {one["Data"] for one in first + rest} == {b"%d" % number for number in range(12)}
    assert all(one["PartitionKey"] == f"of {one['Data'].decode()}" and one["ReceiveCount"] == 1 for one in first)
    done = kinesis.acknowledge_queue_records(QueueARN=queue.arn, Entries=entries(first))
    assert len(done["Successful"]) == 10 and done["Failed"] == []
    held = kinesis.update_queue_records_visibility(
        QueueARN=queue.arn, Entries=entries(rest[:1], VisibilityTimeoutSeconds=3600)
    )
    assert len(held["Successful"]) == 1
    clock.advance(31)
    (again,) = queue.receive()
    assert again["RecordId"] == rest[1]["RecordId"] and again["ReceiveCount"] == 2
    assert again["FirstReceiveTimestamp"] == rest[1]["FirstReceiveTimestamp"]
    told = kinesis.acknowledge_queue_records(
        QueueARN=queue.arn, Entries=[*entries(rest[1:]), {"ReceiptHandle": "nothing"}]
    )
    assert [one["ErrorCode"] for one in told["Failed"]] == ["ResourceNotFoundException", "InvalidArgumentException"]
    kinesis.update_queue_records_visibility(QueueARN=queue.arn, Entries=entries([again], VisibilityTimeoutSeconds=0))
    (third,) = queue.receive(VisibilityTimeoutSeconds=5)
    assert third["ReceiveCount"] == 3
    kinesis.acknowledge_queue_records(QueueARN=queue.arn, Entries=entries([third]))
    clock.advance(3600)
    (last,) = queue.receive()
    assert last["RecordId"] == rest[0]["RecordId"]
    # "A queue does not extend how long the stream keeps a record."
    clock.advance(24 * HOUR)
    queue.put(b"new")
    assert [one["Data"] for one in queue.receive()] == [b"new"]


def test_what_nobody_could_deal_with_is_a_dead_letter(
    kinesis: Any, make: Make, clock: CloudClock, refused: Any
) -> None:
    handling = {"DeadLetterConfiguration": {"TargetType": "BUILT_IN", "MaxReceiveCount": 2}}
    queue = Queue(kinesis, clock, make, QueueAttributes=handling)
    queue.put(b"bad", b"worse")
    for count in (1, 2):
        assert [one["ReceiveCount"] for one in queue.receive()] == [count, count]
        clock.advance(31)
    queue.put(b"good")
    (good,) = queue.receive()
    assert good["Data"] == b"good"
    letters = queue.receive(dead=True, VisibilityTimeoutSeconds=60)
    assert {one["Data"] for one in letters} == {b"bad", b"worse"}
    wrong = kinesis.acknowledge_queue_records(QueueARN=queue.arn, Entries=entries(letters))
    assert len(wrong["Failed"]) == 2
    longer = entries(letters, VisibilityTimeoutSeconds=120)
    assert (
        len(kinesis.update_dead_letter_queue_records_visibility(QueueARN=queue.arn, Entries=longer)["Successful"]) == 2
    )
    done = kinesis.acknowledge_dead_letter_queue_records(QueueARN=queue.arn, Entries=entries(letters[:1]))
    assert len(done["Successful"]) == 1
    back = kinesis.restore_dead_letter_queue_records(QueueARN=queue.arn, Entries=entries(letters[1:]))
    assert len(back["Successful"]) == 1
    (restored,) = queue.receive()
    assert restored["Data"] == letters[1]["Data"] and restored["ReceiveCount"] == 1
    kinesis.acknowledge_queue_records(QueueARN=queue.arn, Entries=entries([restored, good]))
    clock.advance(200)
    assert queue.receive(dead=True, wait=1) == []
    never = {"DeadLetterConfiguration": {"TargetType": "NONE"}, "VisibilityTimeoutSeconds": 0}
    updated = kinesis.update_queue(QueueARN=queue.arn, QueueAttributes=never)["QueueDescription"]
    assert updated["QueueStatus"] == "UPDATING"
    clock.advance(0)
    queue.put(b"again")
    assert [queue.receive()[0]["ReceiveCount"] for _ in range(9)] == [*range(1, 10)]
    with refused("ValidationException"):
        kinesis.update_queue(
            QueueARN=queue.arn, QueueAttributes={"DeadLetterConfiguration": {"TargetType": "BUILT_IN"}}
        )


def test_queues_of_a_stream_are_listed_and_keep_it(kinesis: Any, make: Make, clock: CloudClock, refused: Any) -> None:
    queue = Queue(kinesis, clock, make, Tags={"team": "a"})
    queue.put(b"before")
    clock.advance(1)
    later = queue.create(f"{queue.name}-at", {"Type": "AT_TIMESTAMP", "Timestamp": clock.now()})
    all_of_it = queue.create(f"{queue.name}-all", {"Type": "TRIM_HORIZON"})
    assert all_of_it["QueueStatus"] == "CREATING"
    clock.advance(0)
    queue.put(b"after")
    queue.arn = later["QueueARN"]
    assert [one["Data"] for one in queue.receive()] == [b"after"]
    queue.arn = all_of_it["QueueARN"]
    assert {one["Data"] for one in queue.receive()} == {b"before", b"after"}
    listed = kinesis.list_queues(StreamFilter=[{"StreamARN": queue.of}], MaxResults=2)
    more = kinesis.list_queues(StreamFilter=[{"StreamARN": queue.of}], NextToken=listed["NextToken"])
    several = listed["QueueSummaries"] + more["QueueSummaries"]
    assert sorted(one["QueueName"] for one in several) == [queue.name, f"{queue.name}-all", f"{queue.name}-at"]
    assert several[0]["Streams"][0]["StreamARN"] == queue.of
    first = several[0]["QueueARN"]
    kinesis.tag_resource(ResourceARN=first, Tags={"b": "c"})
    assert kinesis.list_tags_for_resource(ResourceARN=first)["Tags"] == [
        {"Key": "b", "Value": "c"},
        {"Key": "team", "Value": "a"},
    ]
    assert summary(kinesis, queue.stream)["ConsumerCount"] == 3
    with refused("ResourceInUseException"):
        kinesis.delete_stream(StreamName=queue.stream, EnforceConsumerDeletion=True)
    with refused("ResourceInUseException"):
        kinesis.update_stream_mode(StreamARN=queue.of, StreamModeDetails={"StreamMode": "PROVISIONED"})
    with refused("ResourceInUseException"):
        queue.create(queue.name)
    for one in several:
        kinesis.delete_queue(QueueARN=one["QueueARN"])
    with refused("ResourceNotFoundException"):
        queue.receive()
    clock.advance(0)
    with refused("ResourceNotFoundException"):
        kinesis.describe_queue(QueueARN=first)
    kinesis.delete_stream(StreamName=queue.stream)
    provisioned = summary(kinesis, make())["StreamARN"]
    with refused("ValidationException"):
        kinesis.create_queue(QueueName="no", StreamConfigurationList=[{"StreamARN": provisioned}])


class Model:
    """What a queue should do, written down naively: what is visible when, and how often it was received."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.visible: dict[bytes, float] = {}
        self.count: dict[bytes, int] = {}
        self.handles: dict[bytes, str] = {}

    def due(self, now: float, dead: bool) -> set[bytes]:
        return {data for data, at in self.visible.items() if at <= now and (self.count[data] >= self.most) is dead}


@pytest.mark.parametrize("seed", range(3))
def test_a_queue_does_what_a_naive_one_does(kinesis: Any, make: Make, clock: CloudClock, seed: int) -> None:
    rng = random.Random(seed)
    handling = {"DeadLetterConfiguration": {"TargetType": "BUILT_IN", "MaxReceiveCount": 2}}
    queue, model, letters = Queue(kinesis, clock, make, QueueAttributes=handling), Model(2), Model(10**6)
    for step in range(60):
        now = clock.now()
        dead = rng.random() < 0.3
        waiting = letters.due(now, False) | model.due(now, True) if dead else model.due(now, False)
        match rng.choice(["put", "receive", "receive", "acknowledge", "hide", "wait"]):
            case "put":
                several = [b"%d-%d" % (step, number) for number in range(rng.randint(1, 4))]
                queue.put(*several)
                for data in several:
                    model.visible[data], model.count[data] = now, 0
            case "receive" if waiting:
                most, seconds = rng.randint(1, 10), rng.choice([0, 5, 30])
                found = queue.receive(dead=dead, Limit=most, VisibilityTimeoutSeconds=seconds)
                got = {one["Data"] for one in found}
                assert len(got) == len(found) == min(most, len(waiting)) and got <= waiting
                for one in found:
                    data = one["Data"]
                    if dead:
                        letters.visible[data] = now + seconds
                        letters.count[data] = 0
                        model.visible.pop(data, None)
                        letters.handles[data] = one["ReceiptHandle"]
                    else:
                        model.visible[data] = now + seconds
                        model.count[data] += 1
                        assert one["ReceiveCount"] == model.count[data]
                        model.handles[data] = one["ReceiptHandle"]
            case "acknowledge" | "hide" as act:
                held = letters if dead else model
                flying = [data for data in held.handles if held.visible.get(data, -1.0) > now]
                if flying:
                    data = rng.choice(sorted(flying))
                    handle = {"ReceiptHandle": held.handles[data]}
                    name = "dead_letter_queue_records" if dead else "queue_records"
                    if act == "acknowledge":
                        told = getattr(kinesis, f"acknowledge_{name}")(QueueARN=queue.arn, Entries=[handle])
                        del held.visible[data], held.handles[data]
                    else:
                        ask = getattr(kinesis, f"update_{name}_visibility")
                        told = ask(QueueARN=queue.arn, Entries=[handle | {"VisibilityTimeoutSeconds": 7}])
                        held.visible[data] = now + 7
                    assert len(told["Successful"]) == 1
            case "wait":
                clock.advance(rng.choice([1, 6, 40]))
