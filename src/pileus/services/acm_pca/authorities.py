"""Certificate authorities: created, described, listed, changed, tagged. Their keys never leave them.

An authority's key is made by a task, as AWS makes it: until then it is CREATING and has no request to be signed.
"""

from __future__ import annotations

import asyncio
import inspect
import json
from typing import Any

from pileus.engines.x509 import keys
from pileus.kernel import Call, Fault, Record, Unfinished, arn, identity, names, paging
from pileus.kernel import tags as tagging
from pileus.kernel.resource_type import resource_type

from . import acm_pca, faults
from .extensions import of_csr
from .policies import granting
from .revocation import check_configuration, completed
from .subjects import name

Members = dict[str, Any]

CREATING = "CREATING"
PENDING = "PENDING_CERTIFICATE"
ACTIVE = "ACTIVE"
DISABLED = "DISABLED"
EXPIRED = "EXPIRED"
DELETED = "DELETED"

ROOT = "ROOT"
SHORT_LIVED = "SHORT_LIVED_CERTIFICATE"

KIND = "acm-pca:CertificateAuthority"
"""As AWS RAM names it."""
MOST = 200
"""Authorities of an account in a Region ("AWS Private CA quotas")."""
IDEMPOTENT = 300.0
"""Seconds for which an idempotency token is remembered (API reference)."""


@resource_type(
    acm_pca, "CertificateAuthorityArn", create="CreateCertificateAuthority", read="DescribeCertificateAuthority",
    update="UpdateCertificateAuthority", list="ListCertificateAuthorities", delete="DeleteCertificateAuthority",
    missing="ResourceNotFoundException",
)  # fmt: skip
class Authority(
    Record,
    arn="certificate-authority/{id}",
    cfn="AWS::ACMPCA::CertificateAuthority",
    indexes={"by_token": ("token",)},
    kw_only=True,
):
    id: str
    type: str
    configuration: Members
    revocation: Members
    usage_mode: str
    storage: str
    created: float
    changed: float
    status: str = CREATING
    key: bytes = b""
    """The private key (PKCS #8), sealed."""
    csr: str = ""
    certificate: str = ""
    chain: str = ""
    serial: str = ""
    not_before: float | None = None
    not_after: float | None = None
    restorable: float | None = None
    before: str = ""
    """The status before its deletion."""
    failure: str = ""
    list_due: float = 0.0
    """When the next list of revoked certificates is made, if none is before."""
    token: str = ""
    tags: dict[str, str] = {}
    policy: str = ""
    permissions: list[Members] = []

    def resource_policy(self, call: Call) -> str:
        return granting(self.policy, self.permissions, self.arn(call))

    def secret(self, call: Call) -> Any:
        """The private key."""
        return keys.loaded(call.cloud.master_key.open(self.key, about(self.id)))

    def check(self, *fine: str) -> None:
        """Refuse unless it is in one of these states."""
        if self.status == CREATING and CREATING not in fine:
            raise Fault("RequestInProgressException", "Your certificate authority is still being created.")
        if self.status not in fine:
            raise faults.state(self.status)

    def turn(self, call: Call, status: str) -> None:
        self.status = status
        self.changed = call.now

    def described(self, call: Call) -> Members:
        told = {
            "Arn": self.arn(call),
            "OwnerAccount": call.account,
            "CreatedAt": self.created,
            "LastStateChangeAt": self.changed,
            "Type": self.type,
            "Serial": self.serial or None,
            "Status": self.status,
            "NotBefore": self.not_before,
            "NotAfter": self.not_after,
            "FailureReason": self.failure or None,
            "CertificateAuthorityConfiguration": self.configuration,
            "RevocationConfiguration": self.revocation,
            "RestorableUntil": self.restorable,
            "KeyStorageSecurityStandard": self.storage,
            "UsageMode": self.usage_mode,
        }
        return {member: value for member, value in told.items() if value is not None}


class Shared(Record, scope="cloud", key=("account", "region", "owner", "id")):
    """An authority that its policy shares with another account."""

    account: str
    region: str
    owner: str
    id: str


@acm_pca.forget
def forget(call: Call) -> None:
    """What an account that is reset has shared, and what was shared with it."""
    for one in [one for one in Shared.scan(call) if call.account in (one.account, one.owner)]:
        one.delete(call)


def about(authority: str) -> bytes:
    return f"acm-pca:{authority}".encode()


@acm_pca.owner
def owner(call: Call, request: Members) -> str:
    """The account of the authority that a request names."""
    try:
        account = arn.parse(request.get("CertificateAuthorityArn") or request.get("ResourceArn") or "").account
    except ValueError:
        return ""
    return account if len(account) == 12 and account.isdigit() else ""


def named(call: Call, certificate_authority_arn: str) -> Authority:
    """The authority of an ARN, in whatever state."""
    try:
        parts = arn.parse(certificate_authority_arn)
    except ValueError:
        raise faults.invalid_arn(certificate_authority_arn) from None
    kind, _, identifier = parts.resource.partition("/")
    if parts.service != "acm-pca" or kind != "certificate-authority" or not identifier:
        raise faults.invalid_arn(certificate_authority_arn)
    found = Authority.get(call, identifier) if (parts.region, parts.account) == (call.region, call.account) else None
    if found is None:
        raise faults.missing(certificate_authority_arn)
    return found


def living(call: Call, certificate_authority_arn: str) -> Authority:
    """The authority, unless it is deleted."""
    found = named(call, certificate_authority_arn)
    if found.status == DELETED:
        raise faults.state(DELETED)
    return found


@acm_pca.shareable("acm-pca:CertificateAuthority")
def shareable(call: Call, certificate_authority_arn: str) -> bool:
    """Whether there is such an authority."""
    return bool(living(call, certificate_authority_arn))


@acm_pca.operation
def create_certificate_authority(
    call: Call,
    certificate_authority_configuration: Members,
    certificate_authority_type: str,
    revocation_configuration: Members = {},
    idempotency_token: str = "",
    key_storage_security_standard: str = "FIPS_140_2_LEVEL_3_OR_HIGHER",
    tags: list[Members] = [],
    usage_mode: str = "GENERAL_PURPOSE",
) -> Members:
    """A new authority; its key comes next, and then it waits for its certificate."""
    if idempotency_token:
        for known in Authority.scan(call, idempotency_token, index="by_token"):
            if known.created > call.now - IDEMPOTENT:
                return {"CertificateAuthorityArn": known.arn(call)}
    check_algorithms(certificate_authority_configuration)
    name(certificate_authority_configuration["Subject"])
    of_csr(certificate_authority_configuration.get("CsrExtensions", {}))
    check_configuration(call, revocation_configuration)
    if len(list(Authority.scan(call, limit=MOST))) == MOST:
        raise Fault("LimitExceededException", f"You have reached your limit of {MOST} certificate authorities.")
    authority = Authority(
        id=names.uuid4(),
        type=certificate_authority_type,
        configuration=certificate_authority_configuration,
        revocation=completed(revocation_configuration),
        usage_mode=usage_mode,
        storage=key_storage_security_standard,
        created=call.now,
        changed=call.now,
        token=idempotency_token,
        tags=checked(tagging.as_map(tags)),
    ).put(call)
    equip.later(call, authority=authority.id)
    return {"CertificateAuthorityArn": authority.arn(call)}


def check_algorithms(configuration: Members) -> None:
    key, algorithm = configuration["KeyAlgorithm"], configuration["SigningAlgorithm"]
    if "SM2" in (key, algorithm) or algorithm == "SM3WITHSM2":
        raise Unfinished("Pileus has no certificate authorities with SM2 keys yet.")
    family = keys.signing(algorithm).family
    fits = {"RSA": key.startswith("RSA"), "ECDSA": key.startswith("EC_")}.get(family, family == key)
    if not fits:
        raise faults.arguments(f"The signing algorithm {algorithm} does not fit the key algorithm {key}.")


@acm_pca.task
async def equip(call: Call, authority: str) -> None:
    """Make an authority's key and the request for its certificate."""
    found = Authority.get(call, authority)
    if found is None or found.status != CREATING:
        return
    algorithm = found.configuration["KeyAlgorithm"]
    key = await asyncio.to_thread(keys.generated, algorithm)
    with call.transaction():
        found = Authority.get(call, authority)
        if found is None or found.status != CREATING:
            return
        found.key = call.cloud.master_key.seal(keys.der(key), about(authority))
        found.csr = request_for(found, key)
        found.turn(call, PENDING)
        found.put(call)
        tell.later(call, kind="ACM Private CA Creation", resources=[found.arn(call)], detail={"result": "success"})


def request_for(authority: Authority, key: Any) -> str:
    """The request (PKCS #10) that an authority's certificate is issued for."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    configuration = authority.configuration
    builder = x509.CertificateSigningRequestBuilder().subject_name(name(configuration["Subject"]))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    for extension in of_csr(configuration.get("CsrExtensions", {})):
        builder = builder.add_extension(extension.value, critical=extension.critical)
    how = keys.signing(configuration["SigningAlgorithm"])
    return builder.sign(key, **how.arguments()).public_bytes(Encoding.PEM).decode()


@acm_pca.operation(on=named)
def describe_certificate_authority(call: Call, authority: Authority) -> Members:
    return {"CertificateAuthority": authority.described(call)}


@acm_pca.operation
def list_certificate_authorities(
    call: Call, max_results: int = 1000, next_token: str = "", resource_owner: str = "SELF"
) -> Members:
    """The account's authorities, or those that others share with it."""
    invalid = faults.invalid_token()
    if resource_owner == "SELF":
        own = Authority.page(call, limit=max_results, token=next_token, invalid=invalid)
        return {"CertificateAuthorities": [one.described(call) for one in own.items], "NextToken": own.token}
    others = sorted({*by_policy(call), *by_ram(call)})
    start = paging.opened(call, next_token, invalid) if next_token else 0
    stop = start + max_results
    told = []
    for place in others[start:stop]:
        there = call.at(account=arn.parse(place).account)
        if authority := Authority.get(there, place.rpartition("/")[2]):
            told.append(authority.described(there))
    return {"CertificateAuthorities": told, "NextToken": paging.sealed(call, stop) if stop < len(others) else None}


def by_policy(call: Call) -> list[str]:
    """The ARNs of the authorities that policies share with the account."""
    shared = Shared.scan(call, call.account, call.region)
    return [call.at(account=one.owner).arn(f"certificate-authority/{one.id}") for one in shared]


def by_ram(call: Call) -> list[str]:
    """The ARNs of those that AWS RAM shares with it."""
    ram = call.aws("ram", principal=identity.service("pileus.amazonaws.com"))
    found: list[str] = []
    token = None
    while True:
        page = ram.list_resources(resource_owner="OTHER-ACCOUNTS", resource_type=KIND, next_token=token)
        found += [one["arn"] for one in page["resources"]]
        token = page.get("nextToken")
        if not token:
            return found


@acm_pca.operation(on=living)
def get_certificate_authority_csr(call: Call, authority: Authority) -> Members:
    """The request for the authority's certificate, for whoever is to sign it."""
    authority.check(PENDING, ACTIVE, DISABLED, EXPIRED)
    return {"Csr": authority.csr}


# Tags


def checked(tags: dict[str, str]) -> dict[str, str]:
    if len(tags) > tagging.MOST:
        raise Fault("TooManyTagsException", "You can associate up to 50 tags with a private CA.", status=400)
    tagging.check(tags, code="InvalidTagException")
    return tags


@acm_pca.operation(on=living)
def tag_certificate_authority(call: Call, authority: Authority, tags: list[Members]) -> None:
    authority.tags = checked(authority.tags | tagging.as_map(tags))
    authority.put(call)


@acm_pca.operation(on=living)
def untag_certificate_authority(call: Call, authority: Authority, tags: list[Members]) -> None:
    """Remove tags; one that is given with a value, only if that is its value."""
    gone = {tag["Key"] for tag in tags if tag.get("Value") in (None, authority.tags.get(tag["Key"]))}
    authority.tags = {key: value for key, value in authority.tags.items() if key not in gone}
    authority.put(call)


@acm_pca.operation(on=living)
def list_tags(call: Call, authority: Authority, max_results: int = 1000, next_token: str = "") -> Members:
    held = sorted(authority.tags.items())
    start = paging.opened(call, next_token, faults.invalid_token()) if next_token else 0
    stop = start + max_results
    more = paging.sealed(call, stop) if stop < len(held) else None
    return {"Tags": tagging.as_list(dict(held[start:stop])), "NextToken": more}


# Events ("Using Amazon EventBridge", User Guide)


@acm_pca.task
async def tell(call: Call, kind: str, resources: list[str], detail: Members) -> None:
    """Announce what happened; where there is no EventBridge, nobody listens."""
    entry = {"Source": "aws.acm-pca", "DetailType": kind, "Resources": resources, "Detail": json.dumps(detail)}
    try:
        done = call.aws("events", principal=identity.service("acm-pca.amazonaws.com")).put_events(entries=[entry])
        if inspect.isawaitable(done):
            await done
    except Unfinished:
        return
