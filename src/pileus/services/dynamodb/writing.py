"""Writes: what a put, an update, a delete or a mere check means to do, and doing it.

Alone, in a batch, in a transaction or in PartiQL, a write is the same thing: it is prepared from what the request says,
decided by what the item is, and then carried out.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pileus.kernel import Call

from . import capacity, conditions, expressions, faults, legacy, paths, updates, values
from .expressions import Expressions, Matches
from .records import LARGEST, check_index_keys, collection, keep, load, replace, size_of, told
from .tables import Table
from .throttling import charge
from .values import Item

MOST_DEPTH = values.DEEPEST


class Write(msgspec.Struct, frozen=True, eq=False):
    """What is to happen to one item, if its condition holds."""

    kind: str
    """`put`, `update`, `delete` or `check`."""
    table: Table
    place: bytes
    key: Item
    condition: Matches | None = None
    item: Item = {}
    """What is put."""
    size: int = 0
    update: updates.Update | None = None
    values: conditions.Values = {}
    tell_failed: bool = False
    """Whether the item goes with the error if the condition does not hold."""


class Outcome(msgspec.Struct, eq=False):
    """What an item was, and what it is to be."""

    write: Write
    raw: bytes | None
    """What is stored of it."""
    old_size: int
    new: Item | None = None
    new_size: int = 0
    read: Item | None = None
    """What is stored, once somebody has asked for it."""
    kept: bytes = b""
    """The new item as it is stored from now on, unless others had to be told of it."""

    @property
    def old(self) -> Item | None:
        """Read when it is first asked for: of most only the size matters."""
        if self.read is None and self.raw is not None:
            self.read = load(self.raw)
        return self.read

    @property
    def units(self) -> float:
        return capacity.write_units(max(self.old_size, self.new_size))


# Preparing


def condition(
    shared: Expressions | None,
    text: str | None,
    expected: legacy.Conditions | None = None,
    operator: str | None = None,
) -> Matches | None:
    """The condition of a write, in whichever way it is written."""
    if text is not None and shared is not None:
        return shared.condition("ConditionExpression", text)
    if expected:
        return legacy.expected(expected, operator)
    return None


def put(table: Table, item: Item, test: Matches | None = None, tell_failed: bool = False) -> Write:
    size = values.take(item)
    place = table.schema.place_in(item)
    if size > LARGEST:
        raise faults.invalid("Item size has exceeded the maximum allowed size")
    if table.indexes:
        check_index_keys(table, item)
    return Write("put", table, place, item, test, item, size, tell_failed=tell_failed)


def delete(table: Table, key: Item, test: Matches | None = None, tell_failed: bool = False) -> Write:
    return Write("delete", table, table.schema.place_of(key), key, test, tell_failed=tell_failed)


def check(table: Table, key: Item, test: Matches | None = None, tell_failed: bool = False) -> Write:
    return Write("check", table, table.schema.place_of(key), key, test, tell_failed=tell_failed)


def update(
    table: Table,
    key: Item,
    test: Matches | None,
    change: updates.Update | None,
    given: conditions.Values,
    tell_failed: bool = False,
) -> Write:
    place = table.schema.place_of(key)
    for path in change.paths if change else ():
        if path[0] in table.schema.types:
            raise faults.bad_parameter(f"Cannot update attribute {path[0]}. This attribute is part of the key")
    return Write("update", table, place, key, test, update=change, values=given, tell_failed=tell_failed)


# Deciding and doing


def decide(call: Call, write: Write) -> Outcome:
    """What the write comes to; raises where its condition does not hold."""
    raw = call.store.get(write.table.prefix + write.place)
    outcome = Outcome(write, raw, 0 if raw is None else size_of(raw))
    if write.condition is not None and not write.condition(outcome.old or {}):
        raise faults.condition_failed(outcome.old if write.tell_failed else None)
    if write.kind == "put":
        outcome.new, outcome.new_size = write.item, write.size
    elif write.kind == "check":
        outcome.new, outcome.new_size = outcome.old, outcome.old_size
    elif write.kind == "update":
        old = outcome.old or write.key
        new = updates.apply(write.update, old, write.values) if write.update else dict(old)
        outcome.new, outcome.new_size = new, values.size(new)
        check_updated(write, new, outcome.new_size)
    return outcome


def check_updated(write: Write, new: Item, size: int) -> None:
    if size > LARGEST:
        raise faults.invalid("Item size to update has exceeded the maximum allowed size")
    if write.table.indexes:
        check_index_keys(write.table, new, update=True)
    for path in write.update.paths if write.update else ():
        if len(path) > 1 and path[0] in new and values.depth(new[str(path[0])]) > MOST_DEPTH:
            raise faults.invalid("Nesting Levels have exceeded supported limits")


def carry_out(call: Call, outcome: Outcome, times: int = 1) -> capacity.Units:
    """Do it; what it costs by index."""
    write, table = outcome.write, outcome.write.table
    units: capacity.Units = {}
    if write.kind == "check":
        pass
    elif table.watched:
        units = replace(call, table, write.place, outcome.old, outcome.new, outcome.new_size)
    elif outcome.new is not None or outcome.old_size:
        outcome.kept = keep(call, table, write.place, outcome.new, outcome.new_size)
    others = {name: times * cost for name, cost in units.items()} if units else units
    charge(call, table, "Write", times * outcome.units, others)
    return units


# Telling


def returned(call: Call, outcome: Outcome, wanted: str) -> Item | msgspec.Raw | None:
    """The attributes that ReturnValues asks for."""
    if wanted == "NONE":
        return None
    if wanted == "ALL_OLD":
        return None if outcome.raw is None else told(call, outcome.raw)
    if wanted == "ALL_NEW" and outcome.kept:
        return told(call, outcome.kept)
    item = outcome.old if wanted.endswith("OLD") else outcome.new
    if item is None or wanted.startswith("ALL"):
        return item
    change = outcome.write.update
    return paths.projected(item, paths.tree(change.paths)) if change else None


def answer(
    call: Call, outcome: Outcome, return_values: str, return_capacity: str, return_metrics: str
) -> dict[str, Any]:
    """Carry out a write that stands alone, and tell of it what the request wants to know."""
    units = carry_out(call, outcome)
    found: dict[str, Any] = {}
    if return_values != "NONE" and (attributes := returned(call, outcome, return_values)):
        found["Attributes"] = attributes
    table = outcome.write.table
    if return_capacity != "NONE":
        found["ConsumedCapacity"] = capacity.consumed(table, return_capacity, outcome.units, units)
    if return_metrics != "NONE":
        found["ItemCollectionMetrics"] = collection(table, outcome.write.key, return_metrics)
    return found


def shared_expressions(
    names: dict[str, str] | None, given: dict[str, Any] | None, **texts: str | None
) -> Expressions | None:
    """The names and values of a request, if it has any expressions."""
    if any(text is not None for text in texts.values()):
        return Expressions(names, given)
    if names is not None or given is not None:
        absent = " and ".join(texts)
        Expressions(names, given, f"{absent} {'is' if len(texts) == 1 else 'are'} null")
    return None


not_both = expressions.not_both
