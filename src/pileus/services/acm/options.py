"""Options that can be changed later: logging, export, and the move from mails to DNS."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, paging

from . import acm, faults
from .certificates import AMAZON, ISSUED, Certificate, named
from .domains import DNS, EMAIL, PROVEN, WAITING, options, proven
from .validating import TIME, marked, next_look

Members = dict[str, Any]


@acm.operation(on=named, honours=("Options",))
def update_certificate_options(call: Call, certificate: Certificate, request: Members) -> None:
    """Change options of a public certificate."""
    wanted = request["Options"]
    if certificate.type != AMAZON:
        raise faults.validation("Options can be changed for certificates that ACM has issued only.")
    if certificate.status not in (ISSUED, WAITING):
        raise faults.state(f"Certificate {certificate.arn(call)} is in the state {certificate.status}.")
    if logging := wanted.get("CertificateTransparencyLoggingPreference"):
        certificate.logged = logging == "ENABLED"
    if export := wanted.get("Export"):
        if certificate.exportable and export == "DISABLED":
            raise faults.validation("Export cannot be disabled once it is enabled.")
        certificate.exportable = export == "ENABLED"
    method = wanted.get("ValidationMethod")
    if method and method != certificate.method:
        migrate(call, certificate, method)
    certificate.put(call)


def migrate(call: Call, certificate: Certificate, method: str) -> None:
    """Begin to prove the names by DNS; mails do until all records are there."""
    if (certificate.method, method) != (EMAIL, DNS) or certificate.status != ISSUED:
        raise faults.validation("An issued certificate can only be changed from EMAIL to DNS validation.")
    if certificate.target:
        raise Fault("ConflictException", "The domain validation method is being changed already.")
    certificate.target = options(call, certificate.names, DNS, [])
    certificate.update = {
        "Status": "PENDING_DOMAIN_VALIDATION",
        "Type": "DOMAIN_VALIDATION_METHOD",
        "DomainValidationMethodUpdateSummary": {"From": EMAIL, "To": DNS},
        "RequestedAt": call.now,
        "UpdatedAt": call.now,
    }
    look_for_records.later(call, certificate=certificate.id, begun=call.now)


@acm.task
async def look_for_records(call: Call, certificate: str, begun: float) -> None:
    """Go over to DNS once all records are there; give it up after 72 hours."""
    found = Certificate.get(call, certificate)
    if found is None or not found.target or found.update["RequestedAt"] != begun:
        return
    seen = {one["DomainName"] for one in found.target if await proven(call, one)}
    with call.transaction():
        found = Certificate.get(call, certificate)
        if found is None or not found.target:
            return
        found.target = marked(found.target, seen)
        if all(one["ValidationStatus"] == PROVEN for one in found.target):
            found.method, found.domains, found.target = DNS, found.target, []
            found.update = found.update | {"Status": "SUCCESS", "UpdatedAt": call.now}
        elif begun + TIME <= call.now:
            found.target = []
            found.update = found.update | {"Status": "FAILED", "UpdatedAt": call.now}
        else:
            look_for_records.later(call, delay=next_look(call.now - begun), certificate=certificate, begun=begun)
        found.put(call)


@acm.operation(on=named)
def list_certificate_domain_validations(
    call: Call, certificate: Certificate, next_token: str = "", max_items: int = 1000
) -> Members:
    """How each name is proven, and how it is going to be."""
    start = (
        paging.opened(call, next_token, Fault("InvalidArgsException", "The NextToken is not valid."))
        if next_token
        else 0
    )
    stop = start + max_items
    target = {one["DomainName"]: one for one in certificate.target}
    told = []
    for one in certificate.domains[start:stop]:
        summary = {"DomainName": one["DomainName"], "ActiveValidationConfiguration": configuration(one)}
        if one["DomainName"] in target:
            summary["RequestedValidationConfiguration"] = configuration(target[one["DomainName"]])
        told.append(summary)
    more = paging.sealed(call, stop) if stop < len(certificate.domains) else None
    return {"DomainValidationSummaryList": told, "NextToken": more}


def configuration(one: Members) -> Members:
    if one["ValidationMethod"] == DNS:
        challenge = {"DnsValidationChallenge": {"ResourceRecord": one["ResourceRecord"]}}
    else:
        emails = {"ValidationEmails": one["ValidationEmails"], "ValidationDomain": one["ValidationDomain"]}
        challenge = {"EmailValidationChallenge": emails}
    return {
        "ValidationMethod": one["ValidationMethod"],
        "ValidationChallenge": challenge,
        "ValidationStatus": one["ValidationStatus"],
    }
