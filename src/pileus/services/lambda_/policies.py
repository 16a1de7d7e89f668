"""Resource policies as a whole: put, read and deleted for a function, a version or an alias."""

from __future__ import annotations

import json
from typing import Any

from pileus.kernel import Call, Fault, names

from . import faults, lambda_
from .permissions import MOST_BYTES, Statement, document
from .qualifiers import Meant

Members = dict[str, Any]


def of_policy(call: Call, resource_arn: str) -> Meant:
    """What an ARN names that can have a policy."""
    if ":function:" not in resource_arn:
        raise faults.none_such(f"The resource you requested does not exist: {resource_arn}")
    return Meant.by_name(call, resource_arn)


@lambda_.operation(on=of_policy)
def put_resource_policy(call: Call, meant: Meant, policy: str, revision_id: str = "") -> Members:
    """Replace the policy, whatever AddPermission has put into it."""
    statements = parsed(policy, meant.arn(call))
    function = meant.function
    faults.check_revision(revision_id, function.policy_revisions.get(meant.qualifier, ""))
    function.policies[meant.qualifier] = statements
    function.policy_revisions[meant.qualifier] = names.uuid4()
    function.put(call)
    return {"Policy": document(statements), "RevisionId": function.policy_revisions[meant.qualifier]}


@lambda_.operation(on=of_policy)
def get_resource_policy(call: Call, meant: Meant) -> Members:
    statements = existing(meant)
    return {"Policy": document(statements), "RevisionId": meant.function.policy_revisions[meant.qualifier]}


@lambda_.operation(on=of_policy)
def delete_resource_policy(call: Call, meant: Meant, revision_id: str = "") -> None:
    existing(meant)
    function = meant.function
    faults.check_revision(revision_id, function.policy_revisions[meant.qualifier])
    del function.policies[meant.qualifier], function.policy_revisions[meant.qualifier]
    function.put(call)


def existing(meant: Meant) -> list[Statement]:
    if statements := meant.function.policies.get(meant.qualifier):
        return statements
    raise faults.none_such("The resource you requested does not exist.")


def parsed(policy: str, resource: str) -> list[Statement]:
    """The statements of a policy that is one, for this resource alone."""
    try:
        found = json.loads(policy)
        statements = found["Statement"]
        statements = [statements] if isinstance(statements, dict) else list(statements)
    except (ValueError, KeyError, TypeError):
        raise faults.invalid("The policy is not a valid policy document.") from None
    if not statements:
        raise faults.invalid("The policy must have at least one statement.")
    for at, statement in enumerate(statements):
        check(statement, resource)
        statement.setdefault("Sid", f"statement-{at}")
    if len(document(statements)) > MOST_BYTES:
        raise Fault(
            "PolicyLengthExceededException",
            f"The final policy size ({len(document(statements))}) is bigger than the limit ({MOST_BYTES}).",
            Type="User",
        )
    return statements


def check(statement: Any, resource: str) -> None:
    if not isinstance(statement, dict) or statement.get("Effect") not in ("Allow", "Deny"):
        raise faults.invalid("Each statement of the policy must have an Effect of Allow or Deny.")
    if "Principal" not in statement or not {"Action", "NotAction"} & statement.keys():
        raise faults.invalid("Each statement of the policy must have a Principal and an Action.")
    actions = statement.get("Action", [])
    for action in [actions] if isinstance(actions, str) else actions:
        if action != "*" and not str(action).startswith("lambda:"):
            raise faults.invalid(f"The action {action} is not one of Lambda.")
    resources = statement.get("Resource", resource)
    if any(one != resource for one in ([resources] if isinstance(resources, str) else resources)):
        raise faults.invalid("The Resource of each statement must be the resource of the policy.")
    public = statement["Principal"] in ("*", {"AWS": "*"}) and statement["Effect"] == "Allow"
    if public and not statement.get("Condition") and actions != "lambda:InvokeFunctionUrl":
        raise Fault("PublicPolicyException", "The policy would let everybody in.", status=400)
