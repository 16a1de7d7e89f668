"""Importing from S3: a raw disk becomes a snapshot, an archive of a root becomes an image. Tasks that really read it.

A disk is RAW or a VHD of fixed size, to become a snapshot; formats that grow are refused by the task, in its message.
An image is made of an archive: of a root's files (tar), or of what `docker save` and OCI tools write. RAW disks of
whole systems cannot be booted here. What is read is read as the role `vmimport`.
"""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pileus.engines.disks import BLOCK, Disks
from pileus.kernel import Call, Fault, Record, Unfinished, identity
from pileus.kernel.filters import Filters
from pileus.kernel.roles import taken_on
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described
from pileus.services.ec2.faults import bad_value, combination, missing
from pileus.services.ec2.kinds import kind, new_id
from pileus.services.ec2.tags import shown_tags, specified
from pileus.services.ec2.tokens import made_before, remember

from . import encryption, roots
from .images import Image
from .registering import made
from .snapshots import COMPLETED, COPIED, Snapshot

GIB = 1 << 30
ROLE = "vmimport"
FOOTER = 512
"""Bytes behind the disk in a VHD."""
ARCHIVES = ("TAR", "OCI")
"""Formats of a root's archive. AWS has none of these: there a system comes as the disk of a virtual machine."""
ACTIVE, DONE, DELETED = "active", "completed", "deleted"


class Import(Record):
    """A task that imports; its subclasses say what."""

    import_task_id: str
    bucket: str
    object_key: str
    format: str
    description: str = ""
    status: str = ACTIVE
    message: str = "pending"
    progress: int = 2
    size: int = 0
    """Bytes of what is imported."""
    snapshot_id: str = ""
    key: str = ""
    """The KMS key that was asked for."""
    encrypted: bool | None = None
    role: str = ROLE
    device: str = "/dev/sda1"
    image_id: str = ""
    architecture: str = ""
    boot_mode: str = ""
    license_type: str = "BYOL"
    tags: dict[str, str] = {}


@kind(
    "import-snapshot-task",
    "import-snap",
    missing=("InvalidConversionTaskId", "The import task '{}' does not exist."),
)
class SnapshotImport(Import, arn="import-snapshot-task/{import_task_id}"):
    import_task_id: str


@kind("import-image-task", "import-ami", missing=("InvalidConversionTaskId", "The import task '{}' does not exist."))
class ImageImport(Import, arn="import-image-task/{import_task_id}"):
    import_task_id: str


FILTERS = Filters({"task-state": "status"})


def _begun(call: Call, record: type[Any], container: Members, tags: dict[str, str], **more: Any) -> Any:
    bucket, key = place(container)
    found = record(
        import_task_id=new_id(record), bucket=bucket, object_key=key, format=_format(container), tags=tags, **more
    )
    found.put(call)
    imported.later(call, task_id=found.import_task_id, delay=0.5)
    return found


def place(container: Members) -> tuple[str, str]:
    """Where in S3 something lies: told by bucket and key, or by an address."""
    if where := container.get("UserBucket"):
        return where.get("S3Bucket", ""), where.get("S3Key", "")
    if url := container.get("Url"):
        parts = urlsplit(url)
        if parts.scheme == "s3":
            return parts.netloc, parts.path.lstrip("/")
        raise Unfinished("Pileus imports from s3:// addresses, and from buckets by name.")
    raise missing("UserBucket", "Url")


def _format(container: Members) -> str:
    return str(container.get("Format") or "RAW").upper()


@ec2.operation
def import_snapshot(
    call: Call,
    disk_container: dict[str, Any] = {},
    description: str = "",
    client_token: str = "",
    encrypted: bool | None = None,
    kms_key_id: str = "",
    role_name: str = ROLE,
    tag_specifications: list[dict[str, Any]] = [],
) -> Members:
    """Make a snapshot of a raw disk in S3."""
    if before := made_before(call, client_token):
        return shown_snapshot(call, SnapshotImport.get(call, before) or SnapshotImport(before, "", "", ""))
    encryption.wanted(call, encrypted, kms_key_id)
    tags = specified(tag_specifications, "import-snapshot-task")
    more = {"description": description, "encrypted": encrypted, "key": kms_key_id, "role": role_name}
    found = _begun(call, SnapshotImport, disk_container, tags, **more)
    remember(call, client_token, found.import_task_id)
    return shown_snapshot(call, found)


@ec2.operation
def import_image(
    call: Call,
    disk_containers: list[dict[str, Any]] = [],
    architecture: str = "x86_64",
    description: str = "",
    client_token: str = "",
    encrypted: bool | None = None,
    kms_key_id: str = "",
    platform: str = "Linux",
    role_name: str = ROLE,
    boot_mode: str = "",
    license_type: str = "BYOL",
    tag_specifications: list[dict[str, Any]] = [],
) -> Members:
    """Make an image of an archive in S3."""
    if before := made_before(call, client_token):
        return shown_image(call, ImageImport.get(call, before) or ImageImport(before, "", "", ""))
    if platform != "Linux":
        raise Unfinished("Pileus imports images of Linux only.")
    if license_type not in ("BYOL", "AWS"):
        raise bad_value("LicenseType", license_type)
    if len(disk_containers) != 1:
        raise combination("Specify one disk container.")
    if architecture not in ("x86_64", "arm64", "i386"):
        raise bad_value("architecture", architecture)
    encryption.wanted(call, encrypted, kms_key_id)
    tags = specified(tag_specifications, "import-image-task")
    more = {"description": description, "encrypted": encrypted, "key": kms_key_id, "role": role_name}
    more |= {"architecture": architecture, "boot_mode": boot_mode, "license_type": license_type}
    more["device"] = disk_containers[0].get("DeviceName", "/dev/sda1")
    found = _begun(call, ImageImport, disk_containers[0], tags, **more)
    remember(call, client_token, found.import_task_id)
    told = shown_image(call, found)
    told.pop("BootMode", None)
    return told


# The task


@ec2.task
async def imported(call: Call, task_id: str) -> None:
    """Read what is to be imported, and make a snapshot or an image of it."""
    record = SnapshotImport if task_id.startswith("import-snap") else ImageImport
    found = record.get(call, task_id)
    if found is None or found.status != ACTIVE:
        return
    try:
        if isinstance(found, SnapshotImport):
            await _disk(call, found)
        else:
            await _archive(call, found)
    except (Fault, OSError, ValueError) as error:
        with call.transaction():
            if found := record.get(call, task_id):
                text = error.message if isinstance(error, Fault) else str(error)
                found.status, found.message = DELETED, f"ClientError: {text}"
                found.put(call)


async def _disk(call: Call, found: SnapshotImport) -> None:
    if found.format not in ("RAW", "VHD"):
        raise ValueError(f"Unsupported disk image format {found.format}")
    with call.transaction():
        one = _snapshot(call, found)
    disks, key, size, number = call.cloud.engine(Disks), encryption.opened(call, one.seal), 0, 0
    async for block in _blocks(call, found):
        size += len(block)
        if block.count(0) < len(block):
            await disks.put_block(one.snapshot_id, number, block.ljust(BLOCK, b"\0"), key)
        number += 1
    if found.format == "VHD":
        size -= FOOTER
    kept = await disks.complete(one.snapshot_id)
    with call.transaction():
        _finished(call, found, one, size, kept)


def _snapshot(call: Call, found: Import) -> Snapshot:
    """The snapshot that a task makes; the same one when it is tried again."""
    if one := Snapshot.get(call, found.snapshot_id) if found.snapshot_id else None:
        return one
    one = Snapshot(
        snapshot_id=new_id(Snapshot),
        owner=call.account,
        volume_id=COPIED,
        size=1,
        started=call.now,
        description=found.description or f"Created by AWS-VMImport service for {found.import_task_id}",
    )
    if encryption.wanted(call, found.encrypted, found.key):
        one.seal = encryption.sealed(call, one.snapshot_id, found.key)
    found.snapshot_id, found.message, found.progress = one.snapshot_id, "downloading/converting", 40
    found.put(call)
    return one.put(call)


def _finished(call: Call, found: Import, one: Snapshot, size: int, kept: int) -> None:
    one.state, one.progress, one.completed, one.kept = COMPLETED, 100, call.now, kept
    one.size = max(1, -(-size // GIB))
    one.put(call)
    found.status, found.message, found.progress, found.size = DONE, "", 100, size
    found.put(call)


async def _archive(call: Call, found: ImageImport) -> None:
    machines = roots.engine(call)
    if found.format not in ARCHIVES:
        raise ValueError(f"Unsupported disk image format {found.format}: give an archive of a root (TAR, OCI)")
    if machines is None:
        raise ValueError("Images can be imported where machines can run")
    with call.transaction():
        one = _snapshot(call, found)
    size = 0
    with tempfile.TemporaryDirectory(prefix="pileus-") as folder:
        archive = Path(folder, "archive")
        with archive.open("wb") as file:
            async for piece in _content(call, found):
                size += len(piece)
                file.write(piece)
        try:
            await machines.imported(archive, one.snapshot_id)
        except Exception as error:
            raise ValueError(f"The archive cannot be read: {error}") from error
    await call.cloud.engine(Disks).complete(one.snapshot_id)
    with call.transaction():
        _finished(call, found, one, max(size, 8 * GIB), size)
        found.image_id = _image(call, found, one).image_id
        found.size = size
        found.put(call)


def _image(call: Call, found: ImageImport, one: Snapshot) -> Image:
    volume = {
        "SnapshotId": one.snapshot_id,
        "VolumeSize": one.size,
        "VolumeType": "gp2",
        "DeleteOnTermination": True,
        "Encrypted": bool(one.seal.key),
    }
    image = Image(
        image_id=new_id(Image),
        name=found.import_task_id,
        owner=call.account,
        created=call.now,
        architecture=found.architecture,
        description=found.description or f"AWS-VMImport service: Linux - {found.import_task_id}",
        root_device_name=found.device,
        block_device_mappings=[{"DeviceName": found.device, "Ebs": volume}],
        boot_mode=found.boot_mode,
    )
    return made(call, image)


async def _content(call: Call, found: Import) -> AsyncIterator[bytes]:
    """The object, as the role may read it that was named."""
    role = f"arn:{call.partition}:iam::{call.account}:role/{found.role}"
    session = taken_on(call, role, "vmimport", identity.service("vmie.amazonaws.com"))
    answer = call.aws("s3", principal=session).get_object(bucket=found.bucket, key=found.object_key)
    body = (await answer if inspect.isawaitable(answer) else answer)["Body"]
    if isinstance(body, bytes):
        yield body
        return
    async for piece in body:
        yield piece


async def _blocks(call: Call, found: Import) -> AsyncIterator[bytes]:
    """The object in blocks, without the footer of a VHD."""
    held = bytearray()
    async for piece in _content(call, found):
        held += piece
        while len(held) >= BLOCK + FOOTER:
            yield bytes(held[:BLOCK])
            del held[:BLOCK]
    if found.format == "VHD":
        if held[-FOOTER:][:8] != b"conectix" or held[-FOOTER:][60:64] != b"\0\0\0\2":
            raise ValueError("The VHD is not one of fixed size")
        yield bytes(held[:-FOOTER])
        yield b"\0" * FOOTER
        return
    while held:
        yield bytes(held[:BLOCK])
        del held[:BLOCK]


# Looking at tasks


def shown_snapshot(call: Call, found: SnapshotImport) -> Members:
    detail = _detail(found) | {"Encrypted": bool(found.encrypted)}
    detail |= {"Description": found.description}
    if found.key:
        detail["KmsKeyId"] = found.key
    told: Members = {"ImportTaskId": found.import_task_id, "Description": found.description}
    return told | {"SnapshotTaskDetail": detail, "Tags": shown_tags(found.tags)}


def _detail(found: Import) -> Members:
    told: Members = {
        "Status": found.status,
        "StatusMessage": found.message or None,
        "Progress": str(found.progress) if found.status == ACTIVE else None,
        "DiskImageSize": float(found.size) if found.size else None,
        "Format": found.format,
        "SnapshotId": found.snapshot_id or None,
        "UserBucket": {"S3Bucket": found.bucket, "S3Key": found.object_key},
    }
    return {name: value for name, value in told.items() if value is not None}


def shown_image(call: Call, found: ImageImport) -> Members:
    told: Members = {
        "ImportTaskId": found.import_task_id,
        "Architecture": found.architecture,
        "Description": found.description,
        "Encrypted": bool(found.encrypted),
        "KmsKeyId": found.key or None,
        "ImageId": found.image_id or None,
        "LicenseType": found.license_type,
        "Platform": "Linux",
        "BootMode": found.boot_mode or None,
        "Progress": str(found.progress) if found.status == ACTIVE else None,
        "Status": found.status,
        "StatusMessage": found.message or None,
        "SnapshotDetails": [_detail(found) | {"DeviceName": found.device}],
        "Tags": shown_tags(found.tags),
    }
    return {name: value for name, value in told.items() if value is not None}


@ec2.operation
def describe_import_snapshot_tasks(
    call: Call,
    import_task_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    return described(
        call,
        SnapshotImport,
        FILTERS,
        "ImportSnapshotTasks",
        shown_snapshot,
        import_task_ids,
        filters,
        max_results,
        next_token,
    )


@ec2.operation
def describe_import_image_tasks(
    call: Call,
    import_task_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    return described(
        call, ImageImport, FILTERS, "ImportImageTasks", shown_image, import_task_ids, filters, max_results, next_token
    )


@ec2.operation
def cancel_import_task(call: Call, import_task_id: str = "", cancel_reason: str = "") -> Members:
    """Give up a task that is not done."""
    record = SnapshotImport if import_task_id.startswith("import-snap") else ImageImport
    found = record.get(call, import_task_id)
    if found is None:
        raise Fault("InvalidConversionTaskId", f"The import task '{import_task_id}' does not exist.")
    if found.status != ACTIVE:
        raise Fault("IncorrectState", f"The import task '{import_task_id}' is {found.status}.")
    found.status, found.message = DELETED, cancel_reason or "Cancelled"
    found.put(call)
    return {"ImportTaskId": import_task_id, "PreviousState": ACTIVE, "State": DELETED}
