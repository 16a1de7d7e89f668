"""How subscribers know that a message comes from SNS: it is signed, and the certificate can be fetched from the cloud.

Developer Guide, "Verifying the signatures of Amazon SNS messages". Signature version 1 is SHA-1 with RSA, version 2
SHA-256 with RSA. The certificate is the cloud's own: no authority outside knows it.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from pileus.kernel import Call, Record
from pileus.kernel.edge import Answer

from . import sns

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

PURPOSE = b"sns signing key"
BITS = 2048
SIGNED = ("Message", "MessageId", "SubscribeURL", "Subject", "Timestamp", "Token", "TopicArn", "Type")
"""Members that are signed, in this order, where they are there; `SubscribeURL` only with a `Token`."""


class Signer(Record, scope="cloud"):
    """The key that messages are signed with, sealed, and its certificate."""

    name: str
    key: bytes
    certificate: bytes

    @classmethod
    def of(cls, call: Call) -> Signer:
        return cls.get(call, "") or made(call).put(call)

    @property
    def file(self) -> str:
        return f"SimpleNotificationService-{hashlib.sha1(self.certificate, usedforsecurity=False).hexdigest()[:32]}.pem"


def made(call: Call) -> Signer:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.x509.oid import NameOID

    key = rsa.generate_private_key(65537, BITS)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2010, 3, 31, tzinfo=UTC))
        .not_valid_after(datetime(2099, 12, 31, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("sns.amazonaws.com")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    sealed = call.cloud.master_key.seal(secret, PURPOSE)
    return Signer("", sealed, certificate.public_bytes(serialization.Encoding.PEM))


@lru_cache(maxsize=4)
def loaded(secret: bytes) -> RSAPrivateKey:
    from cryptography.hazmat.primitives import serialization

    return serialization.load_der_private_key(secret, None)  # type: ignore[return-value]


def sign(call: Call, members: dict[str, Any], version: str) -> tuple[str, str]:
    """The signature of a message, and the address of the certificate."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    signer = Signer.of(call)
    text = "".join(f"{name}\n{members[name]}\n" for name in SIGNED if members.get(name) is not None)
    key = loaded(call.cloud.master_key.open(signer.key, PURPOSE))
    digest = hashes.SHA256() if version == "2" else hashes.SHA1()
    signature = key.sign(text.encode(), padding.PKCS1v15(), digest)
    return base64.b64encode(signature).decode(), call.url(f"_pileus/at/sns/{signer.file}")


@sns.address
def page(call: Call, request: Any, what: str, number: str = "") -> Answer:
    """The certificate that SigningCertURL names; or, at `stop/+15550100?account=…&region=…`, a phone answers STOP."""
    if what == "stop" and number:
        from . import texting

        return texting.stop(call, number, parse_qs(request.query))
    signer = Signer.get(call, "")
    if signer is None or what != signer.file:
        return Answer(404, [("content-type", "text/plain")], b"There is no such certificate.\n")
    return Answer(200, [("content-type", "application/x-pem-file")], signer.certificate)
