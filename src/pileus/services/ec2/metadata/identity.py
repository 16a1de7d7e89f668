"""The identity document: who an instance is, signed, for others to believe.

Each Region signs with a key of its own, whose certificate is served at /_pileus/at/ec2/identity/REGION.pem; AWS
publishes its own in the User Guide, "AWS public certificates".
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pileus.kernel import Call, Record

from .subject import Subject
from .tree import Node, instant

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.x509 import Certificate

YEARS = 196
"""As long as AWS's own certificates last."""


class IdentitySigner(Record, scope="cloud"):
    """The key that signs the documents of a Region."""

    region: str
    sealed: bytes
    certificate: str
    """In PEM."""


def dynamic(call: Call, subject: Subject) -> dict[str, Node]:
    text = document(subject)
    return {
        "fws": {"instance-monitoring": monitoring(subject)},
        "instance-identity": {
            "document": text,
            "pkcs7": lambda: enveloped(call, text),
            "rsa2048": lambda: enveloped(call, text),
            "signature": lambda: signature(call, text),
        },
    }


def monitoring(subject: Subject) -> str:
    state = subject.instance.get("Monitoring", {}).get("State")
    return "enabled" if state in ("enabled", "pending") else "disabled"


def document(subject: Subject) -> str:
    one = subject.instance
    codes = one.get("ProductCodes", [])
    return json.dumps(
        {
            "accountId": subject.account,
            "architecture": one.get("Architecture", "x86_64"),
            "availabilityZone": one.get("Placement", {}).get("AvailabilityZone"),
            "billingProducts": None,
            "devpayProductCodes": None,
            "marketplaceProductCodes": [code["ProductCodeId"] for code in codes] or None,
            "imageId": one["ImageId"],
            "instanceId": subject.id,
            "instanceType": one["InstanceType"],
            "kernelId": one.get("KernelId") or None,
            "pendingTime": launched(one.get("LaunchTime", 0.0)),
            "privateIp": one.get("PrivateIpAddress"),
            "ramdiskId": one.get("RamdiskId") or None,
            "region": subject.region,
            "version": "2017-09-30",
        },
        indent=2,
        separators=(",", " : "),
    )


def launched(when: float | datetime) -> str:
    return instant(when.timestamp() if isinstance(when, datetime) else float(when))


def signature(call: Call, text: str) -> str:
    """RSA with SHA-256, in base 64."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    key, _ = signer(call)
    return wrapped(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))


def enveloped(call: Call, text: str) -> str:
    """PKCS #7, with the document inside, in base 64 and without the lines of PEM around it."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.serialization import pkcs7

    key, certificate = signer(call)
    builder = pkcs7.PKCS7SignatureBuilder().set_data(text.encode()).add_signer(certificate, key, hashes.SHA256())
    options = [pkcs7.PKCS7Options.Binary, pkcs7.PKCS7Options.NoCapabilities]
    return wrapped(builder.sign(serialization.Encoding.DER, options))


def wrapped(data: bytes) -> str:
    return base64.encodebytes(data).decode().rstrip("\n")


def signer(call: Call) -> tuple[RSAPrivateKey, Certificate]:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    found = IdentitySigner.get(call, call.region) or made(call)
    key = load_der_private_key(call.cloud.master_key.open(found.sealed, call.region.encode()), None)
    assert isinstance(key, RSAPrivateKey)
    return key, x509.load_pem_x509_certificate(found.certificate.encode())


def made(call: Call) -> IdentitySigner:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name.from_rfc4514_string("CN=ec2.amazonaws.com,O=Pileus,L=Seattle,ST=Washington State,C=US")
    now = datetime.fromtimestamp(call.now, UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365 * YEARS))
        .sign(key, hashes.SHA256())
    )
    der, pkcs8, plain = serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    sealed = call.cloud.master_key.seal(key.private_bytes(der, pkcs8, plain), call.region.encode())
    return IdentitySigner(call.region, sealed, certificate.public_bytes(serialization.Encoding.PEM).decode()).put(call)
