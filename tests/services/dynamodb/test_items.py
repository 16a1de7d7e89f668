"""Putting, getting, updating and deleting items."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Make, n, s


def put(db: Any, table: str, **item: Any) -> None:
    db.put_item(TableName=table, Item={"pk": s("a"), **item})


def got(db: Any, table: str, pk: str = "a") -> Any:
    return db.get_item(TableName=table, Key={"pk": s(pk)}).get("Item")


def test_all_types_come_back(db: Any, make: Make) -> None:
    table = make()
    item = {
        "pk": s("a"),
        "n": n("-1.5"),
        "b": {"B": b"\x00\xff"},
        "ss": {"SS": ["x", "y"]},
        "ns": {"NS": ["-1", "2", "10"]},
        "bs": {"BS": [b"1", b"2"]},
        "m": {"M": {"l": {"L": [s(""), {"NULL": True}, {"BOOL": False}]}}},
    }
    db.put_item(TableName=table, Item=item)
    assert db.get_item(TableName=table, Key={"pk": s("a")})["Item"] == item


def test_a_resource_table_takes_python_values(resource: Any, make: Make) -> None:
    table = resource.Table(make("pk S, sk N"))
    table.put_item(Item={"pk": "a", "sk": 1, "tags": {"x", "y"}, "nested": {"deep": [1, 2]}})
    assert table.get_item(Key={"pk": "a", "sk": 1})["Item"]["tags"] == {"x", "y"}
    with table.batch_writer() as batch:
        for number in range(60):
            batch.put_item(Item={"pk": "b", "sk": number})
    assert table.query(KeyConditionExpression="pk = :p", ExpressionAttributeValues={":p": "b"})["Count"] == 60


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({}, "One or more parameter values were invalid: Missing the key pk in the item"),
        ({"pk": n(1)}, "One or more parameter values were invalid: Type mismatch for key pk expected: S actual: N"),
        ({"pk": s("")}, "The AttributeValue for a key attribute cannot contain an empty string value. Key: pk"),
        ({"pk": s("x" * 2049)}, "Size of hashkey has exceeded the maximum size limit of2048 bytes"),
        ({"pk": {}}, "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"),
        ({"pk": s("a"), "x": {"S": "", "N": "1"}}, "Supplied AttributeValue has more than one datatypes set"),
        ({"pk": s("a"), "x": {"NULL": False}}, "Null attribute value types must have the value of true"),
        ({"pk": s("a"), "x": {"SS": []}}, "An string set  may not be empty"),
        ({"pk": s("a"), "x": {"SS": ["y", "y"]}}, "Input collection [y, y] contains duplicates."),
        ({"pk": s("a"), "x": {"NS": ["1", "1.0"]}}, "Input collection contains duplicates"),
        ({"pk": s("a"), "x": n("one")}, "The parameter cannot be converted to a numeric value: one"),
        ({"pk": s("a"), "x": s("y" * 400 * 1024)}, "Item size has exceeded the maximum allowed size"),
    ],
)
def test_what_cannot_be_an_item(db: Any, make: Make, refused: Any, item: Any, message: str) -> None:
    with refused("ValidationException", message):
        db.put_item(TableName=make(), Item=item)


def test_items_have_at_most_400_kb(db: Any, make: Make, refused: Any) -> None:
    table = make()
    put(db, table, x=s("y" * (400 * 1024 - 4)))
    with refused("ValidationException", "Item size to update has exceeded the maximum allowed size"):
        db.update_item(
            TableName=table,
            Key={"pk": s("a")},
            UpdateExpression="SET z = :z",
            ExpressionAttributeValues={":z": s("1")},
        )


def test_nesting_has_32_levels(db: Any, make: Make, refused: Any) -> None:
    value = s("x")
    for _ in range(32):
        value = {"L": [value]}
    put(db, table := make(), x=value)
    with refused("ValidationException", "Nesting Levels have exceeded supported limits"):
        put(db, table, x={"L": [value]})


def test_keys_must_match_the_schema(db: Any, make: Make, refused: Any) -> None:
    table = make("pk S, sk N")
    for key in ({"pk": s("a")}, {"pk": s("a"), "sk": s("1")}, {"pk": s("a"), "sk": n(1), "x": n(1)}):
        with refused("ValidationException", "The provided key element does not match the schema"):
            db.get_item(TableName=table, Key=key)
    with refused("ValidationException", "Supplied AttributeValue is empty, must contain exactly one"):
        db.get_item(TableName=table, Key={"pk": {}, "sk": n(1)})
    with refused("ValidationException", "Supplied AttributeValue has more than one datatypes set"):
        db.delete_item(TableName=table, Key={"pk": {"S": "a", "N": "1"}, "sk": n(1)})


def test_a_condition_that_fails_can_give_the_item(db: Any, make: Make, refused: Any) -> None:
    put(db, table := make(), v=n(1))
    asked = {"TableName": table, "Item": {"pk": s("a")}, "ConditionExpression": "attribute_not_exists(pk)"}
    with refused("ConditionalCheckFailedException", "The conditional request failed") as first:
        db.put_item(**asked)
    assert "Item" not in first.response
    with refused("ConditionalCheckFailedException") as second:
        db.put_item(**asked, ReturnValuesOnConditionCheckFailure="ALL_OLD")
    assert second.response["Item"] == {"pk": s("a"), "v": n(1)}
    assert got(db, table) == {"pk": s("a"), "v": n(1)}


def update(db: Any, table: str, expression: str, returns: str = "ALL_NEW", **values: Any) -> Any:
    given = {"ExpressionAttributeValues": {f":{name}": value for name, value in values.items()}} if values else {}
    return db.update_item(
        TableName=table, Key={"pk": s("a")}, UpdateExpression=expression, ReturnValues=returns, **given
    ).get("Attributes")


def test_updates_see_the_item_as_it_was(db: Any, make: Make) -> None:
    put(db, table := make(), x=n(1), y=n(2))
    new = update(db, table, "SET x = y, y = x, z = if_not_exists(z, :d) + x", d=n(10))
    assert new == {"pk": s("a"), "x": n(2), "y": n(1), "z": n(11)}


def test_lists_grow_and_lose_elements(db: Any, make: Make) -> None:
    put(db, table := make(), l={"L": [n(0), n(1), n(2), n(3)]})
    assert update(db, table, "REMOVE l[0], l[2]")["l"] == {"L": [n(1), n(3)]}
    assert update(db, table, "SET l[9] = :v", v=n(9))["l"] == {"L": [n(1), n(3), n(9)]}
    new = update(db, table, "SET l = list_append(:v, l)", v={"L": [n(7)]})
    assert new["l"] == {"L": [n(7), n(1), n(3), n(9)]}


def test_removals_mean_the_elements_that_there_were(db: Any, make: Make) -> None:
    inner = {"M": {"a": n(1), "b": n(2)}}
    put(db, table := make(), l={"L": [n(0), inner, {"L": [n(3), n(4)]}, n(5)]})
    new = update(db, table, "REMOVE l[0], l[1].a, l[2][0], l[3] SET l[1].c = :c", c=n(9))
    assert new["l"] == {"L": [{"M": {"b": n(2), "c": n(9)}}, {"L": [n(4)]}]}


def test_add_and_delete_work_on_numbers_and_sets(db: Any, make: Make) -> None:
    table = make()
    assert update(db, table, "ADD c :c, tags :t", c=n(5), t={"SS": ["b", "a"]})["tags"] == {"SS": ["a", "b"]}
    assert update(db, table, "ADD c :c DELETE tags :t", c=n("-7.5"), t={"SS": ["a", "z"]}) == {
        "pk": s("a"),
        "c": n("-2.5"),
        "tags": {"SS": ["b"]},
    }
    assert "tags" not in update(db, table, "DELETE tags :t", t={"SS": ["b"]})


def test_return_values_of_updates(db: Any, make: Make) -> None:
    put(db, table := make(), x=n(1), m={"M": {"a": n(1), "b": n(2)}})
    assert update(db, table, "SET m.a = :v, x = :v", "UPDATED_OLD", v=n(5)) == {"x": n(1), "m": {"M": {"a": n(1)}}}
    assert update(db, table, "SET m.a = :v", "UPDATED_NEW", v=n(6)) == {"m": {"M": {"a": n(6)}}}
    assert update(db, table, "SET x = :v", "ALL_OLD", v=n(7))["x"] == n(5)
    assert update(db, table, "REMOVE x", "NONE") is None


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("SET x = lost", "The provided expression refers to an attribute that does not exist in the item"),
        ("SET lost.y = :v", "The document path provided in the update expression is invalid for update"),
        ("SET x = t + :v", "An operand in the update expression has an incorrect data type"),
        ("ADD t :v", "An operand in the update expression has an incorrect data type"),
        ("SET pk = :v", "Cannot update attribute pk. This attribute is part of the key"),
    ],
)
def test_updates_that_the_item_does_not_allow(db: Any, make: Make, refused: Any, expression: str, message: str) -> None:
    put(db, table := make(), t=s("text"))
    with refused("ValidationException", message):
        update(db, table, expression, **({"v": n(1)} if ":v" in expression else {}))


def test_an_update_without_item_makes_one(db: Any, make: Make) -> None:
    table = make()
    db.update_item(TableName=table, Key={"pk": s("a")})
    assert got(db, table) == {"pk": s("a")}


def test_delete_gives_the_old_item(db: Any, make: Make) -> None:
    put(db, table := make(), x=n(1))
    asked = {"TableName": table, "Key": {"pk": s("a")}, "ReturnValues": "ALL_OLD"}
    assert db.delete_item(**asked)["Attributes"] == {"pk": s("a"), "x": n(1)}
    assert "Attributes" not in db.delete_item(**asked)


def test_projections_keep_the_places_of_what_they_name(db: Any, make: Make) -> None:
    put(db, table := make(), m={"M": {"a": {"L": [n(0), n(1), n(2)]}, "b": n(1)}}, x=n(1))
    found = db.get_item(
        TableName=table,
        Key={"pk": s("a")},
        ProjectionExpression="#m.a[2], #m.a[0], nothing",
        ExpressionAttributeNames={"#m": "m"},
    )["Item"]
    assert found == {"m": {"M": {"a": {"L": [n(0), n(2)]}}}}


# Capacity: the notes' sums


def test_10_items_of_2_5_kb_a_second_need_30_write_units(db: Any, make: Make) -> None:
    table = make()
    units = 0.0
    for number in range(10):
        item = {"pk": s(str(number)), "x": s("x" * 2557)}
        told = db.put_item(TableName=table, Item=item, ReturnConsumedCapacity="TOTAL")
        units += told["ConsumedCapacity"]["CapacityUnits"]
    assert units == 30


def test_10_items_of_2_5_kb_need_10_read_units_or_5_if_eventually_consistent(db: Any, make: Make) -> None:
    table = make()
    units = {True: 0.0, False: 0.0}
    for number in range(10):
        db.put_item(TableName=table, Item={"pk": s(str(number)), "x": s("x" * 2557)})
        for consistent in units:
            told = db.get_item(
                TableName=table,
                Key={"pk": s(str(number))},
                ConsistentRead=consistent,
                ReturnConsumedCapacity="TOTAL",
            )
            units[consistent] += told["ConsumedCapacity"]["CapacityUnits"]
    assert units == {True: 10, False: 5}


def test_indexes_cost_on_their_own(db: Any, make: Make) -> None:
    table = make("pk S, sk N", gsis={"byG": "g S"}, lsis={"byL": "pk S, l N"})
    item = {"pk": s("a"), "sk": n(1), "g": s("g"), "l": n(1)}
    asked = {"TableName": table, "ReturnConsumedCapacity": "INDEXES", "ReturnItemCollectionMetrics": "SIZE"}
    told = db.put_item(Item=item, **asked)
    assert told["ConsumedCapacity"] == {
        "TableName": table,
        "CapacityUnits": 3.0,
        "Table": {"CapacityUnits": 1.0},
        "LocalSecondaryIndexes": {"byL": {"CapacityUnits": 1.0}},
        "GlobalSecondaryIndexes": {"byG": {"CapacityUnits": 1.0}},
    }
    assert told["ItemCollectionMetrics"]["ItemCollectionKey"] == {"pk": s("a")}
    moved = db.put_item(Item=item | {"g": s("h")}, **asked)["ConsumedCapacity"]
    assert moved["GlobalSecondaryIndexes"] == {"byG": {"CapacityUnits": 2.0}}


# What there was before expressions


def test_legacy_conditions_and_updates(db: Any, make: Make, refused: Any) -> None:
    put(db, table := make(), x=n(1))
    key = {"pk": s("a")}
    new = db.update_item(
        TableName=table,
        Key=key,
        AttributeUpdates={"x": {"Action": "ADD", "Value": n(4)}, "y": {"Value": s("new")}},
        Expected={"x": {"ComparisonOperator": "LT", "AttributeValueList": [n(2)]}, "z": {"Exists": False}},
        ReturnValues="ALL_NEW",
    )["Attributes"]
    assert new == {"pk": s("a"), "x": n(5), "y": s("new")}
    with refused("ConditionalCheckFailedException"):
        db.delete_item(TableName=table, Key=key, Expected={"x": {"Value": n(1)}})
    either = {"x": {"Value": n(1)}, "y": {"Value": s("new")}}
    db.delete_item(TableName=table, Key=key, Expected=either, ConditionalOperator="OR")
    assert got(db, table) is None


def test_old_and_new_cannot_be_mixed(db: Any, make: Make, refused: Any) -> None:
    with refused(
        "ValidationException",
        "Can not use both expression and non-expression parameters in the same request: "
        "Non-expression parameters: {Expected} Expression parameters: {ConditionExpression}",
    ):
        db.put_item(
            TableName=make(),
            Item={"pk": s("a")},
            Expected={"x": {"Exists": False}},
            ConditionExpression="attribute_exists(x)",
        )
