"""Items by the likeness of their vectors."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pileus.testing.local import CloudClock

from .conftest import Make, n, s


def vector(*numbers: float) -> dict[str, Any]:
    return {"L": [n(number) for number in numbers]}


def index(name: str = "byV", distance: str = "COSINE", dimensions: int = 2, **more: Any) -> dict[str, Any]:
    return {
        "IndexName": name,
        "VectorAttribute": {"AttributeName": "v"},
        "Projection": {"ProjectionType": "ALL"},
        "Dimensions": dimensions,
        "DistanceFunction": distance,
    } | more


def put(db: Any, table: str, key: str, *numbers: float, **more: Any) -> None:
    db.put_item(TableName=table, Item={"pk": s(key), "v": vector(*numbers)} | more)


def found(db: Any, table: str, *numbers: float, k: int = 3, name: str = "byV", **more: Any) -> list[tuple[str, float]]:
    told = db.search_vectors(TableName=table, IndexName=name, SearchVector=vector(*numbers)["L"], TopK=k, **more)[
        "SearchResults"
    ]
    return [(one["Item"]["pk"]["S"], one["Score"]) for one in told]


def test_the_most_alike_come_first_by_each_measure(db: Any, make: Make) -> None:
    indexes = [index(name, name) for name in ("COSINE", "EUCLIDEAN", "DOT_PRODUCT")]
    table = make(VectorIndexes=indexes)
    put(db, table, "same", 1, 0)
    put(db, table, "long", 10, 1)
    put(db, table, "across", 0, 1)
    put(db, table, "opposite", -1, 0)
    assert [key for key, _ in found(db, table, 1, 0, name="COSINE", k=4)] == ["same", "long", "across", "opposite"]
    scores = dict(found(db, table, 1, 0, name="COSINE", k=4))
    assert scores["same"] == pytest.approx(0) and scores["opposite"] == pytest.approx(2)
    assert found(db, table, 1, 0, name="EUCLIDEAN", k=2)[1] == ("across", pytest.approx(math.sqrt(2)))
    assert found(db, table, 1, 0, name="DOT_PRODUCT", k=1) == [("long", pytest.approx(10))]


def test_an_index_follows_its_table(db: Any, make: Make) -> None:
    table = make(VectorIndexes=[index()])
    put(db, table, "a", 1, 0)
    put(db, table, "b", 0, 1)
    put(db, table, "wrong", 1, 2, 3)
    db.put_item(TableName=table, Item={"pk": s("none")})
    assert [key for key, _ in found(db, table, 1, 0)] == ["a", "b"]
    put(db, table, "a", -1, 0)
    db.delete_item(TableName=table, Key={"pk": s("b")})
    assert found(db, table, 1, 0) == [("a", pytest.approx(2))]
    (told,) = db.describe_table(TableName=table)["Table"]["VectorIndexes"]
    assert (told["IndexStatus"], told["ItemCount"], told["Dimensions"]) == ("ACTIVE", 1, 2)


def test_a_search_stays_in_its_partition_and_filters(db: Any, make: Make, refused: Any) -> None:
    schema = [
        {"AttributeName": "shop", "SearchSchemaElementType": "HASH"},
        {"AttributeName": "kind", "SearchSchemaElementType": "INLINE_FILTER"},
    ]
    table = make(VectorIndexes=[index(SearchSchema=schema, Projection={"ProjectionType": "KEYS_ONLY"})])
    for number, (shop, kind) in enumerate([("x", "tea"), ("x", "cup"), ("y", "tea")]):
        put(db, table, str(number), 1, number, shop=s(shop), kind=s(kind), secret=s("z"))
    in_x = {"SearchConditionExpression": "shop = :s", "ExpressionAttributeValues": {":s": s("x")}}
    assert [key for key, _ in found(db, table, 1, 0, **in_x)] == ["0", "1"]
    both = {
        "SearchConditionExpression": "shop = :s AND kind = :k",
        "ExpressionAttributeValues": {":s": s("x"), ":k": s("cup")},
    }
    assert [key for key, _ in found(db, table, 1, 0, **both)] == ["1"]
    told = db.search_vectors(TableName=table, IndexName="byV", SearchVector=vector(1, 0)["L"], TopK=1, **in_x)
    assert told["SearchResults"][0]["Item"].keys() == {"pk", "shop", "kind"}
    with refused("ValidationException", "partition key shop"):
        found(db, table, 1, 0)
    with refused("ValidationException", "equality"):
        found(db, table, 1, 0, **in_x | {"SearchConditionExpression": "shop < :s"})
    with refused("ValidationException", "list of 2 numbers"):
        found(db, table, 1, 0, 3, **in_x)


def test_an_index_can_be_added_and_removed_later(db: Any, make: Make, clock: CloudClock, refused: Any) -> None:
    table = make()
    for number in range(5):
        put(db, table, str(number), 1, number)
    db.update_table(TableName=table, VectorIndexUpdates=[{"Create": index()}])
    clock.advance(1)
    assert [key for key, _ in found(db, table, 1, 0)] == ["0", "1", "2"]
    with refused("ValidationException", "Duplicate index name"):
        db.update_table(TableName=table, VectorIndexUpdates=[{"Create": index()}])
    backup = db.create_backup(TableName=table, BackupName="nightly")["BackupDetails"]["BackupArn"]
    clock.advance(1)
    db.restore_table_from_backup(TargetTableName=f"{table}-copy", BackupArn=backup)
    clock.advance(1)
    assert [key for key, _ in found(db, f"{table}-copy", 1, 4, k=1)] == ["4"]
    db.update_table(TableName=table, VectorIndexUpdates=[{"Delete": {"IndexName": "byV"}}])
    clock.advance(1)
    with refused("ResourceNotFoundException"):
        found(db, table, 1, 0)


numbers = st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=1, max_size=12)


@settings(max_examples=15, deadline=None)
@given(numbers, st.tuples(st.integers(-9, 9), st.integers(-9, 9)), st.integers(1, 5))
def test_a_search_is_exact(
    resource: Any, client: Any, vectors: list[tuple[int, int]], wanted: tuple[int, int], k: int
) -> None:
    table = f"exact-{abs(hash((tuple(vectors), wanted, k)))}"
    names = [item for item in client.list_tables()["TableNames"] if item == table]
    if not names:
        client.create_table(
            TableName=table,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            VectorIndexes=[index(distance="EUCLIDEAN")],
        )
        client.get_waiter("table_exists").wait(TableName=table, WaiterConfig={"Delay": 1})
    for number, one in enumerate(vectors):
        put(client, table, str(number), *one)
    scores = [score for _, score in found(client, table, *wanted, k=k)]
    assert scores == pytest.approx(sorted(math.dist(one, wanted) for one in vectors)[:k])
