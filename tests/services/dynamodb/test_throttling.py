"""Throughput that is enforced where a table asks for it."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config

import pileus
from pileus.testing.local import CloudClock

from .conftest import Make, n, s

ASKED = [{"Key": "pileus:throttle", "Value": "true"}]


def provisioned(make: Make, reads: int, writes: int, **more: Any) -> str:
    return make(
        BillingMode="PROVISIONED",
        ProvisionedThroughput={"ReadCapacityUnits": reads, "WriteCapacityUnits": writes},
        Tags=ASKED,
        **more,
    )


def put(db: Any, name: str, size: int = 10) -> None:
    db.put_item(TableName=name, Item={"pk": s("a"), "x": s("x" * size)})


def test_every_table_has_a_burst_pool_of_300_seconds(db: Any, make: Make, clock: CloudClock, refused: Any) -> None:
    name = provisioned(make, 1, 1)
    clock.advance(1000)
    for _ in range(300):
        put(db, name)
    with refused("ProvisionedThroughputExceededException", "The level of configured provisioned throughput") as told:
        put(db, name)
    table = db.describe_table(TableName=name)["Table"]["TableArn"]
    assert told.response["ThrottlingReasons"] == [
        {"reason": "TableWriteProvisionedThroughputExceeded", "resource": table}
    ]
    clock.advance(1)
    put(db, name)


def test_reads_and_writes_are_counted_apart(db: Any, make: Make, clock: CloudClock, refused: Any) -> None:
    name = provisioned(make, 2, 1)
    put(db, name)
    for _ in range(3):
        db.get_item(TableName=name, Key={"pk": s("a")})
    db.get_item(TableName=name, Key={"pk": s("a")})
    with refused("ProvisionedThroughputExceededException"):
        db.get_item(TableName=name, Key={"pk": s("a")})
    with refused("ProvisionedThroughputExceededException"):
        db.scan(TableName=name)


def test_what_is_refused_is_not_written(db: Any, make: Make, clock: CloudClock, refused: Any) -> None:
    name = provisioned(make, 10, 2)
    with refused("ProvisionedThroughputExceededException"):
        put(db, name, 3000)
    assert "Item" not in db.get_item(TableName=name, Key={"pk": s("a")})


def test_batches_hand_back_what_the_table_does_not_take(db: Any, make: Make, clock: CloudClock, refused: Any) -> None:
    name = provisioned(make, 2, 3)
    requests = [{"PutRequest": {"Item": {"pk": s(str(i))}}} for i in range(5)]
    left = db.batch_write_item(RequestItems={name: requests})["UnprocessedItems"]
    assert left == {name: requests[3:]}
    with refused("ProvisionedThroughputExceededException"):
        db.batch_write_item(RequestItems=left)
    keys = [{"pk": s(str(i))} for i in range(5)]
    answer = db.batch_get_item(RequestItems={name: {"Keys": keys}})
    assert len(answer["Responses"][name]) == 3
    assert answer["UnprocessedKeys"][name]["Keys"] == keys[4:]


def test_transactions_are_cancelled(db: Any, make: Make, clock: CloudClock, refused: Any) -> None:
    name = provisioned(make, 1, 1)
    with refused("TransactionCanceledException", "ProvisionedThroughputExceeded") as told:
        db.transact_write_items(TransactItems=[{"Put": {"TableName": name, "Item": {"pk": s("a")}}}])
    assert told.response["CancellationReasons"][0]["Code"] == "ProvisionedThroughputExceeded"


def test_an_index_throttles_its_table(db: Any, make: Make, clock: CloudClock, refused: Any) -> None:
    name = make(gsis={"byX": "x S"}, Tags=ASKED, OnDemandThroughput={"MaxWriteRequestUnits": 10})
    db.update_table(
        TableName=name,
        GlobalSecondaryIndexUpdates=[
            {"Update": {"IndexName": "byX", "OnDemandThroughput": {"MaxWriteRequestUnits": 1}}}
        ],
    )
    clock.advance(1)
    db.put_item(TableName=name, Item={"pk": s("1"), "x": s("x")})
    with refused("ThrottlingException", "exceeds the maximum OnDemandThroughput") as told:
        db.put_item(TableName=name, Item={"pk": s("2"), "x": s("x")})
    assert told.response["throttlingReasons"][0]["reason"] == "IndexWriteMaxOnDemandThroughputExceeded"
    db.put_item(TableName=name, Item={"pk": s("2"), "y": n(1)})


def test_nobody_is_throttled_who_did_not_ask_for_it(db: Any, make: Make, clock: CloudClock) -> None:
    name = make(BillingMode="PROVISIONED", ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1})
    for _ in range(5):
        put(db, name)


def test_a_cloud_can_be_told_to_throttle_all_tables(refused: Any) -> None:
    with pileus.cloud(throttle=True, sockets=True) as cloud:
        cloud.clock.freeze()
        once = Config(retries={"total_max_attempts": 1})
        db = boto3.client("dynamodb", **cloud.client_kwargs(), config=once)
        db.create_table(
            TableName="table",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
        )
        cloud.clock.advance(1)
        put(db, "table")
        put(db, "table")
        with refused("ProvisionedThroughputExceededException"):
            put(db, "table")
