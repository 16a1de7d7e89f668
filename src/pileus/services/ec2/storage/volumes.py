"""Volumes: disks that machines attach.

Their bytes are sparse files of the engine's, made when a machine first attaches them. Left out: Outposts, and managed
volumes of other services.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pileus.engines.disks import Disks
from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import MOMENT, Members, described, iso
from pileus.services.ec2.faults import bad_value, combination, missing
from pileus.services.ec2.kinds import kind, named, new_id
from pileus.services.ec2.tags import shown_tags, specified
from pileus.services.ec2.tokens import made_before, remember

from . import devices, encryption, fast_restores, recycle_bin
from .announcing import VOLUME, announced
from .encryption import PLAIN, Sealed
from .snapshots import Snapshot, snapshot
from .volume_types import TYPES, performance
from .zones import zone_id, zone_in

SECONDS_TO_MAKE = MOMENT
SECONDS_TO_DELETE = MOMENT
INITIALIZATION = (100, 300)
"""MiB/s at which a volume may be asked to be filled from its snapshot."""

# States of a volume
CREATING, AVAILABLE, IN_USE, DELETING, ERROR = "creating", "available", "in-use", "deleting", "error"


class Attachment(msgspec.Struct, omit_defaults=True):
    """A volume's being attached to an instance."""

    instance_id: str
    device: str
    at: float
    state: str = "attaching"
    delete_on_termination: bool = False
    card: int = 0

    def shown(self, volume_id: str) -> Members:
        return {
            "VolumeId": volume_id,
            "InstanceId": self.instance_id,
            "Device": self.device,
            "State": self.state,
            "AttachTime": self.at,
            "DeleteOnTermination": self.delete_on_termination,
            "EbsCardIndex": self.card,
        }


@kind(
    "volume",
    "vol",
    missing=("InvalidVolume.NotFound", "The volume '{}' does not exist."),
    malformed="InvalidParameterValue",
)
class Volume(Record, arn="volume/{volume_id}", cfn="AWS::EC2::Volume"):
    """A volume."""

    volume_id: str
    size: int
    """GiB."""
    volume_type: str
    availability_zone: str
    created: float
    state: str = CREATING
    iops: int = 0
    throughput: int = 0
    seal: Sealed = PLAIN
    snapshot_id: str = ""
    source_volume_id: str = ""
    multi_attach: bool = False
    attachments: list[Attachment] = []
    tags: dict[str, str] = {}
    rate: int = 0
    """MiB/s at which it is filled from its snapshot, where that was asked for."""
    fast_restored: bool = False
    auto_enable_io: bool = False

    def condition_keys(self, call: Call, request: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
        return {
            "ec2:availabilityzone": (self.availability_zone,),
            "ec2:encrypted": ("true" if self.seal.key else "false",),
            "ec2:parentsnapshot": (f"arn:{call.partition}:ec2:{call.region}::snapshot/{self.snapshot_id}",),
            "ec2:volumeid": (self.volume_id,),
            "ec2:volumeiops": (str(self.iops),),
            "ec2:volumesize": (str(self.size),),
            "ec2:volumethroughput": (str(self.throughput),),
            "ec2:volumetype": (self.volume_type,),
        }

    def attached_to(self, instance_id: str) -> Attachment | None:
        return next((one for one in self.attachments if one.instance_id == instance_id), None)

    def settle(self) -> None:
        """Its state is what its attachments say."""
        if self.state in (AVAILABLE, IN_USE):
            self.state = IN_USE if self.attachments else AVAILABLE


FILTERS = Filters(
    {
        "attachment.attach-time": lambda volume: [iso(one.at) for one in volume.attachments],
        "attachment.delete-on-termination": "attachments.delete_on_termination",
        "attachment.device": "attachments.device",
        "attachment.instance-id": "attachments.instance_id",
        "attachment.status": "attachments.state",
        "availability-zone": "availability_zone",
        "availability-zone-id": lambda volume: zone_id(volume.availability_zone),
        "create-time": lambda volume: iso(volume.created),
        "encrypted": lambda volume: bool(volume.seal.key),
        "fast-restored": "fast_restored",
        "multi-attach-enabled": "multi_attach",
        "operator.managed": lambda volume: False,
        "operator.principal": lambda volume: None,
        "size": "size",
        "snapshot-id": "snapshot_id",
        "status": "state",
        "volume-id": "volume_id",
        "volume-type": "volume_type",
    }
)


def shown(call: Call, volume: Volume) -> Members:
    told = {
        "VolumeId": volume.volume_id,
        "Size": volume.size,
        "VolumeType": volume.volume_type,
        "State": volume.state,
        "CreateTime": volume.created,
        "AvailabilityZone": volume.availability_zone,
        "AvailabilityZoneId": zone_id(volume.availability_zone),
        "Attachments": [one.shown(volume.volume_id) for one in volume.attachments],
        "Encrypted": bool(volume.seal.key),
        "SnapshotId": volume.snapshot_id,
        "MultiAttachEnabled": volume.multi_attach,
        "Operator": {"Managed": False},
        "Iops": volume.iops or None,
        "Throughput": volume.throughput or None,
        "KmsKeyId": volume.seal.key or None,
        "SourceVolumeId": volume.source_volume_id or None,
        "VolumeInitializationRate": volume.rate or None,
        "FastRestored": volume.fast_restored or None,
        "Tags": shown_tags(volume.tags) or None,
    }
    return {name: value for name, value in told.items() if value is not None}


def create(
    call: Call,
    *,
    zone: str,
    size: int = 0,
    volume_type: str = "gp2",
    iops: int = 0,
    throughput: int = 0,
    encrypted: bool | None = None,
    kms_key_id: str = "",
    snapshot_id: str = "",
    multi_attach: bool = False,
    tags: dict[str, str] = {},
    rate: int = 0,
) -> Volume:
    """Make a volume, for the operation and for launches: blank, or with what a snapshot has."""
    source = _source(call, snapshot_id) if snapshot_id else None
    if not size and source is None:
        raise missing("size/snapshot")
    size = size or (source.size if source else 0)
    if source and size < source.size:
        told = f"Volume of size {size}GB is smaller than snapshot '{snapshot_id}', expect size >= {source.size}GB"
        raise Fault("InvalidParameterValue", told)
    if multi_attach and not (volume_type in TYPES and TYPES[volume_type].multi_attach):
        raise combination(f"Multi-Attach is not supported for {volume_type} volumes.")
    if rate and not source:
        raise combination("VolumeInitializationRate can be specified only for volumes created from snapshots.")
    if rate and not INITIALIZATION[0] <= rate <= INITIALIZATION[1]:
        raise bad_value("VolumeInitializationRate", rate)
    granted = performance(volume_type, size, iops, throughput)
    volume = Volume(
        volume_id=new_id(Volume),
        size=size,
        volume_type=volume_type,
        availability_zone=zone,
        created=call.now,
        iops=granted.iops,
        throughput=granted.throughput,
        snapshot_id=snapshot_id,
        multi_attach=multi_attach,
        tags=tags,
        rate=rate,
        fast_restored=bool(source) and fast_restores.enabled(call, snapshot_id, zone),
    )
    volume.seal = _seal(call, volume.volume_id, encrypted, kms_key_id, source.seal if source else PLAIN)
    return _begun(call, volume)


def _begun(call: Call, volume: Volume) -> Volume:
    volume_made.later(call, volume_id=volume.volume_id)
    return volume.put(call)


def _source(call: Call, snapshot_id: str) -> Snapshot:
    source = snapshot(call, snapshot_id)
    if source.state != "completed":
        raise Fault("IncorrectState", f"Snapshot is in invalid state - {source.state}")
    if source.tier == "archive":
        raise Fault("IncorrectState", f"Snapshot {snapshot_id} is archived. Restore it before you use it.")
    return source


def _seal(call: Call, volume_id: str, encrypted: bool | None, key: str, source: Sealed) -> Sealed:
    """A volume made of an encrypted snapshot shares its data key, unless it is to have another key of KMS."""
    if not encryption.wanted(call, encrypted, key, source):
        return PLAIN
    if source.key and (not key or encryption.key_arn(call, key) == source.key):
        return source
    return encryption.sealed(call, volume_id, key)


@ec2.operation
def create_volume(
    call: Call,
    availability_zone: str = "",
    availability_zone_id: str = "",
    encrypted: bool | None = None,
    iops: int = 0,
    kms_key_id: str = "",
    size: int = 0,
    snapshot_id: str = "",
    volume_type: str = "gp2",
    tag_specifications: list[dict[str, Any]] = [],
    multi_attach_enabled: bool = False,
    throughput: int = 0,
    client_token: str = "",
    volume_initialization_rate: int = 0,
) -> Members:
    """Make a volume, in a zone; blank, or with what a snapshot has."""
    if before := made_before(call, client_token):
        return shown(call, named(call, Volume, before))
    volume = create(
        call,
        zone=zone_in(call, availability_zone, availability_zone_id),
        size=size,
        volume_type=volume_type,
        iops=iops,
        throughput=throughput,
        encrypted=encrypted,
        kms_key_id=kms_key_id,
        snapshot_id=snapshot_id,
        multi_attach=multi_attach_enabled,
        tags=specified(tag_specifications, "volume"),
        rate=volume_initialization_rate,
    )
    remember(call, client_token, volume.volume_id)
    return shown(call, volume)


@ec2.task
async def volume_made(call: Call, volume_id: str) -> None:
    """A volume gets what its snapshot has, or the volume that it is a copy of."""
    if volume := Volume.get(call, volume_id):
        source = volume.source_volume_id and Volume.get(call, volume.source_volume_id)
        await devices.filled(call, volume, source or None)
    with call.transaction():
        volume_ready.later(call, volume_id=volume_id, delay=SECONDS_TO_MAKE)


@ec2.task
def volume_ready(call: Call, volume_id: str) -> None:
    """A volume is there."""
    volume = Volume.get(call, volume_id)
    if volume is None or volume.state != CREATING:
        return
    volume.state = IN_USE if volume.attachments else AVAILABLE
    volume.put(call)
    announced(call, VOLUME, [volume.arn(call)], {"event": "createVolume", "result": "available", "cause": ""})


@ec2.operation
def copy_volumes(
    call: Call,
    source_volume_id: str,
    iops: int = 0,
    size: int = 0,
    volume_type: str = "gp2",
    tag_specifications: list[dict[str, Any]] = [],
    multi_attach_enabled: bool = False,
    throughput: int = 0,
    client_token: str = "",
    encrypted: bool | None = None,
    kms_key_id: str = "",
) -> Members:
    """Make a volume in the same zone that has what another one has now."""
    if before := made_before(call, client_token):
        return {"Volumes": [shown(call, named(call, Volume, before))]}
    source = named(call, Volume, source_volume_id)
    if source.state not in (AVAILABLE, IN_USE):
        raise Fault("IncorrectState", f"The volume '{source_volume_id}' is '{source.state}'.")
    size = size or source.size
    if size < source.size:
        raise bad_value("size", size, f"The source volume has {source.size} GiB.")
    if multi_attach_enabled and not (volume_type in TYPES and TYPES[volume_type].multi_attach):
        raise combination(f"Multi-Attach is not supported for {volume_type} volumes.")
    granted = performance(volume_type, size, iops, throughput)
    volume = Volume(
        volume_id=new_id(Volume),
        size=size,
        volume_type=volume_type,
        availability_zone=source.availability_zone,
        created=call.now,
        iops=granted.iops,
        throughput=granted.throughput,
        source_volume_id=source_volume_id,
        multi_attach=multi_attach_enabled,
        tags=specified(tag_specifications, "volume"),
    )
    volume.seal = _seal(call, volume.volume_id, encrypted, kms_key_id, source.seal)
    remember(call, client_token, volume.volume_id)
    return {"Volumes": [shown(call, _begun(call, volume))]}


@ec2.operation
def describe_volumes(
    call: Call,
    volume_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The account's volumes in the Region."""
    return described(call, Volume, FILTERS, "Volumes", shown, volume_ids, filters, max_results, next_token)


@ec2.operation
def delete_volume(call: Call, volume_id: str) -> None:
    """Remove a volume that nothing has attached."""
    volume = named(call, Volume, volume_id)
    if volume.attachments:
        raise Fault("VolumeInUse", f"Volume {volume_id} is currently attached to {volume.attachments[0].instance_id}")
    if volume.state not in (AVAILABLE, ERROR):
        raise Fault("IncorrectState", f"The volume '{volume_id}' is '{volume.state}'.")
    remove(call, volume)


def remove(call: Call, volume: Volume) -> None:
    """Let a volume go, for the operation and for instances that end; into the recycle bin, where a rule says so."""
    if recycle_bin.kept(call, volume):
        return
    volume.state = DELETING
    volume.put(call)
    volume_removed.later(call, volume_id=volume.volume_id, delay=SECONDS_TO_DELETE)


@ec2.task
async def volume_removed(call: Call, volume_id: str) -> None:
    """A volume is gone, and what it held."""
    with call.transaction():
        volume = Volume.get(call, volume_id)
        if volume is None or volume.state != DELETING:
            return
        volume.delete(call)
        announced(call, VOLUME, [volume.arn(call)], {"event": "deleteVolume", "result": "deleted", "cause": ""})
    await call.cloud.engine(Disks).remove(volume_id)


# The recycle bin


@ec2.operation
def list_volumes_in_recycle_bin(
    call: Call, volume_ids: list[str] = [], max_results: int = 0, next_token: str = ""
) -> Members:
    found, token = recycle_bin.listed(call, Volume, volume_ids, max_results, next_token)
    told = []
    for binned in found:
        volume = shown(call, recycle_bin.content(binned, Volume))
        told.append({name: volume[name] for name in BINNED if name in volume} | recycle_bin.times(binned))
    return {"Volumes": told, "NextToken": token}


BINNED = (
    *("VolumeId", "VolumeType", "State", "Size", "Iops", "Throughput", "AvailabilityZone", "AvailabilityZoneId"),
    *("SourceVolumeId", "SnapshotId", "Operator", "CreateTime"),
)
"""What is told of a volume in the recycle bin."""


@ec2.operation
def restore_volume_from_recycle_bin(call: Call, volume_id: str) -> Members:
    recycle_bin.restored(call, Volume, volume_id)
    return {"Return": True}
