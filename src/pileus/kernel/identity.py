"""Who makes a call, and the credentials that prove it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from typing import TYPE_CHECKING, Any, Self

import msgspec

from .record import Record

if TYPE_CHECKING:
    from .call import Call

DEFAULT_ACCOUNT = "000000000000"


class Principal(msgspec.Struct, frozen=True):
    """Who makes a call.

    `type` is one of CloudTrail's userIdentity types (CloudTrail User Guide, userIdentity element): Root, IAMUser,
    AssumedRole, FederatedUser, WebIdentityUser, SAMLUser, AWSService, or Anonymous.
    """

    type: str
    account: str
    arn: str
    user_id: str
    access_key_id: str = ""
    session: dict[str, Any] = {}
    """What the credentials carry beside: session policies, tags, the issuing role, when they were made."""


class Credential(Record, scope="cloud"):
    """An access key that the cloud issued."""

    access_key_id: str
    secret: str
    principal: Principal
    token: str = ""
    """The session token that temporary credentials come with."""
    expires: float | None = None
    active: bool = True
    """One that was taken out of use, or deleted, stays on record: it must not be taken for a key that nobody issued."""

    def put(self, call: Call) -> Self:
        call.cloud.access.credential_changed(call.store, self.access_key_id)
        return super().put(call)

    def delete(self, call: Call) -> None:
        call.cloud.access.credential_changed(call.store, self.access_key_id)
        super().delete(call)


class ApiKey(Record, scope="cloud"):
    """A token for one service, which whoever bears it needs not sign with."""

    digest: str
    """Of the token: what is not kept here cannot be read here."""
    service: str
    principal: Principal
    expires: float | None = None
    active: bool = True

    @classmethod
    def bearer(cls, call: Call, token: str, service: str) -> Principal | None:
        """Who bears a token; None for one that is not good for the service, or not any more."""
        found = cls.get(call, digest(token))
        if found is None or not found.active or found.service != service:
            return None
        return found.principal if found.expires is None or call.now < found.expires else None


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def root(account: str, access_key_id: str = "", partition: str = "aws") -> Principal:
    return Principal("Root", account, f"arn:{partition}:iam::{account}:root", account, access_key_id)


ANONYMOUS = Principal("Anonymous", "anonymous", "anonymous", "anonymous")


def service(name: str, source_arn: str = "", source_account: str = "") -> Principal:
    """A service that calls on somebody's behalf, such as `sns.amazonaws.com`, and the resource for which it does.

    Policies know the latter two as aws:SourceArn and aws:SourceAccount, which keep it from being a confused deputy.
    """
    told = {"source_arn": source_arn, "source_account": source_account}
    return Principal("AWSService", "", name, name, session={key: value for key, value in told.items() if value})


def linked(call: Call, name: str, role: str, policy: str) -> Principal:
    """A service-linked role of the call's account, as which a service does what its policy lets it do there.

    IAM has it once the service has made it (`pileus.kernel.roles.link`); what it may do is AWS's policy in any case,
    which nobody else can change.
    """
    issuer = f"arn:{call.partition}:iam::{call.account}:role/aws-service-role/{name}/{role}"
    policies = [f"arn:{call.partition}:iam::aws:policy/aws-service-role/{policy}"]
    session = {"issuer": issuer, "improvised": True, "policy_arns": policies}
    arn = f"arn:{call.partition}:sts::{call.account}:assumed-role/{role}/{name.partition('.')[0]}"
    return Principal("AssumedRole", call.account, arn, f"AROALINKED00000000000:{role}", session=session)


def account_of(access_key_id: str) -> str:
    """The account that a key nobody issued stands for: twelve digits name it, any other is the default account's."""
    return access_key_id if len(access_key_id) == 12 and access_key_id.isdigit() else DEFAULT_ACCOUNT


def new_access_key_id(prefix: str, account: str) -> str:
    """An access key id that carries its account, as AWS's have since 2019.

    After the four letters of the prefix come ten bytes in base 32, of which bits 1 to 40 are the account's number.
    """
    first = (1 << 47) | (int(account) << 7) | (os.urandom(1)[0] >> 1)
    return prefix + base64.b32encode(first.to_bytes(6, "big") + os.urandom(4)).decode()


def account_within(access_key_id: str) -> str | None:
    """The account that an access key id carries, or None for one of the older kind or none at all."""
    try:
        first = int.from_bytes(base64.b32decode(access_key_id[4:20])[:6], "big")
    except binascii.Error:
        return None
    if len(access_key_id) != 20 or not first >> 47:
        return None
    return f"{(first >> 7) & ((1 << 40) - 1):012d}"
