"""Roles: what whoever their trust policies name may become for a while."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, names
from pileus.kernel.access.attached import Grants
from pileus.kernel.resource_type import resource_type
from pileus.kernel.usage import Use as Usage

from . import iam
from . import tags as tagging
from .boundaries import bind, boundary_shown
from .identities import Identity, encoded
from .lists import MOST
from .quotas import one_more
from .trusts import as_shown, by_id, trusting

HOUR = 3600
LINKED = "/aws-service-role/"


@resource_type(
    iam, "RoleName", create="CreateRole", read="GetRole", update="UpdateRole", list="ListRoles", delete="DeleteRole",
    missing="NoSuchEntityException",
)  # fmt: skip
class Role(
    Identity,
    scope="account",
    indexes={"by_id": ("id",)},
    arn="arn:{partition}:iam::{account}:role{path}{name}",
    cfn="AWS::IAM::Role",
):
    """Permissions that are nobody's own."""

    kind = "role"

    trust: str = ""
    """As it was written."""
    trusted: dict[str, str] = {}
    """Unique ids of the users and roles that it names, by their ARNs of then."""
    description: str = ""
    longest: int = HOUR
    """MaxSessionDuration."""
    boundary: str = ""
    tags: dict[str, str] = {}

    def grants(self, call: Call) -> Grants:
        return Grants(
            id=self.id,
            owner=self.arn(call),
            inline=self.inline,
            attached=self.attached,
            boundary=self.boundary,
            tags=self.tags,
            trust=by_id(self.trust, self.trusted),
            max_session=self.longest,
        )

    @property
    def linked(self) -> bool:
        """Whether it is a service-linked role, which only its service changes."""
        return self.path.startswith(LINKED)

    def refuse_change(self) -> None:
        if self.linked:
            raise Fault(
                "UnmodifiableEntityException",
                f"Cannot perform the operation on the protected role '{self.name}' - "
                "this role is only modifiable by AWS",
            )

    def shown(self, call: Call) -> dict[str, Any]:
        told = {"Description": self.description} if self.description else {}
        return (
            super().shown(call)
            | {
                "AssumeRolePolicyDocument": encoded(as_shown(call, self.trust, self.trusted)),
                "MaxSessionDuration": self.longest,
            }
            | told
        )


def role_named(call: Call, role_name: str) -> Role:
    return Role.named(call, role_name)


def own_role(call: Call, role_name: str) -> Role:
    """A role that its account may change."""
    role = role_named(call, role_name)
    role.refuse_change()
    return role


@iam.operation
def create_role(
    call: Call,
    role_name: str,
    assume_role_policy_document: str,
    path: str = "/",
    description: str = "",
    max_session_duration: int = HOUR,
    permissions_boundary: str = "",
    tags: list[dict[str, str]] = [],
) -> dict[str, Any]:
    """A new role, which those may assume whom its trust policy names."""
    Role.check_new(call, role_name)
    if path.startswith(LINKED):
        raise Fault("ValidationError", f"The specified value for path is invalid. It must not begin with {LINKED}")
    trust, trusted = trusting(call, assume_role_policy_document)
    one_more(call, "Roles")
    role = Role(
        folded=role_name.lower(),
        name=role_name,
        path=path,
        id=names.unique_id("AROA"),
        created=call.now,
        trust=trust,
        trusted=trusted,
        description=description,
        longest=max_session_duration,
        tags=tagging.given(tags),
    )
    if permissions_boundary:
        bind(call, role, permissions_boundary)
    role.put(call)
    return {"Role": role.shown(call) | boundary_shown(role.boundary) | tagging.shown(role.tags)}


@iam.operation(on=role_named)
def get_role(call: Call, role: Role) -> dict[str, Any]:
    return {"Role": whole(call, role)}


@iam.operation
def list_roles(call: Call, path_prefix: str = "/", marker: str = "", max_items: int = MOST) -> dict[str, Any]:
    """Roles under a path, without their tags, boundaries and last use."""
    return Role.under(call, path_prefix, marker, max_items)


@iam.operation(on=role_named)
def update_role(
    call: Call, role: Role, description: str | None = None, max_session_duration: int = HOUR
) -> dict[str, Any]:
    """Change the description, if one is given, and the longest session: to one hour unless another is given."""
    if role.linked and max_session_duration != role.longest:
        role.refuse_change()
    role.description = role.description if description is None else description
    role.longest = max_session_duration
    role.put(call)
    return {}


@iam.operation(on=role_named)
def update_role_description(call: Call, role: Role, description: str) -> dict[str, Any]:
    role.description = description
    role.put(call)
    return {"Role": whole(call, role)}


@iam.operation(on=own_role)
def update_assume_role_policy(call: Call, role: Role, policy_document: str) -> None:
    """Let others be trusted, and those before no longer."""
    role.trust, role.trusted = trusting(call, policy_document)
    role.put(call)


def whole(call: Call, role: Role) -> dict[str, Any]:
    """What the role itself shows, and lists leave out."""
    return (
        role.shown(call)
        | boundary_shown(role.boundary)
        | tagging.shown(role.tags)
        | {"RoleLastUsed": last_used(call, role)}
    )


def last_used(call: Call, role: Role) -> dict[str, Any]:
    latest = max(Usage.scan(call, role.id), key=lambda use: use.at, default=None)
    return {"LastUsedDate": latest.at, "Region": latest.region} if latest else {}


tagging.taggable("Role", role_named)
