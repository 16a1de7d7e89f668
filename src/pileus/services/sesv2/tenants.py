"""Tenants: what of an account's resources may be used for one of its own customers' letters.

A tenant may have a suppression list of its own; how it stands, and whether it may send, is in `reputation`.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record, arn, names, tags
from pileus.services.ses.faults import wrong
from pileus.services.ses.identities import Identity
from pileus.services.ses.insights import Standing
from pileus.services.ses.sets import ConfigurationSet
from pileus.services.ses.suppression import TenantSuppressed
from pileus.services.ses.templates import Template

from . import sesv2
from .tagging import with_tags

KINDS: dict[str, tuple[str, type[Identity | ConfigurationSet | Template]]] = {
    "identity": ("EMAIL_IDENTITY", Identity),
    "configuration-set": ("CONFIGURATION_SET", ConfigurationSet),
    "template": ("EMAIL_TEMPLATE", Template),
}


class Tenant(Record, arn="arn:{partition}:ses:{region}:{account}:tenant/{name}/{id}", cfn="AWS::SES::Tenant"):
    name: str
    id: str
    created: float
    tags: dict[str, str] = {}
    policy: str = "standard"
    """What SES does about its reputation."""
    status: str = "ENABLED"
    """Whether its owner lets it send."""
    status_at: float | None = None
    suppression: dict[str, Any] = {}
    """Whose suppression list counts for it, and who gets on it."""

    def described(self, call: Call) -> dict[str, Any]:
        return {
            "TenantName": self.name,
            "TenantId": self.id,
            "TenantArn": self.arn(call),
            "CreatedTimestamp": self.created,
            "SendingStatus": sending_status(call, self),
        }


class Association(
    Record, key=("tenant", "resource"), indexes={"by_resource": ("resource",)}, table="ses.TenantResource"
):
    """A resource that may be used for a tenant."""

    tenant: str
    resource: str
    at: float


def existing(call: Call, tenant_name: str) -> Tenant:
    found = Tenant.get(call, tenant_name)
    if found is None:
        raise Fault("NotFoundException", f"Tenant <{tenant_name}> does not exist.")
    return found


@sesv2.operation
def create_tenant(
    call: Call, tenant_name: str, tags: list[dict[str, str]] = [], suppression_attributes: dict[str, Any] = {}
) -> dict[str, Any]:
    if Tenant.get(call, tenant_name):
        raise Fault("AlreadyExistsException", f"Tenant <{tenant_name}> already exists.")
    made = Tenant(tenant_name, f"tn-{names.token(30, names.LOWER)}", call.now, with_tags({}, tags))
    made.suppression = suppression_attributes
    return made.put(call).described(call) | {"Tags": as_list(made), "SuppressionAttributes": made.suppression or None}


def as_list(tenant: Tenant) -> list[dict[str, str]]:
    return tags.as_list(tenant.tags)


@sesv2.operation(on=existing)
def get_tenant(call: Call, found: Tenant) -> dict[str, Any]:
    more = {"Tags": as_list(found), "SuppressionAttributes": found.suppression or None}
    return {"Tenant": found.described(call) | more}


@sesv2.operation
def list_tenants(
    call: Call,
    filter: dict[str, str] = {},  # noqa: A002 (the member's name)
    next_token: str = "",
    page_size: int = 100,
) -> dict[str, Any]:
    part, status = filter.get("TENANT_NAME_CONTAINS", ""), filter.get("SENDING_STATUS", "")
    page = Tenant.page(
        call,
        limit=page_size,
        token=next_token,
        invalid=wrong(call, "Invalid NextToken"),
        where=lambda one: part in one.name and status in ("", sending_status(call, one)),
    )
    return {"Tenants": [one.described(call) for one in page.items], "NextToken": page.token}


@sesv2.operation(on=existing)
def delete_tenant(call: Call, found: Tenant) -> None:
    """Delete a tenant; what was for its use stays."""
    for one in list(Association.scan(call, found.name)):
        one.delete(call)
    TenantSuppressed.delete_all(call, found.name)
    Standing.delete_all(call, found.name)
    found.delete(call)


def sending_status(call: Call, tenant: Tenant) -> str:
    from .reputation import status_of

    return status_of(call, tenant)


@sesv2.operation(on=existing)
def put_tenant_suppression_attributes(
    call: Call, found: Tenant, suppressed_reasons: list[str] | None = None, suppression_scope: str = ""
) -> None:
    value: dict[str, Any] = {} if suppressed_reasons is None else {"SuppressedReasons": suppressed_reasons}
    found.suppression = value | ({"SuppressionScope": suppression_scope} if suppression_scope else {})
    found.put(call)


def kind_of(call: Call, resource: str) -> str:
    """The kind of a resource of this account, which must be there."""
    try:
        kind, _, name = arn.parse(resource).resource.partition("/")
    except ValueError:
        raise wrong(call, f"{resource} is not an ARN.") from None
    if kind not in KINDS:
        raise wrong(call, f"{resource} cannot be associated with a tenant.")
    told, record = KINDS[kind]
    found = record.get(call, name)
    if found is None or found.arn(call) != resource:
        raise Fault("NotFoundException", f"Resource <{resource}> does not exist.")
    return told


@sesv2.operation(on=existing)
def create_tenant_resource_association(call: Call, found: Tenant, resource_arn: str) -> None:
    kind_of(call, resource_arn)
    if Association.get(call, found.name, resource_arn):
        raise Fault("AlreadyExistsException", f"<{resource_arn}> is associated with tenant <{found.name}> already.")
    Association(found.name, resource_arn, call.now).put(call)


@sesv2.operation(on=existing)
def delete_tenant_resource_association(call: Call, found: Tenant, resource_arn: str) -> None:
    one = Association.get(call, found.name, resource_arn)
    if one is None:
        raise Fault("NotFoundException", f"<{resource_arn}> is not associated with tenant <{found.name}>.")
    one.delete(call)


@sesv2.operation(on=existing)
def list_tenant_resources(
    call: Call,
    found: Tenant,
    filter: dict[str, str] = {},  # noqa: A002
    page_size: int = 100,
    next_token: str = "",
) -> dict[str, Any]:
    wanted = filter.get("RESOURCE_TYPE", "")
    scope: dict[str, Any] = {"limit": page_size, "token": next_token, "invalid": wrong(call, "Invalid NextToken")}
    page = Association.page(call, found.name, where=lambda one: wanted in ("", told_kind(one.resource)), **scope)
    told = [{"ResourceType": told_kind(one.resource), "ResourceArn": one.resource} for one in page.items]
    return {"TenantResources": told, "NextToken": page.token}


def told_kind(resource: str) -> str:
    return KINDS[arn.parse(resource).resource.partition("/")[0]][0]


@sesv2.operation
def list_resource_tenants(call: Call, resource_arn: str, page_size: int = 100, next_token: str = "") -> dict[str, Any]:
    kind_of(call, resource_arn)
    scope: dict[str, Any] = {"limit": page_size, "token": next_token, "invalid": wrong(call, "Invalid NextToken")}
    page = Association.page(call, resource_arn, index="by_resource", **scope)
    told = []
    for one in page.items:
        tenant = existing(call, one.tenant)
        about = {"TenantName": tenant.name, "TenantId": tenant.id, "ResourceArn": one.resource}
        told.append(about | {"AssociatedTimestamp": one.at})
    return {"ResourceTenants": told, "NextToken": page.token}


def check(call: Call, name: str, used: list[Record]) -> None:
    """Raise where a letter for a tenant uses what is not for that."""
    if not name:
        return
    found = existing(call, name)
    if sending_status(call, found) == "DISABLED":
        raise Fault("SendingPausedException", f"Sending is paused for tenant <{found.name}>.")
    for one in used:
        if Association.get(call, found.name, one.arn(call)) is None:
            raise wrong(call, f"Resource <{one.arn(call)}> is not associated with tenant <{found.name}>.")
