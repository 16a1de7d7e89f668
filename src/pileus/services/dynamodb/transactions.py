"""Transactions: up to a hundred items read or written together, all or nothing.

Developer Guide, "Amazon DynamoDB Transactions: How it works". Every operation of the cloud is alone in the store, so
there is never a conflict between transactions.
"""

from __future__ import annotations

import hashlib
from typing import Any
from zlib import crc32

import msgspec

from pileus.kernel import Call, Fault, Record

from . import capacity, dynamodb, faults, paths, writing
from .items import view_of
from .records import collection, load, read, size_of, told
from .tables import Table
from .throttling import charge, is_throttle

MOST = 100
LARGEST = 4 * 1024 * 1024
REMEMBERED = 600.0
CLEARING = 16
"""Tokens of which about one clears away what is no longer remembered."""
CODES = {
    "ConditionalCheckFailedException": "ConditionalCheckFailed",
    "ValidationException": "ValidationError",
    "DuplicateItemException": "DuplicateItem",
    "ProvisionedThroughputExceededException": "ProvisionedThroughputExceeded",
    "ThrottlingException": "ThrottlingError",
}
"""The codes of a cancelled transaction's reasons."""


FAILED = ("ConditionalCheckFailedException",)


class Done(Record, indexes={"at": ("at",)}):
    """A transaction that was carried out, so that it is not carried out again within ten minutes."""

    token: str
    at: float
    digest: bytes


def cancelled(reasons: list[Fault | None]) -> Fault:
    """The error of a transaction, with a reason for each of its parts."""
    told: list[dict[str, Any]] = []
    for fault in reasons:
        if fault is None:
            told.append({"Code": "None"})
        else:
            item = {name: value for name, value in fault.members.items() if name == "Item"}
            told.append({"Code": CODES[fault.code], "Message": fault.message, **item})
    codes = ", ".join(reason["Code"] for reason in told)
    message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
    return Fault("TransactionCanceledException", message, CancellationReasons=told)


@dynamodb.operation(action="dynamodb:PutItem")
def transact_get_items(
    call: Call, transact_items: list[dict[str, Any]], return_consumed_capacity: str = "NONE"
) -> dict[str, Any]:
    """Items of several keys and tables, as they are at one moment."""
    bill = capacity.Bill()
    answers: list[dict[str, Any]] = []
    seen: set[tuple[str, bytes]] = set()
    total = 0
    for part in transact_items:
        get = part["Get"]
        table = Table.named(call, get["TableName"])
        view = view_of(get.get("ExpressionAttributeNames"), get.get("ProjectionExpression"), None)
        place = table.schema.place_of(get["Key"])
        if (table.box, place) in seen:
            raise faults.invalid("Transaction request cannot include multiple operations on one item")
        seen.add((table.box, place))
        raw = call.store.get(table.prefix + place)
        size = 0 if raw is None else size_of(raw)
        total += size
        units = 2 * capacity.read_units(size, True)
        charge(call, table, "Read", units)
        bill.add(table, units)
        if raw is None:
            answers.append({})
        else:
            answers.append({"Item": told(call, raw) if view is None else paths.projected(load(raw), view[0])})
    if total > LARGEST:
        raise faults.invalid("Aggregated size of items in the transaction exceeds the limit of 4 MB")
    return {"Responses": answers} | bill.told(return_consumed_capacity, "Read")


@dynamodb.operation(action="dynamodb:PutItem")
def transact_write_items(
    call: Call,
    transact_items: list[dict[str, Any]],
    return_consumed_capacity: str = "NONE",
    return_item_collection_metrics: str = "NONE",
    client_request_token: str = "",
) -> dict[str, Any]:
    """Put, update, delete and check items of several tables: all of it, or nothing if a single condition fails."""
    digest = fingerprint(transact_items)
    if client_request_token and (done := remembered(call, client_request_token)):
        if done.digest != digest:
            raise mismatch()
        return told_again(call, transact_items, return_consumed_capacity)
    writes = [prepared(call, part) for part in transact_items]
    for write in writes:
        if write.table.strong:
            raise faults.invalid("Transactions are not supported for tables with MultiRegionConsistency of STRONG")
    outcomes = decided(call, writes)
    bill = capacity.Bill()
    metrics: dict[str, list[Any]] = {}
    for outcome in outcomes:
        table = outcome.write.table
        others = {name: 2 * units for name, units in carried_out(call, outcomes, outcome).items()}
        bill.add(table, 2 * outcome.units, others)
        if measured := collection(table, outcome.write.key, return_item_collection_metrics):
            metrics.setdefault(table.name, []).append(measured)
    if client_request_token:
        remember(call, client_request_token, digest)
    return ({"ItemCollectionMetrics": metrics} if metrics else {}) | bill.told(return_consumed_capacity, "Write")


def decided(call: Call, writes: list[writing.Write], inserts: list[bool] = []) -> list[writing.Outcome]:
    """What each comes to; raises with a reason for each if one of them may not be."""
    if len({(write.table.box, write.place) for write in writes}) < len(writes):
        raise faults.invalid("Transaction request cannot include multiple operations on one item")
    if sum(write.size for write in writes) > LARGEST:
        raise faults.invalid("Transaction request size exceeds the limit of 4 MB")
    outcomes: list[writing.Outcome] = []
    reasons: list[Fault | None] = []
    for write in writes:
        try:
            outcomes.append(writing.decide(call, write))
            reasons.append(None)
        except Fault as fault:
            inserted = len(reasons) < len(inserts) and inserts[len(reasons)]
            reasons.append(duplicate() if inserted and fault.code in FAILED else fault)
    if any(reasons):
        raise cancelled(reasons)
    return outcomes


def carried_out(call: Call, outcomes: list[writing.Outcome], outcome: writing.Outcome) -> capacity.Units:
    """Carry out one of them; where its table is throttled, that is the reason for cancelling all."""
    try:
        return writing.carry_out(call, outcome, times=2)
    except Fault as fault:
        if not is_throttle(fault):
            raise
        raise cancelled([fault if one is outcome else None for one in outcomes]) from None


def duplicate() -> Fault:
    return Fault("DuplicateItemException", "Duplicate primary key exists in table")


def prepared(call: Call, part: dict[str, Any]) -> writing.Write:
    if len(part) != 1:
        raise faults.invalid("TransactItems can only contain one of Check, Put, Update or Delete")
    ((kind, asked),) = part.items()
    table = Table.named(call, asked["TableName"])
    texts = {"ConditionExpression": asked.get("ConditionExpression")}
    if kind == "Update":
        texts = {"UpdateExpression": asked["UpdateExpression"]} | texts
    shared = writing.shared_expressions(
        asked.get("ExpressionAttributeNames"), asked.get("ExpressionAttributeValues"), **texts
    )
    change = shared.update(asked["UpdateExpression"]) if shared and kind == "Update" else None
    test = writing.condition(shared, asked.get("ConditionExpression"))
    if shared:
        shared.finish()
    tell = asked.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
    if kind == "Put":
        return writing.put(table, asked["Item"], test, tell)
    if kind == "Update":
        return writing.update(table, asked["Key"], test, change, shared.values if shared else {}, tell)
    return (writing.delete if kind == "Delete" else writing.check)(table, asked["Key"], test, tell)


# Tokens


def fingerprint(parts: Any) -> bytes:
    return hashlib.blake2b(msgspec.msgpack.encode(parts), digest_size=16).digest()


def mismatch() -> Fault:
    return Fault(
        "IdempotentParameterMismatchException",
        "DynamoDB rejected the request because you retried a request with a different payload but with an idempotent "
        "token that was already used.",
    )


def remembered(call: Call, token: str) -> Done | None:
    done = Done.get(call, token)
    return done if done and call.now - done.at < REMEMBERED else None


def remember(call: Call, token: str, digest: bytes) -> None:
    """Keep a token for ten minutes; one of a few clears away older ones, more than came since the last did."""
    if crc32(token.encode()) % CLEARING == 0:
        for old in list(Done.scan(call, index="at", before=(call.now - REMEMBERED,), limit=2 * CLEARING)):
            old.delete(call)
    Done(token=token, at=call.now, digest=digest).put(call)


def told_again(call: Call, parts: list[dict[str, Any]], mode: str) -> dict[str, Any]:
    """A repeated transaction costs what it takes to read its items."""
    bill = capacity.Bill()
    for part in parts:
        write = prepared(call, part)
        _item, size = read(call, write.table, write.place)
        bill.add(write.table, 2 * capacity.read_units(size, True))
    return bill.told(mode, "Read")
