"""Pages: reading a range of a table or an index item by item, as queries and scans do.

A page ends at its limit, or before it would hold more than a megabyte; filters come after that.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from msgspec import Raw

from pileus.kernel import Call

from . import capacity, faults, legacy, paths
from .expressions import Expressions, Matches
from .records import load, read, size_of, told
from .tables import IndexKeys, Table
from .throttling import charge
from .values import Item

LARGEST_PAGE = 1024 * 1024


class View(NamedTuple):
    """What of each item goes into the answer."""

    tree: paths.Tree | None = None
    counted: bool = False
    whole: bool = False
    """Whether entries of a local index must be completed from the table."""


class Reading(NamedTuple):
    """A page to be read."""

    table: Table
    source: IndexKeys | None
    start: bytes
    end: bytes
    view: View
    matches: Matches | None = None
    limit: int | None = None
    forward: bool = True
    consistent: bool = False
    capacity: str = "NONE"


def source(table: Table, index_name: str | None, consistent: bool) -> IndexKeys | None:
    """The index that is to be read, if one is."""
    if index_name is None:
        return None
    index = table.index(index_name)
    if consistent and not index.local:
        raise faults.invalid("Consistent reads are not supported on global secondary indexes")
    return index


def view(
    shared: Expressions | None,
    index: IndexKeys | None,
    select: str | None,
    projection: str | None,
    attributes: list[str] | None,
    filtered: frozenset[str],
) -> View:
    """What Select, ProjectionExpression and AttributesToGet ask for; `filtered` are the attributes of the filter."""
    named = "ProjectionExpression" if projection is not None else "AttributesToGet" if attributes is not None else ""
    if select in ("ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES", "COUNT") and named:
        raise faults.invalid(f"Cannot specify the {named} when choosing to get {select}")
    if select == "SPECIFIC_ATTRIBUTES" and not named:
        raise faults.invalid(
            "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES"
        )
    if select == "ALL_PROJECTED_ATTRIBUTES" and index is None:
        raise faults.invalid("ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName")
    if shared is not None and projection is not None:
        tree, tops = shared.projection(projection)
    elif attributes is not None:
        tree, tops = legacy.attributes_to_get(attributes)
    else:
        tree, tops = None, frozenset()
    return View(tree, select == "COUNT", completed(index, select, tops, filtered))


def completed(index: IndexKeys | None, select: str | None, tops: frozenset[str], filtered: frozenset[str]) -> bool:
    """Whether more is asked for than the index has; a global one has no more to give."""
    if index is None or index.all:
        return False
    if select == "ALL_ATTRIBUTES":
        if not index.local:
            raise faults.bad_parameter(
                f"Select type ALL_ATTRIBUTES is not supported for global secondary index {index.name} "
                "because its projection type is not ALL"
            )
        return True
    lacking = sorted(tops - index.kept)
    if lacking and not index.local:
        raise faults.bad_parameter(f"Global secondary index {index.name} does not project [{', '.join(lacking)}]")
    return index.local and bool(lacking or filtered - index.kept)


def start_after(reading: Reading, key: Item | None, bounded: bool) -> Reading:
    """The reading from behind the item of a key on, or before it if it goes backwards."""
    if key is None:
        return reading
    table, index = reading.table, reading.source
    names = {*table.schema.names, *(index.names if index else ())}
    types = table.attributes
    if key.keys() != names or any(types[name] not in value for name, value in key.items()):
        if index is None and not bounded:
            raise faults.invalid(
                "The provided starting key is invalid: The provided key element does not match the schema"
            )
        raise faults.invalid("The provided starting key is invalid")
    for keys in (table.schema, *([index] if index else [])):
        for name, kind in keys.types.items():
            keys.encoded(name, kind, key[name])
    own = table.schema.place(key)
    place = index.prefix + index.place(key) + own if index else table.prefix + own
    if not reading.start <= place < reading.end:
        raise faults.invalid(
            "The provided starting key is outside query boundaries based on provided conditions"
            if bounded
            else "The provided starting key is invalid: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with "
            "correct Segment."
        )
    return reading._replace(start=place + b"\0") if reading.forward else reading._replace(end=place)


def page(call: Call, reading: Reading) -> dict[str, Any]:
    """The answer of a query or a scan."""
    table, index, view, matches = reading.table, reading.source, reading.view, reading.matches
    tree, limit, whole, counted = view.tree, reading.limit, view.whole, view.counted
    untouched = tree is None and matches is None and not whole
    items: list[Item | Raw] = []
    scanned = count = total = fetched = 0
    last: bytes | None = None
    units = 0.0
    most = None if limit is None else limit + 1
    for _, raw in call.store.scan(reading.start, reading.end, reverse=not reading.forward, limit=most):
        size = size_of(raw)
        if scanned == limit or (total + fetched + size > LARGEST_PAGE and last is not None):
            break
        last = raw
        total += size
        scanned += 1
        if untouched:
            count += 1
            if not counted:
                items.append(told(call, raw))
            continue
        item = load(raw)
        if whole:
            own, own_size = read(call, table, table.schema.place(item))
            item = own or item
            fetched += own_size
            units += capacity.read_units(own_size, reading.consistent)
        if matches is not None and not matches(item):
            continue
        count += 1
        if not counted:
            items.append(item if tree is None else paths.projected(item, tree))
    else:
        if scanned != limit:
            last = None
    answer: dict[str, Any] = {"Count": count, "ScannedCount": scanned}
    if not counted:
        answer["Items"] = items
    if last is not None:
        item = load(last)
        answer["LastEvaluatedKey"] = {
            name: item[name] for name in dict.fromkeys((*table.schema.names, *(index.names if index else ())))
        }
    read_cost = capacity.read_units(total, reading.consistent)
    own_cost, others = (units, {index.name: read_cost}) if index else (read_cost, {})
    charge(call, table, "Read", own_cost, others)
    if reading.capacity != "NONE":
        answer["ConsumedCapacity"] = capacity.consumed(table, reading.capacity, own_cost, others)
    return answer
