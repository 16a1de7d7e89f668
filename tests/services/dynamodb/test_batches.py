"""Batches and transactions."""

from __future__ import annotations

from typing import Any

from pileus.testing.local import CloudClock

from .conftest import Make, n, s


def test_batches_write_and_read_several_tables(db: Any, make: Make) -> None:
    one, other = make(), make()
    puts = [{"PutRequest": {"Item": {"pk": s(str(number))}}} for number in range(10)]
    told = db.batch_write_item(RequestItems={one: puts, other: puts[:5]}, ReturnConsumedCapacity="TOTAL")
    assert told["UnprocessedItems"] == {}
    assert [one["CapacityUnits"] for one in told["ConsumedCapacity"]] == [10, 5]
    keys = [{"pk": s(str(number))} for number in range(8)]
    found = db.batch_get_item(RequestItems={one: {"Keys": keys}, other: {"Keys": keys}})["Responses"]
    assert (len(found[one]), len(found[other])) == (8, 5)
    db.batch_write_item(RequestItems={one: [{"DeleteRequest": {"Key": key}} for key in keys]})
    assert db.scan(TableName=one)["Count"] == 2


def test_batches_refuse_duplicates_and_too_much(db: Any, make: Make, refused: Any) -> None:
    table = make()
    put = {"PutRequest": {"Item": {"pk": s("a")}}}
    with refused("ValidationException", "Provided list of item keys contains duplicates"):
        db.batch_write_item(RequestItems={table: [put, put]})
    with refused("ValidationException", "Provided list of item keys contains duplicates"):
        db.batch_get_item(RequestItems={table: {"Keys": [{"pk": s("a")}] * 2}})
    many = [{"PutRequest": {"Item": {"pk": s(str(number))}}} for number in range(26)]
    with refused("ValidationException"):
        db.batch_write_item(RequestItems={table: many})


def test_batches_leave_what_goes_beyond_16_mb(db: Any, make: Make) -> None:
    table = make()
    for number in range(50):
        db.put_item(TableName=table, Item={"pk": s(str(number)), "x": s("x" * 390_000)})
    answer = db.batch_get_item(RequestItems={table: {"Keys": [{"pk": s(str(number))} for number in range(50)]}})
    assert len(answer["Responses"][table]) + len(answer["UnprocessedKeys"][table]["Keys"]) == 50
    assert len(answer["Responses"][table]) == 43


def test_a_transaction_does_all_or_nothing_and_gives_its_reasons(db: Any, make: Make, refused: Any) -> None:
    table = make()
    db.put_item(TableName=table, Item={"pk": s("a"), "x": n(1)})
    parts = [
        {"Put": {"TableName": table, "Item": {"pk": s("b")}}},
        {
            "Update": {
                "TableName": table,
                "Key": {"pk": s("a")},
                "UpdateExpression": "SET x = x - :five",
                "ConditionExpression": "x >= :five",
                "ExpressionAttributeValues": {":five": n(5)},
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        },
    ]
    with refused(
        "TransactionCanceledException",
        "Transaction cancelled, please refer cancellation reasons for specific reasons [None, ConditionalCheckFailed]",
    ) as error:
        db.transact_write_items(TransactItems=parts)
    assert error.response["CancellationReasons"] == [
        {"Code": "None"},
        {
            "Code": "ConditionalCheckFailed",
            "Message": "The conditional request failed",
            "Item": {"pk": s("a"), "x": n(1)},
        },
    ]
    assert "Item" not in db.get_item(TableName=table, Key={"pk": s("b")})
    db.update_item(
        TableName=table, Key={"pk": s("a")}, UpdateExpression="SET x = :x", ExpressionAttributeValues={":x": n(7)}
    )
    told = db.transact_write_items(TransactItems=parts, ReturnConsumedCapacity="TOTAL")["ConsumedCapacity"]
    assert told == [{"TableName": table, "CapacityUnits": 4.0, "WriteCapacityUnits": 4.0}]
    gets = [{"Get": {"TableName": table, "Key": {"pk": s(key)}}} for key in ("a", "b", "c")]
    assert db.transact_get_items(TransactItems=gets)["Responses"] == [
        {"Item": {"pk": s("a"), "x": n(2)}},
        {"Item": {"pk": s("b")}},
        {},
    ]


def test_a_transaction_names_each_item_once(db: Any, make: Make, refused: Any) -> None:
    part = {"Put": {"TableName": make(), "Item": {"pk": s("b")}}}
    with refused("ValidationException", "Transaction request cannot include multiple operations on one item"):
        db.transact_write_items(TransactItems=[part, part])


def test_a_token_makes_a_transaction_happen_once_in_ten_minutes(
    db: Any, make: Make, refused: Any, clock: CloudClock
) -> None:
    table = make()

    def add(amount: int) -> None:
        change = {
            "TableName": table,
            "Key": {"pk": s("a")},
            "UpdateExpression": "ADD x :x",
            "ExpressionAttributeValues": {":x": n(amount)},
        }
        db.transact_write_items(TransactItems=[{"Update": change}], ClientRequestToken="token")

    add(1)
    add(1)
    assert db.get_item(TableName=table, Key={"pk": s("a")})["Item"]["x"] == n(1)
    with refused("IdempotentParameterMismatchException"):
        add(2)
    clock.advance(601)
    add(2)
    assert db.get_item(TableName=table, Key={"pk": s("a")})["Item"]["x"] == n(3)
