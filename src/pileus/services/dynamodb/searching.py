"""SearchVectors: the items whose vectors are most like a given one."""

from __future__ import annotations

import array
import asyncio
import heapq
import math
from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

from pileus.kernel import Call, Fault

from . import dynamodb, faults, paths
from .conditions import Node
from .expressions import Expressions, Matches, compiled
from .keys import END
from .tables import Members, Table
from .values import Item, Value
from .vectors import AT_ONCE, VectorIndex, held, partition, prefix, vector_of

CONDITION = "SearchConditionExpression"
MOST = 1000
_entry = msgspec.msgpack.Decoder(tuple[bytes, Any])

Vector: TypeAlias = "array.array[float]"


@dynamodb.operation(on=Table.named)
async def search_vectors(
    call: Call,
    table: Table,
    index_name: str,
    search_vector: list[Value],
    top_k: int,
    return_consumed_capacity: str = "NONE",
    expression_attribute_names: dict[str, str] | None = None,
    expression_attribute_values: Item | None = None,
    projection_expression: str | None = None,
    search_condition_expression: str | None = None,
) -> dict[str, Any]:
    """Look through a partition of the index, or all of it where it has none, some entries at a time."""
    index = index_of(table, index_name)
    wanted = vector_of({"L": search_vector}, index.dimensions)
    if wanted is None:
        raise faults.invalid(f"SearchVector must be a list of {index.dimensions} numbers")
    if top_k > MOST:
        raise faults.invalid(f"TopK must be at most {MOST}")
    shared = Expressions(expression_attribute_names, expression_attribute_values)
    matches, where = condition(index, shared, search_condition_expression)
    tree = shared.projection(projection_expression)[0] if projection_expression is not None else None
    shared.finish()
    search = Search(index, floats(wanted), top_k, matches)
    start = prefix(call, table, index) + where
    end = start + END if index.hash == "" else start + b"\xff"
    while True:
        with call.transaction():
            rows = list(call.store.scan(start, end, limit=AT_ONCE))
        search.look(rows)
        if len(rows) < AT_ONCE:
            break
        start = rows[-1][0] + b"\0"
        await asyncio.sleep(0)
    found = [
        {"Item": item if tree is None else paths.projected(item, tree), "Score": score} for score, item in search.best()
    ]
    told: dict[str, Any] = {"SearchResults": found}
    if return_consumed_capacity != "NONE":
        told["ConsumedCapacity"] = {"VectorSearchRequestBytes": float(search.bytes)}
    return told


def index_of(table: Table, name: str) -> VectorIndex:
    index = next((index for index in held(table) if index.name == name), None)
    if index is None:
        raise Fault("ResourceNotFoundException", f"Requested resource not found: Index: {name} not found")
    if index.status == "DELETING" or (index.status == "CREATING" and not index.backfilling):
        raise faults.invalid(f"The vector index is not active: {name}")
    return index


def floats(data: bytes) -> Vector:
    vector = array.array("f")
    vector.frombytes(data)
    return vector


def condition(index: VectorIndex, shared: Expressions, text: str | None) -> tuple[Matches | None, bytes]:
    """What entries must hold, and the partition of the index that they are in."""
    asked: Item = {}
    matches = None
    if text is not None:
        matches = shared.condition(CONDITION, text)
        for node in conjuncts(compiled(CONDITION, text, shared.names).node):
            asked |= equality(node, index, shared)
    if index.hash and index.hash not in asked:
        raise faults.invalid(f"{CONDITION} must have an equality condition on the partition key {index.hash}")
    where = partition(index, asked.get(index.hash))
    if where is None:
        raise faults.invalid(f"The value of the partition key {index.hash} must be a string, a number or a binary")
    return matches, where


def conjuncts(node: Node) -> list[Node]:
    return [one for below in node.below for one in conjuncts(below)] if node.operator == "AND" else [node]


def equality(node: Node, index: VectorIndex, shared: Expressions) -> Item:
    """An attribute of the search schema and its value."""
    if node.operator == "=" and len(node.operands) == 2:
        attribute, value = sorted(node.operands, key=lambda one: one.kind != "path")
        name = str(attribute.path[0]) if attribute.kind == "path" and len(attribute.path) == 1 else ""
        if name in index.names and value.kind == "value":
            return {name: shared.values[value.value]}
    raise faults.invalid(f"{CONDITION} may only have equality conditions on attributes of the search schema")


# Likeness


def cosine(one: Vector, other: Vector) -> float:
    lengths = math.sqrt(dot(one, one) * dot(other, other))
    return 1 - dot(one, other) / lengths if lengths else 1.0


def dot(one: Vector, other: Vector) -> float:
    return math.fsum(map(float.__mul__, one, other))


DISTANCES: dict[str, Callable[[Vector, Vector], float]] = {
    "COSINE": cosine,
    "EUCLIDEAN": math.dist,
    "DOT_PRODUCT": dot,
}


class Search:
    """A search that is under way: the best of what has been looked at."""

    def __init__(self, index: VectorIndex, wanted: Vector, top_k: int, matches: Matches | None) -> None:
        self._wanted = wanted
        self._top = top_k
        self._matches = matches
        self._distance = DISTANCES[index.distance]
        self._sign = -1 if index.distance != "DOT_PRODUCT" else 1
        self._heap: list[tuple[float, int, Members]] = []
        self._seen = 0
        self.bytes = 0

    def look(self, rows: list[tuple[bytes, bytes]]) -> None:
        for _, raw in rows:
            data, item = _entry.decode(memoryview(raw)[4:])
            self.bytes += len(raw)
            if self._matches is not None and not self._matches(item):
                continue
            self._seen += 1
            likeness = self._sign * self._distance(self._wanted, floats(data))
            one = (likeness, -self._seen, item)
            if len(self._heap) < self._top:
                heapq.heappush(self._heap, one)
            else:
                heapq.heappushpop(self._heap, one)

    def best(self) -> list[tuple[float, Members]]:
        """Scores and items, the one that is most alike first."""
        return [(self._sign * likeness, item) for likeness, _, item in sorted(self._heap, reverse=True)]
