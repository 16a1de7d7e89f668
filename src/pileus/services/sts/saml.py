"""Roles for those whom a SAML 2.0 identity provider vouches for."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from datetime import datetime
from typing import Any
from xml.etree import ElementTree

from pileus.kernel import Call, Fault, Principal, arn
from pileus.kernel.access.matching import Values
from pileus.kernel.identity import service

from . import sts
from .sessions import HOUR, assumed, session_of
from .signatures import certificates_of, signed_assertion
from .trust import check_trust

ASSERTION = "{urn:oasis:names:tc:SAML:2.0:assertion}"
AWS = "https://aws.amazon.com/SAML/Attributes/"
AUDIENCE = "urn:amazon:webservices"
SIGN_IN = re.compile(
    r"https://([a-z0-9-]+\.)?signin(\.aws\.amazon\.com|\.amazonaws-us-gov\.com|\.amazonaws\.cn)/(platform/)?saml(/.*)?"
)
NAME_ID_FORMATS = ("urn:oasis:names:tc:SAML:2.0:nameid-format:", "urn:oasis:names:tc:SAML:1.1:nameid-format:")


@sts.operation
def assume_role_with_saml(
    call: Call,
    role_arn: str,
    principal_arn: str,
    saml_assertion: str,
    policy_arns: list[dict[str, str]] = [],
    policy: str = "",
    duration_seconds: int = HOUR,
    minimum_session_token_size: int = 0,
) -> dict[str, Any]:
    """Temporary credentials of a role for the subject of an authentication response."""
    document = document_of(saml_assertion)
    metadata = metadata_of(call, principal_arn)
    assertion = signed_assertion(document, certificates_of(metadata))
    attributes = attributes_of(assertion)
    if (role_arn, principal_arn) not in roles_of(attributes):
        raise rejected("The requested role and principal are not in the assertion's Role attribute")
    subject = required(assertion, "Subject/NameID")
    recipient = required(assertion, "Subject/SubjectConfirmation/SubjectConfirmationData")
    check_time(call, recipient)
    if not meant_for_us(call, recipient.get("Recipient", "")):
        raise rejected("The assertion is meant for another recipient")
    for condition in assertion.findall(path("Conditions")):
        check_time(call, condition)
        audiences = [audience.text or "" for audience in condition.findall(path("AudienceRestriction/Audience"))]
        if audiences and not any(one == AUDIENCE or meant_for_us(call, one) for one in audiences):
            raise rejected("The assertion is meant for another audience")
    session_name = first(attributes, "RoleSessionName")
    if not session_name:
        raise rejected("RoleSessionName is required in the assertion")
    tags = [
        {"Key": name.removeprefix(AWS + "PrincipalTag:"), "Value": values[0]}
        for name, values in attributes.items()
        if name.startswith(AWS + "PrincipalTag:") and values
    ]
    session, packed = session_of(policy, policy_arns, tags, attributes.get(AWS + "TransitiveTagKeys", []))
    source = first(attributes, "SourceIdentity")
    if source:
        session["source_identity"] = source
    if seconds := first(attributes, "SessionDuration"):
        duration_seconds = min(duration_seconds, int(seconds))
    issuer = required(assertion, "Issuer").text or ""
    if metadata.get("entityID") != issuer:
        raise Fault("InvalidIdentityTokenException", "Issuer not present in specified provider")
    keys: dict[str, Values] = {
        "saml:aud": (recipient.get("Recipient", ""),),
        "saml:iss": (issuer,),
        "saml:sub": (subject.text or "",),
        "saml:sub_type": (subject_type(subject),),
    }
    who = Principal("SAMLUser", "", principal_arn, f"{issuer}:{subject.text}", session={"provider": principal_arn})
    check_trust(call, role_arn, who, keys, tagged="tags" in session, source_identity=bool(source))
    session |= {"provider": principal_arn, "keys": {key: list(values) for key, values in keys.items()}}
    provider = arn.parse(principal_arn)
    # API reference: the hash of issuer, account and the provider's friendly name.
    qualifier = hashlib.sha1(f"{issuer}{provider.account}/{provider.resource.partition('/')[2]}".encode()).digest()
    return (
        assumed(call, role_arn, session_name, session, duration_seconds, minimum_session_token_size)
        | packed
        | {
            "Subject": subject.text or "",
            "SubjectType": subject_type(subject),
            "Issuer": issuer,
            "Audience": recipient.get("Recipient", ""),
            "NameQualifier": base64.b64encode(qualifier).decode(),
            "SourceIdentity": source or None,
        }
    )


def metadata_of(call: Call, provider_arn: str) -> ElementTree.Element:
    """The metadata of a provider that its account has registered."""
    try:
        account = arn.parse(provider_arn).account
        iam = call.at(account=account).aws("iam", principal=service("pileus.amazonaws.com"))
        metadata = iam.get_saml_provider(saml_provider_arn=provider_arn)["SAMLMetadataDocument"]
    except (ValueError, Fault):
        raise Fault("InvalidIdentityTokenException", "Specified provider doesn't exist") from None
    return ElementTree.fromstring(metadata)


def document_of(encoded: str) -> bytes:
    """The SAML response in its base64 encoding."""
    try:
        document = base64.b64decode(encoded, validate=True)
        if b"<!" in document.replace(b"<!--", b""):
            raise ValueError  # a document type has no place in SAML, and could be a bomb
        if ElementTree.fromstring(document).find(f".//{ASSERTION}Assertion") is None:
            raise ValueError
    except (binascii.Error, ValueError, ElementTree.ParseError):
        raise Fault("InvalidIdentityTokenException", "Invalid base64 SAMLResponse") from None
    return document


def attributes_of(assertion: ElementTree.Element) -> dict[str, list[str]]:
    return {
        attribute.get("Name", ""): [(value.text or "").strip() for value in attribute.findall(path("AttributeValue"))]
        for attribute in assertion.findall(path("AttributeStatement/Attribute"))
    }


def roles_of(attributes: dict[str, list[str]]) -> set[tuple[str, str]]:
    """Pairs of role and provider; the attribute may name the two in either order."""
    pairs = [tuple(part.strip() for part in text.split(",")) for text in attributes.get(AWS + "Role", [])]
    return {(a, b) if ":role/" in a else (b, a) for a, b in (pair for pair in pairs if len(pair) == 2)}


def check_time(call: Call, element: ElementTree.Element) -> None:
    """Refuse an assertion that is not yet, or no longer, valid."""
    not_before, not_after = element.get("NotBefore"), element.get("NotOnOrAfter")
    if not_after and instant(not_after) <= call.now:
        raise Fault("ExpiredTokenException", "Token must be redeemed within 5 minutes of issuance")
    if not_before and instant(not_before) > call.now:
        raise rejected("The assertion is not yet valid")


def meant_for_us(call: Call, address: str) -> bool:
    """Whether an address is one at which AWS, or this cloud, signs people in ("Configure SAML assertions")."""
    return bool(SIGN_IN.fullmatch(address)) or address.startswith(f"{call.endpoint}/")


def instant(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise rejected(f"Not a time: {text}") from None


def subject_type(subject: ElementTree.Element) -> str:
    """The format of the name, without the prefix that SAML's own formats share."""
    kind = subject.get("Format", "")
    for prefix in NAME_ID_FORMATS:
        kind = kind.removeprefix(prefix)
    return kind


def required(assertion: ElementTree.Element, where: str) -> ElementTree.Element:
    found = assertion.find(path(where))
    if found is None:
        raise rejected(f"The assertion has no {where.rpartition('/')[2]}")
    return found


def first(attributes: dict[str, list[str]], name: str) -> str:
    return next(iter(attributes.get(AWS + name, [])), "")


def path(names: str) -> str:
    return "/".join(ASSERTION + name for name in names.split("/"))


def rejected(message: str) -> Fault:
    return Fault("IDPRejectedClaimException", message)
