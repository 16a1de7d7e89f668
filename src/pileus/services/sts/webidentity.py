"""Roles for those whom an OpenID Connect provider vouches for."""

from __future__ import annotations

from typing import Any, NamedTuple

from pileus.kernel import Call, Fault, Principal
from pileus.kernel.access.attached import trust_of
from pileus.kernel.access.matching import Values
from pileus.kernel.identity import service
from pileus.kernel.key_sets import is_here

from . import sts
from .sessions import HOUR, assumed, role_of, session_of
from .tokens import check_time, claims_of, rejected, verify
from .trust import check_trust

KNOWN = ("accounts.google.com", "cognito-identity.amazonaws.com")
"""Issuers that trust policies name without an ARN, and that no account registers."""

TAGS = "https://aws.amazon.com/tags"


class Provider(NamedTuple):
    """An issuer of tokens, as the role's account knows it."""

    name: str
    """As trust policies name it: an ARN, or one of those that AWS knows."""
    issuer: str
    """The address where it says of itself which keys it has."""
    thumbprints: tuple[str, ...] = ()


@sts.operation
async def assume_role_with_web_identity(
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
    audience = audience_of(claims)
    with call.transaction():
        provider = provider_of(call, role_arn, claims["iss"], audience)
    await verify(call, web_identity_token, provider.issuer, provider.thumbprints)
    with call.transaction():
        check_time(call, claims)
        session, packed = session_of(policy, policy_arns, tags_of(claims), transitive_of(claims))
        place = claims["iss"].partition("://")[2].rstrip("/")
        keys = keys_of(place, claims, audience)
        user_id = f"{provider.name}:{audience}:{claims['sub']}"
        who = Principal("WebIdentityUser", "", provider.name, user_id, session={"provider": provider.name})
        source = claims.get("https://aws.amazon.com/source_identity", "")
        check_trust(call, role_arn, who, keys, tagged="tags" in session, source_identity=bool(source))
        session |= {"provider": provider.name, "keys": {key: list(values) for key, values in keys.items()}}
        session["web_identity"] = {"iss": claims["iss"], "sub": claims["sub"], "aud": audience}
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


def audience_of(claims: dict[str, Any]) -> str:
    """Whom a token is for: the authorized party, where it names one ("Available keys for AWS OIDC federation")."""
    if isinstance(claims.get("azp"), str):
        return str(claims["azp"])
    return str(claims["aud"] if isinstance(claims["aud"], str) else claims["aud"][0])


def keys_of(place: str, claims: dict[str, Any], audience: str) -> dict[str, Values]:
    """Claims as condition keys."""
    told = {"aud": audience, "sub": claims["sub"], "amr": claims.get("amr"), "email": claims.get("email")}
    if "azp" in claims:
        told["oaud"] = claims["aud"]
    values = {name: tuple(value) if isinstance(value, list) else (value,) for name, value in told.items() if value}
    return {f"{place}:{name}".lower(): tuple(str(one) for one in value) for name, value in values.items()}


def provider_of(call: Call, role_arn: str, issuer: str, audience: str) -> Provider:
    """The provider of a token: one that AWS knows and the role names, or one that the role's account has registered.

    No other is asked for its keys: else whoever has a token could send the cloud anywhere.
    """
    account = role_of(role_arn).account
    scheme, _, place = issuer.rstrip("/").partition("://")
    if not place:
        scheme, place = "https", scheme
    if scheme != "https" and not (scheme == "http" and is_here(place.partition("/")[0].partition(":")[0])):
        raise rejected("Invalid issuer: it must begin with https://")
    if place in KNOWN:
        if f'"{place}"' not in trust_of(call, role_arn):
            raise Fault("AccessDenied", f"Not authorized to perform sts:{call.operation}")
        return Provider(place, f"https://{place}")
    arn = f"arn:{call.partition}:iam::{account}:oidc-provider/{place}"
    iam = call.at(account=account).aws("iam", principal=service("pileus.amazonaws.com"))
    try:
        provider = iam.get_open_id_connect_provider(open_id_connect_provider_arn=arn)
    except Fault:
        raise rejected(f"No OpenIDConnect provider found in your account for {scheme}://{place}") from None
    if audience not in provider["ClientIDList"]:
        raise rejected("Incorrect token audience")
    return Provider(arn, issuer, tuple(provider["ThumbprintList"]))


def tags_of(claims: dict[str, Any]) -> list[dict[str, str]]:
    """Session tags that the provider put into the token (IAM User Guide, "Passing session tags in AWS STS")."""
    tags = claims.get(TAGS, {})
    principal_tags = tags.get("principal_tags", {}) if isinstance(tags, dict) else {}
    return [
        {"Key": key, "Value": values[0] if isinstance(values, list) else values}
        for key, values in principal_tags.items()
    ]


def transitive_of(claims: dict[str, Any]) -> list[str]:
    tags = claims.get(TAGS, {})
    return list(tags.get("transitive_tag_keys", ())) if isinstance(tags, dict) else []
