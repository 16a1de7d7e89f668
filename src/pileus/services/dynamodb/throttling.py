"""Throttling: requests beyond what a table or an index can take are refused, where that is asked for.

It is asked for with `pileus up --throttle` for all tables, or for one with the tag `pileus:throttle=true`. What is not
used is saved up for 300 seconds (Developer Guide, "Burst capacity"); on demand, the maximum that is configured counts.
Left out: the limits of single partitions, and those of accounts.
"""

from __future__ import annotations

from pileus.kernel import Call, Fault, Record

from . import metrics
from .capacity import Units
from .tables import Index, Table

BURST = 300.0
API = "with the UpdateTable API"
PROVISIONED = {
    True: "The level of configured provisioned throughput for the table was exceeded. "
    f"Consider increasing your provisioning level {API}.",
    False: "The level of configured provisioned throughput for one or more global secondary indexes of the table was "
    "exceeded. Consider increasing your provisioning level for the under-provisioned global secondary indexes "
    f"{API}",
}


class Bucket(Record, key=("box", "kind")):
    """What a table or an index can take of one kind, as of a moment."""

    box: str
    kind: str
    units: float
    at: float


def charge(call: Call, table: Table, kind: str, own: float, others: Units = {}) -> None:
    """Take what a request costs from what the table and its indexes can take; `kind` is Read or Write."""
    metrics.consumed(call, table, kind, own, others)
    if not enforced(call, table):
        return
    if own:
        local = sum(others.get(index.name, 0.0) for index in table.indexes if index.local)
        take(call, table, table, kind, own + local)
    for index in table.indexes:
        if not index.local and (units := others.get(index.name)):
            take(call, table, index, kind, units)


def enforced(call: Call, table: Table) -> bool:
    return table.throttled or call.cloud.throttle


def take(call: Call, table: Table, what: Table | Index, kind: str, units: float) -> None:
    rate, burst = limits(table, what, kind)
    if not rate:
        return
    box = what.box if what is table else f"{table.box}.{what.box}"
    bucket = Bucket.get(call, box, kind) or Bucket(box=box, kind=kind, units=rate, at=table.created)
    saved = min(bucket.units + (call.now - bucket.at) * rate, burst)
    if saved < min(units, burst):
        raise exceeded(call, table, what, kind)
    Bucket(box=box, kind=kind, units=saved - units, at=call.now).put(call)


def limits(table: Table, what: Table | Index, kind: str) -> tuple[float, float]:
    """How many units a second, and how many can be saved up; none where nothing is limited."""
    if table.billing == "PROVISIONED":
        rate = float(what.throughput.get(f"{kind}CapacityUnits", 0))
        return rate, rate * BURST
    rate = float(max(what.on_demand.get(f"Max{kind}RequestUnits", 0), 0))
    return rate, rate


def exceeded(call: Call, table: Table, what: Table | Index, kind: str) -> Fault:
    arn = table.arn(call)
    if isinstance(what, Index):
        arn = f"{arn}/index/{what.name}"
    resource = "Table" if what is table else "Index"
    if table.billing == "PROVISIONED":
        reason = {"reason": f"{resource}{kind}ProvisionedThroughputExceeded", "resource": arn}
        message = PROVISIONED[what is table]
        return Fault("ProvisionedThroughputExceededException", message, ThrottlingReasons=[reason])
    reason = {"reason": f"{resource}{kind}MaxOnDemandThroughputExceeded", "resource": arn}
    message = "Throughput exceeds the maximum OnDemandThroughput configured on table or index"
    return Fault("ThrottlingException", message, throttlingReasons=[reason])


def is_throttle(fault: Fault) -> bool:
    return fault.code in ("ProvisionedThroughputExceededException", "ThrottlingException")
