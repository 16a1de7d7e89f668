"""Making, changing and deleting shares, and the permissions that they give."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, names
from pileus.kernel.identity import service

from . import invitations, ram
from .associations import REMEMBERED, add, check_unused, grant, in_use, leave
from .faults import invalid, not_permitted, unknown
from .lists import MOST, page
from .permissions import permit
from .publishing import publish
from .shares import DISASSOCIATED, Association, Share, any_share, associations, share_named
from .tags import given
from .tokens import idempotent


@ram.operation
@idempotent
def create_resource_share(
    call: Call,
    name: str,
    resource_arns: list[str] = [],
    principals: list[str] = [],
    tags: list[dict[str, str]] = [],
    allow_external_principals: bool = True,
    client_token: str = "",
    permission_arns: list[str] = [],
    sources: list[str] = [],
    permission_template_parameters: list[dict[str, Any]] = [],
    resource_share_configuration: dict[str, bool] = {},
) -> dict[str, Any]:
    """A new share, with who and what is in it from the beginning."""
    share = Share(
        id=names.uuid4(),
        name=name,
        external=allow_external_principals,
        created=call.now,
        updated=call.now,
        retained=resource_share_configuration.get("retainSharingOnAccountLeaveOrganization", False),
        tags=given(tags),
    )
    values = {one["permissionArn"]: one["permissionTemplateParameters"] for one in permission_template_parameters}
    for arn in permission_arns:
        permission = permit(call, arn)
        if permission.type in share.permissions:
            raise invalid(f"A resource share has one permission for {permission.type}.")
        grant(call, share, permission, values.get(arn, []))
    share.put(call)
    add(call, share, resource_arns, principals, sources)
    return {"resourceShare": share.shown(call)}


@ram.operation(on=share_named)
@idempotent
def update_resource_share(
    call: Call, share: Share, name: str = "", allow_external_principals: bool | None = None, client_token: str = ""
) -> dict[str, Any]:
    """Change a share's name, or whether accounts outside the organization may be in it."""
    if not name and allow_external_principals is None:
        raise Fault("MissingRequiredParameterException", "Specify a name, or whether to allow external principals.")
    share.name = name or share.name
    if allow_external_principals is not None:
        if not allow_external_principals and any(one.external for one in present(call, share)):
            raise not_permitted("There are principals outside the organization in the resource share.")
        share.external = allow_external_principals
    share.updated = call.now
    share.put(call)
    return {"resourceShare": share.shown(call)}


@ram.operation(on=any_share)
@idempotent
def delete_resource_share(call: Call, share: Share, client_token: str = "") -> dict[str, Any]:
    """Share nothing of it any more; for an hour it can be seen that it was there."""
    if share.status == "DELETED":
        raise unknown(f"ResourceShare {share.arn(call)}")
    for one in present(call, share):
        leave(call, share, one)
    publish(call, share)
    share.status, share.updated = "DELETED", call.now
    share.put(call)
    forget_share.later(call.at(principal=service("ram.amazonaws.com")), share=share.id, delay=REMEMBERED)
    return {"returnValue": True}


@ram.task
def forget_share(call: Call, share: str) -> None:
    if found := Share.get(call, share):
        invitations.forget(call, found)
        found.delete(call)


def present(call: Call, share: Share) -> list[Association]:
    return [one for one in associations(call, share) if one.status != DISASSOCIATED]


@ram.operation(on=share_named)
@idempotent
def associate_resource_share_permission(
    call: Call,
    share: Share,
    permission_arn: str,
    replace: bool = False,
    client_token: str = "",
    permission_version: int = 0,
    permission_template_parameters: list[dict[str, Any]] = [],
) -> dict[str, Any]:
    """Give a share a permission, or with `replace` another one in place of the one that it has."""
    permission = permit(call, permission_arn, permission_version)
    if permission.type in share.permissions and not replace and in_use(call, share, permission.type):
        raise invalid(f"The resource share has a permission for {permission.type} already: say that it be replaced.")
    grant(call, share, permission, permission_template_parameters)
    share.put(call)
    publish(call, share)
    return {"returnValue": True}


@ram.operation(on=share_named)
@idempotent
def disassociate_resource_share_permission(
    call: Call, share: Share, permission_arn: str, client_token: str = ""
) -> dict[str, Any]:
    """Take a permission from a share that has no resources of its type."""
    kind = next((kind for kind, granted in share.permissions.items() if granted.arn == permission_arn), "")
    if not kind:
        raise unknown(f"Permission {permission_arn} of ResourceShare {share.arn(call)}")
    check_unused(call, share, kind)
    share.permissions = {name: granted for name, granted in share.permissions.items() if name != kind}
    share.put(call)
    return {"returnValue": True}


@ram.operation(on=share_named)
def list_resource_share_permissions(
    call: Call, share: Share, next_token: str = "", max_results: int = MOST
) -> dict[str, Any]:
    """The permissions that a share gives, one for each type of resources."""
    shown = []
    for granted in share.permissions.values():
        parameters = [{"name": name, "values": values} for name, values in granted.parameters.items()]
        shown.append(
            permit(call, granted.arn, granted.number).summary()
            | {"status": "ASSOCIATED", "permissionTemplateParameters": parameters}
        )
    return page(call, "permissions", shown, next_token, max_results)
