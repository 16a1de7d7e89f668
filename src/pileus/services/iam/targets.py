"""What the access decision must know of users and roles that IAM's calls are about: their tags and boundaries."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call
from pileus.kernel.access.target import Target

from . import iam
from .roles import Role
from .users import User

BOUNDED = {
    f"{verb}{kind}{what}"
    for kind in ("User", "Role")
    for verb, what in (
        ("Attach", "Policy"),
        ("Detach", "Policy"),
        ("Put", "Policy"),
        ("Delete", "Policy"),
        ("Delete", "PermissionsBoundary"),
    )
}
"""Operations whose condition key iam:PermissionsBoundary is the boundary of the user or role that they change."""


@iam.targets
def targets(call: Call, request: dict[str, Any]) -> list[Target] | None:
    """The root, where it asks about itself; the user or role with its boundary. Else the request says enough."""
    if call.principal.type == "Root" and not request.get("UserName") and takes_user(call.operation):
        return [Target(call.principal.arn, call.account)]
    if call.operation not in BOUNDED:
        return None
    name = request.get("RoleName")
    found = Role.get(call, name.lower()) if name else User.get(call, request["UserName"].lower())
    if found is None:
        return None
    keys = {"iam:permissionsboundary": (found.boundary,)} if found.boundary else {}
    return [Target(found.arn(call), call.account, tags=found.tags, keys=keys)]


def takes_user(operation: str) -> bool:
    """Whether an operation is about the caller, where its request names no user."""
    shape = iam.bound(operation).model.input
    return shape is not None and "UserName" in shape.members and "UserName" not in shape.required
