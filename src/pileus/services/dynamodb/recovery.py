"""Point-in-time recovery: every change keeps what an item was before, so that a table can be had as it was.

Developer Guide, "Point-in-time recovery": to any second of the last 35 days, or of fewer if so configured; the latest
restorable time is typically five minutes before now, here it is now.
"""

from __future__ import annotations

import math
import struct
from typing import Any

import msgspec

from pileus.kernel import Call, Fault

from . import dynamodb, faults
from .tables import Table, purge, under
from .tables import short as short_name
from .values import Item

DAY = 86400.0
AT_ONCE = 1000


def noted(call: Call, table: Table, place: bytes, old: Item | None) -> None:
    """Keep what an item was before a change; of several changes at one time only what was before the first."""
    at = call.now if call.now > table.barrier else math.nextafter(table.barrier, math.inf)
    path = under(call, "Change", table.box) + struct.pack(">d", at) + place
    if call.store.get(path) is None:
        call.store.put(path, msgspec.msgpack.encode(old))


def found(call: Call, table_name: str) -> Table:
    name = short_name(table_name)
    if table := Table.get(call, name):
        return table
    raise Fault("TableNotFoundException", f"Table not found: {name}")


@dynamodb.operation(on=found)
def update_continuous_backups(
    call: Call, table: Table, point_in_time_recovery_specification: dict[str, Any]
) -> dict[str, Any]:
    """Switch point-in-time recovery on or off."""
    days = point_in_time_recovery_specification.get("RecoveryPeriodInDays")
    if point_in_time_recovery_specification["PointInTimeRecoveryEnabled"]:
        if not table.recovery_since:
            table.recovery_since = call.now
            forget.later(call, name=table.name, box=table.box, delay=DAY)
        table.recovery_days = days or table.recovery_days
    else:
        if days:
            raise faults.invalid("RecoveryPeriodInDays cannot be specified when point in time recovery is disabled")
        table.recovery_since, table.recovery_days = 0.0, 35
        if not table.holders:
            purge.later(call, kind="Change", box=table.box)
    table.put(call)
    return {"ContinuousBackupsDescription": described(call, table)}


@dynamodb.operation(on=found)
def describe_continuous_backups(call: Call, table: Table) -> dict[str, Any]:
    """Whether point-in-time recovery is on, and how far back it reaches."""
    return {"ContinuousBackupsDescription": described(call, table)}


def described(call: Call, table: Table) -> dict[str, Any]:
    told: dict[str, Any] = {"PointInTimeRecoveryStatus": "ENABLED" if table.recovery_since else "DISABLED"}
    if table.recovery_since:
        told["RecoveryPeriodInDays"] = table.recovery_days
        told["EarliestRestorableDateTime"] = earliest(call, table)
        told["LatestRestorableDateTime"] = call.now
    return {"ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": told}


def earliest(call: Call, table: Table) -> float:
    return max(table.recovery_since, call.now - table.recovery_days * DAY)


@dynamodb.task
def forget(call: Call, name: str, box: str) -> None:
    """Once a day: changes that lie behind the recovery period are of no use any more."""
    table = Table.get(call, name)
    if table is None or table.box != box or not table.recovery_since:
        return
    prefix = under(call, "Change", box)
    end = prefix + struct.pack(">d", call.now - table.recovery_days * DAY)
    rows = list(call.store.scan(prefix, end, limit=AT_ONCE))
    for path, _ in rows:
        call.store.delete(path)
    forget.later(call, name=name, box=box, delay=0.0 if len(rows) == AT_ONCE else DAY)
