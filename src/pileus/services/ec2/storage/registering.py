"""How images come to be: registered from snapshots, created of an instance, copied; and how they go.

Left out: images whose root is a manifest in S3 (instance store), kernels and RAM disks of their own.
"""

from __future__ import annotations

import re
from typing import Any

from pileus.kernel import Call, Fault, Unfinished
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import bad_value, missing
from pileus.services.ec2.instances import states
from pileus.services.ec2.instances.instances import Instance
from pileus.services.ec2.kinds import named, new_id
from pileus.services.ec2.tags import specified
from pileus.services.ec2.tokens import made_before, remember

from . import attachments, recycle_bin, sharing, snapshot_copies, snapshots, snapshotting
from .images import AVAILABLE, KIND, Image, image, own, settled, snapshot_ids
from .snapshots import Snapshot, Use, snapshot
from .volume_types import performance
from .volumes import Volume

NAME = re.compile(r"[\w()\[\] ./\-'@]{3,128}", re.ASCII)
ARCHITECTURES = ("i386", "x86_64", "arm64", "x86_64_mac", "arm64_mac")


def check_name(call: Call, name: str) -> None:
    if not NAME.fullmatch(name):
        text = (
            "AMI names must be between 3 and 128 characters long, and may contain letters, numbers, "
            "'(', ')', '.', '-', '/' and '_'"
        )
        raise Fault("InvalidAMIName.Malformed", text)
    if found := Image.first(call, name, index="by_name"):
        raise Fault("InvalidAMIName.Duplicate", f"AMI name {name} is already in use by AMI {found.image_id}")


def made(call: Call, one: Image) -> Image:
    """A new image; it is available when its snapshots are."""
    one.put(call)
    for snapshot_id in snapshot_ids(one):
        Use(snapshot_id, one.image_id).put(call)
    return settled(call, one)


# Registering


@ec2.operation
def register_image(
    call: Call,
    name: str,
    image_location: str = "",
    boot_mode: str = "",
    tpm_support: str = "",
    uefi_data: str = "",
    imds_support: str = "",
    tag_specifications: list[dict[str, Any]] = [],
    description: str = "",
    architecture: str = "i386",
    kernel_id: str = "",
    ramdisk_id: str = "",
    root_device_name: str = "",
    block_device_mappings: list[dict[str, Any]] = [],
    virtualization_type: str = "paravirtual",
    sriov_net_support: str = "",
    ena_support: bool = False,
) -> Members:
    """Make an image of snapshots that the account may use."""
    if image_location or kernel_id or ramdisk_id:
        raise Unfinished("Pileus does not start instances from manifests in S3, nor with kernels of their own, yet.")
    check_name(call, name)
    if architecture not in ARCHITECTURES:
        raise bad_value("architecture", architecture)
    if virtualization_type not in ("hvm", "paravirtual"):
        raise bad_value("virtualizationType", virtualization_type)
    if not root_device_name:
        raise missing("imageLocation", "rootDeviceName")
    mappings = [_registered(call, mapping) for mapping in block_device_mappings]
    root = next((one for one in mappings if one.get("DeviceName") == root_device_name), {})
    if "SnapshotId" not in root.get("Ebs", {}):
        text = "Root device name requires a snapshot in the block device mapping."
        raise Fault("InvalidBlockDeviceMapping", text)
    one = Image(
        image_id=new_id(Image),
        name=name,
        owner=call.account,
        created=call.now,
        architecture=architecture,
        description=description,
        root_device_name=root_device_name,
        block_device_mappings=mappings,
        virtualization_type=virtualization_type,
        ena_support=ena_support,
        sriov_net_support=sriov_net_support,
        boot_mode=boot_mode,
        tpm_support=tpm_support,
        uefi_data=uefi_data,
        imds_support=imds_support,
        tags=specified(tag_specifications, "image"),
    )
    return {"ImageId": made(call, one).image_id}


def _registered(call: Call, mapping: Members) -> Members:
    """A mapping with all that is known of its volume."""
    if "Ebs" not in mapping:
        return dict(mapping)
    volume = dict(mapping["Ebs"])
    source = snapshot(call, volume["SnapshotId"]) if volume.get("SnapshotId") else None
    if source:
        volume.setdefault("VolumeSize", source.size)
        if volume["VolumeSize"] < source.size:
            text = f"Volume of size {volume['VolumeSize']}GB is smaller than snapshot, expect size >= {source.size}GB"
            raise Fault("InvalidBlockDeviceMapping", text)
    if not volume.get("VolumeSize"):
        raise Fault("InvalidBlockDeviceMapping", "A block device mapping must have a snapshot or a volume size.")
    volume.setdefault("VolumeType", "gp2")
    kind = volume["VolumeType"]
    granted = performance(kind, volume["VolumeSize"], volume.get("Iops", 0), volume.get("Throughput", 0))
    if granted.iops and kind != "gp2":
        volume["Iops"] = granted.iops
    if granted.throughput:
        volume["Throughput"] = granted.throughput
    volume.setdefault("DeleteOnTermination", True)
    volume["Encrypted"] = bool(source and source.seal.key) or volume.get("Encrypted", False)
    return {"DeviceName": mapping.get("DeviceName", ""), "Ebs": volume}


# Of an instance


@ec2.operation
def create_image(
    call: Call,
    instance_id: str,
    name: str,
    tag_specifications: list[dict[str, Any]] = [],
    description: str = "",
    no_reboot: bool = False,
    block_device_mappings: list[dict[str, Any]] = [],
    boot_mode_override: str = "",
) -> Members:
    """Make an image of an instance: of snapshots of its volumes. It is rebooted first, unless that is not wanted."""
    instance = named(call, Instance, instance_id)
    if instance.state not in ("running", "stopped", "pending", "stopping"):
        raise Fault("IncorrectState", f"The instance '{instance_id}' is not in a state from which it can be imaged.")
    check_name(call, name)
    tags = specified(tag_specifications, "image", "snapshot")
    of_snapshots = specified(tag_specifications, "snapshot", "image")
    if instance.state == "running" and not no_reboot:
        states.reboot(call, instance)
    one = Image(
        image_id=new_id(Image),
        name=name,
        owner=call.account,
        created=call.now,
        architecture=instance.architecture,
        description=description,
        root_device_name=instance.root_device_name,
        tags=tags,
        source_instance_id=instance_id,
        source_image_id=instance.image_id,
        source_image_region=call.region,
    )
    _inherit(call, one, instance, boot_mode_override)
    taken = _taken(call, instance_id, one, block_device_mappings, of_snapshots)
    new = [_registered(call, mapping) for mapping in block_device_mappings if _is_new(mapping, taken)]
    one.block_device_mappings = [*taken.values(), *new]
    return {"ImageId": made(call, one).image_id}


def _is_new(mapping: Members, taken: dict[str, Members]) -> bool:
    return "NoDevice" not in mapping and mapping.get("DeviceName") not in taken


def _inherit(call: Call, one: Image, instance: Instance, boot_mode: str) -> None:
    """An image is as the one that its instance was started from."""
    try:
        source = image(call, instance.image_id)
    except Fault:
        source = None
    if source:
        one.platform, one.imds_support, one.tpm_support = source.platform, source.imds_support, source.tpm_support
        one.boot_mode, one.watermarks = source.boot_mode, source.watermarks
    one.boot_mode = boot_mode or one.boot_mode


def _taken(call: Call, instance_id: str, one: Image, wanted: list[Members], tags: dict[str, str]) -> dict[str, Members]:
    """Snapshots of the instance's volumes, as mappings by their devices."""
    changed = {mapping.get("DeviceName", ""): mapping for mapping in wanted}
    found: dict[str, Members] = {}
    for volume in attachments.of_instance(call, instance_id):
        attachment = volume.attached_to(instance_id)
        assert attachment
        change = changed.get(attachment.device, {})
        if "NoDevice" in change and attachment.device != one.root_device_name:
            continue
        text = f"Created by CreateImage({instance_id}) for {one.image_id}"
        taken = snapshotting.take(call, volume, text, tags)
        ebs = _of_volume(volume, taken) | {"DeleteOnTermination": attachment.delete_on_termination}
        allowed = {"DeleteOnTermination", "VolumeSize", "VolumeType", "Iops", "Throughput"}
        ebs |= {key: value for key, value in change.get("Ebs", {}).items() if key in allowed}
        found[attachment.device] = {"DeviceName": attachment.device, "Ebs": ebs}
    return found


def _of_volume(volume: Volume, taken: Snapshot) -> Members:
    told: Members = {
        "SnapshotId": taken.snapshot_id,
        "VolumeSize": volume.size,
        "VolumeType": volume.volume_type,
        "Encrypted": bool(volume.seal.key),
    }
    if volume.iops and volume.volume_type != "gp2":
        told["Iops"] = volume.iops
    if volume.throughput:
        told["Throughput"] = volume.throughput
    return told


# Copying


@ec2.operation
def copy_image(
    call: Call,
    name: str,
    source_image_id: str,
    source_region: str,
    client_token: str = "",
    description: str = "",
    encrypted: bool | None = None,
    kms_key_id: str = "",
    copy_image_tags: bool = False,
    snapshot_copy_completion_duration_minutes: int = 0,
    tag_specifications: list[dict[str, Any]] = [],
) -> Members:
    """Copy an image of a Region into this one, with its snapshots; perhaps encrypted."""
    if before := made_before(call, client_token):
        return {"ImageId": before}
    check_name(call, name)
    source = image(call.at(region=source_region), source_image_id)
    if source.state != AVAILABLE:
        raise Fault("InvalidAMIID.Unavailable", f"The image ID '{source_image_id}' is not available.")
    tags = specified(tag_specifications, "image", "snapshot")
    if copy_image_tags and source.owner == call.account:
        tags = {key: value for key, value in source.tags.items() if not key.startswith("aws:")} | tags
    one = Image(
        image_id=new_id(Image),
        name=name,
        owner=call.account,
        created=call.now,
        architecture=source.architecture,
        description=description or f"[Copied {source_image_id} from {source_region}] {source.description}".strip(),
        root_device_name=source.root_device_name,
        platform=source.platform,
        virtualization_type=source.virtualization_type,
        ena_support=source.ena_support,
        sriov_net_support=source.sriov_net_support,
        boot_mode=source.boot_mode,
        tpm_support=source.tpm_support,
        imds_support=source.imds_support,
        uefi_data=source.uefi_data,
        tags=tags,
        source_image_id=source_image_id,
        source_image_region=source_region,
        watermarks=source.watermarks,
        instance_types=source.instance_types,
    )
    of_snapshots = specified(tag_specifications, "snapshot", "image")
    minutes = snapshot_copies.checked(snapshot_copy_completion_duration_minutes)
    for mapping in source.block_device_mappings:
        copied = dict(mapping)
        if source_id := mapping.get("Ebs", {}).get("SnapshotId"):
            text = f"Copied for DestinationAmi {one.image_id} from SourceAmi {source_image_id} for SourceSnapshot"
            copy = snapshot_copies.copy(
                call, source_region, source_id, f"{text} {source_id}.", encrypted, kms_key_id, of_snapshots
            )
            copy.minutes = minutes
            copy.put(call)
            copied["Ebs"] = mapping["Ebs"] | {"SnapshotId": copy.snapshot_id, "Encrypted": bool(copy.seal.key)}
        one.block_device_mappings = [*one.block_device_mappings, copied]
    remember(call, client_token, one.image_id)
    return {"ImageId": made(call, one).image_id}


# Deregistering


@ec2.operation
def deregister_image(call: Call, image_id: str, delete_associated_snapshots: bool = False) -> Members:
    """Let an image go; into the recycle bin, where a rule says so. Its snapshots stay, unless they are to go too."""
    one = own(call, image_id)
    if one.protection != "disabled" and not (one.unprotected and one.unprotected <= call.now):
        text = f"The image {image_id} is protected against deregistration."
        raise Fault("OperationNotPermitted", text)
    sharing.withdraw(call, KIND, image_id, one.shared)
    one.shared = []
    associated = snapshot_ids(one)
    for snapshot_id in associated:
        if use := Use.get(call, snapshot_id, image_id):
            use.delete(call)
    if not recycle_bin.kept(call, one):
        one.delete(call)
    told: Members = {"Return": True}
    if delete_associated_snapshots:
        told["DeleteSnapshotResults"] = [
            {"SnapshotId": snapshot_id, "ReturnCode": _deleted(call, snapshot_id)} for snapshot_id in associated
        ]
    return told


def _deleted(call: Call, snapshot_id: str) -> str:
    """Delete a snapshot of an image; one that another image has too is left."""
    found = Snapshot.get(call, snapshot_id)
    if found is None or Use.first(call, snapshot_id):
        return "skipped"
    try:
        snapshots.delete(call, found)
    except Fault:
        return "client-error"
    return "success"


@ec2.operation
def list_images_in_recycle_bin(
    call: Call, image_ids: list[str] = [], max_results: int = 0, next_token: str = ""
) -> Members:
    found, token = recycle_bin.listed(call, Image, image_ids, max_results, next_token)
    told = []
    for binned in found:
        one = recycle_bin.content(binned, Image)
        shown = {"ImageId": one.image_id, "Name": one.name, "Description": one.description}
        told.append(shown | recycle_bin.times(binned))
    return {"Images": told, "NextToken": token}


@ec2.operation
def restore_image_from_recycle_bin(call: Call, image_id: str) -> Members:
    one = recycle_bin.restored(call, Image, image_id)
    for snapshot_id in snapshot_ids(one):
        Use(snapshot_id, image_id).put(call)
    return {"Return": True}
