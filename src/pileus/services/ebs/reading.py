"""Reading snapshots: which blocks they have, which have changed from one to the next, and what is in them."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from itertools import islice
from typing import Any

from pileus.engines.disks import BLOCK, Disks
from pileus.kernel import Call, Fault, paging
from pileus.services.ec2.storage import encryption, snapshots
from pileus.services.ec2.storage.snapshots import COMPLETED, Snapshot

from . import ebs
from .faults import invalid, no_snapshot
from .tokens import WEEK, good, token

USUAL = 10_000
"""Blocks of a page."""


def readable(call: Call, snapshot_id: str) -> Snapshot:
    """A snapshot that the account may use, and that is complete."""
    try:
        one = snapshots.snapshot(call, snapshot_id)
    except Fault:
        raise no_snapshot(snapshot_id) from None
    if one.state != COMPLETED or one.tier == "archive":
        text = f"Snapshot '{snapshot_id}' is not in a state in which it can be read."
        raise invalid("INVALID_SNAPSHOT_ID", text)
    return one


@ebs.operation
def list_snapshot_blocks(
    call: Call, snapshot_id: str, next_token: str = "", max_results: int = 0, starting_block_index: int = 0
) -> dict[str, Any]:
    """The blocks that a snapshot has."""
    one = readable(call, snapshot_id)
    blocks = call.cloud.engine(Disks).listed(snapshot_id)
    numbers, following = _page(call, sorted(blocks), next_token, max_results, starting_block_index)
    expires = call.now + WEEK
    told = [{"BlockIndex": at, "BlockToken": token(snapshot_id, at, blocks[at], expires)} for at in numbers]
    return _told(one, expires, following) | {"Blocks": told}


@ebs.operation
def list_changed_blocks(
    call: Call,
    second_snapshot_id: str,
    first_snapshot_id: str = "",
    next_token: str = "",
    max_results: int = 0,
    starting_block_index: int = 0,
) -> dict[str, Any]:
    """The blocks in which two snapshots of one volume differ."""
    second = readable(call, second_snapshot_id)
    if not first_snapshot_id:
        raise invalid("INVALID_SNAPSHOT_ID", "FirstSnapshotId must be specified.")
    first = readable(call, first_snapshot_id)
    if lineage(call, first) != lineage(call, second):
        text = "The snapshots are not of the same volume and snapshot lineage."
        raise invalid("UNRELATED_SNAPSHOTS", text)
    before, after = (call.cloud.engine(Disks).listed(one.snapshot_id) for one in (first, second))
    changed = sorted(at for at in before.keys() | after.keys() if before.get(at) != after.get(at))
    numbers, following = _page(call, changed, next_token, max_results, starting_block_index)
    expires = call.now + WEEK
    told: list[dict[str, Any]] = []
    for at in numbers:
        change: dict[str, Any] = {"BlockIndex": at}
        if at in before:
            change["FirstBlockToken"] = token(first_snapshot_id, at, before[at], expires)
        if at in after:
            change["SecondBlockToken"] = token(second_snapshot_id, at, after[at], expires)
        told.append(change)
    return _told(second, expires, following) | {"ChangedBlocks": told}


def lineage(call: Call, one: Snapshot) -> str:
    """The volume that a snapshot is of; or the first of those that were written block by block, each from the last."""
    while one.direct and one.parent and (parent := Snapshot.get(call, one.parent)):
        one = parent
    return one.snapshot_id if one.volume_id == snapshots.COPIED else one.volume_id


def _page(call: Call, numbers: list[int], given: str, most: int, start: int) -> tuple[list[int], str | None]:
    if given:
        start = paging.opened(call, given, invalid("INVALID_PAGE_TOKEN", "The page token is not valid."))
    limit = most or USUAL
    chosen = [*islice((at for at in numbers if at >= start), limit + 1)]
    return chosen[:limit], paging.sealed(call, chosen[limit]) if len(chosen) > limit else None


def _told(one: Snapshot, expires: float, following: str | None) -> dict[str, Any]:
    told = {"ExpiryTime": expires, "VolumeSize": one.size, "BlockSize": BLOCK}
    return told | ({"NextToken": following} if following else {})


@ebs.operation
async def get_snapshot_block(call: Call, snapshot_id: str, block_index: int, block_token: str) -> dict[str, Any]:
    """What is in a block; of an encrypted snapshot for those who may use its key."""
    one = readable(call, snapshot_id)
    disks = call.cloud.engine(Disks)
    digest = disks.listed(snapshot_id).get(block_index)
    if digest is None or not good(block_token, snapshot_id, block_index, digest, call.now):
        raise invalid("INVALID_BLOCK_TOKEN", "The block token is not valid.")
    data = await disks.get_block(snapshot_id, block_index, encryption.opened(call, one.seal))
    assert data is not None
    checksum = await asyncio.to_thread(lambda: base64.b64encode(hashlib.sha256(data).digest()).decode())
    return {"DataLength": len(data), "BlockData": data, "Checksum": checksum, "ChecksumAlgorithm": "SHA256"}
