"""The userIdentity element (CloudTrail User Guide, "CloudTrail userIdentity element")."""

from __future__ import annotations

from typing import Any

from pileus.kernel.trail import Event, Who

from .wording import iso


def user_identity(event: Event, account: str) -> dict[str, Any]:
    """Who made a call, as the event of that account tells it."""
    who = event.who
    if who.type == "AWSService":
        return {"type": "AWSService", "invokedBy": who.arn}
    if who.type == "Anonymous":
        return federated(event) or {"type": "AWSAccount", "principalId": "", "accountId": "ANONYMOUS_PRINCIPAL"}
    if event.other and who.account != account:  # the owner is told no more than which account it was
        return {"type": "AWSAccount", "principalId": who.user_id, "accountId": who.account}
    told: dict[str, Any] = {
        "type": who.type,
        "principalId": who.user_id,
        "arn": who.arn,
        "accountId": who.account,
        "accessKeyId": who.access_key_id or None,
        "userName": who.user_name if who.type == "IAMUser" else None,
        "sessionContext": session_context(who),
        "invokedBy": event.via or None,
    }
    return {name: value for name, value in told.items() if value is not None}


def session_context(who: Who) -> dict[str, Any] | None:
    """What temporary credentials tell of their session and who issued it."""
    session = who.session
    if "issued" not in session:
        return None
    told: dict[str, Any] = {}
    if who.type in ("AssumedRole", "FederatedUser") and "issuer" in session:
        told["sessionIssuer"] = issuer(who, session["issuer"])
    if provider := session.get("provider"):
        told["webIdFederationData"] = {"federatedProvider": provider, "attributes": {}}
    told["attributes"] = {
        "creationDate": iso(session["issued"]),
        "mfaAuthenticated": "true" if session.get("mfa") else "false",
    }
    if source := session.get("source_identity"):
        told["sourceIdentity"] = source
    return told


def issuer(who: Who, arn: str) -> dict[str, Any]:
    kind = "Role" if ":role/" in arn else "Root" if arn.endswith(":root") else "IAMUser"
    told = {"type": kind, "principalId": who.user_id.partition(":")[0], "arn": arn, "accountId": who.account}
    return told | ({"userName": arn.rpartition("/")[2]} if kind != "Root" else {})


def federated(event: Event) -> dict[str, Any] | None:
    """Who exchanged a token or an assertion for credentials."""
    response = event.response or {}
    if event.operation == "AssumeRoleWithWebIdentity":
        provider, subject = response.get("Provider", ""), response.get("SubjectFromWebIdentityToken", "")
        audience = response.get("Audience", "")
        return {
            "type": "WebIdentityUser",
            "principalId": f"{provider}:{audience}:{subject}",
            "userName": subject,
            "identityProvider": provider,
        }
    if event.operation == "AssumeRoleWithSAML":
        subject, qualifier = response.get("Subject", ""), response.get("NameQualifier", "")
        return {
            "type": "SAMLUser",
            "principalId": f"{qualifier}:{subject}",
            "userName": subject,
            "identityProvider": qualifier,
        }
    return None
