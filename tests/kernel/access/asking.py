"""Queries and policies written down in one line each."""

from __future__ import annotations

from typing import Any

from pileus.kernel.access import policy
from pileus.kernel.access.attached import Document
from pileus.kernel.access.decision import Applying, Decision, Query, decide
from pileus.kernel.access.matching import Values
from pileus.kernel.access.policy import Policies
from pileus.kernel.access.principals import Caller
from pileus.kernel.identity import ANONYMOUS, Principal, root, service

from .people import document

HERE, THERE = "111122223333", "444455556666"
USER = Principal("IAMUser", HERE, f"arn:aws:iam::{HERE}:user/alice", "AIDAALICE")
ROLE_ARN = f"arn:aws:iam::{HERE}:role/worker"
SESSION = Principal(
    "AssumedRole", HERE, f"arn:aws:sts::{HERE}:assumed-role/worker/job", "AROAWORKER:job", session={"issuer": ROLE_ARN}
)
FEDERATED = Principal(
    "FederatedUser", HERE, f"arn:aws:sts::{HERE}:federated-user/bob", f"{HERE}:bob", session={"issuer": USER.arn}
)
ROOT = root(HERE)
SNS = service("sns.amazonaws.com")
NOBODY = ANONYMOUS
ACTION, RESOURCE = "sqs:SendMessage", f"arn:aws:sqs:us-east-1:{HERE}:orders"


def policies(*statements: dict[str, Any]) -> Policies:
    return policy.compiled("test", document(*statements))


def several(*documents: str) -> Policies:
    return policy.of([Document(f"policy {number}", text) for number, text in enumerate(documents)])


def query(
    who: Principal = USER,
    action: str = ACTION,
    resource: str = RESOURCE,
    account: str = HERE,
    **keys: Values | str,
) -> Query:
    known = {
        key.replace("__", ":").lower(): (values,) if isinstance(values, str) else values for key, values in keys.items()
    }
    return Query(Caller.of(who), action, resource, account, lambda key: known.get(key, ()))


def ask(who: Principal = USER, account: str = HERE, **applying: Any) -> Decision:
    """The decision on sending to the queue `orders` of an account."""
    return decide(query(who, account=account), Applying(**applying))
