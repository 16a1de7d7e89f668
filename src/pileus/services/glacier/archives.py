"""Archives: put in one piece, and deleted."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, names

from . import glacier
from .faults import invalid, missing, not_found
from .inventories import Archive, changed
from .storage import Intake, Stored, discard
from .vaults import Vault, vault

LARGEST = 4 * 1024**3
"""Of what is sent in one piece."""
ID = 138
"""How many characters an archive's id has."""


def check_description(text: str) -> str:
    if len(text) > 1024 or any(not 32 <= ord(sign) <= 126 for sign in text):
        raise invalid("Invalid archive description: up to 1,024 printable ASCII characters are allowed")
    return text


@glacier.operation(on=vault)
async def upload_archive(
    call: Call, found: Vault, archive_description: str = "", checksum: str = "", body: Any = None
) -> dict[str, str]:
    """Store an archive, if its tree hash is the one that its sender gives."""
    check_description(archive_description)
    if not checksum:
        raise missing("Required parameter missing: x-amz-sha256-tree-hash")
    async with Intake(call, LARGEST) as intake:
        tree_hash = await intake.take(body)
        if not intake.size:
            raise invalid("Invalid Content-Length: 0")
        check_hash(checksum, tree_hash)
        with call.transaction():
            current = still(call, found)
            archive = store(call, current, archive_description, tree_hash, [intake.adopt(call)])
    return located(call, found, archive)


def check_hash(given: str, computed: str) -> None:
    if given.lower() != computed:
        raise invalid(f"Checksum mismatch: expected {given} but computed {computed}")


def still(call: Call, found: Vault) -> Vault:
    """The vault as it is now, after something took its time."""
    current = Vault.get(call, found.name)
    if current is None or current.room != found.room:
        raise not_found(f"Vault not found for ARN: {found.arn(call)}")
    return current


def store(call: Call, vault: Vault, description: str, tree_hash: str, parts: list[Stored]) -> Archive:
    archive = Archive(
        account=call.account,
        room=vault.room,
        id=names.token(ID),
        created=call.now,
        description=description,
        size=sum(part.size for part in parts),
        tree_hash=tree_hash,
        parts=parts,
    ).put(call)
    changed(call, vault, 1)
    return archive


def located(call: Call, vault: Vault, archive: Archive) -> dict[str, str]:
    return {
        "location": f"/{call.account}/vaults/{vault.name}/archives/{archive.id}",
        "checksum": archive.tree_hash,
        "archiveId": archive.id,
    }


@glacier.operation(on=vault)
def delete_archive(call: Call, found: Vault, archive_id: str) -> None:
    """Delete an archive; one that is gone is no error, but what never was an id is."""
    if len(archive_id) != ID:
        raise not_found(f"The archive ID was not found: {archive_id}")
    archive = Archive.get(call, call.account, found.room, archive_id)
    if archive is None:
        return
    for part in archive.parts:
        discard(call, part)
    archive.delete(call)
    changed(call, found, -1)
