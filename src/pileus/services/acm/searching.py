"""Searches: certificates for which a statement holds, in an order of choice.

A search reads all certificates of the account in the Region, of which there are 2,500 at most.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, paging

from . import acm, faults
from .certificates import Certificate
from .listing import summary

Members = dict[str, Any]

METADATA = (
    "CreatedAt", "Exported", "ImportedAt", "InUse", "IssuedAt", "RenewalEligibility", "RevokedAt", "Status", "Type",
    "ExportOption", "ManagedBy", "CertificateKeyPairOrigin",
)  # fmt: skip


@acm.operation
def search_certificates(
    call: Call,
    filter_statement: Members = {},
    max_results: int = 100,
    next_token: str = "",
    sort_by: str = "CREATED_AT",
    sort_order: str = "DESCENDING",
) -> Members:
    """Certificates for which a statement of filters holds."""
    start = paging.opened(call, next_token, faults.invalid_token()) if next_token else 0
    results = [shown(call, one) for one in Certificate.scan(call)]
    found = [result for result in results if not filter_statement or holds(filter_statement, result)]
    found.sort(key=lambda result: rank(result, sort_by), reverse=sort_order == "DESCENDING")
    stop = start + max_results
    more = paging.sealed(call, stop) if stop < len(found) else None
    return {"Results": found[start:stop], "NextToken": more}


def shown(call: Call, one: Certificate) -> Members:
    """CertificateSearchResult."""
    told = summary(call, one)
    metadata = {member: told[member] for member in METADATA if member in told}
    metadata |= {"RenewalStatus": one.renewal["RenewalStatus"]} if one.renewal else {}
    metadata |= {"ValidationMethod": one.method} if one.method else {}
    metadata |= {"AcmeEndpointArn": one.endpoint, "AcmeAccountId": one.acme_account} if one.endpoint else {}
    attributes: Members = {
        "Subject": one.told.get("SubjectName", {"CommonName": one.domain}),
        "SubjectAlternativeNames": one.told.get("SubjectAlternativeNames", [{"DnsName": name} for name in one.names]),
        "KeyAlgorithm": one.key_algorithm,
        "KeyUsages": told["KeyUsages"],
        "ExtendedKeyUsages": told["ExtendedKeyUsages"],
        "NotBefore": one.not_before,
        "NotAfter": one.not_after,
        "Issuer": one.told.get("IssuerName"),
        "SerialNumber": one.told.get("Serial"),
    }
    return {
        "CertificateArn": told["CertificateArn"],
        "X509Attributes": {member: value for member, value in attributes.items() if value is not None},
        "CertificateMetadata": {"AcmCertificateMetadata": metadata},
    }


def holds(statement: Members, result: Members) -> bool:
    if len(statement) != 1:
        raise faults.validation("A filter statement must have exactly one of And, Or, Not and Filter.")
    ((kind, inner),) = statement.items()
    if kind == "And":
        return all(holds(one, result) for one in inner)
    if kind == "Or":
        return any(holds(one, result) for one in inner)
    if kind == "Not":
        return not holds(inner, result)
    return passes(inner, result)


def passes(given: Members, result: Members) -> bool:
    if len(given) != 1:
        raise faults.validation("A filter must have exactly one member.")
    ((kind, value),) = given.items()
    if kind == "CertificateArn":
        return bool(result["CertificateArn"] == value)
    if len(value) != 1:
        raise faults.validation(f"{kind} must have exactly one member.")
    ((member, wanted),) = value.items()
    if kind == "AcmCertificateMetadataFilter":
        return bool(result["CertificateMetadata"]["AcmCertificateMetadata"].get(member) == wanted)
    return attribute(result["X509Attributes"], member, wanted)


def attribute(own: Members, member: str, wanted: Any) -> bool:
    """Whether an X.509 attribute is as a filter wants it."""
    if member == "Subject":
        return compared([own["Subject"].get("CommonName", "")], wanted["CommonName"])
    if member == "SubjectAlternativeName":
        return compared(
            [one["DnsName"] for one in own["SubjectAlternativeNames"] if "DnsName" in one], wanted["DnsName"]
        )
    if member in ("ExtendedKeyUsage", "KeyUsage"):
        return wanted in own[f"{member}s"]
    if member in ("NotAfter", "NotBefore"):
        when = own.get(member)
        return when is not None and wanted.get("Start", when) <= when <= wanted.get("End", when)
    return bool(own.get(member) == wanted)


def compared(values: list[str], wanted: Members) -> bool:
    text = wanted["Value"].lower()
    if wanted["ComparisonOperator"] == "EQUALS":
        return any(value.lower() == text for value in values)
    return any(text in value.lower() for value in values)


def rank(result: Members, sort_by: str) -> tuple[bool, Any]:
    """Where a result stands in the order; what lacks the value comes before all others."""
    if sort_by == "CERTIFICATE_ARN":
        value = result["CertificateArn"]
    elif sort_by == "COMMON_NAME":
        value = result["X509Attributes"]["Subject"].get("CommonName")
    else:
        member = "".join(part.title() for part in sort_by.split("_"))
        metadata = result["CertificateMetadata"]["AcmCertificateMetadata"]
        value = metadata.get(member, result["X509Attributes"].get(member))
    return value is not None, "" if value is None else value
