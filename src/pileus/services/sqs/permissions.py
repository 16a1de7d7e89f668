"""Permissions: statements in a queue's policy that are added and removed by their label.

Developer Guide, "Using custom policies with the Amazon SQS Access Policy Language" and "Amazon SQS policy quotas".
"""

from __future__ import annotations

import json
import re
from typing import Any

from pileus.kernel import Call, Fault

from . import faults, sqs
from .queues import Queue

LABEL = re.compile(r"[A-Za-z0-9_-]{1,80}")
MOST_ACTIONS = 7
MOST_STATEMENTS = 20

GRANTABLE = {
    "*",
    "ChangeMessageVisibility",
    "DeleteMessage",
    "GetQueueAttributes",
    "GetQueueUrl",
    "ListDeadLetterSourceQueues",
    "PurgeQueue",
    "ReceiveMessage",
    "SendMessage",
}
"""Actions that others than the owner may ever be allowed (Developer Guide, "Amazon SQS API permissions")."""


@sqs.operation(on=Queue.by_url)
def add_permission(call: Call, queue: Queue, label: str, aws_account_ids: list[str], actions: list[str]) -> None:
    """Allow some actions on the queue to other accounts, by a statement in its policy."""
    check(label, aws_account_ids, actions)
    policy = policy_of(call, queue)
    statements = policy["Statement"]
    if any(statement.get("Sid") == label for statement in statements):
        raise faults.invalid("Label", label, "Already exists.")
    if len(statements) == MOST_STATEMENTS:
        message = f"{len(statements) + 1} Statements were found, maximum allowed is {MOST_STATEMENTS}."
        raise Fault("OverLimit", message)
    principals = [f"arn:{call.partition}:iam::{account}:root" for account in aws_account_ids]
    statements.append(
        {
            "Sid": label,
            "Effect": "Allow",
            "Principal": {"AWS": one_or_all(principals)},
            "Action": one_or_all([f"SQS:{action}" for action in actions]),
            "Resource": queue.arn(call),
        }
    )
    keep(call, queue, policy)


@sqs.operation(on=Queue.by_url)
def remove_permission(call: Call, queue: Queue, label: str) -> None:
    """Remove the statement with that label from the queue's policy."""
    policy = policy_of(call, queue)
    rest = [statement for statement in policy["Statement"] if statement.get("Sid") != label]
    if len(rest) == len(policy["Statement"]):
        raise faults.invalid("Label", label, "can't find label on existing policy")
    keep(call, queue, policy | {"Statement": rest} if rest else {})


def policy_of(call: Call, queue: Queue) -> dict[str, Any]:
    """The queue's policy, or the one that SQS begins for it."""
    if document := queue.attributes.get("Policy"):
        policy: dict[str, Any] = json.loads(document)
        statements = policy["Statement"]
        return policy | {"Statement": statements if isinstance(statements, list) else [statements]}
    return {"Version": "2012-10-17", "Id": f"{queue.arn(call)}/SQSDefaultPolicy", "Statement": []}


def keep(call: Call, queue: Queue, policy: dict[str, Any]) -> None:
    queue.configure(call, {"Policy": json.dumps(policy, separators=(",", ":")) if policy else ""})
    queue.put(call)


def check(label: str, accounts: list[str], actions: list[str]) -> None:
    if not LABEL.fullmatch(label):
        reason = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length."
        raise faults.invalid("Label", label, reason)
    for parameter, values in (("AWSAccountIds", accounts), ("Actions", actions)):
        if not values:
            raise faults.missing(parameter)
    if len(actions) > MOST_ACTIONS:
        raise Fault("OverLimit", f"{len(actions)} Actions were found, maximum allowed is {MOST_ACTIONS}.")
    for action in actions:
        if action not in GRANTABLE:
            reason = "Only the queue owner is allowed to invoke this action."
            raise faults.invalid("ActionName", f"SQS:{action}", reason)
    for account in accounts:
        if not re.fullmatch(r"\d{12}", account):
            raise faults.invalid("PrincipalId", f"[{account}]", "Unable to verify.")


def one_or_all(values: list[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else values
