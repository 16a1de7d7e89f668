"""DKIM: what leaves is signed, and an implementation that is not ours says so."""

from __future__ import annotations

import base64
import urllib.error
import urllib.request
from types import SimpleNamespace
from typing import Any

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

import pileus
from pileus.testing.account import Account

BOB = "bob@example.org"


@pytest.fixture(autouse=True)
def its_own_time(cloud: pileus.LocalCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever verifies goes by the cloud's clock: to others, its signatures may come from the future."""
    monkeypatch.setattr(dkim, "time", SimpleNamespace(time=cloud.clock.now))


class Mailer:
    def __init__(self, account: Account) -> None:
        self.account = account
        self.domain = f"d{account.id}.example.com"
        self.first, self.second = account.client("ses"), account.client("sesv2")
        self.first.verify_email_identity(EmailAddress=BOB)

    def send(self, sender: str = "", body: str = "hello\n\n\n", **headers: Any) -> bytes:
        content = {"Simple": {"Subject": {"Data": "Größe  and more"}, "Body": {"Text": {"Data": body}}, **headers}}
        sent = self.second.send_email(
            FromEmailAddress=sender or f"Ada <ada@{self.domain}>",
            Destination={"ToAddresses": [BOB], "CcAddresses": [BOB]},
            Content=content,
        )
        with urllib.request.urlopen(f"{self.account.cloud.endpoint}/_pileus/mail/{sent['MessageId']}") as answer:
            raw: bytes = answer.read()
        return raw

    def record(self, name: bytes, **_: Any) -> bytes | None:
        """What a resolver finds: the CNAME of Easy DKIM leads to the cloud."""
        selector, _, domain = name.decode().rstrip(".").partition("._domainkey.")
        assert domain == self.domain
        try:
            with urllib.request.urlopen(f"{self.account.cloud.endpoint}/_pileus/at/ses/dkim/{selector}") as answer:
                found: bytes = answer.read()
                return found
        except urllib.error.HTTPError:
            return None


@pytest.fixture
def mailer(aws: Account) -> Mailer:
    return Mailer(aws)


@pytest.mark.parametrize("length", ["RSA_1024_BIT", "RSA_2048_BIT"])
def test_easy_dkim_signs(mailer: Mailer, length: str) -> None:
    made = mailer.second.create_email_identity(
        EmailIdentity=mailer.domain, DkimSigningAttributes={"NextSigningKeyLength": length}
    )["DkimAttributes"]
    assert (made["SigningEnabled"], made["SigningAttributesOrigin"]) == (True, "AWS_SES")
    assert made["CurrentSigningKeyLength"] == length
    for headers in ({}, {"Headers": [{"Name": "List-Unsubscribe", "Value": "<https://example.com/u>"}]}):
        raw = mailer.send(**headers)
        assert raw.startswith(b"DKIM-Signature: v=1;")
        assert f"s={made['Tokens'][0]};".encode() in raw
        assert dkim.verify(raw, dnsfunc=mailer.record)
        assert not dkim.verify(raw.replace(b"hello", b"hullo"), dnsfunc=mailer.record)
        assert not dkim.verify(raw.replace(b"To: ", b"To: x"), dnsfunc=mailer.record)


def test_a_domain_signs_when_it_is_told_to(mailer: Mailer, refused: Any) -> None:
    mailer.first.verify_domain_identity(Domain=mailer.domain)
    assert b"DKIM-Signature" not in mailer.send()
    mailer.first.verify_domain_dkim(Domain=mailer.domain)
    assert dkim.verify(mailer.send(), dnsfunc=mailer.record)
    mailer.first.set_identity_dkim_enabled(Identity=mailer.domain, DkimEnabled=False)
    assert b"DKIM-Signature" not in mailer.send()
    mailer.first.set_identity_dkim_enabled(Identity=mailer.domain, DkimEnabled=True)
    address = f"eve@{mailer.domain}"
    mailer.second.create_email_identity(EmailIdentity=address)
    assert dkim.verify(mailer.send(address), dnsfunc=mailer.record)
    with refused("BadRequestException"):
        mailer.second.put_email_identity_dkim_signing_attributes(
            EmailIdentity=address, SigningAttributesOrigin="AWS_SES"
        )


def test_a_key_of_ones_own(mailer: Mailer, refused: Any) -> None:
    private = rsa.generate_private_key(65537, 2048)
    der = private.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    own = {"DomainSigningSelector": "mine", "DomainSigningPrivateKey": base64.b64encode(der).decode()}
    made = mailer.second.create_email_identity(EmailIdentity=mailer.domain, DkimSigningAttributes=own)
    assert made["DkimAttributes"]["SigningAttributesOrigin"] == "EXTERNAL"
    assert made["DkimAttributes"]["Tokens"] == ["mine"]
    raw = mailer.send()

    def record(name: bytes, **_: Any) -> bytes:
        assert name == f"mine._domainkey.{mailer.domain}.".encode()
        return b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)

    assert dkim.verify(raw, dnsfunc=record)
    with refused("BadRequestException", "not a valid RSA private key"):
        mailer.second.put_email_identity_dkim_signing_attributes(
            EmailIdentity=mailer.domain,
            SigningAttributesOrigin="EXTERNAL",
            SigningAttributes=own | {"DomainSigningPrivateKey": "AAAA"},
        )
    assert dkim.verify(mailer.send(), dnsfunc=record)
    back = mailer.second.put_email_identity_dkim_signing_attributes(
        EmailIdentity=mailer.domain, SigningAttributesOrigin="AWS_SES"
    )
    assert len(back["DkimTokens"]) == 3
    assert dkim.verify(mailer.send(), dnsfunc=mailer.record)


def test_a_region_may_take_over_the_key_of_another(mailer: Mailer, refused: Any) -> None:
    elsewhere = mailer.account.client("sesv2", "eu-west-1")
    with refused("BadRequestException"):
        mailer.second.create_email_identity(
            EmailIdentity=mailer.domain, DkimSigningAttributes={"DomainSigningAttributesOrigin": "AWS_SES_EU_WEST_1"}
        )
    tokens = elsewhere.create_email_identity(EmailIdentity=mailer.domain)["DkimAttributes"]["Tokens"]
    made = mailer.second.create_email_identity(
        EmailIdentity=mailer.domain, DkimSigningAttributes={"DomainSigningAttributesOrigin": "AWS_SES_EU_WEST_1"}
    )
    assert made["DkimAttributes"]["Tokens"] == tokens
    assert dkim.verify(mailer.send(), dnsfunc=mailer.record)
