"""What is read out of a certificate: for descriptions, lists and searches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pileus.engines.x509 import chains, keys

if TYPE_CHECKING:
    from cryptography import x509

Members = dict[str, Any]

DETAIL = ("Serial", "Subject", "Issuer", "SignatureAlgorithm", "KeyUsages", "ExtendedKeyUsages")

USAGES = {
    "digital_signature": "DIGITAL_SIGNATURE",
    "content_commitment": "NON_REPUDIATION",
    "key_encipherment": "KEY_ENCIPHERMENT",
    "data_encipherment": "DATA_ENCIPHERMENT",
    "key_agreement": "KEY_AGREEMENT",
    "key_cert_sign": "CERTIFICATE_SIGNING",
    "crl_sign": "CRL_SIGNING",
}

PURPOSES = {
    "1.3.6.1.5.5.7.3.1": "TLS_WEB_SERVER_AUTHENTICATION",
    "1.3.6.1.5.5.7.3.2": "TLS_WEB_CLIENT_AUTHENTICATION",
    "1.3.6.1.5.5.7.3.3": "CODE_SIGNING",
    "1.3.6.1.5.5.7.3.4": "EMAIL_PROTECTION",
    "1.3.6.1.5.5.7.3.8": "TIME_STAMPING",
    "1.3.6.1.5.5.7.3.9": "OCSP_SIGNING",
    "1.3.6.1.5.5.7.3.5": "IPSEC_END_SYSTEM",
    "1.3.6.1.5.5.7.3.6": "IPSEC_TUNNEL",
    "1.3.6.1.5.5.7.3.7": "IPSEC_USER",
    "2.5.29.37.0": "ANY",
}

NAMES = {
    "2.5.4.3": "CommonName",
    "2.5.4.6": "Country",
    "2.5.4.46": "DistinguishedNameQualifier",
    "2.5.4.44": "GenerationQualifier",
    "2.5.4.42": "GivenName",
    "2.5.4.43": "Initials",
    "2.5.4.7": "Locality",
    "2.5.4.10": "Organization",
    "2.5.4.11": "OrganizationalUnit",
    "2.5.4.65": "Pseudonym",
    "2.5.4.5": "SerialNumber",
    "2.5.4.8": "State",
    "2.5.4.4": "Surname",
    "2.5.4.12": "Title",
}

COMPONENT = "0.9.2342.19200300.100.1.25"
"""Domain component (RFC 4519)."""


def read(certificate: x509.Certificate) -> Members:
    """Members of CertificateDetail and of X509Attributes."""
    purposes = purposes_of(certificate)
    subject, issuer = name(certificate.subject), name(certificate.issuer)
    return {
        "Serial": chains.serial(certificate),
        "Subject": ",".join(f"{part.rfc4514_attribute_name}={part.value!s}" for part in certificate.subject),
        "Issuer": issuer.get("Organization") or issuer.get("CommonName") or certificate.issuer.rfc4514_string(),
        "SignatureAlgorithm": signature(certificate),
        "KeyUsages": [{"Name": usage} for usage in usages_of(certificate)],
        "ExtendedKeyUsages": [{"Name": PURPOSES.get(oid, "CUSTOM"), "OID": oid} for oid in purposes]
        or [{"Name": "NONE"}],
        "SubjectName": subject,
        "IssuerName": issuer,
        "SubjectAlternativeNames": general_names(certificate),
    }


def usages_of(certificate: x509.Certificate) -> list[str]:
    from cryptography import x509

    found = chains.extension(certificate, x509.KeyUsage)
    if found is None:
        return ["ANY"]
    names = [shown for usage, shown in USAGES.items() if getattr(found, usage)]
    if found.key_agreement:
        names += [
            word for word, on in (("ENCIPHER_ONLY", found.encipher_only), ("DECIPHER_ONLY", found.decipher_only)) if on
        ]
    return names


def purposes_of(certificate: x509.Certificate) -> list[str]:
    from cryptography import x509

    found = chains.extension(certificate, x509.ExtendedKeyUsage)
    return [purpose.dotted_string for purpose in found or ()]


def signature(certificate: x509.Certificate) -> str:
    digest = certificate.signature_hash_algorithm
    oid = certificate.signature_algorithm_oid.dotted_string
    family = "ECDSA" if oid.startswith("1.2.840.10045") else "RSA"
    return f"{digest.name.upper()}WITH{family}" if digest else keys.algorithm_of(certificate.public_key())


def dns_names(certificate: x509.Certificate) -> list[str]:
    from cryptography import x509

    found = chains.extension(certificate, x509.SubjectAlternativeName)
    return list(found.get_values_for_type(x509.DNSName)) if found else []


def common_name(certificate: x509.Certificate) -> str:
    return str(name(certificate.subject).get("CommonName", ""))


def name(given: x509.Name) -> Members:
    """DistinguishedName."""
    told: Members = {}
    for part in given:
        oid = part.oid.dotted_string
        if oid in NAMES:
            told.setdefault(NAMES[oid], str(part.value))
        elif oid == COMPONENT:
            told.setdefault("DomainComponents", []).append(str(part.value))
        else:
            told.setdefault("CustomAttributes", []).append({"ObjectIdentifier": oid, "Value": str(part.value)})
    return told


def general_names(certificate: x509.Certificate) -> list[Members]:
    """GeneralNameList."""
    from cryptography import x509

    found: list[Members] = []
    for one in chains.extension(certificate, x509.SubjectAlternativeName) or ():
        if isinstance(one, x509.DirectoryName):
            found.append({"DirectoryName": name(one.value)})
        elif isinstance(one, x509.OtherName):
            found.append({"OtherName": {"ObjectIdentifier": one.type_id.dotted_string, "Value": one.value.hex()}})
        elif isinstance(one, x509.RegisteredID):
            found.append({"RegisteredId": one.value.dotted_string})
        else:
            kinds: dict[type[Any], str] = {
                x509.DNSName: "DnsName",
                x509.IPAddress: "IpAddress",
                x509.RFC822Name: "Rfc822Name",
                x509.UniformResourceIdentifier: "UniformResourceIdentifier",
            }
            found.append({kinds[type(one)]: str(one.value)})
    return found
