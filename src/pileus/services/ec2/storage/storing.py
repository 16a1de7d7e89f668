"""Images as objects of S3: stored with all that their snapshots hold, and restored, in another account or Region too.

An object holds what describes the image, and then, for each of its snapshots, the blocks, plain: who may read the
object may have the disk. Images whose root is files of a machine's, and not blocks, are refused.
"""

from __future__ import annotations

import inspect
import struct
import tempfile
from collections.abc import AsyncIterator
from typing import Any, BinaryIO

import msgspec

from pileus.engines.disks import BLOCK, Disks
from pileus.kernel import Call, Fault, Record, Unfinished
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import MOST, Members, answer, bad_token
from pileus.services.ec2.faults import bad_value
from pileus.services.ec2.kinds import new_id
from pileus.services.ec2.tags import specified

from . import encryption, roots
from .images import AVAILABLE, Image, own, snapshot_ids
from .registering import check_name, made
from .snapshots import COPIED, Snapshot, snapshot

MARK = b"pileus image 1\n"
LENGTH = struct.Struct(">I")
HEAD = struct.Struct(">II")
"""Which of the snapshots, and which of its blocks."""
PROGRESS, DONE, FAILED = "InProgress", "Completed", "Failed"
MONTH = 31 * 86400.0
CARRIED = (
    *("architecture", "description", "root_device_name", "platform", "virtualization_type", "ena_support"),
    *("sriov_net_support", "boot_mode", "tpm_support", "imds_support", "uefi_data"),
)
"""What of an image goes with it."""


class Store(Record, key=("started", "image_id")):
    """A task that stores an image; the latest ones are told first."""

    started: float
    image_id: str
    bucket: str
    object_key: str
    tags: list[dict[str, str]]
    state: str = PROGRESS
    progress: int = 0
    failure: str = ""


def shown(one: Store) -> Members:
    told = {
        "AmiId": one.image_id,
        "TaskStartTime": one.started,
        "Bucket": one.bucket,
        "S3objectKey": one.object_key,
        "ProgressPercentage": one.progress,
        "StoreTaskState": one.state,
    }
    return told | ({"StoreTaskFailureReason": one.failure} if one.failure else {})


@ec2.operation
def create_store_image_task(
    call: Call, image_id: str, bucket: str, s3_object_tags: list[dict[str, str]] = []
) -> Members:
    """Write an image into a bucket of this Region."""
    image = own(call, image_id)
    if image.state != AVAILABLE:
        raise Fault("InvalidAMIID.Unavailable", f"The image ID '{image_id}' is not available.")
    machines = roots.engine(call)
    if machines and any(machines.holds(one) for one in snapshot_ids(image)):
        raise Unfinished("Pileus does not store images in S3 yet whose root is files of a machine's.")
    if not bucket:
        raise bad_value("Bucket", bucket)
    task = Store(call.now, image_id, bucket, f"{image_id}.bin", s3_object_tags)
    task.put(call)
    image_stored.later(call, started=task.started, image_id=image_id)
    return {"ObjectKey": task.object_key}


@ec2.task
async def image_stored(call: Call, started: float, image_id: str) -> None:
    task, image = Store.get(call, started, image_id), Image.get(call, image_id)
    if task is None or task.state != PROGRESS:
        return
    failure = "" if image else "The image was deregistered."
    try:
        if image:
            await _write(call, image, task)
    except Fault as fault:
        failure = f"{fault.code}: {fault.message}"
    with call.transaction():
        task.state, task.failure = (FAILED, failure) if failure else (DONE, "")
        task.progress = 0 if failure else 100
        task.put(call)


async def _write(call: Call, image: Image, task: Store) -> None:
    """One object; it is there when all of it is."""
    with tempfile.TemporaryFile() as file:
        async for piece in _packed(call, image):
            file.write(piece)
        file.seek(0)
        tags = "&".join(f"{tag['Key']}={tag['Value']}" for tag in task.tags)
        put = call.aws("s3").put_object(
            bucket=task.bucket, key=task.object_key, body=_pieces(file), tagging=tags or None
        )
        await put


async def _pieces(file: BinaryIO) -> AsyncIterator[bytes]:
    while piece := file.read(BLOCK):
        yield piece


async def _packed(call: Call, image: Image) -> AsyncIterator[bytes]:
    disks = call.cloud.engine(Disks)
    sources = [snapshot(call, one) for one in snapshot_ids(image)]
    told = {
        "image": {name: getattr(image, name) for name in CARRIED},
        "name": image.name,
        "tags": image.tags,
        "mappings": image.block_device_mappings,
        "snapshots": [{"id": one.snapshot_id, "size": one.size, "encrypted": bool(one.seal.key)} for one in sources],
    }
    head = msgspec.json.encode(told)
    yield MARK + LENGTH.pack(len(head)) + head
    for number, one in enumerate(sources):
        key = encryption.opened(call, one.seal)
        for at, digest in disks.listed(one.snapshot_id).items():
            yield HEAD.pack(number, at) + await disks.read(digest, at, key)


@ec2.operation
def describe_store_image_tasks(
    call: Call,
    image_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The tasks of the last 31 days, the latest first."""
    fits = Filters({"task-state": "state", "bucket": "bucket"}, tags=None).test(filters)
    page = Store.page(
        call,
        limit=max_results or MOST,
        token=next_token,
        invalid=bad_token(),
        where=lambda task: fits(task) and (not image_ids or task.image_id in image_ids),
        reverse=True,
        since=(call.now - MONTH,),
    )
    return answer("StoreImageTaskResults", [shown(task) for task in page.items], page.token)


# Restoring


@ec2.operation
async def create_restore_image_task(
    call: Call, bucket: str, object_key: str, name: str = "", tag_specifications: list[dict[str, Any]] = []
) -> Members:
    """Make an image of an object that another one was stored in."""
    tags = specified(tag_specifications, "image", "snapshot")
    of_snapshots = specified(tag_specifications, "snapshot", "image")
    reader = Reader(await _body(call, bucket, object_key))
    told = await reader.head()
    with call.transaction():
        check_name(call, name or told["name"])
        made_of = {one["id"]: _snapshot(call, one, of_snapshots) for one in told["snapshots"]}
        mappings = [_mapped(mapping, made_of) for mapping in told["mappings"]]
        image = Image(
            image_id=new_id(Image),
            name=name or told["name"],
            owner=call.account,
            created=call.now,
            block_device_mappings=mappings,
            tags=tags or told["tags"],
            **told["image"],
        )
        made(call, image)
        image_restored.later(
            call,
            bucket=bucket,
            object_key=object_key,
            snapshots=[made_of[one["id"]].snapshot_id for one in told["snapshots"]],
        )
    return {"ImageId": image.image_id}


def _snapshot(call: Call, told: Members, tags: dict[str, str]) -> Snapshot:
    one = Snapshot(
        snapshot_id=new_id(Snapshot),
        owner=call.account,
        volume_id=COPIED,
        size=told["size"],
        started=call.now,
        description="Restored from S3",
        tags=tags,
    )
    if encryption.wanted(call, True if told["encrypted"] else None, ""):
        one.seal = encryption.sealed(call, one.snapshot_id)
    return one.put(call)


def _mapped(mapping: Members, made_of: dict[str, Snapshot]) -> Members:
    source = mapping.get("Ebs", {}).get("SnapshotId")
    if not source:
        return mapping
    return mapping | {"Ebs": mapping["Ebs"] | {"SnapshotId": made_of[source].snapshot_id}}


@ec2.task
async def image_restored(call: Call, bucket: str, object_key: str, snapshots: list[str]) -> None:
    """Read the blocks of an image's snapshots."""
    from .snapshotting import snapshot_completed

    disks = call.cloud.engine(Disks)
    keys = [encryption.opened(call, one.seal) for name in snapshots if (one := Snapshot.get(call, name))]
    if len(keys) < len(snapshots):
        return
    reader = Reader(await _body(call, bucket, object_key))
    await reader.head()
    async for number, at, data in reader.blocks():
        await disks.put_block(snapshots[number], at, data, keys[number])
    for name in snapshots:
        kept = await disks.complete(name)
        with call.transaction():
            snapshot_completed.later(call, snapshot_id=name, kept=kept, event="createSnapshot")


class Reader:
    """An object in which an image was stored."""

    def __init__(self, body: Any) -> None:
        self._pieces = _all(body)
        self._held = bytearray()

    async def _take(self, length: int) -> bytes:
        while len(self._held) < length:
            piece = await anext(self._pieces, b"")
            if not piece:
                return b""
            self._held += piece
        taken = bytes(self._held[:length])
        del self._held[:length]
        return taken

    async def head(self) -> Members:
        if await self._take(len(MARK)) != MARK:
            raise Fault("InvalidParameterValue", "The object is not one that an image was stored in.")
        (length,) = LENGTH.unpack(await self._take(LENGTH.size))
        told: Members = msgspec.json.decode(await self._take(length))
        return told

    async def blocks(self) -> AsyncIterator[tuple[int, int, bytes]]:
        while head := await self._take(HEAD.size):
            number, at = HEAD.unpack(head)
            yield number, at, await self._take(BLOCK)


async def _all(body: Any) -> AsyncIterator[bytes]:
    if isinstance(body, bytes):
        yield body
    else:
        async for piece in body:
            yield piece


async def _body(call: Call, bucket: str, object_key: str) -> Any:
    told = call.aws("s3").get_object(bucket=bucket, key=object_key)
    return (await told if inspect.isawaitable(told) else told)["Body"]
