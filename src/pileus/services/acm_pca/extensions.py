"""Extensions of certificates and requests: as requests of the API describe them, in X.509 (RFC 5280, section 4.2)."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, NamedTuple

from . import faults
from .subjects import general_name, general_names

if TYPE_CHECKING:
    from cryptography import x509

Members = dict[str, Any]


class Extension(NamedTuple):
    """An extension, and whether whoever does not know it must refuse the certificate."""

    value: x509.ExtensionType
    critical: bool = False


USAGES = {
    "DigitalSignature": "digital_signature",
    "NonRepudiation": "content_commitment",
    "KeyEncipherment": "key_encipherment",
    "DataEncipherment": "data_encipherment",
    "KeyAgreement": "key_agreement",
    "KeyCertSign": "key_cert_sign",
    "CRLSign": "crl_sign",
    "EncipherOnly": "encipher_only",
    "DecipherOnly": "decipher_only",
}

PURPOSES = {
    "SERVER_AUTH": "1.3.6.1.5.5.7.3.1",
    "CLIENT_AUTH": "1.3.6.1.5.5.7.3.2",
    "CODE_SIGNING": "1.3.6.1.5.5.7.3.3",
    "EMAIL_PROTECTION": "1.3.6.1.5.5.7.3.4",
    "TIME_STAMPING": "1.3.6.1.5.5.7.3.8",
    "OCSP_SIGNING": "1.3.6.1.5.5.7.3.9",
    "SMART_CARD_LOGIN": "1.3.6.1.4.1.311.20.2.2",
    "DOCUMENT_SIGNING": "1.3.6.1.4.1.311.10.3.12",
    "CERTIFICATE_TRANSPARENCY": "1.3.6.1.4.1.11129.2.4.4",
}
"""Extended key usages."""

ACCESS = {
    "CA_REPOSITORY": "1.3.6.1.5.5.7.48.5",
    "RESOURCE_PKI_MANIFEST": "1.3.6.1.5.5.7.48.10",
    "RESOURCE_PKI_NOTIFY": "1.3.6.1.5.5.7.48.13",
}


def usage(*granted: str) -> x509.KeyUsage:
    """Key usage, by the library's names."""
    from cryptography import x509

    try:
        return x509.KeyUsage(**{name: name in granted for name in USAGES.values()})
    except ValueError as error:
        raise faults.arguments(f"KeyUsage is not valid: {error}") from None


def described_usage(given: Members) -> x509.KeyUsage:
    return usage(*(name for member, name in USAGES.items() if given.get(member)))


def purposes(oids: list[str]) -> x509.ExtendedKeyUsage:
    from cryptography import x509

    return x509.ExtendedKeyUsage([x509.ObjectIdentifier(oid) for oid in oids])


def access(given: list[Members]) -> x509.SubjectInformationAccess:
    """SubjectInformationAccess."""
    from cryptography import x509

    found = []
    for one in given:
        method = one["AccessMethod"]
        oid = method.get("CustomObjectIdentifier") or ACCESS.get(method.get("AccessMethodType", ""))
        if not oid:
            raise faults.arguments("An AccessMethod must have a type or an object identifier.")
        found.append(x509.AccessDescription(x509.ObjectIdentifier(oid), general_name(one["AccessLocation"])))
    return x509.SubjectInformationAccess(found)


def of_csr(given: Members) -> list[Extension]:
    """CsrExtensions: what a request for an authority's certificate asks for."""
    found = []
    if "KeyUsage" in given:
        found.append(Extension(described_usage(given["KeyUsage"]), True))
    if "SubjectInformationAccess" in given:
        found.append(Extension(access(given["SubjectInformationAccess"])))
    return found


def of_api(given: Members) -> list[Extension]:
    """Extensions of ApiPassthrough."""
    from cryptography import x509

    found = []
    if policies := given.get("CertificatePolicies"):
        found.append(Extension(x509.CertificatePolicies([policy(one) for one in policies])))
    if extended := given.get("ExtendedKeyUsage"):
        found.append(Extension(purposes([purpose(one) for one in extended])))
    if "KeyUsage" in given:
        found.append(Extension(described_usage(given["KeyUsage"]), True))
    if alternatives := given.get("SubjectAlternativeNames"):
        found.append(Extension(x509.SubjectAlternativeName(general_names(alternatives))))
    for one in given.get("CustomExtensions", ()):
        raw = x509.UnrecognizedExtension(x509.ObjectIdentifier(one["ObjectIdentifier"]), base64.b64decode(one["Value"]))
        found.append(Extension(raw, one.get("Critical", False)))
    return found


def policy(given: Members) -> x509.PolicyInformation:
    from cryptography import x509

    qualifiers: list[str | x509.UserNotice] = [one["Qualifier"]["CpsUri"] for one in given.get("PolicyQualifiers", ())]
    return x509.PolicyInformation(x509.ObjectIdentifier(given["CertPolicyId"]), qualifiers or None)


def purpose(given: Members) -> str:
    """The object identifier of an extended key usage."""
    if len(given) != 1:
        raise faults.arguments("An ExtendedKeyUsage must have either a type or an object identifier.")
    if custom := given.get("ExtendedKeyUsageObjectIdentifier"):
        return str(custom)
    return PURPOSES[given["ExtendedKeyUsageType"]]
