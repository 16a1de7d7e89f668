"""Certificates in PEM, and whether a chain of them holds together (RFC 5280, section 6)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cryptography import x509


def read(text: bytes) -> list[x509.Certificate]:
    """All certificates of a PEM; ValueError where there are none, or something else is in it."""
    from cryptography import x509

    return x509.load_pem_x509_certificates(text)


def pem(certificate: x509.Certificate) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM).decode().strip()


def issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether its issuer's name and signature are this one's."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def broken(certificate: x509.Certificate, chain: list[x509.Certificate]) -> str:
    """What is wrong with a chain that begins with the issuer of `certificate`; empty where it holds."""
    for below, above in zip([certificate, *chain], chain, strict=False):
        if not is_authority(above):
            return f"{above.subject.rfc4514_string()} is not a certificate of an authority"
        if not issued_by(below, above):
            return f"{below.subject.rfc4514_string()} was not issued by {above.subject.rfc4514_string()}"
    return ""


def self_signed(certificate: x509.Certificate) -> bool:
    return certificate.subject == certificate.issuer and issued_by(certificate, certificate)


def is_authority(certificate: x509.Certificate) -> bool:
    found = constraints(certificate)
    return found is not None and bool(found.ca)


def constraints(certificate: x509.Certificate) -> x509.BasicConstraints | None:
    from cryptography import x509

    found: x509.BasicConstraints | None = extension(certificate, x509.BasicConstraints)
    return found


def extension(holder: Any, kind: type[Any]) -> Any:
    """The extension of that kind in a certificate or a request, or None."""
    from cryptography import x509

    try:
        return holder.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def instant(when: float) -> datetime:
    """A time as certificates have it: to the second."""
    return datetime.fromtimestamp(int(when), UTC)


def serial(certificate: x509.Certificate) -> str:
    """The serial number as AWS and OpenSSL show it: `0a:1b:…`."""
    digits = f"{certificate.serial_number:x}"
    digits = digits.zfill(len(digits) + len(digits) % 2)
    return ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))
