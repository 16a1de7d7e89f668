"""Issuing: a key, and a certificate for it from the cloud's authority or from a private one."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

from pileus.engines.x509 import chains, keys
from pileus.kernel import Call, Fault, Principal

from . import acm
from .authority import Authority, authority
from .certificates import AMAZON, FAILED, ISSUED, PENDING, Certificate, announce
from .expiring import await_end

if TYPE_CHECKING:
    from cryptography import x509

Members = dict[str, Any]

DAY = 86400.0
PUBLIC_DAYS = 198
"""How long public certificates live (User Guide, "ACM certificate characteristics")."""
PRIVATE_DAYS = 395

SIGNATURE = {"RSA": "SHA256WITHRSA", "EC_prime256v1": "SHA256WITHECDSA", "EC_secp384r1": "SHA384WITHECDSA",
             "EC_secp521r1": "SHA512WITHECDSA"}  # fmt: skip

REASONS = {
    "AccessDenied": "PCA_ACCESS_DENIED",
    "AccessDeniedException": "PCA_ACCESS_DENIED",
    "InvalidArgsException": "PCA_INVALID_ARGS",
    "InvalidArnException": "PCA_INVALID_ARN",
    "InvalidStateException": "PCA_INVALID_STATE",
    "LimitExceededException": "PCA_LIMIT_EXCEEDED",
    "ResourceNotFoundException": "PCA_RESOURCE_NOT_FOUND",
    "ValidationException": "PCA_INVALID_DURATION",
}
"""Why a private authority did not issue, by its error."""

Issue = tuple["x509.Certificate", list["x509.Certificate"], Any]


@acm.task
async def issue(call: Call, certificate: str) -> None:
    """Issue a certificate that was requested, and whose names are proven."""
    found = Certificate.get(call, certificate)
    if found is None or found.status != PENDING:
        return
    try:
        made = await issued(call, found, call.principal)
    except Fault as fault:
        if found.type == AMAZON:
            raise
        failed(call, certificate, fault)
        return
    with call.transaction():
        found = Certificate.get(call, certificate)
        if found is None or found.status != PENDING:
            return
        found.install(call, *made)
        found.issued = call.now
        found.status = ISSUED
        found.put(call)
        await_end(call, found)
        announce(call, "ACM Certificate Available", found, Action="ISSUANCE")


def failed(call: Call, certificate: str, fault: Fault) -> None:
    with call.transaction():
        if (found := Certificate.get(call, certificate)) and found.status == PENDING:
            found.status = FAILED
            found.failure = REASONS.get(fault.code, "PCA_REQUEST_FAILED")
            found.put(call)


async def issued(call: Call, certificate: Certificate, principal: Principal) -> Issue:
    """A certificate, its chain and its key: anew, be it the first or a renewal."""
    key = await asyncio.to_thread(keys.generated, certificate.key_algorithm)
    if certificate.type == AMAZON:
        above = await authority(call)
        return public(call, certificate, above, key), above.chain, key
    found, chain = await private(call, certificate, key, principal)
    return found, chain, key


def public(call: Call, certificate: Certificate, above: Authority, key: Any) -> x509.Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.x509.oid import ExtendedKeyUsageOID

    issuer = above.chain[0]
    rest = "content_commitment data_encipherment key_agreement key_cert_sign crl_sign encipher_only decipher_only"
    encipher = certificate.key_algorithm.startswith("RSA")
    usage = x509.KeyUsage(digital_signature=True, key_encipherment=encipher, **dict.fromkeys(rest.split(), False))
    identifier = chains.extension(issuer, x509.SubjectKeyIdentifier)
    return (
        x509.CertificateBuilder()
        .subject_name(subject(certificate))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number() >> 32)
        .not_valid_before(chains.instant(call.now // DAY * DAY))
        .not_valid_after(chains.instant(call.now // DAY * DAY + PUBLIC_DAYS * DAY - 1))
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(alternatives(certificate), critical=False)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(above.secret(call), SHA256())
    )


def subject(certificate: Certificate) -> x509.Name:
    """The first domain name as a common name, which has at most 64 characters."""
    from cryptography import x509

    fits = len(certificate.domain) <= 64
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, certificate.domain)] if fits else [])


def alternatives(certificate: Certificate) -> x509.SubjectAlternativeName:
    from cryptography import x509

    return x509.SubjectAlternativeName([x509.DNSName(name) for name in certificate.names])


async def private(
    call: Call, certificate: Certificate, key: Any, principal: Principal
) -> tuple[x509.Certificate, list[x509.Certificate]]:
    """A certificate from a private authority, asked as `principal`."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding

    csr = x509.CertificateSigningRequestBuilder().subject_name(subject(certificate))
    csr = csr.add_extension(alternatives(certificate), critical=False)
    place = certificate.authority
    pca = call.aws("acm-pca", principal=principal)

    async def ask(operation: str, **members: Any) -> Members:
        answer = getattr(pca, operation)(certificate_authority_arn=place, **members)
        found: Members = await answer if inspect.isawaitable(answer) else answer
        return found

    named = await ask(
        "issue_certificate",
        csr=csr.sign(key, SHA256()).public_bytes(Encoding.PEM),
        signing_algorithm=await algorithm(call, place),
        validity={"Type": "DAYS", "Value": PRIVATE_DAYS},
        template_arn=f"arn:{call.partition}:acm-pca:::template/EndEntityCertificate/V1",
    )
    found = await ask("get_certificate", certificate_arn=named["CertificateArn"])
    (leaf,) = chains.read(found["Certificate"].encode())
    return leaf, chains.read(found["CertificateChain"].encode())


async def algorithm(call: Call, place: str) -> str:
    """The signing algorithm of a private authority, which ACM is to know without being allowed to describe it."""
    from pileus.kernel import identity

    answer = call.aws("acm-pca", principal=identity.service("pileus.amazonaws.com")).describe_certificate_authority(
        certificate_authority_arn=place
    )
    found: Members = await answer if inspect.isawaitable(answer) else answer
    return str(found["CertificateAuthority"]["CertificateAuthorityConfiguration"]["SigningAlgorithm"])
