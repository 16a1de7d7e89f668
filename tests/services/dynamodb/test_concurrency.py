"""Many writers at once: counters and conditional transfers end with exact sums."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError

from .conftest import Make, n, s


def test_counters_lose_nothing(db: Any, make: Make) -> None:
    table = make()

    def count(_: int) -> None:
        db.update_item(
            TableName=table, Key={"pk": s("a")}, UpdateExpression="ADD x :x", ExpressionAttributeValues={":x": n(1)}
        )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count, range(400)))
    assert db.get_item(TableName=table, Key={"pk": s("a")})["Item"]["x"] == n(400)


def test_transfers_between_accounts_keep_the_sum(db: Any, make: Make) -> None:
    table = make()
    for number in range(5):
        db.put_item(TableName=table, Item={"pk": s(str(number)), "x": n(20)})

    def transfer(seed: int) -> bool:
        one, other = random.Random(seed).sample(range(5), 2)
        amount = {":a": n(seed % 9 + 1)}
        payer = {"UpdateExpression": "SET x = x - :a", "ConditionExpression": "x >= :a"}
        payee = {"UpdateExpression": "SET x = x + :a"}
        parts = [
            {"Update": {"TableName": table, "Key": {"pk": s(str(who))}, "ExpressionAttributeValues": amount} | what}
            for who, what in ((one, payer), (other, payee))
        ]
        try:
            db.transact_write_items(TransactItems=parts)
        except ClientError as refused:
            return refused.response["Error"]["Code"] != "TransactionCanceledException"
        return True

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(transfer, range(200)))
    balances = [int(item["x"]["N"]) for item in db.scan(TableName=table)["Items"]]
    assert any(done) and sum(balances) == 100 and min(balances) >= 0
