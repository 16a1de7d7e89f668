"""PartiQL does what the classic operations do."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Make, n, s


@pytest.fixture
def table(db: Any, make: Make) -> str:
    name = make("pk S, sk N", gsis={"byG": "g S"})
    for number in range(10):
        item = f"{{'pk': 'a', 'sk': {number}, 'g': '{number % 2}', 'm': {{'l': [1, 'two', <<'x', 'y'>>]}}}}"
        db.execute_statement(Statement=f'INSERT INTO "{name}" VALUE {item}')
    return name


def run(db: Any, statement: str, *parameters: Any, **more: Any) -> Any:
    given = {"Parameters": list(parameters)} if parameters else {}
    return db.execute_statement(Statement=statement, **given, **more)["Items"]


def test_insert_writes_all_types_and_only_once(db: Any, table: str, refused: Any) -> None:
    item = db.get_item(TableName=table, Key={"pk": s("a"), "sk": n(3)})["Item"]
    assert item["m"] == {"M": {"l": {"L": [n(1), s("two"), {"SS": ["x", "y"]}]}}}
    with refused("DuplicateItemException", "Duplicate primary key exists in table"):
        run(db, f"INSERT INTO \"{table}\" VALUE {{'pk': 'a', 'sk': ?}}", n(3))


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("pk = 'a' AND sk > 7", [8, 9]),
        ("pk = 'a' AND sk BETWEEN 2 AND 4", [2, 3, 4]),
        ("pk = 'a' AND (sk = 1 OR sk = 5)", [1, 5]),
        ("pk = 'a' AND sk IN [3, 4]", [3, 4]),
        ("pk = 'a' AND NOT sk < 9", [9]),
        ("pk = 'a' AND m.l[0] = 1 AND contains(m.l[2], 'x') AND sk <= 0", [0]),
        ("pk = 'a' AND none IS MISSING AND sk >= 9", [9]),
        ("pk = 'a' AND size(g) <> 1", []),
        ("g = '1' AND sk < 4", [1, 3]),
        ("pk = 'a' ORDER BY sk DESC", [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]),
    ],
)
def test_selects(db: Any, table: str, where: str, found: list[int]) -> None:
    items = run(db, f'SELECT sk FROM "{table}" WHERE {where}')
    numbers = [int(item["sk"]["N"]) for item in items]
    assert (numbers if "pk" in where else sorted(numbers)) == found
    assert all(item.keys() == {"sk"} for item in items)


def test_selects_from_an_index_in_pages(db: Any, table: str) -> None:
    statement = f'SELECT * FROM "{table}"."byG" WHERE g = ?'
    first = db.execute_statement(Statement=statement, Parameters=[s("1")], Limit=3)
    rest = db.execute_statement(Statement=statement, Parameters=[s("1")], NextToken=first["NextToken"])
    assert len(first["Items"]) == 3
    assert sorted(item["sk"]["N"] for item in first["Items"] + rest["Items"]) == ["1", "3", "5", "7", "9"]


def test_updates_and_deletes_name_a_whole_key(db: Any, table: str, refused: Any) -> None:
    with refused("ValidationException", "Where clause does not contain a mandatory equality on all key attributes"):
        run(db, f"UPDATE \"{table}\" SET x = 1 WHERE pk = 'a'")
    changed = run(
        db,
        f"UPDATE \"{table}\" SET x = 5 SET y = sk + 2, m.l[0] = ? REMOVE g WHERE pk = 'a' AND sk = 3 AND g = '1' "
        "RETURNING ALL NEW *",
        s("new"),
    )
    assert changed[0]["x"] == n(5) and changed[0]["y"] == n(5) and "g" not in changed[0]
    assert changed[0]["m"]["M"]["l"]["L"][0] == s("new")
    with refused("ConditionalCheckFailedException"):
        run(db, f"UPDATE \"{table}\" SET x = 1 WHERE pk = 'a' AND sk = 99")
    assert run(db, f"DELETE FROM \"{table}\" WHERE pk = 'a' AND sk = 4 RETURNING ALL OLD *")[0]["sk"] == n(4)
    assert db.scan(TableName=table)["Count"] == 9


def test_batches_tell_each_statements_error(db: Any, table: str) -> None:
    answers = db.batch_execute_statement(
        Statements=[
            {"Statement": f"SELECT sk FROM \"{table}\" WHERE pk = 'a' AND sk = 1"},
            {"Statement": f"INSERT INTO \"{table}\" VALUE {{'pk': 'a', 'sk': 1}}"},
            {"Statement": "SELECT * FROM nowhere WHERE pk = 'a'"},
        ]
    )["Responses"]
    assert answers[0] == {"TableName": table, "Item": {"sk": n(1)}}
    assert [answer["Error"]["Code"] for answer in answers[1:]] == ["DuplicateItem", "ResourceNotFound"]


def test_transactions_are_all_or_nothing(db: Any, table: str, refused: Any) -> None:
    insert = {"Statement": f"INSERT INTO \"{table}\" VALUE {{'pk': 'b', 'sk': 1}}"}
    check = f"EXISTS(SELECT * FROM \"{table}\" WHERE pk = 'a' AND sk = 1 AND g = '{{}}')"
    with refused("TransactionCanceledException", "[None, ConditionalCheckFailed]"):
        db.execute_transaction(TransactStatements=[insert, {"Statement": check.format("0")}])
    db.execute_transaction(TransactStatements=[insert, {"Statement": check.format("1")}])
    read = {"Statement": f"SELECT pk FROM \"{table}\" WHERE pk = 'b' AND sk = 1"}
    assert db.execute_transaction(TransactStatements=[read])["Responses"] == [{"Item": {"pk": s("b")}}]
    with refused("TransactionCanceledException", "[DuplicateItem]"):
        db.execute_transaction(TransactStatements=[insert])


@pytest.mark.parametrize("text", ["SELEC * FROM t", "SELECT * FROM", "SELECT * FROM t WHERE", "DELETE FROM t WHERE a"])
def test_statements_that_are_none(db: Any, refused: Any, text: str) -> None:
    with refused("ValidationException", "Statement wasn't well formed, can't be processed"):
        run(db, text)
