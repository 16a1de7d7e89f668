"""Queues as event sources: messages are received in batches, handed to the function, and deleted when it is done.

Developer Guide, "Using Lambda with Amazon SQS". Several batches are worked on at the same time: five at first, and more
as long as messages keep coming. A message group of a FIFO queue stays in order, because SQS hands out nothing of a
group of which something is in flight.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from pileus.kernel import Call, Fault, Principal

from . import traces
from .batches import Delivery, delivered, patterns, readable
from .fleet import Fleet
from .mappings import Mapping, pollers_of
from .qualifiers import Meant

Message = dict[str, Any]

AT_FIRST = 5
AT_MOST = 64
"""Batches that are worked on at the same time, unless the mapping says less."""
BATCHES_OF_A_POLLER = 10
"""In provisioned mode (Developer Guide, "Using provisioned mode with an Amazon SQS event source mapping")."""
PORTION = 10
LONGEST_POLL = 20
PAUSE = 1.0
PATIENCE = 5.0
"""Real seconds for which a batch waits for concurrency, before its messages are left to come back."""
MOST_BYTES = 6_000_000


class Queue:
    """A queue as its function's role reaches it."""

    def __init__(self, call: Call, mapping: Mapping, principal: Principal) -> None:
        self._call = call
        self._principal = principal
        _, _, _, region, account, name = mapping.source.split(":", 5)
        self.url = call.url(f"{account}/{name}")
        self.fifo = name.endswith(".fifo")
        self.region = region

    def _sqs(self) -> Any:
        return self._call.at(now=self._call.cloud.clock.now()).aws("sqs", principal=self._principal)

    async def receive(self, most: int, seconds: int) -> list[Message]:
        answer = await self._sqs().receive_message(
            queue_url=self.url,
            max_number_of_messages=min(most, PORTION),
            wait_time_seconds=seconds,
            message_system_attribute_names=["All"],
            message_attribute_names=["All"],
        )
        found: list[Message] = answer.get("Messages", [])
        return found

    def delete(self, messages: list[Message]) -> None:
        for start in range(0, len(messages), PORTION):
            entries = [
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                for number, message in enumerate(messages[start : start + PORTION])
            ]
            self._sqs().delete_message_batch(queue_url=self.url, entries=entries)

    def has_dead_letters(self) -> bool:
        answer = self._sqs().get_queue_attributes(queue_url=self.url, attribute_names=["RedrivePolicy"])
        return "RedrivePolicy" in answer.get("Attributes", {})


class Feeder:
    """What feeds a function from a queue."""

    def __init__(self, call: Call, uuid: str) -> None:
        self.call = call
        self.uuid = uuid
        self.working: set[asyncio.Task[None]] = set()
        self.allowed = AT_FIRST

    async def run(self) -> None:
        try:
            while mapping := self.mapping():
                await self.room(mapping)
                await self.next(mapping)
        finally:
            if self.working:
                await asyncio.shield(asyncio.gather(*self.working, return_exceptions=True))

    def mapping(self) -> Mapping | None:
        mapping = Mapping.get(self.call, self.uuid)
        return mapping if mapping and mapping.enabled and mapping.state != "Deleting" else None

    async def room(self, mapping: Mapping) -> None:
        """Wait until another batch may be worked on. Whenever one has to, the next time there is more room."""
        most = mapping.settings.get("ScalingConfig", {}).get("MaximumConcurrency", AT_MOST)
        if pollers := mapping.settings.get("ProvisionedPollerConfig"):
            least, most = (each * BATCHES_OF_A_POLLER for each in pollers_of(pollers))
            self.allowed = max(self.allowed, least)
        self.allowed = min(self.allowed, most)
        while len(self.working) >= self.allowed:
            await asyncio.wait(self.working, return_when=asyncio.FIRST_COMPLETED)
            self.allowed = min(self.allowed + 1, most)

    async def next(self, mapping: Mapping) -> None:
        """Receive a batch, and have it worked on."""
        call = self.call.at(now=self.call.cloud.clock.now())
        try:
            meant = Meant.of(call, mapping.function, mapping.qualifier)
            principal = call.cloud.engine(Fleet).session(call, meant.version).principal
            queue = Queue(self.call, mapping, principal)
            messages = await queue.receive(mapping.settings["BatchSize"], LONGEST_POLL)
            if messages and (window := mapping.settings["MaximumBatchingWindowInSeconds"]):
                await self.gather(mapping, queue, messages, window)
        except Fault:
            # The queue or the function is gone, or the role may not: that may change.
            await asyncio.sleep(PAUSE)
            return
        if messages:
            task = asyncio.get_running_loop().create_task(self.work(mapping, queue, messages))
            self.working.add(task)
            task.add_done_callback(self.working.discard)

    async def work(self, mapping: Mapping, queue: Queue, messages: list[Message]) -> None:
        with self.call.cloud.runner.working():
            await self.handle(mapping, queue, messages)

    async def gather(self, mapping: Mapping, queue: Queue, messages: list[Message], window: float) -> None:
        """Receive more, until the batch is full or its time has passed on the cloud's clock."""
        clock = self.call.cloud.clock
        until = clock.now() + window
        wanted = mapping.settings["BatchSize"]
        over = asyncio.ensure_future(self.call.wait(("window", self.uuid), due=until))
        try:
            while len(messages) < wanted and clock.now() < until and size(messages) < MOST_BYTES:
                more = asyncio.ensure_future(queue.receive(wanted - len(messages), LONGEST_POLL))
                await asyncio.wait([more, over], return_when=asyncio.FIRST_COMPLETED)
                if not more.done():
                    more.cancel()
                    await asyncio.wait([more])
                if not more.cancelled():
                    messages += more.result()
        finally:
            over.cancel()

    async def handle(self, mapping: Mapping, queue: Queue, messages: list[Message]) -> None:
        """Hand messages to the function, and delete those that it has dealt with."""
        if (wanted := patterns(self.call, mapping)) is None:
            return  # they come back
        records = [record(mapping, queue, message) for message in messages]
        if wanted:
            fits = [any(each.matches(readable(one, "body")) for each in wanted) for one in records]
            queue.delete([message for message, fit in zip(messages, fits, strict=True) if not fit])
            messages = [message for message, fit in zip(messages, fits, strict=True) if fit]
            records = [one for one, fit in zip(records, fits, strict=True) if fit]
        if messages and self.looping(mapping, queue, messages):
            return
        if not messages:
            return
        began = time.monotonic()
        delivery = await delivered(
            self.call, mapping, {"Records": records}, lambda: time.monotonic() - began < PATIENCE, trace_of(messages)
        )
        done = [] if delivery is None else handled(mapping, delivery, messages)
        if done:
            queue.delete(done)

    def looping(self, mapping: Mapping, queue: Queue, messages: list[Message]) -> bool:
        """Whether messages go in a circle: the dead-letter queue gets them in time; without one they are dropped."""
        meant = Meant.of(self.call, mapping.function, mapping.qualifier)
        if not traces.looping(self.call, meant.function, trace_of(messages)):
            return False
        if not queue.has_dead_letters():
            queue.delete(messages)
        return True


def trace_of(messages: list[Message]) -> str:
    """The trace header of a batch: its first message's."""
    return str(messages[0].get("Attributes", {}).get("AWSTraceHeader", ""))


def handled(mapping: Mapping, delivery: Delivery, messages: list[Message]) -> list[Message]:
    """The messages that the function has dealt with."""
    if delivery.failed:
        return []
    if "ReportBatchItemFailures" not in mapping.settings["FunctionResponseTypes"]:
        return messages
    failures = delivery.failures({message["MessageId"] for message in messages})
    if failures is None:
        return []
    return [message for message in messages if message["MessageId"] not in failures]


def record(mapping: Mapping, queue: Queue, message: Message) -> dict[str, Any]:
    """A message as the function gets it."""
    shown = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {name: attribute(value) for name, value in message.get("MessageAttributes", {}).items()},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": mapping.source,
        "awsRegion": queue.region,
    }
    if "MD5OfMessageAttributes" in message:
        shown["md5OfMessageAttributes"] = message["MD5OfMessageAttributes"]
    return shown


def attribute(value: dict[str, Any]) -> dict[str, Any]:
    import base64

    shown: dict[str, Any] = {"stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}
    if "StringValue" in value:
        shown["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        shown["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
    return shown


def size(messages: list[Message]) -> int:
    return sum(len(message["Body"]) for message in messages)


async def feed(call: Call, uuid: str) -> None:
    await Feeder(call, uuid).run()
