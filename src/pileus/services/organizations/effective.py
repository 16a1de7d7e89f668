"""The effective policy of an account: what it inherits, with what hangs on it."""

from __future__ import annotations

import json
from typing import Any

from pileus.kernel import Call, Fault

from . import organizations
from .attachments import Attachment
from .delegation import Delegate
from .faults import denied, invalid_input, not_all_features
from .merging import merged
from .nodes import ACCOUNT, ancestry, kind_of, node
from .organization import home, organization
from .policies import Policy


@organizations.operation
def describe_effective_policy(call: Call, policy_type: str, target_id: str = "") -> dict[str, Any]:
    """What the management policies of a type come to for an account: the caller's, or one of its organization's."""
    at_home = home(call)
    found = organization(at_home)
    if not found.all_features:
        raise not_all_features()
    target = target_id or call.account
    if kind_of(target) != ACCOUNT:
        raise invalid_input("TARGET_NOT_SUPPORTED", "You specified a target that isn't supported.")
    node(at_home, found, target)
    if target != call.account != found.management and not Delegate.get(at_home, call.account):
        raise denied()
    if policy_type not in found.types:
        raise absent()
    attachments = [
        sorted(Attachment.scan(at_home, node_id, policy_type), key=lambda attachment: attachment.since)
        for node_id in ancestry(at_home, found, target)
    ]
    policies = [[policy for one in level if (policy := Policy.get(at_home, one.policy))] for level in attachments]
    if not any(policies):
        raise absent()
    content = merged([json.loads(policy.content) for policy in level] for level in policies)
    instants = [policy.updated for level in policies for policy in level]
    return {
        "EffectivePolicy": {
            "PolicyContent": json.dumps(content, separators=(",", ":")),
            "LastUpdatedTimestamp": max(instants + [one.since for level in attachments for one in level]),
            "TargetId": target,
            "PolicyType": policy_type,
        }
    }


def absent() -> Fault:
    return Fault(
        "EffectivePolicyNotFoundException",
        "If you ran this action on the management account, this policy type is not enabled. If you ran the action on a "
        "member account, the account doesn't have an effective policy of this type. Contact the administrator of your "
        "organization about attaching a policy of this type to the account.",
    )
