"""Lists of certificates, with the few filters that ListCertificates knows."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault

from . import acm, faults
from .certificates import AMAZON, PRIVATE, Certificate

Members = dict[str, Any]

SHOWN_BY_DEFAULT = ["RSA_1024", "RSA_2048"]
ORIGINS = ["AWS_MANAGED", "CUSTOMER_PROVIDED"]
"""Whose keys are shown by default: those of ACME's only if they are asked for."""
MOST_NAMES = 100
"""In a summary; the rest is described."""


@acm.operation
def list_certificates(
    call: Call,
    certificate_statuses: list[str] = [],
    certificate_key_pair_origins: list[str] = [],
    includes: Members = {},
    next_token: str = "",
    max_items: int = 100,
    sort_by: str = "",
    sort_order: str = "",
) -> Members:
    """Certificates with short RSA keys, unless other kinds are asked for."""
    if bool(sort_by) != bool(sort_order):
        raise Fault("InvalidArgsException", "SortBy and SortOrder must be specified together.")

    def wanted(one: Certificate) -> bool:
        if certificate_statuses and one.status not in certificate_statuses:
            return False
        if one.origin not in (certificate_key_pair_origins or ORIGINS):
            return False
        return included(one, includes)

    order: Members = {"index": "by_time", "reverse": sort_order == "DESCENDING"} if sort_by else {}
    if order.get("reverse"):
        page = backwards(call, wanted, max_items, next_token)
    else:
        page = Certificate.page(
            call, limit=max_items, token=next_token, where=wanted, invalid=faults.invalid_token(), **order
        )
    return {"CertificateSummaryList": [summary(call, one) for one in page[0]], "NextToken": page[1]}


def backwards(call: Call, wanted: Any, limit: int, token: str) -> tuple[list[Certificate], str | None]:
    """A page from the latest on."""
    from pileus.kernel import paging

    bound: Members = {"before": tuple(paging.opened(call, token, faults.invalid_token()))} if token else {}
    found: list[Certificate] = []
    for one in Certificate.scan(call, index="by_time", reverse=True, **bound):
        if wanted(one):
            if len(found) == limit:
                return found, paging.sealed(call, found[-1].place("by_time"))
            found.append(one)
    return found, None


def included(one: Certificate, includes: Members) -> bool:
    """Whether a certificate passes all Filters."""
    if one.key_algorithm not in (includes.get("keyTypes") or SHOWN_BY_DEFAULT):
        return False
    for member, own in (("keyUsage", usages(one)), ("extendedKeyUsage", purposes(one))):
        if (asked := includes.get(member)) and "ANY" not in asked and not {*asked} & {*own}:
            return False
    export = includes.get("exportOption")
    if export and (exportable(one) != export):
        return False
    return not includes.get("managedBy") or one.managed_by == includes["managedBy"]


def exportable(one: Certificate) -> str:
    return "ENABLED" if one.type == PRIVATE or (one.type == AMAZON and one.exportable) else "DISABLED"


def usages(one: Certificate) -> list[str]:
    return [usage["Name"] for usage in one.told.get("KeyUsages", ())]


def purposes(one: Certificate) -> list[str]:
    return [purpose["Name"] for purpose in one.told.get("ExtendedKeyUsages", ())]


def summary(call: Call, one: Certificate) -> Members:
    """CertificateSummary."""
    told = {
        "CertificateArn": one.arn(call),
        "DomainName": one.domain,
        "SubjectAlternativeNameSummaries": one.names[:MOST_NAMES],
        "HasAdditionalSubjectAlternativeNames": len(one.names) > MOST_NAMES,
        "Status": one.status,
        "Type": one.type,
        "KeyAlgorithm": one.key_algorithm,
        "KeyUsages": usages(one),
        "ExtendedKeyUsages": purposes(one),
        "ExportOption": exportable(one),
        "InUse": bool(one.users(call)),
        "Exported": one.exported,
        "RenewalEligibility": "ELIGIBLE" if one.eligible(call) else "INELIGIBLE",
        "NotBefore": one.not_before,
        "NotAfter": one.not_after,
        "CreatedAt": one.created,
        "IssuedAt": one.issued,
        "ImportedAt": one.imported,
        "RevokedAt": one.revoked,
        "ManagedBy": one.managed_by or None,
        "CertificateKeyPairOrigin": one.origin,
    }
    return {member: value for member, value in told.items() if value is not None}
