"""Copies of snapshots: within a Region or across Regions, of one's own or shared ones, encrypted or encrypted anew."""

from __future__ import annotations

from typing import Any

from pileus.engines.disks import Disks
from pileus.kernel import Call, Fault, regions
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import MOMENT, Members
from pileus.services.ec2.faults import bad_value, invalid
from pileus.services.ec2.kinds import new_id
from pileus.services.ec2.tags import shown_tags, specified

from . import encryption, images, roots
from .snapshots import COMPLETED, COPIED, ERROR, Snapshot, snapshot
from .snapshotting import snapshot_completed

SECONDS = MOMENT
MINUTES = range(15, 2881, 15)
"""In which a copy may be asked to be there."""


@ec2.operation
def copy_snapshot(
    call: Call,
    source_region: str,
    source_snapshot_id: str,
    description: str = "",
    encrypted: bool | None = None,
    kms_key_id: str = "",
    destination_region: str = "",
    tag_specifications: list[dict[str, Any]] = [],
    completion_duration_minutes: int = 0,
) -> Members:
    """Copy a snapshot of a Region into this one. (SDKs tell the destination in a presigned request of the same.)"""
    if destination_region and destination_region != call.region:
        raise bad_value("destinationRegion", destination_region)
    checked(completion_duration_minutes)
    tags = specified(tag_specifications, "snapshot")
    one = copy(call, source_region, source_snapshot_id, description, encrypted, kms_key_id, tags)
    one.minutes = completion_duration_minutes
    one.put(call)
    return {"SnapshotId": one.snapshot_id, "Tags": shown_tags(tags)}


def checked(minutes: int) -> int:
    """In how many minutes a copy is to be there, if EC2 takes that."""
    if minutes and minutes not in MINUTES:
        raise bad_value("CompletionDurationMinutes", minutes)
    return minutes


def copy(
    call: Call,
    source_region: str,
    source_id: str,
    description: str = "",
    encrypted: bool | None = None,
    key: str = "",
    tags: dict[str, str] = {},
) -> Snapshot:
    """Begin a copy, for the operation and for images."""
    if not regions.is_region(source_region):
        raise invalid(f"Invalid source region: {source_region}")
    there = call.at(region=source_region)
    source = snapshot(there, source_id)
    if source.state != COMPLETED:
        raise Fault("IncorrectState", f"Snapshot {source_id} is in the '{source.state}' state.")
    if source.tier == "archive":
        raise Fault("IncorrectState", f"Snapshot {source_id} is archived. Restore it before you copy it.")
    one = Snapshot(
        snapshot_id=new_id(Snapshot),
        owner=call.account,
        volume_id=COPIED,
        size=source.size,
        started=call.now,
        description=description,
        tags=tags,
    )
    if encryption.wanted(call, encrypted, key, source.seal):
        one.seal = encryption.sealed(call, one.snapshot_id, key)
    one.put(call)
    snapshot_copied.later(call, snapshot_id=one.snapshot_id, source_region=source_region, source_id=source_id)
    return one


@ec2.task
async def snapshot_copied(call: Call, snapshot_id: str, source_region: str, source_id: str) -> None:
    """Take over the blocks of the source."""
    one, there = Snapshot.get(call, snapshot_id), call.at(region=source_region)
    if one is None:
        return
    try:
        source = snapshot(there, source_id)
        keys = encryption.opened(there, source.seal), encryption.opened(call, one.seal)
    except Fault as fault:
        with call.transaction():
            one.state, one.state_message = ERROR, fault.message
            one.put(call)
            images.settle_all(call, snapshot_id)
        return
    kept = await call.cloud.engine(Disks).copy(source_id, snapshot_id, *keys)
    roots.copied(call, source_id, snapshot_id)
    with call.transaction():
        told = {"event": "copySnapshot", "source": source.arn(there)}
        snapshot_completed.later(call, snapshot_id=snapshot_id, kept=kept, delay=SECONDS, **told)
