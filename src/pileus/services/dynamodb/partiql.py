"""PartiQL: ExecuteStatement, BatchExecuteStatement, ExecuteTransaction.

A statement becomes the same reading or write as a request of the classic API.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from pileus.kernel import Call, Fault, paging

from . import capacity, conditions, dynamodb, faults, key_conditions, paths, statements, transactions, values, writing
from .conditions import Node
from .expressions import Matches, paths_in
from .keys import END, Keys
from .reading import Reading, completed, page, source, start_after
from .reading import View as ReadingView
from .records import read
from .statements import Statement
from .tables import Table
from .throttling import charge
from .tokens import Operand
from .updates import Action, Update
from .values import Item

MOST_IN_BATCH = 25
BATCH_CODES = {
    "ConditionalCheckFailedException": "ConditionalCheckFailed",
    "ResourceNotFoundException": "ResourceNotFound",
    "DuplicateItemException": "DuplicateItem",
    "ProvisionedThroughputExceededException": "ProvisionedThroughputExceeded",
    "ThrottlingException": "ThrottlingError",
}


class Prepared(NamedTuple):
    """A statement with its table and its values."""

    statement: Statement
    table: Table
    given: Item


def prepare(call: Call, text: str, parameters: list[Any] | None) -> Prepared:
    statement, literals = statements.read(text)
    if parameters is not None and not parameters:
        raise faults.invalid(
            "1 validation error detected: Value '[]' at 'parameters' failed to satisfy constraint: "
            "Member must have length greater than or equal to 1"
        )
    if len(parameters or ()) != statement.parameters:
        raise faults.invalid("Number of parameters in request and statement don't match.")
    table = Table.named(call, statement.table)
    given = dict(literals)
    for number, value in enumerate(parameters or ()):
        values.take_value(value)
        given[f":?{number}"] = value
    prepared = Prepared(statement, table, given)
    where = folded(statement.where, given) if statement.where else None
    actions = tuple(
        Action(kind, path, folded_operand(operand, given) if operand else None)
        for kind, path, operand in statement.actions
    )
    return prepared._replace(statement=statement._replace(where=where, actions=actions))


def folded(node: Node, given: Item) -> Node:
    """The condition with its lists, sets and maps put together into values."""
    operands = tuple(folded_operand(operand, given) for operand in node.operands)
    return node._replace(operands=operands, below=tuple(folded(one, given) for one in node.below))


def folded_operand(operand: Operand, given: Item) -> Operand:
    if operand.kind in ("list", "set", "map"):
        value = statements.value_of(operand, given)
        values.take_value(value)
        name = f":!{len(given)}"
        given[name] = value
        return Operand("value", value=name)
    return operand._replace(operands=tuple(folded_operand(one, given) for one in operand.operands))


def conjuncts(node: Node | None) -> list[Node]:
    if node is None:
        return []
    return [one for below in node.below for one in conjuncts(below)] if node.operator == "AND" else [node]


def matcher(nodes: list[Node], given: Item) -> Matches | None:
    if not nodes:
        return None
    test = conditions.compiled(nodes[0] if len(nodes) == 1 else Node("AND", below=tuple(nodes)))
    return lambda item: test(item, given)


# Reading


def selecting(call: Call, prepared: Prepared, consistent: bool, limit: int | None, mode: str) -> tuple[Reading, bool]:
    """A SELECT as a reading, and whether that is of a single partition."""
    statement, table, given = prepared
    index = source(table, statement.index_name, consistent)
    keys: Keys = index or table.schema
    parts = key_parts(keys, conjuncts(statement.where), given)
    prefix = index.prefix if index else table.prefix
    bounded = all(name in parts and parts[name].operator == "=" for name in keys.hashes)
    if bounded:
        start, end = key_conditions.bounds(keys, prefix, parts)
    else:
        start, end = prefix, prefix + END
    if statement.order and (not bounded or statement.order not in keys.names):
        raise faults.invalid(
            "Must have WHERE clause in the statement when using ORDER BY clause."
            if not bounded
            else f"Variable reference {statement.order} in ORDER BY clause must be part of the primary key"
        )
    where = [statement.where] if statement.where else []
    tops = frozenset(str(path[0]) for path in statement.paths)
    filtered = frozenset(str(path[0]) for node in where for path in paths_in(node))
    view = ReadingView(
        paths.tree(statement.paths) if statement.paths else None, whole=completed(index, None, tops, filtered)
    )
    return Reading(
        table,
        index,
        start,
        end,
        view,
        matcher(where, given),
        limit,
        not statement.backward,
        consistent,
        mode,
    ), bounded


def key_parts(keys: Keys, nodes: list[Node], given: Item) -> key_conditions.Parts:
    """The conditions that say where in a table or an index to look."""
    asked: key_conditions.Parts = {}
    for node in nodes:
        if node.operator not in key_conditions.OPERATORS or not node.operands or len(node.operands[0].path) != 1:
            continue
        first, *rest = node.operands
        name = str(first.path[0])
        usable = all(one.kind == "value" and keys.types.get(name) in given[one.value] for one in rest)
        if first.kind == "path" and name in keys.types and name not in asked and usable:
            asked[name] = key_conditions.Part(node.operator, tuple(given[one.value] for one in rest))
    found: key_conditions.Parts = {name: asked[name] for name in keys.hashes if name in asked}
    for name in keys.ranges:
        if name not in asked:
            break
        found[name] = asked[name]
        if asked[name].operator != "=":
            break
    return found


def whole_key(table: Table, where: Node | None, given: Item) -> tuple[Item, list[Node]]:
    """The key that a condition names, and what is left of the condition."""
    parts = key_parts(table.schema, conjuncts(where), given)
    if {name for name, part in parts.items() if part.operator == "="} != {*table.schema.names}:
        raise faults.invalid("Where clause does not contain a mandatory equality on all key attributes")
    rest = [
        node
        for node in conjuncts(where)
        if not (node.operator == "=" and node.operands[0].path and node.operands[0].path[0] in parts)
    ]
    return {name: part.values[0] for name, part in parts.items()}, rest


# Writing


def write_of(prepared: Prepared, tell: bool) -> writing.Write:
    statement, table, given = prepared
    if statement.kind == "insert" and statement.item is not None:
        value = statements.value_of(statement.item, given)
        return writing.put(table, dict(value.get("M", {})), lambda item: not item)
    key, rest = whole_key(table, statement.where, given)
    test = matcher(rest, given)
    if statement.kind == "delete":
        return writing.delete(table, key, test, tell)
    if statement.kind in ("exists", "select"):
        return writing.check(table, key, lambda item: bool(item) and (test is None or test(item)), tell)
    change = Update(statement.actions)
    return writing.update(table, key, lambda item: bool(item) and (test is None or test(item)), change, given, tell)


def decide(call: Call, statement: Statement, write: writing.Write) -> writing.Outcome:
    try:
        return writing.decide(call, write)
    except Fault as fault:
        if statement.kind == "insert" and fault.code == "ConditionalCheckFailedException":
            raise transactions.duplicate() from None
        raise


# Operations


@dynamodb.operation(action="dynamodb:PartiQLSelect")
def execute_statement(
    call: Call,
    statement: str,
    parameters: list[Any] | None = None,
    consistent_read: bool = False,
    next_token: str = "",
    return_consumed_capacity: str = "NONE",
    limit: int | None = None,
    return_values_on_condition_check_failure: str = "NONE",
) -> dict[str, Any]:
    """One statement: a page of what it selects, or a write."""
    prepared = prepare(call, statement, parameters)
    if prepared.statement.kind == "exists":
        raise faults.invalid("EXISTS can only be used in a transaction")
    if prepared.statement.kind != "select":
        return written(call, prepared, return_consumed_capacity, return_values_on_condition_check_failure == "ALL_OLD")
    reading, bounded = selecting(call, prepared, consistent_read, limit, return_consumed_capacity)
    if next_token:
        key = paging.opened(call, next_token, faults.invalid("Invalid NextToken"))
        reading = start_after(reading, key, bounded)
    found = page(call, reading)
    told: dict[str, Any] = {"Items": found["Items"]}
    if last := found.get("LastEvaluatedKey"):
        told |= {"NextToken": paging.sealed(call, last), "LastEvaluatedKey": last}
    return told | {name: found[name] for name in ("ConsumedCapacity",) if name in found}


def written(call: Call, prepared: Prepared, mode: str, tell: bool) -> dict[str, Any]:
    outcome = decide(call, prepared.statement, write_of(prepared, tell))
    found = writing.answer(call, outcome, prepared.statement.returning, mode, "NONE")
    attributes = found.pop("Attributes", None)
    return {"Items": [attributes] if attributes else []} | found


@dynamodb.operation(action="dynamodb:PartiQLSelect")
def batch_execute_statement(
    call: Call, statements: list[dict[str, Any]], return_consumed_capacity: str = "NONE"
) -> dict[str, Any]:
    """Up to 25 statements about one item each, each for itself: its error stands in its place."""
    answers: list[dict[str, Any]] = []
    bill = capacity.Bill()
    for one in statements:
        try:
            with call.store.attempt():
                answers.append(one_of_batch(call, one, bill))
        except Fault as fault:
            code = BATCH_CODES.get(fault.code, "ValidationError")
            item = {name: value for name, value in fault.members.items() if name == "Item"}
            answers.append({"Error": {"Code": code, "Message": fault.message, **item}})
    return {"Responses": answers} | bill.told(return_consumed_capacity)


def one_of_batch(call: Call, asked: dict[str, Any], bill: capacity.Bill) -> dict[str, Any]:
    prepared = prepare(call, asked["Statement"], asked.get("Parameters"))
    statement, table, _ = prepared
    tell = asked.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
    if statement.kind != "select":
        outcome = decide(call, statement, write_of(prepared, tell))
        bill.add(table, outcome.units, writing.carry_out(call, outcome))
        attributes = writing.returned(call, outcome, statement.returning)
        return {"TableName": table.name} | ({"Item": attributes} if attributes else {})
    item, size = one_selected(call, prepared)
    units = capacity.read_units(size, asked.get("ConsistentRead", False))
    charge(call, table, "Read", units)
    bill.add(table, units)
    return {"TableName": table.name} | ({"Item": item} if item is not None else {})


def one_selected(call: Call, prepared: Prepared) -> tuple[Item | None, int]:
    """The item of a SELECT that names a whole key."""
    statement, table, given = prepared
    key, rest = whole_key(table, statement.where, given)
    item, size = read(call, table, table.schema.place_of(key))
    test = matcher(rest, given)
    if item is None or (test is not None and not test(item)):
        return None, size
    return (paths.projected(item, paths.tree(statement.paths)) if statement.paths else item), size


@dynamodb.operation(action="dynamodb:PartiQLSelect")
def execute_transaction(
    call: Call,
    transact_statements: list[dict[str, Any]],
    client_request_token: str = "",
    return_consumed_capacity: str = "NONE",
) -> dict[str, Any]:
    """Up to a hundred statements, all of them reading or all of them writing: all or nothing."""
    digest = transactions.fingerprint(transact_statements)
    if client_request_token and (done := transactions.remembered(call, client_request_token)):
        if done.digest != digest:
            raise transactions.mismatch()
        return {"Responses": [{} for _ in transact_statements]}
    several = [prepare(call, one["Statement"], one.get("Parameters")) for one in transact_statements]
    kinds = {one.statement.kind for one in several}
    if "select" in kinds and kinds != {"select"}:
        raise faults.invalid("Transaction cannot contain both read and write statements")
    bill = capacity.Bill()
    answers: list[dict[str, Any]] = []
    if "select" in kinds:
        for prepared in several:
            item, size = one_selected(call, prepared)
            units = 2 * capacity.read_units(size, True)
            charge(call, prepared.table, "Read", units)
            bill.add(prepared.table, units)
            answers.append({"Item": item} if item is not None else {})
        return {"Responses": answers} | bill.told(return_consumed_capacity, "Read")
    tells = [one.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" for one in transact_statements]
    writes = [write_of(prepared, tell) for prepared, tell in zip(several, tells, strict=True)]
    outcomes = transactions.decided(call, writes, [one.statement.kind == "insert" for one in several])
    for outcome in outcomes:
        others = {name: 2 * units for name, units in transactions.carried_out(call, outcomes, outcome).items()}
        bill.add(outcome.write.table, 2 * outcome.units, others)
        answers.append({})
    if client_request_token:
        transactions.remember(call, client_request_token, digest)
    return {"Responses": answers} | bill.told(return_consumed_capacity, "Write")
