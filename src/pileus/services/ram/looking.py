"""Looking at what one shares, and at what others share with one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pileus.kernel import Call
from pileus.kernel.access.attached import Shared

from . import ram
from .faults import invalid
from .lists import MOST, page
from .organization import places_of
from .publishing import found_by
from .shares import (
    ASSOCIATED,
    PRINCIPAL,
    RESOURCE,
    SOURCE,
    Association,
    Received,
    Share,
    any_share,
    associations,
    share_named,
)
from .types import check_type, types

Filters = list[dict[str, Any]]
SELF = "SELF"


def own_or_received(call: Call, owner: str) -> Iterator[tuple[Call, Share]]:
    """The shares of the account, or those of others that mean it; each with the call that looks at its owner."""
    if owner == SELF:
        for share in Share.scan(call):
            yield call, share
        return
    seen = set()
    for place in places_of(call, call.account):
        for received in Received.scan(call, place, call.region):
            if received.owner == call.account or received.share in seen:
                continue
            seen.add(received.share)
            there = call.at(account=received.owner)
            if found := Share.get(there, received.share):
                yield there, found


@ram.operation
def get_resource_shares(
    call: Call,
    resource_owner: str,
    resource_share_arns: list[str] = [],
    resource_share_status: str = "",
    name: str = "",
    tag_filters: Filters = [],
    next_token: str = "",
    max_results: int = MOST,
    permission_arn: str = "",
    permission_version: int = 0,
) -> dict[str, Any]:
    """Shares of the account, or of others with it."""
    if resource_owner == SELF:
        for arn in resource_share_arns:
            any_share(call, arn)
    found = []
    for there, share in own_or_received(call, resource_owner):
        if resource_share_arns and share.arn(there) not in resource_share_arns:
            continue
        if resource_share_status not in ("", share.status) or name not in ("", share.name):
            continue
        if not has_tags(share, tag_filters) or not gives(share, permission_arn, permission_version):
            continue
        found.append(share.shown(there))
    return page(call, "resourceShares", found, next_token, max_results)


def has_tags(share: Share, filters: Filters) -> bool:
    for one in filters:
        value = share.tags.get(one.get("tagKey", ""))
        if value is None or (one.get("tagValues") and value not in one["tagValues"]):
            return False
    return True


def gives(share: Share, arn: str, number: int) -> bool:
    return not arn or any(one.arn == arn and number in (0, one.number) for one in share.permissions.values())


@ram.operation
def get_resource_share_associations(
    call: Call,
    association_type: str,
    resource_share_arns: list[str] = [],
    resource_arn: str = "",
    principal: str = "",
    association_status: str = "",
    next_token: str = "",
    max_results: int = MOST,
) -> dict[str, Any]:
    """What or who is in shares of the account."""
    if (association_type == PRINCIPAL and resource_arn) or (association_type == RESOURCE and principal):
        raise invalid("You cannot filter principals by a resource, nor resources by a principal.")
    shares = [any_share(call, arn) for arn in resource_share_arns] or list(Share.scan(call))
    wanted = resource_arn or principal
    found = [
        one.shown(call, share)
        for share in shares
        for one in associations(call, share, association_type, association_status)
        if wanted in ("", one.entity)
    ]
    return page(call, "resourceShareAssociations", found, next_token, max_results)


@ram.operation
def list_source_associations(
    call: Call,
    resource_share_arns: list[str] = [],
    source_id: str = "",
    source_type: str = "",
    association_status: str = "",
    next_token: str = "",
    max_results: int = MOST,
) -> dict[str, Any]:
    """For whom services may use what is shared."""
    shares = [any_share(call, arn) for arn in resource_share_arns] or list(Share.scan(call))
    found = []
    for share in shares:
        for one in associations(call, share, SOURCE, association_status):
            kind = "ACCOUNT" if one.entity.isdigit() else one.entity.split(":")[2].upper()
            if source_id in ("", one.entity) and source_type in ("", kind):
                found.append(source(call, share, one, kind))
    return page(call, "sourceAssociations", found, next_token, max_results)


def source(call: Call, share: Share, one: Association, kind: str) -> dict[str, Any]:
    return {
        "resourceShareArn": share.arn(call),
        "sourceId": one.entity,
        "sourceType": kind,
        "status": one.status,
        "creationTime": one.created,
        "lastUpdatedTime": one.updated,
    }


@ram.operation
def list_principals(
    call: Call,
    resource_owner: str,
    resource_arn: str = "",
    principals: list[str] = [],
    resource_type: str = "",
    resource_share_arns: list[str] = [],
    next_token: str = "",
    max_results: int = MOST,
) -> dict[str, Any]:
    """With whom the account shares something, or who does with it."""
    kind = check_type(call, resource_type) if resource_type else ""
    found = []
    for there, share in own_or_received(call, resource_owner):
        if not concerns(there, share, resource_share_arns, [resource_arn] if resource_arn else [], kind):
            continue
        for one in associations(there, share, PRINCIPAL, ASSOCIATED):
            if resource_owner == SELF or found_by(one) in places_of(call, call.account):
                shown = principal_shown(there, share, one)
                shown["id"] = one.entity if resource_owner == SELF else there.account
                if not principals or shown["id"] in principals:
                    found.append(shown)
    return page(call, "principals", found, next_token, max_results)


def concerns(there: Call, share: Share, shares: list[str], resources: list[str], kind: str) -> bool:
    """Whether a share is one of those, and has such resources."""
    if shares and share.arn(there) not in shares:
        return False
    if not resources and not kind:
        return True
    held = associations(there, share, RESOURCE, ASSOCIATED)
    return any((not resources or one.entity in resources) and kind in ("", one.type) for one in held)


def principal_shown(there: Call, share: Share, one: Association) -> dict[str, Any]:
    return {
        "id": one.entity,
        "resourceShareArn": share.arn(there),
        "creationTime": one.created,
        "lastUpdatedTime": one.updated,
        "external": one.external,
    }


@ram.operation
def list_resources(
    call: Call,
    resource_owner: str,
    principal: str = "",
    resource_type: str = "",
    resource_arns: list[str] = [],
    resource_share_arns: list[str] = [],
    next_token: str = "",
    max_results: int = MOST,
    resource_region_scope: str = "ALL",
) -> dict[str, Any]:
    """What the account shares, or others with it. All that can be shared here is regional."""
    kind = check_type(call, resource_type) if resource_type else ""
    found = []
    for there, share in own_or_received(call, resource_owner):
        if resource_region_scope == "GLOBAL" or not concerns(there, share, resource_share_arns, [], ""):
            continue
        if principal and not shared_with(there, share, principal, resource_owner):
            continue
        found += [
            resource_shown(there, share, one)
            for one in associations(there, share, RESOURCE, ASSOCIATED)
            if kind in ("", one.type) and (not resource_arns or one.entity in resource_arns)
        ]
    return page(call, "resources", found, next_token, max_results)


def shared_with(there: Call, share: Share, principal: str, owner: str) -> bool:
    if owner != SELF:
        return there.account == principal
    return any(one.entity == principal for one in associations(there, share, PRINCIPAL, ASSOCIATED))


def resource_shown(there: Call, share: Share, one: Association) -> dict[str, Any]:
    return {
        "arn": one.entity,
        "type": one.type,
        "resourceShareArn": share.arn(there),
        "creationTime": one.created,
        "lastUpdatedTime": one.updated,
        "status": "AVAILABLE",
        "resourceRegionScope": "REGIONAL",
    }


@ram.operation
def list_resource_types(
    call: Call, resource_region_scope: str = "ALL", next_token: str = "", max_results: int = MOST
) -> dict[str, Any]:
    """What can be shared."""
    found = [
        {"resourceType": kind, "serviceName": kind.partition(":")[0], "resourceRegionScope": "REGIONAL"}
        for kind in (types(call) if resource_region_scope != "GLOBAL" else [])
    ]
    return page(call, "resourceTypes", found, next_token, max_results)


@ram.operation
def get_resource_policies(
    call: Call, resource_arns: list[str], principal: str = "", next_token: str = "", max_results: int = MOST
) -> dict[str, Any]:
    """The policies of what the account shares, as the access decision reads them."""
    policies = []
    for arn in resource_arns:
        service = arn.split(":", 3)[2] if arn.count(":") > 4 else ""
        for one in Shared.scan(call, service, arn):
            share = share_named(call, one.share)
            if not principal or shared_with(call, share, principal, SELF):
                policies.append(one.document)
    return page(call, "policies", policies, next_token, max_results)
