"""ID tokens: JSON Web Tokens (RFC 7519) whose signatures are verified by the keys of whoever issued them."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from pileus.kernel import Call, Fault
from pileus.kernel.key_sets import Unreachable, Unusable

ALGORITHMS = ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"]
"""Those that AWS takes (IAM User Guide, "Create an OpenID Connect identity provider in IAM")."""

CLAIMS: dict[str, tuple[type, ...]] = {
    "iss": (str,),
    "sub": (str,),
    "aud": (str, list),
    "exp": (int, float),
    "iat": (int, float),
}
"""What AWS requires of a token, and of which JSON types."""

NO_KEY = (
    "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity "
    "documentation for requirements"
)

Json = dict[str, Any]


def claims_of(token: str) -> Json:
    """The claims of a token, none of which can be believed yet."""
    parts = token.split(".")
    if len(parts) != 3:
        raise no_token()
    claims = part(parts[1])
    for claim, kinds in CLAIMS.items():
        if not isinstance(claims.get(claim), kinds) or not claims[claim]:
            raise rejected(f"Missing a required claim: {claim}")
    return claims


def part(encoded: str) -> Json:
    try:
        found = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        raise no_token() from None
    if not isinstance(found, dict):
        raise no_token()
    return found


async def verify(call: Call, token: str, issuer: str, thumbprints: tuple[str, ...]) -> None:
    """Refuse a token that its issuer has not signed."""
    import jwt

    header = part(token.split(".")[0])
    if header.get("alg") not in ALGORITHMS:
        raise rejected("The ID Token provided is signed with an algorithm that is not supported.")
    kid = header.get("kid")
    try:
        key = await call.cloud.key_sets.key(issuer, thumbprints, kid if isinstance(kid, str) else None)
    except Unreachable:
        raise Fault(
            "IDPCommunicationErrorException",
            "The request could not be completed because the identity provider could not be reached.",
        ) from None
    except Unusable:
        raise rejected(NO_KEY) from None
    if key is None:
        raise rejected("No key of the identity provider has signed the token.")
    try:
        # What the claims say of time is for the cloud's clock to judge.
        jwt.decode(
            token,
            jwt.PyJWK(key, algorithm=header["alg"]),
            algorithms=[header["alg"]],
            options={"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False},
        )
    except (jwt.PyJWTError, ValueError, TypeError):
        raise rejected("The ID Token provided has an invalid signature.") from None


def check_time(call: Call, claims: Json) -> None:
    """Refuse a token that is over, or not yet good."""
    if claims["exp"] <= call.now:
        raise Fault(
            "ExpiredTokenException",
            f"Token expired: current date/time {int(call.now)} "
            f"must be before the expiration date/time {int(claims['exp'])}",
        )
    begins = claims.get("nbf", 0)
    if isinstance(begins, int | float) and begins > call.now + SKEW:
        raise rejected("The ID Token provided is not valid yet.")
    if claims["iat"] > call.now + SKEW:
        raise rejected("The ID Token provided was issued in the future.")


SKEW = 300.0
"""Seconds by which an issuer's clock may be fast."""


def no_token() -> Fault:
    return rejected("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")


def rejected(message: str) -> Fault:
    return Fault("InvalidIdentityTokenException", message)
