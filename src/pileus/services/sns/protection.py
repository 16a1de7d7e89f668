"""Data protection: what a topic does not let through, or lets through without what is sensitive in it.

Developer Guide, "Message data protection". Sensitive data are told by their form. Data identifiers that are not in
`FORMS`, and audits, are not built.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from pileus.kernel import Call, Fault, Unfinished

from .faults import invalid

if TYPE_CHECKING:
    from .topics import Topic

LONGEST = 30_720
VERSION = "2021-06-01"
MANAGED = re.compile(r"arn:[^:]+:dataprotection::aws:data-identifier/([A-Za-z0-9-]+)")

FORMS = {
    "Address": r"\b\d{1,5}\s+\w+(?:\s\w+)*\s(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr)\b",
    "AwsSecretKey": r"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+=]{40}(?![A-Za-z0-9/+=])",
    "CreditCardNumber": r"\b(?:\d[ -]?){12,18}\d\b",
    "EmailAddress": r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}",
    "IpAddress": r"\b(?:\d{1,3}\.){3}\d{1,3}\b",
    "OpenSshPrivateKey": r"-----BEGIN OPENSSH PRIVATE KEY-----",
    "PgpPrivateKey": r"-----BEGIN PGP PRIVATE KEY BLOCK-----",
    "PkcsPrivateKey": r"-----BEGIN (?:RSA |EC |ENCRYPTED )?PRIVATE KEY-----",
    "PhoneNumber-US": r"(?<!\d)(?:\+?1[ .-]?)?\(?\d{3}\)?[ .-]?\d{3}[ .-]?\d{4}(?!\d)",
    "Ssn-US": r"\b(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}\b",
    "ZipCode-US": r"\b\d{5}-\d{4}\b",
}


def checked(text: str) -> str:
    """A policy as a topic keeps it."""
    try:
        policy: Any = json.loads(text)
    except ValueError:
        policy = None
    if len(text) > LONGEST or not isinstance(policy, dict):
        raise invalid("DataProtectionPolicy", "Policy Error: the policy is not a valid JSON document")
    statements = policy.get("Statement")
    if policy.get("Version") != VERSION or not policy.get("Name") or not isinstance(statements, list) or not statements:
        raise invalid("DataProtectionPolicy", "Policy Error: Name, Version and Statement are required")
    for statement in statements:
        check_statement(statement, custom_forms(policy))
    return text


def check_statement(statement: Any, custom: dict[str, str]) -> None:
    if not isinstance(statement, dict) or statement.get("DataDirection") not in ("Inbound", "Outbound"):
        raise invalid("DataProtectionPolicy", "Policy Error: DataDirection must be Inbound or Outbound")
    operation = statement.get("Operation")
    if not isinstance(operation, dict) or len(operation) != 1:
        raise invalid("DataProtectionPolicy", "Policy Error: a statement must have one Operation")
    if "Audit" in operation or statement["DataDirection"] == "Outbound":
        raise Unfinished("Pileus does not implement audits and outbound statements of data protection policies yet.")
    if not {"Deny", "Deidentify"} & {*operation}:
        raise invalid("DataProtectionPolicy", "Policy Error: unknown Operation")
    patterns(statement, custom)


def custom_forms(policy: dict[str, Any]) -> dict[str, str]:
    given = policy.get("Configuration", {}).get("CustomDataIdentifier", [])
    return {one["Name"]: one["Regex"] for one in given}


def patterns(statement: dict[str, Any], custom: dict[str, str]) -> list[re.Pattern[str]]:
    found = []
    for identifier in statement.get("DataIdentifier", []):
        managed = MANAGED.fullmatch(identifier)
        form = FORMS.get(managed[1]) if managed else custom.get(identifier)
        if managed and form is None:
            raise Unfinished(f"Pileus does not implement the data identifier {identifier} yet.")
        if form is None:
            raise invalid("DataProtectionPolicy", f"Policy Error: unknown data identifier {identifier}")
        found.append(re.compile(form))
    return found


def inbound(call: Call, topic: Topic, message: str) -> str:
    """The message as the topic lets it in; a fault where it does not."""
    policy = json.loads(topic.protection)
    custom = custom_forms(policy)
    for statement in policy["Statement"]:
        if not concerns(statement, call):
            continue
        for pattern in patterns(statement, custom):
            hits = [hit for hit in pattern.finditer(message) if is_true(pattern, hit[0])]
            if hits and "Deny" in statement["Operation"]:
                raise Fault("AuthorizationErrorException", "The message was denied by the data protection policy.")
            for hit in reversed(hits):
                instead = hidden(statement["Operation"]["Deidentify"], hit[0])
                message = message[: hit.start()] + instead + message[hit.end() :]
    return message


def concerns(statement: dict[str, Any], call: Call) -> bool:
    """Whether a statement is about who publishes."""
    excepted = statement.get("NotPrincipal")
    named = excepted if excepted is not None else statement.get("Principal", ["*"])
    issuer = call.principal.session.get("issuer", "")
    meant = bool({"*", call.principal.arn, issuer} & {*(named if isinstance(named, list) else [named])})
    return meant != (excepted is not None)


def is_true(pattern: re.Pattern[str], text: str) -> bool:
    """Whether a number of that form is one: cards have a check digit (ISO/IEC 7812)."""
    if pattern.pattern != FORMS["CreditCardNumber"]:
        return True
    digits = [int(sign) for sign in text if sign.isdigit()][::-1]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def hidden(how: dict[str, Any], text: str) -> str:
    mask = how.get("MaskConfig")
    return "" if mask is None else str(mask.get("MaskWithCharacter", "#")) * len(text)
