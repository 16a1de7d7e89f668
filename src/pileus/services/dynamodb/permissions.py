"""Who may do what to which items: what the access decision is told of a request about items.

Developer Guide, "Using IAM policy conditions for fine-grained access control", "Using IAM with transactions" and "IAM
security policies with PartiQL for DynamoDB". What a request names only to fail on is left out: the operation says so.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from typing import Any

from pileus.kernel import Call, Fault
from pileus.kernel.access.target import Target

from . import dynamodb, expressions, key_conditions, legacy, partiql, statements
from .keys import Keys
from .tables import Members, Table, short
from .tokens import Operand
from .values import Item

CHECKED = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
PARTIQL = {"select": "Select", "exists": "Select", "insert": "Insert", "update": "Update", "delete": "Delete"}
EXPRESSIONS = (
    "ProjectionExpression",
    "ConditionExpression",
    "FilterExpression",
    "KeyConditionExpression",
    "UpdateExpression",
)
LEGACY = ("Expected", "AttributeUpdates", "ScanFilter", "QueryFilter", "KeyConditions")
READS = ("GetItem", "BatchGetItem", "Query", "Scan")


@dynamodb.owner
def owner(call: Call, request: dict[str, Any]) -> str:
    """The account whose table a request names by an ARN."""
    name = request.get("TableName") or request.get("ResourceArn") or request.get("TableArn")
    if name:
        return account_in(name)
    names = list(request.get("RequestItems", ()))
    names += [one["TableName"] for part in request.get("TransactItems", ()) for one in part.values()]
    return next(filter(None, map(account_in, names)), "")


def account_in(name: str) -> str:
    return name.split(":")[4] if name.startswith("arn:") and name.count(":") >= 5 else ""


@dynamodb.targets(root=False)
def targets(call: Call, request: dict[str, Any]) -> list[Target] | None:
    """The tables and indexes that a request about items is about, each with what policies can ask of it."""
    found = ABOUT.get(call.operation)
    return found(call, request) if found else None


def one(call: Call, request: Members, action: str = "", **more: Any) -> Target:
    """A request about one table, or a part of a request."""
    action = action or call.operation
    table = Table.get(call, short(request["TableName"]))
    index = request.get("IndexName", "")
    arn = table.arn(call) if table else call.arn(f"table/{short(request['TableName'])}", "dynamodb")
    keys: dict[str, Any] = {"dynamodb:returnconsumedcapacity": (request.get("ReturnConsumedCapacity", "NONE"),)}
    if names := named(request):
        keys["dynamodb:attributes"] = tuple(sorted(names))
    if action in READS:
        keys["dynamodb:select"] = (selected(request),)
    else:
        keys["dynamodb:returnvalues"] = (request.get("ReturnValues", "NONE"),)
    if table and (leading := leading_keys(table, request)):
        keys["dynamodb:leadingkeys"] = leading
    return Target(
        f"{arn}/index/{index}" if index else arn,
        call.account,
        table.resource_policy(call) if table else None,
        tags=table.tags if table else {},
        keys=keys | more,
        action=f"dynamodb:{action}",
    )


def selected(request: Members) -> str:
    if "Select" in request:
        return str(request["Select"])
    if "ProjectionExpression" in request or "AttributesToGet" in request:
        return "SPECIFIC_ATTRIBUTES"
    return "ALL_PROJECTED_ATTRIBUTES" if "IndexName" in request else "ALL_ATTRIBUTES"


def named(request: Members) -> set[str]:
    """All attributes that a request names, be it in keys, items or expressions."""
    found = {*request.get("Key", ()), *request.get("Item", ()), *request.get("AttributesToGet", ())}
    found.update(*(key for key in request.get("Keys", ())), *(request.get(member, ()) for member in LEGACY))
    names = tuple(request.get("ExpressionAttributeNames", {}).items())
    for kind in EXPRESSIONS:
        if text := request.get(kind):
            try:
                read = expressions.compiled(kind, text, names)
            except Fault:
                continue
            found |= read.tops
            if kind == "UpdateExpression":
                found |= {name for action in read.result.actions for name in tops(action.operand)}
    return found


def tops(operand: Operand | None) -> Iterable[str]:
    if operand is None:
        return []
    own = [str(operand.path[0])] if operand.path else []
    return own + [name for inner in operand.operands for name in tops(inner)]


# Partition keys


def leading_keys(table: Table, request: Members) -> tuple[str, ...]:
    """The values of partition keys that a request names."""
    name = request.get("IndexName")
    keys: Keys = next((entries for entries in table.entries if entries.name == name), table.schema)
    items = [*request.get("Keys", ()), *(request[member] for member in ("Key", "Item") if member in request)]
    if asked := queried(request):
        items.append({name: part.values[0] for name, part in asked.items() if part.operator == "="})
    return values_of(keys, items)


def values_of(keys: Keys, items: list[Item]) -> tuple[str, ...]:
    held = [item[name] for item in items for name in keys.hashes[:1] if name in item]
    return tuple(shown(content) for value in held for content in value.values())


def shown(content: Any) -> str:
    return base64.b64encode(content).decode() if isinstance(content, bytes) else str(content)


def queried(request: Members) -> key_conditions.Parts:
    try:
        if text := request.get("KeyConditionExpression"):
            names, given = request.get("ExpressionAttributeNames"), request.get("ExpressionAttributeValues")
            return expressions.Expressions(names, given).key_condition(text)
        return legacy.key_parts(request.get("KeyConditions", {}))
    except Fault:
        return {}


# Requests about several items


def batch_get(call: Call, request: Members) -> list[Target]:
    return [one(call, asked | {"TableName": name}) for name, asked in request["RequestItems"].items()]


def batch_write(call: Call, request: Members) -> list[Target]:
    found = []
    for name, asked in request["RequestItems"].items():
        keys = [part.get("Item") or part.get("Key") or {} for each in asked for part in each.values()]
        found.append(one(call, {"TableName": name, "Keys": keys}))
    return found


def transaction(call: Call, request: Members) -> list[Target]:
    whole = {"dynamodb:enclosingoperation": (call.operation,)}
    found = []
    for part in request["TransactItems"]:
        for kind, asked in part.items():
            found.append(one(call, asked, CHECKED.get(kind, "GetItem"), **whole))
    return found


# PartiQL


def statement(call: Call, request: Members, **more: Any) -> Target:
    read, _literals = statements.read(request["Statement"])
    action = f"PartiQL{PARTIQL[read.kind]}"
    about: Members = {"TableName": read.table}
    if read.index_name:
        about["IndexName"] = read.index_name
    if read.kind == "select":
        more["dynamodb:fulltablescan"] = ("true",)
    try:
        prepared = partiql.prepare(call, request["Statement"], request.get("Parameters"))
    except Fault:
        return one(call, about, action, **more)
    given, table = prepared.given, prepared.table
    keys: Keys = next((one for one in table.entries if one.name == read.index_name), table.schema)
    parts = partiql.key_parts(keys, partiql.conjuncts(prepared.statement.where), given)
    item = {name: part.values[0] for name, part in parts.items() if part.operator == "="}
    if read.kind == "insert" and read.item is not None:
        item = statements.value_of(read.item, given).get("M", {})
    if read.kind == "select" and all(name in item for name in keys.hashes):
        more["dynamodb:fulltablescan"] = ("false",)
    if leading := values_of(keys, [item]):
        more["dynamodb:leadingkeys"] = leading
    names = {str(path[0]) for path in read.paths} | {str(action.path[0]) for action in read.actions} | {*item}
    if names:
        more["dynamodb:attributes"] = tuple(sorted(names))
    return one(call, about, action, **more)


def several(call: Call, given: list[Members], **more: Any) -> list[Target]:
    found = []
    for asked in given:
        try:
            found.append(statement(call, asked, **more))
        except Fault:
            continue  # its error stands in its place of the answer, or is the answer
    return found


def enclosed(call: Call, request: Members) -> list[Target]:
    return several(call, request["TransactStatements"], **{"dynamodb:enclosingoperation": (call.operation,)})


def alone(call: Call, request: Members) -> list[Target]:
    return [one(call, request)]


def imported(call: Call, request: Members) -> list[Target]:
    return [Target(call.arn(f"table/{short(request['TableCreationParameters']['TableName'])}"), call.account)]


def recovered(call: Call, request: Members) -> list[Target]:
    """The table that is had as it was; the one that is made of it is named by no policy."""
    name = short(request.get("SourceTableName") or request.get("SourceTableArn") or "")
    table = Table.get(call, name)
    return [Target(call.arn(f"table/{name}"), call.account, tags=table.tags if table else {})]


ABOUT: dict[str, Callable[[Call, Members], list[Target]]] = {
    **dict.fromkeys(("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan"), alone),
    "ImportTable": imported,
    "RestoreTableToPointInTime": recovered,
    "BatchGetItem": batch_get,
    "BatchWriteItem": batch_write,
    "TransactGetItems": transaction,
    "TransactWriteItems": transaction,
    "ExecuteStatement": lambda call, request: several(call, [request]),
    "BatchExecuteStatement": lambda call, request: several(call, request["Statements"]),
    "ExecuteTransaction": enclosed,
}
