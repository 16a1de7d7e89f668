"""Closing accounts: nobody may do anything in them any more, and after 90 days they are gone."""

from __future__ import annotations

from pileus.kernel import Call, Fault
from pileus.kernel.identity import service

from . import organizations
from .accounts import member_named
from .announcing import announce, shown
from .control import tell
from .delegation import refuse_delegate
from .faults import constraint, not_all_features
from .membership import depart
from .nodes import Member
from .organization import Organization, organization

DAY = 86400.0
GRACE = 90 * DAY
WINDOW = 30 * DAY


@organizations.operation(on=member_named)
def close_account(call: Call, member: Member) -> None:
    """Begin to close an account."""
    found = organization(call)
    if not found.all_features:
        raise not_all_features()
    if member.id == found.management:
        raise constraint("CANNOT_CLOSE_MANAGEMENT_ACCOUNT", "You can't close the management account.")
    if member.state == "PENDING_CLOSURE":
        raise Fault("ConflictException", "The account is already being closed.")
    if member.state == "CLOSED":
        raise Fault("AccountAlreadyClosedException", "You attempted to close an account that is already closed.")
    refuse_delegate(call, member.id)
    count_closure(call, found)
    member.state, member.closed = "PENDING_CLOSURE", call.now
    member.put(call)
    tell(call, found, member)
    close.later(call.at(principal=service("organizations.amazonaws.com")), account=member.id, delay=1)


def count_closure(call: Call, found: Organization) -> None:
    """Refuse more closures in 30 days than 250 or a fifth of the accounts, or 1,000 (API reference, CloseAccount)."""
    most = min(1000, max(250, found.counts.get("ACCOUNTS", 0) // 5))
    recent = [closure for closure in found.closures if closure > call.now - WINDOW]
    if len(recent) >= most:
        raise constraint("CLOSE_ACCOUNT_QUOTA_EXCEEDED", "You have exceeded close account quota for the past 30 days.")
    found.closures = [*recent, call.now]
    found.put(call)


@organizations.task
def close(call: Call, account: str) -> None:
    """From now on the account is closed, and remembered for 90 days."""
    member = Member.get(call, account)
    if member is None or member.state != "PENDING_CLOSURE":
        return
    member.state = "CLOSED"
    member.put(call)
    tell(call, organization(call), member)
    closed = {"accountId": account, "state": "SUCCEEDED", "requestedTimestamp": shown(member.closed)}
    announce(call, "CloseAccountResult", closeAccountStatus=closed | {"completedTimestamp": shown(call.now)})
    end.later(call, account=account, delay=GRACE)


@organizations.task
def end(call: Call, account: str) -> None:
    """The account is no member any more."""
    member = Member.get(call, account)
    if member is not None and member.state == "CLOSED":
        depart(call, organization(call), member, "CLOSED")
