"""Hanging policies on the root, on units and on accounts, and taking them off."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault

from . import organizations
from .attachments import Attachment, attached
from .control import tell_beneath
from .faults import constraint, invalid_input, not_all_features
from .kinds import FULL, KINDS, RCP
from .nodes import arn_of, kind_of, name_of, node
from .organization import INVALID_TOKEN, PAGE, Organization, organization, page
from .policies import Policy, is_aws_managed, policy_named, summary


def enabled(found: Organization, kind: str) -> None:
    if not found.all_features:
        raise not_all_features()
    if kind not in found.types:
        raise Fault(
            "PolicyTypeNotEnabledException",
            "This operation can be performed only for enabled policy types.",
        )


@organizations.operation(on=policy_named)
def attach_policy(call: Call, policy: Policy, target_id: str) -> None:
    """Hang a policy on a root, unit or account; it holds there and for all below at once."""
    found = organization(call)
    node(call, found, target_id)
    enabled(found, policy.type)
    if Attachment.get(call, target_id, policy.type, policy.id):
        raise Fault("DuplicatePolicyAttachmentException", "A policy is already attached to the specified target.")
    if len(attached(call, target_id, policy.type)) >= KINDS[policy.type].most_attached:
        raise constraint(
            "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
            "You have attached the maximum number of policies to the specified target.",
        )
    Attachment(target_id, policy.type, policy.id, call.now).put(call)
    tell_beneath(call, found, target_id, policy.type)


@organizations.operation(on=policy_named)
def detach_policy(call: Call, policy: Policy, target_id: str) -> None:
    """Take a policy off a node, unless it is the last service control policy there."""
    found = organization(call)
    node(call, found, target_id)
    attachment = Attachment.get(call, target_id, policy.type, policy.id)
    if attachment is None:
        raise Fault("PolicyNotAttachedException", "The policy isn't attached to the specified target.")
    if policy.type == RCP and is_aws_managed(policy):
        raise invalid_input("NON_DETACHABLE_POLICY", "You can't detach this policy from the specified target.")
    if policy.type in FULL and len(attached(call, target_id, policy.type)) == 1:
        raise constraint(
            "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
            "You cannot remove the last policy attached to the specified target. "
            "You must have at least one attached at all times.",
        )
    attachment.delete(call)
    tell_beneath(call, found, target_id, policy.type)


@organizations.operation
def list_policies_for_target(
    call: Call,
    target_id: str,
    filter: str,  # noqa: A002
    next_token: str = "",
    max_results: int = PAGE,
) -> dict[str, Any]:
    """The policies of a type that hang on a node itself."""
    found = organization(call)
    node(call, found, target_id)
    policies = [summary(call, found, policy_named(call, one)) for one in attached(call, target_id, filter)]
    return page(call, "Policies", policies, next_token, max_results)


@organizations.operation(on=policy_named)
def list_targets_for_policy(
    call: Call, policy: Policy, next_token: str = "", max_results: int = PAGE
) -> dict[str, Any]:
    """The roots, units and accounts that a policy hangs on."""
    found = organization(call)
    targets = Attachment.page(
        call, policy.id, index="by_policy", limit=max_results, token=next_token, invalid=INVALID_TOKEN
    )
    return {"Targets": [shown(call, found, one.target) for one in targets.items], "NextToken": targets.token}


def shown(call: Call, found: Organization, target: str) -> dict[str, Any]:
    return {
        "TargetId": target,
        "Arn": arn_of(call, found, target),
        "Name": name_of(node(call, found, target)),
        "Type": kind_of(target),
    }
