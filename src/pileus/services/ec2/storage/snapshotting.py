"""Taking snapshots: of a volume, or of all volumes of an instance at once."""

from __future__ import annotations

from typing import Any

from pileus.engines.disks import Disks
from pileus.kernel import Call, Fault
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import MOMENT, Members
from pileus.services.ec2.instances.instances import Instance
from pileus.services.ec2.kinds import named, new_id
from pileus.services.ec2.tags import specified

from . import attachments, devices, images, roots
from .announcing import SNAPSHOT, announced
from .snapshots import COMPLETED, PENDING, Snapshot, shown
from .volumes import AVAILABLE, CREATING, IN_USE, Volume

MULTIPLE = {"SnapshotId", "VolumeId", "VolumeSize", "State", "StartTime", "Progress", "OwnerId", "Encrypted"}
MULTIPLE |= {"Description", "Tags"}
"""What CreateSnapshots tells of each."""
SECONDS = MOMENT
"""That a snapshot takes at least."""


@ec2.operation
def create_snapshot(
    call: Call, volume_id: str, description: str = "", tag_specifications: list[dict[str, Any]] = []
) -> Members:
    """Keep what a volume holds now."""
    volume = named(call, Volume, volume_id)
    return shown(call, take(call, volume, description, specified(tag_specifications, "snapshot")))


def take(call: Call, volume: Volume, description: str = "", tags: dict[str, str] = {}) -> Snapshot:
    """Begin a snapshot of a volume, for the operations and for images."""
    if volume.state not in (AVAILABLE, IN_USE) and not (volume.state == CREATING and volume.attachments):
        raise Fault("IncorrectState", f"The volume '{volume.volume_id}' is '{volume.state}'.")
    one = Snapshot(
        snapshot_id=new_id(Snapshot),
        owner=call.account,
        volume_id=volume.volume_id,
        size=volume.size,
        started=call.now,
        description=description,
        seal=volume.seal,
        tags=tags,
    )
    one.put(call)
    snapshot_taken.later(call, snapshot_id=one.snapshot_id, volume_id=volume.volume_id)
    return one


@ec2.task
async def snapshot_taken(call: Call, snapshot_id: str, volume_id: str) -> None:
    """Read the blocks of a volume."""
    volume = Volume.get(call, volume_id)
    if volume and volume.state == CREATING:  # of an instance that was launched a moment ago
        await devices.filled(call, volume)
    await roots.flushed(call, volume_id)
    kept = await call.cloud.engine(Disks).snapshot(volume_id, snapshot_id)
    await roots.taken(call, volume_id, snapshot_id)
    with call.transaction():
        snapshot_completed.later(call, snapshot_id=snapshot_id, kept=kept, event="createSnapshot", delay=SECONDS)


@ec2.task
def snapshot_completed(call: Call, snapshot_id: str, kept: int, event: str, source: str = "") -> None:
    """A snapshot is there, and whoever listens is told; `source` is what a copy was made of, by its ARN."""
    one = Snapshot.get(call, snapshot_id)
    if one is None or one.state != PENDING:
        return
    one.state, one.progress, one.completed, one.kept = COMPLETED, 100, call.now, kept
    one.put(call)
    told = {
        "event": event,
        "result": "succeeded",
        "cause": "",
        "snapshot_id": one.arn(call),
        "source": source or call.arn(f"volume/{one.volume_id}", "ec2"),
        "startTime": one.started,
        "endTime": call.now,
    }
    announced(call, SNAPSHOT, [one.arn(call)], told)
    images.settle_all(call, snapshot_id)


@ec2.operation
def create_snapshots(
    call: Call,
    instance_specification: dict[str, Any],
    description: str = "",
    tag_specifications: list[dict[str, Any]] = [],
    copy_tags_from_source: str = "",
) -> Members:
    """Keep what all volumes of an instance hold now, but for those that are left out."""
    instance = named(call, Instance, instance_specification["InstanceId"])
    tags = specified(tag_specifications, "snapshot")
    made = []
    for volume in chosen(call, instance, instance_specification):
        own = volume.tags if copy_tags_from_source == "volume" else {}
        own = {key: value for key, value in own.items() if not key.startswith("aws:")}
        one = take(call, volume, description, own | tags)
        told = shown(call, one)
        made.append({name: told[name] for name in told if name in MULTIPLE})
    return {"Snapshots": made}


def chosen(call: Call, instance: Instance, wanted: Members) -> list[Volume]:
    """The volumes of an instance that a snapshot of it is to have."""
    instance_id = instance.instance_id
    volumes = attachments.of_instance(call, instance_id)
    excluded = {*wanted.get("ExcludeDataVolumeIds", [])}
    if strange := excluded - {volume.volume_id for volume in volumes}:
        text = f"The volume '{min(strange)}' is not attached to the instance '{instance_id}'."
        raise Fault("InvalidParameterValue", text)
    root = instance.root_device_name
    if wanted.get("ExcludeBootVolume"):
        excluded |= {one.volume_id for one in volumes if _is_root(one, instance_id, root)}
    elif any(_is_root(one, instance_id, root) for one in volumes if one.volume_id in excluded):
        raise Fault("InvalidParameterValue", "ExcludeDataVolumeIds cannot have the root volume.")
    return [volume for volume in volumes if volume.volume_id not in excluded]


def _is_root(volume: Volume, instance_id: str, root: str) -> bool:
    attachment = volume.attached_to(instance_id)
    return attachment is not None and attachment.device == root
