"""Replacing the root volume of an instance that runs: by one as at its launch, as in a snapshot, or as in an image.

The machine is ended and boots again with the new root; the instance keeps its addresses, other volumes and role.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described, iso
from pileus.services.ec2.faults import combination
from pileus.services.ec2.instances import machines
from pileus.services.ec2.instances.instances import RUNNING, Instance
from pileus.services.ec2.kinds import kind, named, new_id
from pileus.services.ec2.tags import shown_tags, specified
from pileus.services.ec2.tokens import made_before, remember

from . import attachments, volumes
from .images import launchable
from .snapshots import own
from .volumes import AVAILABLE, Volume

PENDING, SUCCEEDED, FAILED = "pending", "succeeded", "failed"


@kind(
    "replace-root-volume-task",
    "replacevol",
    missing=("InvalidReplaceRootVolumeTaskId.NotFound", "The replace root volume task ID '{}' does not exist"),
)
class Replacement(Record, arn="replace-root-volume-task/{replace_root_volume_task_id}"):
    """A task that replaces a root."""

    replace_root_volume_task_id: str
    instance_id: str
    started: float
    state: str = PENDING
    completed: float = 0.0
    snapshot_id: str = ""
    image_id: str = ""
    volume_id: str = ""
    """The volume that becomes the root."""
    deletes_old: bool = False
    tags: dict[str, str] = {}


def shown(call: Call, one: Replacement) -> Members:
    told = {
        "ReplaceRootVolumeTaskId": one.replace_root_volume_task_id,
        "InstanceId": one.instance_id,
        "TaskState": one.state,
        "StartTime": iso(one.started),
        "CompleteTime": iso(one.completed) if one.completed else None,
        "SnapshotId": one.snapshot_id or None,
        "ImageId": one.image_id or None,
        "DeleteReplacedRootVolume": one.deletes_old,
        "Tags": shown_tags(one.tags),
    }
    return {name: value for name, value in told.items() if value is not None}


def root_of(call: Call, instance: Instance) -> Volume:
    for volume in attachments.of_instance(call, instance.instance_id):
        attachment = volume.attached_to(instance.instance_id)
        if attachment and attachment.device == instance.root_device_name:
            return volume
    raise Fault("IncorrectInstanceState", f"The instance '{instance.instance_id}' has no root volume.")


@ec2.operation
def create_replace_root_volume_task(
    call: Call,
    instance_id: str,
    snapshot_id: str = "",
    client_token: str = "",
    tag_specifications: list[dict[str, Any]] = [],
    image_id: str = "",
    delete_replaced_root_volume: bool = False,
    volume_initialization_rate: int = 0,
    volume_id: str = "",
) -> Members:
    if before := made_before(call, client_token):
        return {"ReplaceRootVolumeTask": shown(call, named(call, Replacement, before))}
    instance = named(call, Instance, instance_id)
    if instance.state != RUNNING:
        raise Fault("IncorrectInstanceState", f"The instance '{instance_id}' is not in the 'running' state.")
    if sum(map(bool, (snapshot_id, image_id, volume_id))) > 1:
        raise combination("Specify one of SnapshotId, ImageId and VolumeId.")
    old = root_of(call, instance)
    if snapshot_id and own(call, snapshot_id).volume_id != old.volume_id:
        text = f"The snapshot '{snapshot_id}' is not of the root volume '{old.volume_id}'."
        raise Fault("InvalidParameterValue", text)
    one = Replacement(
        replace_root_volume_task_id=new_id(Replacement),
        instance_id=instance_id,
        started=call.now,
        snapshot_id=snapshot_id or ("" if image_id or volume_id else old.snapshot_id),
        image_id=image_id,
        deletes_old=delete_replaced_root_volume,
        tags=specified(tag_specifications, "replace-root-volume-task", "volume"),
    )
    one.volume_id = volume_id or _new(call, instance, old, one, volume_initialization_rate).volume_id
    if volume_id:
        _check(named(call, Volume, volume_id), instance)
    one.put(call)
    remember(call, client_token, one.replace_root_volume_task_id)
    root_replaced.later(call, task_id=one.replace_root_volume_task_id, delay=1.5)
    return {"ReplaceRootVolumeTask": shown(call, one)}


def _check(volume: Volume, instance: Instance) -> None:
    if volume.state != AVAILABLE or volume.availability_zone != instance.availability_zone:
        text = f"The volume '{volume.volume_id}' cannot become the root of '{instance.instance_id}'."
        raise Fault("InvalidParameterValue", text)


def _new(call: Call, instance: Instance, old: Volume, one: Replacement, rate: int) -> Volume:
    """A volume as the old one, with what the image, the snapshot, or the launch had."""
    snapshot_id = one.snapshot_id
    if one.image_id:
        image = launchable(call, one.image_id)
        if image.architecture != instance.architecture or image.root_device_name != instance.root_device_name:
            raise Fault("InvalidParameterValue", f"The image '{one.image_id}' does not fit the instance.")
        snapshot_id = image.root["SnapshotId"]
    return volumes.create(
        call,
        zone=old.availability_zone,
        size=old.size,
        volume_type=old.volume_type,
        iops=old.iops if old.volume_type not in ("gp2", "standard") else 0,
        throughput=old.throughput,
        encrypted=True if old.seal.key else None,
        snapshot_id=snapshot_id,
        tags=old.tags,
        rate=rate if snapshot_id else 0,
    )


@ec2.task
async def root_replaced(call: Call, task_id: str) -> None:
    """Stop the machine, take another root, boot it."""
    one = Replacement.get(call, task_id)
    instance = Instance.get(call, one.instance_id) if one else None
    if one is None or one.state != PENDING:
        return
    if instance is None or instance.state != RUNNING:
        _ended(call, task_id, FAILED)
        return
    await machines.end(call, instance)
    with call.transaction():
        old, new = root_of(call, instance), Volume.get(call, one.volume_id)
        if new and new.volume_id != old.volume_id:
            before = old.attached_to(instance.instance_id)
            attachments.forgotten(call, old, instance.instance_id)
            ends = before.delete_on_termination if before else True
            attachments.attach(call, new, instance.instance_id, instance.root_device_name, ends)
            if one.deletes_old:
                volumes.remove(call, old)
    try:
        await machines.boot(call, instance)
    except OSError:
        _ended(call, task_id, "failed-detached")
        return
    _ended(call, task_id, SUCCEEDED)


def _ended(call: Call, task_id: str, state: str) -> None:
    with call.transaction():
        if one := Replacement.get(call, task_id):
            one.state, one.completed = state, call.now
            one.put(call)


FILTERS = Filters({"instance-id": "instance_id"})


@ec2.operation
def describe_replace_root_volume_tasks(
    call: Call,
    replace_root_volume_task_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    ids = replace_root_volume_task_ids
    return described(call, Replacement, FILTERS, "ReplaceRootVolumeTasks", shown, ids, filters, max_results, next_token)
