"""Batches: up to a hundred items read, or twenty-five written, in one request; each for itself."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from msgspec import Raw

from pileus.kernel import Call, Fault

from . import capacity, dynamodb, faults, paths, writing
from .items import view_of
from .records import collection, load, size_of, told
from .tables import Table
from .throttling import charge, enforced, is_throttle
from .values import Item

MOST_READ = 100
MOST_WRITTEN = 25
LARGEST_ANSWER = 16 * 1024 * 1024


@dynamodb.operation
def batch_get_item(
    call: Call, request_items: dict[str, dict[str, Any]], return_consumed_capacity: str = "NONE"
) -> dict[str, Any]:
    """Items of several keys and tables; what goes beyond 16 MB is left to be asked for again."""
    if sum(len(asked["Keys"]) for asked in request_items.values()) > MOST_READ:
        raise faults.invalid("Too many items requested for the BatchGetItem call")
    answers: dict[str, list[Item | Raw]] = {}
    unprocessed: dict[str, dict[str, Any]] = {}
    bill = capacity.Bill()
    room = LARGEST_ANSWER
    for name, asked in request_items.items():
        table = Table.named(call, name)
        view = view_of(
            asked.get("ExpressionAttributeNames"), asked.get("ProjectionExpression"), asked.get("AttributesToGet")
        )
        consistent = asked.get("ConsistentRead", False)
        found = answers.setdefault(name, [])
        for key, place in zip(asked["Keys"], places(table, asked["Keys"]), strict=True):
            raw = call.store.get(table.prefix + place)
            size = 0 if raw is None else size_of(raw)
            units = capacity.read_units(size, consistent)
            throttle = None if size > room else affordable(call, table, "Read", units)
            if size > room or throttle:
                left = unprocessed.setdefault(name, {**asked, "Keys": []})
                left["Keys"].append(key)
                if throttle and throttled_all(unprocessed, request_items):
                    raise throttle
                continue
            bill.add(table, units)
            if raw is not None:
                room -= size
                found.append(told(call, raw) if view is None else paths.projected(load(raw), view[0]))
    return {"Responses": answers, "UnprocessedKeys": unprocessed} | bill.told(return_consumed_capacity)


def affordable(call: Call, table: Table, kind: str, units: float) -> Fault | None:
    """Take what a read costs, if the table can take it; or the error that says why not."""
    try:
        charge(call, table, kind, units)
    except Fault as fault:
        if not is_throttle(fault):
            raise
        return fault
    return None


def throttled_all(unprocessed: dict[str, Any], request_items: dict[str, Any]) -> bool:
    """Whether nothing of a request could be read: only then is that an error."""
    return sum(len(left["Keys"]) for left in unprocessed.values()) == sum(
        len(asked["Keys"]) for asked in request_items.values()
    )


def places(table: Table, keys: list[Item]) -> list[bytes]:
    found = [table.schema.place_of(key) for key in keys]
    if len({*found}) < len(found):
        raise faults.invalid("Provided list of item keys contains duplicates")
    return found


@dynamodb.operation
def batch_write_item(
    call: Call,
    request_items: dict[str, list[dict[str, Any]]],
    return_consumed_capacity: str = "NONE",
    return_item_collection_metrics: str = "NONE",
) -> dict[str, Any]:
    """Put and delete items of several tables; all are checked before the first is written."""
    if sum(len(requests) for requests in request_items.values()) > MOST_WRITTEN:
        raise faults.invalid("Too many items requested for the BatchWriteItem call")
    writes = [
        (name, write, request)
        for name, requests in request_items.items()
        for write, request in zip(prepared(call, name, requests), requests, strict=True)
    ]
    metrics: dict[str, list[Any]] = {}
    bill = capacity.Bill()
    unprocessed: dict[str, list[Any]] = {}
    for name, write, request in writes:
        outcome = writing.decide(call, write)
        try:
            with call.store.attempt() if enforced(call, write.table) else nullcontext():
                units = writing.carry_out(call, outcome)
        except Fault as fault:
            if not is_throttle(fault):
                raise
            unprocessed.setdefault(name, []).append(request)
            if sum(map(len, unprocessed.values())) == len(writes):
                raise
            continue
        bill.add(write.table, outcome.units, units)
        if measured := collection(write.table, write.key, return_item_collection_metrics):
            metrics.setdefault(name, []).append(measured)
    answer: dict[str, Any] = {"UnprocessedItems": unprocessed}
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
    if len({write.place for write in found}) < len(found):
        raise faults.invalid("Provided list of item keys contains duplicates")
    return found
