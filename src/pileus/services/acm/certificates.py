"""Certificates: what is known of one, described, fetched, deleted, tagged."""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Any

from pileus.engines.x509 import chains, keys
from pileus.kernel import Call, Fault, Record, Unfinished, arn, identity
from pileus.kernel import tags as tagging
from pileus.kernel.resource_type import resource_type
from pileus.kernel.uses import InUse

from . import acm, attributes, faults

if TYPE_CHECKING:
    from cryptography import x509

Members = dict[str, Any]

PENDING = "PENDING_VALIDATION"
ISSUED = "ISSUED"
EXPIRED = "EXPIRED"
TIMED_OUT = "VALIDATION_TIMED_OUT"
REVOKED = "REVOKED"
FAILED = "FAILED"

AMAZON = "AMAZON_ISSUED"
PRIVATE = "PRIVATE"
IMPORTED = "IMPORTED"


@resource_type(
    acm, "CertificateArn", create="RequestCertificate", read="DescribeCertificate", update="UpdateCertificateOptions",
    list="ListCertificates", delete="DeleteCertificate", missing="ResourceNotFoundException",
)  # fmt: skip
class Certificate(
    Record,
    arn="certificate/{id}",
    cfn="AWS::CertificateManager::Certificate",
    indexes={"by_token": ("token",), "by_time": ("created",)},
    kw_only=True,
):
    id: str
    type: str
    domain: str
    names: list[str]
    """All domain names, that of `domain` among them."""
    created: float
    key_algorithm: str
    status: str = PENDING
    tags: dict[str, str] = {}
    token: str = ""
    method: str = ""
    """How its names are proven: DNS or EMAIL; empty where they need not be."""
    domains: list[Members] = []
    """DomainValidationOptions."""
    target: list[Members] = []
    """The same by the method to which it is to go over."""
    update: Members = {}
    """UpdateSummary."""
    exportable: bool = False
    logged: bool = True
    authority: str = ""
    """The ARN of the private authority."""
    managed_by: str = ""
    failure: str = ""
    certificate: str = ""
    chain: str = ""
    key: bytes = b""
    """The private key (PKCS #8), sealed."""
    not_before: float | None = None
    not_after: float | None = None
    told: Members = {}
    """What DescribeCertificate reads out of the certificate."""
    issued: float | None = None
    imported: float | None = None
    revoked: float | None = None
    reason: str = ""
    exported: bool = False
    """Since it was issued, or last renewed."""
    renewal: Members = {}
    """RenewalSummary."""
    endpoint: str = ""
    """The ARN of the ACME endpoint through which it was ordered."""
    acme_account: str = ""
    renewed: float = 0.0
    """When the next attempt to renew it is due."""
    warned: float = 0.0
    """When the next event of its approaching end is due."""

    def users(self, call: Call) -> list[str]:
        """The ARNs of what uses it."""
        return [use.by for use in InUse.scan(call, self.arn(call))]

    def eligible(self, call: Call) -> bool:
        """Whether ACM renews it by itself ("Managed certificate renewal"): if it is in use, or was exported."""
        used = self.exported or bool(self.users(call))
        return self.type != IMPORTED and self.status == ISSUED and bool(self.key) and used

    def install(self, call: Call, found: x509.Certificate, chain: list[x509.Certificate], key: Any) -> None:
        """Take over a certificate with its key, if that is not its owner's alone."""
        self.certificate = chains.pem(found)
        self.chain = "\n".join(chains.pem(one) for one in chain)
        self.key = call.cloud.master_key.seal(keys.der(key), about(self.id)) if key else b""
        self.not_before = found.not_valid_before_utc.timestamp()
        self.not_after = found.not_valid_after_utc.timestamp()
        self.told = attributes.read(found)
        self.exported = False

    def secret(self, call: Call) -> Any:
        """The private key."""
        return keys.loaded(call.cloud.master_key.open(self.key, about(self.id)))

    @property
    def origin(self) -> str:
        """CertificateKeyPairOrigin."""
        return "ACME" if self.endpoint else "CUSTOMER_PROVIDED" if self.type == IMPORTED else "AWS_MANAGED"

    @property
    def options(self) -> Members:
        logging = "ENABLED" if self.logged and self.type == AMAZON else "DISABLED"
        export = {"Export": "ENABLED" if self.exportable else "DISABLED"} if self.type == AMAZON else {}
        return {"CertificateTransparencyLoggingPreference": logging} | export

    def described(self, call: Call) -> Members:
        """CertificateDetail."""
        told = {
            "CertificateArn": self.arn(call),
            "DomainName": self.domain,
            "SubjectAlternativeNames": self.names,
            "ManagedBy": self.managed_by,
            "DomainValidationOptions": self.domains,
            "CreatedAt": self.created,
            "IssuedAt": self.issued,
            "ImportedAt": self.imported,
            "Status": self.status,
            "RevokedAt": self.revoked,
            "RevocationReason": self.reason,
            "NotBefore": self.not_before,
            "NotAfter": self.not_after,
            "KeyAlgorithm": self.key_algorithm,
            "FailureReason": self.failure,
            "Type": self.type,
            "RenewalSummary": self.renewal,
            "CertificateAuthorityArn": self.authority,
            "UpdateSummary": self.update,
            "CertificateKeyPairOrigin": self.origin,
            "AcmeEndpointArn": self.endpoint,
            "AcmeAccountId": self.acme_account,
        }
        shown = {member: value for member, value in told.items() if value}
        shown |= {member: self.told[member] for member in attributes.DETAIL if member in self.told}
        shown["InUseBy"] = self.users(call)
        shown["RenewalEligibility"] = "ELIGIBLE" if self.eligible(call) else "INELIGIBLE"
        shown["Options"] = self.options
        return shown


def about(certificate: str) -> bytes:
    return f"acm:{certificate}".encode()


def named(call: Call, certificate_arn: str) -> Certificate:
    """The certificate of an ARN."""
    try:
        parts = arn.parse(certificate_arn)
    except ValueError:
        raise faults.invalid_arn(certificate_arn) from None
    kind, _, identifier = parts.resource.partition("/")
    if kind != "certificate" or not identifier:
        raise faults.invalid_arn(certificate_arn)
    here = (parts.region, parts.account) == (call.region, call.account)
    found = Certificate.get(call, identifier) if here else None
    if found is None:
        raise faults.missing(certificate_arn, call.account)
    return found


@acm.operation(on=named)
def describe_certificate(call: Call, certificate: Certificate) -> Members:
    return {"Certificate": certificate.described(call)}


@acm.operation(on=named)
def get_certificate(call: Call, certificate: Certificate) -> Members:
    """A certificate and its chain, once it is issued."""
    if not certificate.certificate:
        raise faults.in_progress(certificate.arn(call))
    return {"Certificate": f"{certificate.certificate}\n"} | chain_of(certificate)


def chain_of(certificate: Certificate) -> Members:
    return {"CertificateChain": f"{certificate.chain}\n"} if certificate.chain else {}


@acm.operation(on=named)
def delete_certificate(call: Call, certificate: Certificate) -> None:
    """Delete a certificate that nobody uses, with its key."""
    if certificate.users(call):
        raise Fault("ResourceInUseException", f"Certificate {certificate.arn(call)} in use.")
    from .letters import Letter

    Letter.forget(call, certificate.id)
    certificate.delete(call)


# Tags


def checked(tags: dict[str, str]) -> dict[str, str]:
    if len(tags) > tagging.MOST:
        raise Fault("TooManyTagsException", f"The number of tags exceeds the limit of {tagging.MOST}.")
    tagging.check(tags, code="InvalidTagException")
    return tags


@acm.operation(on=named)
def add_tags_to_certificate(call: Call, certificate: Certificate, tags: list[Members]) -> None:
    certificate.tags = checked(certificate.tags | tagging.as_map(tags))
    certificate.put(call)


@acm.operation(on=named)
def remove_tags_from_certificate(call: Call, certificate: Certificate, tags: list[Members]) -> None:
    """Remove tags; one that is given with a value, only if that is its value."""
    gone = {tag["Key"] for tag in tags if tag.get("Value") in (None, certificate.tags.get(tag["Key"]))}
    certificate.tags = {key: value for key, value in certificate.tags.items() if key not in gone}
    certificate.put(call)


@acm.operation(on=named)
def list_tags_for_certificate(call: Call, certificate: Certificate) -> Members:
    return {"Tags": tagging.as_list(certificate.tags)}


# Events ("Using EventBridge", User Guide)


@acm.task
async def tell(call: Call, kind: str, certificate: str, detail: Members) -> None:
    """Announce what happened to a certificate; where there is no EventBridge, nobody listens."""
    entry = {"Source": "aws.acm", "DetailType": kind, "Resources": [certificate], "Detail": json.dumps(detail)}
    try:
        done = call.aws("events", principal=identity.service("acm.amazonaws.com")).put_events(entries=[entry])
        if inspect.isawaitable(done):
            await done
    except Unfinished:
        return


def announce(call: Call, kind: str, certificate: Certificate, **more: Any) -> None:
    detail = {
        "CertificateType": certificate.type,
        "CommonName": certificate.domain,
        "DomainValidationMethod": certificate.method or None,
        "CertificateCreatedDate": certificate.created,
        "CertificateExpirationDate": certificate.not_after,
        "InUse": bool(certificate.users(call)),
        "Exported": certificate.exported,
    }
    shown = {name: value for name, value in (detail | more).items() if value is not None}
    tell.later(call, kind=kind, certificate=certificate.arn(call), detail=shown)
