"""What is deleted is gone: nothing of tables and streams is left in the store."""

from __future__ import annotations

import asyncio
from typing import Any

from pileus.kernel.clock import Clock
from pileus.kernel.cloud import Cloud
from pileus.kernel.identity import root
from pileus.kernel.store import open_store
from pileus.kernel.store.keys import pack
from pileus.kernel.task import run_until

ACCOUNT = "111122223333"
START = 1_700_000_000.0
ELSEWHERE = "eu-west-1"


async def lived(cloud: Cloud) -> None:
    """A table with everything that one can have, and a stream; then neither."""

    async def do(service: str, operation: str, region: str = "us-east-1", **members: Any) -> Any:
        who = root(ACCOUNT)
        call = cloud.call(service, operation, account=ACCOUNT, region=region, principal=who)
        answer = cloud.perform(call, operation, members)
        await run_until(cloud, cloud.clock.now() + 2)
        return answer

    await do("kinesis", "CreateStream", StreamName="changes", ShardCount=1)
    arn = f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/changes"
    await do(
        "dynamodb",
        "CreateTable",
        TableName="table",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "x")],
        ProvisionedThroughput={"ReadCapacityUnits": 9, "WriteCapacityUnits": 9},
        GlobalSecondaryIndexes=[
            {
                "IndexName": "byX",
                "KeySchema": [{"AttributeName": "x", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
                "ProvisionedThroughput": {"ReadCapacityUnits": 9, "WriteCapacityUnits": 9},
            }
        ],
        VectorIndexes=[
            {
                "IndexName": "byV",
                "VectorAttribute": {"AttributeName": "v"},
                "Projection": {"ProjectionType": "ALL"},
                "Dimensions": 1,
                "DistanceFunction": "COSINE",
            }
        ],
        Tags=[{"Key": "pileus:throttle", "Value": "true"}],
    )
    named = {"TableName": "table"}
    await do("dynamodb", "UpdateTable", **named, ReplicaUpdates=[{"Create": {"RegionName": ELSEWHERE}}])
    ttl = {"AttributeName": "until", "Enabled": True}
    await do("dynamodb", "UpdateTimeToLive", **named, TimeToLiveSpecification=ttl)
    recovery = {"PointInTimeRecoveryEnabled": True}
    await do("dynamodb", "UpdateContinuousBackups", **named, PointInTimeRecoverySpecification=recovery)
    await do("dynamodb", "EnableKinesisStreamingDestination", **named, StreamArn=arn)
    for number in range(3):
        item = {
            "pk": {"S": str(number)},
            "x": {"S": "x"},
            "v": {"L": [{"N": "1"}]},
            "until": {"N": str(int(START) + 10**6)},
        }
        await do("dynamodb", "PutItem", **named, Item=item)
    await do("dynamodb", "DeleteItem", **named, Key={"pk": {"S": "0"}})
    await do(
        "dynamodb", "Query", **named, KeyConditionExpression="pk = :p", ExpressionAttributeValues={":p": {"S": "1"}}
    )
    backup = await do("dynamodb", "CreateBackup", **named, BackupName="nightly")
    await do("dynamodb", "DeleteBackup", BackupArn=backup["BackupDetails"]["BackupArn"])
    assert len(remaining(cloud)) > 30
    await do("dynamodb", "UpdateTable", **named, ReplicaUpdates=[{"Delete": {"RegionName": ELSEWHERE}}])
    await do("dynamodb", "DeleteTable", **named)
    await do("kinesis", "DeleteStream", StreamName="changes")
    await run_until(cloud, cloud.clock.now() + 36 * 86400)


def remaining(cloud: Cloud) -> list[bytes]:
    """The keys of whatever tables and streams have in the store. The service-linked role stays, as it does on AWS."""
    mine = pack((ACCOUNT,))
    kept = [path for path, _ in cloud.store.scan(mine, mine + b"\xff")]
    own = [path for path in kept if b"dynamodb" in path or b"kinesis" in path]
    return [path for path in own if b"\x02iam." not in path and b"\x02pileus." not in path]


def test_nothing_is_left_of_tables_and_streams_that_are_deleted() -> None:
    async def run() -> list[bytes]:
        loop = asyncio.get_running_loop()
        clock = Clock(lambda: START)
        clock.freeze()
        clock.attach(loop)
        cloud = Cloud(open_store(None, schedule=loop.call_soon), clock)
        cloud.runner.start()
        try:
            await lived(cloud)
        finally:
            await cloud.runner.stop()
            await cloud.close()
        return remaining(cloud)

    assert asyncio.run(run()) == []
