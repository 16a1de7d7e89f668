"""How an authority tells which certificates are revoked: its configuration, and where certificates point to."""

from __future__ import annotations

import inspect
import uuid
from typing import TYPE_CHECKING, Any

from pileus.kernel import Call, Fault, identity

from . import faults
from .extensions import Extension

if TYPE_CHECKING:
    from .authorities import Authority

Members = dict[str, Any]

PRINCIPAL = "acm-pca.amazonaws.com"
OCSP = "1.3.6.1.5.5.7.48.1"
"""The access method (RFC 5280, 4.2.2.1)."""


def completed(given: Members) -> Members:
    """A configuration with what AWS adds to it."""
    found = dict(given)
    crl = found.get("CrlConfiguration")
    if crl and crl["Enabled"]:
        found["CrlConfiguration"] = {"S3ObjectAcl": "PUBLIC_READ", "CrlType": "COMPLETE"} | crl
    return {"CrlConfiguration": {"Enabled": False}, "OcspConfiguration": {"Enabled": False}} | found


def check_configuration(call: Call, given: Members) -> None:
    """Refuse a configuration that contradicts itself, or a bucket that the service may not write to."""
    for name in ("CrlConfiguration", "OcspConfiguration"):
        one = given.get(name, {})
        if one and not one["Enabled"] and len(one) > 1:
            raise faults.arguments(f"A {name} that is not enabled must contain nothing else.")
    crl = given.get("CrlConfiguration", {})
    if crl.get("Enabled"):
        if not crl.get("S3BucketName") or not crl.get("ExpirationInDays"):
            raise faults.arguments("S3BucketName and ExpirationInDays are required to enable CRLs.")
        check_bucket(call, crl["S3BucketName"])
    for cname in (crl.get("CustomCname", ""), given.get("OcspConfiguration", {}).get("OcspCustomCname", "")):
        if cname.startswith(("http://", "https://")):
            raise faults.arguments("A CNAME must not include a protocol prefix.")


def check_bucket(call: Call, bucket: str) -> None:
    try:
        found = call.aws("s3", principal=service(call)).get_bucket_acl(bucket=bucket)
        assert not inspect.isawaitable(found)
    except Fault as fault:
        if fault.code == "NoSuchBucket":
            raise faults.validation(f"The bucket {bucket} does not exist.") from None
        if fault.status == 501:
            raise
        message = f"The ACM Private CA Service Principal '{PRINCIPAL}' requires 's3:GetBucketAcl' permissions."
        raise faults.validation(message) from None


def service(call: Call, authority: str = "") -> identity.Principal:
    """Private CA itself, on behalf of an authority."""
    return identity.service(PRINCIPAL, authority, call.account)


# Where certificates point to


def list_key(authority: Authority) -> str:
    """The list's key in its bucket."""
    crl = authority.revocation["CrlConfiguration"]
    path = crl.get("CustomPath", "").strip("/")
    name = authority.id
    if crl.get("CrlType") == "PARTITIONED":
        name = str(uuid.uuid5(uuid.UUID(authority.id), "partition 1"))
    folder = path or ("crl" if name == authority.id else f"crl/{authority.id}")
    return f"{folder}/{name}.crl"


def list_address(call: Call, authority: Authority) -> str:
    crl = authority.revocation["CrlConfiguration"]
    if cname := crl.get("CustomCname"):
        return f"http://{cname}/{list_key(authority)}"
    return call.url(f"{crl['S3BucketName']}/{list_key(authority)}")


def responder(call: Call, authority: Authority) -> str:
    """The address of the OCSP responder: this cloud's own, or the customer's name for it."""
    place = f"_pileus/at/acm-pca/{call.region}.{call.account}.{authority.id}"
    cname = authority.revocation["OcspConfiguration"].get("OcspCustomCname")
    return f"http://{cname}/{place}" if cname else call.url(place)


def pointers(call: Call, authority: Authority) -> list[Extension]:
    """What an issued certificate says of where to ask whether it is revoked."""
    from cryptography import x509

    found = []
    crl = authority.revocation["CrlConfiguration"]
    omitted = crl.get("CrlDistributionPointExtensionConfiguration", {}).get("OmitExtension", False)
    if crl["Enabled"] and not omitted:
        address = x509.UniformResourceIdentifier(list_address(call, authority))
        found.append(Extension(x509.CRLDistributionPoints([x509.DistributionPoint([address], None, None, None)])))
    if authority.revocation["OcspConfiguration"]["Enabled"]:
        address = x509.UniformResourceIdentifier(responder(call, authority))
        ocsp = x509.AccessDescription(x509.ObjectIdentifier(OCSP), address)
        found.append(Extension(x509.AuthorityInformationAccess([ocsp])))
    return found
