"""Kinesis through HTTP: putting and getting records, reading at the tip of long shards, and how soon fan-out tells.

    python -m benchmarks.kinesis
    python -m benchmarks.kinesis --stored 1000 5000000

Pileus keeps its data in a directory, and verifies every signature (its requests carry keys that it issued).
"""

from __future__ import annotations

import argparse
import base64
import statistics
import threading
import time
from typing import Any

from pileus.kernel.clock import Clock
from pileus.kernel.cloud import Cloud
from pileus.kernel.identity import root
from pileus.kernel.store import open_store

from .load import Result, apply, signed
from .sqs import Contender, pileus

NAME = "load"
TARGET = "Kinesis_20131202"
SHARDS = 64
BATCH = 500
TAKEN = 400
"""Records of a kilobyte that a reader may take five times a second from a shard."""


def prepare(contender: Contender) -> Any:
    client = contender.client("kinesis")
    mode = {"StreamMode": "ON_DEMAND"}
    client.create_stream(StreamName=NAME, StreamModeDetails=mode, WarmThroughputMiBps=SHARDS)
    client.get_waiter("stream_exists").wait(StreamName=NAME, WaiterConfig={"Delay": 1})
    return client


def requests_of(contender: Contender, operation: str, several: list[dict[str, Any]]) -> list[bytes]:
    return [signed(contender.endpoint, f"{TARGET}.{operation}", one, contender.keys, "kinesis") for one in several]


def putting(contender: Contender, connections: int, seconds: float) -> Result:
    """PutRecords of 500 times a kilobyte, all of one hash key, as a producer that aggregates by shard would."""
    data = base64.b64encode(b"x" * 1024).decode()
    width = (1 << 128) // SHARDS
    several = []
    for shard in range(SHARDS):
        record = {"Data": data, "PartitionKey": "key", "ExplicitHashKey": str(shard * width)}
        several.append({"StreamName": NAME, "Records": [record] * BATCH})
    requests = requests_of(contender, "PutRecords", several)
    return apply(contender.endpoint, requests, connections=connections, seconds=seconds)


def getting(contender: Contender, client: Any, connections: int, seconds: float) -> Result:
    several = []
    for shard in range(SHARDS):
        at = client.get_shard_iterator(
            StreamName=NAME, ShardId=f"shardId-{shard:012d}", ShardIteratorType="TRIM_HORIZON"
        )
        several.append({"ShardIterator": at["ShardIterator"], "Limit": TAKEN})
    requests = requests_of(contender, "GetRecords", several)
    return apply(contender.endpoint, requests, connections=connections, seconds=seconds)


def fan_out(client: Any, count: int = 200) -> list[float]:
    """Milliseconds from a put to its event, one after the other."""
    arn = client.describe_stream_summary(StreamName=NAME)["StreamDescriptionSummary"]["StreamARN"]
    consumer = client.register_stream_consumer(StreamARN=arn, ConsumerName="fan-out")["Consumer"]["ConsumerARN"]
    while client.describe_stream_consumer(ConsumerARN=consumer)["ConsumerDescription"]["ConsumerStatus"] != "ACTIVE":
        time.sleep(0.05)
    position = {"Type": "LATEST"}
    stream = client.subscribe_to_shard(ConsumerARN=consumer, ShardId="shardId-000000000000", StartingPosition=position)
    heard = threading.Event()
    taken: list[float] = []
    began = 0.0

    def listen() -> None:
        for event in stream["EventStream"]:
            for _ in event["SubscribeToShardEvent"]["Records"]:
                taken.append((time.perf_counter() - began) * 1000)
                heard.set()
            if len(taken) >= count:
                return

    thread = threading.Thread(target=listen)
    thread.start()
    for _ in range(count):
        heard.clear()
        began = time.perf_counter()
        client.put_record(StreamName=NAME, Data=b"x", PartitionKey="k", ExplicitHashKey="0")
        heard.wait(5)
    thread.join(5)
    return taken


def tip(sizes: list[int]) -> None:
    """What GetRecords costs in the handler at the tip of a shard, by how many records lie before it."""
    print(f"{'records':>12}{'µs a GetRecords at the tip':>28}")
    for size in sizes:
        print(f"{size:>12,}{reading_at_the_tip(size):>28.0f}", flush=True)


def reading_at_the_tip(size: int, times: int = 25) -> float:
    cloud = Cloud(open_store(None, schedule=lambda tick: None), Clock())
    who = root("111122223333")
    service = cloud.service("kinesis")

    def call(operation: str = "") -> Any:
        return cloud.call("kinesis", operation, account=who.account, principal=who)

    def perform(operation: str, **request: Any) -> Any:
        return service.bound(operation)(call(operation), request)

    perform("CreateStream", StreamName=NAME, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    box = service.bound("DescribeStream").find(call(), {"StreamName": NAME}).box
    service.tasks["begin"](call(), name=NAME, box=box, count=1)
    record = {"Data": b"x" * 100, "PartitionKey": "k"}
    for _ in range(size // BATCH):
        perform("PutRecords", StreamName=NAME, Records=[record] * BATCH)
    taken = []
    for _ in range(times):
        found = perform("GetShardIterator", StreamName=NAME, ShardId="shardId-000000000000", ShardIteratorType="LATEST")
        perform("PutRecord", StreamName=NAME, **record)
        time.sleep(0.21)  # a shard gives five calls a second
        began = time.perf_counter()
        perform("GetRecords", ShardIterator=found["ShardIterator"])
        taken.append((time.perf_counter() - began) * 1e6)
    return statistics.median(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--stored", type=int, nargs="+", metavar="RECORDS", help="what reading at the tip costs")
    given = parser.parse_args()
    if given.stored:
        tip(given.stored)
        return
    with pileus() as contender:
        client = prepare(contender)
        put = putting(contender, given.connections, given.seconds)
        print(f"PutRecords of {BATCH} x 1 KB: {put.rate * BATCH:>10,.0f} records/s, {put.errors} errors")
        got = getting(contender, client, given.connections, given.seconds)
        print(f"GetRecords of {TAKEN} x 1 KB: {got.rate * TAKEN:>10,.0f} records/s, {got.errors} errors")
        taken = sorted(fan_out(client))
        print(f"Fan-out: {statistics.median(taken):.1f} ms p50, {taken[int(len(taken) * 0.99)]:.1f} ms p99")


if __name__ == "__main__":
    main()
