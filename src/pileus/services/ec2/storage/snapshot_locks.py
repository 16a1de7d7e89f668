"""Locks: snapshots that nobody can delete until a day (compliance), or only those who may unlock them (governance)."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, answer, bad_token
from pileus.services.ec2.faults import bad_value, combination, missing

from .snapshots import COMPLETED, PENDING, own

DAY, HOUR = 86400.0, 3600.0
MOST_DAYS, MOST_COOL_OFF = 36500, 72
GOVERNANCE, COMPLIANCE, COOLING, EXPIRED = "governance", "compliance", "compliance-cooloff", "expired"


class Lock(Record):
    """The lock of a snapshot."""

    snapshot_id: str
    mode: str
    days: int
    created: float
    """When it was first locked."""
    begun: float
    """From when on the days count."""
    expires: float
    cool_off: int = 0
    """Hours."""

    def state(self, now: float) -> str:
        if now >= self.expires:
            return EXPIRED
        return COOLING if self.mode == COMPLIANCE and now < self.cools_until else self.mode

    @property
    def cools_until(self) -> float:
        return self.created + self.cool_off * HOUR


def guard(call: Call, snapshot_id: str) -> None:
    """Raise the error for deleting what is locked."""
    lock = Lock.get(call, snapshot_id)
    if lock is None:
        return
    if lock.state(call.now) != EXPIRED:
        raise Fault("SnapshotLocked", f"The snapshot {snapshot_id} is locked and can't be deleted.", status=400)
    lock.delete(call)


@ec2.operation
def lock_snapshot(
    call: Call,
    snapshot_id: str,
    lock_mode: str,
    cool_off_period: int = 0,
    lock_duration: int = 0,
    expiration_date: float = 0.0,
) -> Members:
    """Lock a snapshot, or change its lock as far as that may be."""
    one = own(call, snapshot_id)
    if one.state not in (PENDING, COMPLETED):
        raise Fault("IncorrectState", f"The snapshot {snapshot_id} is in the '{one.state}' state.")
    if lock_mode not in (GOVERNANCE, COMPLIANCE):
        raise bad_value("LockMode", lock_mode)
    if bool(lock_duration) == bool(expiration_date):
        raise (
            combination("Specify either LockDuration or ExpirationDate.")
            if lock_duration
            else missing("LockDuration", "ExpirationDate")
        )
    if lock_duration and not 1 <= lock_duration <= MOST_DAYS:
        raise bad_value("LockDuration", lock_duration)
    if cool_off_period and (lock_mode != COMPLIANCE or not 1 <= cool_off_period <= MOST_COOL_OFF):
        raise bad_value("CoolOffPeriod", cool_off_period)
    expires = call.now + lock_duration * DAY if lock_duration else expiration_date
    if expires < call.now + DAY:
        raise bad_value("ExpirationDate", expiration_date, "It must be at least one day in the future.")
    days = lock_duration or round((expires - call.now) / DAY)
    lock = Lock(snapshot_id, lock_mode, days, call.now, call.now, expires, cool_off_period)
    if (before := Lock.get(call, snapshot_id)) and before.state(call.now) != EXPIRED:
        _check_change(call, before, lock)
        lock.created = before.created if before.mode == COMPLIANCE else call.now
        lock.cool_off = before.cool_off if before.mode == COMPLIANCE else cool_off_period
    lock.put(call)
    one.locked = True
    one.put(call)
    return shown(call, lock)


def _check_change(call: Call, before: Lock, after: Lock) -> None:
    if before.state(call.now) == COMPLIANCE and (after.mode != COMPLIANCE or after.expires < before.expires):
        text = f"The snapshot {before.snapshot_id} is locked in compliance mode: its lock can only be extended."
        raise Fault("OperationNotPermitted", text)


@ec2.operation
def unlock_snapshot(call: Call, snapshot_id: str) -> Members:
    """Take a lock away that is in governance mode, or still cooling off."""
    one = own(call, snapshot_id)
    lock = Lock.get(call, snapshot_id)
    if lock is None or lock.state(call.now) == EXPIRED:
        raise Fault("IncorrectState", f"The snapshot {snapshot_id} is not locked.")
    if lock.state(call.now) == COMPLIANCE:
        text = f"The snapshot {snapshot_id} is locked in compliance mode and can't be unlocked."
        raise Fault("OperationNotPermitted", text)
    lock.delete(call)
    one.locked = False
    one.put(call)
    return {"SnapshotId": snapshot_id}


@ec2.operation
def describe_locked_snapshots(
    call: Call,
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
    snapshot_ids: list[str] = [],
) -> Members:
    """The account's locked snapshots, and those whose lock has expired."""
    fits = Filters({"lock-state": lambda lock: lock.state(call.now)}, tags=None).test(filters)
    page = Lock.page(
        call,
        limit=max_results or 1000,
        token=next_token,
        invalid=bad_token(),
        where=lambda lock: fits(lock) and (not snapshot_ids or lock.snapshot_id in snapshot_ids),
    )
    return answer("Snapshots", [{"OwnerId": call.account} | shown(call, lock) for lock in page.items], page.token)


def shown(call: Call, lock: Lock) -> Members:
    told = {
        "SnapshotId": lock.snapshot_id,
        "LockState": lock.state(call.now),
        "LockDuration": lock.days,
        "LockCreatedOn": lock.created,
        "LockExpiresOn": lock.expires,
        "LockDurationStartTime": lock.begun,
    }
    if lock.cool_off:
        told |= {"CoolOffPeriod": lock.cool_off, "CoolOffPeriodExpiresOn": lock.cools_until}
    return told
