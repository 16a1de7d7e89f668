"""Who may use a key: its policy must let them, or leave it to IAM, or a grant must.

Unlike elsewhere, nobody may do anything with a key that its policy does not allow, the account's root included
("Key policies in AWS KMS"). A grant whose constraints hold counts as a statement of the policy.
"""

from __future__ import annotations

import json
from typing import Any

from pileus.kernel import Call, Fault, arn
from pileus.kernel.access.matching import Values
from pileus.kernel.access.target import Target

from . import grants, kms, recipients
from .ciphertexts import envelope
from .grants import Grant
from .keys import Alias, Key, aliasable, meant, named

Members = dict[str, Any]

OF_NO_KEY = {
    "ConnectCustomKeyStore",
    "CreateCustomKeyStore",
    "CreateKey",
    "DeleteCustomKeyStore",
    "DescribeCustomKeyStores",
    "DisconnectCustomKeyStore",
    "GenerateRandom",
    "ListAliases",
    "ListKeys",
    "ListRetirableGrants",
    "UpdateCustomKeyStore",
}
BY_ALIAS = {"CreateAlias", "UpdateAlias", "DeleteAlias"}
ALIASES = "kms:resourcealiases"
RENAMED = {
    "CreateGrant": {"Operations": "kms:grantoperations", "Constraints": "kms:grantconstrainttype"},
    "GenerateDataKeyPair": {"KeyPairSpec": "kms:datakeypairspec"},
    "GenerateDataKeyPairWithoutPlaintext": {"KeyPairSpec": "kms:datakeypairspec"},
    "ScheduleKeyDeletion": {"PendingWindowInDays": "kms:schedulekeydeletionpendingwindowindays"},
}
"""Condition keys that are members of requests by other names."""


@kms.owner
def owner(call: Call, request: Members) -> str:
    """The account of the key: where an ARN names it, and for ciphertexts that say themselves whose they are."""
    named_by = request.get("KeyId") or request.get("SourceKeyId") or ""
    if named_by:
        return account_in(named_by)
    if (blob := request.get("CiphertextBlob")) and call.operation in ("Decrypt", "ReEncrypt"):
        try:
            return envelope(blob).account
        except Fault:
            return ""
    return ""


def account_in(identifier: str) -> str:
    if not identifier.startswith("arn:"):
        return ""
    try:
        account = arn.parse(identifier).account
    except ValueError:
        return ""
    return account if len(account) == 12 and account.isdigit() else ""


@kms.targets
def targets(call: Call, request: Members) -> list[Target] | None:
    """The keys, and aliases, that a request is about."""
    operation = call.operation
    if operation in OF_NO_KEY:
        return None
    if tokens := request.get("GrantTokens"):
        grants.check_tokens(call, tokens)
    if operation in BY_ALIAS:
        return aliased(call, request)
    if operation == "RetireGrant":
        return retired(call, request)
    if operation == "ReEncrypt":
        source = source_of(call, request, request.get("SourceKeyId", ""))
        there, key = destination(call, request["DestinationKeyId"])
        first = request | {"EncryptionContext": request.get("SourceEncryptionContext", {})}
        second = request | {"EncryptionContext": request.get("DestinationEncryptionContext", {})}
        to = target(there, key, second, "kms:ReEncryptTo")
        return [target(call, source, first, "kms:ReEncryptFrom"), to] if source else [to]
    if operation == "Decrypt":
        source = source_of(call, request, request.get("KeyId", ""))
        return [target(call, source, request)] if source else None
    key = meant(call, request["KeyId"])
    if "alias/" not in request["KeyId"]:  # which some operations refuse
        call.found = key
    return [target(call, key, request)]


def source_of(call: Call, request: Members, key_id: str) -> Key | None:
    """The key of a ciphertext; None where the operation will say what is wrong with it."""
    if key_id:
        return meant(call, key_id)
    try:
        found = envelope(request["CiphertextBlob"])
    except (Fault, KeyError):
        return None
    return Key.get(call, found.key_id) if found.account == call.account else None


def destination(call: Call, key_id: str) -> tuple[Call, Key]:
    """The key to which a ciphertext goes, and the call looking at its account, which need not be the source's."""
    there = call.at(account=account_in(key_id) or call.principal.account or call.account)
    return there, meant(there, key_id)


def target(call: Call, key: Key, request: Members, action: str = "") -> Target:
    """A key as the access decision sees it."""
    policy = key.policy
    if key.grants and (given := statements(call, key, request)):
        document = json.loads(policy)
        own = document["Statement"]
        policy = json.dumps(document | {"Statement": [*(own if isinstance(own, list) else [own]), *given]})
    return Target(
        key.arn(call), call.account, policy, explicit=True, tags=key.tags, keys=keys(call, key, request), action=action
    )


def statements(call: Call, key: Key, request: Members) -> list[Members]:
    """The key's grants whose constraints hold for a request, as statements of a policy."""
    source = call.principal.session.get("source_arn", "")
    found = []
    for grant in Grant.scan(call, key.id):
        contextual = key.symmetric and call.operation not in ("DescribeKey", "CreateGrant", "RetireGrant")
        if grant.holds(request, source, contextual):
            found.append(allowing(grant.grantee, [f"kms:{operation}" for operation in grant.operations]))
    return found


def allowing(principal: str, actions: list[str]) -> Members:
    service = principal.endswith((".amazonaws.com", ".amazonaws.com.cn"))
    named_by = {"Service" if service else "AWS": principal}
    return {"Effect": "Allow", "Principal": named_by, "Action": actions, "Resource": "*"}


class Known(dict[str, Values]):
    """What policies may ask of a key and a request; the key's aliases are looked up if one does."""

    def __init__(self, call: Call, key: Key, told: dict[str, Values]) -> None:
        super().__init__(told)
        self._call, self._key = call, key

    def get(self, name: str, default: Any = None) -> Any:
        if name == ALIASES:
            return tuple(alias.name for alias in Alias.scan(self._call, self._key.id, index="by_key"))
        return super().get(name, default)


def keys(call: Call, key: Key, request: Members) -> dict[str, Values]:
    """KMS's own condition keys that are not members of requests by the same names ("AWS KMS condition keys")."""
    found = Known(
        call,
        key,
        {
            "kms:calleraccount": (call.principal.account or call.account,),
            "kms:keyspec": (key.spec,),
            "kms:keyusage": (key.usage,),
            "kms:keyorigin": (key.origin,),
            "kms:multiregion": ("true" if key.multi_region else "false",),
        },
    )
    for member, name in RENAMED.get(call.operation, {}).items():
        if given := request.get(member):
            found[name] = tuple(given) if isinstance(given, list | dict) else (str(given),)
    if call.called_via:
        service = call.called_via[-1].removesuffix(".amazonaws.com")
        found["kms:viaservice"] = (f"{service}.{call.region}.amazonaws.com",)
        found["kms:grantisforawsresource"] = ("true",)
    if context := request.get("EncryptionContext"):
        found["kms:encryptioncontextkeys"] = tuple(context)
        found.update({f"kms:encryptioncontext:{name.lower()}": (value,) for name, value in context.items()})
    if recipient := request.get("Recipient"):
        found.update(recipients.keys(call, recipient))
    alias = request.get("KeyId", "").rpartition(":")[2]
    if alias.startswith("alias/"):
        found["kms:requestalias"] = (alias,)
    return found


def aliased(call: Call, request: Members) -> list[Target]:
    """An alias, and the key it is to name."""
    found = [Target(call.arn(request["AliasName"]), call.account)]
    if key_id := request.get("TargetKeyId"):
        found.append(target(call, aliasable(call, key_id), request))
    return found


def retired(call: Call, request: Members) -> list[Target]:
    """The key of a grant that is to be retired: the grant itself says by whom it may."""
    grant = grants.meant_by(call, request.get("GrantToken", ""), request.get("KeyId", ""), request.get("GrantId", ""))
    key = named(call, grant.key_id)
    found = target(call, key, request)
    if not grant.retiring:
        return [found]
    document = json.loads(found.policy or key.policy)
    own = document["Statement"]
    more = [*(own if isinstance(own, list) else [own]), allowing(grant.retiring, ["kms:RetireGrant"])]
    return [found._replace(policy=json.dumps(document | {"Statement": more}))]
