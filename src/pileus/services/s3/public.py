"""Bucket policies as documents: whether one can be one, and whether it lets in everybody.

Left out: whether a condition key with the prefix `aws:` is one.
"""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Protocol

from pileus.kernel import Call, Fault, arn
from pileus.kernel.access import actions
from pileus.kernel.access.actions import Action
from pileus.kernel.access.attached import Grants

from . import documents, faults
from .naming import canonical_id

if TYPE_CHECKING:
    from .buckets import Bucket

Statement = dict[str, Any]


class Owner(Protocol):
    """A bucket, or an access point."""

    def arn(self, call: Call) -> str: ...


NARROWING = re.compile(
    r"aws:(SourceIp|SourceArn|SourceVpc|SourceVpce|SourceOwner|SourceAccount|SourceOrgID|PrincipalOrgID|PrincipalArn|"
    r"PrincipalAccount|userid)|s3:DataAccessPoint(Arn|Account)",
    re.IGNORECASE,
)
"""Keys by which a statement for everybody is not public after all ("The meaning of public", S3 User Guide)."""


OF_REQUESTS = (
    "s3:prefix",
    "s3:delimiter",
    "s3:max-keys",
    "s3:versionid",
    "s3:x-amz-acl",
    "s3:x-amz-copy-source",
    "s3:x-amz-metadata-directive",
    "s3:x-amz-server-side-encryption",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "s3:x-amz-storage-class",
)
"""Keys that only requests of some operations have, and conditions on other ones must not."""


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


# Documents


def checked(call: Call, bucket: Owner, text: str, longest: int) -> dict[str, Any]:
    """The document of a policy; MalformedPolicy for what is none."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
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
    check_grammar(call, text)
    return document


def check_grammar(call: Call, text: str) -> None:
    """Refuse what no service takes for a policy, and one that names a user or role of this account who is not there.

    The ids of its statements need not be different.
    """
    from pileus.kernel.access import grammar

    try:
        document = grammar.parsed(text)
        for statement in grammar.statements(document):
            grammar.check_shape(statement, "resource")
            grammar.check_statement(statement, "resource")
    except grammar.Malformed as error:
        if error.reason.startswith("Invalid principal"):
            raise wrong("Invalid principal in policy") from None
        raise wrong("Invalid policy syntax." if error.reason == grammar.SYNTAX else error.reason) from None
    for kind, name in grammar.principals_named(document):
        if kind == "AWS" and is_missing(call, name):
            raise wrong("Invalid principal in policy")


def is_missing(call: Call, principal: str) -> bool:
    """Whether that is a user or role whom this account does not have. Other accounts may be elsewhere."""
    if ":user/" not in principal and ":role/" not in principal:
        return False
    return arn.parse(principal).account == call.account and Grants.by_arn(call, principal) is None


def check_statement(call: Call, bucket: Owner, statement: Any) -> None:
    if not isinstance(statement, dict):
        raise wrong("Could not parse the policy: Statement must be an object")
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise wrong(
            f"Invalid effect: {statement.get('Effect')}" if "Effect" in statement else "Missing required field Effect"
        )
    for either in (("Principal", "NotPrincipal"), ("Action", "NotAction"), ("Resource", "NotResource")):
        if sum(name in statement for name in either) != 1:
            raise wrong(f"Missing required field {either[0]}")
    address = bucket.arn(call)
    prefix = "s3express" if ":s3express:" in address else "s3"
    named = [named_by(str(action), prefix) for action in listed(statement.get("Action", statement.get("NotAction")))]
    if not all(named):
        raise wrong("Policy has invalid action")
    resources = [str(resource) for resource in listed(statement.get("Resource", statement.get("NotResource")))]
    for resource in resources:
        if not fnmatchcase(address, "/".join(resource.split("/")[: address.count("/") + 1])):
            raise wrong("Policy has invalid resource")
    if (
        address.count(":") == 5
        and "/" not in address
        and prefix == "s3"
        and not statement.keys() & {"NotAction", "NotResource"}
    ):
        check_applying(address, named, resources)
    check_keys(statement, [action for several in named for action in several])
    if not isinstance(statement.get("Principal", statement.get("NotPrincipal")), dict | str):
        raise wrong("Invalid policy syntax.")
    if isinstance(statement.get("Principal"), str) and statement["Principal"] != "*":
        raise wrong("Invalid policy syntax.")


def named_by(pattern: str, prefix: str) -> list[Action]:
    """The actions of S3 that a pattern names."""
    known = actions.prefix(prefix).actions
    wanted = pattern.lower()
    if wanted == "*":
        return list(known.values())
    return [action for name, action in known.items() if fnmatchcase(f"{prefix}:{name}", wanted)]


def check_keys(statement: Statement, named: list[Action]) -> None:
    """Refuse condition keys of S3 that there are not, and those of requests that the statement is not about."""
    for key in keys_of(statement.get("Condition")):
        known = any(key in action.keys for action in actions.prefix("s3").actions.values())
        if ":" not in key or (key.startswith("s3:") and "/" not in key and not known):
            raise wrong("Policy has an invalid condition key")
        if key in OF_REQUESTS and "NotAction" not in statement and not any(key in action.keys for action in named):
            raise wrong("Conditions do not apply to combination of actions and resources in statement")


def keys_of(conditions: Any) -> list[str]:
    """The keys of a condition block, in lower case. What is none the grammar refuses."""
    blocks = conditions.values() if isinstance(conditions, dict) else ()
    return [key.lower() for block in blocks if isinstance(block, dict) for key in block]


def check_applying(arn: str, named: list[list[Action]], resources: list[str]) -> None:
    """Refuse an action of objects where no resource can be one, and an action of buckets where none can be a bucket."""
    there = set()
    if any(fnmatchcase(arn, resource) for resource in resources):
        there.add("bucket")
    if any("/" in resource or fnmatchcase(f"{arn}/key", resource) for resource in resources):
        there.add("object")
    for several in named:
        if not any(there & action.kinds.keys() for action in several):
            raise wrong("Action does not apply to any resource(s) in statement")


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


def has_public_policy(call: Call, bucket: Bucket) -> bool:
    return is_public(json.loads(documents.load(call, bucket.room, "policy")))


def for_caller(text: str, account: str) -> str:
    """The policy with the caller's account in place of its canonical user id, which only S3 knows."""
    if "CanonicalUser" not in text:
        return text
    mine = canonical_id(account)
    document = json.loads(text)
    for statement in listed(document["Statement"]):
        for element in ("Principal", "NotPrincipal"):
            who = statement.get(element)
            if isinstance(who, dict) and mine in listed(who.get("CanonicalUser", [])):
                who["AWS"] = [*listed(who.get("AWS", [])), account]
    return json.dumps(document)
