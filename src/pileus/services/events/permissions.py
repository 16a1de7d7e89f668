"""Who may send events to a bus, or do more with it: its policy, as a whole or statement by statement."""

from __future__ import annotations

import json
from typing import Any

from pileus.kernel import Call, Fault, arn
from pileus.kernel.access import grammar
from pileus.kernel.access.target import Target

from . import buses, events, faults
from .buses import DEFAULT, Bus

LONGEST = 10_240


@events.owner
def owner(call: Call, request: dict[str, Any]) -> str:
    """The account whose bus an ARN in the request names."""
    named = request.get("EventBusName") or (request.get("Name") if call.operation == "DescribeEventBus" else "") or ""
    named = named if isinstance(named, str) and named.startswith("arn:") else request.get("ResourceARN") or ""
    try:
        account = arn.parse(named).account
    except ValueError:
        return ""
    return account if len(account) == 12 and account.isdigit() else ""


@events.targets(root=False)
def targets(call: Call, request: dict[str, Any]) -> list[Target] | None:
    """The buses of the entries of PutEvents.

    Services tell an account's own bus what happens in the account, and make rules there that they manage.
    """
    if call.principal.type == "AWSService":
        return []
    if call.operation in ON_RULES:
        return [rule_target(call, request)]
    if call.operation != "PutEvents":
        return None
    named = {entry.get("EventBusName") or DEFAULT for entry in request.get("Entries", ())}
    return [target(call, name) for name in sorted(named)]


ON_RULES = {
    "DeleteRule": "Name",
    "DescribeRule": "Name",
    "DisableRule": "Name",
    "EnableRule": "Name",
    "ListTargetsByRule": "Rule",
    "PutRule": "Name",
    "PutTargets": "Rule",
    "RemoveTargets": "Rule",
}
"""Operations on rules, and the member that names one."""


def rule_target(call: Call, request: dict[str, Any]) -> Target:
    """A rule as the access decision sees it; its bus's policy counts."""
    named = request.get("EventBusName") or DEFAULT
    bus = target(call, named)
    name, where = request[ON_RULES[call.operation]], buses.name_of(named)
    resource = f"rule/{name}" if where == DEFAULT else f"rule/{where}/{name}"
    return bus._replace(arn=bus.arn.replace(f"event-bus/{where}", resource), tags={})


def target(call: Call, name_or_arn: str) -> Target:
    """A bus as the access decision sees it."""
    there = buses.at(call, name_or_arn)
    name = buses.name_of(name_or_arn)
    bus = Bus.get(there, name)
    whole = f"arn:{there.partition}:events:{there.region}:{there.account}:event-bus/{name}"
    return Target(whole, there.account, bus.policy if bus else "", tags=bus.tags if bus else {})


@events.operation
def put_permission(
    call: Call,
    event_bus_name: str = DEFAULT,
    action: str = "",
    principal: str = "",
    statement_id: str = "",
    condition: dict[str, str] = {},
    policy: str = "",
) -> None:
    """Let another account, an organization or everybody send events; or set the policy as a whole."""
    bus = buses.found_or_fault(call, event_bus_name)
    if policy:
        if action or principal or statement_id or condition:
            raise faults.validation("Parameter Policy can't be combined with other parameters.")
        document = checked(policy)
    else:
        document = added(call, bus, action, principal, statement_id, condition)
    text = json.dumps(document, separators=(",", ":"))
    if len(text) > LONGEST:
        raise Fault("PolicyLengthExceededException", "The event bus policy has exceeded the maximum size")
    bus.policy = text
    bus.modified = call.now
    bus.put(call)


def checked(policy: str) -> dict[str, Any]:
    try:
        return grammar.check(policy, "resource")
    except grammar.Malformed as error:
        raise faults.validation(f"Policy document is not valid: {error.reason}") from None


def added(
    call: Call, bus: Bus, action: str, principal: str, statement_id: str, condition: dict[str, str]
) -> dict[str, Any]:
    for name, value in (("Action", action), ("Principal", principal), ("StatementId", statement_id)):
        if not value:
            raise faults.validation(f"Parameter {name} must be specified.")
    if action != "events:PutEvents":
        raise faults.validation("Provided value in parameter 'action' is not supported.")
    statement: dict[str, Any] = {
        "Sid": statement_id,
        "Effect": "Allow",
        "Principal": "*" if principal == "*" else {"AWS": f"arn:{call.partition}:iam::{principal}:root"},
        "Action": action,
        "Resource": bus.arn(call),
    }
    if condition:
        statement["Condition"] = {condition["Type"]: {condition["Key"]: condition["Value"]}}
    rest = [one for one in statements(bus) if one.get("Sid") != statement_id]
    return {"Version": "2012-10-17", "Statement": [*rest, statement]}


def statements(bus: Bus) -> list[dict[str, Any]]:
    held = json.loads(bus.policy)["Statement"] if bus.policy else []
    return held if isinstance(held, list) else [held]


@events.operation
def remove_permission(
    call: Call, statement_id: str = "", remove_all_permissions: bool = False, event_bus_name: str = DEFAULT
) -> None:
    """Take away a statement, or the whole policy."""
    bus = buses.found_or_fault(call, event_bus_name)
    if remove_all_permissions:
        rest = []
    else:
        if not bus.policy:
            raise Fault("ResourceNotFoundException", "EventBus does not have a policy.")
        rest = [one for one in statements(bus) if one.get("Sid") != statement_id]
        if len(rest) == len(statements(bus)):
            words = "Statement with the provided id does not exist."
            raise Fault("ResourceNotFoundException", words)
    document = {"Version": "2012-10-17", "Statement": rest}
    bus.policy = json.dumps(document, separators=(",", ":")) if rest else ""
    bus.modified = call.now
    bus.put(call)
