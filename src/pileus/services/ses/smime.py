"""S/MIME: letters of an address that has a certificate are signed, where their configuration set says so (RFC 8551).

The certificate and its key are exported from ACM when a letter is signed, so the certificate must be one that can be
exported: a private one, or a public one that was made for that.
"""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509 import load_pem_x509_certificate, load_pem_x509_certificates

from pileus.kernel import Call, Fault, Record, identity, names

from . import letters

SIGNED = [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary]


class Certificate(Record, key=("identity", "address"), table="ses.IdentityCertificate"):
    """A certificate in ACM for an address: an identity's own, or one of a domain's."""

    identity: str
    address: str
    arn_of_certificate: str


def exported(call: Call, one: Certificate) -> tuple[str, str, bytes] | None:
    """The certificate, its chain and its key, as ACM gives them to SES; None where it does not."""
    passphrase, ours = names.token(32).encode(), identity.service("acm.amazonaws.com")
    try:
        told = call.aws("acm", principal=ours).export_certificate(
            certificate_arn=one.arn_of_certificate, passphrase=passphrase
        )
    except Fault:
        return None
    key = serialization.load_pem_private_key(told["PrivateKey"].encode(), passphrase)
    plain = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return told["Certificate"], told.get("CertificateChain", ""), plain


def signed(call: Call, message: Any, address: str) -> Any:
    """The letter as `multipart/signed` (RFC 8551); as it was, where its sender has no certificate."""
    name = next((one for one in (address, address.rpartition("@")[2]) if Certificate.get(call, one, address)), "")
    held = Certificate.get(call, name, address) if name else None
    parts = exported(call, held) if held else None
    if parts is None:
        return message
    certificate, chain, key = parts
    private = serialization.load_pem_private_key(key, None)
    assert isinstance(private, RSAPrivateKey | EllipticCurvePrivateKey)  # ACM has no others
    builder = (
        pkcs7.PKCS7SignatureBuilder()
        .set_data(inner(message))
        .add_signer(
            load_pem_x509_certificate(certificate.encode()),
            private,
            hashes.SHA256(),
        )
    )
    for other in load_pem_x509_certificates(chain.encode()) if chain else ():
        builder = builder.add_certificate(other)
    made = letters.read(builder.sign(serialization.Encoding.SMIME, SIGNED))
    for header, value in message.items():
        if not header.lower().startswith(("content-", "mime-version")):
            made[header] = value
    return made


def inner(message: Any) -> bytes:
    """What is signed: the body with the fields that say what it is, and no others."""
    part = letters.read(bytes(message))
    for header in set(part.keys()):
        if not header.lower().startswith("content-"):
            del part[header]
    return bytes(part).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
