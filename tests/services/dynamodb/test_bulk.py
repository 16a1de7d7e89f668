"""Bulk operations: files of items put into a table that is there."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from pileus.testing.account import Account
from pileus.testing.local import CloudClock

from .conftest import Make, n, s


@pytest.fixture(scope="session")
def s3(account: Account) -> Any:
    client = account.client("s3")
    client.create_bucket(Bucket=f"bulk-{account.id}")
    return client


def start(db: Any, account: Account, table: str, **more: Any) -> Any:
    asked: dict[str, Any] = {
        "TableName": table,
        "InputS3Configuration": {
            "S3Bucket": f"bulk-{account.id}",
            "S3KeyPrefix": f"{table}/in/",
            "InputFormat": "DYNAMODB_JSON",
            "InputCompressionType": "GZIP",
        },
        "OutputS3Configuration": {
            "S3Bucket": f"bulk-{account.id}",
            "S3KeyPrefix": f"{table}/out",
            "OutputType": ["ERROR", "CONDITION_CHECK_FAILURE"],
        },
    }
    return db.start_bulk_put_items(**(asked | more))["BulkOperationDescription"]


def put_lines(s3: Any, account: Account, key: str, lines: list[Any]) -> None:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    s3.put_object(Bucket=f"bulk-{account.id}", Key=key, Body=gzip.compress(text.encode()))


def output(s3: Any, account: Account, table: str, kind: str) -> list[dict[str, Any]]:
    listed = s3.list_objects_v2(Bucket=f"bulk-{account.id}", Prefix=f"{table}/out/").get("Contents", [])
    keys = [one["Key"] for one in listed if f"/{kind}/" in one["Key"]]
    bodies = [s3.get_object(Bucket=f"bulk-{account.id}", Key=key)["Body"].read() for key in keys]
    return [json.loads(line) for body in bodies for line in gzip.decompress(body).splitlines()]


def status(db: Any, begun: Any) -> Any:
    return db.describe_bulk_operation(BulkOperationArn=begun["BulkOperationArn"])["BulkOperationDescription"]


def test_what_cannot_be_put_is_in_files(
    db: Any, make: Make, clock: CloudClock, s3: Any, account: Account, refused: Any
) -> None:
    table = make()
    db.put_item(TableName=table, Item={"pk": s("old"), "v": n(1)})
    new = {"ConditionExpression": "attribute_not_exists(#p)", "ExpressionAttributeNames": {"#p": "pk"}}
    lines = [
        {"Item": {"pk": s("a"), "v": n(1)}},
        {"Item": {"pk": s("old"), "v": n(2)}, **new},
        {"Item": {"pk": s("b")}, **new},
        "{no json",
        {"Item": {"pk": n(7)}},
    ]
    put_lines(s3, account, f"{table}/in/1.gz", lines)
    s3.put_object(Bucket=f"bulk-{account.id}", Key=f"{table}/in/2.gz", Body=b"not gzip")
    begun = start(db, account, table, ClientToken=f"{table}-1")
    assert begun["BulkOperationStatus"] == "IN_PROGRESS" and begun["PerformanceTier"] == "STANDARD"
    assert start(db, account, table, ClientToken=f"{table}-1")["BulkOperationArn"] == begun["BulkOperationArn"]
    with refused("IdempotentParameterMismatchException"):
        start(db, account, table, ClientToken=f"{table}-1", PerformanceTier="ACCELERATED")
    clock.advance(0)
    told = status(db, begun)
    assert told["BulkOperationStatus"] == "COMPLETED_WITH_ERRORS", told
    assert (told["ProcessedItemCount"], told["FailedItemCount"]) == (6, 3)
    assert told["ProcessedInputBytes"] == told["TotalInputBytes"] > 8
    (usage,) = told["BulkOperationUsage"]
    assert usage["Table"]["BulkPutBytes"] == len("pk") + len("a") + len("v") + 2 + len("pk") + len("b")
    assert db.get_item(TableName=table, Key={"pk": s("old")})["Item"]["v"] == n(1)
    assert db.get_item(TableName=table, Key={"pk": s("b")})["Item"]
    (unmet,) = output(s3, account, table, "CONDITION_CHECK_FAILURE")
    assert unmet["Item"]["v"] == n(2) and unmet["ExistingItem"]["v"] == n(1) and unmet["InputRecord"] == 2
    assert [one["InputRecord"] for one in output(s3, account, table, "ERROR")] == [4, 5, 1]
    with refused("ValidationException"):
        db.cancel_bulk_operation(BulkOperationArn=begun["BulkOperationArn"])
    with refused("ResourceNotFoundException"):
        db.describe_bulk_operation(BulkOperationArn=begun["BulkOperationArn"][:-1])
    with refused("ResourceNotFoundException"):
        start(db, account, "no-such-table")


def test_no_more_is_written_in_a_second_than_was_asked_for(
    db: Any, make: Make, clock: CloudClock, s3: Any, account: Account
) -> None:
    table = make()
    for file in range(2):
        put_lines(s3, account, f"{table}/in/{file}", [{"Item": {"pk": s(f"{file}-{i}")}} for i in range(1100)])
    begun = start(db, account, table, MaxWriteRequestUnits=1024)
    clock.advance(0)
    told = status(db, begun)
    assert (told["BulkOperationStatus"], told["ProcessedItemCount"]) == ("IN_PROGRESS", 1024)
    clock.advance(1)
    assert status(db, begun)["ProcessedItemCount"] == 2048
    other = start(db, account, table, MaxWriteRequestUnits=1024)
    clock.advance(1)
    told = status(db, begun)
    assert (told["BulkOperationStatus"], told["ProcessedItemCount"]) == ("COMPLETED", 2200) and "EndTime" in told
    assert db.scan(TableName=table, Select="COUNT")["Count"] == 2200
    answer = db.cancel_bulk_operation(BulkOperationArn=other["BulkOperationArn"])
    assert answer["BulkOperationStatus"] == "CANCELLING"
    clock.advance(0)
    told = status(db, other)
    assert told["BulkOperationStatus"] == "CANCELLED" and told["FailureCode"]
    first = db.list_bulk_operations(MaxResults=1)
    assert first["BulkOperationsSummaryList"][0]["BulkOperationArn"] == other["BulkOperationArn"]
    (second,) = db.list_bulk_operations(MaxResults=1, NextToken=first["NextToken"])["BulkOperationsSummaryList"]
    assert second["BulkOperationArn"] == begun["BulkOperationArn"]
