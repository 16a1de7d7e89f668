"""Lists of revoked certificates (CRLs, RFC 5280, section 5), put into the customer's bucket.

A list is made when an authority gets its certificate, when one of its certificates is revoked, and at half the time
that the last one is good for. A partitioned list has one partition. A failure is tried again every quarter of an hour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pileus.engines.x509 import chains, keys
from pileus.kernel import Call

from . import acm_pca
from .authorities import ACTIVE, DISABLED, Authority, tell
from .revocation import list_address, list_key, service

if TYPE_CHECKING:
    from cryptography import x509

DAY = 86400.0
QUARTER = 900.0

ACLS = {"PUBLIC_READ": "public-read", "BUCKET_OWNER_FULL_CONTROL": "bucket-owner-full-control"}


def publish_soon(call: Call, authority: Authority) -> None:
    """Put a new list into the bucket, if the authority has lists."""
    if authority.revocation["CrlConfiguration"]["Enabled"] and authority.certificate:
        publish.later(call, authority=authority.id)


def quarterly(tries: int) -> float:
    return QUARTER


@acm_pca.task(retries=96, backoff=quarterly)
async def publish(call: Call, authority: str) -> None:
    """Write an authority's list, and see to the next one."""
    found = Authority.get(call, authority)
    if found is None or found.status not in (ACTIVE, DISABLED):
        return
    crl = found.revocation["CrlConfiguration"]
    if not crl["Enabled"]:
        return
    validity = crl["ExpirationInDays"] * DAY
    body = made(call, found, validity)
    place = found.arn(call)
    await call.aws("s3", principal=service(call, place)).put_object(
        bucket=crl["S3BucketName"],
        key=list_key(found),
        body=body,
        content_type="application/pkix-crl",
        acl=ACLS[crl["S3ObjectAcl"]],
    )
    with call.transaction():
        found = Authority.get(call, authority)
        if found is None:
            return
        tell.later(call, kind="ACM Private CA CRL Generation", resources=[place], detail={"result": "success"})
        if found.list_due <= call.now:
            found.list_due = call.now + validity / 2
            found.put(call)
            publish.later(call, due=found.list_due, authority=authority)


def made(call: Call, authority: Authority, validity: float) -> bytes:
    """The list, in DER."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    from .revoking import Revoked

    (issuer,) = chains.read(authority.certificate.encode())
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.subject)
        .last_update(chains.instant(call.now))
        .next_update(chains.instant(call.now + validity))
    )
    for extension, critical in described(call, authority, issuer):
        builder = builder.add_extension(extension, critical)
    for one in Revoked.scan(call, authority.id):
        if one.not_after > call.now:
            builder = builder.add_revoked_certificate(entry(one))
    how = keys.signing(authority.configuration["SigningAlgorithm"])
    return builder.sign(authority.secret(call), **how.arguments()).public_bytes(Encoding.DER)


def described(call: Call, authority: Authority, issuer: x509.Certificate) -> list[tuple[Any, bool]]:
    from cryptography import x509

    key = authority.secret(call).public_key()
    found: list[tuple[Any, bool]] = [
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(key), False),
        (x509.CRLNumber(int(call.now * 1000)), False),
    ]
    if authority.revocation["CrlConfiguration"].get("CrlType") == "PARTITIONED":
        address = x509.UniformResourceIdentifier(list_address(call, authority))
        found.append((x509.IssuingDistributionPoint([address], None, False, False, None, False, False), True))
    return found


def entry(one: Any) -> x509.RevokedCertificate:
    from cryptography import x509

    builder = (
        x509.RevokedCertificateBuilder().serial_number(int(one.serial, 16)).revocation_date(chains.instant(one.when))
    )
    if one.reason != "unspecified":  # which RFC 5280, 5.3.1 says should be left out
        builder = builder.add_extension(x509.CRLReason(x509.ReasonFlags[one.reason]), critical=False)
    return builder.build()
