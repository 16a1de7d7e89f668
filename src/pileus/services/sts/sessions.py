"""Sessions: temporary credentials for a role, a federated user, or the caller again."""

from __future__ import annotations

import base64
import hashlib
import math
import os
import zlib
from typing import Any

import msgspec

from pileus.kernel import Arn, Call, Fault, Principal, arn, identity, names
from pileus.kernel.access import grammar
from pileus.kernel.access.attached import Grants
from pileus.kernel.identity import Credential

from . import sts
from .factors import spend_code
from .trust import may_improvise

HOUR = 3600
TWELVE_HOURS = 43200
TEMPORARY = ("AssumedRole", "FederatedUser", "Session")
MOST_POLICY_TEXT = 2048
PACKED_LIMIT = 2048
"""Bytes of packed policies and tags that make 100 % of PackedPolicySize."""


@sts.operation
def get_session_token(
    call: Call,
    duration_seconds: int = TWELVE_HOURS,
    serial_number: str = "",
    token_code: str = "",
    minimum_session_token_size: int = 0,
) -> dict[str, Any]:
    """Temporary credentials for the calling user itself; an account's root gets at most an hour.

    With a code of the user's MFA device they count as made with MFA.
    """
    caller = refuse_session(call, "GetSessionToken")
    if serial_number or token_code:
        spend_code(call, serial_number, token_code)
        caller = msgspec.structs.replace(caller, session=caller.session | {"mfa": True})
    if caller.type == "Root":
        duration_seconds = min(duration_seconds, HOUR)
    return issue(call, caller, duration_seconds, minimum_session_token_size)


@sts.operation
def get_federation_token(
    call: Call,
    name: str,
    policy: str = "",
    policy_arns: list[dict[str, str]] = [],
    duration_seconds: int = TWELVE_HOURS,
    tags: list[dict[str, str]] = [],
    minimum_session_token_size: int = 0,
) -> dict[str, Any]:
    """Temporary credentials for a user that is known elsewhere, under the calling user."""
    caller = refuse_session(call, "GetFederationToken")
    if caller.type == "Root":
        duration_seconds = min(duration_seconds, HOUR)
    session, packed = session_of(policy, policy_arns, tags)
    user_id = f"{call.account}:{name}"
    user = Principal(
        "FederatedUser",
        call.account,
        sts_arn(call, call.account, f"federated-user/{name}"),
        user_id,
        session=session | {"issuer": caller.arn, "issuer_id": caller.user_id},
    )
    return issue(call, user, duration_seconds, minimum_session_token_size) | {
        "FederatedUser": {"FederatedUserId": user_id, "Arn": user.arn},
        **packed,
    }


@sts.operation(honours=["ExternalId"])
def assume_role(
    call: Call,
    role_arn: str,
    role_session_name: str,
    policy_arns: list[dict[str, str]] = [],
    policy: str = "",
    duration_seconds: int = HOUR,
    tags: list[dict[str, str]] = [],
    transitive_tag_keys: list[str] = [],
    source_identity: str = "",
    serial_number: str = "",
    token_code: str = "",
    minimum_session_token_size: int = 0,
) -> dict[str, Any]:
    """Temporary credentials of a role, whose trust policy has been asked before (see `trust`)."""
    caller = call.principal
    if serial_number or token_code:
        spend_code(call, serial_number, token_code)
    chained = caller.type == "AssumedRole"
    if chained and duration_seconds > HOUR:
        # IAM User Guide, "Roles terms and concepts": role chaining limits the session to one hour.
        raise invalid(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
        )
    session, packed = session_of(policy, policy_arns, tags, transitive_tag_keys)
    if chained:
        inherit(session, caller.session)
        source_identity = caller.session.get("source_identity") or source_identity
    if source_identity:
        session["source_identity"] = source_identity
    answer = assumed(call, role_arn, role_session_name, session, duration_seconds, minimum_session_token_size) | packed
    return answer | ({"SourceIdentity": source_identity} if source_identity else {})


def assumed(
    call: Call, role_arn: str, session_name: str, session: dict[str, Any], duration: int, token_size: int = 0
) -> dict[str, Any]:
    """Credentials of a role's session, and the user they make of the caller."""
    role = role_of(role_arn)
    session = session | admission(call, role_arn, duration)
    role_name = role.resource.rpartition("/")[2]
    role_id = id_of(call, role_arn)
    user = Principal(
        "AssumedRole",
        role.account,
        sts_arn(call, role.account, f"assumed-role/{role_name}/{session_name}"),
        f"{role_id}:{session_name}",
        session=session | {"issuer": role_arn},
    )
    return issue(call, user, duration, token_size) | {
        "AssumedRoleUser": {"AssumedRoleId": user.user_id, "Arn": user.arn}
    }


def admission(call: Call, role_arn: str, duration: int) -> dict[str, Any]:
    """Refuse a session that is too long for its role, or of a role that is not there; what the session carries of it.

    On AWS a role that does not exist lets nobody in. But many set-ups that are tried out here name roles that nobody
    has created; so, unless the cloud is strict, a root may take one on, which then may do everything in its account.
    """
    grants = Grants.by_arn(call, role_arn)
    if grants is not None:
        if duration > grants.max_session:
            raise invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
        return {}
    if may_improvise(call):
        return {"improvised": True}
    raise Fault(
        "AccessDenied",
        f"User: {call.principal.arn} is not authorized to perform: sts:{call.operation} on resource: {role_arn}",
    )


def id_of(call: Call, role_arn: str) -> str:
    """A role's unique id; for a role that IAM does not know, one that is made of its ARN."""
    if grants := Grants.by_arn(call, role_arn):
        return grants.id
    digest = hashlib.sha256(role_arn.encode()).digest()
    return "AROA" + base64.b32encode(digest).decode()[:17]


def issue(call: Call, principal: Principal, duration: int, token_size: int) -> dict[str, Any]:
    """New temporary credentials for a principal; they are good until `duration` seconds of cloud time have passed."""
    key = identity.new_access_key_id("ASIA", principal.account)
    token = base64.b64encode(os.urandom(max(192, math.ceil(token_size * 3 / 4)))).decode()
    credential = Credential(
        access_key_id=key,
        secret=names.token(40, names.ALPHANUMERIC + "+/"),
        principal=Principal(
            principal.type,
            principal.account,
            principal.arn,
            principal.user_id,
            key,
            principal.session | {"issued": call.now, "temporary": True},
        ),
        token=token,
        expires=math.floor(call.now) + float(duration),
    ).put(call)
    answer: dict[str, Any] = {
        "Credentials": {
            "AccessKeyId": key,
            "SecretAccessKey": credential.secret,
            "SessionToken": token,
            "Expiration": credential.expires,
        }
    }
    return answer | ({"SessionTokenSize": len(token)} if token_size else {})


def session_of(
    policy: str, policy_arns: list[dict[str, str]], tags: list[dict[str, str]], transitive: list[str] = []
) -> tuple[dict[str, Any], dict[str, int]]:
    """What a session carries of policies and tags, and how much of the room for them it takes."""
    arns = [entry["arn"] for entry in policy_arns]
    if len(arns) > 10:
        raise Fault("PackedPolicyTooLargeException", "The number of session policy ARNs must not exceed 10")
    if len(policy) > MOST_POLICY_TEXT:
        raise Fault("PackedPolicyTooLargeException", "The session policy must not exceed 2048 characters")
    if policy:
        check_policy(policy)
    given = tags_of(tags)
    if missing := [key for key in transitive if key.lower() not in {name.lower() for name in given}]:
        raise invalid(f"The specified transitive tag key must be included in the requested tags: {missing[0]}")
    session: dict[str, Any] = {
        name: value
        for name, value in {"policy": policy, "policy_arns": arns, "tags": given, "transitive": transitive}.items()
        if value
    }
    if not (policy or arns or given):
        return session, {}
    packed = len(zlib.compress("\n".join([policy, *arns, *given, *given.values()]).encode()))
    share = math.ceil(100 * packed / PACKED_LIMIT)
    if share > 100:
        raise Fault(
            "PackedPolicyTooLargeException",
            f"Packed policy consumes {share}% of allotted space, please use smaller policy.",
        )
    return session, {"PackedPolicySize": share}


def tags_of(tags: list[dict[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for tag in tags:
        if tag["Key"].lower() in {name.lower() for name in found}:
            raise Fault(
                "InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive."
            )
        if tag["Key"].lower().startswith("aws:"):
            raise Fault("InvalidParameterValue", "Tag keys must not start with aws:.")
        found[tag["Key"]] = tag["Value"]
    return found


def inherit(session: dict[str, Any], earlier: dict[str, Any]) -> None:
    """Pass on what is transitive in a chain of roles (IAM User Guide, "Chaining roles with session tags")."""
    passed = {key: value for key, value in earlier.get("tags", {}).items() if key in earlier.get("transitive", ())}
    for key in session.get("tags", {}):
        if key.lower() in {name.lower() for name in passed}:
            raise Fault(
                "InvalidParameterValue",
                "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key "
                "from the calling session.",
            )
    if passed:
        session["tags"] = passed | session.get("tags", {})
        session["transitive"] = [*passed, *session.get("transitive", ())]


def check_policy(policy: str) -> None:
    """Refuse what is no session policy."""
    try:
        grammar.check(policy, "session")
    except grammar.Malformed as malformed:
        raise Fault("MalformedPolicyDocumentException", malformed.reason) from None


def role_of(role_arn: str) -> Arn:
    """The parts of a role's ARN."""
    try:
        role = arn.parse(role_arn)
    except ValueError:
        raise invalid(f"{role_arn} is invalid") from None
    if (
        role.service != "iam"
        or not role.resource.startswith("role/")
        or not role.account.isdigit()
        or len(role.account) != 12
    ):
        raise invalid(f"{role_arn} is invalid")
    return role


def refuse_session(call: Call, operation: str) -> Principal:
    """The caller, unless it calls with temporary credentials already."""
    caller = call.principal
    if caller.session.get("temporary"):
        raise Fault("AccessDenied", f"Cannot call {operation} with session credentials")
    return caller


def sts_arn(call: Call, account: str, resource: str) -> str:
    return f"arn:{call.partition}:sts::{account}:{resource}"


def invalid(message: str) -> Fault:
    return Fault("ValidationError", message)
