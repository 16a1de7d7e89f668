"""Managed renewal: certificates in use, or exported, get a successor under the same ARN before they end.

Public ones need their names proven again: a record that stayed does it, a mail needs somebody. Private ones need the
permissions that the authority gives ACM.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, identity

from . import acm, faults
from .certificates import AMAZON, IMPORTED, ISSUED, PRIVATE, Certificate, announce, named
from .domains import EMAIL, PROVEN, WAITING, options, proven
from .expiring import await_end
from .issuing import REASONS, issued
from .letters import Letter, write
from .validating import marked

Members = dict[str, Any]

DAY = 86400.0
PENDING_AUTO = "PENDING_AUTO_RENEWAL"


@acm.operation(on=named)
def renew_certificate(call: Call, certificate: Certificate) -> None:
    """Renew a private certificate that has been exported now."""
    if certificate.type != PRIVATE or not certificate.exported or certificate.status != ISSUED:
        raise faults.validation(f"Certificate {certificate.arn(call)} is not eligible for renewal.")
    summarise(call, certificate, PENDING_AUTO)
    certificate.put(call)
    try_again(call, certificate)


def summarise(call: Call, certificate: Certificate, status: str, reason: str = "", domains: list[Members] = []) -> None:
    """RenewalSummary, which only public certificates show with domains."""
    known = domains or certificate.renewal.get("DomainValidationOptions", [])
    told = {"RenewalStatus": status, "DomainValidationOptions": known, "UpdatedAt": call.now}
    certificate.renewal = told | ({"RenewalStatusReason": reason} if reason else {})


def await_renewal(call: Call, certificate: Certificate, due: float) -> None:
    """Enqueue the next attempt, in place of the one that may be waiting."""
    certificate.renewed = due
    certificate.put(call)
    renew.later(call, due=due, certificate=certificate.id, due_at=due)


def try_again(call: Call, certificate: Certificate) -> None:
    """Do not wait for tomorrow."""
    await_renewal(call, certificate, call.now)


@acm.task
async def renew(call: Call, certificate: str, due_at: float) -> None:
    """Renew a certificate if it may be, or look again tomorrow."""
    found = Certificate.get(call, certificate)
    if found is None or found.renewed != due_at or found.status != ISSUED or not found.not_after:
        return
    end = found.not_after
    if end <= call.now:
        return
    if not found.eligible(call):
        with call.transaction():
            await_renewal(call, found, call.now + DAY)
        return
    if found.type == AMAZON and not await confirmed(call, found):
        return
    service = identity.service("acm.amazonaws.com", found.arn(call), call.account)
    try:
        made = await issued(call, found, service)
    except Fault as fault:
        if found.type == AMAZON:
            raise
        refused(call, certificate, end, REASONS.get(fault.code, "PCA_REQUEST_FAILED"))
        return
    with call.transaction():
        found = Certificate.get(call, certificate)
        if found is None or found.not_after != end or found.type == IMPORTED:
            return
        found.install(call, *made)
        found.issued = call.now
        summarise(call, found, PROVEN)
        found.put(call)
        Letter.forget(call, certificate)
        await_end(call, found)
        announce(call, "ACM Certificate Available", found, Action="RENEWAL")


async def confirmed(call: Call, certificate: Certificate) -> bool:
    """Whether all names are proven anew. If not, tell whoever has to act, and look again tomorrow."""
    begun = bool(certificate.renewal) and certificate.renewal["RenewalStatus"] != PROVEN
    if begun:
        domains = certificate.renewal["DomainValidationOptions"]
    else:
        domains = options(call, certificate.names, certificate.method, [])
    waiting = [one for one in domains if one["ValidationStatus"] == WAITING]
    seen = {one["DomainName"] for one in waiting if await proven(call, one)}
    domains = marked(domains, seen)
    done = all(one["ValidationStatus"] == PROVEN for one in domains)
    with call.transaction():
        found = Certificate.get(call, certificate.id)
        if found is None or found.not_after != certificate.not_after:
            return False
        summarise(call, found, PENDING_AUTO if done else WAITING, domains=domains)
        found.put(call)
        if not done:
            announce(call, "ACM Certificate Renewal Action Required", found, RenewalStatusReason="OTHER")
            if certificate.method == EMAIL and not begun:
                write(call, found, [one for one in domains if one["ValidationStatus"] == WAITING])
            await_renewal(call, found, call.now + DAY)
    return done


def refused(call: Call, certificate: str, end: float, reason: str) -> None:
    """The private authority did not issue; ACM asks again tomorrow."""
    with call.transaction():
        if (found := Certificate.get(call, certificate)) and found.not_after == end:
            summarise(call, found, "FAILED", reason)
            found.put(call)
            announce(call, "ACM Certificate Renewal Action Required", found, RenewalStatusReason=reason)
            await_renewal(call, found, call.now + DAY)
