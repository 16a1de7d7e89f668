"""Trust policies: whom a role trusts; those whom they named, and not their successors of the same name.

A principal of a trust policy is kept by its unique id, so that a user that was deleted and made again is not trusted
(IAM User Guide, "AWS JSON policy elements: Principal"); one that is gone is shown by its id from then on.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from pileus.kernel import Call, Fault, arn
from pileus.kernel.access import grammar
from pileus.kernel.access.attached import Grants

from .identities import checked
from .quotas import TRUST_SIZE, exceeded, size


def trusting(call: Call, document: str) -> tuple[str, dict[str, str]]:
    """A trust policy, and the unique ids of the principals that it names, by their ARNs."""
    found = grammar.parsed(checked(document, "trust"))
    if size(document) > TRUST_SIZE:
        raise exceeded("ACLSizePerRole", TRUST_SIZE)
    named = dict.fromkeys(name for kind, name in grammar.principals_named(found) if kind == "AWS")
    grants = {name: Grants.by_arn(call, name) for name in named if is_identity(name)}
    for name, grant in grants.items():
        # Other accounts may be elsewhere than in this cloud.
        if grant is None and arn.parse(name).account == call.account:
            raise Fault("MalformedPolicyDocumentException", f'Invalid principal in policy: "AWS":"{name}"')
    return document, {name: grant.id for name, grant in grants.items() if grant}


def is_identity(name: str) -> bool:
    """Whether a principal is a user or role by its ARN."""
    try:
        parsed = arn.parse(name)
    except ValueError:
        return False
    return parsed.service == "iam" and parsed.resource.startswith(("user/", "role/"))


def by_id(document: str, ids: dict[str, str]) -> str:
    """A trust policy as the access decision reads it."""
    return renamed(document, lambda name: ids.get(name, name)) if ids else document


def as_shown(call: Call, document: str, ids: dict[str, str]) -> str:
    """A trust policy as it reads now: by the ARNs that its principals have, or by the ids of those that are gone."""
    current: dict[str, str] = {}
    for name, unique in ids.items():
        grants = Grants.get(call.at(account=arn.parse(name).account), unique)
        current[name] = grants.owner if grants else unique
    changed = any(name != now for name, now in current.items())
    return renamed(document, lambda name: current.get(name, name)) if changed else document


def renamed(document: str, name_of: Callable[[str], str]) -> str:
    """A policy whose principals have other names."""
    found = json.loads(document)
    for statement in grammar.statements(found):
        for element in ("Principal", "NotPrincipal"):
            principal: Any = statement.get(element)
            if isinstance(principal, dict) and "AWS" in principal:
                names = principal["AWS"]
                principal["AWS"] = name_of(names) if isinstance(names, str) else [name_of(name) for name in names]
    return json.dumps(found)
