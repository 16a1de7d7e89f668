"""Policy documents: what AWS takes for one, and the reason it gives where it does not.

IAM User Guide, "Grammar of the IAM JSON policy language". Which elements are wanted depends on what the policy is for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Literal

from pileus.kernel import regions

from . import conditions

Kind = Literal["identity", "managed", "session", "resource", "trust", "scp", "rcp"]
"""`identity` is an inline policy of a user, group or role; `managed` one with an ARN, also as a boundary."""

VERSIONS = ("2012-10-17", "2008-10-17")
WITH_PRINCIPAL = ("resource", "trust", "rcp")
ANY_SID = ("resource",)
MAY_BE_EMPTY = ("resource", "session")
IAM_PATHS = (
    "user/",
    "federated-user/",
    "role/",
    "group/",
    "instance-profile/",
    "mfa/",
    "server-certificate/",
    "policy/",
    "sms-mfa/",
    "saml-provider/",
    "oidc-provider/",
    "report/",
    "access-report/",
)
VENDOR = re.compile(r"[A-Za-z0-9-]+|\*")
SYNTAX = "Syntax errors in policy."
LEGACY = "The policy failed legacy parsing"
TRUST_ACTIONS = (
    "sts:assumerole",
    "sts:assumerolewithsaml",
    "sts:assumerolewithwebidentity",
    "sts:tagsession",
    "sts:setsourceidentity",
    "sts:setcontext",
)

Json = dict[str, Any]


class Malformed(ValueError):
    """A document that is no policy; `reason` is what AWS says of it, with the code MalformedPolicyDocument."""

    def __init__(self, reason: str = SYNTAX) -> None:
        super().__init__(reason)
        self.reason = reason


def check(text: str, kind: Kind) -> Json:
    """The document of a policy, if it is one; Malformed otherwise."""
    document = parsed(text)
    if not statements(document) and kind not in MAY_BE_EMPTY:
        raise Malformed
    for statement in statements(document):
        check_shape(statement, kind)
    check_version(document, kind)
    check_sids(document, kind)
    for statement in statements(document):
        check_statement(statement, kind)
    return document


def parsed(text: str) -> Json:
    """A document of which only the outline is certain."""
    try:
        document = json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
    except (ValueError, RecursionError):
        raise Malformed from None
    if not isinstance(document, dict) or not document.keys() <= {"Version", "Id", "Statement"}:
        raise Malformed
    if "Version" in document and document["Version"] not in VERSIONS:
        raise Malformed
    if not isinstance(document.get("Id", ""), str):
        raise Malformed
    if "Statement" not in document or not isinstance(document["Statement"], list | dict):
        raise Malformed
    if not all(isinstance(statement, dict) for statement in statements(document)):
        raise Malformed
    return document


def unique(pairs: list[tuple[str, Any]]) -> Json:
    """An object none of whose names stands twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed
    return found


def refuse(constant: str) -> Any:
    raise Malformed


def statements(document: Json) -> list[Json]:
    found = document.get("Statement")
    return found if isinstance(found, list) else [found] if isinstance(found, dict) else []


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


# Shape


ELEMENTS = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition", "Principal", "NotPrincipal"}
PAIRS = (("Action", "NotAction"), ("Resource", "NotResource"), ("Principal", "NotPrincipal"))


def check_shape(statement: Json, kind: Kind) -> None:
    """The elements and the types of their values, and of those that exclude each other just one."""
    if not statement.keys() <= ELEMENTS or statement.get("Effect") not in ("Allow", "Deny"):
        raise Malformed
    if not isinstance(statement.get("Sid", ""), str):
        raise Malformed
    if any(one in statement and other in statement for one, other in PAIRS):
        raise Malformed
    for name in ("Action", "NotAction", "Resource", "NotResource"):
        if not all(isinstance(text, str) for text in listed(statement.get(name, []))):
            raise Malformed(LEGACY if name.endswith("Resource") else SYNTAX)
    check_condition_shape(statement.get("Condition", {}))


def check_condition_shape(block: Any) -> None:
    if not isinstance(block, dict):
        raise Malformed
    for name, keys in block.items():
        plain = name.removeprefix(conditions.ALL).removeprefix(conditions.ANY)
        known = plain == "Null" or plain.removesuffix("IfExists") in OPERATORS - {"Null"}
        if not known or not isinstance(keys, dict):
            raise Malformed
        for values in keys.values():
            if not all(isinstance(value, str | int | float) for value in listed(values)):
                raise Malformed


OPERATORS = frozenset(conditions.names())


def check_version(document: Json, kind: Kind) -> None:
    if kind in ("managed", "scp", "rcp") and document.get("Version") != "2012-10-17":
        raise Malformed("Policy document must be version 2012-10-17 or greater.")


def check_sids(document: Json, kind: Kind) -> None:
    sids = [statement["Sid"] for statement in statements(document) if statement.get("Sid")]
    if kind not in ANY_SID and not all(re.fullmatch("[0-9A-Za-z]*", sid) for sid in sids):
        reason = "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression"
        raise Malformed(f"{reason} [0-9A-Za-z]*")
    if len(set(sids)) != len(sids):
        raise Malformed("Statement IDs (SID) in a single policy must be unique.")


# Sense


def check_statement(statement: Json, kind: Kind) -> None:
    check_principal(statement, kind)
    check_actions(statement, kind)
    check_resources(statement, kind)
    check_conditions(statement)


def check_principal(statement: Json, kind: Kind) -> None:
    principals = [statement[name] for name in ("Principal", "NotPrincipal") if name in statement]
    if kind not in WITH_PRINCIPAL:
        if principals:
            raise Malformed("Policy document should not specify a principal.")
        return
    if not principals:
        raise Malformed("Missing required field Principal" if kind == "trust" else SYNTAX)
    if kind == "trust" and "NotPrincipal" in statement and statement["Effect"] == "Allow":
        raise Malformed("Allow with NotPrincipal is not supported.")
    if kind == "rcp" and statement.get("Principal") != "*":
        raise Malformed
    principal = principals[0]
    if principal == "*":
        return
    if not isinstance(principal, dict) or not principal.keys() <= {"AWS", "Federated", "Service", "CanonicalUser"}:
        raise Malformed
    if not principal or not all(listed(values) for values in principal.values()):
        raise Malformed("Missing required field Principal cannot be empty!")
    for name, values in principal.items():
        for value in listed(values):
            if not isinstance(value, str):
                raise Malformed
            if not principal_form(name, value):
                raise Malformed(f'Invalid principal in policy: "{name}":"{value}"')


AWS_PRINCIPAL = re.compile(
    r"\*|\d{12}|A(?:ID|RO|GP|KI)A[A-Z0-9]{12,}"
    r"|arn:[a-z-]+:iam::\d{12}:(?:root|user/[^*?]+|role/[^*?]+)"
    r"|arn:[a-z-]+:iam::cloudfront:user/CloudFront Origin Access Identity [A-Z0-9]+"
    r"|arn:[a-z-]+:sts::\d{12}:(?:assumed-role/[^/*?]+/[^/*?]+|federated-user/[^*?]+|self)"
)
SERVICE_PRINCIPAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*\.(?:amazonaws\.com(?:\.cn)?|amazon\.com|aws\.internal)")


def principal_form(name: str, value: str) -> bool:
    """Whether a principal looks like one. A wildcard stands for everybody, or for nobody in part of a name."""
    if name == "AWS":
        return bool(AWS_PRINCIPAL.fullmatch(value))
    if name == "Service":
        return bool(SERVICE_PRINCIPAL.fullmatch(value))
    return bool(value)


def check_actions(statement: Json, kind: Kind) -> None:
    actions = [text for name in ("Action", "NotAction") for text in listed(statement.get(name, []))]
    if not actions:
        raise Malformed("Policy statement must contain actions.")
    for action in actions:
        if action == "*":
            continue
        if ":" not in action:
            raise Malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
        if action.count(":") > 1:
            raise Malformed("Actions/Conditions can contain only one colon.")
        vendor = action.partition(":")[0]
        if not VENDOR.fullmatch(vendor):
            raise Malformed(f"Vendor {vendor} is not valid")
        if kind == "trust" and not may_be_trusted(action):
            raise Malformed("AssumeRole policy may only specify STS AssumeRole actions.")


def may_be_trusted(action: str) -> bool:
    return any(re.fullmatch(re.escape(action.lower()).replace(r"\*", ".*"), known) for known in TRUST_ACTIONS)


def check_resources(statement: Json, kind: Kind) -> None:
    given = [name for name in ("Resource", "NotResource") if name in statement]
    if kind == "trust":
        if given:
            raise Malformed(f"Has prohibited field {given[0]}")
        return
    resources = [text for name in given for text in listed(statement[name])]
    if not resources:
        # Resource-based policies of services whose policies hang on the one resource may leave it out.
        if kind == "resource" and not given:
            return
        raise Malformed("Policy statement must contain resources.")
    for resource in resources:
        check_resource(resource)


def check_resource(resource: str) -> None:
    """Whether a text is an ARN, or as much of one as a policy must have. Variables stand for anything."""
    if resource == "*":
        return
    parts = re.sub(r"\$\{[^}]*\}", "*", resource).split(":", 5)
    if parts[0] != "arn":
        raise Malformed(f'Resource {resource} must be in ARN format or "*".')
    if len(parts) > 1 and not partition_known(parts[1]):
        raise Malformed(f'Partition "{parts[1]}" is not valid for resource "{resource}".')
    if len(parts) < 3 or not parts[2] or (VENDOR.fullmatch(parts[2]) is None and parts[2] != "*"):
        raise Malformed("Resource vendor must be fully qualified and cannot contain regexes.")
    vendor = parts[2]
    if vendor == "iam":
        check_iam_resource(resource, parts)
    elif vendor == "s3" and len(parts) == 6 and parts[3] not in ("", "*") and not parts[4] and "/" not in parts[5]:
        raise Malformed(f"Resource {resource} can not contain region information.")


def partition_known(partition: str) -> bool:
    return "*" in partition or any(partition == known for known in regions.partitions())


def check_iam_resource(resource: str, parts: list[str]) -> None:
    if len(parts) > 3 and parts[3] not in ("", "*"):
        raise Malformed(f"IAM resource {resource} cannot contain region information.")
    if len(parts) < 6:
        return
    path = parts[5]
    if path == "*" or path.startswith(IAM_PATHS) or path == "root" or begins_wild(path):
        return
    paths = ", ".join(IAM_PATHS)
    raise Malformed(f'IAM resource path must either be "*" or start with {paths}.')


def begins_wild(path: str) -> bool:
    """Whether a wildcard comes before the slash, so that the path may begin like one of IAM's."""
    head = re.split(r"[*?]", path, maxsplit=1)[0]
    return head != path and any(known.startswith(head) for known in IAM_PATHS)


def check_conditions(statement: Json) -> None:
    block = statement.get("Condition", {})
    for keys in block.values():
        for key in keys:
            if ":" not in key:
                raise Malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
    try:
        conditions.compiled(block, variables=True)
    except ValueError:
        raise Malformed(LEGACY) from None


def principals_named(document: Json) -> Iterable[tuple[str, str]]:
    """Kind and name of everybody whom the policy names, such as ("AWS", "arn:aws:iam::111122223333:user/alice").

    IAM and some other services refuse a policy that names somebody who is not there.
    """
    for statement in statements(document):
        for element in ("Principal", "NotPrincipal"):
            principal = statement.get(element)
            if isinstance(principal, dict):
                yield from ((name, value) for name, values in principal.items() for value in listed(values))
