"""Identities, in the second API's words."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, tags
from pileus.services.ses import identities, policies, sets
from pileus.services.ses.faults import wrong
from pileus.services.ses.identities import Identity

from . import sesv2

MX = {"USE_DEFAULT_VALUE": "UseDefaultValue", "REJECT_MESSAGE": "RejectMessage"}


def existing(call: Call, email_identity: str) -> Identity:
    found = identities.get(call, email_identity)
    if found is None:
        raise Fault("NotFoundException", f"Email identity {email_identity} does not exist.")
    return found


def kind(identity: Identity) -> str:
    return "DOMAIN" if identity.is_domain else "EMAIL_ADDRESS"


def dkim(identity: Identity) -> dict[str, Any]:
    signed = identity.is_domain
    return {
        "SigningEnabled": signed and identity.signing,
        "Status": "SUCCESS" if signed else "NOT_STARTED",
        "SigningAttributesOrigin": "AWS_SES",
        **({"Tokens": identity.dkim_tokens, "CurrentSigningKeyLength": "RSA_2048_BIT"} if signed else {}),
    }


@sesv2.operation
def create_email_identity(
    call: Call, email_identity: str, tags: list[dict[str, str]] = [], configuration_set_name: str = ""
) -> dict[str, Any]:
    """Make an identity; a domain with Easy DKIM."""
    if identities.get(call, email_identity):
        raise Fault("AlreadyExistsException", f"Email identity {email_identity} already exist.")
    if configuration_set_name:
        sets.existing(call, configuration_set_name)
    held = as_map(tags)
    made = identities.make(call, email_identity)
    made.tags, made.configuration_set, made.dkim = held, configuration_set_name, made.is_domain
    made.put(call)
    return {"IdentityType": kind(made), "VerifiedForSendingStatus": True, "DkimAttributes": dkim(made)}


def as_map(given: list[dict[str, str]]) -> dict[str, str]:
    held = tags.as_map(given)
    tags.check(held, code="BadRequestException")
    return held


@sesv2.operation(on=existing)
def get_email_identity(call: Call, identity: Identity) -> dict[str, Any]:
    told: dict[str, Any] = {
        "IdentityType": kind(identity),
        "FeedbackForwardingStatus": identity.forwarding,
        "VerifiedForSendingStatus": True,
        "VerificationStatus": "SUCCESS",
        "DkimAttributes": dkim(identity),
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
