"""kill -9 while shards split and merge: every shard keeps its order, and nothing that was acknowledged is lost."""

from __future__ import annotations

import base64
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

KILLS = 6
PRODUCERS = 3
STREAM = "s"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Process]:
    folder = tmp_path / "data"
    folder.mkdir()
    process = Process(folder)
    yield process
    process.stop()


def ask(client: Client, operation: str, **members: Any) -> dict[str, Any]:
    return client.ask("kinesis", f"Kinesis_20131202.{operation}", **members)


class Producer(threading.Thread):
    """Puts numbered records, a few at a time, until the server is gone; remembers which of them are safe."""

    def __init__(self, server: Process, name: str, start: int) -> None:
        super().__init__()
        self.client = server.client()
        self.name = name
        self.count = start
        self.acknowledged: list[int] = []

    def run(self) -> None:
        while True:
            numbers = list(range(self.count, self.count + 5))
            self.count += 5
            records = [
                {"Data": base64.b64encode(json.dumps([self.name, n]).encode()).decode(), "PartitionKey": self.name}
                for n in numbers
            ]
            try:
                told = ask(self.client, "PutRecords", StreamName=STREAM, Records=records)
            except (OSError, http.client.HTTPException):
                return
            put = [n for n, one in zip(numbers, told["Records"], strict=True) if "SequenceNumber" in one]
            self.acknowledged += put
            if len(put) < 5:
                time.sleep(0.1)


def reshard(client: Client, rng: random.Random) -> None:
    """Split some shard or merge two neighbours."""
    listed = ask(client, "ListShards", StreamName=STREAM, ShardFilter={"Type": "AT_LATEST"})["Shards"]
    listed.sort(key=lambda shard: int(shard["HashKeyRange"]["StartingHashKey"]))
    if len(listed) > 3 or (len(listed) > 1 and rng.random() < 0.4):
        at = rng.randrange(len(listed) - 1)
        one, other = listed[at]["ShardId"], listed[at + 1]["ShardId"]
        ask(client, "MergeShards", StreamName=STREAM, ShardToMerge=one, AdjacentShardToMerge=other)
        return
    shard = rng.choice(listed)
    low, high = (int(shard["HashKeyRange"][f"{end}HashKey"]) for end in ("Starting", "Ending"))
    middle = str((low + high) // 2)
    ask(client, "SplitShard", StreamName=STREAM, ShardToSplit=shard["ShardId"], NewStartingHashKey=middle)


def read(client: Client, shard: str) -> Iterator[tuple[int, str, int]]:
    """The sequence numbers of a shard with what was put under them."""
    found = ask(client, "GetShardIterator", StreamName=STREAM, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    at = found["ShardIterator"]
    while at:
        told = ask(client, "GetRecords", ShardIterator=at)
        for record in told["Records"]:
            name, number = json.loads(base64.b64decode(record["Data"]))
            yield int(record["SequenceNumber"]), name, number
        at = told.get("NextShardIterator")
        if not told["Records"] and not told["MillisBehindLatest"]:
            return


def test_order_and_completeness_survive_kills_splits_and_merges(server: Process) -> None:
    rng = random.Random(6)
    ask(server.client(), "CreateStream", StreamName=STREAM, ShardCount=2)
    safe: dict[str, list[int]] = {f"p{n}": [] for n in range(PRODUCERS)}
    counts = dict.fromkeys(safe, 0)
    for _ in range(KILLS):
        time.sleep(0.05)
        producers = [Producer(server, name, counts[name]) for name in safe]
        for producer in producers:
            producer.start()
        client = server.client()
        for _ in range(2):
            time.sleep(rng.uniform(0.02, 0.2))
            reshard(client, rng)
        server.kill()
        for producer in producers:
            producer.join()
            safe[producer.name] += producer.acknowledged
            counts[producer.name] = producer.count
        server.start()
    client = server.client()
    time.sleep(0.2)
    shards = ask(client, "ListShards", StreamName=STREAM)["Shards"]
    assert len(shards) > KILLS
    seen: dict[str, list[tuple[int, int]]] = {name: [] for name in safe}
    for shard in shards:
        numbers = []
        for sequence, name, number in read(client, shard["ShardId"]):
            numbers.append(sequence)
            seen[name].append((sequence, number))
        assert numbers == sorted(numbers) and len({*numbers}) == len(numbers)
    for name, acknowledged in safe.items():
        in_order = [number for _, number in sorted(seen[name])]
        assert in_order == sorted({*in_order}), "a key's records are in order, across all its shards, and there once"
        assert {*acknowledged} <= {*in_order}
        assert len(acknowledged) > 50
