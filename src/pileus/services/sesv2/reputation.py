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
from pileus.services.ses.insights import DAY, KEPT, Standing, between

from . import sesv2
from .tenants import Tenant

LOW, HIGH = "LOW", "HIGH"
REPRESENTATIVE = 20
RATES = {"BOUNCE": ("PERMANENT_BOUNCE", 0.05, 0.10), "COMPLAINT": ("COMPLAINT", 0.001, 0.005)}
"""The metric, and from what rate on its impact is low, and high."""
POLICIES = ("none", "standard", "strict")
ENABLED, DISABLED, REINSTATED = "ENABLED", "DISABLED", "REINSTATED"
SPELT = {"BOUNCE": "bounce", "COMPLAINT": "complaint"}


def of_identities(call: Call) -> dict[str, dict[str, str]]:
    """The findings of each identity that has some."""
    counts: dict[str, Counter[str]] = {}
    for volume in between(call, call.now - KEPT, call.now):
        counts.setdefault(volume.identity, Counter())[volume.metric] += volume.count
    return {name: found for name, count in counts.items() if (found := judged(count))}


def of_tenant(call: Call, tenant: Tenant) -> dict[str, str]:
    """What is too often with a tenant's letters of the last month."""
    counts: Counter[str] = Counter()
    for day in Standing.scan(call, tenant.name, since=(int(call.now - KEPT) // DAY,)):
        counts.update(day.counts)
    return judged(counts)


def judged(counts: Counter[str]) -> dict[str, str]:
    """What is too often, and the impact."""
    letters = counts["SEND"]
    if letters < REPRESENTATIVE:
        return {}
    shares = {kind: counts[metric] / letters for kind, (metric, _, _) in RATES.items()}
    return {
        kind: HIGH if shares[kind] >= high else LOW for kind, (_, low, high) in RATES.items() if shares[kind] >= low
    }


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
    findings = of_tenant(call, tenant) if tenant.policy != "none" else {}
    return aggregate(tenant, findings)


# Entities


def shown(call: Call, tenant: Tenant) -> dict[str, Any]:
    findings = of_tenant(call, tenant)
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
    return {"ReputationEntity": shown(call, found)}


@sesv2.operation
def list_reputation_entities(
    call: Call,
    filter: dict[str, str] = {},  # noqa: A002 (the member's name)
    next_token: str = "",
    page_size: int = 100,
) -> dict[str, Any]:
    def wanted(tenant: Tenant) -> bool:
        told = shown(call, tenant)
        return (
            filter.get("ENTITY_TYPE", "RESOURCE") == "RESOURCE"
            and filter.get("REPUTATION_IMPACT", told["ReputationImpact"]) == told["ReputationImpact"]
            and filter.get("SENDING_STATUS", told["SendingStatusAggregate"]) == told["SendingStatusAggregate"]
            and told["ReputationEntityReference"].startswith(filter.get("ENTITY_REFERENCE_PREFIX", ""))
        )

    invalid = wrong(call, "Invalid NextToken")
    page = Tenant.page(call, limit=page_size, token=next_token, where=wanted, invalid=invalid)
    told = [shown(call, one) for one in page.items]
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
    findings = of_identities(call)
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
