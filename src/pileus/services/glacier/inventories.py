"""What is in a vault, as Glacier knows it: counted about once a day, if something has changed."""

from __future__ import annotations

from pileus.kernel import Call, Record

from . import glacier
from .storage import Stored, discard
from .vaults import Vault

EVERY = 86400.0


class Archive(Record, scope="cloud", key=("account", "room", "id"), kw_only=True):
    """An archive. It never changes."""

    account: str
    room: str
    id: str
    created: float
    description: str
    size: int
    tree_hash: str
    parts: list[Stored]


@glacier.forget
def forget(call: Call) -> None:
    """Remove what is in the vaults of the account that the call looks at; these go by themselves."""
    from .uploads import Part

    for archive in Archive.scan(call, call.account):
        for stored in archive.parts:
            discard(call, stored)
    for part in Part.scan(call, call.account):
        discard(call, part.stored)
    Archive.delete_all(call, call.account)
    Part.delete_all(call, call.account)


def changed(call: Call, vault: Vault, archives: int) -> None:
    """Note that something was written to a vault, and have it counted."""
    vault.archives += archives
    if not vault.changed:
        vault.changed = True
        count.later(call, name=vault.name, room=vault.room, due=max(vault.inventoried + EVERY, call.now + EVERY / 2))
    vault.put(call)


@glacier.task
def count(call: Call, name: str, room: str) -> None:
    """Take the inventory of a vault."""
    vault = Vault.get(call, name)
    if vault is None or vault.room != room:
        return
    vault.count, vault.size = 0, 0
    for archive in Archive.scan(call, call.account, room):
        vault.count += 1
        vault.size += archive.size
    vault.inventoried, vault.changed = call.now, False
    vault.put(call)
