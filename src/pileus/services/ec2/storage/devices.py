"""Volumes as machines see them: from records to the engine's disks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pileus.engines.disks import Disks
from pileus.kernel import Call

from . import encryption
from .snapshots import snapshot

if TYPE_CHECKING:
    from .volumes import Volume

GIB = 1 << 30


async def filled(call: Call, volume: Volume) -> None:
    """See to it that a volume has what its snapshot has; whoever made the volume may open both."""
    disks = call.cloud.engine(Disks)
    if not volume.snapshot_id or not await disks.holds(volume.snapshot_id):
        return
    source = snapshot(call, volume.snapshot_id).seal
    if source == volume.seal:
        await disks.create_from(volume.volume_id, volume.snapshot_id)
        return
    keys = encryption.opened(call, source), encryption.opened(call, volume.seal)
    await disks.create_from(volume.volume_id, volume.snapshot_id, *keys)


async def device(call: Call, volume: Volume) -> str:
    """The block device in which a machine finds a volume's plain bytes, until it is `released`."""
    if volume.state == "creating":
        await filled(call, volume)
    key = encryption.opened(call, volume.seal)
    return await call.cloud.engine(Disks).attach(volume.volume_id, size=volume.size * GIB, key=key)


async def released(call: Call, volume: Volume) -> None:
    """A machine has let go of a volume."""
    await call.cloud.engine(Disks).detach(volume.volume_id)


async def plugged(call: Call, volume: Volume, instance_id: str) -> None:
    """Give a volume to the instance's machine, if that runs: when it boots it takes all that it has by itself."""


async def unplugged(call: Call, volume: Volume, instance_id: str) -> None:
    """Take a volume from the instance's machine, if that runs."""
