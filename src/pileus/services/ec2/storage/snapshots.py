"""Snapshots: what a volume held at a moment, block by block, of which only those are kept that no other snapshot has.

What is read is what has reached the volume: a machine that is running may hold more in its memory, and goes on writing
while the blocks are read one after another. Left out: snapshots on Outposts and in Local Zones, and product codes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from pileus.engines.disks import Disks
from pileus.kernel import Call, Fault, Record, machine_images
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, iso, paged
from pileus.services.ec2.faults import invalid
from pileus.services.ec2.kinds import BY_RECORD, kind
from pileus.services.ec2.tags import shown_tags

from . import public_access, recycle_bin, sharing
from .encryption import PLAIN, Sealed

KIND = "snapshot"

# States of a snapshot
PENDING, COMPLETED, ERROR = "pending", "completed", "error"


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
    state: str = PENDING
    state_message: str = ""
    progress: int = 0
    completed: float = 0.0
    seal: Sealed = PLAIN
    tags: dict[str, str] = {}
    kept: int = 0
    """Bytes of its blocks."""
    tier: str = "standard"
    restored_until: float = 0.0
    """Until when an archived one is restored."""
    shared: list[str] = []
    """The accounts that may use it, and `all`."""
    alias: str = ""
    """What its owner is called where that is Amazon."""
    direct: bool = False
    """Whether it is written block by block."""
    parent: str = ""
    """The one that it was begun from, block by block."""
    minutes: int = 0
    """In how many minutes a copy is to be there, where that was asked for."""
    locked: bool = False
    """Whether it has had a lock, which may have expired."""

    def condition_keys(self, call: Call, request: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
        return {
            "ec2:encrypted": ("true" if self.seal.key else "false",),
            "ec2:owner": (self.alias or self.owner,),
            "ec2:parentvolume": (call.arn(f"volume/{self.volume_id}", "ec2"),),
            "ec2:snapshotid": (self.snapshot_id,),
            "ec2:volumesize": (str(self.size),),
        }


FILTERS = Filters(
    {
        "description": "description",
        "encrypted": lambda one: bool(one.seal.key),
        "owner-alias": lambda one: one.alias or None,
        "owner-id": "owner",
        "progress": lambda one: f"{one.progress}%",
        "snapshot-id": "snapshot_id",
        "start-time": lambda one: iso(one.started),
        "status": "state",
        "storage-tier": "tier",
        "transfer-type": lambda one: "time-based" if one.minutes else "standard",
        "volume-id": "volume_id",
        "volume-size": "size",
    }
)


def shown(call: Call, one: Snapshot) -> Members:
    told = {
        "SnapshotId": one.snapshot_id,
        "VolumeId": one.volume_id,
        "OwnerId": one.owner,
        "State": one.state,
        "Progress": f"{one.progress}%",
        "StartTime": one.started,
        "Description": one.description,
        "VolumeSize": one.size,
        "Encrypted": bool(one.seal.key),
        "StorageTier": one.tier,
        "KmsKeyId": one.seal.key or None,
        "AssociatedKmsKeys": [{"KmsKeyId": more.key} for more in one.seal.more] or None,
        "DataEncryptionKeyId": one.seal.about or None,
        "CompletionTime": one.completed or None,
        "FullSnapshotSizeInBytes": one.kept if one.state == COMPLETED else None,
        "StateMessage": one.state_message or None,
        "RestoreExpiryTime": one.restored_until or None,
        "OwnerAlias": one.alias or None,
        "TransferType": "time-based" if one.minutes else "standard" if one.volume_id == COPIED else None,
        "CompletionDurationMinutes": one.minutes or None,
        "Tags": shown_tags(one.tags) or None,
    }
    return {name: value for name, value in told.items() if value is not None}


RESTORED = (
    "SnapshotId",
    "Description",
    "Encrypted",
    "OwnerId",
    "Progress",
    "StartTime",
    "State",
    "VolumeId",
    "VolumeSize",
)
"""What RestoreSnapshotFromRecycleBin tells."""
COPIED = "vol-ffffffff"
"""What is told as the volume of a copy."""


# Which one is meant


def snapshot(call: Call, snapshot_id: str) -> Snapshot:
    """One that the caller's account may use: its own, or one that it is let use."""
    if found := Snapshot.get(call, snapshot_id) or public(call.region).get(snapshot_id):
        return found
    if owner := sharing.owner_of(call, KIND, snapshot_id):
        there = Snapshot.get(call.at(account=owner), snapshot_id)
        if there and _usable(call, there):
            there.tags = {}
            return there
    if not snapshot_id.startswith("snap-"):
        raise invalid(f"Value ({snapshot_id}) for parameter snapshotId is invalid. Expected: 'snap-...'.")
    raise BY_RECORD[Snapshot].absent(snapshot_id)


def _usable(call: Call, one: Snapshot) -> bool:
    """Whether one of another account may be used: not one that is public where its owner blocks that."""
    settings = public_access.blocked(call.at(account=one.owner))
    return call.account in one.shared or settings.snapshots != public_access.ALL


def own(call: Call, snapshot_id: str) -> Snapshot:
    """One of the caller's own account; others may be used and not changed."""
    if found := Snapshot.get(call, snapshot_id):
        return found
    snapshot(call, snapshot_id)
    raise Fault("AuthFailure", f"The caller does not own the snapshot '{snapshot_id}'.", status=403)


@lru_cache(maxsize=64)
def public(region: str) -> dict[str, Snapshot]:
    """The snapshots of public images' roots, by their ids. They hold nothing: what is in a root is the machine's."""
    return {one.snapshot_id: one for one in _public(region)}


def _public(region: str) -> Iterator[Snapshot]:
    for one in machine_images.images():
        yield Snapshot(
            snapshot_id=one.snapshot(region),
            owner=one.owner,
            volume_id=COPIED,
            size=one.size,
            started=machine_images.MADE,
            completed=machine_images.MADE,
            description=one.description,
            state=COMPLETED,
            progress=100,
            shared=[sharing.ALL],
            alias="amazon" if one.owner in machine_images.AMAZONS else "",
        )


# Describing


@ec2.operation
def describe_snapshots(
    call: Call,
    snapshot_ids: list[str] = [],
    owner_ids: list[str] = [],
    restorable_by_user_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The snapshots that the account may use: its own, those that are shared with it, and those that are public."""
    fits = FILTERS.test(filters)
    found = [snapshot(call, one) for one in snapshot_ids] if snapshot_ids else _visible(call, owner_ids)
    chosen = (
        shown(call, one)
        for one in found
        if (not owner_ids or any(_owned(call, one, owner) for owner in owner_ids))
        and (not restorable_by_user_ids or any(_restorable(call, one, user) for user in restorable_by_user_ids))
        and fits(one)
    )
    return paged(call, "Snapshots", chosen, max_results, next_token)


def _visible(call: Call, owners: list[str]) -> Iterator[Snapshot]:
    yield from Snapshot.scan(call)
    if owners == ["self"]:
        return
    for one in sharing.offered(call, KIND, call.account, sharing.ALL):
        there = Snapshot.get(call.at(account=one.owner), one.id)
        if there and _usable(call, there):
            there.tags = {}
            yield there
    yield from public(call.region).values()


def _owned(call: Call, one: Snapshot, owner: str) -> bool:
    return one.owner == call.account if owner == "self" else owner in (one.owner, one.alias)


def _restorable(call: Call, one: Snapshot, user: str) -> bool:
    account = call.account if user == "self" else user
    return account == one.owner or account in one.shared


# Deleting


class Use(Record, key=("snapshot_id", "image_id")):
    """That an image is made of a snapshot."""

    snapshot_id: str
    image_id: str


@ec2.operation
def delete_snapshot(call: Call, snapshot_id: str) -> None:
    """Remove a snapshot; into the recycle bin, where a rule says so."""
    delete(call, own(call, snapshot_id))


def delete(call: Call, one: Snapshot) -> None:
    if use := Use.first(call, one.snapshot_id):
        text = f"The snapshot {one.snapshot_id} is currently in use by {use.image_id}"
        raise Fault("InvalidSnapshot.InUse", text)
    if one.locked:
        from .snapshot_locks import guard

        guard(call, one.snapshot_id)
    sharing.withdraw(call, KIND, one.snapshot_id, one.shared)
    one.shared = []
    if recycle_bin.kept(call, one):
        return
    one.delete(call)
    snapshot_discarded.later(call, snapshot_id=one.snapshot_id)


@ec2.task
async def snapshot_discarded(call: Call, snapshot_id: str) -> None:
    """A snapshot's blocks go that no other one has."""
    from .roots import discarded  # which needs volumes, which need this

    await call.cloud.engine(Disks).discard(snapshot_id)
    discarded(call, snapshot_id)


# The recycle bin


@ec2.operation
def list_snapshots_in_recycle_bin(
    call: Call, snapshot_ids: list[str] = [], max_results: int = 0, next_token: str = ""
) -> Members:
    found, token = recycle_bin.listed(call, Snapshot, snapshot_ids, max_results, next_token)
    shown_ones = []
    for binned in found:
        one = recycle_bin.content(binned, Snapshot)
        told = {"SnapshotId": one.snapshot_id, "Description": one.description, "VolumeId": one.volume_id}
        shown_ones.append(told | recycle_bin.times(binned))
    return {"Snapshots": shown_ones, "NextToken": token}


@ec2.operation
def restore_snapshot_from_recycle_bin(call: Call, snapshot_id: str) -> Members:
    told = shown(call, recycle_bin.restored(call, Snapshot, snapshot_id))
    return {name: told[name] for name in RESTORED}
