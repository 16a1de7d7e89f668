"""Streams as event sources: the shards of a stream are read in order, each from where its last batch ended.

Developer Guide, "Using Lambda with Amazon DynamoDB" and "Using Lambda to process records from Amazon Kinesis Data
Streams". A batch that fails holds up its shard: it is tried again, perhaps split, until it succeeds, has been tried too
often or is too old; then it is described to the destination for failures, and the shard goes on.
"""

from __future__ import annotations

import asyncio
import base64
import inspect
import json
from typing import Any

from pileus.kernel import Call, Fault

from . import destinations
from .batches import Delivery, delivered, patterns, readable, tell
from .fleet import Fleet
from .mappings import Checkpoint, Mapping
from .qualifiers import Meant

Document = dict[str, Any]

PAUSE = 1.0
LOOK_AGAIN = 1.0
"""Real seconds after which a shard is looked at again, where nobody says that there is something new."""
SHARDS_AGAIN = 10.0
"""Real seconds after which new shards are looked for."""
RETRY_PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
FOREVER = -1
MOST_READ = {"kinesis": 10_000, "dynamodb": 1000}
"""Records of one read."""


class Stream:
    """A stream as its function's role reads it."""

    def __init__(self, call: Call, mapping: Mapping) -> None:
        self._call = call
        self._mapping = mapping
        self.kinesis = mapping.service == "kinesis"
        self.arn = mapping.source.split("/consumer/")[0]
        self.most = MOST_READ["kinesis" if self.kinesis else "dynamodb"]

    def _client(self) -> Any:
        call = self._call.at(now=self._call.cloud.clock.now())
        meant = Meant.of(call, self._mapping.function, self._mapping.qualifier)
        principal = call.cloud.engine(Fleet).session(call, meant.version).principal
        return call.aws("kinesis" if self.kinesis else "dynamodbstreams", principal=principal)

    async def shards(self) -> list[Document]:
        if self.kinesis:
            answer = await settled(self._client().list_shards(stream_arn=self.arn))
            found: list[Document] = answer["Shards"]
            return found
        found, after = [], None
        while True:
            answer = await settled(self._client().describe_stream(stream_arn=self.arn, exclusive_start_shard_id=after))
            description = answer["StreamDescription"]
            found += description["Shards"]
            after = description.get("LastEvaluatedShardId")
            if not after:
                return found

    async def iterator(self, shard: str, checkpoint: Checkpoint) -> str:
        settings = self._mapping.settings
        if checkpoint.sequence:
            where = {"shard_iterator_type": "AFTER_SEQUENCE_NUMBER", self._sequence: checkpoint.sequence}
        elif checkpoint.begin:
            where = {"shard_iterator_type": "AT_SEQUENCE_NUMBER", self._sequence: checkpoint.begin}
        else:
            where = {"shard_iterator_type": settings["StartingPosition"]}
            if settings["StartingPosition"] == "AT_TIMESTAMP":
                where["timestamp"] = settings["StartingPositionTimestamp"]
        answer = await settled(self._client().get_shard_iterator(stream_arn=self.arn, shard_id=shard, **where))
        iterator: str = answer["ShardIterator"]
        return iterator

    @property
    def _sequence(self) -> str:
        return "starting_sequence_number" if self.kinesis else "sequence_number"

    async def read(self, iterator: str, limit: int) -> tuple[list[Document], str | None]:
        answer = await settled(self._client().get_records(shard_iterator=iterator, limit=limit))
        return answer["Records"], answer.get("NextShardIterator")

    def waited_for(self) -> tuple[str, ...]:
        """What says that there is something new."""
        if self.kinesis:
            return ("kinesis", self.arn)
        path = self.arn.split(":", 5)[5].split("/")
        return ("dynamodbstreams", path[1], path[3])

    # Records

    def sequence(self, record: Document) -> str:
        return str(record["SequenceNumber"] if self.kinesis else record["dynamodb"]["SequenceNumber"])

    def arrived(self, record: Document) -> float:
        if self.kinesis:
            return float(record["ApproximateArrivalTimestamp"])
        return float(record["dynamodb"]["ApproximateCreationDateTime"])

    def lane(self, record: Document) -> str:
        """Records of the same lane stay in order, even where a shard is worked on in parallel."""
        if self.kinesis:
            return str(record["PartitionKey"])
        return json.dumps(record["dynamodb"]["Keys"], sort_keys=True, default=repr)

    def shown(self, record: Document, shard: str, role: str) -> Document:
        """A record as the function gets it."""
        if not self.kinesis:
            return {**plain(record), "eventSourceARN": self.arn}
        return {
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": record["PartitionKey"],
                "sequenceNumber": record["SequenceNumber"],
                "data": base64.b64encode(record["Data"]).decode(),
                "approximateArrivalTimestamp": record["ApproximateArrivalTimestamp"],
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": f"{shard}:{record['SequenceNumber']}",
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": role,
            "awsRegion": self._call.region,
            "eventSourceARN": self.arn,
        }

    def filterable(self, shown: Document) -> Document:
        """A record as filters see it."""
        if not self.kinesis:
            return shown
        try:
            data = base64.b64decode(shown["kinesis"]["data"]).decode()
        except ValueError:
            return {**shown, **shown["kinesis"]}
        return readable({**shown, **shown["kinesis"], "data": data}, "data")


def plain(value: Any) -> Any:
    """A record with its binary values in base 64, as JSON wants them."""
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(inner) for inner in value]
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


async def settled(answer: Any) -> Any:
    return await answer if inspect.isawaitable(answer) else answer


async def feed(call: Call, uuid: str) -> None:
    """Work on all shards of a stream, each by itself; those that came of others after these."""
    working: dict[str, asyncio.Task[None]] = {}
    try:
        while (mapping := current(call, uuid)) is not None:
            stream = Stream(call, mapping)
            try:
                shards = await stream.shards()
            except Fault:
                await asyncio.sleep(PAUSE)
                continue
            for shard in shards:
                name = shard["ShardId"]
                parent = shard.get("ParentShardId")
                if name not in working and (parent is None or over(call, uuid, parent, shards)):
                    working[name] = asyncio.get_running_loop().create_task(Shard(call, uuid, name).run())
            await call.wait(("mapping", uuid), seconds=SHARDS_AGAIN if working else PAUSE)
    finally:
        for task in working.values():
            task.cancel()
        await asyncio.gather(*working.values(), return_exceptions=True)


def current(call: Call, uuid: str) -> Mapping | None:
    mapping = Mapping.get(call, uuid)
    return mapping if mapping and mapping.enabled and mapping.state != "Deleting" else None


def over(call: Call, uuid: str, parent: str, shards: list[Document]) -> bool:
    """Whether a shard's parent has been handled whole, or is not there any more."""
    if all(shard["ShardId"] != parent for shard in shards):
        return True
    checkpoint = Checkpoint.get(call, uuid, parent)
    return checkpoint is not None and checkpoint.done


class Shard:
    """One shard, worked on from its checkpoint."""

    def __init__(self, call: Call, uuid: str, shard: str) -> None:
        self.call = call
        self.uuid = uuid
        self.shard = shard
        self.mapping: Mapping
        self.stream: Stream
        self.checkpoint: Checkpoint

    async def run(self) -> None:
        self.checkpoint = Checkpoint.get(self.call, self.uuid, self.shard) or Checkpoint(
            mapping=self.uuid, shard=self.shard
        )
        iterator: str | None = None
        while not self.checkpoint.done and (mapping := current(self.call, self.uuid)):
            self.mapping, self.stream = mapping, Stream(self.call, mapping)
            try:
                iterator = await self.step(iterator)
            except Fault:
                iterator = None
                await asyncio.sleep(PAUSE)

    async def step(self, iterator: str | None) -> str | None:
        """Read a batch and work on it, or wait for one; where to go on."""
        if iterator is None:
            iterator = await self.stream.iterator(self.shard, self.checkpoint)
        settings = self.mapping.settings
        size = settings["BatchSize"] * settings["ParallelizationFactor"]
        records, after = await self.stream.read(iterator, min(self.checkpoint.size or size, self.stream.most))
        if records and not self.checkpoint.sequence and not self.checkpoint.begin:
            self.keep(begin=self.stream.sequence(records[0]))
        if records and not self.checkpoint.tries:
            records, after = await self.gathered(records, after, size)
        if records:
            return after if await self.handle(records) else None
        if settings["TumblingWindowInSeconds"]:
            await self.close_window(None)
        if after is None:
            self.keep(done=True)
            return None
        await self.call.wait(self.stream.waited_for(), seconds=LOOK_AGAIN)
        return after

    async def gathered(
        self, records: list[Document], after: str | None, size: int
    ) -> tuple[list[Document], str | None]:
        """More records, until there are enough or the batch window is over on the cloud's clock."""
        clock = self.call.cloud.clock
        until = clock.now() + self.mapping.settings["MaximumBatchingWindowInSeconds"]
        while len(records) < size and after and clock.now() < until:
            more, after = await self.stream.read(after, min(size - len(records), self.stream.most))
            records += more
            if not more:
                await self.call.wait(self.stream.waited_for(), seconds=LOOK_AGAIN, due=until)
        return records, after

    # A batch

    async def handle(self, records: list[Document]) -> bool:
        """Work on records; False where they are to be read again from the checkpoint, or not all were taken."""
        settings = self.mapping.settings
        factor = settings["ParallelizationFactor"]
        if factor > 1 and not self.checkpoint.tries:
            return await self.in_lanes(records, factor)
        taken = records[: self.checkpoint.size or settings["BatchSize"]]
        if settings["TumblingWindowInSeconds"]:
            taken = await self.within_window(taken)
        done = await self.attempt(taken)
        return done and len(taken) == len(records)

    async def in_lanes(self, records: list[Document], factor: int) -> bool:
        """Work on records in parallel, those of one key in one lane. What fails is tried again, a lane at a time."""
        lanes: dict[int, list[Document]] = {}
        for record in records:
            lanes.setdefault(hash(self.stream.lane(record)) % factor, []).append(record)
        left = [lane for lane in await asyncio.gather(*map(self.along, lanes.values())) if lane]
        for lane in left:
            while lane:
                taken = lane[: self.checkpoint.size or self.mapping.settings["BatchSize"]]
                await self.attempt(taken, keep=False)
                lane = lane[self.past :]
        self.keep(sequence=self.stream.sequence(records[-1]), tries=0, size=0)
        self.note("PROBLEM: Function call failed" if left else "OK")
        return True

    async def along(self, lane: list[Document]) -> list[Document]:
        """Work on one lane, batch by batch; what is left from the first record on that fails."""
        size = self.mapping.settings["BatchSize"]
        for start in range(0, len(lane), size):
            batch = lane[start : start + size]
            outcome = await self.invoke(batch) if self.young(batch) else None
            stopped = None if outcome is None else self.stopped_at(batch, outcome)
            if stopped is not None or not self.young(batch):
                return lane[start + (stopped or 0) :]
        return []

    def young(self, records: list[Document]) -> bool:
        """Whether no record is older than may be."""
        oldest: int = self.mapping.settings["MaximumRecordAgeInSeconds"]
        return oldest == FOREVER or self.call.cloud.clock.now() - self.stream.arrived(records[0]) <= oldest

    past = 0
    """How many records of the last attempt need not be tried again."""

    async def attempt(self, records: list[Document], keep: bool = True) -> bool:
        """Invoke the function with records; True if the shard can go on after them."""
        if not records:
            return True
        self.past = 0
        if not self.young(records):
            old = [record for record in records if not self.young([record])]
            self.give_up(old, None, "RecordAgeExceeded")
            self.moved(old, len(old), keep)
            return len(old) == len(records)
        delivery = await self.invoke(records)
        stopped = None if delivery is None else self.stopped_at(records, delivery)
        if stopped is None:
            self.note("OK")
            self.moved(records, len(records), keep)
            return True
        assert delivery
        self.note("PROBLEM: Function call failed")
        return await self.failed(records, stopped, delivery, keep)

    async def failed(self, records: list[Document], stopped: int, delivery: Delivery, keep: bool) -> bool:
        """A batch has failed from some record on: try again, less of it, or give it up."""
        settings = self.mapping.settings
        tries = 0 if stopped else self.checkpoint.tries
        if stopped:
            self.moved(records, stopped, keep)
            records = records[stopped:]
        most = settings["MaximumRetryAttempts"]
        splits = settings["BisectBatchOnFunctionError"] and len(records) > 1
        if not splits and most != FOREVER and tries >= most:
            self.give_up(records, delivery, "RetryAttemptsExhausted")
            self.moved(records, len(records), keep)
            return not stopped
        size = (len(records) + 1) // 2 if splits else len(records)
        self.keep(tries=tries + (not splits), size=size)
        await asyncio.sleep(RETRY_PAUSES[min(tries, len(RETRY_PAUSES) - 1)])
        return False

    def stopped_at(self, records: list[Document], delivery: Delivery) -> int | None:
        """The first record that has failed; None if all went well."""
        if delivery.failed:
            return 0
        if "ReportBatchItemFailures" not in self.mapping.settings["FunctionResponseTypes"]:
            return None
        numbers = [self.stream.sequence(record) for record in records]
        failures = delivery.failures(set(numbers))
        if failures is None:
            return 0
        return min((numbers.index(number) for number in failures), default=None)

    async def invoke(self, records: list[Document], window: Document = {}) -> Delivery | None:
        """Invoke the function with those of the records that it wants; None if it wants none."""
        meant = Meant.of(self.call, self.mapping.function, self.mapping.qualifier)
        role = meant.version.settings["Role"]
        shown = [self.stream.shown(record, self.shard, role) for record in records]
        while (wanted := patterns(self.call, self.mapping)) is None:
            await asyncio.sleep(PAUSE)
        if wanted:
            shown = [one for one in shown if any(each.matches(self.stream.filterable(one)) for each in wanted)]
        if self.mapping.settings["TumblingWindowInSeconds"] and not window:
            window = self.window_event(final=False)
        if not shown and not window:
            return None
        with self.call.cloud.runner.working():  # not while it pauses after a failure, or time would stand still
            delivery = await delivered(self.call, self.mapping, {"Records": shown} | window)
        if delivery and window and not delivery.failed:
            self.take_state(delivery)
        return delivery

    def give_up(self, records: list[Document], delivery: Delivery | None, condition: str) -> None:
        """Describe records that are not tried again to the destination for failures."""
        target = self.mapping.settings["DestinationConfig"].get("OnFailure", {}).get("Destination")
        if not target:
            return
        call = self.call.at(now=self.call.cloud.clock.now())
        meant = Meant.of(call, self.mapping.function, self.mapping.qualifier)
        told = batch_info(self, records)
        record: Document = {
            "requestContext": {
                "requestId": delivery.request_id if delivery else call.request_id,
                "functionArn": meant.arn(call),
                "condition": condition,
                "approximateInvokeCount": self.checkpoint.tries + (delivery is not None),
            },
            "version": "1.0",
            "timestamp": destinations.stamp(call.now),
            "KinesisBatchInfo" if self.stream.kinesis else "DDBStreamBatchInfo": told,
        }
        if delivery:
            record["responseContext"] = {
                "statusCode": 200,
                "executedVersion": delivery.outcome.version,
                "functionError": delivery.outcome.error or None,
            }
        with call.transaction():
            destinations.send(call, meant.version, target, record, False)

    # Progress

    def moved(self, records: list[Document], count: int, keep: bool) -> None:
        """So many records need not be tried again."""
        self.past += count
        if count and not keep:
            self.keep(tries=0, size=0)
        elif count:
            left = max(0, self.checkpoint.size - count) if self.checkpoint.size else 0
            self.keep(sequence=self.stream.sequence(records[count - 1]), tries=0, size=left)

    def keep(self, **changes: Any) -> None:
        for name, value in changes.items():
            setattr(self.checkpoint, name, value)
        call = self.call
        with call.transaction():
            if Mapping.get(call, self.uuid):
                self.checkpoint.put(call)

    def note(self, result: str) -> None:
        """How the latest batch went."""
        tell(self.call, self.mapping, result)

    # Tumbling windows

    async def within_window(self, records: list[Document]) -> list[Document]:
        """Records of one window only; that of others before is closed."""
        length = self.mapping.settings["TumblingWindowInSeconds"]
        start = self.stream.arrived(records[0]) // length * length
        if self.checkpoint.window and start > self.checkpoint.window:
            await self.close_window(start)
        if not self.checkpoint.window:
            self.keep(window=start, window_state={})
        return [
            record for record in records if self.stream.arrived(record) < self.checkpoint.window + length
        ] or records

    async def close_window(self, following: float | None) -> None:
        """Tell the function that a window has ended, once it has."""
        length = self.mapping.settings["TumblingWindowInSeconds"]
        window = self.checkpoint.window
        if not window or (following is None and self.call.cloud.clock.now() < window + length):
            return
        await self.invoke([], self.window_event(final=True))
        self.keep(window=0.0, window_state={})

    def window_event(self, final: bool) -> Document:
        length = self.mapping.settings["TumblingWindowInSeconds"]
        start = self.checkpoint.window
        return {
            "window": {"start": instant(start), "end": instant(start + length)},
            "state": self.checkpoint.window_state,
            "shardId": self.shard,
            "eventSourceARN": self.stream.arn,
            "isFinalInvokeForWindow": final,
            "isWindowTerminatedEarly": False,
        }

    def take_state(self, delivery: Delivery) -> None:
        try:
            told = json.loads(delivery.outcome.payload or b"null")
        except ValueError:
            return
        if isinstance(told, dict) and isinstance(told.get("state"), dict):
            self.keep(window_state=told["state"])


def instant(at: float) -> str:
    return destinations.stamp(at)[:19] + "Z"


def batch_info(shard: Shard, records: list[Document]) -> Document:
    stream = shard.stream
    first, last = records[0], records[-1]
    return {
        "shardId": shard.shard,
        "startSequenceNumber": stream.sequence(first),
        "endSequenceNumber": stream.sequence(last),
        "approximateArrivalOfFirstRecord": destinations.stamp(stream.arrived(first)),
        "approximateArrivalOfLastRecord": destinations.stamp(stream.arrived(last)),
        "batchSize": len(records),
        "streamArn": stream.arn,
    }
