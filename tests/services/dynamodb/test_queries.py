"""Query and Scan: which items, in which order, in which pages."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from .conftest import Make, n, s

KEYS = {"ProjectionType": "KEYS_ONLY"}


@pytest.fixture
def table(db: Any, make: Make) -> str:
    name = make(
        "pk S, sk N",
        gsis={"all": "g S, sk N", "keys": ("g S", KEYS)},
        lsis={"local": ("pk S, l S", {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["kept"]})},
    )
    for number in range(-5, 15):
        item = {"pk": s("a"), "sk": n(number), "g": s(f"g{number % 2}"), "l": s(f"{number % 3}{number:+03}")}
        db.put_item(TableName=name, Item=item | {"kept": n(number), "extra": s("x" * 100)})
    return name


def numbers(answer: Any) -> list[int]:
    return [int(item["sk"]["N"]) for item in answer["Items"]]


@pytest.mark.parametrize(
    ("condition", "values", "found"),
    [
        ("", [], range(-5, 15)),
        (" AND sk = :a", [3], [3]),
        (" AND sk < :a", [-3], [-5, -4]),
        (" AND sk <= :a", [-3], [-5, -4, -3]),
        (" AND sk > :a", [12], [13, 14]),
        (" AND sk >= :a", ["12.0"], [12, 13, 14]),
        (" AND sk BETWEEN :a AND :b", ["-1.5", 2], [-1, 0, 1, 2]),
        (" AND (:a > sk)", [-4], [-5]),
    ],
)
def test_all_key_conditions_in_both_directions(db: Any, table: str, condition: str, values: Any, found: Any) -> None:
    given = {":p": s("a")} | {name: n(value) for name, value in zip((":a", ":b"), values, strict=False)}
    asked = {"TableName": table, "KeyConditionExpression": f"pk = :p{condition}", "ExpressionAttributeValues": given}
    assert numbers(db.query(**asked)) == list(found)
    assert numbers(db.query(**asked, ScanIndexForward=False)) == list(found)[::-1]


def test_begins_with_on_a_local_index(db: Any, table: str) -> None:
    asked = {
        "TableName": table,
        "IndexName": "local",
        "KeyConditionExpression": "pk = :p AND begins_with(l, :b)",
        "ExpressionAttributeValues": {":p": s("a"), ":b": s("1")},
    }
    found = db.query(**asked)["Items"]
    assert [item["l"]["S"] for item in found] == sorted(f"1{number:+03}" for number in range(-5, 15) if number % 3 == 1)
    assert {*found[0]} == {"pk", "sk", "l", "kept"}
    assert "extra" in db.query(**asked, Select="ALL_ATTRIBUTES")["Items"][0]
    assert db.query(**asked, ProjectionExpression="extra")["Items"][0].keys() == {"extra"}


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize("index", [None, "all", "keys", "local"])
def test_pages_join_without_gaps(db: Any, table: str, index: str | None, forward: bool) -> None:
    hashed = "g" if index in ("all", "keys") else "pk"
    asked: dict[str, Any] = {
        "TableName": table,
        "KeyConditionExpression": f"{hashed} = :p",
        "ExpressionAttributeValues": {":p": s("g1" if hashed == "g" else "a")},
        "ScanIndexForward": forward,
    } | ({"IndexName": index} if index else {})
    whole = db.query(**asked)["Items"]
    pages = list(db.get_paginator("query").paginate(**asked, PaginationConfig={"PageSize": 3}))
    assert [item for page in pages for item in page["Items"]] == whole
    assert max(page["Count"] for page in pages) == 3


def test_filters_come_after_the_limit(db: Any, table: str) -> None:
    answer = db.query(
        TableName=table,
        KeyConditionExpression="pk = :p",
        FilterExpression="kept >= :zero",
        ExpressionAttributeValues={":p": s("a"), ":zero": n(0)},
        Limit=7,
        ReturnConsumedCapacity="TOTAL",
    )
    assert (answer["ScannedCount"], answer["Count"]) == (7, 2)
    assert answer["LastEvaluatedKey"] == {"pk": s("a"), "sk": n(1)}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"KeyConditionExpression": "sk = :p"}, "Query condition missed key schema element: pk"),
        ({"KeyConditionExpression": "pk > :p"}, "Query key condition not supported"),
        ({"KeyConditionExpression": "pk = :p AND l = :p"}, "Query condition missed key schema element: sk"),
        (
            {"KeyConditionExpression": "pk = :p AND sk = :p"},
            "One or more parameter values were invalid: Condition parameter type does not match schema type",
        ),
        (
            {"FilterExpression": "pk = :p"},
            "Filter Expression can only contain non-primary key attributes: Primary key attribute: pk",
        ),
        ({"IndexName": "none"}, "The table does not have the specified index: none"),
        (
            {"IndexName": "keys", "KeyConditionExpression": "g = :p", "Select": "ALL_ATTRIBUTES"},
            "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global "
            "secondary index keys because its projection type is not ALL",
        ),
        (
            {"IndexName": "keys", "KeyConditionExpression": "g = :p", "ConsistentRead": True},
            "Consistent reads are not supported on global secondary indexes",
        ),
        ({"ExclusiveStartKey": {"pk": s("b"), "sk": n(1)}}, "The provided starting key is outside query boundaries"),
        ({"ExclusiveStartKey": {"pk": s("b")}}, "The provided starting key is invalid"),
        (
            {"Select": "COUNT", "ProjectionExpression": "kept"},
            "Cannot specify the ProjectionExpression when choosing to get COUNT",
        ),
    ],
)
def test_queries_that_are_refused(db: Any, table: str, refused: Any, changes: Any, message: str) -> None:
    asked = {
        "TableName": table,
        "KeyConditionExpression": "pk = :p",
        "ExpressionAttributeValues": {":p": s("a")},
    } | changes
    with refused("ValidationException", message):
        db.query(**asked)


def test_a_scan_reads_a_megabyte_at_a_time(db: Any, make: Make) -> None:
    table = make()
    for number in range(30):
        db.put_item(TableName=table, Item={"pk": s(str(number)), "x": s("x" * 100_000)})
    first = db.scan(TableName=table, ReturnConsumedCapacity="TOTAL")
    assert first["Count"] == 10
    assert first["ConsumedCapacity"]["CapacityUnits"] == 122.5
    pages = db.get_paginator("scan").paginate(TableName=table, ProjectionExpression="pk")
    assert sorted(int(item["pk"]["S"]) for page in pages for item in page["Items"]) == list(range(30))


def test_parallel_scans_share_a_table_without_overlap(db: Any, make: Make, refused: Any) -> None:
    table = make("pk N")
    for number in range(100):
        db.put_item(TableName=table, Item={"pk": n(number)})
    found: list[int] = []
    for segment in range(4):
        part = [int(item["pk"]["N"]) for item in db.scan(TableName=table, TotalSegments=4, Segment=segment)["Items"]]
        assert 10 < len(part) < 40
        found += part
    assert sorted(found) == list(range(100))
    with refused("ValidationException", "The Segment parameter is zero-based and must be less than"):
        db.scan(TableName=table, TotalSegments=4, Segment=4)


def test_scan_index_forward_is_for_queries_only(db: Any) -> None:
    shapes = db.meta.service_model
    assert "ScanIndexForward" in shapes.operation_model("Query").input_shape.members
    assert "ScanIndexForward" not in shapes.operation_model("Scan").input_shape.members


def test_legacy_key_conditions_and_filters(db: Any, table: str) -> None:
    found = db.query(
        TableName=table,
        KeyConditions={
            "pk": {"ComparisonOperator": "EQ", "AttributeValueList": [s("a")]},
            "sk": {"ComparisonOperator": "BETWEEN", "AttributeValueList": [n(0), n(9)]},
        },
        QueryFilter={"kept": {"ComparisonOperator": "GT", "AttributeValueList": [n(5)]}},
        AttributesToGet=["sk"],
    )
    assert found["Items"] == [{"sk": n(number)} for number in range(6, 10)]
    scanned = db.scan(
        TableName=table, ScanFilter={"g": {"ComparisonOperator": "CONTAINS", "AttributeValueList": [s("1")]}}
    )
    assert scanned["Count"] == 10


def test_numbers_sort_by_value_up_to_their_limits(db: Any, make: Make) -> None:
    table = make("pk S, sk N")
    several = ["-9.9E125", "-1", "-1E-130", "0", "1E-130", "0.5", "1", "10", "9.9E125"]
    for number in reversed(several):
        db.put_item(TableName=table, Item={"pk": s("a"), "sk": n(number)})
    asked = {"KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": s("a")}}
    found = db.query(TableName=table, **asked)["Items"]
    assert [Decimal(item["sk"]["N"]) for item in found] == [Decimal(number) for number in several]


def test_indexes_may_have_several_attributes_in_each_key(db: Any, make: Make) -> None:
    name = make(
        "pk S",
        GlobalSecondaryIndexes=[
            {
                "IndexName": "several",
                "KeySchema": [
                    {"AttributeName": "a", "KeyType": "HASH"},
                    {"AttributeName": "b", "KeyType": "HASH"},
                    {"AttributeName": "c", "KeyType": "RANGE"},
                    {"AttributeName": "d", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        AttributeDefinitions=[{"AttributeName": one, "AttributeType": "S"} for one in ("pk", "a", "b", "c", "d")],
    )
    for number in range(8):
        item = {"pk": s(str(number)), "a": s("a"), "b": s("b"), "c": s(str(number % 2)), "d": s(str(number))}
        db.put_item(TableName=name, Item=item)
    found = db.query(
        TableName=name,
        IndexName="several",
        KeyConditionExpression="a = :a AND b = :b AND c = :c AND d > :d",
        ExpressionAttributeValues={":a": s("a"), ":b": s("b"), ":c": s("1"), ":d": s("3")},
    )
    assert [item["pk"]["S"] for item in found["Items"]] == ["5", "7"]
