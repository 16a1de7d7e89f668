"""Items at rest: reading one, and everything that a change of one must do.

Under an item's place stand four bytes of its size, and the item in JSON, just as it is answered. An index's entry is
what the index projects of it.
"""

from __future__ import annotations

from typing import Any, cast

import msgspec

from pileus.kernel import Call

from . import destinations, faults, replication, streams, ttl, values, vectors
from .capacity import Units, write_units
from .recovery import noted
from .replication import Stamp
from .tables import IndexKeys, Table
from .values import Attribute, Item

LARGEST = 400 * 1024

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Attribute]).decode
_decode_msgpack = msgspec.msgpack.Decoder(dict[str, Attribute]).decode

JSON = ord("{")
"""What an item begins with. Those that earlier versions stored are MessagePack, which begins otherwise."""


def dump(item: Item, size: int) -> bytes:
    return size.to_bytes(4, "big") + _encode(item)


def load(raw: bytes) -> Item:
    item = memoryview(raw)[4:]
    return cast(Item, _decode(item) if raw[4] == JSON else _decode_msgpack(item))


def told(call: Call, raw: bytes) -> Item | msgspec.Raw:
    """The item for an answer, of which nobody looks at a part."""
    return msgspec.Raw(raw[4:]) if call.json and raw[4] == JSON else load(raw)


def size_of(raw: bytes) -> int:
    return int.from_bytes(raw[:4], "big")


def read(call: Call, table: Table, place: bytes) -> tuple[Item | None, int]:
    """The item at a place and its size."""
    raw = call.store.get(table.prefix + place)
    return (None, 0) if raw is None else (load(raw), size_of(raw))


def keep(call: Call, table: Table, place: bytes, new: Item | None, size: int) -> bytes:
    """Put an item where there was another or none, or remove it, and nothing else; what is stored now."""
    if new is None:
        call.store.delete(table.prefix + place)
        return b""
    raw = dump(new, size)
    call.store.put(table.prefix + place, raw)
    return raw


def replace(
    call: Call,
    table: Table,
    place: bytes,
    old: Item | None,
    new: Item | None,
    size: int,
    identity: dict[str, str] | None = None,
    origin: Stamp | None = None,
) -> Units:
    """Put an item where there was another or none, or remove it; what that costs by index.

    `identity` is who did it, where that was DynamoDB itself; `origin` is where and when, where that was elsewhere.
    """
    if table.group and (new is not None or old is not None or origin):
        new = replication.stamped(call, table, place, new, origin)
        size = values.size(new) if new else 0
    if new is None and old is None:
        return {}
    raw = keep(call, table, place, new, size)
    if not table.watched:
        return {}
    units = {index.name: cost for index in table.entries if (cost := reindex(call, index, place, old, new, raw))}
    if old != new:
        if table.vectors:
            vectors.reindex(call, table, place, old, new)
        if table.view:
            streams.tell(call, table, old, new, identity)
        if table.ttl:
            ttl.note(call, table, place, old, new)
        if table.recovery_since or table.holders:
            noted(call, table, place, old)
        if table.streaming:
            destinations.note(call, table, old, new, identity)
    return units


def entry(index: IndexKeys, place: bytes, item: Item | None) -> tuple[bytes, Item] | None:
    """Where an item's entry in an index is, and what it says; None for an item that the index leaves out."""
    if item is None:
        return None
    for name in index.names:
        if name not in item:
            return None
    where = index.prefix + index.place(item) + place
    return where, item if index.all else {name: value for name, value in item.items() if name in index.kept}


def reindex(call: Call, index: IndexKeys, place: bytes, old: Item | None, new: Item | None, raw: bytes) -> float:
    """Bring an index up to date; what it costs. `raw` is the new item as it is stored."""
    before, after = entry(index, place, old), entry(index, place, new)
    if before == after:
        return 0.0
    cost = 0.0
    if before and (after is None or before[0] != after[0]):
        call.store.delete(before[0])
        cost += write_units(values.size(before[1]))
    if after:
        kept = raw if index.all else dump(after[1], values.size(after[1]))
        call.store.put(after[0], kept)
        cost += write_units(max(size_of(kept), values.size(before[1]) if before and before[0] == after[0] else 0))
    return cost


def check_index_keys(table: Table, item: Item, update: bool = False) -> None:
    """Raise where an item has something at the key of an index that cannot be one."""
    for index in table.entries:
        for name, kind in index.types.items():
            value = item.get(name)
            if value is None:
                continue
            if kind not in value:
                if update:
                    raise faults.invalid(
                        "The update expression attempted to update the secondary index key to unsupported type"
                    )
                actual = values.kind_of(value)
                raise faults.bad_parameter(
                    f"Type mismatch for Index Key {name} Expected: {kind} Actual: {actual} IndexName: {index.name}"
                )
            if not value[kind]:
                what = "string" if kind == "S" else "binary"
                raise faults.invalid(
                    "One or more parameter values are not valid. A value specified for a secondary index key is not "
                    f"supported. The AttributeValue for a key attribute cannot contain an empty {what} value. "
                    f"IndexName: {index.name}, IndexKey: {name}"
                )
            if kind != "N":
                index.check_length(name, len(value[kind].encode() if kind == "S" else value[kind]))


def collection(table: Table, key: Item, asked: str) -> dict[str, Any] | None:
    """ItemCollectionMetrics, which there are only for tables with local secondary indexes."""
    if asked != "SIZE" or not table.local:
        return None
    name = table.schema.hashes[0]
    return {"ItemCollectionKey": {name: key[name]}, "SizeEstimateRangeGB": [0.0, 1.0]}
