"""Founding an organization, and dissolving it."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, names
from pileus.kernel.access.attached import Membership

from . import organizations
from .attachments import detach_all
from .handshakes import cancel_all
from .membership import depart, join, link
from .nodes import Member, Unit
from .organization import Organization, organization
from .policies import Policy
from .resource_policy import ResourcePolicy


@organizations.operation
def create_organization(call: Call, feature_set: str = "ALL") -> dict[str, Any]:
    """A new organization, whose management account is the caller's."""
    if Membership.get(call, call.account):
        raise Fault("AlreadyInOrganizationException", "The AWS account is already a member of an organization.")
    if feature_set == "ALL":
        link(call, call.principal)
    found = Organization(
        id="o-" + names.token(10, names.LOWER),
        management=call.account,
        features=feature_set,
        root="r-" + names.token(4, names.LOWER),
    )
    join(call, found, call.account, "INVITED")
    return {"Organization": found.shown(call)}


@organizations.operation
def delete_organization(call: Call) -> None:
    """Dissolve an organization that has no accounts but the management account, and no units and policies."""
    found = organization(call)
    if any(member.id != call.account for member in Member.scan(call, limit=2)):
        raise not_empty("remove all member accounts (except the master)")
    if Unit.first(call):
        raise not_empty("delete all organizational units")
    if Policy.first(call):
        raise not_empty("delete all policies")
    detach_all(call, found.root)
    ResourcePolicy.delete_all(call)
    cancel_all(call, found)
    member = Member.get(call, call.account)
    assert member is not None
    depart(call, found, member, "LEFT")
    found.delete(call)


def not_empty(what: str) -> Fault:
    return Fault("OrganizationNotEmptyException", f"To delete an organization you must first {what}.")
