"""What the access decision asks of a vault: its access policy and its lock, which bind the account's root too."""

from __future__ import annotations

import json
from typing import Any

from pileus.kernel import Call
from pileus.kernel.access.target import Target

from . import glacier
from .inventories import Archive
from .vaults import Vault

DAY = 86400.0


@glacier.targets
def targets(call: Call, request: dict[str, Any]) -> list[Target] | None:
    """A vault with a policy or a lock; None where neither says anything."""
    account = glacier.owner_of(call, request) if glacier.owner_of else call.account
    at = call if account == call.account else call.at(account=account)
    vault = Vault.get(at, request.get("vaultName", ""))
    if vault is None or not (vault.policy or vault.lock):
        return None
    keys: dict[str, Any] = {f"glacier:resourcetag/{key}".lower(): (value,) for key, value in vault.tags.items()}
    archive = Archive.get(at, at.account, vault.room, request["archiveId"]) if "archiveId" in request else None
    if archive is not None:
        keys["glacier:archiveageindays"] = (str(int((call.now - archive.created) / DAY)),)
    return [Target(vault.arn(at), account, together(vault), tags=vault.tags, keys=keys)]


def together(vault: Vault) -> str:
    """The statements of both policies as one."""
    texts = [text for text in (vault.policy, vault.lock) if text]
    if len(texts) == 1:
        return texts[0]
    statements: list[Any] = []
    for text in texts:
        given = json.loads(text)["Statement"]
        statements += given if isinstance(given, list) else [given]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
