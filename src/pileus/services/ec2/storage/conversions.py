"""Importing a volume by a manifest, as EC2's first tools had it: an address leads to a list of parts, each at its own.

VM Import/Export User Guide, "VM Import Manifest". The disk is RAW; formats that grow are refused by the task, in its
message. Left out: ImportInstance, which takes Windows alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from pileus.engines.disks import BLOCK, Disks
from pileus.kernel import Call, Fault, Record, web
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import bad_value
from pileus.services.ec2.kinds import all_named, kind, named, new_id
from pileus.services.ec2.tags import shown_tags

from .snapshots import COMPLETED, COPIED, Snapshot
from .volumes import create
from .zones import zone_in

ACTIVE, DONE, CANCELLED = "active", "completed", "cancelled"
KEPT = 7 * 86400.0
PIECE = 4 << 20


@kind(
    "conversion-task",
    "import-vol",
    missing=("InvalidConversionTaskId", "The conversion task '{}' does not exist."),
    malformed="InvalidConversionTaskId.Malformed",
)
class Conversion(Record, arn="conversion-task/{conversion_task_id}"):
    """A task that imports a volume."""

    conversion_task_id: str
    zone: str
    zone_id: str
    size: int
    image: Members
    begun: float
    description: str = ""
    state: str = ACTIVE
    message: str = "Pending"
    converted: int = 0
    snapshot_id: str = ""
    volume_id: str = ""
    tags: dict[str, str] = {}


@ec2.operation
def import_volume(
    call: Call,
    image: dict[str, Any],
    volume: dict[str, int],
    availability_zone: str = "",
    availability_zone_id: str = "",
    description: str = "",
) -> Members:
    """Make a volume of the parts that a manifest names."""
    zone = zone_in(call, availability_zone, availability_zone_id)
    if not str(image["ImportManifestUrl"]).startswith(("http://", "https://")):
        raise bad_value("Image.ImportManifestUrl", image["ImportManifestUrl"])
    if volume["Size"] < 1 or image["Bytes"] > volume["Size"] << 30:
        raise bad_value("Volume.Size", volume["Size"])
    task = Conversion(new_id(Conversion), zone, availability_zone_id, volume["Size"], image, call.now, description).put(
        call
    )
    volume_converted.later(call, task_id=task.conversion_task_id, delay=0.5)
    return {"ConversionTask": shown(call, task)}


@ec2.task
async def volume_converted(call: Call, task_id: str) -> None:
    """Read the parts, and make a volume of them."""
    task = Conversion.get(call, task_id)
    if task is None or task.state != ACTIVE:
        return
    from xml.etree import ElementTree

    try:
        if task.image["Format"] != "RAW":
            raise ValueError(f"Unsupported disk image format {task.image['Format']}")
        await _read(call, task)
    except (Fault, ValueError, ElementTree.ParseError, web.Unreachable) as error:
        with call.transaction():
            if (found := Conversion.get(call, task_id)) and found.state == ACTIVE:
                found.state, found.message = CANCELLED, f"ClientError: {error}"
                found.put(call)


async def _read(call: Call, task: Conversion) -> None:
    with call.transaction():
        if not task.snapshot_id:
            task.snapshot_id = new_id(Snapshot)
            task.put(call)
    disks, held, number, size = call.cloud.engine(Disks), bytearray(), 0, 0
    async for piece in _parts(task.image["ImportManifestUrl"]):
        held += piece
        size += len(piece)
        while len(held) >= BLOCK:
            await _keep(disks, task.snapshot_id, number, bytes(held[:BLOCK]))
            del held[:BLOCK]
            number += 1
    await _keep(disks, task.snapshot_id, number, bytes(held))
    kept = await disks.complete(task.snapshot_id)
    with call.transaction():
        found = Conversion.get(call, task.conversion_task_id)
        if found is None or found.state != ACTIVE:
            return
        _finished(call, found, size, kept)


async def _keep(disks: Disks, snapshot_id: str, number: int, data: bytes) -> None:
    if data.count(0) < len(data):
        await disks.put_block(snapshot_id, number, data.ljust(BLOCK, b"\0"))


def _finished(call: Call, task: Conversion, size: int, kept: int) -> None:
    source = Snapshot(
        snapshot_id=task.snapshot_id,
        owner=call.account,
        volume_id=COPIED,
        size=task.size,
        started=task.begun,
        completed=call.now,
        state=COMPLETED,
        progress=100,
        kept=kept,
        description=f"Created by AWS-VMImport service for {task.conversion_task_id}",
    ).put(call)
    made = create(call, zone=task.zone, size=task.size, snapshot_id=source.snapshot_id)
    task.state, task.message, task.converted, task.volume_id = DONE, "", size, made.volume_id
    task.put(call)


async def _parts(manifest: str) -> AsyncIterator[bytes]:
    from xml.etree import ElementTree

    root = ElementTree.fromstring(await _got(manifest))
    parts = sorted(root.iter("part"), key=lambda part: int(part.get("index", "0")))
    if not parts:
        raise ValueError("The manifest names no parts")
    for part in parts:
        extent, url = part.find("byte-range"), part.findtext("get-url")
        if extent is None or not url:
            raise ValueError("A part of the manifest has no byte-range or get-url")
        length = int(extent.get("end", "0")) - int(extent.get("start", "0")) + 1
        for at in range(0, length, PIECE):
            yield await _got(url, f"bytes={at}-{min(at + PIECE, length) - 1}")


async def _got(url: str, extent: str = "") -> bytes:
    answer = await web.request("GET", url, headers={"Range": extent} if extent else {})
    if answer.status not in (200, 206):
        raise ValueError(f"{url.partition('?')[0]} answers {answer.status}")
    return answer.body


# Looking at tasks


def shown(call: Call, task: Conversion) -> Members:
    expires = datetime.fromtimestamp(task.begun + KEPT, UTC)
    volume: Members = {"Size": task.size} | ({"Id": task.volume_id} if task.volume_id else {})
    told = {
        "AvailabilityZone": task.zone,
        "BytesConverted": task.converted,
        "Description": task.description,
        "Image": {
            "Format": task.image["Format"],
            "Size": task.image["Bytes"],
            "ImportManifestUrl": task.image["ImportManifestUrl"],
        },
        "Volume": volume,
    }
    return {
        "ConversionTaskId": task.conversion_task_id,
        "ExpirationTime": f"{expires:%Y-%m-%dT%H:%M:%SZ}",
        "ImportVolume": told,
        "State": task.state,
        "StatusMessage": task.message or None,
        "Tags": shown_tags(task.tags),
    }


@ec2.operation
def describe_conversion_tasks(call: Call, conversion_task_ids: list[str] = []) -> Members:
    ids = conversion_task_ids
    found = all_named(call, Conversion, ids) if ids else Conversion.scan(call)
    return {"ConversionTasks": [shown(call, task) for task in found]}


@ec2.operation
def cancel_conversion_task(call: Call, conversion_task_id: str, reason_message: str = "") -> None:
    """Give up a task that is not done."""
    task = named(call, Conversion, conversion_task_id)
    if task.state != ACTIVE:
        raise Fault("IncorrectState", f"The conversion task '{conversion_task_id}' is {task.state}.")
    task.state, task.message = CANCELLED, reason_message or "Cancelled by the user"
    task.put(call)
