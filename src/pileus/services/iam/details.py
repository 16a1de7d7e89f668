"""GetAccountAuthorizationDetails: all users, groups, roles and policies, and how they hang together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pileus.kernel import Call

from . import aws_managed, iam
from .attachments import attached_shown
from .boundaries import boundary_shown
from .groups import Group, groups_of
from .identities import Identity, encoded
from .instance_profiles import InstanceProfile
from .lists import MOST, piece
from .policies import AwsManaged, Policy, Version, used
from .policies import shown as policy_shown
from .roles import Role, last_used
from .tags import shown as tags_shown
from .users import User
from .versions import present
from .versions import shown as version_shown

Detail = dict[str, Any]


@iam.operation
def get_account_authorization_details(
    call: Call,
    filter: list[str] = [],  # noqa: A002
    max_items: int = MOST,
    marker: str = "",
) -> Detail:
    """Everything that the account's permissions are made of; of AWS's policies, those in use."""
    found = [
        (member, one, show)
        for kind, (member, scan, show) in KINDS.items()
        if not filter or kind in filter
        for one in scan(call)
    ]
    page, token = piece(call, found, marker, max_items)
    lists: Detail = {member: [] for member, _, _ in KINDS.values()}
    for member, one, show in page:
        lists[member].append(show(call, one))
    return lists | {"IsTruncated": token is not None} | ({"Marker": token} if token else {})


def user_detail(call: Call, user: User) -> Detail:
    groups = {"GroupList": [group.name for group in groups_of(call, user)]}
    inline = {"UserPolicyList": inline_shown(user)}
    return user.shown(call) | inline | groups | attached(user) | boundary_shown(user.boundary) | tags_shown(user.tags)


def group_detail(call: Call, group: Group) -> Detail:
    return group.shown(call) | {"GroupPolicyList": inline_shown(group)} | attached(group)


def role_detail(call: Call, role: Role) -> Detail:
    told = role.shown(call)
    del told["MaxSessionDuration"]
    told.pop("Description", None)
    profiles = InstanceProfile.scan(call, role.folded, index="by_role")
    return (
        told
        | {"InstanceProfileList": [profile.shown(call) for profile in profiles], "RolePolicyList": inline_shown(role)}
        | attached(role)
        | boundary_shown(role.boundary)
        | tags_shown(role.tags)
        | {"RoleLastUsed": last_used(call, role)}
    )


def policy_detail(call: Call, policy: Policy) -> Detail:
    versions = [
        version_shown(policy, version) | {"Document": encoded(version.document)}
        for version in Version.scan(call, policy.id, reverse=True)
    ]
    told = {"Description": policy.description} if policy.description else {}
    return policy_shown(call, policy) | told | {"PolicyVersionList": versions}


def aws_policy_detail(call: Call, policy: AwsManaged) -> Detail:
    return policy_shown(call, policy) | {
        "PolicyVersionList": [present(policy) | {"Document": encoded(policy.document)}]
    }


def aws_policies(call: Call) -> Iterator[AwsManaged]:
    """Those of AWS's policies that the account uses."""
    for known in aws_managed.known().values():
        policy = AwsManaged(known)
        arn = policy.arn(call)
        if used(call, arn, "PermissionsPolicy") or used(call, arn, "PermissionsBoundary"):
            yield policy


def inline_shown(identity: Identity) -> list[Detail]:
    return [{"PolicyName": name, "PolicyDocument": encoded(text)} for name, text in sorted(identity.inline.items())]


def attached(identity: Identity) -> Detail:
    return {"AttachedManagedPolicies": attached_shown(identity)}


KINDS: dict[str, tuple[str, Callable[[Call], Iterator[Any]], Callable[[Call, Any], Detail]]] = {
    "User": ("UserDetailList", User.scan, user_detail),
    "Group": ("GroupDetailList", Group.scan, group_detail),
    "Role": ("RoleDetailList", Role.scan, role_detail),
    "LocalManagedPolicy": ("Policies", Policy.scan, policy_detail),
    "AWSManagedPolicy": ("Policies", aws_policies, aws_policy_detail),
}
