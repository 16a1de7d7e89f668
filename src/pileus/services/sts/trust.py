"""Whom a role trusts: its trust policy decides, together with the caller's own policies, who may assume it."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Principal, arn
from pileus.kernel.access.attached import Grants
from pileus.kernel.access.enforcement import authorize
from pileus.kernel.access.matching import Values
from pileus.kernel.access.target import Target

from . import sts


@sts.targets
def targets(call: Call, request: dict[str, Any]) -> list[Target] | None:
    """The role that AssumeRole is about. One that is not there is the operation's to refuse."""
    role = role_named(call, request["RoleArn"]) if call.operation == "AssumeRole" else None
    return [role] if role else None


def role_named(call: Call, role_arn: str, keys: dict[str, Values] = {}) -> Target | None:
    """A role as the access decision sees it: its trust policy must allow, even within the account."""
    grants = Grants.by_arn(call, role_arn)
    if grants is None:
        return None
    account = arn.parse(role_arn).account
    return Target(role_arn, account, grants.trust, explicit=True, trust=True, tags=grants.tags, keys=keys)


def check_trust(call: Call, role_arn: str, action: str, principal: Principal, keys: dict[str, Values]) -> None:
    """Refuse those for whom an identity provider vouches, unless the role trusts them.

    `principal` is a WebIdentityUser or SAMLUser whose session names its `provider`; `keys` are the token's claims as
    condition keys in lower case, such as `accounts.google.com:aud`.
    """
    role = role_named(call, role_arn, keys)
    if role is None:
        raise Fault("AccessDenied", f"Not authorized to perform {action}")
    authorize(call.at(principal=principal), action, role)
