"""Query: items of one partition of a table or an index, in the order of the sort key."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call

from . import dynamodb, expressions, faults, key_conditions, legacy, writing
from .items import Given, Names, check_operator
from .legacy import Conditions
from .reading import Reading, page, source, start_after, view
from .tables import Table
from .values import Item


@dynamodb.operation(on=Table.named)
def query(
    call: Call,
    table: Table,
    index_name: str | None = None,
    select: str | None = None,
    attributes_to_get: list[str] | None = None,
    limit: int | None = None,
    consistent_read: bool = False,
    key_conditions: Conditions | None = None,
    query_filter: Conditions | None = None,
    conditional_operator: str | None = None,
    scan_index_forward: bool = True,
    exclusive_start_key: Item | None = None,
    return_consumed_capacity: str = "NONE",
    projection_expression: str | None = None,
    filter_expression: str | None = None,
    key_condition_expression: str | None = None,
    expression_attribute_names: Names = None,
    expression_attribute_values: Given = None,
) -> dict[str, Any]:
    """A page of a partition; every read sees all writes before it, consistent or not."""
    texts = {
        "KeyConditionExpression": key_condition_expression,
        "FilterExpression": filter_expression,
        "ProjectionExpression": projection_expression,
    }
    old = {
        "AttributesToGet": attributes_to_get,
        "QueryFilter": query_filter,
        "ConditionalOperator": conditional_operator,
        "KeyConditions": key_conditions,
    }
    expressions.not_both(old, texts)
    check_operator(conditional_operator, query_filter, "QueryFilter")
    shared = writing.shared_expressions(expression_attribute_names, expression_attribute_values, **texts)
    index = source(table, index_name, consistent_read)
    keys = index or table.schema
    asked = _asked(shared, key_condition_expression, key_conditions)
    matches, filtered = None, frozenset[str]()
    if shared and filter_expression is not None:
        matches = shared.filter(filter_expression, keys.names)
        filtered = expressions.compiled("FilterExpression", filter_expression, shared.names).tops
    elif query_filter:
        check_filter(query_filter, keys.names)
        matches, filtered = legacy.matches(query_filter, conditional_operator), frozenset(query_filter)
    seen = view(shared, index, select, projection_expression, attributes_to_get, filtered)
    if shared:
        shared.finish()
    start, end = bounds(keys, index.prefix if index else table.prefix, asked)
    reading = Reading(
        table,
        index,
        start,
        end,
        seen,
        matches,
        limit,
        scan_index_forward,
        consistent_read,
        return_consumed_capacity,
    )
    return page(call, start_after(reading, exclusive_start_key, bounded=True))


bounds = key_conditions.bounds


def _asked(
    shared: expressions.Expressions | None, text: str | None, conditions: Conditions | None
) -> key_conditions.Parts:
    if shared and text is not None:
        return shared.key_condition(text)
    if conditions is None:
        raise faults.invalid(
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request."
        )
    return legacy.key_parts(conditions)


def check_filter(conditions: Conditions, keys: tuple[str, ...]) -> None:
    for name in keys:
        if name in conditions:
            raise faults.bad_parameter(
                "QueryFilter can only contain non-primary key attributes: Primary key attribute: " + name
            )
