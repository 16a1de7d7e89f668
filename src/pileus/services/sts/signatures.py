"""Signatures of SAML assertions (XML Signature): only what an identity provider has signed counts for anything.

Left out: encrypted assertions; SHA-1, which no provider should use any more.
"""

from __future__ import annotations

from xml.etree import ElementTree

from pileus.kernel import Fault, Unfinished

METADATA = "{urn:oasis:names:tc:SAML:2.0:metadata}"
ASSERTION = "{urn:oasis:names:tc:SAML:2.0:assertion}Assertion"
RESPONSE = "{urn:oasis:names:tc:SAML:2.0:protocol}Response"
STRONG = ("RSA_SHA", "ECDSA_SHA")
CERTIFICATE = "{http://www.w3.org/2000/09/xmldsig#}X509Certificate"


def certificates_of(metadata: ElementTree.Element) -> list[str]:
    """The certificates with which an identity provider signs, in PEM."""
    found = []
    for key in metadata.iterfind(f"{METADATA}IDPSSODescriptor/{METADATA}KeyDescriptor"):
        if key.get("use", "signing") == "signing":
            found += ["".join((one.text or "").split()) for one in key.iter(CERTIFICATE)]
    return [f"-----BEGIN CERTIFICATE-----\n{one}\n-----END CERTIFICATE-----\n" for one in dict.fromkeys(found)]


def signed_assertion(document: bytes, certificates: list[str]) -> ElementTree.Element:
    """The assertion that one of the certificates has signed, alone or as part of the response.

    It is made of the very bytes that were signed: whatever else somebody has put into the document is not looked at.
    """
    for certificate in certificates:
        signed = verified(document, certificate)
        if signed is None:
            continue
        element = ElementTree.fromstring(signed)
        assertion = (
            element if element.tag == ASSERTION else element.find(ASSERTION) if element.tag == RESPONSE else None
        )
        if assertion is not None and assertion.tag == ASSERTION:
            return assertion
    raise Fault("InvalidIdentityTokenException", "Response signature invalid")


def verified(document: bytes, certificate: str) -> bytes | None:
    """What of a document was signed with a certificate's key."""
    try:
        from lxml.etree import LxmlError  # type: ignore[import-untyped]
        from signxml.algorithms import SignatureMethod
        from signxml.exceptions import SignXMLException
        from signxml.verifier import SignatureConfiguration, XMLVerifier
    except ModuleNotFoundError:
        raise Unfinished("Signatures of SAML assertions need signxml: pip install 'pileus[saml]'.") from None
    methods = frozenset(
        method
        for method in SignatureMethod
        if method.name.startswith(("RSA_SHA", "ECDSA_SHA")) and "SHA1" not in method.name
    )
    expected = SignatureConfiguration(signature_methods=methods, ignore_ambiguous_key_info=True)
    try:
        result = XMLVerifier().verify(document, x509_cert=certificate, expect_config=expected, id_attribute="ID")
    except (SignXMLException, LxmlError, ValueError):
        return None
    one = result[0] if isinstance(result, list) else result
    return one.signed_data
