"""Time to live: items whose attribute says so are deleted some minutes after the time that it tells.

Developer Guide, "Using time to live (TTL) in DynamoDB": the attribute is a number of seconds since 1970; what lies more
than five years back is not taken for an expiry; the deletion is DynamoDB's own in the stream, and costs nothing.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

from pileus.kernel import Call, Record

from . import dynamodb, faults
from .keys import END
from .tables import Table, purge, under
from .values import Item

SWEPT_EVERY = 600.0
FIVE_YEARS = 5 * 365 * 86400
AT_ONCE = 500
SERVICE = {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"}


class Sweep(Record):
    """When a table is next looked through for what has expired."""

    box: str
    due: float


@dynamodb.operation(on=Table.of)
def update_time_to_live(call: Call, table: Table, time_to_live_specification: dict[str, Any]) -> dict[str, Any]:
    """Choose the attribute that tells when an item expires, or stop expiring items."""
    name, enabled = time_to_live_specification["AttributeName"], time_to_live_specification["Enabled"]
    if not name:
        raise faults.invalid("TimeToLiveSpecification.AttributeName must not be empty")
    if table.ttl_status == "ENABLING":
        raise faults.invalid("Time to live has been modified multiple times within a fixed interval")
    if enabled == bool(table.ttl):
        raise faults.invalid(f"TimeToLive is already {'enabled' if enabled else 'disabled'}")
    if not enabled and name != table.ttl:
        raise faults.invalid("TimeToLive is active on a different AttributeName: current AttributeName is " + table.ttl)
    if enabled and table.strong:
        raise faults.invalid("Time to Live is not supported for tables with MultiRegionConsistency of STRONG")
    switch(call, table, name if enabled else "")
    if table.group == "2019.11.21":
        from .groups import peers

        for there, peer in peers(call, table):
            switch(there, peer, name if enabled else "")
    return {"TimeToLiveSpecification": {"AttributeName": name, "Enabled": enabled}}


def switch(call: Call, table: Table, name: str) -> None:
    """Expire items by an attribute, or none."""
    if name == table.ttl:
        return
    if name:
        table.ttl, table.ttl_status = name, "ENABLING"
        note_all.later(call, name=table.name, box=table.box, after=b"")
    else:
        table.ttl, table.ttl_status = "", "DISABLED"
        purge.later(call, kind="Expiry", box=table.box)
    table.put(call)


@dynamodb.operation(on=Table.of)
def describe_time_to_live(call: Call, table: Table) -> dict[str, Any]:
    """Whether items of the table expire, and by which attribute."""
    told = {"TimeToLiveStatus": table.ttl_status}
    return {"TimeToLiveDescription": told | ({"AttributeName": table.ttl} if table.ttl else {})}


@dynamodb.task
def note_all(call: Call, name: str, box: str, after: bytes) -> None:
    """Note the expiry of the items that there are already."""
    from .records import load

    table = Table.get(call, name)
    if table is None or table.box != box or table.ttl_status != "ENABLING":
        return
    rows = list(call.store.scan(table.prefix + after, table.prefix + END, limit=AT_ONCE))
    for path, raw in rows:
        note(call, table, path[len(table.prefix) :], None, load(raw))
    if len(rows) == AT_ONCE:
        note_all.later(call, name=name, box=box, after=rows[-1][0][len(table.prefix) :] + b"\0")
        return
    table.ttl_status = "ENABLED"
    table.put(call)


def expiry(table: Table, item: Item | None) -> int | None:
    """When an item expires, if it does."""
    value = item.get(table.ttl) if item else None
    if value is None or "N" not in value:
        return None
    at = Decimal(value["N"])
    return int(at) if 0 < at < 1 << 40 else None


def note(call: Call, table: Table, place: bytes, old: Item | None, new: Item | None) -> None:
    """Keep the order in which the items of a table expire."""
    before, after = expiry(table, old), expiry(table, new)
    if before == after:
        return
    prefix = under(call, "Expiry", table.box)
    if before is not None:
        call.store.delete(prefix + before.to_bytes(8, "big") + place)
    if after is not None:
        call.store.put(prefix + after.to_bytes(8, "big") + place, b"")
        if after > call.now - FIVE_YEARS:
            look(call, table, after)


def look(call: Call, table: Table, at: float) -> None:
    """See to it that the table is looked through at the next round after that time."""
    due = (math.floor(max(at, call.now) / SWEPT_EVERY) + 1) * SWEPT_EVERY
    planned = Sweep.get(call, table.box)
    if planned is None or due < planned.due or planned.due < call.now:
        Sweep(box=table.box, due=due).put(call)
        sweep.later(call, due=due, name=table.name, box=table.box, round=due)


@dynamodb.task
def sweep(call: Call, name: str, box: str, round: float) -> None:  # noqa: A002
    """Delete what has expired, and see when there is something next."""
    from .records import read, replace

    planned, table = Sweep.get(call, box), Table.get(call, name)
    if planned is None or planned.due != round:
        return
    if table is None or table.box != box or not table.ttl:
        planned.delete(call)
        return
    prefix = under(call, "Expiry", box)
    start = prefix + max(int(call.now) - FIVE_YEARS, 0).to_bytes(8, "big")
    rows = list(call.store.scan(start, prefix + (int(call.now) + 1).to_bytes(8, "big"), limit=AT_ONCE))
    for path, _ in rows:
        place = path[len(prefix) + 8 :]
        item, _size = read(call, table, place)
        if item is None:
            call.store.delete(path)
        else:
            replace(call, table, place, item, None, 0, SERVICE)
    planned.delete(call)
    if len(rows) == AT_ONCE:
        Sweep(box=box, due=call.now).put(call)
        sweep.later(call, name=name, box=box, round=call.now)
        return
    for path, _ in call.store.scan(prefix + int(call.now + 1).to_bytes(8, "big"), prefix + b"\xff" * 9, limit=1):
        look(call, table, int.from_bytes(path[len(prefix) : len(prefix) + 8], "big"))
