"""A SAML identity provider as tests run it: metadata with its certificate, and signed responses."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree
from signxml import XMLSigner, methods

from pileus.testing.account import Account

from .issuer import certificate

ATTRIBUTES = "https://aws.amazon.com/SAML/Attributes/"

METADATA = """<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://idp.example">
<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
<md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data>
<ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>
</md:IDPSSODescriptor></md:EntityDescriptor>"""

ASSERTION = """<Assertion xmlns="urn:oasis:names:tc:SAML:2.0:assertion" ID="_assertion" Version="2.0"
  IssueInstant="2026-01-01T00:00:00Z"><Issuer>https://idp.example</Issuer><Subject>
<NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">{subject}</NameID>
<SubjectConfirmation><SubjectConfirmationData NotOnOrAfter="{until}" Recipient="https://signin.aws.amazon.com/saml"/>
</SubjectConfirmation></Subject><AttributeStatement>{attributes}</AttributeStatement></Assertion>"""

RESPONSE = """<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_response" Version="2.0"
  IssueInstant="2026-01-01T00:00:00Z">{assertion}</samlp:Response>"""


class IdentityProvider:
    """A SAML 2.0 identity provider."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.certificate = certificate("idp", self.key, "idp", self.key)

    @property
    def metadata(self) -> str:
        der = self.certificate.public_bytes(serialization.Encoding.DER)
        return METADATA.format(certificate=base64.b64encode(der).decode())

    def register(self, account: Account) -> str:
        made = account.client("iam").create_saml_provider(Name="idp", SAMLMetadataDocument=self.metadata)
        return str(made["SAMLProviderArn"])

    def assertion(self, until: float, subject: str = "alice", **attributes: Any) -> str:
        values = {ATTRIBUTES + name: value for name, value in attributes.items()}
        shown = "".join(
            f'<Attribute Name="{name}"><AttributeValue>{value}</AttributeValue></Attribute>'
            for name, value in values.items()
        )
        instant = datetime.fromtimestamp(until, UTC).isoformat()
        return ASSERTION.format(until=instant, subject=subject, attributes=shown)

    def signed(self, element: etree._Element, what: str) -> etree._Element:
        """An element with a signature in it, as SAML has them."""
        signer = XMLSigner(
            method=methods.enveloped,
            signature_algorithm="rsa-sha256",
            digest_algorithm="sha256",
            c14n_algorithm="http://www.w3.org/2001/10/xml-exc-c14n#",
        )
        return signer.sign(element, key=self.key, cert=[self.certificate], reference_uri=what, id_attribute="ID")

    def response(self, assertion: str, whole: bool = False) -> str:
        """A response whose assertion is signed, or which is signed itself; in base64."""
        if whole:
            document = self.signed(etree.fromstring(RESPONSE.format(assertion=assertion)), "_response")
        else:
            document = etree.fromstring(RESPONSE.format(assertion=""))
            document.append(self.signed(etree.fromstring(assertion), "_assertion"))
        return encoded(document)


def encoded(document: etree._Element) -> str:
    return base64.b64encode(etree.tostring(document)).decode()


def decoded(text: str) -> etree._Element:
    return etree.fromstring(base64.b64decode(text))
