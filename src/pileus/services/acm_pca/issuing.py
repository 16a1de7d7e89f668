"""Certificates: issued from requests (PKCS #10) as a template says, and fetched."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pileus.engines.x509 import chains, keys
from pileus.kernel import Call, Fault, Record, arn

from . import acm_pca, extensions, faults
from .authorities import ACTIVE, DISABLED, EXPIRED, IDEMPOTENT, PENDING, ROOT, SHORT_LIVED, Authority, living, tell
from .extensions import Extension
from .revocation import pointers
from .subjects import name
from .templates import Template, template
from .validity import end, start

if TYPE_CHECKING:
    from cryptography import x509

Members = dict[str, Any]

WEEK = 7 * 86400.0
"""The longest life of a certificate of an authority for short-lived ones (API reference, UsageMode)."""


class Issued(Record, key=("authority", "serial"), indexes={"by_token": ("authority", "token")}, kw_only=True):
    """A certificate that an authority has issued."""

    authority: str
    serial: str
    """32 hexadecimal digits."""
    certificate: str
    template: str
    subject: str
    not_before: float
    not_after: float
    issued: float
    by: str = ""
    """The service that asked for it, if one did."""
    token: str = ""
    revoked: float | None = None
    reason: str = ""

    def name(self, call: Call, authority: Authority) -> str:
        return f"{authority.arn(call)}/certificate/{self.serial}"


@acm_pca.operation(on=living)
def issue_certificate(
    call: Call,
    authority: Authority,
    csr: bytes,
    signing_algorithm: str,
    validity: Members,
    template_arn: str = "",
    api_passthrough: Members = {},
    validity_not_before: Members = {},
    idempotency_token: str = "",
) -> Members:
    """Issue a certificate for the key in a request."""
    if idempotency_token:
        for known in Issued.scan(call, authority.id, idempotency_token, index="by_token"):
            if known.issued > call.now - IDEMPOTENT:
                return {"CertificateArn": known.name(call, authority)}
    kind = template(template_arn, call.partition)
    check_state(authority, kind)
    request = read_request(csr)
    begin, until = period(call, authority, kind, validity, validity_not_before)
    issuer = issuer_of(authority, kind, request, until)
    if kind.from_api and api_passthrough.get("Subject"):
        subject = name(api_passthrough["Subject"])
    else:
        subject = request.subject
    number = int.from_bytes(os.urandom(16), "big") >> 1 | 1 << 120
    certificate = signed(
        call,
        authority,
        signing_algorithm,
        subject=subject,
        issuer=issuer.subject if issuer else subject,
        public_key=request.public_key(),
        number=number,
        validity=(begin, until),
        given=extensions_of(call, authority, kind, request, issuer, api_passthrough),
    )
    place = kept(call, authority, certificate, kind, idempotency_token).name(call, authority)
    told = {"result": "success"}
    tell.later(call, kind="ACM Private CA Certificate Issuance", resources=[authority.arn(call), place], detail=told)
    return {"CertificateArn": place}


def period(
    call: Call, authority: Authority, kind: Template, validity: Members, not_before: Members
) -> tuple[float, float]:
    """From when until when the certificate is to be valid."""
    begin, until = start(not_before, call.now), end(validity, call.now)
    if begin >= until:
        raise faults.validation("The certificate must not end before it begins.")
    if authority.usage_mode == SHORT_LIVED and not kind.base.authority and int(until) - call.now > WEEK:
        raise faults.validation("The validity of certificates of a short-lived CA is at most seven days.")
    return begin, until


def kept(call: Call, authority: Authority, certificate: x509.Certificate, kind: Template, token: str) -> Issued:
    return Issued(
        authority=authority.id,
        serial=f"{certificate.serial_number:032x}",
        certificate=chains.pem(certificate),
        template=kind.arn,
        subject=certificate.subject.rfc4514_string(),
        not_before=certificate.not_valid_before_utc.timestamp(),
        not_after=certificate.not_valid_after_utc.timestamp(),
        issued=call.now,
        by=call.principal.arn if call.principal.type == "AWSService" else (call.called_via or ("",))[-1],
        token=token,
    ).put(call)


def check_state(authority: Authority, kind: Template) -> None:
    """An authority issues once it is active; a root without a certificate issues its own."""
    authority.check(ACTIVE, PENDING)
    if authority.status == PENDING and not (authority.type == ROOT and kind.base.root):
        raise faults.state(PENDING)


def read_request(csr: bytes) -> x509.CertificateSigningRequest:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        request = x509.load_pem_x509_csr(csr)
        valid = request.is_signature_valid
    except (ValueError, UnsupportedAlgorithm):
        raise faults.malformed_csr("The certificate signing request is not in PEM.") from None
    if not valid:
        raise faults.malformed_csr("The signature of the certificate signing request is not valid.")
    return request


def issuer_of(
    authority: Authority, kind: Template, request: x509.CertificateSigningRequest, until: float
) -> x509.Certificate | None:
    """The issuing certificate, if it may issue this; None where a root issues its own."""
    if kind.base.root:
        if authority.type != ROOT or request.public_key() != read_request(authority.csr.encode()).public_key():
            raise faults.malformed_csr(
                "A root certificate is issued for the root CA's own certificate signing request."
            )
        return None
    (issuer,) = chains.read(authority.certificate.encode())
    if until > issuer.not_valid_after_utc.timestamp():
        raise faults.validation("The certificate validity specified exceeds the certificate authority validity")
    constraints = chains.constraints(issuer)
    allowed = constraints.path_length if constraints else None
    if kind.base.authority and allowed is not None and (kind.path_length is None or kind.path_length >= allowed):
        raise faults.arguments(f"The path length of the template must be less than that of the CA, {allowed}.")
    return issuer


def extensions_of(
    call: Call,
    authority: Authority,
    kind: Template,
    request: x509.CertificateSigningRequest,
    issuer: x509.Certificate | None,
    given: Members,
) -> list[Extension]:
    """The template's, then those of the API, then those of the request; none twice."""
    from cryptography import x509

    base = kind.base
    own = x509.SubjectKeyIdentifier.from_public_key(request.public_key())
    constraints = x509.BasicConstraints(ca=base.authority, path_length=kind.path_length)
    found = [Extension(constraints, base.authority or kind.critical), Extension(own)]
    found.append(Extension(issuer_identifier(issuer, own)))
    if base.usage:
        found.append(Extension(extensions.usage(*base.usage), True))
    if base.purposes:
        oids = [extensions.PURPOSES[purpose] for purpose in base.purposes]
        found.append(Extension(extensions.purposes(oids), base.critical_purposes))
    if kind.from_api:
        found += extensions.of_api(given.get("Extensions", {}))
    if not base.root:
        found += pointers(call, authority)
    found += requested(kind, request)
    first: dict[str, Extension] = {}
    for extension in found:
        first.setdefault(extension.value.oid.dotted_string, extension)
    return list(first.values())


def requested(kind: Template, request: x509.CertificateSigningRequest) -> list[Extension]:
    """What a request asks for, as far as the template lets it: at least the alternative names."""
    from cryptography import x509

    try:
        asked = list(request.extensions)
    except ValueError as error:
        raise faults.malformed_csr(
            f"The extensions of the certificate signing request are not valid: {error}"
        ) from None
    alternatives = x509.SubjectAlternativeName.oid
    names = not (kind.base.blank and not kind.from_csr)
    return [Extension(one.value, one.critical) for one in asked if kind.from_csr or (names and one.oid == alternatives)]


def issuer_identifier(issuer: x509.Certificate | None, own: x509.SubjectKeyIdentifier) -> x509.AuthorityKeyIdentifier:
    from cryptography import x509

    if issuer is None:
        return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)
    identifier = chains.extension(issuer, x509.SubjectKeyIdentifier)
    if identifier is None:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key())  # type: ignore[arg-type]
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def signed(
    call: Call,
    authority: Authority,
    algorithm: str,
    *,
    subject: x509.Name,
    issuer: x509.Name,
    public_key: Any,
    number: int,
    validity: tuple[float, float],
    given: list[Extension],
) -> x509.Certificate:
    from cryptography import x509

    try:
        how = keys.signing(algorithm)
    except ValueError:
        raise faults.arguments(f"The signing algorithm {algorithm} is not supported.") from None
    secret = authority.secret(call)
    if how.family != keys.family(secret):
        raise faults.arguments(f"The signing algorithm {algorithm} does not match the CA's key algorithm.")
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(number)
        .not_valid_before(chains.instant(validity[0]))
        .not_valid_after(chains.instant(validity[1]))
    )
    for extension in given:
        builder = builder.add_extension(extension.value, critical=extension.critical)
    return builder.sign(secret, **how.arguments())


@acm_pca.operation(on=living)
def get_certificate(call: Call, authority: Authority, certificate_arn: str) -> Members:
    """A certificate, and the chain from its issuer on."""
    authority.check(ACTIVE, PENDING, DISABLED, EXPIRED)
    issued = issued_at(call, authority, certificate_arn)
    told = {"Certificate": issued.certificate}
    if authority.certificate and not template(issued.template, call.partition).base.root:
        told["CertificateChain"] = "\n".join(filter(None, (authority.certificate, authority.chain)))
    return told


def issued_at(call: Call, authority: Authority, certificate_arn: str) -> Issued:
    """The certificate of an ARN, which must be this authority's."""
    try:
        resource = arn.parse(certificate_arn).resource
    except ValueError:
        raise Fault("InvalidArnException", f"{certificate_arn} is not a valid ARN of a certificate") from None
    parts = resource.split("/")
    if len(parts) != 4 or parts[0] != "certificate-authority" or parts[2] != "certificate":
        raise Fault("InvalidArnException", f"{certificate_arn} is not a valid ARN of a certificate")
    issued = Issued.get(call, authority.id, parts[3]) if parts[1] == authority.id else None
    if issued is None:
        raise faults.missing(certificate_arn)
    return issued
