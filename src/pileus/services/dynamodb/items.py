"""One item at a time: GetItem, PutItem, UpdateItem, DeleteItem."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call

from . import capacity, dynamodb, expressions, faults, legacy, paths, writing
from .legacy import Conditions
from .records import load, size_of, told
from .tables import Table
from .throttling import charge
from .values import Item

Names = dict[str, str] | None
Given = dict[str, Any] | None


def view_of(
    names: Names, projection: str | None, attributes: list[str] | None
) -> tuple[paths.Tree, frozenset[str]] | None:
    """What part of items is asked for, with the attributes in which its paths begin; None for all."""
    if projection is None and attributes is None:
        if names is not None:
            expressions.Expressions(names, None, "ProjectionExpression is null")
        return None
    if attributes is not None:
        expressions.not_both({"AttributesToGet": attributes}, {"ProjectionExpression": projection})
        return legacy.attributes_to_get(attributes)
    shared = expressions.Expressions(names, None)
    found = shared.projection(projection or "")
    shared.finish()
    return found


@dynamodb.operation(on=Table.named)
def get_item(
    call: Call,
    table: Table,
    key: Item,
    attributes_to_get: list[str] | None = None,
    consistent_read: bool = False,
    return_consumed_capacity: str = "NONE",
    projection_expression: str | None = None,
    expression_attribute_names: Names = None,
) -> dict[str, Any]:
    """The item of a key, or part of it; every read sees all writes before it, consistent or not."""
    view = None
    if projection_expression is not None or attributes_to_get is not None or expression_attribute_names is not None:
        view = view_of(expression_attribute_names, projection_expression, attributes_to_get)
    raw = call.store.get(table.prefix + table.schema.place_of(key))
    answer: dict[str, Any] = {}
    if raw is not None:
        answer["Item"] = told(call, raw) if view is None else paths.projected(load(raw), view[0])
    units = capacity.read_units(0 if raw is None else size_of(raw), consistent_read)
    charge(call, table, "Read", units)
    if return_consumed_capacity != "NONE":
        answer["ConsumedCapacity"] = capacity.consumed(table, return_consumed_capacity, units)
    return answer


SINGLE = (
    "Expected",
    "ConditionalOperator",
    "ConditionExpression",
    "ExpressionAttributeNames",
    "ExpressionAttributeValues",
    "ReturnValues",
    "ReturnConsumedCapacity",
    "ReturnItemCollectionMetrics",
    "ReturnValuesOnConditionCheckFailure",
)
"""What a put and a delete have in common."""


@dynamodb.operation(on=Table.named, honours=SINGLE)
def put_item(call: Call, table: Table, item: Item, request: dict[str, Any]) -> dict[str, Any]:
    """Put an item where there was none, or in place of the one that was there."""
    return written(call, writing.put(table, item, *condition_of(request)), request)


@dynamodb.operation(on=Table.named, honours=SINGLE)
def delete_item(call: Call, table: Table, key: Item, request: dict[str, Any]) -> dict[str, Any]:
    """Delete an item; one that is not there is no error."""
    return written(call, writing.delete(table, key, *condition_of(request)), request)


def written(call: Call, write: writing.Write, request: dict[str, Any]) -> dict[str, Any]:
    """Carry out a write that stands alone, and tell of it what the request wants to know."""
    return writing.answer(
        call,
        writing.decide(call, write),
        request.get("ReturnValues", "NONE"),
        request.get("ReturnConsumedCapacity", "NONE"),
        request.get("ReturnItemCollectionMetrics", "NONE"),
    )


def condition_of(request: dict[str, Any], tell: bool = False) -> tuple[expressions.Matches | None, bool]:
    """The condition of a put or a delete, and whether its error shows the item."""
    if CHOICES.isdisjoint(request):
        return None, False
    if request.get("ReturnValues", "NONE") not in ("NONE", "ALL_OLD"):
        raise faults.invalid("ReturnValues can only be ALL_OLD or NONE")
    tell = tell or request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
    if CONDITIONAL.isdisjoint(request):
        return None, tell
    expected, operator = request.get("Expected"), request.get("ConditionalOperator")
    text = request.get("ConditionExpression")
    expressions.not_both(
        {"Expected": expected, "ConditionalOperator": operator},
        {"ConditionExpression": text},
    )
    check_operator(operator, expected, "Expected")
    shared = writing.shared_expressions(
        request.get("ExpressionAttributeNames"), request.get("ExpressionAttributeValues"), ConditionExpression=text
    )
    test = writing.condition(shared, text, expected, operator)
    if shared:
        shared.finish()
    return test, tell


CHOICES = frozenset(SINGLE)
CONDITIONAL = frozenset(SINGLE[:5])


def check_operator(operator: str | None, conditions: Conditions | None, member: str) -> None:
    if operator is not None and not conditions:
        raise faults.invalid("ConditionalOperator cannot be used without Filter or Expected")
    if operator is not None and conditions is not None and len(conditions) < 2:
        raise faults.invalid("ConditionalOperator can only be used when Filter or Expected has two or more elements")


@dynamodb.operation(on=Table.named)
def update_item(
    call: Call,
    table: Table,
    key: Item,
    attribute_updates: Conditions | None = None,
    expected: Conditions | None = None,
    conditional_operator: str | None = None,
    return_values: str = "NONE",
    return_consumed_capacity: str = "NONE",
    return_item_collection_metrics: str = "NONE",
    update_expression: str | None = None,
    condition_expression: str | None = None,
    expression_attribute_names: Names = None,
    expression_attribute_values: Given = None,
    return_values_on_condition_check_failure: str = "NONE",
) -> dict[str, Any]:
    """Change attributes of an item, which comes into being if there is none."""
    expressions.not_both(
        {
            "AttributeUpdates": attribute_updates,
            "Expected": expected,
            "ConditionalOperator": conditional_operator,
        },
        {"UpdateExpression": update_expression, "ConditionExpression": condition_expression},
    )
    check_operator(conditional_operator, expected, "Expected")
    shared = writing.shared_expressions(
        expression_attribute_names,
        expression_attribute_values,
        UpdateExpression=update_expression,
        ConditionExpression=condition_expression,
    )
    change, given = None, shared.values if shared else {}
    if shared and update_expression is not None:
        change = shared.update(update_expression)
    elif attribute_updates:
        change, given = legacy.update(attribute_updates)
    test = writing.condition(shared, condition_expression, expected, conditional_operator)
    if shared:
        shared.finish()
    write = writing.update(table, key, test, change, given, return_values_on_condition_check_failure == "ALL_OLD")
    return writing.answer(
        call, writing.decide(call, write), return_values, return_consumed_capacity, return_item_collection_metrics
    )
