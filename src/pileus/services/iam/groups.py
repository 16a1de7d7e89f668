"""Groups: users who share policies."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, names
from pileus.kernel.record import Record
from pileus.kernel.resource_type import resource_type

from . import iam
from .faults import exists
from .identities import Identity
from .lists import MOST, entries, records
from .quotas import GROUPS_OF_USER, exceeded, one_more
from .users import User, user_named, user_of


@resource_type(
    iam, "GroupName", create="CreateGroup", read="GetGroup", update="UpdateGroup", list="ListGroups",
    delete="DeleteGroup", missing="NoSuchEntityException",
)  # fmt: skip
class Group(
    Identity,
    scope="account",
    indexes={"by_id": ("id",)},
    arn="arn:{partition}:iam::{account}:group{path}{name}",
    cfn="AWS::IAM::Group",
):
    """What its members may do, too."""

    kind = "group"


class Member(Record, scope="account", key=("group", "user")):
    """A user in a group, by their unique ids; the user knows its groups, and this is the way back."""

    group: str
    user: str


def group_named(call: Call, group_name: str) -> Group:
    return Group.named(call, group_name)


@iam.operation
def create_group(call: Call, group_name: str, path: str = "/") -> dict[str, Any]:
    """A new group without members and policies."""
    Group.check_new(call, group_name)
    one_more(call, "Groups")
    group = Group(
        folded=group_name.lower(), name=group_name, path=path, id=names.unique_id("AGPA"), created=call.now
    ).put(call)
    return {"Group": group.shown(call)}


@iam.operation(on=group_named)
def get_group(call: Call, group: Group, marker: str = "", max_items: int = MOST) -> dict[str, Any]:
    """A group and its members."""
    return {"Group": group.shown(call)} | records(
        call,
        "Users",
        Member,
        group.id,
        show=lambda member: user_of(call, member.user).shown(call),
        marker=marker,
        max_items=max_items,
    )


@iam.operation
def list_groups(call: Call, path_prefix: str = "/", marker: str = "", max_items: int = MOST) -> dict[str, Any]:
    """Groups under a path."""
    return Group.under(call, path_prefix, marker, max_items)


@iam.operation(on=group_named)
def update_group(call: Call, group: Group, new_path: str = "", new_group_name: str = "") -> None:
    """Rename a group, or move it; its members and policies stay."""
    folded = (new_group_name or group.name).lower()
    if folded != group.folded and Group.get(call, folded):
        raise exists(f"Group with name {new_group_name} already exists.")
    group.move(call, folded=folded, name=new_group_name or group.name, path=new_path or group.path)


# Membership


@iam.operation(on=group_named)
def add_user_to_group(call: Call, group: Group, user_name: str) -> None:
    """Let a user be a member; one that is already stays so."""
    user = user_named(call, user_name)
    if group.id in user.groups:
        return
    if len(user.groups) >= GROUPS_OF_USER:
        raise exceeded("GroupsPerUser", GROUPS_OF_USER)
    user.groups = [*user.groups, group.id]
    user.put(call)
    Member(group.id, user.id).put(call)


@iam.operation(on=group_named)
def remove_user_from_group(call: Call, group: Group, user_name: str) -> None:
    """Let a user be a member no longer; one that is none is no error."""
    user = user_named(call, user_name)
    user.groups = [held for held in user.groups if held != group.id]
    user.put(call)
    Member(group.id, user.id).delete(call)


@iam.operation(on=user_named)
def list_groups_for_user(call: Call, user: User, marker: str = "", max_items: int = MOST) -> dict[str, Any]:
    """The groups that a user is in."""
    return entries(call, "Groups", [group.shown(call) for group in groups_of(call, user)], marker, max_items)


def groups_of(call: Call, user: User) -> list[Group]:
    found = (Group.first(call, held, index="by_id") for held in user.groups)
    return sorted((group for group in found if group), key=lambda group: group.folded)
