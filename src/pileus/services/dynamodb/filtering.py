"""The filter of an export: expressions as a query has them, over items of a whole table."""

from __future__ import annotations

from collections.abc import Callable

from . import key_conditions, paths
from .expressions import Expressions
from .tables import Members, Table
from .values import Item

Filter = Callable[[bytes, Item], Item]
"""What is exported of the item at a place; an empty item for nothing."""


def filter_of(table: Table, given: Members) -> Filter:
    """The filter that a request describes; raises for expressions that are wrong."""
    shared = Expressions(given.get("ExpressionAttributeNames"), given.get("ExpressionAttributeValues"))
    start, end = b"", b"\xff" * 5
    keyed = given.get("KeyConditionExpression")
    if keyed is not None:
        start, end = key_conditions.bounds(table.schema, b"", shared.key_condition(keyed))
    matches = None
    if (text := given.get("FilterExpression")) is not None:
        barred = () if keyed is None else table.schema.names
        matches = shared.filter(text, barred)
    projection = given.get("ProjectionExpression")
    tree = shared.projection(projection)[0] if projection is not None else None
    shared.finish()

    def filtered(place: bytes, item: Item) -> Item:
        if not start <= place < end or (matches is not None and not matches(item)):
            return {}
        return paths.projected(item, tree) if tree is not None else item

    return filtered
