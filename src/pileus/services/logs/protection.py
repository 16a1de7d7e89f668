"""Data protection: what a policy says is sensitive is masked wherever messages come out.

Only events that came in after the policy are masked. Of AWS's identifiers there are those that a pattern tells; audit
findings are not reported (User Guide, "Protecting sensitive log data with masking").
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from pileus.kernel import Call, Record, Unfinished
from pileus.kernel.access import enforcement
from pileus.kernel.access.target import Target

from . import faults, logs
from .account_policies import AccountPolicy
from .groups import Group, standard

LONGEST = 30_720
VERSION = "2021-06-01"
IDENTIFIER = re.compile(r"arn:[^:]+:dataprotection::aws:data-identifier/([\w-]+)")
IDENTIFIERS = {
    "EmailAddress": r"[\w.%+-]+@[\w-]+(?:\.[\w-]+)+",
    "IpAddress": r"(?<![\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\d.])",
    "CreditCardNumber": r"(?<!\d)(?:\d[ -]?){12,15}\d(?!\d)",
    "Ssn-US": r"(?<!\d)\d{3}-\d{2}-\d{4}(?!\d)",
    "AwsSecretKey": r"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+=]{40}(?![A-Za-z0-9/+=])",
    "PhoneNumber-US": r"(?<!\d)(?:\+?1[ .-]?)?\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?!\d)",
    "ZipCode-US": r"(?<!\d)\d{5}-\d{4}(?!\d)",
    "OpenSshPrivateKey": r"-----BEGIN OPENSSH PRIVATE KEY-----[\s\S]*?-----END OPENSSH PRIVATE KEY-----",
    "PkcsPrivateKey": r"-----BEGIN (?:RSA )?PRIVATE KEY-----[\s\S]*?-----END (?:RSA )?PRIVATE KEY-----",
    "LatLong": r"[-+]?\d{1,2}\.\d{4,},\s*[-+]?\d{1,3}\.\d{4,}",
    "VehicleIdentificationNumber": r"(?<!\w)[A-HJ-NPR-Z0-9]{17}(?!\w)",
}

Members = dict[str, Any]
Mask = Callable[[int, str], str]
"""How a message is shown that came in at a time."""


class Protection(Record, kw_only=True):
    """The policy of a group."""

    group: str
    document: str
    since: int
    """When the policy, or the first before it, was put."""
    updated: int


@logs.operation(on=Group.identified)
def put_data_protection_policy(call: Call, group: Group, policy_document: str) -> Members:
    """Have sensitive data in events masked from now on."""
    standard(group)
    rules(policy_document)
    now = int(call.now * 1000)
    old = Protection.get(call, group.id)
    Protection(group=group.id, document=policy_document, since=old.since if old else now, updated=now).put(call)
    group.masked = True
    group.put(call)
    return {"logGroupIdentifier": group.name, "policyDocument": policy_document, "lastUpdatedTime": now}


@logs.operation(on=Group.identified)
def get_data_protection_policy(call: Call, group: Group) -> Members:
    found = Protection.get(call, group.id)
    if found is None:
        return {}
    return {
        "logGroupIdentifier": group.name,
        "policyDocument": found.document,
        "lastUpdatedTime": found.updated,
    }


@logs.operation(on=Group.identified)
def delete_data_protection_policy(call: Call, group: Group) -> None:
    if found := Protection.get(call, group.id):
        found.delete(call)
        group.masked = False
        group.put(call)


def rules(document: str) -> list[re.Pattern[str]]:
    """What a policy masks; InvalidParameterException for a text that is no policy."""
    try:
        policy = json.loads(document)
        names = [statement["DataIdentifier"] for statement in policy["Statement"]]
        operations = {name for statement in policy["Statement"] for name in statement["Operation"]}
        custom = policy.get("Configuration", {}).get("CustomDataIdentifier", [])
        own = {one["Name"]: one["Regex"] for one in custom}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise faults.invalid("The data protection policy is not a valid policy document.") from None
    if policy.get("Version") != VERSION or operations != {"Audit", "Deidentify"} or len(names) != 2:
        raise faults.invalid(
            f"A data protection policy has the version {VERSION}, and an Audit and a Deidentify statement."
        )
    if len(document) > LONGEST:
        raise faults.limit(f"A data protection policy can have up to {LONGEST} characters.")
    if names[0] != names[1]:
        raise faults.invalid("The DataIdentifier arrays of the two statements must match exactly.")
    return [identifier(name, own) for name in names[0]]


def identifier(name: str, own: dict[str, str]) -> re.Pattern[str]:
    match = IDENTIFIER.fullmatch(name)
    known = match[1] if match else name
    source = own.get(known) or IDENTIFIERS.get(known)
    if source is None:
        if match:
            raise Unfinished(f"Pileus does not know what the data identifier {known} looks like yet.")
        raise faults.invalid(f"The data identifier {name} is not known.")
    try:
        return re.compile(source)
    except re.error:
        raise faults.invalid(f"The regular expression of {name} is not valid.") from None


def mask(call: Call, group: Group) -> Mask | None:
    """How the group's messages are shown; None if as they are."""
    found = Protection.get(call, group.id) if group.masked else None
    policies = [(found.since, found.document)] if found else []
    policies += [(one.since, one.document) for one in AccountPolicy.scan(call, "DATA_PROTECTION_POLICY")]
    compiled = [(since, pattern) for since, document in policies for pattern in rules(document)]
    if not compiled:
        return None

    def masked(ingested: int, message: str) -> str:
        for since, pattern in compiled:
            if ingested >= since:
                message = pattern.sub(lambda match: "*" * len(match[0]), message)
        return message

    return masked


def shown(call: Call, group: Group, unmask: bool) -> Mask:
    """How a reader sees messages, who may have asked to see them as they are."""
    masked = mask(call, group)
    if masked is None:
        return lambda ingested, message: message
    if unmask:
        enforcement.authorize(call, "logs:Unmask", Target(group.arn(call), call.account))
        return lambda ingested, message: message
    return masked
