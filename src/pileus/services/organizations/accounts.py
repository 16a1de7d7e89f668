"""Accounts of an organization: where they are in its tree, and how they leave it."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault

from . import organizations
from .control import tell
from .delegation import refuse_delegate
from .faults import invalid_input, no_account
from .membership import depart
from .nodes import (
    ACCOUNT,
    ROOT,
    UNIT,
    Member,
    Root,
    Unit,
    ancestry,
    arn_of,
    kind_of,
    node,
    parent_named,
    path_of,
)
from .organization import INVALID_TOKEN, PAGE, Organization, home, organization, page


def member_named(call: Call, account_id: str) -> Member:
    """The account of that number."""
    organization(call)
    if member := Member.get(call, account_id):
        return member
    raise no_account()


@organizations.operation(on=member_named)
def describe_account(call: Call, member: Member) -> dict[str, Any]:
    return {"Account": shown(call, organization(call), member)}


@organizations.operation
def list_accounts(call: Call, next_token: str = "", max_results: int = PAGE) -> dict[str, Any]:
    """All accounts, wherever they are in the tree."""
    found = organization(call)
    accounts = Member.page(call, limit=max_results, token=next_token, invalid=INVALID_TOKEN)
    return {"Accounts": [shown(call, found, member) for member in accounts.items], "NextToken": accounts.token}


@organizations.operation
def list_accounts_for_parent(
    call: Call, parent_id: str, next_token: str = "", max_results: int = PAGE
) -> dict[str, Any]:
    """The accounts that are in a root or unit itself, and not in the units below."""
    found = organization(call)
    parent_named(call, found, parent_id)
    accounts = Member.page(
        call, parent_id, index="by_parent", limit=max_results, token=next_token, invalid=INVALID_TOKEN
    )
    return {"Accounts": [shown(call, found, member) for member in accounts.items], "NextToken": accounts.token}


@organizations.operation
def list_parents(call: Call, child_id: str, next_token: str = "", max_results: int = PAGE) -> dict[str, Any]:
    """The root or unit that a unit or account is in: today there is one."""
    found = organization(call)
    missing = Fault("ChildNotFoundException", "You specified a child that doesn't exist.")
    child = node(call, found, child_id, missing)
    if isinstance(child, Root):
        raise missing
    parent = {"Id": child.parent, "Type": ROOT if child.parent == found.root else UNIT}
    return page(call, "Parents", [parent], next_token, max_results)


@organizations.operation
def list_children(
    call: Call, parent_id: str, child_type: str, next_token: str = "", max_results: int = PAGE
) -> dict[str, Any]:
    """The accounts, or the units, in a root or unit itself."""
    found = organization(call)
    parent_named(call, found, parent_id)
    record: type[Member] | type[Unit] = Member if child_type == ACCOUNT else Unit
    children = record.page(
        call, parent_id, index="by_parent", limit=max_results, token=next_token, invalid=INVALID_TOKEN
    )
    return {
        "Children": [{"Id": child.id, "Type": child_type} for child in children.items],
        "NextToken": children.token,
    }


@organizations.operation(on=member_named)
def move_account(call: Call, member: Member, source_parent_id: str, destination_parent_id: str) -> None:
    """Put an account into another unit, whose policies then hold for it."""
    found = organization(call)
    parent_named(call, found, source_parent_id, "SourceParentNotFoundException")
    if kind_of(destination_parent_id) == ROOT and destination_parent_id != found.root:
        raise invalid_input(
            "MOVING_ACCOUNT_BETWEEN_DIFFERENT_ROOTS", "You can move an account only between entities in one root."
        )
    parent_named(call, found, destination_parent_id, "DestinationParentNotFoundException")
    if member.parent == destination_parent_id:
        raise Fault("DuplicateAccountException", "That account is already present in the specified destination.")
    if member.parent != source_parent_id:
        raise Fault("AccountNotFoundException", "The account is not in the specified source parent.")
    member.parent = destination_parent_id
    member.put(call)
    tell(call, found, member)


@organizations.operation(on=member_named)
def remove_account_from_organization(call: Call, member: Member) -> None:
    """Make an account stand alone."""
    remove(call, organization(call), member)


@organizations.operation
def leave_organization(call: Call) -> None:
    """Have the calling account stand alone."""
    at_home = home(call)
    member = Member.get(at_home, call.account)
    assert member is not None, "an account with a place in an organization is in its list"
    remove(at_home, organization(at_home), member)


def remove(call: Call, found: Organization, member: Member) -> None:
    if member.id == found.management:
        raise Fault(
            "MasterCannotLeaveOrganizationException",
            "You can't remove a management account from an organization.",
        )
    refuse_delegate(call, member.id)
    depart(call, found, member, "LEFT" if call.principal.account == member.id else "REMOVED")


def shown(call: Call, found: Organization, member: Member) -> dict[str, Any]:
    return {
        "Id": member.id,
        "Arn": arn_of(call, found, member.id),
        "Email": member.email,
        "Name": member.name,
        "Status": member.status,
        "State": member.state,
        "Paths": [path_of(found, ancestry(call, found, member.id))],
        "JoinedMethod": member.method,
        "JoinedTimestamp": member.joined,
    }
