"""Inviting accounts, and accepting what an organization asks."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault
from pileus.kernel.access.attached import Membership

from . import all_features, organizations
from .accounts import remove
from .addresses import account_with
from .faults import handshake_constraint, invalid_input
from .handshakes import TRANSFER, Handshake, ask, check_pending, handshake_named, over, pending
from .membership import join, link
from .nodes import Member
from .organization import organization
from .tags import given
from .transfers import check_acceptable


@organizations.operation
def invite_account_to_organization(
    call: Call, target: dict[str, str], notes: str = "", tags: list[dict[str, str]] = []
) -> dict[str, Any]:
    """Ask an account, by its number or its owner's address, to join the organization."""
    found = organization(call)
    kind, name = target["Type"], target["Id"]
    if kind not in ("ACCOUNT", "EMAIL"):
        raise invalid_input("INVALID_PARTY_TYPE_TARGET", "You specified the wrong type of entity as a party.")
    if kind == "ACCOUNT" and not (len(name) == 12 and name.isdigit()):
        raise invalid_input("INVALID_PATTERN_TARGET_ID", "You specified a policy target ID with the wrong pattern.")
    if kind == "EMAIL" and "@" not in name:
        raise invalid_input("INVALID_EMAIL_ADDRESS_TARGET", "You specified an invalid email address.")
    account = name if kind == "ACCOUNT" else account_with(call, name)
    if account and Member.get(call, account):
        raise handshake_constraint(
            "ALREADY_IN_AN_ORGANIZATION", "The provided account is already a member of an organization."
        )
    if account and pending(call, found, "INVITE", account):
        raise Fault(
            "DuplicateHandshakeException", "There is already an invitation to the account that waits for an answer."
        )
    if pending(call, found, "ENABLE_ALL_FEATURES"):
        raise handshake_constraint(
            "INVITE_DISABLED_DURING_ENABLE_ALL_FEATURES",
            "You can't issue new invitations to join an organization while it's in the process of enabling all "
            "features.",
        )
    more = [{"Type": kind, "Value": name}, *([{"Type": "NOTES", "Value": notes}] if notes else [])]
    handshake = ask(call, found, "INVITE", account, party={"Id": name, "Type": kind}, more=more, tags=given(tags))
    return {"Handshake": handshake.shown(call)}


@organizations.operation(on=handshake_named)
def accept_handshake(call: Call, handshake: Handshake) -> dict[str, Any]:
    """Answer yes, with all that follows from it."""
    if call.account != handshake.account:
        raise Fault("AccessDeniedException", "Only the recipient of a handshake can accept it.")
    check_pending(handshake, "ACCEPTED")
    if handshake.action == "INVITE":
        enter(call, handshake)
    elif handshake.action == TRANSFER:
        check_acceptable(call, handshake)
    elif handshake.action == "APPROVE_ALL_FEATURES":
        link(call, call.principal)
    elif handshake.state != "OPEN":
        raise Fault("InvalidHandshakeTransitionException", "Not all member accounts have approved the change yet.")
    over(call, handshake, "ACCEPTED")
    at_home = call.at(account=handshake.management)
    if handshake.action == "APPROVE_ALL_FEATURES":
        all_features.approved(at_home, handshake)
    elif handshake.action == "ENABLE_ALL_FEATURES":
        all_features.finish(at_home)
    return {"Handshake": handshake.shown(call)}


def enter(call: Call, handshake: Handshake) -> None:
    """Become a member; an account that is one elsewhere leaves that organization, unless it manages it."""
    at_home = call.at(account=handshake.management)
    found = organization(at_home)
    if earlier := Membership.get(call, call.account):
        if earlier.management:
            raise handshake_constraint(
                "ALREADY_IN_AN_ORGANIZATION", "The provided account is the management account of an organization."
            )
        before = call.at(account=earlier.management_account)
        member = Member.get(before, call.account)
        assert member is not None
        remove(before, organization(before), member)
    if found.all_features:
        link(call, call.principal)
    join(at_home, found, call.account, "INVITED", tags=handshake.tags)
