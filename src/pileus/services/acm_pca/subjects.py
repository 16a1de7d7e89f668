"""Names as requests have them (ASN1Subject, GeneralName), and as X.509 has them. Left out: EdiPartyName."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from pileus.kernel import Unfinished

from . import faults

if TYPE_CHECKING:
    from cryptography import x509

Members = dict[str, Any]

ATTRIBUTES = {
    "Country": "2.5.4.6",
    "Organization": "2.5.4.10",
    "OrganizationalUnit": "2.5.4.11",
    "DistinguishedNameQualifier": "2.5.4.46",
    "State": "2.5.4.8",
    "CommonName": "2.5.4.3",
    "SerialNumber": "2.5.4.5",
    "Locality": "2.5.4.7",
    "Title": "2.5.4.12",
    "Surname": "2.5.4.4",
    "GivenName": "2.5.4.42",
    "Initials": "2.5.4.43",
    "Pseudonym": "2.5.4.65",
    "GenerationQualifier": "2.5.4.44",
}
"""Attribute types (ITU-T X.520), in the order in which they are written."""


def name(subject: Members) -> x509.Name:
    """The distinguished name that a request describes."""
    from cryptography import x509

    custom = subject.get("CustomAttributes")
    if custom and len(subject) > 1:
        raise faults.arguments("CustomAttributes cannot be used in combination with standard attributes.")
    if custom:
        pairs = [(one["ObjectIdentifier"], one["Value"]) for one in custom]
    else:
        pairs = [(oid, subject[attribute]) for attribute, oid in ATTRIBUTES.items() if subject.get(attribute)]
    try:
        return x509.Name([x509.NameAttribute(x509.ObjectIdentifier(oid), value) for oid, value in pairs])
    except ValueError as error:
        raise faults.arguments(f"The subject is not valid: {error}") from None


def general_names(given: list[Members]) -> list[x509.GeneralName]:
    return [general_name(one) for one in given]


def general_name(given: Members) -> x509.GeneralName:
    """One name of whatever kind: exactly one member says it."""
    if len(given) != 1:
        raise faults.arguments("A GeneralName must have exactly one member.")
    ((kind, value),) = given.items()
    if kind == "EdiPartyName":
        raise Unfinished("Pileus has no names of the kind EdiPartyName yet.")
    try:
        return made(kind, value)
    except ValueError as error:
        raise faults.arguments(f"{kind} is not valid: {error}") from None


def made(kind: str, value: Any) -> x509.GeneralName:
    from cryptography import x509

    if kind == "OtherName":
        return x509.OtherName(x509.ObjectIdentifier(value["TypeId"]), utf8(value["Value"]))
    if kind == "DirectoryName":
        return x509.DirectoryName(name(value))
    if kind == "IpAddress":
        return x509.IPAddress(ipaddress.ip_address(value))
    if kind == "RegisteredId":
        return x509.RegisteredID(x509.ObjectIdentifier(value))
    if kind == "DnsName":
        return x509.DNSName(value)
    if kind == "Rfc822Name":
        return x509.RFC822Name(value)
    return x509.UniformResourceIdentifier(value)


def utf8(text: str) -> bytes:
    """A UTF8String in DER (ITU-T X.690, 8.23); texts here have at most 256 characters."""
    content = text.encode()
    size = len(content)
    if size < 0x80:
        length = bytes([size])
    else:
        digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
        length = bytes([0x80 | len(digits)]) + digits
    return b"\x0c" + length + content
