"""Roots: what instances boot from. A root is files of a machine's and no disk, so a snapshot of it is a machine image.

Left out: a root's volume that is detached and attached to another instance, which finds it empty.
"""

from __future__ import annotations

from pileus.engines.machine import Machine, Machines
from pileus.engines.machine.survey import unable
from pileus.kernel import Call
from pileus.services.ec2.instances.instances import Instance

from .volumes import Volume


def engine(call: Call) -> Machines | None:
    """None where there can be no machines."""
    return None if unable() else call.cloud.engine(Machines)


def running(call: Call, instance_id: str) -> Machine | None:
    found = engine(call)
    return found.running.get(instance_id) if found else None


async def taken(call: Call, volume_id: str, snapshot_id: str) -> None:
    """A snapshot is taken of a volume, which may be an instance's root."""
    volume, machines = Volume.get(call, volume_id), engine(call)
    if volume is None or machines is None:
        return
    for attachment in volume.attachments:
        one = Instance.get(call, attachment.instance_id)
        if one and one.root_device_name == attachment.device:
            await machines.captured(one.instance_id, snapshot_id)


def copied(call: Call, source_id: str, snapshot_id: str) -> None:
    machines = engine(call)
    if machines and machines.holds(source_id):
        machines.copied(source_id, snapshot_id)


def discarded(call: Call, snapshot_id: str) -> None:
    if machines := engine(call):
        machines.discard(snapshot_id)


def image_of(call: Call, volumes: list[Volume], one: Instance) -> str:
    """The machine image that an instance's root is made of; empty where it is the host's own system."""
    machines = engine(call)
    for volume in volumes:
        attachment = volume.attached_to(one.instance_id)
        if machines and attachment and attachment.device == one.root_device_name and volume.snapshot_id:
            return volume.snapshot_id if machines.holds(volume.snapshot_id) else ""
    return ""
