"""What the access decision is told of a share: for each of its resources a policy, as if it hung on the resource."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pileus.kernel import Call
from pileus.kernel.access.attached import Shared

from . import templates
from .organization import sharing_in
from .permissions import permit
from .shares import ASSOCIATED, PRINCIPAL, RESOURCE, SOURCE, Association, Received, Share, associations

Json = dict[str, Any]


def publish(call: Call, share: Share) -> None:
    """Tell anew who may do what with the resources of a share, and who finds them."""
    for resource in associations(call, share, RESOURCE):
        text = document(call, share, resource) if resource.status == ASSOCIATED else ""
        tell(call, share, resource.entity, text)
    for principal in associations(call, share, PRINCIPAL):
        if name := found_by(principal):
            received = Received(name, call.region, call.account, share.id, principal.updated)
            if principal.status == ASSOCIATED:
                received.put(call)
            elif Received.get(call, *received.place()):
                received.delete(call)


def tell(call: Call, share: Share, resource: str, text: str) -> None:
    service = resource.split(":", 3)[2]
    before = Shared.get(call, service, resource, share.arn(call))
    if text:
        Shared(service, resource, share.arn(call), text).put(call)
    elif before:
        before.delete(call)


def document(call: Call, share: Share, resource: Association) -> str:
    """The policy of one resource, or an empty text while nobody may use it."""
    statements = list(statements_of(call, share, resource))
    return json.dumps({"Version": "2012-10-17", "Statement": statements}) if statements else ""


def statements_of(call: Call, share: Share, resource: Association) -> Iterator[Json]:
    granted = share.permissions[resource.type]
    template = templates.filled(json.loads(permit(call, granted.arn, granted.number).template), granted.parameters)
    for principal, condition in principals_of(call, share):
        statement = template | {"Principal": principal, "Resource": resource.entity}
        if condition:
            statement["Condition"] = both(template.get("Condition", {}), condition)
        yield statement


def both(one: Json, other: Json) -> Json:
    """Two blocks of conditions, both of which must hold."""
    return {name: one.get(name, {}) | other.get(name, {}) for name in (*one, *(set(other) - set(one)))}


def principals_of(call: Call, share: Share) -> Iterator[tuple[Any, Json]]:
    """Principal elements for those in a share, with the conditions under which they are in it."""
    present = associations(call, share, PRINCIPAL, ASSOCIATED)
    inside = [one for one in present if not one.external and is_account(one.entity)]
    for accounts, condition in (
        ([one for one in present if one.external], {}),
        (inside, {} if share.retained else same_organization(call)),
    ):
        if accounts:
            yield {"AWS": [name_of(call, one.entity) for one in accounts]}, condition
    for one in present:
        if one.path:
            yield "*", {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": f"{one.path}*"}}
        elif ":organization/" in one.entity:
            yield "*", {"StringEquals": {"aws:PrincipalOrgID": one.entity.rpartition("/")[2]}}
    services = [one.entity for one in present if is_service(one.entity)]
    if services:
        yield {"Service": services}, sources_of(call, share)


def same_organization(call: Call) -> Json:
    organization = sharing_in(call)
    return {"StringEquals": {"aws:PrincipalOrgID": organization.id}} if organization else {}


def sources_of(call: Call, share: Share) -> Json:
    """For which accounts and resources services may use what is shared."""
    sources = [one.entity for one in associations(call, share, SOURCE, ASSOCIATED)]
    accounts = [one for one in sources if is_account(one)]
    arns = [one for one in sources if not is_account(one)]
    found: Json = {"StringEquals": {"aws:SourceAccount": accounts}} if accounts else {}
    return found | ({"ArnLike": {"aws:SourceArn": arns}} if arns else {})


def is_account(entity: str) -> bool:
    return (len(entity) == 12 and entity.isdigit()) or ":iam::" in entity


def is_service(entity: str) -> bool:
    return not entity.startswith("arn:") and entity.endswith(".amazonaws.com")


def name_of(call: Call, entity: str) -> str:
    return entity if entity.startswith("arn:") else f"arn:{call.partition}:iam::{entity}:root"


def found_by(principal: Association) -> str:
    """By what those find the share whom a principal means: number of the account, id of the organization or unit."""
    if ":iam::" in principal.entity:
        return principal.entity.split(":")[4]
    return "" if is_service(principal.entity) else principal.entity.rpartition("/")[2]
