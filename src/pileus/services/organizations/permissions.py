"""Who may call what: the management account everything; members what concerns themselves, delegated administrators what
only reads, and both whatever the organization's resource policy lets them do.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call
from pileus.kernel.access.actions import lookup
from pileus.kernel.access.attached import Membership
from pileus.kernel.access.target import Target

from . import organizations
from .delegation import Delegate
from .faults import denied
from .handshakes import Handshake
from .nodes import Member, Unit, arn_of
from .organization import Organization
from .policies import Policy, aws_managed
from .policies import arn_of as arn_of_policy
from .resource_policy import ResourcePolicy

OWN = {
    "AcceptHandshake",
    "CancelHandshake",
    "CreateOrganization",
    "DeclineHandshake",
    "DescribeEffectivePolicy",
    "DescribeHandshake",
    "DescribeOrganization",
    "LeaveOrganization",
    "ListHandshakesForAccount",
}
"""What any account may call for itself."""

Members = dict[str, Any]


@organizations.owner
def owner(call: Call, request: Members) -> str:
    """The management account, where the organization lies."""
    if call.operation in OWN:
        return ""
    member = Membership.get(call, call.account)
    return member.management_account if member else ""


@organizations.targets
def targets(call: Call, request: Members) -> list[Target]:
    """What a request is about, and whose it is to decide on it."""
    found = Organization.first(call)
    caller = call.principal.account or call.account
    account, policy = caller, None
    if call.account != caller and not (reads(call.operation) and Delegate.get(call, caller)):
        delegation = ResourcePolicy.first(call)
        if delegation is None:
            raise denied()
        account, policy = call.account, delegation.content
    keys = {"organizations:policytype": (kind,)} if (kind := policy_type(call, request)) else {}
    return [Target(arn, account, policy, tags=tags, keys=keys) for arn, tags in resources(call, found, request)]


def reads(operation: str) -> bool:
    return operation.startswith(("Describe", "List"))


def policy_type(call: Call, request: Members) -> str:
    """The type of policies that a request is about."""
    for member in ("PolicyType", "Type", "Filter"):
        if isinstance(request.get(member), str):
            return str(request[member])
    policy = policy_of(call, request.get("PolicyId") or request.get("ResourceId") or "")
    return policy.type if policy else ""


def policy_of(call: Call, policy_id: str) -> Policy | None:
    managed = (aws_managed("SERVICE_CONTROL_POLICY"), aws_managed("RESOURCE_CONTROL_POLICY"))
    return next((one for one in managed if one and one.id == policy_id), None) or Policy.get(call, policy_id)


def resources(call: Call, found: Organization | None, request: Members) -> list[tuple[str, dict[str, str]]]:
    """ARNs and tags of all that a request names; `*` where its action has no resources, or they are not there."""
    action = lookup(f"organizations:{call.operation}")
    named = [value for name, value in request.items() if name.endswith("Id") and isinstance(value, str)]
    if action is None or not action.kinds:
        return [("*", {})]
    return [one for name in named if (one := resource(call, found, name))] or [("*", {})]


def resource(call: Call, found: Organization | None, name: str) -> tuple[str, dict[str, str]] | None:
    if name.startswith("h-"):
        handshake = Handshake.get(call, name)
        return (handshake.shown(call)["Arn"], {}) if handshake else None
    if found is None:
        return None
    if name.startswith("p-"):
        policy = policy_of(call, name)
        return (arn_of_policy(call, found, policy), policy.tags) if policy else None
    if name.startswith("rp-"):
        return found.arn(call, "resourcepolicy", name), {}
    if name == found.root:
        return arn_of(call, found, name), found.tags
    record = Unit.get(call, name) if name.startswith("ou-") else Member.get(call, name)
    return arn_of(call, found, name), record.tags if record else {}
