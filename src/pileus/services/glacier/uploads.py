"""Archives that are sent in parts."""

from __future__ import annotations

import re
from typing import Any

from pileus.kernel import Call, Record, names

from . import glacier
from .archives import check_description, check_hash, located, still, store
from .faults import invalid, limit, missing, not_found
from .storage import Intake, Stored, discard
from .tree_hash import MEGABYTE, joined
from .vaults import Vault, iso, vault

MOST_PARTS = 10_000
LARGEST_PART = 4096 * MEGABYTE
MOST_LISTED = 50
_RANGE = re.compile(r"bytes (\d+)-(\d+)/\*", re.ASCII)


class Upload(Record, scope="account", key=("room", "id"), kw_only=True):
    """An upload that is under way."""

    room: str
    id: str
    begun: float
    description: str
    part_size: int


class Part(Record, scope="cloud", key=("account", "upload", "start")):
    """A part that has arrived."""

    account: str
    upload: str
    start: int
    stored: Stored


def under_way(call: Call, found: Vault, upload_id: str) -> Upload:
    upload = Upload.get(call, found.room, upload_id)
    if upload is None:
        raise not_found(f"The upload ID was not found: {upload_id}")
    return upload


@glacier.operation(on=vault)
def initiate_multipart_upload(
    call: Call, found: Vault, archive_description: str = "", part_size: str = ""
) -> dict[str, str]:
    """Begin an upload, of which all parts but the last have the same size: a megabyte times a power of two."""
    if not part_size:
        raise missing("Required parameter missing: x-amz-part-size")
    size = int(part_size) if part_size.isdigit() else 0
    if not MEGABYTE <= size <= LARGEST_PART or size & (size - 1):
        raise invalid(f"Invalid part size: {part_size}. Part size must not be null, must be a power of two")
    upload = Upload(
        room=found.room,
        id=names.token(92),
        begun=call.now,
        description=check_description(archive_description),
        part_size=size,
    ).put(call)
    return {
        "location": f"/{call.account}/vaults/{found.name}/multipart-uploads/{upload.id}",
        "uploadId": upload.id,
    }


@glacier.operation(on=vault)
async def upload_multipart_part(
    call: Call,
    found: Vault,
    upload_id: str,
    checksum: str = "",
    range: str = "",  # noqa: A002
    body: Any = None,
) -> dict[str, str]:
    """Send a part; one that was sent for the same range before is replaced."""
    upload = under_way(call, found, upload_id)
    if not checksum:
        raise missing("Required parameter missing: x-amz-sha256-tree-hash")
    start, size = asked(upload, range)
    async with Intake(call, size) as intake:
        tree_hash = await intake.take(body)
        if intake.size != size:
            raise invalid(f"Content-Range: {range} is incompatible with Content-Length: {intake.size}")
        check_hash(checksum, tree_hash)
        with call.transaction():
            under_way(call, still(call, found), upload_id)
            if before := Part.get(call, call.account, upload.id, start):
                discard(call, before.stored)
            Part(account=call.account, upload=upload.id, start=start, stored=intake.adopt(call)).put(call)
    return {"checksum": tree_hash}


def asked(upload: Upload, text: str) -> tuple[int, int]:
    """Where a part begins, and how long it is."""
    match = _RANGE.fullmatch(text)
    if match is None:
        raise invalid(f"Invalid Content-Range: {text}")
    start, last = int(match[1]), int(match[2])
    size = last - start + 1
    if start % upload.part_size or not 0 < size <= upload.part_size or start // upload.part_size >= MOST_PARTS:
        raise invalid(f"Invalid Content-Range: {text}. The part is not aligned with the part size {upload.part_size}")
    return start, size


@glacier.operation(on=vault)
def complete_multipart_upload(
    call: Call, found: Vault, upload_id: str, archive_size: str = "", checksum: str = ""
) -> dict[str, str]:
    """Make an archive of the parts, if they are all there and their tree hash is the one that is given."""
    upload = under_way(call, found, upload_id)
    if not checksum or not archive_size:
        raise missing("Required parameter missing: x-amz-sha256-tree-hash and x-amz-archive-size")
    parts = list(Part.scan(call, call.account, upload.id))
    at = 0
    for part in parts:
        if part.start != at:
            raise invalid(f"The parts of the upload have a gap at byte {at}")
        at += part.stored.size
        if part is not parts[-1] and part.stored.size != upload.part_size:
            raise invalid(f"A part is smaller than the part size {upload.part_size}")
    if not parts or archive_size != str(at):
        raise invalid(f"The archive size {archive_size} is not the sum of the parts, {at}")
    tree_hash = joined(bytes.fromhex(part.stored.tree_hash) for part in parts).hex()
    check_hash(checksum, tree_hash)
    archive = store(call, found, upload.description, tree_hash, [part.stored for part in parts])
    Part.delete_all(call, call.account, upload.id)
    upload.delete(call)
    return located(call, found, archive)


@glacier.operation(on=vault)
def abort_multipart_upload(call: Call, found: Vault, upload_id: str) -> None:
    """End an upload; its parts are gone."""
    abort(call, under_way(call, found, upload_id))


def abort(call: Call, upload: Upload) -> None:
    for part in Part.scan(call, call.account, upload.id):
        discard(call, part.stored)
    Part.delete_all(call, call.account, upload.id)
    upload.delete(call)


def abort_all(call: Call, found: Vault) -> None:
    """For a vault that is deleted."""
    for upload in Upload.scan(call, found.room):
        abort(call, upload)


@glacier.operation(on=vault)
def list_multipart_uploads(call: Call, found: Vault, marker: str = "", limit: str = "") -> dict[str, Any]:
    """The uploads that are under way."""
    wrong = invalid(f"Invalid marker: {marker}")
    page = Upload.page(call, found.room, limit=page_size(limit), token=marker, invalid=wrong)
    return {"UploadsList": [shown(call, found, each) for each in page.items], "Marker": page.token}


def page_size(given: str) -> int:
    return limit(given, MOST_LISTED, MOST_LISTED)


def shown(call: Call, found: Vault, upload: Upload) -> dict[str, Any]:
    told: dict[str, Any] = {
        "MultipartUploadId": upload.id,
        "VaultARN": found.arn(call),
        "PartSizeInBytes": upload.part_size,
        "CreationDate": iso(upload.begun),
    }
    return told | ({"ArchiveDescription": upload.description} if upload.description else {})


@glacier.operation(on=vault)
def list_parts(call: Call, found: Vault, upload_id: str, marker: str = "", limit: str = "") -> dict[str, Any]:
    """The parts that have arrived, in their order."""
    upload = under_way(call, found, upload_id)
    wrong = invalid(f"Invalid marker: {marker}")
    page = Part.page(call, call.account, upload.id, limit=page_size(limit), token=marker, invalid=wrong)
    parts = [
        {
            "RangeInBytes": f"{part.start}-{part.start + part.stored.size - 1}",
            "SHA256TreeHash": part.stored.tree_hash,
        }
        for part in page.items
    ]
    return shown(call, found, upload) | {"Parts": parts, "Marker": page.token}
