"""Vaults: create, find, list, delete; their notifications and tags."""

from __future__ import annotations

import re
from typing import Any

from pileus import durations
from pileus.kernel import Call, Record

from . import glacier
from .faults import fault, invalid, limit, missing, not_found

MOST_TAGS = 10
MOST_LISTED = 10
EVENTS = ("ArchiveRetrievalCompleted", "InventoryRetrievalCompleted")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,255}")


class Vault(Record, arn="vaults/{name}", cfn="AWS::Glacier::Vault", kw_only=True, omit_defaults=True):
    """A container for archives."""

    name: str
    room: str
    """What everything in the vault has for the first element of its key."""
    created: float
    inventoried: float = 0.0
    """When its contents were last counted, and what came of it."""
    count: int = 0
    size: int = 0
    changed: bool = False
    """Whether something was written since."""
    archives: int = 0
    """How many there really are."""
    policy: str = ""
    lock: str = ""
    lock_id: str = ""
    lock_created: float = 0.0
    locked: bool = False
    topic: str = ""
    events: list[str] = []
    tags: dict[str, str] = {}


def iso(moment: float) -> str:
    return durations.iso(moment)


def vault(call: Call, account_id: str, vault_name: str) -> Vault:
    """The vault of a request."""
    found = Vault.get(call, vault_name)
    if found is None:
        raise not_found(f"Vault not found for ARN: {call.arn(f'vaults/{vault_name}')}")
    return found


@glacier.operation
def create_vault(call: Call, account_id: str, vault_name: str) -> dict[str, str]:
    """Create a vault; one that is there is left as it is."""
    if not _NAME.fullmatch(vault_name):
        raise invalid(f"Invalid vault name: {vault_name}")
    if Vault.get(call, vault_name) is None:
        from pileus.kernel import names

        Vault(name=vault_name, room=names.token(8), created=call.now).put(call)
    return {"location": f"/{call.account}/vaults/{vault_name}"}


@glacier.operation(on=vault)
def describe_vault(call: Call, found: Vault) -> dict[str, Any]:
    """What is known of a vault: its contents as of the last inventory."""
    return described(call, found)


def described(call: Call, found: Vault) -> dict[str, Any]:
    told: dict[str, Any] = {
        "VaultARN": found.arn(call),
        "VaultName": found.name,
        "CreationDate": iso(found.created),
        "NumberOfArchives": found.count,
        "SizeInBytes": found.size,
    }
    return told | ({"LastInventoryDate": iso(found.inventoried)} if found.inventoried else {})


@glacier.operation
def list_vaults(call: Call, account_id: str, marker: str = "", limit: str = "") -> dict[str, Any]:
    """The account's vaults in this Region, in the order of their names."""
    page = Vault.page(call, limit=page_size(limit), token=marker, invalid=invalid(f"Invalid marker: {marker}"))
    return {"VaultList": [described(call, each) for each in page.items], "Marker": page.token}


def page_size(given: str) -> int:
    return limit(given, MOST_LISTED, MOST_LISTED)


@glacier.operation(on=vault)
def delete_vault(call: Call, found: Vault) -> None:
    """Delete a vault that was empty at its last inventory, and into which nothing was written since."""
    if found.count or found.archives or found.changed:
        raise invalid(f"Vault not empty or recently written to: {found.arn(call)}")
    from .jobs import Job
    from .uploads import abort_all

    abort_all(call, found)
    Job.delete_all(call, found.room)
    found.delete(call)


# Notifications


@glacier.operation(on=vault)
def set_vault_notifications(call: Call, found: Vault, vault_notification_config: dict[str, Any] = {}) -> None:
    """Say which topic is told of jobs that are done."""
    topic, events = vault_notification_config.get("SNSTopic", ""), vault_notification_config.get("Events", [])
    if not topic.startswith("arn:") or ":sns:" not in topic:
        raise invalid(f"Invalid SNS topic: {topic}")
    if not events or not set(events) <= set(EVENTS):
        raise invalid(f"Invalid events: {events}")
    found.topic, found.events = topic, list(dict.fromkeys(events))
    found.put(call)


@glacier.operation(on=vault)
def get_vault_notifications(call: Call, found: Vault) -> dict[str, Any]:
    """Which topic is told of what."""
    if not found.topic:
        raise not_found(f"No notification configuration is set for vault: {found.name}")
    return {"vaultNotificationConfig": {"SNSTopic": found.topic, "Events": found.events}}


@glacier.operation(on=vault)
def delete_vault_notifications(call: Call, found: Vault) -> None:
    """Tell nobody any more."""
    found.topic, found.events = "", []
    found.put(call)


# Tags


@glacier.operation(on=vault)
def add_tags_to_vault(call: Call, found: Vault, tags: dict[str, str] = {}) -> None:
    """Add tags, over those of the same keys; ten at most."""
    if not tags:
        raise missing("Required parameter missing: Tags")
    for key, value in tags.items():
        if not 1 <= len(key) <= 128 or len(value) > 256 or key.lower().startswith("aws:"):
            raise invalid(f"Invalid tag: {key}")
    found.tags = found.tags | tags
    if len(found.tags) > MOST_TAGS:
        raise fault("LimitExceededException", f"The maximum number of tags for a vault is {MOST_TAGS}")
    found.put(call)


@glacier.operation(on=vault)
def remove_tags_from_vault(call: Call, found: Vault, tag_keys: list[str] = []) -> None:
    """Remove tags."""
    found.tags = {key: value for key, value in found.tags.items() if key not in tag_keys}
    found.put(call)


@glacier.operation(on=vault)
def list_tags_for_vault(call: Call, found: Vault) -> dict[str, Any]:
    """The tags."""
    return {"Tags": found.tags}
