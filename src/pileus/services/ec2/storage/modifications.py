"""Changing volumes while they are used: larger, of another type, faster. Six hours must pass until the next change.

EBS User Guide, "Modify an Amazon EBS volume using Elastic Volumes operations". Machines see a new size at once; speed
is a figure.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described, iso
from pileus.services.ec2.faults import combination, missing
from pileus.services.ec2.kinds import BY_RECORD, Kind, named

from . import devices
from .announcing import VOLUME, announced
from .volume_types import TYPES, performance
from .volumes import AVAILABLE, IN_USE, Volume

MODIFYING, OPTIMIZING, COMPLETED = "modifying", "optimizing", "completed"
SECONDS = {MODIFYING: 2.0, OPTIMIZING: 60.0}
NEXT = {MODIFYING: OPTIMIZING, OPTIMIZING: COMPLETED}
PROGRESS = {MODIFYING: 0, OPTIMIZING: 1, COMPLETED: 100}
COOLDOWN = 6 * 3600.0


class Modification(Record):
    """The last change of a volume."""

    volume_id: str
    state: str
    started: float
    before: Members
    after: Members
    ended: float = 0.0


BY_RECORD[Modification] = Kind("volume", "vol", Modification, BY_RECORD[Volume].missing, BY_RECORD[Volume].malformed)

FILTERS = Filters(
    {
        "modification-state": "state",
        "original-iops": "before.Iops",
        "original-size": "before.Size",
        "original-volume-type": "before.VolumeType",
        "originalMultiAttachEnabled": "before.MultiAttachEnabled",
        "start-time": lambda one: iso(one.started),
        "target-iops": "after.Iops",
        "target-size": "after.Size",
        "target-volume-type": "after.VolumeType",
        "targetMultiAttachEnabled": "after.MultiAttachEnabled",
        "volume-id": "volume_id",
    },
    tags=None,
)


@ec2.operation
def modify_volume(
    call: Call,
    volume_id: str,
    size: int = 0,
    volume_type: str = "",
    iops: int = 0,
    throughput: int = 0,
    multi_attach_enabled: bool | None = None,
) -> Members:
    """Change a volume."""
    volume = named(call, Volume, volume_id)
    if not any((size, volume_type, iops, throughput, multi_attach_enabled is not None)):
        raise missing("Size", "VolumeType", "Iops", "Throughput", "MultiAttachEnabled")
    if volume.state not in (AVAILABLE, IN_USE):
        raise Fault("IncorrectState", f"The volume '{volume_id}' is '{volume.state}'.")
    _check_pace(call, volume_id)
    if size and size < volume.size:
        raise Fault("InvalidParameterValue", "New size cannot be smaller than existing size")
    after = _target(volume, size or volume.size, volume_type or volume.volume_type, iops, throughput)
    after["MultiAttachEnabled"] = _multi_attach(volume, after["VolumeType"], multi_attach_enabled)
    one = Modification(volume_id, MODIFYING, call.now, _figures(volume), after).put(call)
    _told(call, volume, one)
    modification_stepped.later(call, volume_id=volume_id, started=one.started, delay=SECONDS[MODIFYING])
    return {"VolumeModification": shown(call, one)}


def _check_pace(call: Call, volume_id: str) -> None:
    before = Modification.get(call, volume_id)
    if before is None:
        return
    if before.state != COMPLETED:
        text = f"Cannot modify volume {volume_id}, because it is in the {before.state.upper()} state."
        raise Fault("IncorrectModificationState", text)
    if call.now < before.started + COOLDOWN:
        text = (
            "You've reached the maximum modification rate per volume limit. "
            "Wait at least 6 hours between modifications per EBS volume."
        )
        raise Fault("VolumeModificationRateExceeded", text)


def _target(volume: Volume, size: int, volume_type: str, iops: int, throughput: int) -> Members:
    """What the volume becomes: it keeps its IOPS and throughput where its new type has them too."""
    kind = TYPES.get(volume_type)
    if kind and kind.iops[1] and not iops and TYPES[volume.volume_type].iops[1]:
        iops = volume.iops
    if kind and kind.throughput[1] and not throughput:
        throughput = volume.throughput
    granted = performance(volume_type, size, iops, throughput)
    told: Members = {"Size": size, "VolumeType": volume_type, "Iops": granted.iops, "Throughput": granted.throughput}
    return told


def _multi_attach(volume: Volume, volume_type: str, wanted: bool | None) -> bool:
    enabled = volume.multi_attach if wanted is None else wanted
    if enabled and not TYPES[volume_type].multi_attach:
        raise combination(f"Multi-Attach is not supported for {volume_type} volumes.")
    if wanted is not None and wanted != volume.multi_attach and volume.attachments:
        text = f"Multi-Attach of volume '{volume.volume_id}' cannot be changed while the volume is attached."
        raise Fault("IncorrectState", text)
    return enabled


def _figures(volume: Volume) -> Members:
    return {
        "Size": volume.size,
        "VolumeType": volume.volume_type,
        "Iops": volume.iops,
        "Throughput": volume.throughput,
        "MultiAttachEnabled": volume.multi_attach,
    }


def shown(call: Call, one: Modification) -> Members:
    told: Members = {
        "VolumeId": one.volume_id,
        "ModificationState": one.state,
        "Progress": PROGRESS[one.state],
        "StartTime": one.started,
        "Operator": {"Managed": False},
    }
    if one.ended:
        told["EndTime"] = one.ended
    for prefix, figures in (("Original", one.before), ("Target", one.after)):
        told |= {f"{prefix}{name}": value for name, value in figures.items() if value or name == "MultiAttachEnabled"}
    return told


@ec2.task
async def modification_stepped(call: Call, volume_id: str, started: float) -> None:
    """From one state to the next; when it is optimizing the volume is already what it was to become."""
    with call.transaction():
        volume, one = Volume.get(call, volume_id), Modification.get(call, volume_id)
        if volume is None or one is None or one.started != started or one.state == COMPLETED:
            return
        one.state = NEXT[one.state]
        if one.state == OPTIMIZING:
            volume.size, volume.volume_type = one.after["Size"], one.after["VolumeType"]
            volume.iops, volume.throughput = one.after["Iops"], one.after["Throughput"]
            volume.multi_attach = one.after["MultiAttachEnabled"]
            volume.put(call)
            modification_stepped.later(call, volume_id=volume_id, started=started, delay=SECONDS[OPTIMIZING])
        else:
            one.ended = call.now
        one.put(call)
        _told(call, volume, one)
    await devices.grown(call, volume)


def _told(call: Call, volume: Volume, one: Modification) -> None:
    announced(call, VOLUME, [volume.arn(call)], {"event": "modifyVolume", "result": one.state, "cause": ""})


@ec2.operation
def describe_volumes_modifications(
    call: Call,
    volume_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The last change of each volume that was ever changed."""
    for volume_id in volume_ids:
        named(call, Volume, volume_id)
        if Modification.get(call, volume_id) is None:
            text = f"Modification for volume '{volume_id}' does not exist."
            raise Fault("InvalidVolumeModification.NotFound", text)
    member = "VolumesModifications"
    return described(call, Modification, FILTERS, member, shown, volume_ids, filters, max_results, next_token)
