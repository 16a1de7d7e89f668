"""How accounts come into an organization, and out of it."""

from __future__ import annotations

from pileus.kernel import Call, Fault, roles
from pileus.kernel.identity import Principal, service

from .addresses import email_of
from .announcing import PRINCIPAL, announce, shown
from .attachments import attach_full, detach_all
from .control import forget, tell
from .nodes import Member
from .organization import Organization

MOST_ACCOUNTS = 10_000
LINKED_ROLE = "AWSServiceRoleForOrganizations"


def join(
    call: Call,
    found: Organization,
    account: str,
    method: str,
    name: str = "",
    tags: dict[str, str] = {},
) -> Member:
    """An account becomes a member, below the root. The call looks at the management account."""
    found.one_more(
        call,
        "ACCOUNTS",
        MOST_ACCOUNTS,
        "ACCOUNT_NUMBER_LIMIT_EXCEEDED",
        "You have exceeded the allowed number of Amazon Web Services accounts.",
    )
    member = Member(
        id=account,
        parent=found.root,
        name=name or f"Account {account}",
        email=email_of(call, account),
        method=method,
        joined=call.now,
        tags=tags,
    ).put(call)
    attach_full(call, found, account)
    tell(call, found, member)
    if account != found.management:
        announce(call, "AccountJoinedOrganization", accountId=account, joinedMethod=method, joinedTime=shown(call.now))
    return member


def depart(call: Call, found: Organization, member: Member, method: str) -> None:
    """An account is a member no longer. The call looks at the management account."""
    detach_all(call, member.id)
    member.delete(call)
    forget(call, member.id)
    found.one_less(call, "ACCOUNTS")
    left = {"accountId": member.id, "departureMethod": method, "departureTime": shown(call.now)}
    announce(call, "AccountDepartedOrganization", **left)


def link(call: Call, principal: Principal | None = None) -> None:
    """Make the role by which Organizations acts in the account, as somebody who may, or as the cloud itself."""
    try:
        roles.link(call, PRINCIPAL, LINKED_ROLE, principal or service("pileus.amazonaws.com"))
    except Fault as fault:
        if fault.code != "AccessDenied":
            raise
        raise Fault(
            "AccessDeniedForDependencyException",
            "The request failed because your credentials do not have permission to create the service-linked role "
            "required by AWS Organizations.",
            Reason="ACCESS_DENIED_DURING_CREATE_SERVICE_LINKED_ROLE",
        ) from None
