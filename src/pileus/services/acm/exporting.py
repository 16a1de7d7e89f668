"""Certificates for elsewhere: exported with their key, and revoked, which only exported ones can be."""

from __future__ import annotations

import re
from typing import Any

from pileus.engines.x509 import keys
from pileus.kernel import Call, Fault, identity

from . import acm, faults
from .certificates import AMAZON, IMPORTED, ISSUED, PENDING, REVOKED, Certificate, announce, chain_of, named

Members = dict[str, Any]

CLOUD = identity.service("pileus.amazonaws.com")
PASSPHRASE = re.compile(rb"[\x20-\x7e]{4,128}")


@acm.operation(on=named)
def export_certificate(call: Call, certificate: Certificate, passphrase: bytes) -> Members:
    """A certificate with its chain and its key, which the passphrase encrypts.

    What the cloud itself serves with a certificate gets any, and that is no export.
    """
    arn = certificate.arn(call)
    serving = call.principal == CLOUD
    if not serving and (
        certificate.type == IMPORTED
        or certificate.endpoint
        or (certificate.type == AMAZON and not certificate.exportable)
    ):
        raise faults.validation(f"Certificate ARN: {arn} is not a private certificate or an exportable public one.")
    if certificate.status == PENDING:
        raise faults.in_progress(arn)
    if certificate.status != ISSUED:
        raise faults.validation(f"Certificate {arn} is in the state {certificate.status} and cannot be exported.")
    if not PASSPHRASE.fullmatch(passphrase) or any(sign in passphrase for sign in b"#$%"):
        raise faults.validation("The passphrase must have 4 to 128 ASCII characters, none of them #, $ or %.")
    if not serving:
        certificate.exported = True
        certificate.put(call)
    key = keys.pem(certificate.secret(call), passphrase)
    return {"Certificate": f"{certificate.certificate}\n", "PrivateKey": key} | chain_of(certificate)


@acm.operation(on=named)
def revoke_certificate(call: Call, certificate: Certificate, revocation_reason: str) -> Members:
    """Revoke a public certificate that has been exported, for good."""
    arn = certificate.arn(call)
    if certificate.users(call):
        raise Fault("ResourceInUseException", f"Certificate {arn} in use.")
    if certificate.type != AMAZON or not certificate.exportable or not certificate.certificate:
        raise faults.validation(f"Certificate {arn} is not a public certificate that was exported.")
    if certificate.status == REVOKED:
        raise Fault("ConflictException", f"Certificate {arn} is already revoked.")
    certificate.status = REVOKED
    certificate.revoked = call.now
    certificate.reason = "SUPERSEDED" if revocation_reason == "SUPERCEDED" else revocation_reason
    certificate.put(call)
    announce(call, "ACM Certificate Revoked", certificate, RevocationReason=certificate.reason)
    return {"CertificateArn": arn}
