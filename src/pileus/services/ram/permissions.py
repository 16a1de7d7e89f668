"""Permissions: what those may do with whom something is shared. AWS has some for each type; customers write others."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from pileus.kernel import Call, Fault, tags
from pileus.kernel.record import Record

from . import ram, templates
from .faults import malformed, not_permitted, unknown
from .lists import MOST, page
from .tags import given
from .tokens import idempotent
from .types import TYPES, check_type, types

MOST_VERSIONS = 5
LAUNCHED = 1543622400.0
"""When AWS published its permissions."""

Declarations = list[dict[str, Any]]


class Permission(Record):
    """A customer managed permission."""

    name: str
    type: str
    status: str
    default: int
    created: float
    updated: float
    tags: dict[str, str] = {}
    latest: int = 1
    """The highest number that a version has had."""


class Version(Record, key=("name", "number")):
    """A version of a customer managed permission."""

    name: str
    number: int
    template: str
    created: float
    parameters: Declarations = []


@dataclass(frozen=True)
class Permit:
    """A permission of either kind in one of its versions."""

    arn: str
    name: str
    type: str
    number: int
    template: str
    managed: bool
    is_default: bool
    """Whether this version is the permission's default."""
    status: str
    created: float
    updated: float
    of_type: bool = False
    """Whether the permission is its type's default."""
    parameters: Declarations = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)

    def summary(self) -> dict[str, Any]:
        return {
            "arn": self.arn,
            "version": str(self.number),
            "defaultVersion": self.is_default,
            "name": self.name,
            "resourceType": self.type,
            "status": self.status,
            "creationTime": self.created,
            "lastUpdatedTime": self.updated,
            "isResourceTypeDefault": self.of_type,
            "permissionType": "AWS_MANAGED" if self.managed else "CUSTOMER_MANAGED",
            "featureSet": "STANDARD",
            "resourceOwner": "OTHER-ACCOUNTS" if self.managed else "SELF",
            "tags": tags.as_list(self.tags, "key", "value"),
        }

    def detail(self, template: str) -> dict[str, Any]:
        return self.summary() | {"permission": template, "permissionTemplateParameters": self.parameters}


def managed(call: Call) -> list[Permit]:
    """AWS's permissions for the types that can be shared here."""
    found = []
    for kind in types(call):
        for place, one in enumerate(TYPES[kind]):
            template = json.dumps({"Effect": "Allow", "Action": list(one.actions)})
            found.append(
                Permit(
                    f"arn:{call.partition}:ram::aws:permission/{one.name}",
                    one.name,
                    kind,
                    1,
                    template,
                    True,
                    True,
                    "ATTACHABLE",
                    LAUNCHED,
                    LAUNCHED,
                    of_type=place == 0,
                )
            )
    return found


def arn_of(call: Call, name: str) -> str:
    return call.arn(f"permission/{name}")


def own(call: Call, permission: Permission, version: Version) -> Permit:
    return Permit(
        arn_of(call, permission.name),
        permission.name,
        permission.type,
        version.number,
        version.template,
        False,
        version.number == permission.default,
        permission.status,
        version.created,
        permission.updated,
        parameters=version.parameters,
        tags=permission.tags,
    )


def permit(call: Call, arn: str, number: int = 0) -> Permit:
    """A permission by its ARN, in a version or in its default one."""
    if arn.startswith(f"arn:{call.partition}:ram::aws:permission/"):
        found = next((one for one in managed(call) if one.arn == arn and number in (0, 1)), None)
        if found is None:
            raise unknown(f"Permission {arn}")
        return found
    permission = customer_managed(call, arn)
    version = Version.get(call, permission.name, number or permission.default)
    if version is None:
        raise unknown(f"Version {number} of permission {arn}")
    return own(call, permission, version)


def customer_managed(call: Call, permission_arn: str) -> Permission:
    """A permission that the account wrote."""
    prefix = arn_of(call, "")
    if permission_arn.startswith(f"arn:{call.partition}:ram::aws:permission/"):
        raise not_permitted("You cannot change a permission that is managed by AWS.")
    if not permission_arn.startswith("arn:"):
        raise malformed(permission_arn)
    name = permission_arn.removeprefix(prefix)
    if found := Permission.get(call, name) if permission_arn.startswith(prefix) else None:
        return found
    raise unknown(f"Permission {permission_arn}")


def default_for(call: Call, kind: str) -> Permit:
    """The permission that a type has where its share names none."""
    return next(one for one in managed(call) if one.type == kind and one.of_type)


@ram.operation
@idempotent
def create_permission(
    call: Call,
    name: str,
    resource_type: str,
    policy_template: str,
    permission_template_parameters: Declarations = [],
    client_token: str = "",
    tags: list[dict[str, str]] = [],
) -> dict[str, Any]:
    """A new permission, with its first version."""
    kind = check_type(call, resource_type)
    check(policy_template, kind, permission_template_parameters)
    if Permission.get(call, name) or name.startswith("AWSRAM"):
        raise Fault("PermissionAlreadyExistsException", f"A permission with the name {name} already exists.")
    permission = Permission(name, kind, "ATTACHABLE", 1, call.now, call.now, given(tags)).put(call)
    version = Version(name, 1, policy_template, call.now, permission_template_parameters).put(call)
    return {"permission": own(call, permission, version).summary()}


def check(template: str, kind: str, declared: Declarations) -> None:
    templates.check(template, kind)
    if places := templates.places(template) - {one["name"] for one in declared}:
        raise templates.malformed(f"The policy template has parameters that are not declared: {min(places)}.")


@ram.operation(on=customer_managed)
@idempotent
def create_permission_version(
    call: Call,
    permission: Permission,
    policy_template: str,
    permission_template_parameters: Declarations = [],
    client_token: str = "",
) -> dict[str, Any]:
    """A further version, which is the default from now on."""
    check(policy_template, permission.type, permission_template_parameters)
    if len(list(Version.scan(call, permission.name))) >= MOST_VERSIONS:
        raise Fault("PermissionVersionsLimitExceededException", f"A permission has at most {MOST_VERSIONS} versions.")
    permission.latest += 1
    permission.default, permission.updated = permission.latest, call.now
    permission.put(call)
    version = Version(permission.name, permission.latest, policy_template, call.now, permission_template_parameters)
    version.put(call)
    return {"permission": own(call, permission, version).detail(version.template)}


@ram.operation(on=customer_managed)
@idempotent
def set_default_permission_version(
    call: Call, permission: Permission, permission_version: int, client_token: str = ""
) -> dict[str, Any]:
    """Have new shares use that version."""
    if Version.get(call, permission.name, permission_version) is None:
        raise unknown(f"Version {permission_version} of permission {arn_of(call, permission.name)}")
    permission.default, permission.updated = permission_version, call.now
    permission.put(call)
    return {"returnValue": True}


@ram.operation(on=customer_managed)
@idempotent
def update_permission(call: Call, permission: Permission, status: str, client_token: str = "") -> dict[str, Any]:
    """Let new shares use a permission, or not any more."""
    permission.status, permission.updated = status, call.now
    permission.put(call)
    return {"permissionStatus": status}


@ram.operation
def get_permission(
    call: Call,
    permission_arn: str,
    permission_version: int = 0,
    permission_template_parameters: list[dict[str, Any]] = [],
) -> dict[str, Any]:
    """A permission with what it says, with values in the places of its template where they are given."""
    found = permit(call, permission_arn, permission_version)
    template = found.template
    if permission_template_parameters:
        given = {one["name"]: one["values"] for one in permission_template_parameters}
        template = json.dumps(templates.filled(json.loads(template), given))
    return {"permission": found.detail(template)}


@ram.operation
def list_permissions(
    call: Call,
    resource_type: str = "",
    permission_type: str = "ALL",
    permission_status: str = "",
    resource_owner: str = "",
    next_token: str = "",
    max_results: int = MOST,
) -> dict[str, Any]:
    """AWS's permissions and the account's own, each in its default version."""
    kind = check_type(call, resource_type) if resource_type else ""
    found = managed(call) if permission_type != "CUSTOMER_MANAGED" else []
    if permission_type != "AWS_MANAGED":
        for permission in Permission.scan(call):
            version = Version.get(call, permission.name, permission.default)
            assert version is not None, "a permission's default version cannot be deleted"
            found.append(own(call, permission, version))
    shown = [
        one.summary()
        for one in found
        if kind in ("", one.type)
        and permission_status in ("", one.status)
        and resource_owner in ("", one.summary()["resourceOwner"])
    ]
    return page(call, "permissions", shown, next_token, max_results)


@ram.operation
def list_permission_versions(
    call: Call, permission_arn: str, next_token: str = "", max_results: int = MOST
) -> dict[str, Any]:
    """All versions of a permission."""
    found = permit(call, permission_arn)
    if found.managed:
        return page(call, "permissions", [found.summary()], next_token, max_results)
    permission = customer_managed(call, permission_arn)
    versions = [own(call, permission, version).summary() for version in Version.scan(call, permission.name)]
    return page(call, "permissions", versions, next_token, max_results)
