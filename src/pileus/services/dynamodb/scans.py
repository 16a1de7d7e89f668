"""Scan: all items of a table or an index, or of one of several segments of it."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call

from . import dynamodb, expressions, faults, legacy, writing
from .items import Given, Names, check_operator
from .keys import END, segment
from .legacy import Conditions
from .reading import Reading, page, source, start_after, view
from .tables import Table
from .values import Item


@dynamodb.operation(on=Table.named)
def scan(
    call: Call,
    table: Table,
    index_name: str | None = None,
    attributes_to_get: list[str] | None = None,
    limit: int | None = None,
    select: str | None = None,
    scan_filter: Conditions | None = None,
    conditional_operator: str | None = None,
    exclusive_start_key: Item | None = None,
    return_consumed_capacity: str = "NONE",
    total_segments: int | None = None,
    segment: int | None = None,
    projection_expression: str | None = None,
    filter_expression: str | None = None,
    expression_attribute_names: Names = None,
    expression_attribute_values: Given = None,
    consistent_read: bool = False,
) -> dict[str, Any]:
    """A page of a table; partitions come in the order of their scattered keys, each in the order of its sort key."""
    texts = {"FilterExpression": filter_expression, "ProjectionExpression": projection_expression}
    old = {
        "AttributesToGet": attributes_to_get,
        "ScanFilter": scan_filter,
        "ConditionalOperator": conditional_operator,
    }
    expressions.not_both(old, texts)
    check_operator(conditional_operator, scan_filter, "ScanFilter")
    shared = writing.shared_expressions(expression_attribute_names, expression_attribute_values, **texts)
    index = source(table, index_name, consistent_read)
    matches, filtered = None, frozenset[str]()
    if shared and filter_expression is not None:
        matches = shared.condition("FilterExpression", filter_expression)
        filtered = expressions.compiled("FilterExpression", filter_expression, shared.names).tops
    elif scan_filter:
        matches, filtered = legacy.matches(scan_filter, conditional_operator), frozenset(scan_filter)
    seen = view(shared, index, select, projection_expression, attributes_to_get, filtered)
    if shared:
        shared.finish()
    start, end = bounds(segment, total_segments)
    prefix = index.prefix if index else table.prefix
    reading = Reading(
        table,
        index,
        prefix + start,
        prefix + end,
        seen,
        matches,
        limit,
        consistent=consistent_read,
        capacity=return_consumed_capacity,
    )
    return page(call, start_after(reading, exclusive_start_key, bounded=False))


def bounds(number: int | None, total: int | None) -> tuple[bytes, bytes]:
    """Where the segment begins and ends, or the whole."""
    if number is None and total is None:
        return b"", END
    if total is None:
        raise faults.invalid(
            "The TotalSegments parameter is required but was not present in the request "
            "when Segment parameter is present"
        )
    if number is None:
        raise faults.invalid(
            "The Segment parameter is required but was not present in the request "
            "when parameter TotalSegments is present"
        )
    if number >= total:
        raise faults.invalid(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: "
            f"Segment: {number} is not less than TotalSegments: {total}"
        )
    return segment(number, total)
