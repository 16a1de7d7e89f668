"""The volumes of an instance: what its image maps to devices, and what its launch says instead."""

from __future__ import annotations

from pileus.kernel import Call, Fault
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import bad_value, combination, invalid
from pileus.services.ec2.storage import attachments, snapshots, volumes
from pileus.services.ec2.storage.images import Image

from .instances import Instance
from .types import InstanceType

BOOTABLE = ("gp2", "gp3", "io1", "io2", "standard")


def mappings(call: Call, image: Image, wanted: list[Members]) -> dict[str, Members]:
    """Devices by name: those of the image, over which the launch says what is different, added or left out."""
    devices = {one["DeviceName"]: dict(one) for one in image.block_device_mappings}
    for one in wanted:
        name = one.get("DeviceName", "")
        if not name:
            raise invalid("The request must contain the parameter DeviceName of every block device mapping.")
        if "NoDevice" in one:
            devices.pop(name, None)
        elif "Ebs" in one:
            base = devices.get(name, {}).get("Ebs", {})
            if base and one["Ebs"].get("VolumeType", base.get("VolumeType")) != base.get("VolumeType"):
                base = {key: value for key, value in base.items() if key not in ("Iops", "Throughput")}
            devices[name] = {"DeviceName": name, "Ebs": base | one["Ebs"]}
        else:
            devices[name] = dict(one)
    _check(image, devices)
    for device in devices.values():
        _check_size(call, device.get("Ebs", {}))
    return devices


def _check_size(call: Call, ebs: Members) -> None:
    if "SnapshotId" in ebs and "VolumeSize" in ebs:
        least = snapshots.snapshot(call, ebs["SnapshotId"]).size
        if ebs["VolumeSize"] < least:
            text = f"Volume of size {ebs['VolumeSize']}GB is smaller than snapshot '{ebs['SnapshotId']}', expect size"
            raise Fault("InvalidBlockDeviceMapping", f"{text} >= {least}GB")


def _check(image: Image, devices: dict[str, Members]) -> None:
    root = devices.get(image.root_device_name, {}).get("Ebs")
    if root is None:
        raise combination(f"The root device {image.root_device_name} of the image cannot be left out.")
    if root.get("VolumeType", "gp2") not in BOOTABLE:
        text = f"Volume type {root['VolumeType']} cannot be used as a boot volume."
        raise bad_value("volumeType", root["VolumeType"], text)
    for name, one in devices.items():
        if "VirtualName" not in one and "Ebs" not in one:
            raise invalid(f"The device '{name}' must have an EBS volume or a virtual name.")


def made(call: Call, one: Instance, devices: dict[str, Members], kind: InstanceType, tags: dict[str, str]) -> None:
    """Make the volumes of a new instance and attach them. Instance store volumes come with the type."""
    for name, mapping in devices.items():
        if ebs := mapping.get("Ebs"):
            volume = volumes.create(
                call,
                zone=one.availability_zone,
                size=ebs.get("VolumeSize", 0),
                volume_type=ebs.get("VolumeType", "gp2"),
                iops=ebs.get("Iops", 0),
                throughput=ebs.get("Throughput", 0),
                encrypted=ebs.get("Encrypted") or None,
                kms_key_id=ebs.get("KmsKeyId", ""),
                snapshot_id=ebs.get("SnapshotId", ""),
                tags=tags,
                rate=ebs.get("VolumeInitializationRate", 0),
            )
            attachments.attach(call, volume, one.instance_id, name, ebs.get("DeleteOnTermination", True))


def shown(call: Call, one: Instance) -> list[Members]:
    """The block devices of an instance, as it is described."""
    views = []
    for volume in attachments.of_instance(call, one.instance_id):
        attachment = volume.attached_to(one.instance_id)
        if attachment:
            ebs = {
                "VolumeId": volume.volume_id,
                "Status": attachment.state,
                "AttachTime": attachment.at,
                "DeleteOnTermination": attachment.delete_on_termination,
            }
            views.append({"DeviceName": attachment.device, "Ebs": ebs})
    return views
