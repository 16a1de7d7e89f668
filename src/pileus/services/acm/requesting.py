"""Requests: a certificate for domain names, from the cloud's authority or a private one."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, arn, names
from pileus.kernel import tags as tagging

from . import acm, faults
from .certificates import AMAZON, PENDING, PRIVATE, Certificate, checked, named
from .domains import EMAIL, WAITING
from .domains import options as domain_options
from .issuing import issue
from .letters import write
from .validating import TIME, look, time_out

Members = dict[str, Any]

HOUR = 3600.0
MOST = 2500
"""Certificates of an account in a Region ("Quotas")."""
MOST_NAMES = 10
"""Domain names in a certificate, unless a customer asks for more."""

PUBLIC_KEYS = ("RSA_2048", "EC_prime256v1", "EC_secp384r1")
"""Keys of certificates that ACM issues; private ones may have a P-521 key or a longer one of RSA too."""
PRIVATE_KEYS = (*PUBLIC_KEYS, "RSA_3072", "RSA_4096", "EC_secp521r1")


@acm.operation
def request_certificate(
    call: Call,
    domain_name: str,
    validation_method: str = EMAIL,
    subject_alternative_names: list[str] = [],
    idempotency_token: str = "",
    domain_validation_options: list[Members] = [],
    options: Members = {},
    certificate_authority_arn: str = "",
    tags: list[Members] = [],
    key_algorithm: str = "RSA_2048",
    managed_by: str = "",
) -> Members:
    """Request a certificate. It is issued once all of its names are proven, or by its private authority."""
    domain = domain_name.lower()
    domains = list(dict.fromkeys([domain, *(name.lower() for name in subject_alternative_names)]))
    if known := repeated(call, idempotency_token, domain, domains):
        return {"CertificateArn": known.arn(call)}
    check(call, domains, validation_method, managed_by)
    private = bool(certificate_authority_arn)
    check_key(key_algorithm, PRIVATE_KEYS if private else PUBLIC_KEYS)
    if private:
        check_authority(certificate_authority_arn)
        if options.get("Export") == "DISABLED":
            raise faults.parameter("Private certificates can always be exported.")
    method = "" if private else validation_method
    certificate = Certificate(
        id=names.uuid4(),
        type=PRIVATE if private else AMAZON,
        domain=domain,
        names=domains,
        created=call.now,
        key_algorithm=key_algorithm,
        tags=checked(tagging.as_map(tags)),
        token=idempotency_token,
        method=method,
        domains=domain_options(call, domains, method, domain_validation_options) if method else [],
        exportable=options.get("Export") == "ENABLED",
        logged=options.get("CertificateTransparencyLoggingPreference") != "DISABLED",
        authority=certificate_authority_arn,
        managed_by=managed_by,
    ).put(call)
    begin(call, certificate)
    return {"CertificateArn": certificate.arn(call)}


def begin(call: Call, certificate: Certificate) -> None:
    """Set going what ends with the certificate, or without one after 72 hours."""
    if certificate.type == PRIVATE:
        issue.later(call, certificate=certificate.id)
        return
    time_out.later(call, delay=TIME, certificate=certificate.id)
    look.later(call, certificate=certificate.id)
    if certificate.method == EMAIL:
        write(call, certificate, certificate.domains)


def repeated(call: Call, token: str, domain: str, domains: list[str]) -> Certificate | None:
    """The certificate that was asked for with the same token within the last hour."""
    if not token:
        return None
    for known in Certificate.scan(call, token, index="by_token"):
        if known.created > call.now - HOUR and (known.domain, known.names) == (domain, domains):
            return known
    return None


def check(call: Call, domains: list[str], method: str, managed_by: str) -> None:
    if len(domains) > MOST_NAMES:
        message = f"Error: the number of domain names, {len(domains)}, exceeds the limit of {MOST_NAMES}."
        raise Fault("LimitExceededException", message)
    if method == "HTTP" or managed_by:
        raise faults.parameter("Only CloudFront can request certificates that it manages, or validate them by HTTP.")
    if len(list(Certificate.scan(call, limit=MOST))) == MOST:
        raise Fault("LimitExceededException", f"You have reached the limit of {MOST} certificates.")


def check_key(algorithm: str, fine: tuple[str, ...]) -> None:
    if algorithm not in fine:
        raise faults.parameter(f"The key algorithm {algorithm} is not supported for this certificate.")


def check_authority(text: str) -> None:
    if not arn.parse(text).resource.startswith("certificate-authority/"):
        raise faults.invalid_arn(text)


@acm.operation(on=named)
def resend_validation_email(call: Call, certificate: Certificate, domain: str, validation_domain: str) -> None:
    """Write once more to those who can prove a name, perhaps at a domain above it."""
    if certificate.status != PENDING or certificate.method != EMAIL:
        raise faults.state("Validation emails can be sent for certificates that wait for validation by email only.")
    given = [{"DomainName": domain, "ValidationDomain": validation_domain}]
    if domain.lower() not in certificate.names:
        raise Fault("InvalidDomainValidationOptionsException", f"The domain {domain} is not in the certificate.")
    (one,) = domain_options(call, [domain.lower()], EMAIL, given)
    certificate.domains = [
        one if (old["DomainName"], old["ValidationStatus"]) == (one["DomainName"], WAITING) else old
        for old in certificate.domains
    ]
    certificate.put(call)
    write(call, certificate, [one])
