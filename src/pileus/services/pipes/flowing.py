"""What runs as long as a pipe does: batches are taken from its source, and brought to its target.

Messages of a queue that do not get there come back by themselves. A batch of a stream holds up its shard: it is tried
again, perhaps in halves, until it has been tried too often or is too old; then its dead letter is kept.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from pileus.kernel import Call, Fault, Principal, Record, arn, identity, names, roles, targets
from pileus.kernel.targets import Failed

from . import logs, metrics, pipes
from .definitions import Pipe
from .processing import Filter, Passage
from .sources import Document, Queue, Stream, fresh

LONGEST_POLL = 20
PAUSE = 1.0
LOOK_AGAIN = 1.0
"""Real seconds after which a stream is looked at again, where nobody says that there is something new."""
SESSION = 900.0
FOREVER = -1
RETRY_PAUSES = (0.05, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0)


class Checkpoint(Record, key=("pipe", "shard")):
    """How far a pipe has come in a shard."""

    pipe: str
    shard: str
    after: str
    done: bool = False


@pipes.watch
async def flow(call: Call, name: str, course: str) -> None:
    """Run a pipe, until it is stopped, changed or deleted."""
    pipe = Pipe.get(call, name)
    if pipe is None or pipe.course != course:
        with call.transaction():
            flow.end(call, name=name, course=course)
        return
    run = Run(call, pipe)
    try:
        if pipe.kind == "sqs":
            await from_queue(run)
        else:
            await from_stream(run)
    except Fault as fault:
        # The source is gone, or the role may not read it: that may change.
        execution = logs.Execution(pipe)
        execution.note(run.call, "EXECUTION_FAILED", message=str(fault))
        execution.over(run.call)
        await asyncio.sleep(PAUSE)


class Run:
    """A pipe while it runs, as its role."""

    def __init__(self, call: Call, pipe: Pipe) -> None:
        self.call = call
        self.pipe = pipe
        self.filter = Filter(pipe)
        self._principal: Principal | None = None
        self._since = 0.0

    @property
    def going(self) -> bool:
        present = Pipe.get(self.call, self.pipe.name)
        return present is not None and present.course == self.pipe.course

    @property
    def principal(self) -> Principal:
        now = self.call.cloud.clock.now()
        if self._principal is None or now - self._since > SESSION:
            service = identity.service("pipes.amazonaws.com", self.pipe.arn(self.call), self.call.account)
            with self.call.transaction():
                self._principal = roles.taken_on(self.call, self.pipe.role, names.token(16, names.HEX), service)
            self._since = now
        return self._principal

    async def pass_on(self, records: list[Document]) -> Any:
        """Bring records to the target, and tell the logs."""
        execution = logs.Execution(self.pipe)
        execution.note(self.call, "EXECUTION_STARTED", records)
        metrics.begun(self.call, self.pipe.name, records)
        began = self.call.cloud.clock.now()
        try:
            answer = await Passage(fresh(self.call), self.pipe, self.principal, execution).take(records)
        except (Failed, Fault) as error:
            failed = error if isinstance(error, Failed) else Failed.of(error)
            execution.note(self.call, "EXECUTION_FAILED", records, str(failed))
            metrics.count(self.call, self.pipe.name, "ExecutionFailed")
            raise failed from error
        else:
            execution.note(self.call, "EXECUTION_SUCCEEDED", records)
        finally:
            execution.over(fresh(self.call))
            lasted = (self.call.cloud.clock.now() - began) * 1000
            metrics.count(self.call, self.pipe.name, "Duration", lasted, "Milliseconds")
        return answer


# Queues


async def from_queue(run: Run) -> None:
    queue = Queue(run.call, run.pipe.source)
    while run.going:
        messages = await queue.receive(run.principal, run.pipe.settings.get("BatchSize", 10), LONGEST_POLL)
        if not messages:
            continue
        if window := run.pipe.settings.get("MaximumBatchingWindowInSeconds", 0):
            await fill(run, queue, messages, window)
        with run.call.cloud.runner.working():
            await take(run, queue, messages)


async def fill(run: Run, queue: Queue, messages: list[Document], window: float) -> None:
    """Receive more, until the batch is full or its time has passed on the cloud's clock."""
    call, wanted = run.call, run.pipe.settings.get("BatchSize", 10)
    until = call.cloud.clock.now() + window
    over = asyncio.ensure_future(call.wait(("pipe", run.pipe.name, run.pipe.course), due=until))
    try:
        while len(messages) < wanted and call.cloud.clock.now() < until:
            more = asyncio.ensure_future(queue.receive(run.principal, wanted - len(messages), LONGEST_POLL))
            await asyncio.wait([more, over], return_when=asyncio.FIRST_COMPLETED)
            if not more.done():
                more.cancel()
                await asyncio.wait([more])
            if not more.cancelled():
                messages += more.result()
    finally:
        over.cancel()


async def take(run: Run, queue: Queue, messages: list[Document]) -> None:
    """Bring messages to the target, and delete those that got there or that nobody wants."""
    records = [queue.shown(message) for message in messages]
    wanted = [run.filter.wants(record) for record in records]
    done = [message for message, wants in zip(messages, wanted, strict=True) if not wants]
    kept = [message for message, wants in zip(messages, wanted, strict=True) if wants]
    if kept:
        try:
            answer = await run.pass_on([queue.shown(message) for message in kept])
        except Failed:
            pass  # they show again when their visibility timeout has passed
        else:
            failures = failed_items(answer)
            done += [message for message in kept if message["MessageId"] not in failures]
    if done:
        queue.delete(run.principal, done)


def failed_items(answer: Any) -> set[str]:
    """The items of a batch with which a function says it was not successful."""
    try:
        told = json.loads(answer) if answer else None
        return {str(one["itemIdentifier"]) for one in told["batchItemFailures"]} if isinstance(told, dict) else set()
    except (ValueError, KeyError, TypeError):
        return set()


# Streams


async def from_stream(run: Run) -> None:
    stream = Stream(run.call, run.pipe.source)
    iterators: dict[str, str] = {}
    while run.going:
        found = False
        for shard in await stream.shards(run.principal):
            found |= await read_shard(run, stream, shard, iterators)
        if not found:
            await run.call.wait(stream.waited_for(), seconds=LOOK_AGAIN)


async def read_shard(run: Run, stream: Stream, shard: str, iterators: dict[str, str]) -> bool:
    """Read once from a shard, and deal with what was there; whether there was anything."""
    call, pipe = run.call, run.pipe
    point = Checkpoint.get(call, pipe.name, shard) or Checkpoint(pipe.name, shard, "")
    if point.done:
        return False
    if shard not in iterators:
        iterators[shard] = await stream.iterator(run.principal, shard, point.after, pipe.settings)
    records, following = await stream.read(run.principal, iterators[shard], pipe.settings.get("BatchSize", 100))
    if records:
        with call.cloud.runner.working():
            await batch(run, stream, shard, records)
        point.after = stream.number(records[-1])
    if following is None:
        point.done = True
    else:
        iterators[shard] = following
    if records or point.done:
        with call.transaction():
            point.put(call)
    return bool(records)


async def batch(run: Run, stream: Stream, shard: str, records: list[Document]) -> None:
    """Bring a batch to the target, however often that takes."""
    tries = 0
    pieces = [records]
    while pieces and run.going:
        piece = pieces[0]
        shown = [stream.shown(record, shard, run.pipe.role) for record in piece]
        wanted = [record for record in shown if run.filter.wants(record)]
        try:
            if wanted:
                await run.pass_on(wanted)
            pieces.pop(0)
            tries = 0
        except Failed as failed:
            tries += 1
            if exhausted := given_up(run, stream, piece, tries):
                bury(run, stream, shard, piece, failed, exhausted)
                pieces.pop(0)
                tries = 0
                continue
            if run.pipe.settings.get("OnPartialBatchItemFailure") == "AUTOMATIC_BISECT" and len(piece) > 1:
                half = len(piece) // 2
                pieces[0:1] = [piece[:half], piece[half:]]
            await asyncio.sleep(RETRY_PAUSES[min(tries, len(RETRY_PAUSES)) - 1])


def given_up(run: Run, stream: Stream, records: list[Document], tries: int) -> str:
    """Why a batch is not tried again, if it is not."""
    most = run.pipe.settings.get("MaximumRetryAttempts", FOREVER)
    if most != FOREVER and tries > most:
        return "RetryAttemptsExhausted"
    longest = run.pipe.settings.get("MaximumRecordAgeInSeconds", FOREVER)
    if longest != FOREVER and run.call.cloud.clock.now() - stream.arrived(records[0]) > longest:
        return "RecordAgeExceeded"
    return ""


def bury(run: Run, stream: Stream, shard: str, records: list[Document], failed: Failed, exhausted: str) -> None:
    """Say in a dead letter which records of the stream were given up."""
    queue = run.pipe.settings.get("DeadLetterConfig", {}).get("Arn")
    if not queue:
        return
    call = fresh(run.call)
    block = {
        "shardId": shard,
        "startSequenceNumber": stream.number(records[0]),
        "endSequenceNumber": stream.number(records[-1]),
        "batchSize": len(records),
        "streamArn": stream.arn,
    }
    told = {
        "context": {
            "partnerResourceArn": run.pipe.arn(call),
            "condition": exhausted,
            "errorMessage": str(failed),
        },
        "version": "1.0",
        "timestamp": int(call.now * 1000),
        ("KinesisBatchInfo" if stream.kinesis else "DDBStreamBatchInfo"): block,
    }
    to = arn.parse(queue)
    if to.service == "sns":
        call.aws("sns", principal=run.principal).publish(topic_arn=queue, message=json.dumps(told))
    else:
        targets.bury(call, to, json.dumps(told), {}, run.principal)
