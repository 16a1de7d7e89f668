"""Managed policies on users, groups and roles: attached policies, and permissions boundaries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pileus.kernel import Call

from . import iam
from .boundaries import bind, release
from .faults import missing
from .groups import Group, group_named
from .identities import Identity
from .lists import MOST, answer, entries, piece
from .policies import USAGES, Managed, Use, attachable, managed_by_arn, managed_named
from .quotas import ATTACHED_POLICIES, exceeded
from .roles import Role, own_role, role_named
from .users import User, user_named

Find = Callable[..., Identity]
KINDS: dict[str, type[User] | type[Group] | type[Role]] = {"user": User, "group": Group, "role": Role}


def attach(call: Call, identity: Identity, policy_arn: str) -> None:
    """Attach a policy; one that is attached already stays so."""
    attachable(call, policy_arn)
    if policy_arn in identity.attached:
        return
    if len(identity.attached) >= ATTACHED_POLICIES:
        raise exceeded(f"PoliciesPer{identity.kind.capitalize()}", ATTACHED_POLICIES)
    identity.attached = [*identity.attached, policy_arn]
    identity.put(call)
    Use(policy_arn, "PermissionsPolicy", identity.kind, identity.id).put(call)


def detach(call: Call, identity: Identity, policy_arn: str) -> None:
    """Take an attached policy away."""
    managed_by_arn(call, policy_arn)
    if policy_arn not in identity.attached:
        raise missing(f"Policy {policy_arn} was not found.")
    identity.attached = [arn for arn in identity.attached if arn != policy_arn]
    identity.put(call)
    Use(policy_arn, "PermissionsPolicy", identity.kind, identity.id).delete(call)


def attached_shown(identity: Identity) -> list[dict[str, str]]:
    named = sorted((arn.rpartition("/")[2], arn) for arn in identity.attached)
    return [{"PolicyName": name, "PolicyArn": arn} for name, arn in named]


def managed_policies(kind: str, find: Find, change: Find) -> None:
    """Declare the operations on attached policies; `change` finds one that may be changed."""
    iam.operation(name=f"Attach{kind}Policy", on=change)(attach)
    iam.operation(name=f"Detach{kind}Policy", on=change)(detach)

    @iam.operation(name=f"ListAttached{kind}Policies", on=find)
    def list_attached(
        call: Call, identity: Identity, path_prefix: str = "/", marker: str = "", max_items: int = MOST
    ) -> dict[str, Any]:
        """The attached policies under a path."""
        found = [
            shown
            for shown in attached_shown(identity)
            if shown["PolicyArn"].split(":policy", 1)[1].startswith(path_prefix)
        ]
        return entries(call, "AttachedPolicies", found, marker, max_items)


def boundaries(kind: str, change: Find) -> None:
    """Declare the operations on the permissions boundary."""

    @iam.operation(name=f"Put{kind}PermissionsBoundary", on=change)
    def put(call: Call, identity: Identity, permissions_boundary: str) -> None:
        """Never let it get beyond a policy, whatever other policies allow."""
        bind(call, identity, permissions_boundary)
        identity.put(call)

    @iam.operation(name=f"Delete{kind}PermissionsBoundary", on=change)
    def delete(call: Call, identity: Identity) -> None:
        """Let there be no boundary."""
        release(call, identity)
        identity.put(call)


managed_policies("User", user_named, user_named)
managed_policies("Group", group_named, group_named)
managed_policies("Role", role_named, own_role)
boundaries("User", user_named)
boundaries("Role", own_role)


@iam.operation(on=managed_named)
def list_entities_for_policy(
    call: Call,
    policy: Managed,
    entity_filter: str = "",
    path_prefix: str = "/",
    policy_usage_filter: str = "",
    marker: str = "",
    max_items: int = MOST,
) -> dict[str, Any]:
    """The users, groups and roles that a policy is attached to, or limits."""
    kinds = [entity_filter.lower()] if entity_filter else list(KINDS)
    usages = [policy_usage_filter] if policy_usage_filter else USAGES
    found: dict[str, Identity] = {}
    for usage in usages:
        for use in Use.scan(call, policy.arn(call), usage):
            identity = KINDS[use.kind].first(call, use.holder, index="by_id") if use.kind in kinds else None
            if identity and identity.path.startswith(path_prefix):
                found[identity.id] = identity
    page, token = piece(call, sorted(found.values(), key=lambda one: (one.kind, one.folded)), marker, max_items)
    told = answer("", [], token)
    del told[""]
    return told | {
        f"Policy{kind.capitalize()}s": [
            {f"{kind.capitalize()}Name": one.name, f"{kind.capitalize()}Id": one.id} for one in page if one.kind == kind
        ]
        for kind in KINDS
    }
