"""kill -9 between conditional counters and bank transfers: the sums are exact, to the last acknowledged one."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from .process import ACCOUNT, Client, Process

KILLS = 6
CLERKS = 3
ACCOUNTS = 6
TABLE = "bank"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Process]:
    folder = tmp_path / "data"
    folder.mkdir()
    process = Process(folder)
    yield process
    process.stop()


def ask(client: Client, operation: str, **members: Any) -> dict[str, Any]:
    return client.ask("dynamodb", f"DynamoDB_20120810.{operation}", **members)


class Clerk(threading.Thread):
    """Moves money between accounts and counts that in the same transaction, until the server is gone.

    The transaction that was under way then is tried again by its token, as the SDKs do: it is carried out once.
    """

    def __init__(self, server: Process, name: str, done: int, again: dict[str, Any] | None) -> None:
        super().__init__()
        self.client = server.client()
        self.name = name
        self.done = done
        self.waiting = again
        self.rng = random.Random(f"{name}-{done}")

    def run(self) -> None:
        try:
            while True:
                self.waiting = self.waiting or self.transfer()
                self.carry_out(self.waiting)
                self.waiting = None
        except (OSError, http.client.HTTPException):
            return

    def transfer(self) -> dict[str, Any]:
        one, other = self.rng.sample(range(ACCOUNTS), 2)
        amount = {":a": {"N": str(self.rng.randint(1, 9))}}
        counts = {":new": number(self.done + 1), ":old": number(self.done)}
        return {
            "ClientRequestToken": f"{self.name}-{self.done}-{self.rng.randrange(1 << 40)}",
            "TransactItems": [
                update(f"account-{one}", "SET x = x - :a", amount, "x >= :a"),
                update(f"account-{other}", "SET x = x + :a", amount),
                update(self.name, "SET x = :new", counts, "x = :old"),
            ],
        }

    def carry_out(self, asked: dict[str, Any]) -> None:
        try:
            ask(self.client, "TransactWriteItems", **asked)
        except RuntimeError as refused:
            if "ConditionalCheckFailed" not in str(refused):
                raise
            return  # somebody had too little
        self.done += 1


def number(value: int) -> dict[str, str]:
    return {"N": str(value)}


def update(key: str, expression: str, values: dict[str, Any], condition: str = "attribute_exists(x)") -> dict[str, Any]:
    return {
        "Update": {
            "TableName": TABLE,
            "Key": {"pk": {"S": key}},
            "UpdateExpression": expression,
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values,
        }
    }


def balances(client: Client) -> dict[str, int]:
    items = ask(client, "Scan", TableName=TABLE, ConsistentRead=True)["Items"]
    return {item["pk"]["S"]: int(item["x"]["N"]) for item in items}


def test_sums_are_exact_whatever_is_killed_in_between(server: Process) -> None:
    client = server.client()
    ask(
        client,
        "CreateTable",
        TableName=TABLE,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    time.sleep(0.2)
    for place in range(ACCOUNTS):
        ask(client, "PutItem", TableName=TABLE, Item={"pk": {"S": f"account-{place}"}, "x": number(100)})
    state: dict[str, tuple[int, dict[str, Any] | None]] = {f"clerk-{place}": (0, None) for place in range(CLERKS)}
    for name in state:
        ask(client, "PutItem", TableName=TABLE, Item={"pk": {"S": name}, "x": number(0)})
    for _ in range(KILLS):
        clerks = [Clerk(server, name, *had) for name, had in state.items()]
        for clerk in clerks:
            clerk.start()
        time.sleep(0.25)
        server.kill()
        for clerk in clerks:
            clerk.join()
            state[clerk.name] = (clerk.done, clerk.waiting)
        server.start()
        held = balances(server.client())
        assert sum(held[f"account-{place}"] for place in range(ACCOUNTS)) == 100 * ACCOUNTS
        for name, (done, waiting) in state.items():
            assert held[name] in (done, done + (waiting is not None)), "it counts what was acknowledged"
    for name, (done, waiting) in state.items():
        clerk = Clerk(server, name, done, waiting)
        if waiting:
            clerk.carry_out(waiting)
        assert balances(server.client())[name] == clerk.done
        assert clerk.done > 20


def test_no_line_of_a_bulk_operation_is_put_twice(server: Process) -> None:
    lines = 20_000
    asked = {"ConditionExpression": "attribute_not_exists(pk)"}
    body = b"\n".join(json.dumps({"Item": {"pk": {"S": str(line)}}, **asked}).encode() for line in range(lines))
    s3 = boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        region_name="us-east-1",
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="test",
    )
    s3.create_bucket(Bucket="bulk")
    s3.put_object(Bucket="bulk", Key="in/lines", Body=body)
    client = server.client()
    ask(
        client,
        "CreateTable",
        TableName=TABLE,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    while ask(client, "DescribeTable", TableName=TABLE)["Table"]["TableStatus"] != "ACTIVE":
        pass
    arn = ask(
        client,
        "StartBulkPutItems",
        TableName=TABLE,
        InputS3Configuration={"S3Bucket": "bulk", "S3KeyPrefix": "in/", "InputFormat": "DYNAMODB_JSON"},
        OutputS3Configuration={"S3Bucket": "bulk", "OutputType": ["CONDITION_CHECK_FAILURE"]},
    )["BulkOperationDescription"]["BulkOperationArn"]

    def told() -> dict[str, Any]:
        found = ask(server.client(), "DescribeBulkOperation", BulkOperationArn=arn)["BulkOperationDescription"]
        assert isinstance(found, dict)
        return found

    interrupted = 0
    for more in (500, 2000, 2000):
        before = told()["ProcessedItemCount"]
        while (now := told())["BulkOperationStatus"] == "IN_PROGRESS" and now["ProcessedItemCount"] < before + more:
            time.sleep(0.002)
        server.kill()
        server.start()
        interrupted += now["BulkOperationStatus"] == "IN_PROGRESS"
    while (now := told())["BulkOperationStatus"] == "IN_PROGRESS":
        time.sleep(0.02)
    assert interrupted, "it was never under way when the server was killed"
    assert (now["BulkOperationStatus"], now["ProcessedItemCount"]) == ("COMPLETED", lines)
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket="bulk")["Contents"]]
    assert keys == ["in/lines"], "a line that is put twice does not meet its condition"
