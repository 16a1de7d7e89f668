"""Snapshots: what a volume held at a moment, block by block, of which only those are kept that no other snapshot has.

What is read is what has reached the volume: a machine that is running may hold more in its memory, and goes on writing
while the blocks are read one after another. Left out: snapshots on Outposts and in Local Zones.
"""

from __future__ import annotations

from collections.abc import Iterator

from pileus.kernel import Call, Record, machine_images
from pileus.services.ec2.faults import invalid
from pileus.services.ec2.kinds import BY_RECORD, kind

from . import sharing
from .encryption import PLAIN, Sealed

KIND = "snapshot"


@kind("snapshot", "snap", missing=("InvalidSnapshot.NotFound", "The snapshot '{}' does not exist."), malformed="")
class Snapshot(Record, arn="arn:{partition}:ec2:{region}::snapshot/{snapshot_id}", cfn="AWS::EC2::Snapshot"):
    """A snapshot."""

    snapshot_id: str
    owner: str
    volume_id: str
    size: int
    """Of the volume, in GiB."""
    started: float
    description: str = ""
    state: str = "pending"
    state_message: str = ""
    progress: int = 0
    completed: float = 0.0
    seal: Sealed = PLAIN
    tags: dict[str, str] = {}
    kept: int = 0
    """Bytes of its blocks."""
    tier: str = "standard"
    shared: list[str] = []
    """The accounts that may use it, and `all`."""
    alias: str = ""
    """What its owner is called where that is Amazon."""
    direct: bool = False
    """Whether it is being written block by block."""


def snapshot(call: Call, snapshot_id: str) -> Snapshot:
    """One that the caller's account may use: its own, or one that it is let use."""
    if found := Snapshot.get(call, snapshot_id):
        return found
    if found := public(call.region).get(snapshot_id):
        return found
    if owner := sharing.owner_of(call, KIND, snapshot_id):
        there = Snapshot.get(call.at(account=owner), snapshot_id)
        assert there, f"{snapshot_id} is offered and not there"
        return there
    if not snapshot_id.startswith("snap-"):
        text = f"Value ({snapshot_id}) for parameter snapshotId is invalid. Expected: 'snap-...'."
        raise invalid(text)
    raise BY_RECORD[Snapshot].absent(snapshot_id)


def public(region: str) -> dict[str, Snapshot]:
    """The snapshots of public images' roots, by their ids. They hold nothing: what is in a root is the machine's."""
    return {one.snapshot_id: one for one in _public(region)}


def _public(region: str) -> Iterator[Snapshot]:
    for one in machine_images.images():
        yield Snapshot(
            snapshot_id=one.snapshot(region),
            owner=one.owner,
            volume_id="vol-ffffffff",
            size=one.size,
            started=machine_images.MADE,
            completed=machine_images.MADE,
            description=one.description,
            state="completed",
            progress=100,
            shared=[sharing.ALL],
            alias="amazon" if one.owner in machine_images.AMAZONS else "",
        )
