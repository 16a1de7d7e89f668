"""Vault locks: a policy that is tried for a day, and then never changes again ("Locking a Vault", Developer Guide)."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, names

from . import glacier
from .faults import invalid, not_found
from .policies import checked
from .vaults import Vault, iso, vault

TRIAL = 24 * 3600.0


@glacier.operation(on=vault)
def initiate_vault_lock(call: Call, found: Vault, policy: dict[str, str] = {}) -> dict[str, str]:
    """Put the lock's policy in force for a day, in which it can be completed or aborted."""
    if found.lock:
        state = "locked" if found.locked else "in the process of being locked"
        raise invalid(f"Vault is {state}: {found.arn(call)}")
    found.lock, found.lock_id, found.lock_created = checked(call, found, policy), names.token(32), call.now
    found.put(call)
    expire.later(call, name=found.name, lock=found.lock_id, delay=TRIAL)
    return {"lockId": found.lock_id}


@glacier.task
def expire(call: Call, name: str, lock: str) -> None:
    """A day has passed: a lock that was not completed is gone."""
    found = Vault.get(call, name)
    if found is not None and found.lock_id == lock and not found.locked:
        unlock(call, found)


def unlock(call: Call, found: Vault) -> None:
    found.lock, found.lock_id = "", ""
    found.put(call)


@glacier.operation(on=vault)
def complete_vault_lock(call: Call, found: Vault, lock_id: str) -> None:
    """Lock the vault for good; it is no error to do so twice."""
    if not found.lock:
        raise not_found(f"No vault lock is in progress for: {found.arn(call)}")
    if found.lock_id != lock_id:
        raise invalid(f"Invalid lock id: {lock_id}")
    found.locked = True
    found.put(call)


@glacier.operation(on=vault)
def abort_vault_lock(call: Call, found: Vault) -> None:
    """Take back a lock that is not completed; where there is none nothing happens."""
    if found.locked:
        raise invalid(f"Vault is locked: {found.arn(call)}")
    if found.lock:
        unlock(call, found)


@glacier.operation(on=vault)
def get_vault_lock(call: Call, found: Vault) -> dict[str, Any]:
    """The lock's policy and its state."""
    if not found.lock:
        raise not_found(f"No vault lock policy is set for: {found.arn(call)}")
    told = {
        "Policy": found.lock,
        "State": "Locked" if found.locked else "InProgress",
        "CreationDate": iso(found.lock_created),
    }
    return told if found.locked else told | {"ExpirationDate": iso(found.lock_created + TRIAL)}
