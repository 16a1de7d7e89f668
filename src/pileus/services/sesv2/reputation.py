"""Reputation: how tenants and identities stand, by their bounces and complaints, and what SES does about tenants.

A tenant is a reputation entity. What follows from its rates depends on its policy: `standard` stops a tenant whose
findings have a high impact, `strict` one that has any, `none` nobody; the tenant itself may be stopped or reinstated.
"Managing tenants", Developer Guide. The thresholds are those of the account-level reviews; that twenty letters of a
month are needed is ours.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from pileus.kernel import Call, Fault, paging
from pileus.services.ses.faults import wrong
from pileus.services.ses.identities import Identity
from pileus.services.ses.insights import KEPT, between

from . import sesv2
from .tenants import Tenant

LOW, HIGH = "LOW", "HIGH"
REPRESENTATIVE = 20
RATES = {"BOUNCE": ("PERMANENT_BOUNCE", 0.05, 0.10), "COMPLAINT": ("COMPLAINT", 0.001, 0.005)}
"""The metric, and from what rate on its impact is low, and high."""
POLICIES = ("none", "standard", "strict")
ENABLED, DISABLED, REINSTATED = "ENABLED", "DISABLED", "REINSTATED"
SPELT = {"BOUNCE": "bounce", "COMPLAINT": "complaint"}


def rates(call: Call, field: str) -> dict[str, dict[str, str]]:
    """The findings of each tenant or identity that has some: what is too often, and the impact."""
    sent: Counter[str] = Counter()
    met: dict[str, Counter[str]] = {kind: Counter() for kind in RATES}
    for volume in between(call, call.now - KEPT, call.now):
        name = getattr(volume, field)
        sent[name] += volume.count if volume.metric == "SEND" else 0
        for kind, (metric, _, _) in RATES.items():
            met[kind][name] += volume.count if volume.metric == metric else 0
    found: dict[str, dict[str, str]] = {}
    for name, letters in sent.items():
        for kind, (_, low, high) in RATES.items():
            rate = met[kind][name] / letters if letters >= REPRESENTATIVE else 0.0
            if rate >= low:
                found.setdefault(name, {})[kind] = HIGH if rate >= high else LOW
    return found


def policy_arn(call: Call, name: str) -> str:
    return f"arn:{call.partition}:ses:{call.region}:aws:reputation-policy/{name}"


def impact(findings: dict[str, str]) -> str:
    return HIGH if HIGH in findings.values() else LOW if findings else ""


def managed(tenant: Tenant, findings: dict[str, str]) -> str:
    """What SES itself says of a tenant."""
    worst = impact(findings)
    stopped = (tenant.policy == "standard" and worst == HIGH) or (tenant.policy == "strict" and bool(worst))
    return DISABLED if stopped else ENABLED


def aggregate(tenant: Tenant, findings: dict[str, str]) -> str:
    if tenant.status == REINSTATED:
        return REINSTATED
    return DISABLED if DISABLED in (tenant.status, managed(tenant, findings)) else ENABLED


def status_of(call: Call, tenant: Tenant) -> str:
    """Whether a tenant may send."""
    findings = rates(call, "tenant").get(tenant.name, {}) if tenant.policy != "none" else {}
    return aggregate(tenant, findings)


# Entities


def shown(call: Call, tenant: Tenant, findings: dict[str, str]) -> dict[str, Any]:
    status = managed(tenant, findings)
    cause = f"Reputation findings: {', '.join(sorted(findings))}" if status == DISABLED else None
    return {
        "ReputationEntityReference": tenant.arn(call),
        "ReputationEntityType": "RESOURCE",
        "ReputationManagementPolicy": policy_arn(call, tenant.policy),
        "CustomerManagedStatus": {"Status": tenant.status, "LastUpdatedTimestamp": tenant.status_at or tenant.created},
        "AwsSesManagedStatus": {"Status": status, "Cause": cause, "LastUpdatedTimestamp": call.now},
        "SendingStatusAggregate": aggregate(tenant, findings),
        "ReputationImpact": impact(findings) or None,
    }


def existing(call: Call, reputation_entity_reference: str) -> Tenant:
    name = reputation_entity_reference.partition(":tenant/")[2].partition("/")[0]
    found = Tenant.get(call, name) if name else None
    if found is None or found.arn(call) != reputation_entity_reference:
        raise Fault("NotFoundException", f"Reputation entity <{reputation_entity_reference}> does not exist.")
    return found


@sesv2.operation(on=existing)
def get_reputation_entity(call: Call, found: Tenant, reputation_entity_type: str) -> dict[str, Any]:
    return {"ReputationEntity": shown(call, found, rates(call, "tenant").get(found.name, {}))}


@sesv2.operation
def list_reputation_entities(
    call: Call,
    filter: dict[str, str] = {},  # noqa: A002 (the member's name)
    next_token: str = "",
    page_size: int = 100,
) -> dict[str, Any]:
    findings = rates(call, "tenant")

    def wanted(tenant: Tenant) -> bool:
        told = shown(call, tenant, findings.get(tenant.name, {}))
        return (
            filter.get("ENTITY_TYPE", "RESOURCE") == "RESOURCE"
            and filter.get("REPUTATION_IMPACT", told["ReputationImpact"]) == told["ReputationImpact"]
            and filter.get("SENDING_STATUS", told["SendingStatusAggregate"]) == told["SendingStatusAggregate"]
            and told["ReputationEntityReference"].startswith(filter.get("ENTITY_REFERENCE_PREFIX", ""))
        )

    invalid = wrong(call, "Invalid NextToken")
    page = Tenant.page(call, limit=page_size, token=next_token, where=wanted, invalid=invalid)
    told = [shown(call, one, findings.get(one.name, {})) for one in page.items]
    return {"ReputationEntities": told, "NextToken": page.token}


@sesv2.operation(on=existing)
def update_reputation_entity_policy(
    call: Call, found: Tenant, reputation_entity_type: str, reputation_entity_policy: str
) -> None:
    chosen = {policy_arn(call, name): name for name in POLICIES}.get(reputation_entity_policy)
    if chosen is None:
        raise wrong(call, f"<{reputation_entity_policy}> is not a reputation policy.")
    found.policy = chosen
    found.put(call)


@sesv2.operation(on=existing)
def update_reputation_entity_customer_managed_status(
    call: Call, found: Tenant, reputation_entity_type: str, sending_status: str
) -> None:
    found.status, found.status_at = sending_status, call.now
    found.put(call)


# Recommendations


@sesv2.operation
def list_recommendations(
    call: Call,
    filter: dict[str, str] = {},  # noqa: A002 (the member's name)
    next_token: str = "",
    page_size: int = 100,
) -> dict[str, Any]:
    """What could be better about identities, as they are now: a problem that is mended is not listed any more."""
    findings = rates(call, "identity")
    found = [one for identity in Identity.scan(call) for one in recommended(call, identity, findings)]
    members = {"TYPE": "Type", "IMPACT": "Impact", "STATUS": "Status", "RESOURCE_ARN": "ResourceArn"}
    kept = [one for one in found if all(one[members[name]] == value for name, value in filter.items())]
    start = paging.opened(call, next_token, wrong(call, "Invalid NextToken")) if next_token else 0
    following = paging.sealed(call, start + page_size) if start + page_size < len(kept) else None
    return {"Recommendations": kept[start : start + page_size], "NextToken": following}


def recommended(call: Call, identity: Identity, findings: dict[str, dict[str, str]]) -> list[dict[str, Any]]:
    told: list[tuple[str, str, str]] = []
    if identity.is_domain and not (identity.dkim and identity.signs):
        told.append(("DKIM", "DKIM signing is not enabled for the domain.", HIGH))
    if identity.is_domain and not identity.mail_from:
        told.append(("SPF", "The domain has no custom MAIL FROM domain, so SPF does not align.", LOW))
    for kind, worst in findings.get(identity.name, {}).items():
        told.append((kind, f"The {SPELT[kind]} rate of the last 30 days is too high.", worst))
    return [
        {
            "ResourceArn": identity.arn(call),
            "Type": kind,
            "Description": text,
            "Status": "OPEN",
            "CreatedTimestamp": identity.created,
            "LastUpdatedTimestamp": call.now,
            "Impact": worst,
        }
        for kind, text, worst in told
    ]
