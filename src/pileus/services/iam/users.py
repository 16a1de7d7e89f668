"""Users: create, find, rename, delete."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, names
from pileus.kernel.access.attached import Grants
from pileus.kernel.resource_type import resource_type

from . import iam
from . import tags as tagging
from .boundaries import bind, boundary_shown
from .identities import Identity
from .lists import MOST
from .quotas import one_more

BEGINNING = 1325376000.0
"""When root users are said to have been made: no call makes an account."""


@resource_type(
    iam, "UserName", create="CreateUser", read="GetUser", update="UpdateUser", list="ListUsers", delete="DeleteUser",
    missing="NoSuchEntityException",
)  # fmt: skip
class User(
    Identity,
    scope="account",
    indexes={"by_id": ("id",)},
    arn="arn:{partition}:iam::{account}:user{path}{name}",
    cfn="AWS::IAM::User",
):
    """Somebody, or something, with long-term credentials."""

    kind = "user"

    boundary: str = ""
    groups: list[str] = []
    """Unique ids, in the order of joining."""
    tags: dict[str, str] = {}

    def grants(self, call: Call) -> Grants:
        return Grants(
            id=self.id,
            owner=self.arn(call),
            inline=self.inline,
            attached=self.attached,
            boundary=self.boundary,
            groups=self.groups,
            tags=self.tags,
        )

    def shown(self, call: Call) -> dict[str, Any]:
        if self.is_root:
            return {"UserId": self.id, "Arn": f"arn:{call.partition}:iam::{self.id}:root", "CreateDate": self.created}
        return super().shown(call)

    @property
    def is_root(self) -> bool:
        return not self.folded


def user_named(call: Call, user_name: str) -> User:
    return User.named(call, user_name)


def user_meant(call: Call, user_name: str = "") -> User:
    """The user of a name, or the caller itself; the account's root is one without a name."""
    if user_name:
        return user_named(call, user_name)
    caller = call.principal
    if caller.type == "IAMUser":
        return user_named(call, caller.arn.rpartition("/")[2])
    if caller.type == "Root":
        return User(folded="", name="", path="/", id=call.account, created=BEGINNING)
    raise Fault("ValidationError", "Must specify userName when calling with non-User credentials")


def user_of(call: Call, user_id: str) -> User:
    """The user of a unique id that some record names."""
    user = User.first(call, user_id, index="by_id")
    assert user, f"there is no user {user_id}"
    return user


@iam.operation
def create_user(
    call: Call, user_name: str, path: str = "/", permissions_boundary: str = "", tags: list[dict[str, str]] = []
) -> dict[str, Any]:
    """A new user, who may do nothing yet."""
    User.check_new(call, user_name)
    one_more(call, "Users")
    user = User(
        folded=user_name.lower(),
        name=user_name,
        path=path,
        id=names.unique_id("AIDA"),
        created=call.now,
        tags=tagging.given(tags),
    )
    if permissions_boundary:
        bind(call, user, permissions_boundary)
    user.put(call)
    return {"User": whole(call, user)}


@iam.operation(on=user_meant)
def get_user(call: Call, user: User) -> dict[str, Any]:
    """A user; the caller where none is named."""
    return {"User": whole(call, user)}


@iam.operation
def list_users(call: Call, path_prefix: str = "/", marker: str = "", max_items: int = MOST) -> dict[str, Any]:
    """Users under a path, without their tags and boundaries."""
    return User.under(call, path_prefix, marker, max_items)


def whole(call: Call, user: User) -> dict[str, Any]:
    """What the user itself shows, and lists leave out."""
    return user.shown(call) | boundary_shown(user.boundary) | tagging.shown(user.tags)


tagging.taggable("User", user_named)
