"""What a schedule may be: its expression, its window, its target, and the role as which it is called."""

from __future__ import annotations

import json
from typing import Any

from pileus.kernel import Arn, Call, Fault, arn, identity, roles, schedules, universal

from . import faults

UNIVERSAL = "aws-sdk:"
WANT_JSON = ("lambda", "states", "events")
MOST_INPUT = 262_144


def check(
    call: Call,
    expression: str,
    zone: str,
    window: dict[str, Any],
    target: dict[str, Any],
    start: float | None,
    end: float | None,
) -> None:
    check_expression(expression, zone)
    check_window(window)
    if start is not None and end is not None and start >= end:
        raise faults.validation("The StartDate you specify must come before the EndDate.")
    if end is not None and end <= call.now:
        raise faults.validation("The EndDate you specify must come after the current time.")
    check_target(target)
    check_role(call, target["RoleArn"])


def check_expression(expression: str, zone: str) -> None:
    try:
        schedules.zone_named(zone)
    except ValueError:
        raise faults.validation(f"Invalid ScheduleExpressionTimezone {zone}.") from None
    try:
        schedules.parse(expression, zone)
    except ValueError:
        raise faults.validation(f"Invalid Schedule Expression {expression}.") from None


def check_window(window: dict[str, Any]) -> None:
    flexible = window["Mode"] == "FLEXIBLE"
    if flexible and "MaximumWindowInMinutes" not in window:
        raise faults.validation("MaximumWindowInMinutes is required when the FlexibleTimeWindow mode is FLEXIBLE.")
    if not flexible and "MaximumWindowInMinutes" in window:
        raise faults.validation("MaximumWindowInMinutes must not be set when the FlexibleTimeWindow mode is OFF.")


def check_target(target: dict[str, Any]) -> None:
    try:
        to = arn.parse(target["Arn"])
    except ValueError:
        raise faults.validation("Provided Arn is not in correct format.") from None
    text = target.get("Input", "")
    if len(text.encode()) > MOST_INPUT:
        raise faults.validation("The Input of the target is larger than 256 KB.")
    if is_universal(to):
        check_operation(to, text)
        return
    if to.service in WANT_JSON and text:
        check_json(text)
    for service, block in (
        ("events", "EventBridgeParameters"),
        ("ecs", "EcsParameters"),
        ("kinesis", "KinesisParameters"),
    ):
        if to.service == service and block not in target:
            raise faults.validation(f"{block} are required for target {target['Arn']}.")
    if (
        to.service == "sqs"
        and to.resource.endswith(".fifo")
        and not target.get("SqsParameters", {}).get("MessageGroupId")
    ):
        raise faults.validation("MessageGroupId is required for FIFO queues.")


def is_universal(to: Arn) -> bool:
    return to.service == "scheduler" and to.resource.startswith(UNIVERSAL)


def check_operation(to: Arn, text: str) -> None:
    service, _, action = to.resource.removeprefix(UNIVERSAL).partition(":")
    try:
        universal.operation_of(service, action)
    except LookupError:
        raise faults.validation(f"Provided Arn is not a supported universal target: {to}.") from None
    if universal.only_reads(action):
        raise faults.validation(f"{action} is not a supported API action for universal targets.")
    if text:
        check_json(text)


def check_json(text: str) -> None:
    try:
        json.loads(text)
    except ValueError:
        raise faults.validation("Invalid RequestJson provided. Reason The Input is not well-formed JSON.") from None


def check_role(call: Call, role: str) -> None:
    try:
        roles.taken_on(call, role, "check", identity.service("scheduler.amazonaws.com", source_account=call.account))
    except Fault:
        words = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."
        raise faults.validation(words) from None
