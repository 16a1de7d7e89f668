"""Deleting secrets: they can be restored for 7 to 30 days, unless they are deleted by force."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault

from . import faults, secretsmanager
from .secrets import DAY, Secret, found
from .versions import Version

SHORTEST, LONGEST = 7, 30


def perhaps(call: Call, secret_id: str) -> Secret | str:
    """The secret, or what a request called one that is not there."""
    try:
        return found(call, secret_id)
    except Fault:
        return secret_id


@secretsmanager.operation(on=perhaps)
def delete_secret(
    call: Call,
    secret: Secret | str,
    recovery_window_in_days: int | None = None,
    force_delete_without_recovery: bool = False,
) -> dict[str, Any]:
    """Delete a secret, after a while or at once. By force, one that is not there is no error."""
    if force_delete_without_recovery and recovery_window_in_days is not None:
        raise faults.parameter("You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
    days = LONGEST if recovery_window_in_days is None else recovery_window_in_days
    if not SHORTEST <= days <= LONGEST:
        raise faults.parameter(
            f"The RecoveryWindowInDays value must be between {SHORTEST} and {LONGEST} days (inclusive)."
        )
    if isinstance(secret, str):
        if not force_delete_without_recovery:
            raise faults.no_secret()
        return {"Name": secret, "DeletionDate": call.now}
    if secret.replica(call) and not secret.source:
        raise faults.replica()
    if any(one["ReplicationStatus"] != "Detached" for one in secret.followers):
        raise faults.request(f"You can't delete secret {secret.name} that still has cross-account replicas.")
    if secret.replicas:
        regions = ", ".join(replica["Region"] for replica in secret.replicas)
        raise faults.request(f"You can't delete secret {secret.name} that still has replica regions [{regions}]")
    if force_delete_without_recovery:
        end(call, secret)
        return secret.named(call) | {"DeletionDate": call.now}
    if secret.deleted is not None:
        raise faults.request("You tried to perform the operation on a secret that's currently marked deleted.")
    secret.deleted = call.now
    secret.ends = call.now + days * DAY
    secret.put(call)
    remove.later(call, due=secret.ends, name=secret.name)
    return secret.named(call) | {"DeletionDate": secret.ends}


@secretsmanager.operation(on=found)
def restore_secret(call: Call, secret: Secret) -> dict[str, Any]:
    """Keep a secret after all."""
    from .rotation import await_rotation

    secret.deleted = secret.ends = None
    secret.put(call)
    if secret.rotating:
        await_rotation(call, secret)
    return secret.named(call)


@secretsmanager.task
def remove(call: Call, name: str) -> None:
    """The time for restoring a secret is over."""
    secret = Secret.get(call, name)
    if secret and secret.ends is not None and secret.ends <= call.now:
        end(call, secret)


def end(call: Call, secret: Secret) -> None:
    Version.delete_all(call, secret.name)
    secret.delete(call)
