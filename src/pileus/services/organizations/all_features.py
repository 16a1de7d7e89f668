"""From consolidated billing to all features: every invited account must agree, and the management account last."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call

from . import organizations
from .faults import handshake_constraint
from .handshakes import PENDING, Handshake, ask, children, pending
from .membership import link
from .nodes import Member
from .organization import organization


@organizations.operation
def enable_all_features(call: Call) -> dict[str, Any]:
    """Ask every invited account to agree that policies may limit it; those that were created need not be asked."""
    found = organization(call)
    if found.all_features:
        raise handshake_constraint(
            "ORGANIZATION_ALREADY_HAS_ALL_FEATURES", "The organization has all features enabled already."
        )
    if pending(call, found, "ENABLE_ALL_FEATURES"):
        raise handshake_constraint(
            "ORGANIZATION_IS_ALREADY_PENDING_ALL_FEATURES_MIGRATION",
            "The organization already has a pending request to enable all features.",
        )
    invited = [
        member
        for member in Member.scan(call)
        if member.method == "INVITED" and member.id != found.management and member.state == "ACTIVE"
    ]
    state = "REQUESTED" if invited else "OPEN"
    handshake = ask(call, found, "ENABLE_ALL_FEATURES", found.management, state=state)
    for member in invited:
        ask(
            call,
            found,
            "APPROVE_ALL_FEATURES",
            member.id,
            party={"Id": member.id, "Type": "ACCOUNT"},
            more=[{"Type": "PARENT_HANDSHAKE", "Value": handshake.id}],
            parent=handshake.id,
        )
    return {"Handshake": handshake.shown(call)}


def approved(call: Call, approval: Handshake) -> None:
    """An account agrees; after the last one it is the management account's turn."""
    parent = Handshake.get(call, approval.parent)
    if parent is None or parent.state != "REQUESTED":
        return
    if not any(one.state in PENDING for one in children(call, parent)):
        parent.state = "OPEN"
        parent.put(call)


def finish(call: Call) -> None:
    """All agree: from now on the organization has all features."""
    found = organization(call)
    found.features = "ALL"
    found.put(call)
    for member in Member.scan(call):
        link(call.at(account=member.id))
