"""Fast snapshot restore: snapshots whose volumes are there at once, zone by zone. What it tells is the states.

Volumes here are there at once anyway.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, answer, bad_token
from pileus.services.ec2.faults import combination, missing

from .announcing import FAST, announced
from .snapshots import COMPLETED, Snapshot, snapshot
from .zones import zone_id, zone_in

STEP = 5.0
HOUR_A_TIB = 3600 / 1024
"""AWS takes 60 minutes for each TiB to optimize."""
MOST = 5
"""Snapshots of an account in a Region that may have it enabled."""

NEXT = {"enabling": "optimizing", "optimizing": "enabled", "disabling": "disabled"}
ENABLED = ("enabling", "optimizing", "enabled")


class FastRestore(Record, key=("snapshot_id", "zone")):
    """What is the case with one snapshot in one zone."""

    snapshot_id: str
    zone: str
    owner: str
    state: str
    times: dict[str, float]
    """When it came to each state."""


FILTERS = Filters(
    {
        "availability-zone": "zone",
        "availability-zone-id": lambda one: zone_id(one.zone),
        "owner-id": "owner",
        "snapshot-id": "snapshot_id",
        "state": "state",
    },
    tags=None,
)


def enabled(call: Call, snapshot_id: str, zone: str) -> bool:
    one = FastRestore.get(call, snapshot_id, zone)
    return one is not None and one.state == "enabled"


@ec2.operation
def enable_fast_snapshot_restores(
    call: Call,
    source_snapshot_ids: list[str],
    availability_zones: list[str] = [],
    availability_zone_ids: list[str] = [],
) -> Members:
    return _turned(call, source_snapshot_ids, zones(call, availability_zones, availability_zone_ids), enable)


@ec2.operation
def disable_fast_snapshot_restores(
    call: Call,
    source_snapshot_ids: list[str],
    availability_zones: list[str] = [],
    availability_zone_ids: list[str] = [],
) -> Members:
    return _turned(call, source_snapshot_ids, zones(call, availability_zones, availability_zone_ids), disable)


def zones(call: Call, names: list[str], ids: list[str]) -> list[str]:
    if names and ids:
        raise combination("Specify either AvailabilityZones or AvailabilityZoneIds.")
    if not names and not ids:
        raise missing("AvailabilityZones", "AvailabilityZoneIds")
    return [zone_in(call, name) for name in names] + [zone_in(call, "", one) for one in ids]


def _turned(call: Call, snapshot_ids: list[str], places: list[str], turn: Any) -> Members:
    done: list[Members] = []
    failed: list[Members] = []
    for snapshot_id in snapshot_ids:
        errors = []
        for zone in places:
            try:
                done.append(shown(turn(call, snapshot_id, zone)))
            except Fault as fault:
                told = {"Code": fault.code, "Message": fault.message}
                errors.append({"AvailabilityZone": zone, "AvailabilityZoneId": zone_id(zone), "Error": told})
        if errors:
            failed.append({"SnapshotId": snapshot_id, "FastSnapshotRestoreStateErrors": errors})
    return {"Successful": done, "Unsuccessful": failed}


def enable(call: Call, snapshot_id: str, zone: str) -> FastRestore:
    source = snapshot(call, snapshot_id)
    if source.state != COMPLETED or source.tier == "archive":
        raise Fault("InvalidSnapshot.InvalidState", f"The snapshot {snapshot_id} cannot be used.", status=400)
    others = {one.snapshot_id for one in FastRestore.scan(call) if one.state in ENABLED} - {snapshot_id}
    if len(others) >= MOST:
        raise Fault("FastSnapshotRestoreLimitExceeded", f"You have reached the limit of {MOST} snapshots.", status=400)
    one = FastRestore.get(call, snapshot_id, zone)
    if one is None or one.state not in ENABLED:
        one = FastRestore(snapshot_id, zone, source.owner, "enabling", {"enabling": call.now})
        _entered(call, one, source)
    return one


def disable(call: Call, snapshot_id: str, zone: str) -> FastRestore:
    one = FastRestore.get(call, snapshot_id, zone)
    if one is None or one.state not in ENABLED:
        text = f"Fast snapshot restore is not enabled for {snapshot_id} in {zone}."
        raise Fault("InvalidFastSnapshotRestore.NotFound", text, status=400)
    one.state = "disabling"
    one.times["disabling"] = call.now
    _entered(call, one, Snapshot.get(call, snapshot_id))
    return one


def _entered(call: Call, one: FastRestore, source: Snapshot | None) -> None:
    """It is in another state, and will be in the next."""
    one.put(call)
    arn = call.arn(f"snapshot/{one.snapshot_id}", "ec2").replace(f":{call.account}:", "::")
    told = {"snapshot-id": one.snapshot_id, "state": one.state, "zone": one.zone, "message": REASON}
    announced(call, FAST, [arn], told)
    if one.state in NEXT:
        seconds = source.size * HOUR_A_TIB if source and one.state == "optimizing" else STEP
        fast_restore_stepped.later(call, snapshot_id=one.snapshot_id, zone=one.zone, state=one.state, delay=seconds)


REASON = "Client.UserInitiated - Lifecycle state transition"


@ec2.task
def fast_restore_stepped(call: Call, snapshot_id: str, zone: str, state: str) -> None:
    """From one state to the next; one that is disabled is gone."""
    one = FastRestore.get(call, snapshot_id, zone)
    if one is None or one.state != state:
        return
    one.state = NEXT[state]
    one.times[one.state] = call.now
    _entered(call, one, Snapshot.get(call, snapshot_id))
    if one.state == "disabled":
        one.delete(call)


@ec2.operation
def describe_fast_snapshot_restores(
    call: Call, filters: list[dict[str, Any]] = [], max_results: int = 0, next_token: str = ""
) -> Members:
    page = FastRestore.page(
        call, limit=max_results or 1000, token=next_token, invalid=bad_token(), where=FILTERS.test(filters)
    )
    return answer("FastSnapshotRestores", [shown(one) for one in page.items], page.token)


def shown(one: FastRestore) -> Members:
    told = {
        "SnapshotId": one.snapshot_id,
        "AvailabilityZone": one.zone,
        "AvailabilityZoneId": zone_id(one.zone),
        "State": one.state,
        "StateTransitionReason": REASON,
        "OwnerId": one.owner,
    }
    return told | {f"{state.capitalize()}Time": at for state, at in one.times.items()}
