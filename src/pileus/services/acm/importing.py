"""Certificates from elsewhere: imported, and imported again in place of an older one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pileus.engines.x509 import chains, keys
from pileus.kernel import Call, Fault, names
from pileus.kernel import tags as tagging

from . import acm, attributes, faults
from .certificates import IMPORTED, ISSUED, Certificate, announce, checked, named
from .expiring import await_end
from .requesting import MOST

if TYPE_CHECKING:
    from cryptography import x509

Members = dict[str, Any]

KEYS = ("RSA_1024", "RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1")


def replaced(call: Call, certificate_arn: str = "") -> Certificate | None:
    return named(call, certificate_arn) if certificate_arn else None


@acm.operation(on=replaced)
def import_certificate(
    call: Call,
    old: Certificate | None,
    certificate: bytes,
    private_key: bytes,
    certificate_chain: bytes = b"",
    tags: list[Members] = [],
) -> Members:
    """Import a certificate with its key and chain; with an ARN, in place of the one that is there."""
    found = only(certificate)
    key = keys.read(private_key, lambda reason: faults.validation(f"The private key is not supported. {reason}"))
    chain = parsed(certificate_chain, "chain") if certificate_chain else []
    check(call, found, key, chain)
    if old is not None and tags:
        raise faults.parameter("Tagging is not permitted on re-import.")
    kept = again(old, found) if old is not None else new(call, found, tags)
    kept.install(call, found, chain, key)
    kept.names = attributes.dns_names(found)
    kept.domain = attributes.common_name(found) or (kept.names[0] if kept.names else "")
    kept.key_algorithm = keys.algorithm_of(key)
    kept.imported = call.now
    kept.status = ISSUED
    kept.put(call)
    await_end(call, kept)
    announce(call, "ACM Certificate Available", kept, Action="REIMPORT" if old else "IMPORT")
    return {"CertificateArn": kept.arn(call)}


def new(call: Call, found: x509.Certificate, tags: list[Members]) -> Certificate:
    if len(list(Certificate.scan(call, limit=MOST))) == MOST:
        raise Fault("LimitExceededException", f"You have reached the limit of {MOST} certificates.")
    return Certificate(
        id=names.uuid4(),
        type=IMPORTED,
        domain="",
        names=[],
        created=call.now,
        key_algorithm="",
        tags=checked(tagging.as_map(tags)),
    )


def again(old: Certificate, found: x509.Certificate) -> Certificate:
    """The certificate to be replaced, if it was imported too and has a key of the same kind."""
    if old.type != IMPORTED:
        raise faults.validation("You can only re-import certificates that were imported.")
    if keys.algorithm_of(found.public_key()) != old.key_algorithm:
        raise faults.validation("The key algorithm and size of a re-imported certificate must be that of the old one.")
    return old


def only(pem: bytes) -> x509.Certificate:
    found = parsed(pem, "certificate")
    if len(found) > 1:
        raise faults.validation(
            "The certificate field contains more than one certificate. "
            "You can specify only one certificate in this field."
        )
    return found[0]


def parsed(pem: bytes, what: str) -> list[x509.Certificate]:
    try:
        return chains.read(pem)
    except ValueError:
        raise faults.validation(f"The {what} is not in PEM format.") from None


def check(call: Call, found: x509.Certificate, key: Any, chain: list[x509.Certificate]) -> None:
    """Refuse what does not fit together, or is not good now."""
    if keys.algorithm_of(key) not in KEYS:
        raise faults.validation("The private key is not supported.")
    if key.public_key() != found.public_key():
        raise faults.validation("The private key does not match the public key of the certificate.")
    if not found.not_valid_before_utc.timestamp() <= call.now < found.not_valid_after_utc.timestamp():
        raise faults.validation("The certificate is not valid at this time: it has expired, or its time has not come.")
    if chain:
        if chains.broken(found, chain):
            raise faults.validation("Could not validate the certificate with the certificate chain.")
    elif not chains.issued_by(found, found):
        raise faults.validation(
            "Provided certificate is not a valid self signed. Please provide either a valid self-signed certificate or "
            "certificate chain."
        )
