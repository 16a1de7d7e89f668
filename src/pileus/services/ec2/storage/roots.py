"""Roots: what instances boot from.

A root is files of a machine's and no disk, so a snapshot of it is a machine image. But where the volume is encrypted
the machine keeps on it what it changes, and a snapshot has the volume's blocks.

Left out: a plain root's volume that is detached and attached to another instance, which finds it empty; a plain root's
image that is copied encrypted, whose files stay as they are.
"""

from __future__ import annotations

import asyncio
import subprocess

from pileus.engines.machine import Machine, Machines
from pileus.kernel import Call
from pileus.services.ec2.instances.instances import Instance

from . import devices
from .volumes import Volume

LOOKED_AT = 64 * 1024
"""Bytes in which a file system tells of itself."""


def engine(call: Call) -> Machines | None:
    """None where there can be no machines."""
    return Machines.of(call.cloud)


def running(call: Call, instance_id: str) -> Machine | None:
    """The machine of an instance; None where there is none that does anything."""
    engine_here = engine(call)
    found = engine_here.running.get(instance_id) if engine_here else None
    return found if found and not found.frozen else None


async def taken(call: Call, volume_id: str, snapshot_id: str) -> None:
    """A snapshot is taken of a volume, which may be an instance's root."""
    volume, machines = Volume.get(call, volume_id), engine(call)
    if volume is None or machines is None:
        return
    one = booted_from(call, volume)
    if one and not volume.seal.key:
        await machines.captured(one.instance_id, snapshot_id)
    elif one and (below := image_of(call, [volume], one)):
        machines.copied(below, snapshot_id)


async def flushed(call: Call, volume_id: str) -> None:
    """Let a machine that runs write to its encrypted root what it holds in memory; of plain ones the files are read."""
    volume = Volume.get(call, volume_id)
    one = booted_from(call, volume) if volume and volume.seal.key else None
    if one and (machine := running(call, one.instance_id)):
        await machine.run("sync")


def booted_from(call: Call, volume: Volume) -> Instance | None:
    """The instance whose root a volume is."""
    for attachment in volume.attachments:
        one = Instance.get(call, attachment.instance_id)
        if one and one.root_device_name == attachment.device:
            return one
    return None


def copied(call: Call, source_id: str, snapshot_id: str) -> None:
    machines = engine(call)
    if machines and machines.holds(source_id):
        machines.copied(source_id, snapshot_id)


def discarded(call: Call, snapshot_id: str) -> None:
    if machines := engine(call):
        machines.discard(snapshot_id)


async def disk_of(call: Call, volumes: list[Volume], one: Instance) -> str:
    """The block device that is the encrypted root of an instance, with a file system; empty for a plain one."""
    for volume in volumes:
        attachment = volume.attached_to(one.instance_id)
        if attachment and attachment.device == one.root_device_name and volume.seal.key:
            path = await devices.device(call, volume, one.instance_id)
            await asyncio.to_thread(formatted, path)
            return path
    return ""


def formatted(path: str) -> None:
    """Make a file system on a device that has nothing yet."""
    with open(path, "rb") as device:
        blank = not device.read(LOOKED_AT).strip(b"\0")
    if blank:
        command = ["mkfs.ext4", "-q", "-E", "lazy_itable_init=1,lazy_journal_init=1", path]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise OSError(f"{path} gets no file system: {done.stderr.strip()}")


def image_of(call: Call, volumes: list[Volume], one: Instance) -> str:
    """The machine image that an instance's root is made of; empty where it is the host's own system."""
    machines = engine(call)
    for volume in volumes:
        attachment = volume.attached_to(one.instance_id)
        if machines and attachment and attachment.device == one.root_device_name and volume.snapshot_id:
            return volume.snapshot_id if machines.holds(volume.snapshot_id) else ""
    return ""
