"""Parts of answers in DAX's protocol: projected items, what was consumed, and errors."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Fault

from . import wire
from .expressions import Path, within
from .wire import Item, dumps, mapping

UNIT = {"CapacityUnits": 1, "ReadCapacityUnits": 2, "WriteCapacityUnits": 3, "TableName": 4, "Table": 5}
INDEXES = {"GlobalSecondaryIndexes": 6, "LocalSecondaryIndexes": 7}
CODES = {
    "ProvisionedThroughputExceededException": 40,
    "ResourceNotFoundException": 41,
    "ConditionalCheckFailedException": 43,
    "ResourceInUseException": 45,
    "ValidationException": 46,
    "InternalServerError": 47,
    "ItemCollectionSizeLimitExceededException": 48,
    "LimitExceededException": 49,
    "ThrottlingException": 50,
    "TransactionCanceledException": 58,
    "RequestLimitExceeded": 61,
}
"""The last of the numbers that tell a client which of DynamoDB's errors it is."""
DENIED = ("AccessDenied", "AccessDeniedException")


def projected(item: Item, paths: list[Path]) -> bytes:
    """What paths lead to in an item, by the places of the paths in the projection."""
    found = {place: within(item, path) for place, path in enumerate(paths)}
    return mapping({place: dumps(wire.plain(value)) for place, value in found.items() if value is not None})


def capacity(given: dict[str, Any]) -> bytes:
    """What one table has consumed."""

    def units(several: dict[str, Any] | None) -> Any:
        return {name: one["CapacityUnits"] for name, one in several.items()} if several else None

    table = given.get("Table")
    return dumps(
        given["TableName"],
        given["CapacityUnits"],
        table["CapacityUnits"] if table else None,
        units(given.get("GlobalSecondaryIndexes")),
        units(given.get("LocalSecondaryIndexes")),
    )


def capacity_map(given: dict[str, Any]) -> dict[int, Any]:
    """The same, as transactions tell it."""
    told: dict[int, Any] = {UNIT[name]: given[name] for name in UNIT if name in given and name != "Table"}
    if "Table" in given:
        told[UNIT["Table"]] = capacity_map(given["Table"])
    for name, number in INDEXES.items():
        if name in given:
            told[number] = {index: capacity_map(one) for index, one in given[name].items()}
    return told


def metrics(given: dict[str, Any]) -> bytes:
    """What an item collection is estimated at."""
    (key,) = given["ItemCollectionKey"].values()
    return dumps(wire.plain(key), *(float(bound) for bound in given["SizeEstimateRangeGB"]))


def error(fault: Fault, request_id: str) -> bytes:
    """An error, by the numbers that clients know it by."""
    if fault.code in CODES:
        codes = [4, 37, 38, 39, CODES[fault.code]]
    elif fault.code in DENIED:
        codes = [4, 37, 38, 42]
    elif fault.code == "UnrecognizedClientException":
        codes = [4, 23, 31, 33]
    else:
        codes = [3, 37, 54]
    told: list[Any] = [request_id, fault.code, fault.status or 400]
    if reasons := fault.members.get("CancellationReasons"):
        told.append([part for one in reasons for part in (one["Code"], one.get("Message"), None)])
    return dumps(codes, fault.message, told)
