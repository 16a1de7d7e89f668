"""S/MIME certificates of identities (`ses.smime` signs with them)."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault
from pileus.services.ses.faults import wrong
from pileus.services.ses.identities import Identity
from pileus.services.ses.smime import Certificate

from . import sesv2
from .identities import existing


@sesv2.operation(on=existing)
def associate_email_identity_certificate(
    call: Call, found: Identity, certificate_arn: str, from_address: str = ""
) -> None:
    address = addressed(call, found, from_address)
    if Certificate.get(call, found.name, address):
        raise Fault("AlreadyExistsException", f"A certificate is associated with {address} already.")
    described(call, certificate_arn)
    Certificate(found.name, address, certificate_arn).put(call)


def addressed(call: Call, found: Identity, given: str) -> str:
    """The address that is meant: an identity's own, or one of a domain's."""
    if not found.is_domain:
        if given not in ("", found.name):
            raise wrong(call, "FromAddress must match the email identity.")
        return found.name
    domain = given.rpartition("@")[2]
    if not given or not (domain == found.name or domain.endswith(f".{found.name}")):
        raise wrong(call, "FromAddress is required for a domain, and must belong to it.")
    return given


def described(call: Call, arn: str) -> dict[str, Any]:
    try:
        told: dict[str, Any] = call.aws("acm").describe_certificate(certificate_arn=arn)["Certificate"]
    except Fault as fault:
        if fault.code == "ResourceNotFoundException":
            raise Fault("NotFoundException", f"Certificate {arn} does not exist.") from None
        raise
    return told


@sesv2.operation(on=existing)
def disassociate_email_identity_certificate(call: Call, found: Identity, from_address: str = "") -> None:
    address = addressed(call, found, from_address)
    held = Certificate.get(call, found.name, address)
    if held is None:
        raise Fault("NotFoundException", f"No certificate is associated with {address}.")
    held.delete(call)


@sesv2.operation(on=existing)
def list_email_identity_certificates(
    call: Call, found: Identity, next_token: str = "", page_size: int = 100
) -> dict[str, Any]:
    invalid = wrong(call, "Invalid NextToken")
    page = Certificate.page(call, found.name, limit=page_size, token=next_token, invalid=invalid)
    return {"Certificates": [shown(call, one) for one in page.items], "NextToken": page.token}


def shown(call: Call, one: Certificate) -> dict[str, Any]:
    told = {"FromAddress": one.address, "CertificateArn": one.arn_of_certificate}
    try:
        about = described(call, one.arn_of_certificate)
    except Fault:
        return told | {"Status": "FAILED"}
    ends = about.get("NotAfter")
    exportable = about["Type"] == "PRIVATE" or about.get("Options", {}).get("Export") == "ENABLED"
    good = about["Status"] == "ISSUED" and exportable and (ends is None or ends > call.now)
    return told | {"Status": "ACTIVE" if good else "FAILED", "CertificateExpiryTime": ends}
