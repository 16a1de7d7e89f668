"""What the access decision must know of what IAM's calls are about: tags and boundaries of users and roles, and the
ARNs that AWS's authorization data cannot tell from a request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pileus.kernel import Call
from pileus.kernel.access.target import Target
from pileus.kernel.identity import Credential

from . import iam
from .linked_roles import name_of
from .roles import LINKED, Role
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
    if about := NAMED.get(call.operation):
        return [about(call, request)]
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


def own(call: Call, resource: str) -> Target:
    return Target(f"arn:{call.partition}:iam::{call.account}:{resource}", call.account)


def linked_role(call: Call, request: dict[str, Any]) -> Target:
    service = request["AWSServiceName"]
    return own(call, f"role{LINKED}{service}/{name_of(service, request.get('CustomSuffix', ''))}")


def new_device(call: Call, request: dict[str, Any]) -> Target:
    return own(call, f"mfa{request.get('Path', '/')}{request['VirtualMFADeviceName']}")


def new_issuer(call: Call, request: dict[str, Any]) -> Target:
    return own(call, f"oidc-provider/{request['Url'].rstrip('/').partition('://')[2]}")


def key_holder(call: Call, request: dict[str, Any]) -> Target:
    credential = Credential.get(call, request["AccessKeyId"])
    known = credential is not None and credential.principal.account == call.account
    return Target(credential.principal.arn, call.account) if credential and known else own(call, "user/*")


def named_by_arn(call: Call, request: dict[str, Any]) -> Target:
    return Target(request["Arn"], call.account)


NAMED: dict[str, Callable[[Call, dict[str, Any]], Target]] = {
    "CreateOpenIDConnectProvider": new_issuer,
    "CreateServiceLinkedRole": linked_role,
    "CreateVirtualMFADevice": new_device,
    "GenerateServiceLastAccessedDetails": named_by_arn,
    "GetAccessKeyLastUsed": key_holder,
    "ListPoliciesGrantingServiceAccess": named_by_arn,
}
"""Operations that are about one resource, which their requests name in their own ways."""
