"""Exporting to S3: an image, or an instance that came from elsewhere, as the disk of a virtual machine.

A root that is a disk here is exported as that disk. One that is files becomes a disk with a file system of them: of
those that the image brought and its instances changed, for the host's own system is nobody's to export. Images are
written as the role `vmimport`, instances by whoever asks. Left out: disks beside the root.
"""

from __future__ import annotations

import asyncio
import os
import tarfile
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, BinaryIO

from pileus.engines.disks import BLOCK, Disks
from pileus.engines.disks.formats import FORMATS
from pileus.kernel import Call, Fault, Record, identity
from pileus.kernel.filters import Filters
from pileus.kernel.roles import taken_on
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described
from pileus.services.ec2.faults import bad_value, unsupported
from pileus.services.ec2.instances.instances import RUNNING, STOPPED, Instance, alive, wrong_state
from pileus.services.ec2.kinds import all_named, kind, named, new_id
from pileus.services.ec2.tags import shown_tags, specified
from pileus.services.ec2.tokens import made_before, remember

from . import attachments, encryption, roots
from .images import Image, own
from .importing import ROLE
from .snapshots import Snapshot, snapshot

GIB = 1 << 30
ACTIVE, DONE, DELETED, CANCELLED = "active", "completed", "deleted", "cancelled"
PIECE = 1 << 20


class Export(Record):
    """A task that exports; its subclasses say what."""

    export_task_id: str
    source: str
    bucket: str
    prefix: str
    format: str
    started: float
    description: str = ""
    status: str = ACTIVE
    message: str = "validating"
    progress: int = 0
    role: str = ""
    environment: str = ""
    container: str = ""
    tags: dict[str, str] = {}

    @property
    def object_key(self) -> str:
        ending = self.container or self.format.lower()
        return f"{self.prefix}{self.export_task_id}.{ending}"


@kind(
    "export-image-task", "export-ami", missing=("InvalidExportTaskID.NotFound", "The export task '{}' does not exist.")
)
class ImageExport(Export, arn="export-image-task/{export_task_id}"):
    export_task_id: str


@kind(
    "export-instance-task", "export-i", missing=("InvalidExportTaskID.NotFound", "The export task '{}' does not exist.")
)
class InstanceExport(Export, arn="export-instance-task/{export_task_id}"):
    export_task_id: str


FILTERS = Filters({"task-state": "status"})
INSTANCES = Filters({"state": "status", "export-task-id": "export_task_id", "instance-id": "source"})


@ec2.operation
def export_image(
    call: Call,
    disk_image_format: str,
    image_id: str,
    s3_export_location: dict[str, str],
    description: str = "",
    role_name: str = ROLE,
    tag_specifications: list[dict[str, Any]] = [],
    client_token: str = "",
) -> Members:
    """Write the root of an image of one's own to a bucket."""
    if made := made_before(call, client_token):
        return _begun(named(call, ImageExport, made))
    one = own(call, image_id)
    if one.platform:
        raise unsupported(f"The image '{image_id}' cannot be exported: it contains software of third parties.")
    encrypted = Snapshot.get(call, one.root.get("SnapshotId", ""))
    if encrypted and encrypted.seal.key:
        raise unsupported(f"The image '{image_id}' cannot be exported: its snapshot is encrypted.")
    _check_bucket(call, s3_export_location["S3Bucket"])
    task = ImageExport(
        new_id(ImageExport),
        image_id,
        s3_export_location["S3Bucket"],
        s3_export_location.get("S3Prefix", ""),
        disk_image_format,
        call.now,
        description,
        role=role_name,
        tags=specified(tag_specifications, "export-image-task"),
    ).put(call)
    remember(call, client_token, task.export_task_id)
    exported.later(call, task_id=task.export_task_id, delay=0.5)
    return _begun(task)


def _check_bucket(call: Call, bucket: str) -> None:
    try:
        call.aws("s3").head_bucket(bucket=bucket)
    except Fault:
        raise bad_value("S3Bucket", bucket, "The bucket does not exist, or cannot be reached.") from None


def _begun(task: ImageExport) -> Members:
    told = {"DiskImageFormat": task.format, "RoleName": task.role}
    return _image_shown(task) | told


@ec2.operation
def create_instance_export_task(
    call: Call,
    instance_id: str,
    target_environment: str,
    export_to_s3_task: dict[str, str],
    description: str = "",
    tag_specifications: list[dict[str, Any]] = [],
) -> Members:
    """Write the root of an instance, which was launched from an imported image, to a bucket."""
    one = alive(call, instance_id)
    if one.state not in (RUNNING, STOPPED):
        raise wrong_state(f"The instance '{instance_id}' is not in a valid state for this operation.")
    image = Image.get(call, one.image_id)
    if image is None or not image.name.startswith("import-ami-"):
        raise Fault("NotExportable", "Only imported instances can be exported.")
    default = "VHD" if target_environment in ("citrix", "microsoft") else "VMDK"
    container = export_to_s3_task.get("ContainerFormat", "ova" if target_environment == "vmware" else "")
    form = export_to_s3_task.get("DiskImageFormat", default)
    if container and form != "VMDK":
        raise bad_value("ContainerFormat", container, "It is supported for VMDK only.")
    bucket = export_to_s3_task.get("S3Bucket", "")
    _check_bucket(call, bucket)
    task = InstanceExport(
        new_id(InstanceExport),
        instance_id,
        bucket,
        export_to_s3_task.get("S3Prefix", ""),
        form,
        call.now,
        description,
        environment=target_environment,
        container=container,
        tags=specified(tag_specifications, "export-instance-task"),
    ).put(call)
    exported.later(call, task_id=task.export_task_id, delay=0.5)
    return {"ExportTask": _instance_shown(task)}


def _task(call: Call, task_id: str) -> Export | None:
    return (ImageExport if task_id.startswith("export-ami") else InstanceExport).get(call, task_id)


# The task


@ec2.task
async def exported(call: Call, task_id: str) -> None:
    """Make the disk, and write it as what was asked for."""
    task = _task(call, task_id)
    if task is None or task.status != ACTIVE:
        return
    failure = ""
    try:
        with tempfile.TemporaryDirectory(prefix="pileus-") as folder:
            await _disk(call, task, Path(folder, "disk"))
            with call.transaction():
                _told(call, task_id, ACTIVE, "converting", 50)
            await _put(call, task, Path(folder))
    except (Fault, OSError, ValueError) as error:
        failure = error.message if isinstance(error, Fault) else str(error)
    with call.transaction():
        bad = CANCELLED if isinstance(task, InstanceExport) else DELETED
        _told(call, task_id, bad if failure else DONE, f"ClientError: {failure}" if failure else "", 100)


def _told(call: Call, task_id: str, status: str, message: str, progress: int) -> None:
    task = _task(call, task_id)
    if task and task.status == ACTIVE:
        task.status, task.message, task.progress = status, message, progress
        task.put(call)


async def _disk(call: Call, task: Export, path: Path) -> None:
    """Put what is to be exported into a sparse file."""
    machines = roots.engine(call)
    if isinstance(task, InstanceExport):
        one = Instance.get(call, task.source)
        held = [volume for volume in attachments.of_instance(call, task.source) if one and _is_root(one, volume)]
        if one is None or not held:
            raise ValueError("The instance has no root volume any more")
        size = held[0].size * GIB
        if held[0].seal.key or machines is None:
            raise ValueError("The instance's root volume cannot be exported")
        await machines.captured(one.instance_id, task.export_task_id)
        try:
            await machines.exported(task.export_task_id, path, size)
        finally:
            machines.discard(task.export_task_id)
        return
    root = own(call, task.source).root
    source = snapshot(call, root["SnapshotId"])
    size = source.size * GIB
    if machines and machines.holds(source.snapshot_id):
        await machines.exported(source.snapshot_id, path, size)
        return
    disks, key = call.cloud.engine(Disks), encryption.opened(call, source.seal)
    with path.open("wb") as file:
        file.truncate(size)
        for at, digest in disks.listed(source.snapshot_id).items():
            os.pwrite(file.fileno(), await disks.read(digest, at, key), at * BLOCK)


def _is_root(one: Instance, volume: Any) -> bool:
    attachment = volume.attached_to(one.instance_id)
    return bool(attachment and attachment.device == one.root_device_name)


async def _put(call: Call, task: Export, folder: Path) -> None:
    size, made = (folder / "disk").stat().st_size, folder / "made"
    await asyncio.to_thread(_converted, task, folder / "disk", size, made)
    principal = call.principal
    if task.role:
        role = f"arn:{call.partition}:iam::{call.account}:role/{task.role}"
        principal = taken_on(call, role, "vmexport", identity.service("vmie.amazonaws.com"))
    with made.open("rb") as file:
        put = call.aws("s3", principal=principal).put_object
        await put(bucket=task.bucket, key=task.object_key, body=_pieces(file))


def _converted(task: Export, disk: Path, size: int, made: Path) -> None:
    with disk.open("rb") as source, made.open("wb") as target:
        for piece in FORMATS[task.format](source, size):
            target.write(piece)
    if task.container:
        _packed(task, made, size)


def _packed(task: Export, made: Path, size: int) -> None:
    """An OVA: the disk beside a description of the machine ("Open Virtualization Format Specification")."""
    name, described_by = f"{task.export_task_id}.vmdk", made.with_suffix(".ovf")
    described_by.write_text(OVF.format(name=name, file=made.stat().st_size, size=size, machine=task.source))
    whole = made.with_suffix(".ova")
    with tarfile.open(whole, "w", format=tarfile.USTAR_FORMAT) as archive:
        archive.add(described_by, f"{task.export_task_id}.ovf")
        archive.add(made, name)
    os.replace(whole, made)


OVF = """\
<?xml version="1.0" encoding="UTF-8"?>
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1">
  <References><File ovf:href="{name}" ovf:id="file1" ovf:size="{file}"/></References>
  <DiskSection>
    <Info>Virtual disks</Info>
    <Disk ovf:capacity="{size}" ovf:diskId="vmdisk1" ovf:fileRef="file1"
          ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/>
  </DiskSection>
  <VirtualSystem ovf:id="{machine}"><Info>A virtual machine</Info><Name>{machine}</Name></VirtualSystem>
</Envelope>
"""


async def _pieces(file: BinaryIO) -> AsyncIterator[bytes]:
    while piece := file.read(PIECE):
        yield piece


# Looking at tasks, and giving them up


@ec2.operation
def describe_export_image_tasks(
    call: Call,
    export_image_task_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    ids = export_image_task_ids
    return described(
        call,
        ImageExport,
        FILTERS,
        "ExportImageTasks",
        lambda call, task: _image_shown(task),
        ids,
        filters,
        max_results,
        next_token,
    )


def _image_shown(task: ImageExport) -> Members:
    return {
        "Description": task.description,
        "ExportImageTaskId": task.export_task_id,
        "ImageId": task.source,
        "Progress": str(task.progress) if task.status == ACTIVE else None,
        "S3ExportLocation": {"S3Bucket": task.bucket, "S3Prefix": task.prefix},
        "Status": task.status,
        "StatusMessage": task.message or None,
        "Tags": shown_tags(task.tags),
    }


@ec2.operation
def describe_export_tasks(call: Call, export_task_ids: list[str] = [], filters: list[dict[str, Any]] = []) -> Members:
    test = INSTANCES.test(filters)
    ids = export_task_ids
    found = all_named(call, InstanceExport, ids) if ids else InstanceExport.scan(call)
    return {"ExportTasks": [_instance_shown(task) for task in found if test(task)]}


def _instance_shown(task: InstanceExport) -> Members:
    where = {
        "ContainerFormat": task.container or None,
        "DiskImageFormat": task.format,
        "S3Bucket": task.bucket,
        "S3Key": task.object_key,
    }
    return {
        "Description": task.description,
        "ExportTaskId": task.export_task_id,
        "ExportToS3Task": where,
        "InstanceExportDetails": {"InstanceId": task.source, "TargetEnvironment": task.environment},
        "State": task.status,
        "StatusMessage": task.message or None,
        "Tags": shown_tags(task.tags),
    }


@ec2.operation
def cancel_export_task(call: Call, export_task_id: str) -> None:
    """Give up a task that is not done."""
    task = named(call, ImageExport if export_task_id.startswith("export-ami") else InstanceExport, export_task_id)
    if task.status != ACTIVE:
        raise Fault("IncorrectState", f"The export task '{export_task_id}' is {task.status}.")
    task.status, task.message = (DELETED if isinstance(task, ImageExport) else CANCELLED), "Cancelled"
    task.put(call)
