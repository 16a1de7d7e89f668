"""Policies: the organization's own, and AWS's that allow everything."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, names
from pileus.kernel.access.attached import FULL as FULL_DOCUMENTS
from pileus.kernel.access.attached import ControlPolicy
from pileus.kernel.record import Record

from . import organizations
from .attachments import Attachment
from .faults import constraint, invalid_input
from .kinds import FULL, KINDS, POLICIES_OF_A_KIND, check
from .organization import INVALID_TOKEN, PAGE, Organization, organization
from .tags import given


class Policy(Record, scope="account", indexes={"by_name": ("type", "name")}):
    """A policy that the organization wrote."""

    id: str
    """`p-…`"""
    type: str
    name: str
    description: str
    content: str
    updated: float
    tags: dict[str, str] = {}


def aws_managed(kind: str) -> Policy | None:
    """AWS's own policy of that type, which is in no store."""
    if kind not in FULL:
        return None
    name = FULL[kind].removeprefix("p-")
    resources = "resource" if kind.startswith("RESOURCE") else "operation"
    return Policy(FULL[kind], kind, name, f"Allows access to every {resources}", FULL_DOCUMENTS[FULL[kind]], 0.0)


def is_aws_managed(policy: Policy) -> bool:
    return policy.id in FULL.values()


def policy_named(call: Call, policy_id: str) -> Policy:
    """The policy of that id."""
    organization(call)
    for kind, full in FULL.items():
        if policy_id == full and (managed := aws_managed(kind)):
            return managed
    if found := Policy.get(call, policy_id):
        return found
    raise Fault("PolicyNotFoundException", "You specified a policy that doesn't exist.")


def own_policy(call: Call, policy_id: str) -> Policy:
    """A policy that the organization may change."""
    found = policy_named(call, policy_id)
    if is_aws_managed(found):
        raise invalid_input("IMMUTABLE_POLICY", "You specified a policy that is managed by AWS and can't be modified.")
    return found


@organizations.operation
def create_policy(
    call: Call,
    content: str,
    description: str,
    name: str,
    type: str,  # noqa: A002
    tags: list[dict[str, str]] = [],
) -> dict[str, Any]:
    """A new policy, which has no effect before it is attached."""
    found = organization(call)
    if not found.all_features:
        raise Fault(
            "PolicyTypeNotAvailableForOrganizationException",
            "You can't use the specified policy type with the feature set currently enabled for this organization.",
        )
    check_content(type, content)
    check_name(call, type, name)
    held = given(tags)
    found.one_more(
        call, type, POLICIES_OF_A_KIND, "POLICY_NUMBER_LIMIT_EXCEEDED", "You have exceeded the number of policies."
    )
    policy = Policy("p-" + names.token(8, names.LOWER), type, name, description, content, call.now, held)
    write(call, policy)
    return {"Policy": whole(call, found, policy)}


@organizations.operation(on=policy_named)
def describe_policy(call: Call, policy: Policy) -> dict[str, Any]:
    return {"Policy": whole(call, organization(call), policy)}


@organizations.operation(on=own_policy)
def update_policy(
    call: Call, policy: Policy, name: str = "", description: str | None = None, content: str = ""
) -> dict[str, Any]:
    """Change a policy; wherever it is attached, the change holds at once."""
    if name and name != policy.name:
        check_name(call, policy.type, name)
        policy.name = name
    if content:
        check_content(policy.type, content)
        policy.content = content
    policy.description = policy.description if description is None else description
    policy.updated = call.now
    write(call, policy)
    return {"Policy": whole(call, organization(call), policy)}


@organizations.operation(on=own_policy)
def delete_policy(call: Call, policy: Policy) -> None:
    """Delete a policy that is attached nowhere."""
    if Attachment.first(call, policy.id, index="by_policy"):
        raise Fault(
            "PolicyInUseException",
            "The policy is attached to one or more entities. You must detach it from all roots, organizational units, "
            "and accounts before performing this operation.",
        )
    policy.delete(call)
    if control := ControlPolicy.get(call, policy.id):
        control.delete(call)
    organization(call).one_less(call, policy.type)


@organizations.operation
def list_policies(
    call: Call,
    filter: str,  # noqa: A002
    next_token: str = "",
    max_results: int = PAGE,
) -> dict[str, Any]:
    """The policies of a type, AWS's own first."""
    found = organization(call)
    managed = aws_managed(filter) if not next_token and found.all_features else None
    page = Policy.page(
        call,
        filter,
        index="by_name",
        limit=max_results - (1 if managed else 0),
        token=next_token,
        invalid=INVALID_TOKEN,
    )
    policies = [*([managed] if managed else []), *page.items]
    return {"Policies": [summary(call, found, policy) for policy in policies], "NextToken": page.token}


def check_content(kind: str, content: str) -> None:
    if kind not in KINDS:
        raise invalid_input("INVALID_ENUM_POLICY_TYPE", "You specified an invalid policy type.")
    if len(content.encode()) > KINDS[kind].most_bytes:
        raise constraint(
            "POLICY_CONTENT_LIMIT_EXCEEDED", "You attempted to create a policy that is larger than the maximum size."
        )
    check(kind, content)


def check_name(call: Call, kind: str, name: str) -> None:
    managed = aws_managed(kind)
    if Policy.first(call, kind, name, index="by_name") or (managed and managed.name == name):
        raise Fault("DuplicatePolicyException", "A policy with the same name already exists.")


def write(call: Call, policy: Policy) -> None:
    """Store a policy, and tell the access decision of those that it reads."""
    policy.put(call)
    if policy.type in FULL:
        ControlPolicy(policy.id, policy.content).put(call)


def summary(call: Call, found: Organization, policy: Policy) -> dict[str, Any]:
    return {
        "Id": policy.id,
        "Arn": arn_of(call, found, policy),
        "Name": policy.name,
        "Description": policy.description,
        "Type": policy.type,
        "AwsManaged": is_aws_managed(policy),
    }


def arn_of(call: Call, found: Organization, policy: Policy) -> str:
    kind = policy.type.lower()
    if is_aws_managed(policy):
        return f"arn:{call.partition}:organizations::aws:policy/{kind}/{policy.id}"
    return found.arn(call, "policy", kind, policy.id)


def whole(call: Call, found: Organization, policy: Policy) -> dict[str, Any]:
    return {"PolicySummary": summary(call, found, policy), "Content": policy.content}
