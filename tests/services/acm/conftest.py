"""Certificates from elsewhere, for importing, and the mails of requests."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

import pileus


class Made:
    """A certificate with its key, self-signed or below another."""

    def __init__(self, now: float, name: str, above: Made | None = None, *, days: int = 300, bits: int = 2048) -> None:
        self.private: Any = rsa.generate_private_key(65537, bits) if bits else ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        start = datetime.fromtimestamp(now, UTC)
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(above.certificate.subject if above else subject)
            .public_key(self.private.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start - timedelta(days=10))
            .not_valid_after(start + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=above is None, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .sign((above or self).private, hashes.SHA256())
        )

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key(self) -> bytes:
        return self.private.private_bytes(  # type: ignore[no-any-return]
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


class Acm:
    """An account's certificates."""

    def __init__(self, cloud: pileus.LocalCloud, account: Any) -> None:
        self.cloud = cloud
        self.account = account
        self.client = account.client("acm")

    def request(self, name: str, *more: str, **members: Any) -> str:
        if more:
            members["SubjectAlternativeNames"] = list(more)
        members = {"ValidationMethod": "EMAIL"} | members
        arn: str = self.client.request_certificate(DomainName=name, **members)["CertificateArn"]
        self.settle()
        return arn

    def settle(self) -> None:
        """Let everything that is due be done."""
        self.cloud.clock.advance(0)

    def describe(self, arn: str) -> dict[str, Any]:
        return dict(self.client.describe_certificate(CertificateArn=arn)["Certificate"])

    def approve(self, *names: str) -> None:
        """Follow the links in the mails about these names, once each."""
        with urllib.request.urlopen(f"{self.cloud.endpoint}/_pileus/mail?account={self.account.id}") as answer:
            mails = json.load(answer)["mail"]
        for name in names:
            mail = next(mail for mail in mails if mail["subject"].endswith(f" {name}"))
            (link,) = re.findall(r"http\S+", mail["text"])
            with urllib.request.urlopen(link) as page:
                assert name in page.read().decode()
            urllib.request.urlopen(urllib.request.Request(link, method="POST")).close()
        self.settle()

    def issued(self, name: str, *more: str, **members: Any) -> str:
        """A public certificate, approved."""
        arn = self.request(name, *more, **members)
        self.approve(name, *more)
        assert self.describe(arn)["Status"] == "ISSUED"
        return arn

    def made(self, name: str, above: Made | None = None, **more: Any) -> Made:
        return Made(self.cloud.clock.now(), name, above, **more)


@pytest.fixture
def acm(cloud: pileus.LocalCloud, aws: Any, clock: Any) -> Acm:
    return Acm(cloud, aws)


@pytest.fixture(scope="session")
def trusting() -> Iterator[pileus.LocalCloud]:
    """A cloud that takes every name as proven."""
    with pileus.cloud(sockets=True, acm_validate="auto") as running:
        yield running
