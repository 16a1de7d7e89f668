"""What a bucket policy says of a caller from another account, or of nobody in particular.

Principals, actions, resources and the common condition operators and keys are understood. A condition on a key that
this module does not know counts as on one that the request does not carry.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from pileus.kernel import Call, Fault

from . import faults
from .naming import canonical_id

if TYPE_CHECKING:
    from .buckets import Bucket

Statement = dict[str, Any]

NARROWING = re.compile(
    r"aws:(SourceIp|SourceArn|SourceVpc|SourceVpce|SourceOwner|SourceAccount|SourceOrgID|PrincipalOrgID|PrincipalArn|"
    r"PrincipalAccount|userid)|s3:DataAccessPoint(Arn|Account)",
    re.IGNORECASE,
)
"""Keys by which a statement for everybody is not public after all ("The meaning of public", S3 User Guide)."""


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


# Documents


def checked(call: Call, bucket: Bucket, text: str, longest: int) -> dict[str, Any]:
    """The document of a policy; MalformedPolicy for what is none."""
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise wrong("Policies must be valid JSON and the first byte must be '{'")
    if len(text.encode()) > longest:
        raise wrong("Normalized policy document exceeds the maximum allowed size of 20480 bytes.")
    if document.get("Version", "2012-10-17") not in ("2012-10-17", "2008-10-17"):
        raise wrong("The policy must contain a valid version string")
    statements = listed(document.get("Statement", []))
    if not statements:
        raise wrong("Could not parse the policy: Statement is empty!")
    for statement in statements:
        check_statement(call, bucket, statement)
    return document


def check_statement(call: Call, bucket: Bucket, statement: Any) -> None:
    if not isinstance(statement, dict):
        raise wrong("Could not parse the policy: Statement must be an object")
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise wrong(
            f"Invalid effect: {statement.get('Effect')}" if "Effect" in statement else "Missing required field Effect"
        )
    for either in (("Principal", "NotPrincipal"), ("Action", "NotAction"), ("Resource", "NotResource")):
        if sum(name in statement for name in either) != 1:
            raise wrong(f"Missing required field {either[0]}")
    for action in listed(statement.get("Action", statement.get("NotAction"))):
        if action != "*" and not str(action).lower().startswith("s3:"):
            raise wrong("Policy has invalid action")
    arn = bucket.arn(call)
    for resource in listed(statement.get("Resource", statement.get("NotResource"))):
        if not fnmatchcase(arn, str(resource).split("/")[0]):
            raise wrong("Policy has invalid resource")
    if not isinstance(statement.get("Principal", statement.get("NotPrincipal")), dict | str):
        raise wrong("Invalid policy syntax.")
    if isinstance(statement.get("Principal"), str) and statement["Principal"] != "*":
        raise wrong("Invalid policy syntax.")


def wrong(message: str) -> Fault:
    return faults.fault("MalformedPolicy", message)


def is_public(document: dict[str, Any]) -> bool:
    """Whether some statement lets in everybody, from everywhere."""
    return any(
        statement["Effect"] == "Allow" and everybody(statement) and not narrowed(statement)
        for statement in listed(document["Statement"])
    )


def everybody(statement: Statement) -> bool:
    if "NotPrincipal" in statement:
        return True
    who = statement["Principal"]
    return who == "*" or (isinstance(who, dict) and "*" in listed(who.get("AWS", [])))


def narrowed(statement: Statement) -> bool:
    """Whether a condition compares one of the telling keys with fixed values."""
    for operator, tests in statement.get("Condition", {}).items():
        if operator.lower().startswith(("not", "stringnot", "arnnot", "null")):
            continue
        for key, values in tests.items():
            if NARROWING.fullmatch(key) and all(value not in ("*", "0.0.0.0/0", "::/0") for value in listed(values)):
                return True
    return False


# Decisions


def decide(call: Call, document: dict[str, Any], action: str, resource: str) -> bool | None:
    """True for allowed, False for denied, None for not mentioned."""
    fitting = [
        statement["Effect"] for statement in listed(document["Statement"]) if fits(call, statement, action, resource)
    ]
    if "Deny" in fitting:
        return False
    return True if fitting else None


def fits(call: Call, statement: Statement, action: str, resource: str) -> bool:
    return (
        named(statement, "Action", lambda pattern: fnmatch(action.lower(), pattern.lower()))
        and named(statement, "Resource", lambda pattern: fnmatch(resource, pattern))
        and principal_fits(call, statement)
        and all(
            holds(call, operator, key, listed(values))
            for operator, tests in statement.get("Condition", {}).items()
            for key, values in tests.items()
        )
    )


def named(statement: Statement, element: str, test: Callable[[str], bool]) -> bool:
    if element in statement:
        return any(test(each) for each in listed(statement[element]))
    return not any(test(each) for each in listed(statement[f"Not{element}"]))


def fnmatch(text: str, pattern: str) -> bool:
    """IAM's wildcards: a star and a question mark, nothing else."""
    return fnmatchcase(text, pattern.replace("[", "[[]"))


def principal_fits(call: Call, statement: Statement) -> bool:
    if "NotPrincipal" in statement:
        return not is_one_of(call, statement["NotPrincipal"])
    return is_one_of(call, statement["Principal"])


def is_one_of(call: Call, who: Any) -> bool:
    if who == "*":
        return True
    caller = call.principal
    mine = {"*"}
    if caller.type != "Anonymous":
        mine |= {caller.account, caller.arn, f"arn:{call.partition}:iam::{caller.account}:root"}
    return (
        any(each in mine for each in listed(who.get("AWS", [])))
        or (caller.type == "AWSService" and caller.arn in listed(who.get("Service", [])))
        or (caller.type != "Anonymous" and canonical_id(caller.account) in listed(who.get("CanonicalUser", [])))
    )


def context(call: Call) -> dict[str, str]:
    anonymous = call.principal.type == "Anonymous"
    known = {
        "aws:sourceip": call.source_ip,
        "aws:securetransport": str(call.secure).lower(),
        "aws:useragent": call.user_agent,
        "aws:principaltype": call.principal.type,
        "aws:requestedregion": call.region,
    }
    if not anonymous:
        known |= {"aws:principalarn": call.principal.arn, "aws:principalaccount": call.principal.account}
    return known


def holds(call: Call, operator: str, key: str, values: Iterable[Any]) -> bool:
    """Whether one condition holds."""
    operator = operator.lower().removeprefix("forallvalues:").removeprefix("foranyvalue:")
    value = context(call).get(key.lower())
    if operator == "null":
        return all((str(each).lower() == "true") == (value is None) for each in values)
    optional = operator.endswith("ifexists")
    operator = operator.removesuffix("ifexists")
    negated = "not" in operator
    if value is None:
        return optional or negated
    test = OPERATORS.get(operator.replace("not", ""), never)
    return any(test(value, str(each)) for each in values) != negated


def never(value: str, wanted: str) -> bool:
    return False


def in_network(value: str, wanted: str) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        return False


OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "stringequals": lambda value, wanted: value == wanted,
    "stringequalsignorecase": lambda value, wanted: value.lower() == wanted.lower(),
    "stringlike": fnmatch,
    "arnequals": fnmatch,
    "arnlike": fnmatch,
    "bool": lambda value, wanted: value == wanted.lower(),
    "ipaddress": in_network,
}
