"""Permissions: what ACM may do with an authority by itself, to renew certificates."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, paging

from . import acm_pca, faults
from .authorities import Authority, living
from .policies import ACM

Members = dict[str, Any]


@acm_pca.operation(on=living)
def create_permission(
    call: Call, authority: Authority, principal: str, actions: list[str], source_account: str = ""
) -> None:
    """Let ACM use an authority for certificates of its own account."""
    source = source_account or call.account
    if principal != ACM:
        raise faults.validation(f"The principal {principal} is not valid; it must be {ACM}.")
    if source != call.account:
        raise faults.validation("The source account must be the account of the certificate authority.")
    if match(authority, principal, source):
        raise Fault("PermissionAlreadyExistsException", "The designated permission has already been given to the user.")
    given = {"Principal": principal, "SourceAccount": source, "Actions": list(dict.fromkeys(actions))}
    authority.permissions = [*authority.permissions, given | {"CreatedAt": call.now}]
    authority.put(call)


@acm_pca.operation(on=living)
def delete_permission(call: Call, authority: Authority, principal: str, source_account: str = "") -> None:
    found = match(authority, principal, source_account or call.account)
    if found is None:
        raise faults.missing(principal)
    authority.permissions = [one for one in authority.permissions if one is not found]
    authority.put(call)


@acm_pca.operation(on=living)
def list_permissions(call: Call, authority: Authority, max_results: int = 1000, next_token: str = "") -> Members:
    start = paging.opened(call, next_token, faults.invalid_token()) if next_token else 0
    stop = start + max_results
    told = [one | {"CertificateAuthorityArn": authority.arn(call)} for one in authority.permissions[start:stop]]
    more = paging.sealed(call, stop) if stop < len(authority.permissions) else None
    return {"Permissions": told, "NextToken": more}


def match(authority: Authority, principal: str, source: str) -> Members | None:
    wanted = (principal, source)
    return next((one for one in authority.permissions if (one["Principal"], one["SourceAccount"]) == wanted), None)
