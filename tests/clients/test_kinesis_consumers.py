"""Kinesis as a group of workers reads it: lifion-kinesis, which leases shards in DynamoDB as AWS's own library does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pileus.testing.account import Account

CONSUMER = Path(__file__).with_name("kinesis_consumer.js")
RECORDS = 200


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of Node.js modules with the library in it."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("Node.js with npm is not installed")
    folder = tmp_path_factory.mktemp("node")
    command = ["npm", "install", "--silent", "--no-fund", "--no-audit", "lifion-kinesis@1"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=180)
    if done.returncode:
        pytest.skip(f"lifion-kinesis cannot be installed: {done.stderr[-200:]}")
    return folder / "node_modules"


@contextmanager
def worker(aws: Account, modules: Path, stream: str, read: list[Any]) -> Iterator[None]:
    """A worker of the group, which adds what it reads to a list."""
    process = subprocess.Popen(
        ["node", str(CONSUMER), stream],
        env={**os.environ, **aws.environment(), "NODE_PATH": str(modules)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout and process.stdin
    listening = threading.Thread(target=lambda: read.extend(map(json.loads, process.stdout or ())))
    listening.start()
    try:
        yield
    finally:
        process.stdin.close()
        process.wait(timeout=20)
        listening.join(timeout=20)
        process.stdout.close()


def until(done: Any, seconds: float = 60) -> bool:
    """Whether something comes true in that time; the workers live by the machine's clock."""
    end = time.monotonic() + seconds
    while not done() and time.monotonic() < end:
        time.sleep(0.1)
    return bool(done())


def produce(kinesis: Any, stream: str, numbers: range) -> None:
    """Numbers of ten partition keys, in their order."""
    for number in numbers:
        data = json.dumps({"key": number % 10, "number": number}).encode()
        kinesis.put_record(StreamName=stream, Data=data, PartitionKey=str(number % 10))


def test_a_group_of_workers_reads_everything_in_order_while_a_shard_is_split(aws: Account, modules: Path) -> None:
    kinesis = aws.client("kinesis")
    kinesis.create_stream(StreamName="clicks", ShardCount=2)
    kinesis.get_waiter("stream_exists").wait(StreamName="clicks", WaiterConfig={"Delay": 1})
    reads: tuple[list[Any], list[Any]] = ([], [])
    with worker(aws, modules, "clicks", reads[0]), worker(aws, modules, "clicks", reads[1]):
        produce(kinesis, "clicks", range(RECORDS // 2))
        kinesis.split_shard(StreamName="clicks", ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**126))
        kinesis.get_waiter("stream_exists").wait(StreamName="clicks", WaiterConfig={"Delay": 1})
        produce(kinesis, "clicks", range(RECORDS // 2, RECORDS))
        everything = set(range(RECORDS))
        assert until(lambda: {data["number"] for _, _, data in reads[0] + reads[1]} == everything)
    for read in reads:
        shards = defaultdict(list)
        for shard, sequence, data in read:
            shards[shard].append((int(sequence), data["number"]))
        assert all(found == sorted(found) for found in shards.values()), "a shard's records come in their order"
    assert len({shard for shard, _, _ in reads[0] + reads[1]}) > 2, "the children of the split shard are read too"
    assert aws.client("dynamodb").list_tables()["TableNames"], "the leases are in a table"
