"""Who may use a topic: its policy, and statements in it that are added and removed by their label."""

from __future__ import annotations

import json
import re
from typing import Any

from pileus.kernel import Call, Fault

from . import sns, topics
from .faults import invalid
from .topics import Topic

GRANTABLE = {*topics.GRANTED}
NAMES = ("TopicArn", "ResourceArn", "TargetArn", "SubscriptionArn", "PlatformApplicationArn", "EndpointArn")


@sns.owner
def owner(call: Call, request: dict[str, Any]) -> str:
    """The account of what an ARN in the request names; a subscription is also its subscriber's."""
    if call.operation == "DeleteTopic":
        return ""
    named = next((request[name] for name in NAMES if request.get(name)), "")
    try:
        account = topics.parse(named).account
    except ValueError:
        return ""
    if not (len(account) == 12 and account.isdigit()):
        return ""
    if account != call.principal.account and "SubscriptionArn" in request:
        from .subscriptions import Subscription

        try:
            if Subscription.by_arn(call, named).owner == call.principal.account:
                return call.principal.account
        except Fault:
            return ""
    return account


@sns.operation(on=Topic.by_arn)
def add_permission(call: Call, topic: Topic, label: str, aws_account_id: list[str], action_name: list[str]) -> None:
    """Allow some actions on the topic to other accounts, by a statement in its policy."""
    if not label or not aws_account_id or not action_name:
        raise invalid("Label" if not label else "AWSAccountId" if not aws_account_id else "ActionName")
    for action in action_name:
        if action not in GRANTABLE:
            raise invalid("Policy statement action out of service scope!")
    for account in aws_account_id:
        if not re.fullmatch(r"\d{12}", account):
            raise invalid("PolicyPrincipal")
    policy = json.loads(topic.policy(call))
    statements = listed(policy["Statement"])
    if any(statement.get("Sid") == label for statement in statements):
        raise invalid("Statement already exists")
    principals = [f"arn:{call.partition}:iam::{account}:root" for account in aws_account_id]
    actions = [f"SNS:{action}" for action in action_name]
    statement = {
        "Sid": label,
        "Effect": "Allow",
        "Principal": {"AWS": principals[0] if len(principals) == 1 else principals},
        "Action": actions[0] if len(actions) == 1 else actions,
        "Resource": topic.arn(call),
    }
    keep(call, topic, policy | {"Statement": [*statements, statement]})


@sns.operation(on=Topic.by_arn)
def remove_permission(call: Call, topic: Topic, label: str) -> None:
    """Remove the statement with that label, if there is one."""
    policy = json.loads(topic.policy(call))
    statements = [statement for statement in listed(policy["Statement"]) if statement.get("Sid") != label]
    keep(call, topic, policy | {"Statement": statements})


def keep(call: Call, topic: Topic, policy: dict[str, Any]) -> None:
    topic.attributes["Policy"] = json.dumps(policy, separators=(",", ":"))
    topic.put(call)


def listed(statements: Any) -> list[dict[str, Any]]:
    return statements if isinstance(statements, list) else [statements]
