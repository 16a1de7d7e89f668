"""The later life of authorities: disabled and enabled, changed, deleted for a while, restored, expired."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call

from . import acm_pca, faults
from .authorities import (
    ACTIVE,
    CREATING,
    DELETED,
    DISABLED,
    EXPIRED,
    PENDING,
    Authority,
    living,
    named,
    tell,
)
from .issuing import Issued
from .lists import publish_soon
from .policies import unshare
from .reports import Report
from .revocation import check_configuration, completed
from .revoking import Revoked

DAY = 86400.0


@acm_pca.operation(on=living)
def update_certificate_authority(
    call: Call, authority: Authority, revocation_configuration: dict[str, Any] | None = None, status: str = ""
) -> None:
    """Enable or disable an authority, or revoke otherwise."""
    authority.check(ACTIVE, DISABLED)
    if status and status not in (ACTIVE, DISABLED):
        raise faults.arguments("The status can only be changed to ACTIVE or DISABLED.")
    if revocation_configuration is not None:
        check_configuration(call, revocation_configuration)
        authority.revocation = authority.revocation | completed(revocation_configuration)
        publish_soon(call, authority)
    if status and status != authority.status:
        authority.turn(call, status)
    authority.put(call)


@acm_pca.operation(on=named)
def delete_certificate_authority(call: Call, authority: Authority, permanent_deletion_time_in_days: int = 30) -> None:
    """Delete an authority that is disabled or was never in use; it can be restored for 7 to 30 days."""
    authority.check(CREATING, PENDING, DISABLED, EXPIRED)
    authority.before = authority.status
    authority.restorable = call.now + permanent_deletion_time_in_days * DAY
    authority.turn(call, DELETED)
    authority.put(call)
    remove.later(call, due=authority.restorable, authority=authority.id)
    tell.later(call, kind="ACM Private CA Deletion", resources=[authority.arn(call)], detail={"result": "success"})


@acm_pca.operation(on=named)
def restore_certificate_authority(call: Call, authority: Authority) -> None:
    """Undo a deletion."""
    from .authorities import equip

    authority.check(DELETED)
    authority.restorable = None
    authority.turn(call, authority.before)
    if authority.not_after and authority.not_after <= call.now:
        authority.turn(call, EXPIRED)
    authority.put(call)
    if authority.status == CREATING:
        equip.later(call, authority=authority.id)


@acm_pca.task
def remove(call: Call, authority: str) -> None:
    """The time for restoring is over: the authority goes, with all that it has issued."""
    found = Authority.get(call, authority)
    if found is None or found.status != DELETED or found.restorable is None or found.restorable > call.now:
        return
    for issued in list(Issued.scan(call, authority)):
        issued.delete(call)
    Revoked.delete_all(call, authority)
    Report.delete_all(call, authority)
    unshare(call, found)
    found.delete(call)


@acm_pca.task
def expire(call: Call, authority: str) -> None:
    """The authority's certificate has had its time, unless it was replaced."""
    found = Authority.get(call, authority)
    if found is None or found.not_after is None or found.not_after > call.now:
        return
    if found.status in (ACTIVE, DISABLED):
        found.turn(call, EXPIRED)
        found.put(call)
