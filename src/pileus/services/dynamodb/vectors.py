"""Vector indexes: items by the likeness of a vector that is among their attributes.

An entry lies under the index and the value of its HASH attribute, if it has one: that is the range that a search looks
through from end to end, so what it finds is exact. Items whose vector is none, or of other dimensions, are left out.
"""

from __future__ import annotations

import array
from zlib import crc32

import msgspec

from pileus.kernel import Call, Fault

from . import dynamodb, faults, keys, values
from .keys import END
from .tables import Members, Table, new_box, purge, under
from .values import Item, Value

AT_ONCE = 200
MOST_DIMENSIONS = 4096

_encode = msgspec.msgpack.Encoder().encode


class VectorIndex(msgspec.Struct, kw_only=True):
    """A vector index of a table."""

    name: str
    attribute: str
    dimensions: int
    distance: str
    projection: Members
    schema: list[dict[str, str]] = []
    status: str = "ACTIVE"
    backfilling: bool = False
    box: str = ""

    @property
    def hash(self) -> str:
        """The attribute by whose values it is partitioned, if it is."""
        names = [part["AttributeName"] for part in self.schema if part["SearchSchemaElementType"] == "HASH"]
        return names[0] if names else ""

    @property
    def names(self) -> list[str]:
        return [part["AttributeName"] for part in self.schema]


def of(given: Members) -> VectorIndex:
    """An index as a request defines it."""
    if given["Dimensions"] > MOST_DIMENSIONS:
        raise faults.bad_parameter(f"Dimensions must be at most {MOST_DIMENSIONS} for index: {given['IndexName']}")
    index = VectorIndex(
        name=given["IndexName"],
        attribute=given["VectorAttribute"]["AttributeName"],
        dimensions=given["Dimensions"],
        distance=given["DistanceFunction"],
        projection=given["Projection"],
        schema=given.get("SearchSchema", []),
        box=new_box(),
    )
    if sum(part["SearchSchemaElementType"] == "HASH" for part in index.schema) > 1:
        raise faults.bad_parameter(f"SearchSchema may have one HASH element at most for index: {index.name}")
    return index


def check(table: Table) -> None:
    """Names must be different from each other's, and one attribute has one number of dimensions."""
    indexes = held(table)
    names = [index.name for index in indexes] + [index.name for index in table.indexes]
    if len({*names}) < len(names):
        repeated = next(name for name in names if names.count(name) > 1)
        raise faults.bad_parameter(f"Duplicate index name: {repeated}")
    dimensions: dict[str, int] = {}
    for index in indexes:
        if dimensions.setdefault(index.attribute, index.dimensions) != index.dimensions:
            raise faults.bad_parameter(
                f"Vector indexes of the attribute {index.attribute} must have the same number of dimensions"
            )


def held(table: Table) -> list[VectorIndex]:
    return [msgspec.convert(one, VectorIndex) for one in table.vectors]


def keep(table: Table, indexes: list[VectorIndex]) -> None:
    table.vectors = [msgspec.to_builtins(one) for one in indexes]


def copies(vectors: list[Members]) -> list[Members]:
    """The same indexes for another table."""
    return [one | {"box": new_box(), "status": "ACTIVE", "backfilling": False} for one in vectors]


# Entries


def vector_of(value: Value | None, dimensions: int) -> bytes | None:
    """A vector of that many numbers as 32-bit floats; None for what is none."""
    elements = value.get("L") if value else None
    if elements is None or len(elements) != dimensions or any("N" not in one for one in elements):
        return None
    return array.array("f", [float(one["N"]) for one in elements]).tobytes()


def prefix(call: Call, table: Table, index: VectorIndex) -> bytes:
    return under(call, "Vector", f"{table.box}.{index.box}")


def partition(index: VectorIndex, value: Value | None) -> bytes | None:
    """Where in the index an item is that has this HASH value."""
    if not index.hash:
        return b"\0\0\0\0"
    kind = next(iter(value)) if value else ""
    if value is None or kind not in ("S", "N", "B"):
        return None
    key = kind.encode() + keys.encode(kind, value)
    return crc32(key).to_bytes(4, "big") + key


def entry(table: Table, index: VectorIndex, place: bytes, item: Item | None) -> tuple[bytes, bytes] | None:
    """Where under the index an item's entry is, and what it says."""
    if item is None:
        return None
    where = partition(index, item.get(index.hash))
    vector = vector_of(item.get(index.attribute), index.dimensions)
    if where is None or vector is None:
        return None
    kind = index.projection.get("ProjectionType", "KEYS_ONLY")
    kept = {*table.schema.names, *index.names, *index.projection.get("NonKeyAttributes", ())}
    projected = item if kind == "ALL" else {name: value for name, value in item.items() if name in kept}
    return where + place, values.size(projected).to_bytes(4, "big") + _encode((vector, projected))


def reindex(call: Call, table: Table, place: bytes, old: Item | None, new: Item | None) -> None:
    """Bring a table's vector indexes up to date."""
    for index in held(table):
        before, after = entry(table, index, place, old), entry(table, index, place, new)
        if before == after or index.status == "DELETING":
            continue
        under_index = prefix(call, table, index)
        if before and (after is None or before[0] != after[0]):
            call.store.delete(under_index + before[0])
        if after:
            call.store.put(under_index + after[0], after[1])


# Configuring


def update(call: Call, table: Table, changes: list[Members]) -> None:
    """Add or remove one index."""
    if len(changes) != 1 or len(changes[0]) != 1:
        raise faults.bad_parameter("One vector index can be created or deleted at a time")
    ((kind, given),) = changes[0].items()
    indexes = held(table)
    if any(index.status != "ACTIVE" for index in indexes):
        raise Fault(
            "LimitExceededException",
            "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table",
        )
    if kind == "Create":
        new = of(given)
        new.status, new.backfilling = "CREATING", True
        indexes.append(new)
        fill_vectors.later(call, name=table.name, box=table.box, index=new.box, after=b"")
    else:
        found = next((index for index in indexes if index.name == given["IndexName"]), None)
        if found is None:
            message = f"Requested resource not found: Index: {given['IndexName']} not found"
            raise Fault("ResourceNotFoundException", message)
        found.status = "DELETING"
        drop_vectors.later(call, name=table.name, box=table.box, index=found.box)
    keep(table, indexes)
    check(table)


@dynamodb.task
def fill_vectors(call: Call, name: str, box: str, index: str, after: bytes) -> None:
    """Put the items that there are into a new index, some at a time."""
    from .records import load

    table = Table.get(call, name)
    indexes = held(table) if table and table.box == box else []
    new = next((one for one in indexes if one.box == index), None)
    if table is None or new is None:
        return
    rows = list(call.store.scan(table.prefix + after, table.prefix + END, limit=AT_ONCE))
    for path, raw in rows:
        if found := entry(table, new, path[len(table.prefix) :], load(raw)):
            call.store.put(prefix(call, table, new) + found[0], found[1])
    if len(rows) == AT_ONCE:
        onward = rows[-1][0][len(table.prefix) :] + b"\0"
        fill_vectors.later(call, name=name, box=box, index=index, after=onward)
        return
    new.status, new.backfilling = "ACTIVE", False
    keep(table, indexes)
    table.put(call)


@dynamodb.task
def drop_vectors(call: Call, name: str, box: str, index: str) -> None:
    """Remove an index."""
    table = Table.get(call, name)
    if table is not None and table.box == box:
        keep(table, [one for one in held(table) if one.box != index])
        table.put(call)
    purge.later(call, kind="Vector", box=f"{box}.{index}")


# Describing


def described(call: Call, table: Table) -> list[Members]:
    return [description(call, table, index) for index in held(table)]


def description(call: Call, table: Table, index: VectorIndex) -> Members:
    from .describing import measured

    items, size = measured(call, prefix(call, table, index))
    told = definition(index) | {
        "IndexStatus": index.status,
        "IndexSizeBytes": size,
        "ItemCount": items,
        "IndexArn": f"{table.arn(call)}/index/{index.name}",
    }
    return told | ({"Backfilling": True} if index.backfilling else {})


def definition(index: VectorIndex) -> Members:
    told: Members = {
        "IndexName": index.name,
        "VectorAttribute": {"AttributeName": index.attribute},
        "Projection": index.projection,
        "Dimensions": index.dimensions,
        "DistanceFunction": index.distance,
    }
    return told | ({"SearchSchema": index.schema} if index.schema else {})


def chosen(vectors: list[Members], override: list[Members] | None) -> list[Members]:
    """The indexes of a backup that a restore wants: all of them, or those that it names."""
    if override is None:
        return copies(vectors)
    known = {one["name"]: one for one in vectors}
    if unknown := [one["IndexName"] for one in override if one["IndexName"] not in known]:
        raise faults.bad_parameter(f"The vector index is not in the backup: {unknown[0]}")
    return copies([known[one["IndexName"]] for one in override])
