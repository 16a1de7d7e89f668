"""How a channel's records get to S3: a watch that sees when the oldest is as old as it may be, and writes objects.

Texts and JSON documents stand in lines, bytes follow each other. What is not what it should be, and what the bucket
does not take, goes to the bucket of errors, as lines of JSON. An object is named after the places of its first records,
so that one that is written again after a crash takes its own place.
"""

from __future__ import annotations

import base64
import datetime
import gzip
import hashlib
import json
from collections.abc import Callable
from typing import Any, NamedTuple

from pileus.java_dates import dated
from pileus.kernel import Call, Fault, Record, Unfinished, identity, roles

from . import iterators, kinesis, positions
from .channels import EXPRESSION, Channel
from .log import Found, batches, records
from .retention import horizon
from .seals import Opener
from .shards import Shard
from .streams import Members, Stream

LARGEST = 64 * 1024 * 1024
PAUSE = 60.0
"""Seconds after which a bucket that has refused is tried again."""
ENDINGS = {"NONE": "", "GZIP": ".gz", "ZSTD": ".zst"}
ITSELF = "kinesis.amazonaws.com"


class Mark(Record, key=("channel", "shard")):
    """How far a channel has come in a shard."""

    channel: str
    shard: int
    position: int

    @classmethod
    def begin(cls, call: Call, channel: Channel) -> None:
        """What is in the stream already is not carried."""
        for shard in Shard.scan(call, channel.stream_box):
            cls(channel.id, shard.number, iterators.tip(call, shard) + 1).put(call)


class Load(NamedTuple):
    """What one delivery carries."""

    records: list[Found]
    marks: list[Mark]
    name: str


@kinesis.watch
async def flow(call: Call, name: str, number: str) -> None:
    """Write what has waited long enough, and wait for what has not."""
    with call.transaction():
        channel = Channel.get(call, name)
        if channel is None or channel.id != number or channel.status == "DELETING":
            flow.end(call, name=name, number=number)
            return
        oldest = waiting_since(call, channel)
    due = None if oldest is None else max(oldest + channel.freshness, channel.blocked)
    if due is not None and due <= call.now:
        with call.cloud.runner.working():
            await Delivery(call, channel).run()
        return
    arn = call.arn(f"stream/{channel.stream}", "kinesis")
    await call.wait(("kinesis", arn), due=due)


def pending(call: Call, channel: Channel, shard: Shard) -> int | None:
    """Where there are records of a shard that were not carried; None where there are none."""
    mark = Mark.get(call, channel.id, shard.number)
    position = mark.position if mark else shard.origin
    return position if position <= iterators.tip(call, shard) else None


def waiting_since(call: Call, channel: Channel) -> float | None:
    """When the oldest record that was not carried arrived."""
    found = []
    for shard in Shard.scan(call, channel.stream_box):
        if (position := pending(call, channel, shard)) is not None:
            first = next(batches(call, channel.stream_box, shard.number, position), None)
            found += [first[1].at] if first else []
    return min(found, default=None)


class Delivery:
    """One delivery on its way."""

    def __init__(self, call: Call, channel: Channel) -> None:
        self.call = call
        self.channel = channel
        service = identity.service(ITSELF, channel.arn(call), call.account)
        with call.transaction():
            self.principal = roles.taken_on(call, channel.role, channel.name, service)

    async def run(self) -> None:
        try:
            with self.call.transaction():
                load = self.gather()
            await self.write(load)
        except (Fault, Unfinished) as fault:
            self.refuse(fault)
            return
        with self.call.transaction():
            for mark in load.marks:
                mark.put(self.call)

    def gather(self) -> Load:
        """What is there of all shards, up to the size of an object."""
        call, channel = self.call, self.channel
        stream = Stream.of(call, channel.stream)
        reader = Opener(call.at(principal=self.principal), stream)
        found: list[Found] = []
        marks: list[Mark] = []
        places: list[str] = []
        size = 0
        for shard in Shard.scan(call, channel.stream_box):
            position = pending(call, channel, shard)
            if position is None or size >= LARGEST:
                continue
            position = max(position, horizon(call, stream))
            places.append(positions.number(position, shard.number))
            for first, batch in batches(call, channel.stream_box, shard.number, position):
                several = [one for one in records(first, batch, reader) if one.position >= position]
                found += several
                size += sum(len(one.data) for one in several)
                position = first + batch.count
                if size >= LARGEST:
                    break
            marks.append(Mark(channel.id, shard.number, position))
        return Load(found, marks, hashlib.sha256(" ".join(places).encode()).hexdigest()[:32])

    async def write(self, load: Load) -> None:
        good: list[Found] = []
        bad: list[Members] = []
        for record in load.records:
            if words := self.wrong(record.data):
                bad.append(failed(record, "InvalidRecord", words))
            else:
                good.append(record)
        if good:
            try:
                await self.put_object(load, good)
            except Fault as fault:
                self.tell(fault)
                bad += [failed(record, fault.code, fault.message) for record in good]
        if bad:
            await self.put_errors(load, bad)

    def wrong(self, data: bytes) -> str:
        """What is wrong with a record, if its format is not the channel's."""
        try:
            if self.channel.form == "JSON":
                json.loads(data)
            elif self.channel.form == "STRING":
                data.decode()
        except ValueError as error:
            return f"The record is not {self.channel.form}: {error}"
        return ""

    async def put_object(self, load: Load, several: list[Found]) -> None:
        storage = self.channel.storage
        lined = self.channel.form != "BYTE_ARRAY"
        body = b"".join(one.data.strip() + b"\n" if lined else one.data for one in several)
        when = datetime.datetime.fromtimestamp(load.records[0].at, datetime.UTC)
        prefix = EXPRESSION.sub(lambda found: dated(when, found[1].partition(":")[2]), storage["OutputKeyTemplate"])
        kind = storage["CompressionType"]
        name = f"{prefix}{self.channel.name}-{load.name}{ENDINGS[kind]}"
        await self.put(storage, name, packed(body, kind), storage_class=storage["StorageClass"])

    async def put_errors(self, load: Load, several: list[Members]) -> None:
        body = b"".join(json.dumps(one).encode() + b"\n" for one in several)
        errors = self.channel.errors
        await self.put(errors, f"{errors.get('ErrorOutputPrefix', '')}{self.channel.name}-{load.name}", body)

    async def put(self, place: Members, key: str, body: bytes, **more: Any) -> None:
        key_id = self.channel.encryption.get("KeyId")
        await self.call.aws("s3", principal=self.principal).put_object(
            bucket=place["BucketARN"].rpartition(":")[2],
            key=key,
            body=body,
            expected_bucket_owner=place["ExpectedBucketOwner"],
            server_side_encryption="aws:kms" if key_id else None,
            ssekms_key_id=key_id,
            **more,
        )

    def refuse(self, fault: Fault | Unfinished) -> None:
        """Neither bucket has taken it: it is tried again later, as long as the stream keeps the records."""
        self.tell(fault)
        with self.call.transaction():
            channel = Channel.get(self.call, self.channel.name)
            if channel is not None and channel.id == self.channel.id:
                channel.blocked = self.call.now + PAUSE
                channel.put(self.call)

    def tell(self, fault: Fault | Unfinished) -> None:
        """Write an error to the channel's log, if it has one and that takes it."""
        from .channels import described

        settings = described(self.call, self.channel)["LoggingConfiguration"]["CloudWatchLogs"]
        if not settings["Enabled"]:
            return
        code = fault.code if isinstance(fault, Fault) else "NotImplemented"
        message = {"channelARN": self.channel.arn(self.call), "errorCode": f"S3.{code}", "message": fault.message}
        place = {"log_group_name": settings["LogGroupName"], "log_stream_name": settings["LogStreamName"]}
        logs = self.call.aws("logs", principal=self.principal)
        event = {"timestamp": int(self.call.now * 1000), "message": json.dumps(message)}
        steps: tuple[Callable[[], Any], ...] = (
            lambda: logs.create_log_group(log_group_name=settings["LogGroupName"]),
            lambda: logs.create_log_stream(**place),
            lambda: logs.put_log_events(**place, log_events=[event]),
        )
        for step in steps:
            try:
                with self.call.transaction():
                    step()
            except (Fault, Unfinished):
                continue  # it is there already, or the role may not: nobody else could be told


def failed(record: Found, code: str, words: str) -> Members:
    """A record that was not delivered."""
    return {
        "errorCode": code,
        "errorMessage": words,
        "partitionKey": record.key,
        "approximateArrivalTimestamp": int(record.at * 1000),
        "rawData": base64.b64encode(record.data).decode(),
    }


def packed(body: bytes, kind: str) -> bytes:
    if kind == "GZIP":
        return gzip.compress(body, 6, mtime=0)
    if kind == "ZSTD":
        try:
            import zstandard
        except ImportError:
            raise Unfinished("zstd needs the package zstandard: pip install 'pileus[zstd]'") from None
        return zstandard.ZstdCompressor().compress(body)
    return body
