"""Renaming users, and deleting users, groups and roles: what concerns everything that hangs on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pileus.kernel import Call
from pileus.kernel.usage import Use

from . import iam
from .access_keys import keys_of, sign_anew
from .boundaries import release
from .certificates import SigningCertificate
from .faults import conflict, exists
from .groups import Group, Member, group_named
from .identities import Identity
from .instance_profiles import InstanceProfile
from .mfa import devices_of
from .passwords import LoginProfile
from .quotas import one_less
from .roles import Role, own_role
from .service_credentials import ServiceCredential, stand_anew
from .ssh_keys import SshKey
from .users import User, user_named

KEPT_BY_USERS: dict[str, Callable[[Call, User], Any]] = {
    "delete access keys": keys_of,
    "delete login profile": lambda call, user: LoginProfile.get(call, user.id),
    "delete MFA device": devices_of,
    "delete signing certificates": lambda call, user: SigningCertificate.first(call, user.id),
    "delete referenced SSH public keys": lambda call, user: SshKey.first(call, user.id),
    "delete service specific credentials": lambda call, user: ServiceCredential.first(call, user.id),
}
"""What has to be done before a user goes, and what is there as long as it is not."""


@iam.operation(on=user_named)
def update_user(call: Call, user: User, new_path: str = "", new_user_name: str = "") -> None:
    """Rename a user, or move it; its unique id, keys, groups and policies stay."""
    name = new_user_name or user.name
    if name.lower() != user.folded and User.get(call, name.lower()):
        raise exists(f"User with name {name} already exists.")
    user.move(call, folded=name.lower(), name=name, path=new_path or user.path)
    sign_anew(call, user)
    stand_anew(call, user)


@iam.operation(on=user_named)
def delete_user(call: Call, user: User) -> None:
    """Delete a user from whom everything has been taken away before."""
    refuse_policies(user)
    if user.groups:
        raise conflict("Cannot delete entity, must remove users from group first.")
    for what, kept in KEPT_BY_USERS.items():
        if kept(call, user):
            raise conflict(f"Cannot delete entity, must {what} first.")
    release(call, user)
    user.delete(call)
    Use.delete_all(call, user.id)
    one_less(call, "Users")


@iam.operation(on=group_named)
def delete_group(call: Call, group: Group) -> None:
    """Delete a group without members and policies."""
    refuse_policies(group)
    if Member.first(call, group.id):
        raise conflict("Cannot delete entity, must remove users from group first.")
    group.delete(call)
    one_less(call, "Groups")


@iam.operation(on=own_role)
def delete_role(call: Call, role: Role) -> None:
    """Delete a role without policies, which is in no instance profile; its sessions may do nothing any more."""
    refuse_policies(role)
    if InstanceProfile.first(call, role.folded, index="by_role"):
        raise conflict("Cannot delete entity, must remove roles from instance profile first.")
    release(call, role)
    role.delete(call)
    Use.delete_all(call, role.id)
    one_less(call, "Roles")


def refuse_policies(identity: Identity) -> None:
    if identity.attached:
        raise conflict("Cannot delete entity, must detach all policies first.")
    if identity.inline:
        raise conflict("Cannot delete entity, must delete policies first.")
