"""Roles for those whom an OpenID Connect provider vouches for."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from pileus.kernel import Call, Fault, Principal
from pileus.kernel.access.matching import Values
from pileus.kernel.identity import service

from . import sts
from .sessions import HOUR, assumed, role_of, session_of
from .trust import check_trust

KNOWN = ("accounts.google.com", "cognito-identity.amazonaws.com")
"""Issuers that trust policies name without an ARN, and that no account registers."""

CLAIMS: dict[str, tuple[type, ...]] = {"iss": (str,), "sub": (str,), "aud": (str, list), "exp": (int, float)}
"""What AWS requires of a token, and of which JSON types."""


@sts.operation
def assume_role_with_web_identity(
    call: Call,
    role_arn: str,
    role_session_name: str,
    web_identity_token: str,
    policy_arns: list[dict[str, str]] = [],
    policy: str = "",
    duration_seconds: int = HOUR,
    minimum_session_token_size: int = 0,
) -> dict[str, Any]:
    """Temporary credentials of a role for the bearer of an ID token (a JWT, RFC 7519)."""
    claims = claims_of(web_identity_token)
    if claims["exp"] <= call.now:
        raise Fault(
            "ExpiredTokenException",
            f"Token expired: current date/time {int(call.now)} "
            f"must be before the expiration date/time {int(claims['exp'])}",
        )
    session, packed = session_of(policy, policy_arns, tags_of(claims))
    audience = claims["aud"] if isinstance(claims["aud"], str) else claims["aud"][0]
    place = claims["iss"].removeprefix("https://").rstrip("/")
    provider = provider_of(call, role_of(role_arn).account, place, audience)
    user_id = f"{provider}:{audience}:{claims['sub']}"
    keys: dict[str, Values] = {f"{place}:aud".lower(): (audience,), f"{place}:sub".lower(): (claims["sub"],)}
    who = Principal("WebIdentityUser", "", provider, user_id, session={"provider": provider})
    check_trust(call, role_arn, who, keys, tagged="tags" in session)
    session |= {"provider": provider, "keys": {key: list(values) for key, values in keys.items()}}
    session["web_identity"] = {"iss": claims["iss"], "sub": claims["sub"], "aud": audience}
    source = claims.get("https://aws.amazon.com/source_identity", "")
    if source:
        session["source_identity"] = source
    answer = assumed(call, role_arn, role_session_name, session, duration_seconds, minimum_session_token_size)
    return (
        answer
        | packed
        | {
            "SubjectFromWebIdentityToken": claims["sub"],
            "Provider": claims["iss"],
            "Audience": audience,
            "SourceIdentity": source or None,
        }
    )


def provider_of(call: Call, account: str, place: str, audience: str) -> str:
    """An issuer as trust policies name it: one that AWS knows, or a provider that the role's account has registered."""
    if place in KNOWN:
        return place
    arn = f"arn:{call.partition}:iam::{account}:oidc-provider/{place}"
    iam = call.at(account=account).aws("iam", principal=service("pileus.amazonaws.com"))
    try:
        provider = iam.get_open_id_connect_provider(open_id_connect_provider_arn=arn)
    except Fault:
        raise rejected(f"No OpenIDConnect provider found in your account for https://{place}") from None
    if audience not in provider["ClientIDList"]:
        raise rejected("Incorrect token audience")
    return arn


def claims_of(token: str) -> dict[str, Any]:
    """The claims of a JWT; InvalidIdentityToken for anything that is none, or lacks what AWS requires."""
    parts = token.split(".")
    try:
        if len(parts) != 3:
            raise ValueError
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        if not isinstance(claims, dict):
            raise ValueError
    except (ValueError, binascii.Error, RecursionError):
        raise rejected(
            "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
        ) from None
    for claim, kinds in CLAIMS.items():
        if not isinstance(claims.get(claim), kinds) or not claims[claim]:
            raise rejected(f"Missing a required claim: {claim}")
    return claims


def tags_of(claims: dict[str, Any]) -> list[dict[str, str]]:
    """Session tags that the provider put into the token (IAM User Guide, "Passing session tags in AWS STS")."""
    tags = claims.get("https://aws.amazon.com/tags", {})
    principal_tags = tags.get("principal_tags", {}) if isinstance(tags, dict) else {}
    return [
        {"Key": key, "Value": values[0] if isinstance(values, list) else values}
        for key, values in principal_tags.items()
    ]


def rejected(message: str) -> Fault:
    return Fault("InvalidIdentityTokenException", message)
