"""Snapshots that are written block by block: begun, perhaps from another one, written, and completed."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from pileus.engines.disks import BLOCK, Disks
from pileus.kernel import Call, Fault, Record
from pileus.kernel.tags import as_list, as_map
from pileus.services.ec2.kinds import new_id
from pileus.services.ec2.storage import encryption
from pileus.services.ec2.storage.encryption import PLAIN
from pileus.services.ec2.storage.snapshots import COPIED, ERROR, PENDING, Snapshot
from pileus.services.ec2.storage.snapshotting import snapshot_completed
from pileus.services.ec2.storage.volume_types import TYPES
from pileus.services.ec2.tokens import made_before, remember

from . import ebs
from .faults import invalid, no_snapshot
from .reading import readable

MOST_PENDING = 100
"""Snapshots that an account may be writing at a time (EBS quotas)."""
GIB = 1 << 30
USUAL_MINUTES = 60


class Writing(Record):
    """A snapshot that is being written."""

    snapshot_id: str
    minutes: int
    """Without a block being written, or the end, after which it is given up."""
    touched: float
    count: int = 0


@ebs.operation
def start_snapshot(
    call: Call,
    volume_size: int,
    parent_snapshot_id: str = "",
    tags: list[dict[str, str]] = [],
    description: str = "",
    client_token: str = "",
    encrypted: bool | None = None,
    kms_key_arn: str = "",
    timeout: int = USUAL_MINUTES,
) -> dict[str, Any]:
    """Begin a snapshot: empty, or with the blocks of another one."""
    try:
        before = made_before(call, client_token)
    except Fault as fault:
        raise Fault("ConflictException", fault.message) from None
    if before and (one := Snapshot.get(call, before)):
        return _shown(one)
    if volume_size > TYPES["gp3"].most:
        raise invalid("INVALID_VOLUME_SIZE", "The volume size must be between 1 GiB and 65536 GiB.")
    parent = readable(call, parent_snapshot_id) if parent_snapshot_id else None
    if parent and encrypted is not None:
        raise invalid("INVALID_DEPENDENCY_REQUEST", "ParentSnapshotId and Encrypted cannot be specified together.")
    if parent and parent.size > volume_size:
        raise invalid("INVALID_VOLUME_SIZE", "The volume size is smaller than that of the parent snapshot.")
    if len([*Writing.scan(call, limit=MOST_PENDING)]) == MOST_PENDING:
        raise Fault("ConcurrentLimitExceededException", f"There are {MOST_PENDING} pending snapshots already.")
    one = Snapshot(
        snapshot_id=new_id(Snapshot),
        owner=call.account,
        volume_id=COPIED,
        size=volume_size,
        started=call.now,
        description=description,
        tags=as_map(tags),
        direct=True,
        parent=parent_snapshot_id,
    )
    one.seal = _seal(call, one.snapshot_id, parent, encrypted, kms_key_arn)
    one.put(call)
    Writing(one.snapshot_id, timeout, call.now).put(call)
    given_up.later(call, snapshot_id=one.snapshot_id, delay=timeout * 60.0)
    remember(call, client_token, one.snapshot_id)
    return _shown(one)


def _seal(call: Call, snapshot_id: str, parent: Snapshot | None, encrypted: bool | None, key: str) -> encryption.Sealed:
    """As its parent is encrypted, which shares its data key; else as it is asked for, or is the account's default."""
    if parent and parent.seal.key:
        if key and key != parent.seal.key:
            text = "The KMS key must be that of the parent snapshot."
            raise invalid("INVALID_DEPENDENCY_REQUEST", text)
        return parent.seal
    if key and not encrypted and not encryption.settings(call).encrypted:
        raise invalid("INVALID_DEPENDENCY_REQUEST", "KmsKeyArn cannot be specified unless Encrypted is true.")
    if parent or not (encrypted or encryption.settings(call).encrypted):
        return PLAIN
    try:
        return encryption.sealed(call, snapshot_id, key)
    except Fault as fault:
        raise invalid("INVALID_CUSTOMER_KEY", fault.message) from None


def _shown(one: Snapshot) -> dict[str, Any]:
    told = {
        "SnapshotId": one.snapshot_id,
        "OwnerId": one.owner,
        "Status": one.state,
        "StartTime": one.started,
        "VolumeSize": one.size,
        "BlockSize": BLOCK,
        "Description": one.description or None,
        "Tags": as_list(one.tags) or None,
        "ParentSnapshotId": one.parent or None,
        "KmsKeyArn": one.seal.key or None,
    }
    return {name: value for name, value in told.items() if value is not None}


def writable(call: Call, snapshot_id: str) -> tuple[Snapshot, Writing]:
    one, writing = Snapshot.get(call, snapshot_id), Writing.get(call, snapshot_id)
    if one is None:
        raise no_snapshot(snapshot_id)
    if writing is None or one.state != PENDING:
        raise invalid("INVALID_SNAPSHOT_ID", f"The snapshot '{snapshot_id}' is not pending.")
    return one, writing


@ebs.operation
async def put_snapshot_block(
    call: Call,
    snapshot_id: str,
    block_index: int,
    block_data: Any,
    data_length: int,
    checksum: str,
    checksum_algorithm: str,
    progress: int = 0,
) -> dict[str, Any]:
    """Write a block, whose checksum must be right."""
    one, _ = writable(call, snapshot_id)
    data = await _taken(block_data)
    if data_length != BLOCK or len(data) != BLOCK:
        raise invalid("INVALID_PARAMETER_VALUE", f"The data length must be {BLOCK} bytes.")
    if block_index >= one.size * GIB // BLOCK:
        raise invalid("INVALID_BLOCK", "The block index is beyond the end of the volume.")
    if base64.b64encode(hashlib.sha256(data).digest()).decode() != checksum:
        raise invalid("INVALID_BLOCK", "The checksum does not match the block data.")
    await call.cloud.engine(Disks).put_block(snapshot_id, block_index, data, encryption.opened(call, one.seal))
    with call.transaction():
        one, writing = writable(call, snapshot_id)
        writing.touched = call.now
        writing.count += 1
        writing.put(call)
        if progress > one.progress:
            one.progress = progress
            one.put(call)
    return {"Checksum": checksum, "ChecksumAlgorithm": checksum_algorithm}


async def _taken(body: Any) -> bytes:
    if isinstance(body, bytes):
        return body
    taken = bytearray()
    async for chunk in body:
        taken += chunk
        if len(taken) > BLOCK:
            break
    return bytes(taken)


@ebs.operation
async def complete_snapshot(
    call: Call,
    snapshot_id: str,
    changed_blocks_count: int,
    checksum: str = "",
    checksum_algorithm: str = "",
    checksum_aggregation_method: str = "",
) -> dict[str, Any]:
    """Say that all blocks are written: how many, and perhaps what the checksum of all their checksums is."""
    one, _ = writable(call, snapshot_id)
    if checksum and not (checksum_algorithm and checksum_aggregation_method):
        text = "Checksum needs ChecksumAlgorithm and ChecksumAggregationMethod."
        raise invalid("INVALID_PARAMETER_VALUE", text)
    disks = call.cloud.engine(Disks)
    written = disks.journalled(snapshot_id)
    if changed_blocks_count and changed_blocks_count != len(written):
        text = f"ChangedBlocksCount is {changed_blocks_count}, but {len(written)} blocks were written."
        raise invalid("INVALID_PARAMETER_VALUE", text)
    if checksum and checksum != await _checksum(disks, written, encryption.opened(call, one.seal)):
        raise invalid("INVALID_PARAMETER_VALUE", "The checksum does not match those of the written blocks.")
    kept = await disks.complete(snapshot_id, one.parent)
    with call.transaction():
        if found := Writing.get(call, snapshot_id):
            found.delete(call)
            snapshot_completed.later(call, snapshot_id=snapshot_id, kept=kept, event="createSnapshot", delay=1.0)
    return {"Status": PENDING}


async def _checksum(disks: Disks, written: dict[int, bytes], key: bytes) -> str:
    """The checksum of the checksums of all written blocks, in their order (aggregation method LINEAR)."""
    whole = hashlib.sha256()
    for number in sorted(written):
        digest = written[number]
        if key:
            digest = hashlib.sha256(await disks.read(digest, number, key)).digest()
        whole.update(digest)
    return base64.b64encode(whole.digest()).decode()


@ebs.task
async def given_up(call: Call, snapshot_id: str) -> None:
    """A snapshot that nobody has written to for too long will never be complete."""
    with call.transaction():
        one, writing = Snapshot.get(call, snapshot_id), Writing.get(call, snapshot_id)
        if one is None or writing is None:
            return
        due = writing.touched + writing.minutes * 60.0
        if call.now < due:
            given_up.later(call, snapshot_id=snapshot_id, due=due)
            return
        writing.delete(call)
        one.state, one.state_message = ERROR, "The snapshot timed out."
        one.put(call)
    await call.cloud.engine(Disks).discard(snapshot_id)
