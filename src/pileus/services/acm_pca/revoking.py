"""Revocation: a certificate is no longer to be trusted."""

from __future__ import annotations

import re

from pileus.kernel import Call, Fault, Record

from . import acm_pca, faults
from .authorities import ACTIVE, DISABLED, EXPIRED, Authority, living, tell
from .issuing import Issued
from .lists import publish_soon

SERIAL = re.compile(r"[0-9a-f]{1,32}")

REASONS = {
    "UNSPECIFIED": "unspecified",
    "KEY_COMPROMISE": "key_compromise",
    "CERTIFICATE_AUTHORITY_COMPROMISE": "ca_compromise",
    "AFFILIATION_CHANGED": "affiliation_changed",
    "SUPERSEDED": "superseded",
    "CESSATION_OF_OPERATION": "cessation_of_operation",
    "PRIVILEGE_WITHDRAWN": "privilege_withdrawn",
    "A_A_COMPROMISE": "aa_compromise",
}
"""As the library names the reasons of RFC 5280, 5.3.1."""


class Revoked(Record, key=("authority", "serial")):
    """A revoked certificate, as long as lists have to name it."""

    authority: str
    serial: str
    when: float
    reason: str
    not_after: float


@acm_pca.operation(on=living)
def revoke_certificate(call: Call, authority: Authority, certificate_serial: str, revocation_reason: str) -> None:
    """Revoke a certificate of this authority, by its serial number in hexadecimal digits."""
    authority.check(ACTIVE, DISABLED, EXPIRED)
    digits = certificate_serial.replace(":", "").lower().removeprefix("0x")
    if not SERIAL.fullmatch(digits):
        raise faults.request(f"The certificate serial {certificate_serial} is not valid.")
    issued = Issued.get(call, authority.id, digits.zfill(32))
    if issued is None:
        raise faults.missing(certificate_serial)
    if issued.revoked is not None:
        raise Fault("RequestAlreadyProcessedException", "Your certificate has already been revoked.")
    if authority.certificate and issued.certificate == authority.certificate:
        raise faults.request("Self-signed certificate can not be revoked.")
    if issued.not_after <= call.now:
        raise faults.request("An expired certificate cannot be revoked.")
    issued.revoked, issued.reason = call.now, revocation_reason
    issued.put(call)
    Revoked(authority.id, issued.serial, call.now, REASONS[revocation_reason], issued.not_after).put(call)
    publish_soon(call, authority)
    told = {"result": "success"}
    resources = [authority.arn(call), issued.name(call, authority)]
    tell.later(call, kind="ACM Private CA Certificate Revocation", resources=resources, detail=told)
