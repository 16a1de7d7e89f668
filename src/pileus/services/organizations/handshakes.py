"""Handshakes: what one account asks of another, and what that answers, within 15 days or never.

Handshakes that are over can be looked at for 30 days more.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, names
from pileus.kernel.identity import service
from pileus.kernel.record import Record

from . import organizations
from .addresses import email_of
from .faults import invalid_input
from .organization import INVALID_TOKEN, PAGE, Organization, organization

DAY = 86400.0
LASTS = {"INVITE": 15 * DAY}
LASTS_ELSE = 90 * DAY
"""Organizations User Guide, "Enabling all features for an organization": the accounts have 90 days."""
KEPT = 30 * DAY
PENDING = ("OPEN", "REQUESTED")
TRANSFER = "TRANSFER_RESPONSIBILITY"


class Handshake(
    Record,
    scope="cloud",
    indexes={"by_organization": ("organization", "requested"), "by_account": ("account", "requested")},
):
    """A question to an account."""

    id: str
    """`h-…`"""
    organization: str
    management: str
    account: str
    """Who is to answer; empty where an invitation went to an address that nobody has."""
    action: str
    requested: float
    expires: float
    state: str
    parties: list[dict[str, str]]
    resources: list[dict[str, Any]]
    parent: str = ""
    tags: dict[str, str] = {}

    def shown(self, call: Call) -> dict[str, Any]:
        place = f"{self.organization}/{self.action.lower()}/{self.id}"
        return {
            "Id": self.id,
            "Arn": f"arn:{call.partition}:organizations::{self.management}:handshake/{place}",
            "Parties": self.parties,
            "State": self.state,
            "RequestedTimestamp": self.requested,
            "ExpirationTimestamp": self.expires,
            "Action": self.action,
            "Resources": self.resources,
        }


def ask(
    call: Call,
    found: Organization,
    action: str,
    account: str,
    *,
    party: dict[str, str] | None = None,
    state: str = "OPEN",
    more: list[dict[str, Any]] = [],
    parent: str = "",
    tags: dict[str, str] = {},
) -> Handshake:
    """Ask an account something; the question lapses in time."""
    handshake = Handshake(
        id="h-" + names.token(20, names.LOWER),
        organization=found.id,
        management=found.management,
        account=account,
        action=action,
        requested=call.now,
        expires=call.now + LASTS.get(action, LASTS_ELSE),
        state=state,
        parties=[{"Id": found.id, "Type": "ORGANIZATION"}, *([party] if party else [])],
        resources=[about(call, found), *more],
        parent=parent,
        tags=tags,
    ).put(call)
    lapse.later(
        call.at(principal=service("organizations.amazonaws.com")), handshake=handshake.id, due=handshake.expires
    )
    return handshake


def about(call: Call, found: Organization) -> dict[str, Any]:
    """What a handshake tells of the organization."""
    told = {
        "MASTER_EMAIL": email_of(call, found.management),
        "MASTER_NAME": f"Account {found.management}",
        "ORGANIZATION_FEATURE_SET": found.features,
    }
    return {
        "Type": "ORGANIZATION",
        "Value": found.id,
        "Resources": [{"Type": kind, "Value": value} for kind, value in told.items()],
    }


@organizations.task
def lapse(call: Call, handshake: str) -> None:
    """Nobody has answered in time."""
    found = Handshake.get(call, handshake)
    if found is not None and found.state in PENDING:
        over(call, found, "EXPIRED")


@organizations.task
def forget(call: Call, handshake: str) -> None:
    if found := Handshake.get(call, handshake):
        found.delete(call)


def over(call: Call, handshake: Handshake, state: str) -> None:
    """A handshake has come to its end."""
    handshake.state = state
    handshake.put(call)
    if handshake.action == TRANSFER:
        from .transfers import answered

        answered(call, handshake, state)
    forget.later(call.at(principal=service("organizations.amazonaws.com")), handshake=handshake.id, delay=KEPT)


def handshake_named(call: Call, handshake_id: str) -> Handshake:
    """A handshake that concerns the account of the call: asked or to be answered by it."""
    found = Handshake.get(call, handshake_id)
    if found is None or call.account not in (found.account, found.management):
        raise Fault("HandshakeNotFoundException", "You specified a handshake that doesn't exist.")
    return found


def check_pending(handshake: Handshake, wanted: str) -> None:
    """Refuse an answer to what is over."""
    if handshake.state == wanted:
        raise Fault("HandshakeAlreadyInStateException", "The specified handshake is already in the requested state.")
    if handshake.state not in PENDING:
        raise Fault(
            "InvalidHandshakeTransitionException", "You can't perform the operation on the handshake in its state."
        )


@organizations.operation(on=handshake_named)
def describe_handshake(call: Call, handshake: Handshake) -> dict[str, Any]:
    return {"Handshake": handshake.shown(call)}


@organizations.operation(on=handshake_named)
def decline_handshake(call: Call, handshake: Handshake) -> dict[str, Any]:
    """Answer no."""
    if call.account != handshake.account or handshake.action == "ENABLE_ALL_FEATURES":
        raise Fault("AccessDeniedException", "Only the recipient of a handshake can decline it.")
    check_pending(handshake, "DECLINED")
    over(call, handshake, "DECLINED")
    if handshake.parent and (parent := Handshake.get(call, handshake.parent)) and parent.state in PENDING:
        over(call, parent, "CANCELED")
    return {"Handshake": handshake.shown(call)}


@organizations.operation(on=handshake_named)
def cancel_handshake(call: Call, handshake: Handshake) -> dict[str, Any]:
    """Take a question back, and what was asked for its sake."""
    if call.account != handshake.management:
        raise Fault("AccessDeniedException", "Only the sender of a handshake can cancel it.")
    check_pending(handshake, "CANCELED")
    over(call, handshake, "CANCELED")
    for child in children(call, handshake):
        if child.state in PENDING:
            over(call, child, "CANCELED")
    return {"Handshake": handshake.shown(call)}


@organizations.operation
def list_handshakes_for_account(
    call: Call,
    filter: dict[str, str] = {},  # noqa: A002
    next_token: str = "",
    max_results: int = PAGE,
) -> dict[str, Any]:
    """What the calling account was asked."""
    return listed(call, "by_account", call.account, filter, next_token, max_results)


@organizations.operation
def list_handshakes_for_organization(
    call: Call,
    filter: dict[str, str] = {},  # noqa: A002
    next_token: str = "",
    max_results: int = PAGE,
) -> dict[str, Any]:
    """What the organization has asked."""
    return listed(call, "by_organization", organization(call).id, filter, next_token, max_results)


def listed(call: Call, index: str, whose: str, wanted: dict[str, str], token: str, most: int) -> dict[str, Any]:
    if len(wanted) > 1:
        raise invalid_input("MAX_LIMIT_EXCEEDED_FILTER", "You can specify only one filter parameter.")
    action, parent = wanted.get("ActionType"), wanted.get("ParentHandshakeId")
    page = Handshake.page(
        call,
        whose,
        index=index,
        limit=most,
        token=token,
        where=lambda one: action in (None, one.action) and parent in (None, one.parent),
        invalid=INVALID_TOKEN,
    )
    return {"Handshakes": [handshake.shown(call) for handshake in page.items], "NextToken": page.token}


def children(call: Call, handshake: Handshake) -> list[Handshake]:
    """What was asked for the sake of another question."""
    asked = Handshake.scan(call, handshake.organization, index="by_organization")
    return [one for one in asked if one.parent == handshake.id]


def pending(call: Call, found: Organization, action: str, account: str | None = None) -> Handshake | None:
    """A question of the organization that waits for an answer."""
    for one in Handshake.scan(call, found.id, index="by_organization"):
        if one.action == action and one.state in PENDING and account in (None, one.account):
            return one
    return None


def cancel_all(call: Call, found: Organization) -> None:
    """Take back everything that the organization has asked."""
    for one in list(Handshake.scan(call, found.id, index="by_organization")):
        if one.state in PENDING:
            over(call, one, "CANCELED")
