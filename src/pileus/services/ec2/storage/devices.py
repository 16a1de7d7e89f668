"""Volumes as machines see them: from records to the engine's disks."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, nullcontext
from typing import TYPE_CHECKING

from pileus.engines.disks import Disks
from pileus.kernel import Call

from . import encryption
from .encryption import Sealed
from .snapshots import snapshot

if TYPE_CHECKING:
    from pileus.engines.machine import Machine

    from .volumes import Volume

GIB = 1 << 30


async def filled(call: Call, volume: Volume, original: Volume | None = None) -> None:
    """See to it that a volume has what its snapshot has, or its original; whoever made the volume may open both."""
    disks = call.cloud.engine(Disks)
    if original:
        keys = _keys(call, original.seal, volume.seal)
        await disks.duplicate(original.volume_id, volume.volume_id, *keys)
    elif volume.snapshot_id and await disks.holds(volume.snapshot_id):
        keys = _keys(call, snapshot(call, volume.snapshot_id).seal, volume.seal)
        await disks.create_from(volume.volume_id, volume.snapshot_id, *keys)


def _keys(call: Call, source: Sealed, seal: Sealed) -> tuple[bytes, bytes]:
    """The keys of what is read and of what is made of it; none where they are the same, and all stays as it is."""
    return (b"", b"") if source == seal else (encryption.opened(call, source), encryption.opened(call, seal))


async def grown(call: Call, volume: Volume) -> None:
    """A volume has another size."""
    await call.cloud.engine(Disks).grow(volume.volume_id, volume.size * GIB)


async def device(call: Call, volume: Volume, instance_id: str) -> str:
    """The block device in which an instance's machine finds a volume's plain bytes, until it is `released`."""
    if volume.state == "creating":
        await filled(call, volume)
    key = encryption.opened(call, volume.seal)
    return await call.cloud.engine(Disks).attach(volume.volume_id, size=volume.size * GIB, key=key, user=instance_id)


async def released(call: Call, volume: Volume, instance_id: str) -> None:
    """A machine has let go of a volume."""
    await call.cloud.engine(Disks).detach(volume.volume_id, instance_id)


def turn(call: Call, instance_id: str) -> AbstractAsyncContextManager[None]:
    """What one holds who gives an instance's machine a volume or takes one: it neither boots nor ends meanwhile."""
    from .roots import engine  # which needs volumes, which need this

    machines = engine(call)
    return machines.turn(instance_id) if machines else nullcontext()


async def plugged(call: Call, volume: Volume, instance_id: str) -> None:
    """Give a volume to the instance's machine, if that runs: when it boots it takes all that it has by itself."""
    machine, name = machine_of(call, volume, instance_id)
    if machine and name and name not in machine.plan.devices:
        path = await device(call, volume, instance_id)
        try:
            await machine.attach(name, path)
        except BaseException:
            await released(call, volume, instance_id)
            raise


async def unplugged(call: Call, volume: Volume, instance_id: str) -> None:
    """Take a volume from the instance's machine, if that runs."""
    machine, name = machine_of(call, volume, instance_id)
    if machine and name in machine.plan.devices:
        await machine.detach(name)
        await released(call, volume, instance_id)


def machine_of(call: Call, volume: Volume, instance_id: str) -> tuple[Machine | None, str]:
    """The machine of an instance, if that runs or hibernates, and as what it has the volume."""
    from .roots import engine  # which needs volumes, which need this

    machines, attachment = engine(call), volume.attached_to(instance_id)
    found = machines.running.get(instance_id) if machines else None
    return found, name_of(attachment.device) if attachment else ""


def name_of(device: str) -> str:
    """What a machine calls a device that may be named without its folder."""
    return device if device.startswith("/dev/") else f"/dev/{device}"
