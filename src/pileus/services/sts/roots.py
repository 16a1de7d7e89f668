"""Sessions as the root of a member account, for one of the tasks that AWS has policies for."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, identity
from pileus.kernel.access.attached import EVERYTHING, Membership, managed
from pileus.kernel.identity import service

from . import sts
from .sessions import invalid, issue
from .trust import root_of

LONGEST = 900
TASKS = ":iam::aws:policy/root-task/"


@sts.operation
def assume_root(
    call: Call,
    target_principal: str,
    task_policy_arn: dict[str, str],
    duration_seconds: int = LONGEST,
    minimum_session_token_size: int = 0,
) -> dict[str, Any]:
    """Temporary credentials of a member account's root, which let nothing be done but the task."""
    caller = call.principal
    if caller.type == "Root":
        raise denied(call, target_principal)
    task = task_policy_arn.get("arn", "")
    if TASKS not in task or managed(call, task) is None:
        raise invalid(f"{task} is not a task policy that AssumeRoot takes")
    account = root_of(call, target_principal).split(":")[4]
    member, own = Membership.get(call, account), Membership.get(call, call.account)
    if member is None or own is None or member.organization != own.organization or member.management:
        raise denied(call, target_principal)
    if "RootSessions" not in enabled_features(call):
        raise denied(call, target_principal)
    root = identity.root(account, partition=call.partition)
    source = caller.session.get("source_identity", "")
    # The policies of the tasks only deny all that is not the task's.
    session = {"policy": EVERYTHING, "policy_arns": [task], "assumed_root": True} | (
        {"source_identity": source} if source else {}
    )
    principal = identity.Principal(root.type, account, root.arn, root.user_id, session=session)
    answer = issue(call, principal, duration_seconds or LONGEST, minimum_session_token_size)
    return answer | ({"SourceIdentity": source} if source else {})


def enabled_features(call: Call) -> list[str]:
    """What the organization lets the caller's account do with the roots of others."""
    iam = call.aws("iam", principal=service("pileus.amazonaws.com"))
    try:
        return list(iam.list_organizations_features()["EnabledFeatures"])
    except Fault:
        return []


def denied(call: Call, target: str) -> Fault:
    return Fault(
        "AccessDenied",
        f"User: {call.principal.arn} is not authorized to perform: sts:AssumeRoot on resource: {root_of(call, target)}",
    )
