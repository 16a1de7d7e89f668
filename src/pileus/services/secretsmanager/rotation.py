"""Rotation: a function gives the secret a new version in four steps, now and then by a schedule.

A rotation whose function is not there stops at its first step; the version that it began stays AWSPENDING, and the
record says why in `rotation_error`. Left out: rotation without a function, which AWS has for secrets that its services
own.
"""

from __future__ import annotations

import json
from collections.abc import Coroutine
from typing import Any

from pileus.kernel import Call, Fault, Unfinished, identity, names

from . import faults, schedules, secretsmanager
from .secrets import Secret, keep, primary
from .versions import CURRENT, PENDING, Version, move

STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")


def asking(
    call: Call,
    secret: Secret,
    client_request_token: str = "",
    rotation_lambda_arn: str = "",
    rotation_rules: dict[str, Any] = {},
    rotate_immediately: bool = True,
) -> Coroutine[Any, Any, None] | None:
    """Whether the function lets the service in is asked before anything is set."""
    function = rotation_lambda_arn or secret.rotation_function
    return asked(call, secret, function) if function else None


async def asked(call: Call, secret: Secret, function: str) -> None:
    try:
        await invocation(call, secret, function_name=function, invocation_type="DryRun")
    except Fault as fault:
        if fault.code.startswith("AccessDenied"):
            raise faults.not_let_in() from None


@secretsmanager.operation(on=primary, ahead=asking)
def rotate_secret(
    call: Call,
    secret: Secret,
    client_request_token: str = "",
    rotation_lambda_arn: str = "",
    rotation_rules: dict[str, Any] = {},
    rotate_immediately: bool = True,
) -> dict[str, Any]:
    """Set how a secret rotates, and rotate it at once, unless only the function's test step is wanted now."""
    function = rotation_lambda_arn or secret.rotation_function
    if not function:
        raise faults.request("No Lambda rotation function ARN is associated with this secret.")
    if rotation_rules:
        check_rules(call, rotation_rules)
        secret.rotation_rules = rotation_rules
    elif not secret.rotation_rules:
        raise faults.parameter("RotationRules is required to turn on rotation.")
    token = client_request_token or names.uuid4()
    check_nothing_pending(call, secret, token)
    secret.rotation_function = function
    secret.rotating = True
    keep(call, secret)
    await_rotation(call, secret)
    if not rotate_immediately:
        step.later(call, name=secret.name, token=token, number=2, only=True)
        return secret.named(call)
    begin(call, secret, token)
    return secret.named(call) | {"VersionId": token}


@secretsmanager.operation(on=primary)
def cancel_rotate_secret(call: Call, secret: Secret) -> dict[str, Any]:
    """Rotate a secret no more by itself. A version that a rotation has begun keeps its stage."""
    secret.rotating = False
    secret.next_rotation = None
    keep(call, secret)
    waiting = pending(call, secret)
    return secret.named(call) | ({"VersionId": waiting.id} if waiting else {})


def check_rules(call: Call, rules: dict[str, Any]) -> None:
    if ("AutomaticallyAfterDays" in rules) == ("ScheduleExpression" in rules):
        raise faults.parameter("Specify either AutomaticallyAfterDays or ScheduleExpression in RotationRules.")
    try:
        next_date(rules, call.now)
    except (ValueError, KeyError):
        raise faults.parameter(f"Invalid ScheduleExpression {rules.get('ScheduleExpression')}.") from None


def next_date(rules: dict[str, Any], now: float) -> float:
    if expression := rules.get("ScheduleExpression"):
        return schedules.next_after(expression, now)
    return now + float(rules["AutomaticallyAfterDays"]) * schedules.DAY


def check_nothing_pending(call: Call, secret: Secret, token: str) -> None:
    waiting = pending(call, secret)
    if waiting and waiting.id != token and CURRENT not in waiting.stages:
        raise faults.request("A previous rotation isn't complete. That rotation will be reattempted.")


def pending(call: Call, secret: Secret) -> Version | None:
    return next((one for one in Version.scan(call, secret.name) if PENDING in one.stages), None)


def await_rotation(call: Call, secret: Secret) -> None:
    secret.next_rotation = next_date(secret.rotation_rules, call.now)
    secret.put(call)
    rotate.later(call, due=secret.next_rotation, name=secret.name, due_at=secret.next_rotation)


@secretsmanager.task
def rotate(call: Call, name: str, due_at: float) -> None:
    """The schedule is due, unless it was changed since. A rotation that did not come to its end is taken up again."""
    secret = Secret.get(call, name)
    if secret is None or not secret.rotating or secret.next_rotation != due_at or secret.deleted is not None:
        return
    await_rotation(call, secret)
    waiting = pending(call, secret)
    unfinished = waiting if waiting and CURRENT not in waiting.stages else None
    begin(call, secret, unfinished.id if unfinished else names.uuid4())


def begin(call: Call, secret: Secret, token: str) -> None:
    """A version to come, without a value, and the first step."""
    if Version.get(call, secret.name, token) is None:
        Version(
            secret=secret.name,
            id=token,
            sealed=b"",
            wrapped=b"",
            binary=False,
            key_id=secret.key_id,
            stages=[],
            created=call.now,
        ).put(call)
        move(call, secret, PENDING, token)
    secret.rotation_token = names.uuid4()
    secret.put(call)
    step.later(call, name=secret.name, token=token, number=0, only=False)


@secretsmanager.task
async def step(call: Call, name: str, token: str, number: int, only: bool) -> None:
    """Call the function for one of the four steps; when it is done, enqueue the next."""
    secret = Secret.get(call, name)
    if secret is None or not secret.rotation_function:
        return
    event = {
        "Step": STEPS[number],
        "SecretId": secret.arn(call),
        "ClientRequestToken": token,
        "RotationToken": secret.rotation_token,
    }
    try:
        error = await invoked(call, secret, event)
    except Unfinished as unfinished:
        error = unfinished.message
    with call.transaction():
        secret = Secret.get(call, name)
        if secret is None:
            return
        secret.rotation_error = f"{STEPS[number]}: {error}" if error else ""
        if not error and not only and number + 1 == len(STEPS):
            secret.rotated = call.now
        secret.put(call)
        if not error and not only and number + 1 < len(STEPS):
            step.later(call, name=name, token=token, number=number + 1, only=False)


async def invoked(call: Call, secret: Secret, event: dict[str, str]) -> str:
    """What the function said went wrong; an empty text where nothing did."""
    payload = json.dumps(event).encode()
    try:
        answer = await invocation(call, secret, function_name=secret.rotation_function, payload=payload)
    except Unfinished:
        raise
    except Fault as fault:
        return str(fault)
    return str(answer["FunctionError"]) if answer.get("FunctionError") else ""


async def invocation(call: Call, secret: Secret, **members: Any) -> dict[str, Any]:
    service = identity.service("secretsmanager.amazonaws.com", secret.arn(call), call.account)
    answer: dict[str, Any] = await call.aws("lambda", principal=service).invoke(**members)
    return answer
