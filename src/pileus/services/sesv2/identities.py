"""Identities, in the second API's words."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, tags
from pileus.services.ses import dkim as dkim_keys
from pileus.services.ses import identities, policies, sets
from pileus.services.ses.dkim import EXTERNAL, OWN, Key
from pileus.services.ses.faults import wrong
from pileus.services.ses.identities import Identity

from . import sesv2
from .tagging import with_tags

MX = {"USE_DEFAULT_VALUE": "UseDefaultValue", "REJECT_MESSAGE": "RejectMessage"}


def existing(call: Call, email_identity: str) -> Identity:
    found = identities.get(call, email_identity)
    if found is None:
        raise Fault("NotFoundException", f"Email identity {email_identity} does not exist.")
    return found


def kind(identity: Identity) -> str:
    return "DOMAIN" if identity.is_domain else "EMAIL_ADDRESS"


def dkim(call: Call, identity: Identity) -> dict[str, Any]:
    told: dict[str, Any] = {
        "SigningEnabled": identity.signs,
        "Status": "SUCCESS" if identity.is_domain and identity.dkim else "NOT_STARTED",
        "SigningAttributesOrigin": identity.dkim_origin,
    }
    if identity.is_domain and identity.dkim_origin == EXTERNAL:
        return told | {"Tokens": [held.selector] if (held := Key.get(call, identity.name)) else []}
    if identity.is_domain:
        lengths = {f"{which}SigningKeyLength": identity.key_length for which in ("Current", "Next")}
        zone = f"dkim.{call.region}.amazonses.com" if call.region != "us-east-1" else "dkim.amazonses.com"
        told |= {"Tokens": identity.dkim_tokens, "SigningHostedZone": zone, **lengths}
        told["LastKeyGenerationTimestamp"] = identity.created
    return told


@sesv2.operation
def create_email_identity(
    call: Call,
    email_identity: str,
    tags: list[dict[str, str]] = [],
    dkim_signing_attributes: dict[str, Any] = {},
    configuration_set_name: str = "",
) -> dict[str, Any]:
    """Make an identity; a domain with Easy DKIM."""
    if identities.get(call, email_identity):
        raise Fault("AlreadyExistsException", f"Email identity {email_identity} already exist.")
    if configuration_set_name:
        sets.existing(call, configuration_set_name)
    held = with_tags({}, tags)
    made = identities.make(call, email_identity)
    made.tags, made.configuration_set, made.dkim = held, configuration_set_name, made.is_domain
    if dkim_signing_attributes:
        configure(call, made, dkim_signing_attributes)
    made.put(call)
    return {"IdentityType": kind(made), "VerifiedForSendingStatus": True, "DkimAttributes": dkim(call, made)}


def configure(call: Call, identity: Identity, given: dict[str, Any], origin: str = "") -> None:
    """Set how a domain signs; what brings a key is signed by that."""
    if not identity.is_domain:
        raise wrong(call, "DKIM signing attributes are for domains alone.")
    origin = origin or given.get("DomainSigningAttributesOrigin", "")
    if not origin:
        origin = EXTERNAL if "DomainSigningPrivateKey" in given else OWN
    dkim_keys.configure(call, identity, origin, given)


@sesv2.operation(on=existing)
def get_email_identity(call: Call, identity: Identity) -> dict[str, Any]:
    told: dict[str, Any] = {
        "IdentityType": kind(identity),
        "FeedbackForwardingStatus": identity.forwarding,
        "VerifiedForSendingStatus": True,
        "VerificationStatus": "SUCCESS",
        "DkimAttributes": dkim(call, identity),
        "Policies": identity.policies,
        "Tags": tags.as_list(identity.tags),
        "ConfigurationSetName": identity.configuration_set or None,
        "MailFromAttributes": {"BehaviorOnMxFailure": mx(identity)},
    }
    if identity.mail_from:
        told["MailFromAttributes"] |= {"MailFromDomain": identity.mail_from, "MailFromDomainStatus": "SUCCESS"}
    return told


def mx(identity: Identity) -> str:
    return next(name for name, first in MX.items() if first == identity.on_mx_failure)


@sesv2.operation
def list_email_identities(
    call: Call,
    filter: dict[str, str] = {},  # noqa: A002
    next_token: str = "",
    page_size: int = 100,
) -> dict[str, Any]:
    wanted = filter.get("IDENTITY_TYPE")
    page = Identity.page(
        call,
        limit=page_size,
        token=next_token,
        where=lambda one: wanted is None or kind(one) == wanted,
        invalid=wrong(call, "Invalid NextToken"),
    )
    told = [
        {
            "IdentityType": kind(one),
            "IdentityName": one.name,
            "SendingEnabled": True,
            "VerificationStatus": "SUCCESS",
        }
        for one in page.items
    ]
    return {"EmailIdentities": told, "NextToken": page.token}


@sesv2.operation(on=existing)
def delete_email_identity(call: Call, identity: Identity) -> None:
    identity.delete(call)


@sesv2.operation(on=existing)
def put_email_identity_mail_from_attributes(
    call: Call, identity: Identity, mail_from_domain: str = "", behavior_on_mx_failure: str = "USE_DEFAULT_VALUE"
) -> None:
    identities.set_mail_from(call, identity, mail_from_domain, MX[behavior_on_mx_failure])


@sesv2.operation(on=existing)
def put_email_identity_feedback_attributes(
    call: Call, identity: Identity, email_forwarding_enabled: bool = False
) -> None:
    identity.forwarding = email_forwarding_enabled
    identity.put(call)


@sesv2.operation(on=existing)
def put_email_identity_dkim_attributes(call: Call, identity: Identity, signing_enabled: bool = False) -> None:
    identity.signing = signing_enabled
    identity.put(call)


@sesv2.operation(on=existing)
def put_email_identity_dkim_signing_attributes(
    call: Call, identity: Identity, signing_attributes_origin: str, signing_attributes: dict[str, Any] = {}
) -> dict[str, Any]:
    """Change who makes a domain's keys."""
    configure(call, identity, signing_attributes, signing_attributes_origin)
    told = dkim(call, identity)
    return {
        "DkimStatus": told["Status"],
        "DkimTokens": told["Tokens"],
        "SigningHostedZone": told.get("SigningHostedZone"),
    }


@sesv2.operation(on=existing)
def put_email_identity_configuration_set_attributes(
    call: Call, identity: Identity, configuration_set_name: str = ""
) -> None:
    if configuration_set_name:
        sets.existing(call, configuration_set_name)
    identity.configuration_set = configuration_set_name
    identity.put(call)


# Policies


@sesv2.operation(on=existing)
def create_email_identity_policy(call: Call, identity: Identity, policy_name: str, policy: str) -> None:
    if policy_name in identity.policies:
        raise Fault("AlreadyExistsException", f"Policy {policy_name} already exists.")
    policies.put(call, identity, policy_name, policy)


@sesv2.operation(on=existing)
def update_email_identity_policy(call: Call, identity: Identity, policy_name: str, policy: str) -> None:
    if policy_name not in identity.policies:
        raise Fault("NotFoundException", f"Policy {policy_name} does not exist.")
    policies.put(call, identity, policy_name, policy)


@sesv2.operation(on=existing)
def get_email_identity_policies(call: Call, identity: Identity) -> dict[str, Any]:
    return {"Policies": identity.policies}


@sesv2.operation(on=existing)
def delete_email_identity_policy(call: Call, identity: Identity, policy_name: str) -> None:
    if identity.policies.pop(policy_name, None):
        identity.put(call)
