"""The archive tier: snapshots that cannot be used until they are restored, for some days or for good.

What takes AWS up to a day, or three, takes a minute here.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described
from pileus.services.ec2.faults import bad_value, combination, missing
from pileus.services.ec2.kinds import BY_RECORD, Kind
from pileus.services.ec2.tags import shown_tags

from .snapshots import COMPLETED, Snapshot, Use, own

SECONDS = 60.0
DAY = 86400.0
MOST_DAYS = 180


class Tiering(Record):
    """What was last done with a snapshot's tier."""

    snapshot_id: str
    volume_id: str
    started: float
    status: str
    archived: float = 0.0
    """Since when it is in the archive."""
    until: float = 0.0
    """Until when it is restored."""


BY_RECORD[Tiering] = Kind("snapshot", "snap", Tiering, BY_RECORD[Snapshot].missing, "")

FILTERS = Filters({"snapshot-id": "snapshot_id", "volume-id": "volume_id", "last-tiering-operation": "status"})


@ec2.operation
def modify_snapshot_tier(call: Call, snapshot_id: str, storage_tier: str = "archive") -> Members:
    """Archive a snapshot."""
    if storage_tier != "archive":
        raise bad_value("StorageTier", storage_tier)
    one = own(call, snapshot_id)
    tiering = Tiering.get(call, snapshot_id)
    if one.state != COMPLETED or one.tier == "archive" or (tiering and tiering.status.endswith("in-progress")):
        raise Fault("IncorrectState", f"The snapshot {snapshot_id} is not in a state in which it can be archived.")
    if use := Use.first(call, snapshot_id):
        raise Fault("InvalidSnapshot.InUse", f"The snapshot {snapshot_id} is currently in use by {use.image_id}")
    _begun(call, one, "archival", archive=True)
    return {"SnapshotId": snapshot_id, "TieringStartTime": call.now}


@ec2.operation
def restore_snapshot_tier(
    call: Call, snapshot_id: str, temporary_restore_days: int = 0, permanent_restore: bool = False
) -> Members:
    """Take an archived snapshot back, for some days or for good; or change that of one that is back for some days."""
    one = own(call, snapshot_id)
    if permanent_restore and temporary_restore_days:
        raise combination("TemporaryRestoreDays and PermanentRestore cannot be used together.")
    if not permanent_restore and not temporary_restore_days:
        raise missing("TemporaryRestoreDays", "PermanentRestore")
    if temporary_restore_days and not 1 <= temporary_restore_days <= MOST_DAYS:
        raise bad_value("TemporaryRestoreDays", temporary_restore_days)
    if one.tier != "archive" and not one.restored_until:
        raise Fault("IncorrectState", f"The snapshot {snapshot_id} is not archived.")
    kind = "permanent-restore" if permanent_restore else "temporary-restore"
    _begun(call, one, kind, archive=False, days=temporary_restore_days)
    told = {"SnapshotId": snapshot_id, "RestoreStartTime": call.now, "IsPermanentRestore": permanent_restore}
    return told | ({"RestoreDuration": temporary_restore_days} if temporary_restore_days else {})


def _begun(call: Call, one: Snapshot, kind: str, *, archive: bool, days: int = 0) -> None:
    tiering = Tiering.get(call, one.snapshot_id)
    archived = tiering.archived if tiering else 0.0
    Tiering(one.snapshot_id, one.volume_id, call.now, f"{kind}-in-progress", archived).put(call)
    snapshot_moved.later(call, snapshot_id=one.snapshot_id, kind=kind, archive=archive, days=days, delay=SECONDS)


@ec2.task
def snapshot_moved(call: Call, snapshot_id: str, kind: str, archive: bool, days: int) -> None:
    """A snapshot is in its other tier."""
    one, tiering = Snapshot.get(call, snapshot_id), Tiering.get(call, snapshot_id)
    if one is None or tiering is None or tiering.status != f"{kind}-in-progress":
        return
    one.tier = "archive" if archive else "standard"
    one.restored_until = call.now + days * DAY if days else 0.0
    tiering.status, tiering.until = f"{kind}-completed", one.restored_until
    tiering.archived = call.now if archive else tiering.archived if days else 0.0
    one.put(call)
    tiering.put(call)
    if days:
        snapshot_back.later(call, snapshot_id=snapshot_id, until=one.restored_until, due=one.restored_until)


@ec2.task
def snapshot_back(call: Call, snapshot_id: str, until: float) -> None:
    """The days are over for which a snapshot was restored."""
    one = Snapshot.get(call, snapshot_id)
    if one and one.restored_until == until:
        one.tier, one.restored_until = "archive", 0.0
        one.put(call)


@ec2.operation
def describe_snapshot_tier_status(
    call: Call, filters: list[dict[str, Any]] = [], max_results: int = 0, next_token: str = ""
) -> Members:
    """The snapshots that were ever archived, or are being."""
    return described(call, Tiering, FILTERS, "SnapshotTierStatuses", shown, (), filters, max_results, next_token)


def shown(call: Call, tiering: Tiering) -> Members:
    one = Snapshot.get(call, tiering.snapshot_id)
    told = {
        "SnapshotId": tiering.snapshot_id,
        "VolumeId": tiering.volume_id,
        "Status": one.state if one else None,
        "OwnerId": call.account,
        "StorageTier": one.tier if one else None,
        "Tags": shown_tags(one.tags) if one else None,
        "LastTieringStartTime": tiering.started,
        "LastTieringProgress": 100 if tiering.status.endswith("completed") else 0,
        "LastTieringOperationStatus": tiering.status,
        "ArchivalCompleteTime": tiering.archived or None,
        "RestoreExpiryTime": tiering.until or None,
    }
    return {name: value for name, value in told.items() if value is not None}
