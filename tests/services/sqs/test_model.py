"""Standard and FIFO queues against models that are too simple to be wrong: lists, looked through from end to end."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pileus.kernel.clock import Clock
from pileus.kernel.cloud import Cloud
from pileus.kernel.errors import Fault
from pileus.kernel.identity import root
from pileus.kernel.record import Record
from pileus.kernel.store import open_store
from pileus.services.sqs import fifo, standard
from pileus.services.sqs.messages import Message

ACCOUNT = "111122223333"
AnyRecord = TypeVar("AnyRecord", bound=Record)
RETENTION = 120
SECONDS = st.sampled_from([1, 1, 1, 2, 2, 2, 3, 3, 3, 5, 5, 8, 10, 10, 60, 119, 120, 121, 300])
WHICH = st.integers(0, 4)
DEDUPLICATION = 300


class Item:
    """A message of a model."""

    def __init__(self, number: int, body: str, sent: int, *, group: str = "", due: int = 0) -> None:
        self.number = number
        self.body = body
        self.sent = sent
        self.group = group
        self.due = due
        self.receives = 0


class Queue(RuleBasedStateMachine):
    """What the models of both kinds share. Real time stands still unless a rule moves it."""

    attributes: dict[str, str]

    @initialize()
    def create(self) -> None:
        self.now = 1_700_000_000
        self.store = open_store(None)
        self.cloud = Cloud(self.store, Clock(lambda: float(self.now)))
        self.items: list[Item] = []
        self.held: list[tuple[str, Item, int]] = []
        """Receipt handles, each with its item and how often that had been received."""
        self.sent = 0
        self.purged = False
        self.url = ""
        name = "q.fifo" if self.attributes.get("FifoQueue") else "q"
        given = self.attributes | {"MessageRetentionPeriod": str(RETENTION)}
        self.url = self.do("CreateQueue", QueueName=name, Attributes=given)["QueueUrl"]

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()

    def do(self, operation: str, **members: Any) -> Any:
        call = self.cloud.call("sqs", operation, account=ACCOUNT, principal=root(ACCOUNT))
        result = self.cloud.perform(call, operation, ({"QueueUrl": self.url} if self.url else {}) | members)
        if isinstance(result, Coroutine):
            try:
                result.send(None)
            except StopIteration as done:
                return done.value
            raise AssertionError("it waits")
        return result

    def refusal(self, operation: str, **members: Any) -> str:
        """The code of the error, or an empty text."""
        try:
            self.do(operation, **members)
        except Fault as fault:
            return fault.code
        return ""

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: int) -> None:
        self.now += seconds

    @precondition(lambda self: len(self.held) > 9)
    @rule()
    def purge(self) -> None:
        if not self.refusal("PurgeQueue"):
            self.items = []
            self.purged = True  # a task clears the rows away

    def catch_up(self) -> None:
        """What is due is ready, and what is too old is gone."""
        raise NotImplementedError

    @precondition(lambda self: self.items)
    @rule(most=st.integers(1, 4), timeout=st.sampled_from([0, 1, 2, 3, 5, 10, 200]))
    def receive(self, most: int, timeout: int) -> None:
        expected = self.expected(most)
        request = {"MaxNumberOfMessages": most, "VisibilityTimeout": timeout, "AttributeNames": ["All"]}
        got = self.do("ReceiveMessage", **request).get("Messages", [])
        assert [message["Body"] for message in got] == [item.body for item in expected]
        for message, item in zip(got, expected, strict=True):
            item.receives += 1
            item.due = self.now + timeout
            assert message["Attributes"]["ApproximateReceiveCount"] == str(item.receives)
            assert message["Attributes"]["SentTimestamp"] == str(item.sent * 1000)
            self.held.append((message["ReceiptHandle"], item, item.receives))

    def picked(self, which: int) -> tuple[str, Item, int]:
        """One of the latest handles."""
        self.catch_up()
        return self.held[-1 - which % len(self.held)]

    def expected(self, most: int) -> list[Item]:
        """What a receive will give."""
        raise NotImplementedError

    def delayed(self, item: Item) -> bool:
        raise NotImplementedError

    @invariant()
    def counts_agree(self) -> None:
        self.catch_up()
        told = self.do("GetQueueAttributes", AttributeNames=["All"])["Attributes"]
        delayed = [item for item in self.items if self.delayed(item)]
        in_flight = [item for item in self.items if item.due > self.now and item.receives]
        assert int(told["ApproximateNumberOfMessagesDelayed"]) == len(delayed)
        assert int(told["ApproximateNumberOfMessagesNotVisible"]) == len(in_flight)
        assert int(told["ApproximateNumberOfMessages"]) == len(self.items) - len(delayed) - len(in_flight)

    def rows(self, kind: type[AnyRecord]) -> list[AnyRecord]:
        """All records of a kind."""
        return list(kind.scan(self.cloud.call("sqs", account=ACCOUNT)))


class StandardQueue(Queue):
    attributes: dict[str, str] = {}

    @invariant()
    def nothing_is_left_behind(self) -> None:
        if not self.purged:
            turns = self.rows(standard.Turn)
            assert len(turns) == len(self.items)
            assert len(self.rows(Message)) == sum(len(item.body) >= standard.LARGE for item in self.items)
            displaced = {(turn.number, turn.due) for turn in turns if turn.displaced}
            assert {(row.number, row.due) for row in self.rows(standard.Displaced)} == displaced

    def catch_up(self) -> None:
        for item in self.items:
            if item.due <= self.now:
                item.due = 0
        self.items = [item for item in self.items if item.due or item.sent >= self.now - RETENTION]

    def delayed(self, item: Item) -> bool:
        return item.due > self.now and not item.receives

    def expected(self, most: int) -> list[Item]:
        self.catch_up()
        return sorted((item for item in self.items if not item.due), key=lambda item: (item.sent, item.number))[:most]

    @precondition(lambda self: len(self.items) < 6)
    @rule(number=st.integers(1, 3), delay=st.sampled_from([0, 0, 0, 0, 1, 5]), size=st.sampled_from([1, 20_000]))
    def send(self, number: int, delay: int, size: int) -> None:
        for _ in range(number):
            self.sent += 1
            body = f"{self.sent}".ljust(size, ".")
            self.do("SendMessage", MessageBody=body, DelaySeconds=delay)
            self.items.append(Item(self.sent, body, self.now, due=self.now + delay if delay else 0))

    @precondition(lambda self: self.held)
    @rule(which=WHICH)
    def delete(self, which: int) -> None:
        handle, item, receives = self.picked(which)
        self.do("DeleteMessage", ReceiptHandle=handle)
        if item.receives == receives and item in self.items:
            self.items.remove(item)

    @precondition(lambda self: self.held)
    @rule(which=WHICH, timeout=st.sampled_from([0, 1, 3, 5, 10]))
    def change_visibility(self, which: int, timeout: int) -> None:
        handle, item, receives = self.picked(which)
        refusal = self.refusal("ChangeMessageVisibility", ReceiptHandle=handle, VisibilityTimeout=timeout)
        if item not in self.items or item.receives != receives:
            assert refusal == "InvalidParameterValue"
        elif item.due <= self.now:
            assert refusal == "MessageNotInflight"
        else:
            assert not refusal
            item.due = self.now + timeout


class FifoQueue(Queue):
    attributes = {"FifoQueue": "true", "DelaySeconds": "3"}
    delay = 3

    @invariant()
    def nothing_is_left_behind(self) -> None:
        if not self.purged:
            assert len(self.rows(Message)) == len(self.items)
            assert len(self.rows(fifo.Group)) == len({item.group for item in self.items})

    @initialize()
    def remember(self) -> None:
        self.seen: dict[str, tuple[int, str]] = {}

    def blocked(self, group: str) -> bool:
        return any(item.due for item in self.items if item.group == group)

    def catch_up(self) -> None:
        for item in self.items:
            if item.due <= self.now:
                item.due = 0
        old = self.now - RETENTION
        self.items = [item for item in self.items if item.sent >= old or self.blocked(item.group)]

    def delayed(self, item: Item) -> bool:
        return item.sent + self.delay > self.now

    def expected(self, most: int) -> list[Item]:
        self.catch_up()
        groups = list(dict.fromkeys(item.group for item in self.items))
        free = [group for group in groups if not self.blocked(group)]
        ready = [item for group in free for item in self.items if item.group == group and not self.delayed(item)]
        return ready[:most]

    @precondition(lambda self: len(self.items) < 8)
    @rule(group=st.sampled_from("abc"), identity=st.sampled_from("xyz") | st.none())
    def send(self, group: str, identity: str | None) -> None:
        body = f"{self.sent + 1}"
        identity = identity or body
        request = {"MessageBody": body, "MessageGroupId": group, "MessageDeduplicationId": identity}
        answer = self.do("SendMessage", **request)
        at, message_id = self.seen.get(identity, (0, ""))
        if self.now - at < DEDUPLICATION:
            assert answer["MessageId"] == message_id
            return
        self.sent += 1
        self.seen[identity] = (self.now, answer["MessageId"])
        self.items.append(Item(self.sent, body, self.now, group=group))

    @precondition(lambda self: self.held)
    @rule(which=WHICH)
    def delete(self, which: int) -> None:
        handle, item, receives = self.picked(which)
        refusal = self.refusal("DeleteMessage", ReceiptHandle=handle)
        if item not in self.items:
            assert not refusal
        elif item.receives != receives or item.due <= self.now:
            assert refusal == "InvalidParameterValue"
        else:
            assert not refusal
            self.items.remove(item)

    @precondition(lambda self: self.held)
    @rule(which=WHICH, timeout=st.sampled_from([0, 1, 3, 5, 10]))
    def change_visibility(self, which: int, timeout: int) -> None:
        handle, item, receives = self.picked(which)
        refusal = self.refusal("ChangeMessageVisibility", ReceiptHandle=handle, VisibilityTimeout=timeout)
        if item not in self.items or item.receives != receives or item.due <= self.now:
            assert refusal == "InvalidParameterValue"
        else:
            assert not refusal
            item.due = self.now + timeout


TestStandardQueue = StandardQueue.TestCase
TestStandardQueue.settings = settings(max_examples=30, stateful_step_count=80, deadline=None)
TestFifoQueue = FifoQueue.TestCase
TestFifoQueue.settings = settings(max_examples=30, stateful_step_count=80, deadline=None)
