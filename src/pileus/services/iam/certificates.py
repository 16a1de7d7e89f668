"""X.509 certificates: those of servers, and those with which users sign."""

from __future__ import annotations

import hashlib
from typing import Any

from pileus.kernel import Call, Fault, names
from pileus.kernel.record import Record
from pileus.kernel.resource_type import resource_type
from pileus.kernel.sealed import Sealed

from . import iam
from . import tags as tagging
from .faults import exists, missing
from .lists import MOST, records
from .quotas import SIGNING_CERTIFICATES, exceeded, one_less, one_more
from .users import User, user_meant


@resource_type(
    iam, "ServerCertificateName", create="UploadServerCertificate", read="GetServerCertificate",
    update="UpdateServerCertificate", list="ListServerCertificates", delete="DeleteServerCertificate",
    missing="NoSuchEntityException",
)  # fmt: skip
class ServerCertificate(
    Record,
    scope="account",
    arn="arn:{partition}:iam::{account}:server-certificate{path}{name}",
    cfn="AWS::IAM::ServerCertificate",
):
    """A certificate with its key, for load balancers and distributions."""

    folded: str
    name: str
    path: str
    id: str
    uploaded: float
    expires: float
    body: str
    chain: str
    key: str
    """The private key, sealed."""
    tags: dict[str, str] = {}

    def arn(self, call: Call) -> str:
        return f"arn:{call.partition}:iam::{call.account}:server-certificate{self.path}{self.name}"

    def shown(self, call: Call) -> dict[str, Any]:
        return {
            "Path": self.path,
            "ServerCertificateName": self.name,
            "ServerCertificateId": self.id,
            "Arn": self.arn(call),
            "UploadDate": self.uploaded,
            "Expiration": self.expires,
        }


class SigningCertificate(Record, scope="account", key=("owner", "id")):
    owner: str
    """The user's unique id."""
    id: str
    body: str
    uploaded: float
    status: str = "Active"

    def shown(self, user: User) -> dict[str, Any]:
        return {
            "UserName": user.name,
            "CertificateId": self.id,
            "CertificateBody": self.body,
            "Status": self.status,
            "UploadDate": self.uploaded,
        }


# Server certificates


def certificate_named(call: Call, server_certificate_name: str) -> ServerCertificate:
    if certificate := ServerCertificate.get(call, server_certificate_name.lower()):
        return certificate
    raise missing(f"The Server Certificate with name {server_certificate_name} cannot be found.")


@iam.operation
def upload_server_certificate(
    call: Call,
    server_certificate_name: str,
    certificate_body: str,
    private_key: str,
    path: str = "/",
    certificate_chain: str = "",
    tags: list[dict[str, str]] = [],
) -> dict[str, Any]:
    """Take a certificate with its private key, which nobody is told again."""
    if ServerCertificate.get(call, server_certificate_name.lower()):
        raise exists(f"The Server Certificate with name {server_certificate_name} already exists.")
    parsed = load(certificate_body)
    check_pair(parsed, private_key)
    if certificate_chain:
        load_chain(certificate_chain)
    one_more(call, "ServerCertificates")
    certificate = ServerCertificate(
        folded=server_certificate_name.lower(),
        name=server_certificate_name,
        path=path,
        id=names.unique_id("ASCA"),
        uploaded=call.now,
        expires=parsed.not_valid_after_utc.timestamp(),
        body=certificate_body.strip(),
        chain=certificate_chain.strip(),
        key=Sealed.seal(call, private_key),
        tags=tagging.given(tags),
    ).put(call)
    return {"ServerCertificateMetadata": certificate.shown(call)} | tagging.shown(certificate.tags)


@iam.operation(on=certificate_named)
def get_server_certificate(call: Call, certificate: ServerCertificate) -> dict[str, Any]:
    chain = {"CertificateChain": certificate.chain} if certificate.chain else {}
    told = {"ServerCertificateMetadata": certificate.shown(call), "CertificateBody": certificate.body}
    return {"ServerCertificate": told | chain | tagging.shown(certificate.tags)}


@iam.operation
def list_server_certificates(
    call: Call, path_prefix: str = "/", marker: str = "", max_items: int = MOST
) -> dict[str, Any]:
    """Server certificates under a path."""
    return records(
        call,
        "ServerCertificateMetadataList",
        ServerCertificate,
        show=lambda certificate: certificate.shown(call),
        where=lambda certificate: certificate.path.startswith(path_prefix),
        marker=marker,
        max_items=max_items,
    )


@iam.operation(on=certificate_named)
def update_server_certificate(
    call: Call, certificate: ServerCertificate, new_path: str = "", new_server_certificate_name: str = ""
) -> None:
    """Rename a certificate, or move it."""
    name = new_server_certificate_name or certificate.name
    if name.lower() != certificate.folded and ServerCertificate.get(call, name.lower()):
        raise exists(f"The Server Certificate with name {name} already exists.")
    certificate.move(call, folded=name.lower(), name=name, path=new_path or certificate.path)


@iam.operation(on=certificate_named)
def delete_server_certificate(call: Call, certificate: ServerCertificate) -> None:
    certificate.delete(call)
    one_less(call, "ServerCertificates")


tagging.taggable("ServerCertificate", certificate_named)


# Signing certificates


@iam.operation(on=user_meant)
def upload_signing_certificate(call: Call, user: User, certificate_body: str) -> dict[str, Any]:
    """Take a certificate with which a user signs."""
    parsed = load(certificate_body)
    number = hashlib.sha256(parsed.tbs_certificate_bytes).hexdigest()[:32].upper()
    held = list(SigningCertificate.scan(call, user.id))
    if any(certificate.id == number for certificate in held):
        raise Fault("DuplicateCertificateException", "The certificate is already associated with this user.")
    if len(held) >= SIGNING_CERTIFICATES:
        raise exceeded("CertificatesPerUser", SIGNING_CERTIFICATES)
    certificate = SigningCertificate(user.id, number, certificate_body, call.now).put(call)
    return {"Certificate": certificate.shown(user)}


@iam.operation(on=user_meant)
def list_signing_certificates(call: Call, user: User, marker: str = "", max_items: int = MOST) -> dict[str, Any]:
    """The signing certificates of a user."""
    return records(
        call,
        "Certificates",
        SigningCertificate,
        user.id,
        show=lambda certificate: certificate.shown(user),
        marker=marker,
        max_items=max_items,
    )


@iam.operation(on=user_meant)
def update_signing_certificate(call: Call, user: User, certificate_id: str, status: str) -> None:
    """Take a certificate out of use, or into use again."""
    certificate = signing_certificate_of(call, user, certificate_id)
    certificate.status = status
    certificate.put(call)


@iam.operation(on=user_meant)
def delete_signing_certificate(call: Call, user: User, certificate_id: str) -> None:
    signing_certificate_of(call, user, certificate_id).delete(call)


def signing_certificate_of(call: Call, user: User, certificate_id: str) -> SigningCertificate:
    if certificate := SigningCertificate.get(call, user.id, certificate_id):
        return certificate
    raise missing(f"The Certificate with id {certificate_id} cannot be found.")


# X.509


def load(text: str) -> Any:
    """One certificate in PEM."""
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(text.encode())
    except ValueError:
        raise Fault("MalformedCertificateException", "Unable to parse certificate.") from None


def load_chain(text: str) -> None:
    from cryptography import x509

    try:
        x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        raise Fault("MalformedCertificateException", "Unable to parse certificate chain.") from None


def check_pair(certificate: Any, private_key: str) -> None:
    """Raise for a private key that is none, or another certificate's."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(private_key.encode(), password=None)
    except (ValueError, TypeError):
        raise Fault("MalformedCertificateException", "Unable to parse key; the body must be PEM encoded.") from None
    if key.public_key() != certificate.public_key():
        raise Fault("KeyPairMismatchException", "Private key does not match the certificate.")
