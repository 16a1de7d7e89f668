"""Resource policies of tables."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault
from pileus.kernel.access import grammar
from pileus.kernel.access.enforcement import decided
from pileus.kernel.access.standing import standing
from pileus.kernel.access.target import Target

from . import dynamodb, faults
from .creating import revision
from .tables import Table
from .tags import tagged

LONGEST = 20_480
NO_POLICY = "NO_POLICY"


@dynamodb.operation(on=tagged)
def put_resource_policy(
    call: Call,
    table: Table,
    policy: str,
    expected_revision_id: str = "",
    confirm_remove_self_resource_access: bool = False,
) -> dict[str, Any]:
    """Attach a policy to a table, in place of the one that it had."""
    check_revision(table, expected_revision_id)
    check_text(policy)
    if not confirm_remove_self_resource_access:
        check_not_locked_out(call, table, policy)
    if table.policy != policy:
        table.policy, table.policy_revision = policy, next_revision(call, table)
        table.put(call)
    return {"RevisionId": table.policy_revision}


def check_text(policy: str) -> None:
    """Refuse what is no policy of a resource."""
    try:
        grammar.check(policy, "resource")
    except grammar.Malformed as malformed:
        raise faults.invalid(f"Resource policy document is malformed: {malformed.reason}") from None
    if len(policy.encode()) > LONGEST:
        raise Fault("LimitExceededException", f"Resource policy document exceeds the limit of {LONGEST} bytes")


def check_not_locked_out(call: Call, table: Table, policy: str) -> None:
    """Nobody takes the right to change a policy from themselves without saying that they know."""
    target = Target(table.arn(call), call.account, policy, tags=table.tags)
    decision, _, _ = decided(call, standing(call), None, "dynamodb:PutResourcePolicy", target, {})
    if not decision.allowed:
        raise faults.invalid(
            "The resource policy would remove your own permission to change it in the future. "
            "Set ConfirmRemoveSelfResourceAccess to confirm that."
        )


def next_revision(call: Call, table: Table) -> str:
    new = revision(call)
    return new if new != table.policy_revision else str(int(new) + 1)


@dynamodb.operation(on=tagged)
def get_resource_policy(call: Call, table: Table) -> dict[str, Any]:
    """The policy of a table."""
    if not table.policy:
        raise no_policy(table)
    return {"Policy": table.policy, "RevisionId": table.policy_revision}


@dynamodb.operation(on=tagged)
def delete_resource_policy(call: Call, table: Table, expected_revision_id: str = "") -> dict[str, Any]:
    """Detach a table's policy; repeating it is no error."""
    check_revision(table, expected_revision_id)
    before = table.policy_revision
    if not table.policy:
        return {}
    table.policy = table.policy_revision = ""
    table.put(call)
    return {"RevisionId": before}


def no_policy(table: Table) -> Fault:
    return Fault(
        "PolicyNotFoundException", f"Resource-based policy not found for the provided ResourceArn: {table.name}"
    )


def check_revision(table: Table, expected: str) -> None:
    if not expected:
        return
    if expected == NO_POLICY and table.policy:
        raise Fault("PolicyNotFoundException", "A resource-based policy is already attached to the resource")
    if expected not in (NO_POLICY, table.policy_revision):
        raise Fault("PolicyNotFoundException", "The provided ExpectedRevisionId does not match the current RevisionId")
