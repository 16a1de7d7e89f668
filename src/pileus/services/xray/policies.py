"""Resource policies: which services and accounts may send traces to the account."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.access.enforcement import check as check_access
from pileus.kernel.access.grammar import Malformed, check
from pileus.kernel.access.standing import standing
from pileus.kernel.access.target import Target

from . import xray

MOST = 5
LARGEST = 5 * 1024


class Policy(Record):
    name: str
    document: str
    revision: int
    updated: float

    def shown(self) -> dict[str, Any]:
        return {
            "PolicyName": self.name,
            "PolicyDocument": self.document,
            "PolicyRevisionId": str(self.revision),
            "LastUpdatedTime": self.updated,
        }


@xray.operation
def put_resource_policy(
    call: Call,
    policy_name: str,
    policy_document: str,
    policy_revision_id: str = "",
    bypass_policy_lockout_check: bool = False,
) -> dict[str, Any]:
    """Make a policy or replace it. With a revision only that one is replaced; with "0" there may be none yet."""
    old = Policy.get(call, policy_name)
    if len(policy_document.encode()) > LARGEST:
        raise Fault("PolicySizeLimitExceededException", f"The policy is larger than {LARGEST} bytes.")
    try:
        check(policy_document, "resource")
    except Malformed as malformed:
        raise Fault("MalformedPolicyDocumentException", malformed.reason) from None
    check_revision(old, policy_revision_id)
    if not bypass_policy_lockout_check:
        check_lockout(call, policy_name, policy_document)
    if old is None and len(list(Policy.scan(call, limit=MOST))) == MOST:
        raise Fault("PolicyCountLimitExceededException", f"The limit of {MOST} resource policies is reached.")
    made = Policy(policy_name, policy_document, old.revision + 1 if old else 1, call.now).put(call)
    return {"ResourcePolicy": made.shown()}


def check_lockout(call: Call, name: str, document: str) -> None:
    """Raise where the policy would keep its author from putting another one."""
    target = Target(call.arn(f"resource-policy/{name}"), call.account, document)
    try:
        check_access(call, standing(call), None, "xray:PutResourcePolicy", target, {})
    except Fault:
        raise Fault(
            "LockoutPreventionException",
            "The provided resource policy would prevent the caller from updating the policy in the future.",
        ) from None


def check_revision(policy: Policy | None, revision: str) -> None:
    if revision and revision != str(policy.revision if policy else 0):
        raise Fault("InvalidPolicyRevisionIdException", "The revision is not that of the present policy.")


@xray.operation
def list_resource_policies(call: Call, next_token: str = "") -> dict[str, Any]:
    return {"ResourcePolicies": [policy.shown() for policy in Policy.scan(call)]}


@xray.operation
def delete_resource_policy(call: Call, policy_name: str, policy_revision_id: str = "") -> None:
    policy = Policy.get(call, policy_name)
    check_revision(policy, policy_revision_id)
    if policy:
        policy.delete(call)
