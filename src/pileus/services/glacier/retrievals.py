"""How much an account may retrieve, and the capacity that it has bought for expedited retrievals."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Record, names

from . import glacier
from .faults import fault, invalid
from .vaults import iso

HOUR = 3600.0
MONTH = 31 * 86400.0
MOST_UNITS = 2
STRATEGIES = ("BytesPerHour", "FreeTier", "None")
FREE = 10 * 1024**3
"""Bytes a month, of which the free tier lets an hour have its share."""


class Retrieving(Record):
    """The data retrieval policy of an account in a Region, and what was retrieved in the present hour."""

    name: str
    strategy: str = "None"
    most: int = 0
    hour: int = 0
    used: int = 0


class Capacity(Record):
    """A unit of provisioned capacity."""

    id: str
    start: float
    end: float


@glacier.operation
def set_data_retrieval_policy(call: Call, account_id: str, policy: dict[str, Any] = {}) -> None:
    """Say how much may be retrieved by standard retrievals."""
    rules = policy.get("Rules", [])
    if len(rules) != 1 or rules[0].get("Strategy") not in STRATEGIES:
        raise invalid("Invalid data retrieval policy: one rule with a known strategy is wanted")
    strategy, most = rules[0]["Strategy"], rules[0].get("BytesPerHour")
    if (strategy == "BytesPerHour") != (most is not None) or (most is not None and most < 1):
        raise invalid("Invalid data retrieval policy: BytesPerHour is for the strategy of that name")
    Retrieving(name="policy", strategy=strategy, most=most or 0).put(call)


@glacier.operation
def get_data_retrieval_policy(call: Call, account_id: str) -> dict[str, Any]:
    """How much may be retrieved; without a policy there is no limit."""
    found = Retrieving.get(call, "policy") or Retrieving("policy")
    rule: dict[str, Any] = {"Strategy": found.strategy}
    return {"Policy": {"Rules": [rule | ({"BytesPerHour": found.most} if found.most else {})]}}


def take(call: Call, size: int) -> None:
    """Count a standard retrieval, or refuse it for this hour."""
    found = Retrieving.get(call, "policy")
    if found is None or found.strategy == "None":
        return
    most = found.most if found.strategy == "BytesPerHour" else FREE // (30 * 24)
    hour = int(call.now / HOUR)
    if found.hour != hour:
        found.hour, found.used = hour, 0
    if found.used + size > most:
        raise fault("PolicyEnforcedException", "InitiateJob request denied by current data retrieval policy.")
    found.used += size
    found.put(call)


@glacier.operation
def purchase_provisioned_capacity(call: Call, account_id: str) -> dict[str, str]:
    """Buy a unit for a month; there can be two."""
    if len(current(call)) >= MOST_UNITS:
        raise fault("LimitExceededException", f"An account can have {MOST_UNITS} provisioned capacity units.")
    unit = Capacity(id=names.token(26), start=call.now, end=call.now + MONTH).put(call)
    return {"capacityId": unit.id}


def current(call: Call) -> list[Capacity]:
    return [unit for unit in Capacity.scan(call) if unit.end > call.now]


@glacier.operation
def list_provisioned_capacity(call: Call, account_id: str) -> dict[str, Any]:
    """The units that are not over."""
    return {
        "ProvisionedCapacityList": [
            {"CapacityId": unit.id, "StartDate": iso(unit.start), "ExpirationDate": iso(unit.end)}
            for unit in current(call)
        ]
    }
