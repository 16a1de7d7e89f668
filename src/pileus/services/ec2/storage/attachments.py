"""Volumes and the instances that have them attached.

`Attached` says which devices an instance has, in the order of their names.
"""

from __future__ import annotations

import re

from pileus.kernel import Call, Fault, Record
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import MOMENT, Members
from pileus.services.ec2.faults import bad_value, invalid
from pileus.services.ec2.instances.instances import Instance
from pileus.services.ec2.kinds import named

from . import devices
from .volumes import AVAILABLE, IN_USE, Attachment, Volume, remove

SECONDS = MOMENT
"""From attaching to attached, and from detaching to detached."""
MOST_INSTANCES = 16
"""That may have one volume with Multi-Attach attached."""
DEVICE = re.compile(r"(/dev/)?(sd|xvd)[a-z]{1,2}\d*|xvd[a-z]{1,2}")


class Attached(Record, key=("instance_id", "device")):
    """A device of an instance."""

    instance_id: str
    device: str
    volume_id: str


def of_instance(call: Call, instance_id: str) -> list[Volume]:
    """The volumes that an instance has, in the order of its devices."""
    return [named(call, Volume, one.volume_id) for one in Attached.scan(call, instance_id)]


def attach(
    call: Call, volume: Volume, instance_id: str, device: str, delete_on_termination: bool = False, card: int = 0
) -> Attachment:
    """Give a volume to an instance, for the operation and for launches."""
    if Attached.get(call, instance_id, device):
        told = f"Invalid value '{device}' for unixDevice. Attachment point {device} is already in use"
        raise invalid(told)
    attachment = Attachment(instance_id, device, call.now, delete_on_termination=delete_on_termination, card=card)
    Attached(instance_id, device, volume.volume_id).put(call)
    volume.attachments = [*volume.attachments, attachment]
    volume.settle()
    volume.put(call)
    volume_attached.later(call, volume_id=volume.volume_id, instance_id=instance_id, delay=SECONDS)
    return attachment


@ec2.task
async def volume_attached(call: Call, volume_id: str, instance_id: str) -> None:
    """A volume is there for the instance, if that runs."""
    async with devices.turn(call, instance_id):
        if volume := Volume.get(call, volume_id):
            await devices.plugged(call, volume, instance_id)
    with call.transaction():
        volume = Volume.get(call, volume_id)
        attachment = volume and volume.attached_to(instance_id)
        if volume and attachment and attachment.state == "attaching":
            attachment.state = "attached"
            volume.put(call)


def detach(call: Call, volume: Volume, instance_id: str) -> Attachment:
    """Take a volume from an instance."""
    attachment = volume.attached_to(instance_id)
    assert attachment
    attachment.state = "detaching"
    volume.put(call)
    volume_detached.later(call, volume_id=volume.volume_id, instance_id=instance_id, delay=SECONDS)
    return attachment


@ec2.task
async def volume_detached(call: Call, volume_id: str, instance_id: str) -> None:
    """A volume is with the instance no more."""
    async with devices.turn(call, instance_id):
        if volume := Volume.get(call, volume_id):
            await devices.unplugged(call, volume, instance_id)
    with call.transaction():
        volume = Volume.get(call, volume_id)
        attachment = volume and volume.attached_to(instance_id)
        if volume and attachment and attachment.state == "detaching":
            forgotten(call, volume, instance_id)


def forgotten(call: Call, volume: Volume, instance_id: str) -> None:
    """The attachment is no more."""
    for one in volume.attachments:
        if one.instance_id == instance_id and (found := Attached.get(call, instance_id, one.device)):
            found.delete(call)
    volume.attachments = [one for one in volume.attachments if one.instance_id != instance_id]
    volume.settle()
    volume.put(call)


def terminated(call: Call, instance_id: str) -> None:
    """An instance has ended: its volumes are detached, and those deleted that were to be deleted with it."""
    for volume in of_instance(call, instance_id):
        attachment = volume.attached_to(instance_id)
        forgotten(call, volume, instance_id)
        if attachment and attachment.delete_on_termination and not volume.attachments:
            remove(call, volume)


@ec2.operation
def attach_volume(call: Call, device: str, instance_id: str, volume_id: str, ebs_card_index: int = 0) -> Members:
    """Give a volume to an instance of the same zone."""
    volume = named(call, Volume, volume_id)
    instance = named(call, Instance, instance_id)
    if not DEVICE.fullmatch(device):
        raise invalid(f"Value ({device}) for parameter device is invalid. {device} is not a valid EBS device name.")
    if volume.attachments and (not volume.multi_attach or volume.attached_to(instance_id)):
        raise Fault("VolumeInUse", f"{volume_id} is already attached to an instance")
    if volume.state not in (AVAILABLE, IN_USE):
        raise Fault("IncorrectState", f"Volume '{volume_id}' is not in the 'available' state.")
    if len(volume.attachments) >= MOST_INSTANCES:
        told = f"The volume '{volume_id}' is attached to {MOST_INSTANCES} instances already."
        raise Fault("AttachmentLimitExceeded", told)
    if instance.availability_zone != volume.availability_zone:
        told = f"The volume '{volume_id}' is not in the same availability zone as instance '{instance_id}'"
        raise Fault("InvalidVolume.ZoneMismatch", told)
    if instance.state not in ("running", "stopped", "pending", "stopping"):
        raise Fault("IncorrectState", f"Instance '{instance_id}' is not 'running'.")
    return attach(call, volume, instance_id, device, card=ebs_card_index).shown(volume_id)


@ec2.operation
def detach_volume(call: Call, volume_id: str, device: str = "", force: bool = False, instance_id: str = "") -> Members:
    """Take a volume from an instance. A root volume stays while its instance runs."""
    volume = named(call, Volume, volume_id)
    if not volume.attachments:
        raise Fault("IncorrectState", f"Volume '{volume_id}' is in the '{volume.state}' state.")
    if not instance_id and len(volume.attachments) > 1:
        raise bad_value("instanceId", instance_id, "The volume is attached to several instances.")
    attachment = volume.attached_to(instance_id or volume.attachments[0].instance_id)
    if attachment is None or (device and device != attachment.device):
        told = f"Volume '{volume_id}' is not attached to instance '{instance_id}'"
        raise Fault("InvalidAttachment.NotFound", told + (f" as device '{device}'" if device else ""))
    instance = Instance.get(call, attachment.instance_id)
    if instance and attachment.device == instance.root_device_name and instance.state in ("pending", "running"):
        told = f"Unable to detach root volume '{volume_id}' from instance '{attachment.instance_id}'"
        raise Fault("OperationNotPermitted", told)
    if attachment.state == "detaching" and not force:
        raise Fault("IncorrectState", f"Volume '{volume_id}' is already being detached.")
    return detach(call, volume, attachment.instance_id).shown(volume_id)
