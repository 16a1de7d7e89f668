"""The operations of DAX's protocol: each reads its arguments, goes through the caches to DynamoDB, and answers.

Reads that are eventually consistent come from the caches; those that are strongly consistent, and transactions, go
through. Developer Guide, "DAX: how it works".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from pileus.kernel import Call

from . import names, wire
from .answers import capacity, metrics, projected
from .cache import Caches
from .clusters import Cluster
from .expressions import Path, Texts, projection
from .wire import Item, Malformed, Schema, array, dumps, key_bytes, key_of, mapping

CAPACITY = ("NONE", "TOTAL", "INDEXES")
METRICS = ("NONE", "SIZE")
RETURNED = {1: "NONE", 2: "ALL_OLD", 3: "UPDATED_OLD", 4: "ALL_NEW", 5: "UPDATED_NEW"}
SELECTED = {1: "ALL_ATTRIBUTES", 2: "ALL_PROJECTED_ATTRIBUTES", 3: "COUNT", 4: "SPECIFIC_ATTRIBUTES"}
OPTIONS: dict[int, tuple[str, Callable[[Any], Any]]] = {
    2: ("ConsistentRead", bool),
    3: ("ReturnConsumedCapacity", lambda given: CAPACITY[given]),
    6: ("ReturnItemCollectionMetrics", lambda given: METRICS[given]),
    7: ("ReturnValues", lambda given: RETURNED[given]),
    11: ("IndexName", lambda given: given.decode()),
    13: ("Limit", int),
    14: ("ScanIndexForward", bool),
    15: ("Select", lambda given: SELECTED[given]),
    16: ("Segment", int),
    17: ("TotalSegments", int),
    19: ("ClientRequestToken", str),
}
SCHEMA_KEPT = 60.0
PROJECTION, CONDITION, UPDATE, START, FILTER = 0, 4, 8, 9, 10
ITEM, CONSUMED, ATTRIBUTES, COLLECTION, ITEMS, COUNT, LAST, SCANNED = 0, 1, 2, 3, 7, 8, 9, 10
"""Members of answers."""


class Session:
    """What the operations of one request work with."""

    def __init__(self, call: Call, cluster: Cluster, caches: Caches, dynamodb: Any, ttls: tuple[float, float]) -> None:
        self.call = call
        self.cluster = cluster
        self.caches = caches
        self.dynamodb = dynamodb
        self.item_ttl, self.query_ttl = ttls
        self.texts = Texts()
        self.paths: list[Path] | None = None

    def schema(self, table: str) -> Schema:
        """The key attributes of a table, with their types."""
        known = self.caches.schemas.get(table, self.call.now)
        if known is not None:
            return known.value  # type: ignore[no-any-return]
        told = self.dynamodb.describe_table(table_name=table)["Table"]
        types = {one["AttributeName"]: one["AttributeType"] for one in told["AttributeDefinitions"]}
        schema = {part["AttributeName"]: types[part["AttributeName"]] for part in told["KeySchema"]}
        self.caches.schemas.put(table, schema, self.call.now + SCHEMA_KEPT)
        return schema

    def options(self, given: dict[int, Any] | None, schema: Schema) -> dict[str, Any]:
        """What a request has beside its key, in wire names."""
        told: dict[str, Any] = {}
        for number, value in (given or {}).items():
            if number in OPTIONS:
                name, read = OPTIONS[number]
                told[name] = read(value)
            elif number == PROJECTION:
                self.paths = projection(value)
            elif number == UPDATE:
                told["UpdateExpression"] = self.texts.update(value)
            elif number == CONDITION:
                told["ConditionExpression"] = self.texts.condition(value)
            elif number == FILTER:
                told["FilterExpression"] = self.texts.condition(value)
        if given and START in given:
            told["ExclusiveStartKey"] = start_of(given[START], schema, "IndexName" in told)
        return told

    def ask(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """DynamoDB's own answer."""
        from pileus import models

        members = {models.snake_case(name): value for name, value in (request | self.texts.members).items()}
        answer: dict[str, Any] = getattr(self.dynamodb, operation)(**members)
        return answer

    def values(self, item: Item, schema: Schema) -> bytes:
        return dumps(names.values(self.call, self.cluster.name, item, schema))

    def keep(self, table: str, schema: Schema, key: Item, item: Item | None) -> None:
        """Keep an item, or that there is none."""
        place = (table, key_bytes(key, schema))
        self.caches.items.put(place, item, self.call.now + self.item_ttl)

    def forget(self, table: str, schema: Schema, key: Item) -> None:
        self.caches.items.drop((table, key_bytes(key, schema)))

    def item_of(self, data: bytes, key: Item) -> Item:
        """The item whose values came without their names."""
        number, *values = wire.items(data)
        known = names.names_of(self.call, self.cluster.name, number)
        if known is None or len(known) != len(values):
            raise Malformed(f"The attribute list {number} does not fit")
        return key | {name: wire.value_of(value) for name, value in zip(known, values, strict=True)}


def start_of(data: bytes, schema: Schema, indexed: bool) -> Item:
    if not indexed:
        return key_of(data, schema)
    return {name: wire.value_of(value) for name, value in wire.items(data)[0].items()}


# One item


def get_item(session: Session, table: bytes, key: bytes, given: Any) -> bytes:
    name = table.decode()
    schema = session.schema(name)
    options = session.options(given, schema)
    session.texts = Texts()
    wanted = key_of(key, schema)
    kept = None if options.get("ConsistentRead") else session.caches.items.get((name, key), session.call.now)
    told: dict[int, bytes] = {}
    if kept is not None:
        item = kept.value
    else:
        answer = session.ask("get_item", {"TableName": name, "Key": wanted} | options)
        item = answer.get("Item")
        if not options.get("ConsistentRead"):
            session.keep(name, schema, wanted, item)
        told |= consumed(answer)
    if item is not None:
        told[ITEM] = projected(item, session.paths) if session.paths is not None else session.values(item, schema)
    return mapping(told)


def consumed(answer: dict[str, Any]) -> dict[int, bytes]:
    return {CONSUMED: dumps(capacity(answer["ConsumedCapacity"]))} if answer.get("ConsumedCapacity") else {}


def put_item(session: Session, table: bytes, key: bytes, values: bytes, given: Any) -> bytes:
    name = table.decode()
    schema = session.schema(name)
    wanted = key_of(key, schema)
    item = session.item_of(values, wanted)
    request = {"TableName": name, "Item": item} | session.options(given, schema)
    answer = session.ask("put_item", request)
    session.keep(name, schema, wanted, item)
    return written(session, answer, schema, request)


def update_item(session: Session, table: bytes, key: bytes, given: Any) -> bytes:
    return changed(session, "update_item", table, key, given)


def delete_item(session: Session, table: bytes, key: bytes, given: Any) -> bytes:
    return changed(session, "delete_item", table, key, given)


def changed(session: Session, operation: str, table: bytes, key: bytes, given: Any) -> bytes:
    name = table.decode()
    schema = session.schema(name)
    wanted = key_of(key, schema)
    request = {"TableName": name, "Key": wanted} | session.options(given, schema)
    answer = session.ask(operation, request)
    session.forget(name, schema, wanted)
    return written(session, answer, schema, request)


def written(session: Session, answer: dict[str, Any], schema: Schema, request: dict[str, Any]) -> bytes:
    told = consumed(answer)
    if attributes := answer.get("Attributes"):
        if request.get("ReturnValues", "").startswith("UPDATED"):
            told[ATTRIBUTES] = dumps(names.some_values(session.call, session.cluster.name, attributes))
        else:
            told[ATTRIBUTES] = session.values(attributes, schema)
    if found := answer.get("ItemCollectionMetrics"):
        told[COLLECTION] = dumps(metrics(found))
    return mapping(told)


# Several items


def query(session: Session, table: bytes, key_condition: bytes | None, given: Any) -> bytes:
    request: dict[str, Any] = {}
    if key_condition is not None:
        request["KeyConditionExpression"] = session.texts.condition(key_condition)
    return paged(session, "query", table, given, request)


def scan(session: Session, table: bytes, given: Any) -> bytes:
    return paged(session, "scan", table, given, {})


def paged(session: Session, operation: str, table: bytes, given: Any, request: dict[str, Any]) -> bytes:
    name = table.decode()
    schema = session.schema(name)
    request |= {"TableName": name} | session.options(given, schema)
    if request.get("Select") == "SPECIFIC_ATTRIBUTES":
        del request["Select"]  # the attributes are picked out here
    place = (operation, msgspec.msgpack.encode([request, session.texts.members], order="deterministic"))
    consistent = request.get("ConsistentRead", False)
    kept = None if consistent else session.caches.queries.get(place, session.call.now)
    if kept is not None:
        answer: dict[str, Any] = {**kept.value, "ConsumedCapacity": None}
    else:
        answer = session.ask(operation, request)
        if not consistent:
            session.caches.queries.put(place, answer, session.call.now + session.query_ttl)
    told = {COUNT: dumps(answer["Count"]), SCANNED: dumps(answer["ScannedCount"])} | consumed(answer)
    if "Items" in answer:
        told[ITEMS] = array([listed(session, item, schema) for item in answer["Items"]])
    if last := answer.get("LastEvaluatedKey"):
        told[LAST] = dumps(compound(last) if "IndexName" in request else key_bytes(last, schema))
    return mapping(told)


def compound(key: Item) -> bytes:
    return dumps({name: wire.plain(value) for name, value in key.items()})


def listed(session: Session, item: Item, schema: Schema) -> bytes:
    if session.paths is not None:
        return projected(item, session.paths)
    return array([dumps(key_bytes(item, schema)), session.values(item, schema)])
