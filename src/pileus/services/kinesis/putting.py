"""Putting records: one, or up to five hundred, each into the shard that its hash key belongs to."""

from __future__ import annotations

import os
from bisect import bisect_left
from typing import Any

from pileus.kernel import Call

from . import faults, hashes, kinesis, limits, positions
from .log import Head, append
from .retention import see_to_trimming
from .seals import Seal
from .shards import Shard, shard_id
from .streams import Members, Stream

LARGEST_REQUEST = 10 * 1024 * 1024


@kinesis.operation(on=Stream.named)
def put_record(
    call: Call,
    stream: Stream,
    data: bytes,
    partition_key: str | None = None,
    explicit_hash_key: str | None = None,
    sequence_number_for_ordering: str = "",
    dry_run: bool = False,
) -> dict[str, Any]:
    """Put one record; the numbers of a shard grow, so records put one after the other are in that order."""
    writable(call, stream)
    if sequence_number_for_ordering and positions.read(sequence_number_for_ordering) is None:
        raise faults.invalid(
            f"ExclusiveMinimumSequenceNumber {sequence_number_for_ordering} used in PutRecord on stream {stream.name} "
            f"under account {call.account} is invalid."
        )
    record = {"Data": data, "PartitionKey": partition_key, "ExplicitHashKey": explicit_hash_key}
    number = shard_of(stream, record, "partitionKey")
    check_size(stream, data, partition_key, "data")
    if dry_run:
        raise faults.dry_run()
    told = Puts(call, stream).put(number, [record])[0]
    if "ErrorCode" in told:
        raise faults.exceeded(call, stream.name, shard_id(number))
    return told | encrypted(stream)


@kinesis.operation(on=Stream.named)
def put_records(call: Call, stream: Stream, records: list[Members], dry_run: bool = False) -> dict[str, Any]:
    """Put several records; those that their shards do not take are told, and the others are put."""
    writable(call, stream)
    by_shard: dict[int, list[int]] = {}
    total = 0
    for place, record in enumerate(records):
        where = f"records.{place + 1}.member"
        total += check_size(stream, record["Data"], record.get("PartitionKey"), f"{where}.data")
        by_shard.setdefault(shard_of(stream, record, f"{where}.partitionKey"), []).append(place)
    if total > LARGEST_REQUEST:
        raise faults.invalid("Records size exceeds 10 MB limit")
    if dry_run:
        raise faults.dry_run()
    puts = Puts(call, stream)
    told: list[Members] = [{}] * len(records)
    for number, places in by_shard.items():
        for place, one in zip(places, puts.put(number, [records[place] for place in places]), strict=True):
            told[place] = one
    return {"FailedRecordCount": puts.failed, "Records": told} | encrypted(stream)


def encrypted(stream: Stream) -> Members:
    return {"EncryptionType": "KMS"} if stream.encryption == "KMS" else {}


def writable(call: Call, stream: Stream) -> None:
    if stream.status not in ("ACTIVE", "UPDATING"):
        raise faults.no_stream(call, stream.name)


def check_size(stream: Stream, data: bytes, key: str | None, where: str) -> int:
    """The size of a record; raises where it is too large for its stream."""
    most = stream.largest * 1024
    if len(data) > most:
        raise faults.validation(
            f"1 validation error detected: Value at '{where}' failed to satisfy constraint: "
            f"Member must have length less than or equal to {most}"
        )
    return len(data) + (len(key.encode()) if key else 0)


def shard_of(stream: Stream, record: Members, where: str) -> int:
    """The number of the shard that a record goes into."""
    explicit, key = record.get("ExplicitHashKey"), record.get("PartitionKey")
    if explicit is not None:
        value = int(explicit)
        if value > hashes.MOST:
            raise faults.invalid(f"Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, {hashes.MOST}].")
        place = hashes.packed(value)
    elif stream.distribution == "AUTO":
        place = os.urandom(16)
    elif key is None:
        raise faults.validation(
            f"1 validation error detected: Value null at '{where}' failed to satisfy constraint: "
            "Member must not be null"
        )
    else:
        place = hashes.of_partition_key(key)
    return stream.open[bisect_left(stream.ends, place)][1]


class Puts:
    """The puts of one request."""

    def __init__(self, call: Call, stream: Stream) -> None:
        self.call = call
        self.stream = stream
        self.failed = 0
        self._seal: Seal | None = None

    @property
    def seal(self) -> Seal | None:
        if self.stream.encryption == "KMS" and self._seal is None:
            self._seal = Seal(self.call, self.stream)
        return self._seal

    def put(self, number: int, several: list[Members]) -> list[Members]:
        """Put records into a shard, as far as it takes them; what is told of each."""
        call, stream = self.call, self.stream
        head = Head.get(call, stream.box, number)
        if head is None:
            shard = Shard.get(call, stream.box, number)
            assert shard is not None, "an open shard is there"
            head = Head(box=stream.box, number=number, last=shard.origin - 1)
        taken = several if not stream.limited else self._admitted(head, several)
        name = shard_id(number)
        flat: list[str | bytes] = []
        for record in taken:
            flat += (record.get("PartitionKey") or "", record["Data"])
        told: list[Members] = []
        if flat:
            position = append(call, head, flat, self.seal)
            told = [
                {"SequenceNumber": positions.number(position + place, number), "ShardId": name}
                for place in range(len(taken))
            ]
            see_to_trimming(call, stream, head)
            call.wake(("kinesis", stream.box, number))
            call.wake(("kinesis", stream.arn(call)))  # services that read the whole stream
        head.put(call)
        if len(taken) < len(several):
            refused = faults.exceeded(call, stream.name, name)
            rest = len(several) - len(taken)
            told += [{"ErrorCode": refused.code, "ErrorMessage": refused.message}] * rest
            self.failed += rest
        return told

    def _admitted(self, head: Head, several: list[Members]) -> list[Members]:
        """As many of the first of them as the shard takes."""
        limits.refill(self.call, head)
        for place, record in enumerate(several):
            size = len(record["Data"]) + len((record.get("PartitionKey") or "").encode())
            if not limits.fits(head, size):
                return several[:place]
        return several
