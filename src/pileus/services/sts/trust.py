"""Whom a role trusts: its trust policy decides, together with the caller's own policies, who may assume it."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Principal, arn
from pileus.kernel.access.attached import Grants
from pileus.kernel.access.enforcement import authorize
from pileus.kernel.access.matching import Values
from pileus.kernel.access.target import Target

from . import sts
from .factors import proves


@sts.targets
def targets(call: Call, request: dict[str, Any]) -> list[Target] | None:
    """What a request is about: above all the role, which if it is not there is the operation's to refuse."""
    if call.operation == "AssumeRoot":
        # The caller's own policies decide: whose root it is, the operation looks itself.
        task = (str(request.get("TaskPolicyArn", {}).get("arn", "")),)
        return [Target(root_of(call, request["TargetPrincipal"]), call.account, keys={"sts:taskpolicyarn": task})]
    if call.operation == "GetWebIdentityToken":
        keys = {"sts:identitytokenaudience": tuple(request.get("Audience", ()))}
        return [Target("*", call.account, keys=keys)]
    if call.operation != "AssumeRole":
        return None
    with_mfa = proves(call, request.get("SerialNumber", ""), request.get("TokenCode", ""))
    role = role_named(call, request["RoleArn"], {"aws:multifactorauthpresent": ("true",)} if with_mfa else {})
    if role is None:
        return [] if may_improvise(call) else None
    if call.principal.session.get("source_identity"):
        # It stays for as long as roles are chained, so each of them must let it be set (IAM User Guide, "Monitor and
        # control actions taken with assumed roles").
        return [role, role._replace(action="sts:SetSourceIdentity")]
    return [role]


def root_of(call: Call, target: str) -> str:
    """The ARN of an account's root, of which a request may give the number alone."""
    return target if target.startswith("arn:") else f"arn:{call.partition}:iam::{target}:root"


def may_improvise(call: Call) -> bool:
    """Whether the caller may take on a role that nobody has created (see `sessions.admission`)."""
    caller = call.principal
    root = caller.type == "Root" and not (caller.session.get("policy_arns") or caller.session.get("policy"))
    return not call.cloud.strict and (root or bool(caller.session.get("improvised")))


def role_named(call: Call, role_arn: str, keys: dict[str, Values] = {}) -> Target | None:
    """A role as the access decision sees it: its trust policy must allow, even within the account."""
    grants = Grants.by_arn(call, role_arn)
    if grants is None:
        return None
    account = arn.parse(role_arn).account
    return Target(role_arn, account, grants.trust, explicit=True, trust=True, tags=grants.tags, keys=keys)


def check_trust(
    call: Call,
    role_arn: str,
    principal: Principal,
    keys: dict[str, Values],
    *,
    tagged: bool,
    source_identity: bool,
) -> None:
    """Refuse those for whom an identity provider vouches, unless the role trusts them.

    `principal` is a WebIdentityUser or SAMLUser whose session names its `provider`; `keys` are the token's claims as
    condition keys in lower case, such as `accounts.google.com:aud`; `tagged` is whether the token brings session tags,
    `source_identity` whether it names one.
    """
    role = role_named(call, role_arn, keys)
    beside = [*(["sts:TagSession"] if tagged else []), *(["sts:SetSourceIdentity"] if source_identity else [])]
    for action in (f"sts:{call.operation}", *beside):
        try:
            if role is None:
                raise Fault("AccessDenied")
            authorize(call.at(principal=principal), action, role)
        except Fault:
            # Who is not known to AWS is told nothing of the policies.
            raise Fault("AccessDenied", f"Not authorized to perform {action}") from None
