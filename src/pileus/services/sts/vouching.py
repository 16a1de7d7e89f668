"""Tokens with which principals of an account prove elsewhere who they are: signed by the account's own keys."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

from pileus.kernel import Call, Fault, Principal, names
from pileus.kernel.access.attached import Membership, tags_of
from pileus.kernel.issuer import ALGORITHMS, Issuer, Key, generated

from . import sts
from .sessions import invalid
from .sessions import tags_of as given_tags

LASTS = 300
LARGEST = 65_536
Answer = tuple[int, list[tuple[str, str]], bytes]
CLAIMS = "https://sts.amazonaws.com/"


@sts.operation
async def get_web_identity_token(
    call: Call,
    audience: list[str],
    signing_algorithm: str,
    duration_seconds: int = LASTS,
    tags: list[dict[str, str]] = [],
) -> dict[str, Any]:
    """A signed token that says who the caller is. It is good for whomever it is meant for, and nobody else."""
    import jwt

    if signing_algorithm not in ALGORITHMS:
        raise invalid(f"SigningAlgorithm must be one of {', '.join(ALGORITHMS)}")
    with call.transaction():
        issuer = issuer_of(call)
        expires = expiry(call, duration_seconds)
    if signing_algorithm not in issuer.keys:
        private, public = await asyncio.to_thread(generated, signing_algorithm)
        with call.transaction():
            issuer = kept(call, signing_algorithm, private, public)
    claims: dict[str, Any] = {
        "iss": issuer.url,
        "sub": subject(call.principal),
        "aud": audience[0] if len(audience) == 1 else audience,
        "iat": int(call.now),
        "exp": expires,
        "jti": names.uuid4(),
        CLAIMS: about(call, given_tags(tags)),
    }
    key = issuer.keys[signing_algorithm]
    secret = issuer.secret(call, signing_algorithm)
    token = jwt.encode(claims, secret, algorithm=signing_algorithm, headers={"kid": key.id})
    if len(token) > LARGEST:
        raise Fault("JWTPayloadSizeExceededException", "The token would be too large.")
    return {"WebIdentityToken": token, "Expiration": float(expires)}


@sts.address
def published(call: Call, request: Any, issuer: str, folder: str, document: str) -> Answer:
    """What an issuer says of itself, and its public keys."""
    found = Issuer.get(call, issuer) if folder == ".well-known" else None
    documents = {"openid-configuration": Issuer.description, "jwks.json": Issuer.published}
    if found is None or document not in documents:
        return 404, [], b""
    return 200, [("Content-Type", "application/json")], json.dumps(documents[document](found)).encode()


def issuer_of(call: Call) -> Issuer:
    issuer = Issuer.of(call)
    if issuer is None or not issuer.enabled:
        raise Fault(
            "OutboundWebIdentityFederationDisabledException",
            "Outbound web identity federation is not enabled in this account.",
        )
    return issuer


def expiry(call: Call, seconds: int) -> int:
    """When the token ends: not after the session of its bearer."""
    credential = call.cloud.access.credential(call, call.principal.access_key_id)
    expires = int(call.now) + seconds
    if credential is not None and credential.expires is not None and expires > credential.expires:
        raise Fault("SessionDurationEscalationException", "The token would outlive the session that asks for it.")
    return expires


def kept(call: Call, algorithm: str, private: bytes, public: dict[str, str]) -> Issuer:
    """The issuer with a key for the algorithm: this one, unless another call was quicker."""
    issuer = issuer_of(call)
    if algorithm not in issuer.keys:
        unique = names.uuid4()
        sealed = call.cloud.master_key.seal(private, issuer.id.encode())
        issuer.keys = issuer.keys | {algorithm: Key(unique, sealed, public | {"kid": unique})}
        issuer.put(call)
    return issuer


def subject(principal: Principal) -> str:
    """The user, or the role behind a session."""
    return str(principal.session.get("issuer") or principal.arn)


def about(call: Call, request_tags: dict[str, str]) -> dict[str, Any]:
    """What the token says of the caller beside its name (IAM User Guide, "Understanding token claims")."""
    principal = call.principal
    told: dict[str, Any] = {
        "aws_account": principal.account,
        "source_region": call.region,
        "principal_id": subject(principal),
    }
    if member := Membership.get(call, principal.account):
        told |= {"org_id": member.organization, "ou_path": [member.path]}
    if tags := tags_of(call, principal):
        told["principal_tags"] = tags
    if request_tags:
        told["request_tags"] = request_tags
    if provider := principal.session.get("provider"):
        told["federated_provider"] = provider
    if source := principal.session.get("source_identity"):
        told["source_identity"] = source
    credential = call.cloud.access.credential(call, principal.access_key_id)
    if credential is not None and credential.expires is not None:
        told["original_session_exp"] = datetime.fromtimestamp(credential.expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return told
