"""Calling the targets of rules: what EventBridge adds to the ways that all targets have (`pileus.kernel.targets`)."""

from __future__ import annotations

import json
from typing import Any

from pileus.kernel import Call, Fault, Principal, arn, identity, names, roles, targets, templates
from pileus.kernel.access.enforcement import authorize
from pileus.kernel.targets import Failed, Sending

from . import buses, permissions, transforming
from .buses import Bus
from .rules import Rule
from .targets import Target

MOST_HOPS = 8
INPUTS = ("Input", "InputPath", "InputTransformer")


async def invoke(call: Call, rule: Rule, target: Target, event: dict[str, Any], accounts: tuple[str, ...] = ()) -> None:
    """Call a target; `Failed` where it does not take the event. `accounts` are those that it has passed through."""
    to = arn.parse(target["Arn"])
    kind = targets.kind_of(to)
    sending = Sending(
        call,
        to,
        transforming.text_for(call, rule, target, event),
        with_partition_key(target, event),
        acting(call, rule, target, kind),
        event["id"],
        given=any(name in target for name in INPUTS),
    )
    ways: dict[str, targets.Way] = {
        **targets.WAYS,
        "schemas": lambda sending: to_discoverer(sending, event),
        "event-bus": lambda sending: to_bus(sending, event, accounts),
        "target": to_ec2,
    }
    if kind == "logs" and "InputTransformer" not in target:
        sending = sending._replace(given=False)
    await targets.invoke(sending, ways)


def with_partition_key(target: Target, event: dict[str, Any]) -> Target:
    path = target.get("KinesisParameters", {}).get("PartitionKeyPath")
    return target | {"KinesisParameters": {"PartitionKey": str(templates.at(path, event))}} if path else target


def acting(call: Call, rule: Rule, target: Target, kind: str) -> Principal:
    """As whom the target is called: the role that is named for it, or EventBridge; to other buses, the account."""
    service = identity.service("events.amazonaws.com", rule.arn(call), call.account)
    role = target.get("RoleArn") or rule.role
    if kind == "schemas":
        return identity.service("schemas.amazonaws.com", rule.arn(call), call.account)
    if not role:
        return identity.root(call.account) if kind == "event-bus" else service
    with call.transaction():
        return roles.taken_on(call, role, names.token(16, names.HEX), service)


def to_bus(sending: Sending, event: dict[str, Any], accounts: tuple[str, ...]) -> None:
    """To another bus goes the event as it is.

    It does not leave a second account for a third (User Guide, "Sending and receiving events between AWS accounts").
    """
    from .publishing import accept

    call, to = sending.call, sending.to
    passed = (*accounts, call.account)
    crossings = sum(one != other for one, other in zip(passed, (*passed[1:], to.account), strict=True))
    if crossings > 1 or len(passed) > MOST_HOPS:
        return
    there = call.at(account=to.account, region=to.region)
    authorize(call.at(principal=sending.principal), "events:PutEvents", permissions.target(call, str(to)))
    with call.transaction():
        accept(there, Bus.named(there, buses.name_of(str(to))), event, accounts=passed)


EC2 = {
    "create-snapshot": ("create_snapshot", "volume_id"),
    "reboot-instance": ("reboot_instances", "instance_ids"),
    "stop-instance": ("stop_instances", "instance_ids"),
    "terminate-instance": ("terminate_instances", "instance_ids"),
}
"""EventBridge's own targets: operations, and the member that says of what."""


def to_ec2(sending: Sending) -> Any:
    """Do something to an instance or a volume, whose id or ARN is the input (User Guide, "Built-in targets")."""
    name = sending.to.resource.partition("/")[2]
    what = sending.document()
    if name not in EC2 or not isinstance(what, str):
        raise Failed("INVALID_PARAMETER", f"{sending.to} needs the id of what it is about", final=True)
    operation, member = EC2[name]
    which = what.rpartition("/")[2]
    with sending.call.transaction():
        ec2 = getattr(sending.aws("ec2"), operation)
        return ec2(**{member: [which] if member.endswith("s") else which})


def to_discoverer(sending: Sending, event: dict[str, Any]) -> None:
    """Keep what the event looks like in the registry of discoveries, as a new version where it looks different."""
    schemas = sending.aws("schemas", at_owner=True)
    name = f"{event['source']}@{event['detail-type'].replace(' ', '')}"
    registry = "discovered-schemas"
    with sending.call.transaction():
        content = schemas.get_discovered_schema(events=[json.dumps(event)], type="OpenApi3")["Content"]
        try:
            schemas.update_schema(registry_name=registry, schema_name=name, content=content, type="OpenApi3")
        except Fault as fault:
            if fault.code != "NotFoundException":
                raise
            schemas.create_schema(registry_name=registry, schema_name=name, content=content, type="OpenApi3")
