"""Batches: up to a hundred items read, or twenty-five written, in one request; each for itself."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call

from . import capacity, dynamodb, faults, paths, writing
from .items import view_of
from .permissions import allowed
from .records import collection, load
from .tables import Table
from .values import Item

MOST_READ = 100
MOST_WRITTEN = 25
LARGEST_ANSWER = 16 * 1024 * 1024


@dynamodb.operation(action="")
def batch_get_item(
    call: Call, request_items: dict[str, dict[str, Any]], return_consumed_capacity: str = "NONE"
) -> dict[str, Any]:
    """Items of several keys and tables; what goes beyond 16 MB is left to be asked for again."""
    if sum(len(asked["Keys"]) for asked in request_items.values()) > MOST_READ:
        raise faults.invalid("Too many items requested for the BatchGetItem call")
    answers: dict[str, list[Item]] = {}
    unprocessed: dict[str, dict[str, Any]] = {}
    bill = capacity.Bill()
    room = LARGEST_ANSWER
    for name, asked in request_items.items():
        table = Table.named(call, name)
        allowed(call, "BatchGetItem", table, asked["Keys"])
        view = view_of(
            asked.get("ExpressionAttributeNames"), asked.get("ProjectionExpression"), asked.get("AttributesToGet")
        )
        consistent = asked.get("ConsistentRead", False)
        found = answers.setdefault(name, [])
        for key, place in zip(asked["Keys"], places(table, asked["Keys"]), strict=True):
            raw = call.store.get(table.prefix + place)
            size = int.from_bytes(raw[:4], "big") if raw else 0
            if size > room:
                left = unprocessed.setdefault(name, {**asked, "Keys": []})
                left["Keys"].append(key)
                continue
            bill.add(table, capacity.read_units(size, consistent))
            if raw is not None:
                room -= size
                item = load(raw)
                found.append(item if view is None else paths.projected(item, view[0]))
    return {"Responses": answers, "UnprocessedKeys": unprocessed} | bill.told(return_consumed_capacity)


def places(table: Table, keys: list[Item]) -> list[bytes]:
    found = [table.schema.place_of(key) for key in keys]
    if len({*found}) < len(found):
        raise faults.invalid("Provided list of item keys contains duplicates")
    return found


@dynamodb.operation(action="")
def batch_write_item(
    call: Call,
    request_items: dict[str, list[dict[str, Any]]],
    return_consumed_capacity: str = "NONE",
    return_item_collection_metrics: str = "NONE",
) -> dict[str, Any]:
    """Put and delete items of several tables; all are checked before the first is written."""
    if sum(len(requests) for requests in request_items.values()) > MOST_WRITTEN:
        raise faults.invalid("Too many items requested for the BatchWriteItem call")
    writes = [(name, write) for name, requests in request_items.items() for write in prepared(call, name, requests)]
    metrics: dict[str, list[Any]] = {}
    bill = capacity.Bill()
    for name, write in writes:
        outcome = writing.decide(call, write)
        bill.add(write.table, outcome.units, writing.carry_out(call, outcome))
        if told := collection(write.table, write.key, return_item_collection_metrics):
            metrics.setdefault(name, []).append(told)
    answer: dict[str, Any] = {"UnprocessedItems": {}}
    if metrics:
        answer["ItemCollectionMetrics"] = metrics
    return answer | bill.told(return_consumed_capacity)


def prepared(call: Call, name: str, requests: list[dict[str, Any]]) -> list[writing.Write]:
    table = Table.named(call, name)
    found = []
    for request in requests:
        if len(request) != 1:
            raise faults.invalid(
                "Supplied AttributeValue has more than one datatypes set, "
                "must contain exactly one of the supported datatypes"
                if request
                else "Supplied WriteRequest is empty, must contain exactly one of PutRequest and DeleteRequest"
            )
        if put := request.get("PutRequest"):
            found.append(writing.put(table, put["Item"]))
        else:
            found.append(writing.delete(table, request["DeleteRequest"]["Key"]))
    allowed(call, "BatchWriteItem", table, [write.key for write in found])
    if len({write.place for write in found}) < len(found):
        raise faults.invalid("Provided list of item keys contains duplicates")
    return found
