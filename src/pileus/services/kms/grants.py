"""Grants: permissions on a key that come and go without its policy, each for one grantee and some operations.

A grant is in force at once, so grant tokens are checked and have no other effect. Left out: that a grant made by the
right of another grant must not be wider than it.
"""

from __future__ import annotations

import os
from typing import Any

from pileus.kernel import Call, Fault, Record, names

from . import faults, kms, specs
from .keys import Key, named
from .listing import marked

Constraints = dict[str, Any]

ALWAYS = {"CreateGrant", "RetireGrant", "DescribeKey"}
SYMMETRIC = {
    "Decrypt",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
}
ASYMMETRIC = {
    specs.ENCRYPT: {"Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GetPublicKey"},
    specs.SIGN: {"Sign", "Verify", "GetPublicKey"},
    specs.MAC: {"GenerateMac", "VerifyMac"},
    specs.AGREE: {"DeriveSharedSecret", "GetPublicKey"},
    specs.ENCAPSULATE: {"Encapsulate", "Decapsulate", "GetPublicKey"},
}
"""What a grant on a key may allow, by the key's use ("Grant operations")."""


class Grant(Record, key=("key_id", "id"), indexes={"retirable": ("retiring",)}, kw_only=True):
    """What one grantee may do with one key."""

    key_id: str
    id: str
    grantee: str
    retiring: str = ""
    operations: list[str]
    constraints: Constraints = {}
    name: str = ""
    issuer: str
    created: float
    service: bool = False
    """Whether the grantee is a service."""
    retiring_service: bool = False

    def holds(self, request: dict[str, Any], source_arn: str, symmetric: bool) -> bool:
        """Whether the constraints hold for a request. Names of pairs are compared without regard to case here alone."""
        if (wanted := self.constraints.get("SourceArn")) and wanted != source_arn:
            return False
        if not symmetric:
            return True
        context = lowered(request.get("EncryptionContext", {}))
        if (equal := self.constraints.get("EncryptionContextEquals")) is not None and lowered(equal) != context:
            return False
        subset = lowered(self.constraints.get("EncryptionContextSubset", {}))
        return subset.items() <= context.items()

    def shown(self, call: Call) -> dict[str, Any]:
        told: dict[str, Any] = {
            "KeyId": call.arn(f"key/{self.key_id}"),
            "GrantId": self.id,
            "Name": self.name,
            "CreationDate": self.created,
            "GranteeServicePrincipal" if self.service else "GranteePrincipal": self.grantee,
            "IssuingAccount": self.issuer,
            "Operations": self.operations,
        }
        if self.retiring:
            told["RetiringServicePrincipal" if self.retiring_service else "RetiringPrincipal"] = self.retiring
        return told | ({"Constraints": self.constraints} if self.constraints else {})


def lowered(context: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in context.items()}


class Token(Record, indexes={"by_grant": ("key_id", "grant_id")}):
    """What CreateGrant hands out for a grant. Each call has its own, also where the grant was there already."""

    token: str
    key_id: str
    grant_id: str


@kms.operation(on=named, honours=("GrantTokens",))
def create_grant(
    call: Call,
    key: Key,
    operations: list[str],
    grantee_principal: str = "",
    retiring_principal: str = "",
    constraints: Constraints = {},
    name: str = "",
    dry_run: bool = False,
    grantee_service_principal: str = "",
    retiring_service_principal: str = "",
) -> dict[str, Any]:
    """Let somebody use a key. Under the same name the same grant is made only once."""
    key.check_state(call, "Enabled")
    if bool(grantee_principal) == bool(grantee_service_principal):
        raise faults.validation("Specify either GranteePrincipal or GranteeServicePrincipal.")
    if retiring_principal and retiring_service_principal:
        raise faults.validation("Specify only one of RetiringPrincipal and RetiringServicePrincipal.")
    constraints = {name: value for name, value in constraints.items() if value}
    check(call, key, operations, constraints)
    for principal in filter(None, (grantee_principal, retiring_principal)):
        check_principal(principal)
    if dry_run:
        raise faults.dry_run()
    grant = Grant(
        key_id=key.id,
        id=os.urandom(32).hex(),
        grantee=grantee_principal or grantee_service_principal,
        retiring=retiring_principal or retiring_service_principal,
        operations=operations,
        constraints=constraints,
        name=name,
        issuer=f"arn:{call.partition}:iam::{call.principal.account or call.account}:root",
        created=call.now,
        service=bool(grantee_service_principal),
        retiring_service=bool(retiring_service_principal),
    )
    if found := same(call, grant):
        grant = found
    else:
        grant.put(call)
        key.grants += 1
        key.put(call)
    token = Token(names.token(160), key.id, grant.id).put(call)
    return {"GrantToken": token.token, "GrantId": grant.id}


def same(call: Call, new: Grant) -> Grant | None:
    """The grant of that name that differs in nothing."""
    if not new.name:
        return None
    fields = ("name", "grantee", "retiring", "operations", "constraints", "issuer")
    for grant in Grant.scan(call, new.key_id):
        if all(getattr(grant, field) == getattr(new, field) for field in fields):
            return grant
    return None


def check(call: Call, key: Key, operations: list[str], constraints: Constraints) -> None:
    """Refuse operations that the key cannot do, and constraints that it cannot keep."""
    allowed = ALWAYS | (SYMMETRIC if key.symmetric else ASYMMETRIC[key.usage])
    if unfit := [operation for operation in operations if operation not in allowed]:
        message = (
            f"The operation {unfit[0]} is not supported by a KMS key with key usage {key.usage} and spec {key.spec}."
        )
        raise faults.validation(message)
    if not operations:
        raise faults.validation("Operations must not be empty.")
    contexts = {"EncryptionContextEquals", "EncryptionContextSubset"} & constraints.keys()
    if contexts and not key.symmetric:
        raise faults.validation("Encryption context constraints are valid only for symmetric encryption KMS keys.")
    if len(contexts) == 2:
        raise faults.validation("Specify only one of EncryptionContextEquals and EncryptionContextSubset.")


def check_principal(principal: str) -> None:
    if not (principal.startswith("arn:") or (len(principal) == 12 and principal.isdigit())):
        # Services are named as grantees here too, as AWS's own do.
        if principal.endswith((".amazonaws.com", ".amazonaws.com.cn")):
            return
        raise Fault("InvalidArnException", f"Invalid ARN {principal}")


@kms.operation(on=named)
def list_grants(
    call: Call,
    key: Key,
    limit: int = 50,
    marker: str = "",
    grant_id: str = "",
    grantee_principal: str = "",
    grantee_service_principal: str = "",
) -> dict[str, Any]:
    """The grants of a key; of one grantee, or the one of an id."""

    def wanted(grant: Grant) -> bool:
        return (
            (not grant_id or grant.id == grant_id)
            and (not grantee_principal or (grant.grantee == grantee_principal))
            and (not grantee_service_principal or (grant.service and grant.grantee == grantee_service_principal))
        )

    found = Grant.page(call, key.id, limit=limit, token=marker, where=wanted, invalid=faults.invalid_marker())
    return {"Grants": [grant.shown(call) for grant in found.items], **marked(found.token)}


@kms.operation
def list_retirable_grants(
    call: Call,
    limit: int = 50,
    marker: str = "",
    retiring_principal: str = "",
    retiring_service_principal: str = "",
) -> dict[str, Any]:
    """The grants in this account and Region that a principal may retire."""
    if bool(retiring_principal) == bool(retiring_service_principal):
        raise faults.validation("Specify either RetiringPrincipal or RetiringServicePrincipal.")
    who = retiring_principal or retiring_service_principal
    invalid = faults.invalid_marker()
    found = Grant.page(call, who, index="retirable", limit=limit, token=marker, invalid=invalid)
    return {"Grants": [grant.shown(call) for grant in found.items], **marked(found.token)}


@kms.operation(on=named)
def revoke_grant(call: Call, key: Key, grant_id: str, dry_run: bool = False) -> None:
    """End a grant, as the key's administrator."""
    grant = Grant.get(call, key.id, grant_id)
    if grant is None:
        raise Fault("NotFoundException", f"Grant ID {grant_id} not found")
    end(call, grant, dry_run)


@kms.operation
def retire_grant(
    call: Call, grant_token: str = "", key_id: str = "", grant_id: str = "", dry_run: bool = False
) -> None:
    """End a grant, as its retiring principal or grantee, or as the account that made it."""
    end(call, meant_by(call, grant_token, key_id, grant_id), dry_run)


def end(call: Call, grant: Grant, dry_run: bool) -> None:
    if dry_run:
        raise faults.dry_run()
    forget(call, grant)
    if key := Key.get(call, grant.key_id):
        key.grants -= 1
        key.put(call)


def meant_by(call: Call, token: str, key_id: str, grant_id: str) -> Grant:
    """The grant that a request names by its token, or by key and id."""
    if token:
        if key_id or grant_id:
            raise faults.validation("Specify a GrantToken, or a GrantId and a KeyId.")
        found = Token.get(call, token)
        if found is None:
            raise Fault("InvalidGrantTokenException", "The grant token is not valid.")
        key_id, grant_id = found.key_id, found.grant_id
    elif not (key_id and grant_id):
        raise faults.validation("Specify a GrantToken, or a GrantId and a KeyId.")
    grant = Grant.get(call, named(call, key_id).id, grant_id)
    if grant is None:
        raise Fault("NotFoundException", f"Grant ID {grant_id} not found")
    return grant


def check_tokens(call: Call, tokens: list[str]) -> None:
    for token in tokens:
        if Token.get(call, token) is None:
            raise Fault("InvalidGrantTokenException", "The grant token is not valid.")


def remove_all(call: Call, key_id: str) -> None:
    """The key is gone."""
    for grant in list(Grant.scan(call, key_id)):
        forget(call, grant)


def forget(call: Call, grant: Grant) -> None:
    """Remove a grant with its tokens."""
    for token in list(Token.scan(call, grant.key_id, grant.id, index="by_grant")):
        token.delete(call)
    grant.delete(call)
