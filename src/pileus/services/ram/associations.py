"""Who and what comes into a share, and leaves it."""

from __future__ import annotations

import re
from typing import Any

from pileus.kernel import Call
from pileus.kernel.identity import service

from . import invitations, ram
from .faults import bad_state, invalid, malformed, not_permitted, unknown
from .organization import Organization, path_of_unit, sharing_in
from .permissions import Permit, default_for
from .publishing import is_service, publish
from .shares import (
    ASSOCIATED,
    ASSOCIATING,
    DISASSOCIATED,
    PRINCIPAL,
    RESOURCE,
    SOURCE,
    Association,
    Granted,
    Share,
    associations,
    share_named,
)
from .tokens import idempotent
from .types import type_of

ACCOUNT = re.compile(r"\d{12}")
IAM = re.compile(r"arn:[a-z-]+:iam::\d{12}:(role|user)/.+")
ORGANIZATION = re.compile(r"arn:[a-z-]+:organizations::\d{12}:organization/(o-[a-z0-9]+)")
UNIT = re.compile(r"arn:[a-z-]+:organizations::\d{12}:ou/(o-[a-z0-9]+)/(ou-[a-z0-9-]+)")
REMEMBERED = 3600.0
"""How long what is in a share no longer is still shown."""


@ram.operation(on=share_named)
@idempotent
def associate_resource_share(
    call: Call,
    share: Share,
    resource_arns: list[str] = [],
    principals: list[str] = [],
    sources: list[str] = [],
    client_token: str = "",
) -> dict[str, Any]:
    """Add resources, principals and sources to a share."""
    added = add(call, share, resource_arns, principals, sources)
    return {"resourceShareAssociations": [one.shown(call, share) for one in added]}


def add(call: Call, share: Share, resources: list[str], principals: list[str], sources: list[str]) -> list[Association]:
    organization = sharing_in(call) if principals else None
    added = [resource(call, share, arn) for arn in resources]
    added += [principal(call, share, name, organization) for name in principals]
    added += [associated(call, share, SOURCE, name) for name in sources]
    share.put(call)
    publish(call, share)
    return added


def associated(call: Call, share: Share, kind: str, entity: str, **more: Any) -> Association:
    """Something that is in the share from now on."""
    values: dict[str, Any] = {"status": ASSOCIATED, "external": False, **more}
    before = Association.get(call, share.id, kind, entity)
    if before is not None and before.status in (ASSOCIATED, ASSOCIATING):
        return before
    return Association(share.id, kind, entity, created=call.now, updated=call.now, **values).put(call)


def resource(call: Call, share: Share, arn: str) -> Association:
    """A resource comes into a share, which has AWS's default permission for its type if it has none."""
    kind = type_of(call, arn)
    if kind not in share.permissions:
        grant(call, share, default_for(call, kind))
    return associated(call, share, RESOURCE, arn, type=kind)


def grant(call: Call, share: Share, permit: Permit, parameters: list[dict[str, Any]] = []) -> None:
    """Have a share give a permission for its type of resources."""
    if permit.status != "ATTACHABLE":
        raise invalid(f"The permission {permit.arn} cannot be attached.")
    values = {one["name"]: one["values"] for one in parameters}
    if missing := {one["name"] for one in permit.parameters} - values.keys():
        raise invalid(f"The parameter {min(missing)} of the permission {permit.arn} has no value.")
    share.permissions = share.permissions | {permit.type: Granted(permit.arn, permit.number, call.now, values)}


def principal(call: Call, share: Share, name: str, organization: Organization | None) -> Association:
    """Somebody comes into a share; an account outside the organization when it has accepted."""
    if found := ORGANIZATION.fullmatch(name):
        if organization is None or found[1] != organization.id:
            raise unknown(f"Organization {found[1]}")
        return associated(call, share, PRINCIPAL, name)
    if found := UNIT.fullmatch(name):
        path = path_of_unit(call, organization, found[2]) if organization else None
        if path is None:
            raise unknown(f"OrganizationalUnit {found[2]}")
        return associated(call, share, PRINCIPAL, name, path=path)
    if is_service(name):
        return associated(call, share, PRINCIPAL, name)
    if not (ACCOUNT.fullmatch(name) or IAM.fullmatch(name)):
        raise malformed(name) if name.startswith("arn:") else invalid(f"The principal {name} is not valid.")
    account = name.split(":")[4] if name.startswith("arn:") else name
    theirs = sharing_in(call.at(account=account))
    external = account != call.account and (organization is None or theirs != organization)
    if not external:
        return associated(call, share, PRINCIPAL, name)
    if not share.external:
        raise not_permitted(
            "The resource share can only be shared within your AWS organization. This error may also occur if you have "
            "not enabled sharing with your AWS organization, or that onboarding process is still in progress."
        )
    before = Association.get(call, share.id, PRINCIPAL, name)
    if before is None or before.status not in (ASSOCIATED, ASSOCIATING):
        invitations.invite(call, share, name)
    return associated(call, share, PRINCIPAL, name, status=ASSOCIATING, external=True)


@ram.operation(on=share_named)
@idempotent
def disassociate_resource_share(
    call: Call,
    share: Share,
    resource_arns: list[str] = [],
    principals: list[str] = [],
    sources: list[str] = [],
    client_token: str = "",
) -> dict[str, Any]:
    """Take resources, principals and sources out of a share."""
    given = ((RESOURCE, resource_arns), (PRINCIPAL, principals), (SOURCE, sources))
    found = [one_of(call, share, kind, entity) for kind, entities in given for entity in entities]
    for one in found:
        leave(call, share, one)
    publish(call, share)
    return {"resourceShareAssociations": [one.shown(call, share) for one in found]}


def one_of(call: Call, share: Share, kind: str, entity: str) -> Association:
    found = Association.get(call, share.id, kind, entity)
    if found is None or found.status == DISASSOCIATED:
        raise unknown(f"{kind.capitalize()} {entity} of ResourceShare {share.arn(call)}")
    return found


def leave(call: Call, share: Share, one: Association) -> None:
    """Something is in a share no longer, and is shown so for a while."""
    if one.kind == PRINCIPAL:
        invitations.forget(call, share, one.entity)
    one.status, one.updated = DISASSOCIATED, call.now
    one.put(call)
    forget_association.later(
        call.at(principal=service("ram.amazonaws.com")),
        share=share.id,
        kind=one.kind,
        entity=one.entity,
        delay=REMEMBERED,
    )


@ram.task
def forget_association(call: Call, share: str, kind: str, entity: str) -> None:
    one = Association.get(call, share, kind, entity)
    if one is not None and one.status == DISASSOCIATED and one.updated <= call.now - REMEMBERED:
        one.delete(call)


def in_use(call: Call, share: Share, kind: str) -> bool:
    """Whether there are resources of a type in a share."""
    return any(one.type == kind for one in associations(call, share, RESOURCE, ASSOCIATED))


def check_unused(call: Call, share: Share, kind: str) -> None:
    if in_use(call, share, kind):
        raise bad_state(f"There are resources of the type {kind} in the resource share.")
