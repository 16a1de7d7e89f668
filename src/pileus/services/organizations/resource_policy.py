"""The organization's resource policy, by which it lets member accounts administer its policies."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, names
from pileus.kernel.access import grammar
from pileus.kernel.record import Record

from . import organizations
from .faults import invalid_input, not_all_features
from .organization import Organization, organization
from .tags import given


class ResourcePolicy(Record, scope="account"):
    """The one policy of an organization."""

    id: str
    """`rp-…`"""
    content: str
    tags: dict[str, str] = {}


def policy_of(call: Call) -> ResourcePolicy:
    organization(call)
    if found := ResourcePolicy.first(call):
        return found
    raise Fault("ResourcePolicyNotFoundException", "We can't find a resource policy request with the parameter.")


@organizations.operation
def put_resource_policy(call: Call, content: str, tags: list[dict[str, str]] = []) -> dict[str, Any]:
    """Say which member accounts may do what with the organization, in place of what was said before."""
    found = organization(call)
    if not found.all_features:
        raise not_all_features()
    check(content)
    policy = ResourcePolicy.first(call)
    if policy is None:
        policy = ResourcePolicy("rp-" + names.token(8, names.LOWER), content, given(tags))
    elif tags:
        raise invalid_input(
            "UPDATE_EXISTING_RESOURCE_POLICY_WITH_TAGS_NOT_SUPPORTED",
            "You can't add tags to an existing resource policy. Use TagResource.",
        )
    policy.content = content
    policy.put(call)
    return {"ResourcePolicy": shown(call, found, policy)}


@organizations.operation
def describe_resource_policy(call: Call) -> dict[str, Any]:
    return {"ResourcePolicy": shown(call, organization(call), policy_of(call))}


@organizations.operation
def delete_resource_policy(call: Call) -> None:
    policy_of(call).delete(call)


def check(content: str) -> None:
    """Refuse what is no policy, or speaks of other services."""
    try:
        document = grammar.check(content, "resource")
    except grammar.Malformed:
        raise invalid_input("INVALID_RESOURCE_POLICY_JSON", "The provided policy document isn't valid.") from None
    for statement in grammar.statements(document):
        actions = grammar.listed(statement.get("Action", []))
        if not actions or not all(action.lower().startswith("organizations:") for action in actions):
            raise invalid_input(
                "UNSUPPORTED_ACTION_IN_RESOURCE_POLICY", "The provided policy document contains an unsupported action."
            )


def shown(call: Call, found: Organization, policy: ResourcePolicy) -> dict[str, Any]:
    return {
        "ResourcePolicySummary": {"Id": policy.id, "Arn": found.arn(call, "resourcepolicy", policy.id)},
        "Content": policy.content,
    }
