"""How an authority gets its certificate: somebody signs its request, and the certificate is brought back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pileus.engines.x509 import chains
from pileus.kernel import Call, Fault

from . import acm_pca, faults
from .authorities import ACTIVE, DISABLED, EXPIRED, PENDING, ROOT, Authority, living
from .issuing import read_request
from .lists import publish_soon

if TYPE_CHECKING:
    from cryptography import x509


@acm_pca.operation(on=living)
def import_certificate_authority_certificate(
    call: Call, authority: Authority, certificate: bytes, certificate_chain: bytes = b""
) -> None:
    """Install an authority's certificate, or a newer one for the same key."""
    from .lives import expire

    authority.check(PENDING, ACTIVE, DISABLED, EXPIRED)
    found = only(certificate)
    above = parsed(certificate_chain) if certificate_chain else []
    check(call, authority, found, above)
    authority.certificate = chains.pem(found)
    authority.chain = "\n".join(chains.pem(one) for one in above)
    authority.serial = chains.serial(found)
    authority.not_before = found.not_valid_before_utc.timestamp()
    authority.not_after = found.not_valid_after_utc.timestamp()
    if authority.status in (PENDING, EXPIRED):
        authority.turn(call, ACTIVE)
    authority.put(call)
    expire.later(call, due=authority.not_after, authority=authority.id)
    publish_soon(call, authority)


def only(pem: bytes) -> x509.Certificate:
    found = parsed(pem)
    if len(found) != 1:
        raise malformed("The certificate must be a single one; the others belong to the chain.")
    return found[0]


def parsed(pem: bytes) -> list[x509.Certificate]:
    try:
        return chains.read(pem)
    except ValueError:
        raise malformed("The certificate is not in PEM.") from None


def malformed(message: str) -> Fault:
    return Fault("MalformedCertificateException", message)


def check(call: Call, authority: Authority, found: x509.Certificate, above: list[x509.Certificate]) -> None:
    """Refuse a certificate that is not this authority's, is none of an authority, or hangs in the air."""
    request = read_request(authority.csr.encode())
    if found.public_key() != request.public_key() or found.subject != request.subject:
        message = "The certificate does not match the certificate signing request of the certificate authority."
        raise Fault("CertificateMismatchException", message)
    if not chains.is_authority(found):
        raise malformed("The certificate is not a CA certificate.")
    if not found.not_valid_before_utc.timestamp() <= call.now < found.not_valid_after_utc.timestamp():
        raise malformed("The certificate is not valid at this time.")
    if authority.type == ROOT:
        if not chains.self_signed(found):
            raise malformed("The certificate of a root CA must be self-signed.")
        if above:
            raise faults.request("A root CA's certificate has no chain.")
        return
    if not above:
        raise faults.request("A certificate chain is required to import the certificate of a subordinate CA.")
    if wrong := chains.broken(found, above):
        raise malformed(f"The certificate chain is not valid: {wrong}.")
    if not chains.self_signed(above[-1]):
        raise malformed("The certificate chain must end with a root certificate.")


@acm_pca.operation(on=living)
def get_certificate_authority_certificate(call: Call, authority: Authority) -> dict[str, Any]:
    """An authority's certificate, and the chain above it."""
    if authority.status == PENDING:
        raise faults.state(PENDING)
    authority.check(ACTIVE, DISABLED, EXPIRED)
    return {"Certificate": authority.certificate} | ({"CertificateChain": authority.chain} if authority.chain else {})
