"""Putting one permission in another's place in all shares; deleting permissions that no share uses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pileus.kernel import Call, names
from pileus.kernel.record import Record

from . import ram
from .associations import grant
from .faults import invalid, not_permitted, unknown
from .lists import MOST, page
from .permissions import Permission, Version, arn_of, customer_managed, permit
from .publishing import publish
from .shares import Granted, Share
from .tokens import idempotent


class Work(Record):
    """A replacement that is being carried out, or has been."""

    id: str
    source: str
    source_version: int
    target: str
    target_version: int
    created: float
    updated: float
    status: str = "IN_PROGRESS"
    message: str | None = None
    parameters: list[dict[str, Any]] = []

    def shown(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "fromPermissionArn": self.source,
            "fromPermissionVersion": str(self.source_version) if self.source_version else None,
            "toPermissionArn": self.target,
            "toPermissionVersion": str(self.target_version),
            "status": self.status,
            "statusMessage": self.message,
            "creationTime": self.created,
            "lastUpdatedTime": self.updated,
        }


def uses(call: Call, arn: str, number: int = 0) -> Iterator[tuple[Share, str, Granted]]:
    """The shares that use a permission, in any version or in one."""
    for share in Share.scan(call):
        for kind, granted in share.permissions.items():
            if granted.arn == arn and number in (0, granted.number) and share.status == "ACTIVE":
                yield share, kind, granted


@ram.operation
@idempotent
def replace_permission_associations(
    call: Call,
    from_permission_arn: str,
    to_permission_arn: str,
    from_permission_version: int = 0,
    permission_template_parameters: list[dict[str, Any]] = [],
    client_token: str = "",
) -> dict[str, Any]:
    """Begin to put the default version of a permission in another one's place."""
    source = permit(call, from_permission_arn, from_permission_version)
    target = permit(call, to_permission_arn)
    if source.type != target.type:
        raise invalid("The two permissions are for different types of resources.")
    work = Work(
        names.uuid4(),
        source.arn,
        from_permission_version,
        target.arn,
        target.number,
        call.now,
        call.now,
        parameters=permission_template_parameters,
    ).put(call)
    replace.later(call, work=work.id)
    return {"replacePermissionAssociationsWork": work.shown()}


@ram.task
def replace(call: Call, work: str) -> None:
    """Change all shares that use the one permission."""
    found = Work.get(call, work)
    if found is None or found.status != "IN_PROGRESS":
        return
    target = permit(call, found.target, found.target_version)
    for share, _, _ in list(uses(call, found.source, found.source_version)):
        grant(call, share, target, found.parameters)
        share.put(call)
        publish(call, share)
    found.status, found.updated = "COMPLETED", call.now
    found.put(call)


@ram.operation
def list_replace_permission_associations_work(
    call: Call,
    work_ids: list[str] = [],
    status: str = "",
    next_token: str = "",
    max_results: int = MOST,
) -> dict[str, Any]:
    """How far replacements have come."""
    found = [one for one in Work.scan(call) if status in ("", one.status) and (not work_ids or one.id in work_ids)]
    return page(call, "replacePermissionAssociationsWorks", [one.shown() for one in found], next_token, max_results)


@ram.operation
def list_permission_associations(
    call: Call,
    permission_arn: str = "",
    permission_version: int = 0,
    association_status: str = "",
    resource_type: str = "",
    feature_set: str = "",
    default_version: bool | None = None,
    resource_owner: str = "",
    resource_share_arn: str = "",
    next_token: str = "",
    max_results: int = MOST,
) -> dict[str, Any]:
    """Which shares use which permissions."""
    found = []
    for share in Share.scan(call):
        if share.status != "ACTIVE" or resource_share_arn not in ("", share.arn(call)):
            continue
        for kind, granted in share.permissions.items():
            shown = associated(call, share, kind, granted)
            wanted = (
                (permission_arn, granted.arn),
                (permission_version, granted.number),
                (association_status, shown["status"]),
                (resource_type, kind),
                (feature_set, shown["featureSet"]),
                (resource_owner, "OTHER-ACCOUNTS" if "::aws:" in granted.arn else "SELF"),
            )
            chosen = all(not one or one == value for one, value in wanted)
            if chosen and default_version in (None, shown["defaultVersion"]):
                found.append(shown)
    return page(call, "permissions", found, next_token, max_results)


def associated(call: Call, share: Share, kind: str, granted: Granted) -> dict[str, Any]:
    return {
        "arn": granted.arn,
        "permissionVersion": str(granted.number),
        "defaultVersion": permit(call, granted.arn).number == granted.number,
        "resourceType": kind,
        "status": "ASSOCIATED",
        "featureSet": "STANDARD",
        "lastUpdatedTime": granted.since,
        "resourceShareArn": share.arn(call),
        "permissionTemplateParameters": [{"name": name, "values": v} for name, v in granted.parameters.items()],
    }


@ram.operation(on=customer_managed)
@idempotent
def delete_permission(call: Call, permission: Permission, client_token: str = "") -> dict[str, Any]:
    """Delete a permission with all its versions, if no share uses it."""
    if next(uses(call, arn_of(call, permission.name)), None):
        raise not_permitted("The permission is associated with a resource share.")
    Version.delete_all(call, permission.name)
    permission.delete(call)
    return {"returnValue": True, "permissionStatus": "DELETED"}


@ram.operation(on=customer_managed)
@idempotent
def delete_permission_version(
    call: Call, permission: Permission, permission_version: int, client_token: str = ""
) -> dict[str, Any]:
    """Delete a version that is not the default one, and that no share uses."""
    version = Version.get(call, permission.name, permission_version)
    if version is None:
        raise unknown(f"Version {permission_version} of permission {arn_of(call, permission.name)}")
    if permission_version == permission.default:
        raise not_permitted("You cannot delete the default version of a permission.")
    if next(uses(call, arn_of(call, permission.name), permission_version), None):
        raise not_permitted("The version is associated with a resource share.")
    version.delete(call)
    return {"returnValue": True, "permissionStatus": "DELETED"}
