"""Items at rest: in JSON, as they are answered; earlier versions stored them in MessagePack."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from pileus.kernel import Call
from pileus.kernel.clock import Clock
from pileus.kernel.cloud import Cloud
from pileus.kernel.identity import root
from pileus.kernel.store import open_store
from pileus.services.dynamodb import records, values
from pileus.services.dynamodb.tables import Table

ITEM: dict[str, Any] = {
    "pk": {"S": 'a"\\\u20ac\n\U0001f600'},
    "B": {"B": b"\x00\xff"},
    "BS": {"BS": [b"", b"\x80"]},
    "M": {"M": {"": {"L": [{"NULL": True}, {"M": {}}, {"N": "-0.5"}]}, "BOOL": {"BOOL": False}}},
    "NS": {"NS": ["1", "2"]},
    "SS": {"SS": ["", "x"]},
}
KEY = {"pk": ITEM["pk"]}


@pytest.fixture
def call() -> Call:
    """A call in a cloud that has one table of one item."""
    cloud = Cloud(open_store(None, schedule=lambda tick: None), Clock())
    made = cloud.call("dynamodb", account="111122223333", principal=root("111122223333"))
    perform(
        made,
        "CreateTable",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    cloud.service("dynamodb").tasks["activate"](made, name="one")
    perform(made, "PutItem", Item=ITEM)
    return made


def perform(call: Call, operation: str, **request: Any) -> Any:
    return call.cloud.perform(call.at(operation=operation), operation, {"TableName": "one"} | request)


def place_of(call: Call) -> bytes:
    table = Table.named(call, "one")
    return table.prefix + table.schema.place_of(dict(KEY))


def in_msgpack(call: Call) -> None:
    """Store the item as earlier versions did."""
    raw = values.size(ITEM).to_bytes(4, "big") + msgspec.msgpack.encode(ITEM)
    with call.store.attempt():
        call.store.put(place_of(call), raw)


@pytest.mark.parametrize("old", [False, True])
def test_items_are_read_as_they_were_put(call: Call, old: bool) -> None:
    if old:
        in_msgpack(call)
    assert perform(call, "GetItem", Key=KEY) == {"Item": ITEM}
    assert perform(call, "Scan")["Items"] == [ITEM]
    changed = perform(
        call,
        "UpdateItem",
        Key=KEY,
        UpdateExpression="SET n = :n REMOVE M",
        ConditionExpression="B = :b",
        ExpressionAttributeValues={":n": {"N": "7"}, ":b": ITEM["B"]},
        ReturnValues="ALL_NEW",
    )["Attributes"]
    assert changed == {name: value for name, value in ITEM.items() if name != "M"} | {"n": {"N": "7"}}
    assert perform(call, "DeleteItem", Key=KEY, ReturnValues="ALL_OLD") == {"Attributes": changed}


@pytest.mark.parametrize("old", [False, True])
def test_what_is_answered_in_json_is_the_same(call: Call, old: bool) -> None:
    if old:
        in_msgpack(call)
    raw = call.store.get(place_of(call))
    assert raw is not None
    plain, told = records.told(call, raw), records.told(call.at(json=True), raw)
    assert plain == ITEM
    assert isinstance(told, msgspec.Raw) != old
    assert msgspec.json.encode(told) == msgspec.json.encode(ITEM)


def test_other_services_get_items_and_no_json(call: Call) -> None:
    asked = call.at(json=True, service="states").aws("dynamodb")
    assert asked.get_item(table_name="one", key=KEY) == {"Item": ITEM}
    assert asked.scan(table_name="one")["Items"] == [ITEM]
