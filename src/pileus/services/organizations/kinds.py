"""The kinds of policies that there are, how large and how many they may be, and what their documents look like.

Organizations User Guide, "Quotas and service limits for AWS Organizations", and the pages on each type of policy.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from pileus.kernel import Fault
from pileus.kernel.access import grammar

SCP, RCP = "SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"
POLICIES_OF_A_KIND = 1000


class Kind(NamedTuple):
    """A type of policy."""

    most_bytes: int
    most_attached: int
    """To one root, unit or account."""
    elements: tuple[str, ...] = ()
    """What a management policy's document has at its top; none for the authorization policies."""


KINDS = {
    SCP: Kind(5120, 5),
    RCP: Kind(5120, 5),
    "TAG_POLICY": Kind(10_000, 10, ("tags",)),
    "BACKUP_POLICY": Kind(10_000, 10, ("plans",)),
    "AISERVICES_OPT_OUT_POLICY": Kind(2_500, 5, ("services",)),
    "CHATBOT_POLICY": Kind(10_000, 5, ("chatbot",)),
    "DECLARATIVE_POLICY_EC2": Kind(10_000, 10, ("ec2_attributes",)),
    "SECURITYHUB_POLICY": Kind(10_000, 10, ("securityhub",)),
    "SECURITYHUB_CSPM_POLICY": Kind(10_000, 10, ("securityhub", "securityhub_cspm")),
    "INSPECTOR_POLICY": Kind(10_000, 10, ("inspector",)),
    "UPGRADE_ROLLOUT_POLICY": Kind(10_000, 10, ("upgrade_rollout",)),
    "BEDROCK_POLICY": Kind(10_000, 10, ("bedrock",)),
    "S3_POLICY": Kind(10_000, 10, ("s3_attributes",)),
    "NETWORK_SECURITY_DIRECTOR_POLICY": Kind(10_000, 10, ("network_security_director",)),
    "GUARDDUTY_POLICY": Kind(10_000, 10, ("guardduty",)),
}

FULL = {SCP: "p-FullAWSAccess", RCP: "p-RCPFullAWSAccess"}
"""AWS's own policies, one of each authorization type, which hang everywhere once the type is enabled."""

NOT_IN_RCP = ("NotAction", "NotPrincipal")


def check(kind: str, content: str) -> None:
    """Refuse a document that is no policy of its type."""
    try:
        if kind in FULL:
            check_authorization(kind, content)
        else:
            check_management(KINDS[kind], json.loads(content, object_pairs_hook=grammar.unique))
    except (ValueError, RecursionError):  # Malformed is a ValueError, and JSON's errors are
        raise Fault(
            "MalformedPolicyDocumentException",
            "The provided policy document does not meet the requirements of the specified policy type.",
        ) from None


def check_authorization(kind: str, content: str) -> None:
    document = grammar.check(content, "scp" if kind == SCP else "rcp")
    if kind == SCP:
        return
    for statement in grammar.statements(document):
        # Organizations User Guide, "RCP syntax": only AWS's own policy allows; no lone wildcard as an action.
        if statement["Effect"] != "Deny" or "*" in grammar.listed(statement.get("Action", "*")):
            raise grammar.Malformed
        if any(element in statement for element in NOT_IN_RCP):
            raise grammar.Malformed


OPERATORS = ("@@assign", "@@append", "@@remove", "@@operators_allowed_for_child_policies")


def check_management(kind: Kind, document: Any) -> None:
    """Refuse what is no tree of operators below the elements of its type."""
    if not isinstance(document, dict) or not document or not document.keys() <= {*kind.elements}:
        raise ValueError
    for part in document.values():
        check_part(part)
    for name, part in document.get("tags", {}).items():
        check_tag(name, part)
    for part in document.get("services", {}).values():
        check_choice(part)


TAG = {"tag_key", "tag_value", "enforced_for", "report_required_tag_for"}
CHOICES = ("optIn", "optOut")


def check_tag(name: str, part: Any) -> None:
    """A tag of a tag policy, whose key may be spelt only in another case ("Tag policy syntax and examples")."""
    if name.startswith("@@"):
        return
    spelt = part.get("tag_key", {}).get("@@assign", name)
    if not all(element in TAG or element.startswith("@@") for element in part) or str(spelt).lower() != name.lower():
        raise ValueError


def check_choice(part: Any) -> None:
    """A service of a policy on AI services ("AI services opt-out policy syntax and examples")."""
    if not isinstance(part, dict):
        return  # an operator of the element above
    choice = part.get("opt_out_policy", {}).get("@@assign", CHOICES[0])
    if not all(element == "opt_out_policy" or element.startswith("@@") for element in part) or choice not in CHOICES:
        raise ValueError


def check_part(part: Any) -> None:
    if not isinstance(part, dict):
        raise ValueError
    for name, value in part.items():
        if not name.startswith("@@"):
            check_part(value)
        elif name not in OPERATORS:
            raise ValueError
        elif name == OPERATORS[3]:
            if not set(grammar.listed(value)) <= {"@@all", "@@none", *OPERATORS[:3]}:
                raise ValueError
        elif not all(isinstance(one, str | int | float | bool) for one in grammar.listed(value)):
            raise ValueError
