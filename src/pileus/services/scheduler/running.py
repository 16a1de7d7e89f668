"""When schedules are due, what they call, and what is done where that fails.

User Guide, "Schedule types", "Configuring flexible time windows", "Adding context attributes" and "Configuring a
dead-letter queue".
"""

from __future__ import annotations

import json
import logging
import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pileus.kernel import Call, Fault, Principal, arn, identity, names, roles, schedules, targets, universal
from pileus.kernel.targets import Failed, Sending

from . import metrics, scheduler
from .checking import UNIVERSAL, is_universal

if TYPE_CHECKING:
    from .schedules import Schedule

log = logging.getLogger("pileus.scheduler")

HAIR = 1e-6
"""Seconds: what is due now is after a hair before."""


def begin(call: Call, schedule: Schedule, *, fresh: bool) -> None:
    """Start a course. A new rate is due at once; one that was changed goes on counting from its beginning."""
    earliest = max(call.now, schedule.start or 0.0) if schedule.expression.startswith("rate") else call.now
    once = schedule.expression.startswith("at")
    if not once and schedule.start is not None:
        earliest = max(earliest, schedule.start)
    await_next(call, schedule, earliest - (HAIR if fresh or earliest > call.now else 0.0))


def await_next(call: Call, schedule: Schedule, instant: float) -> None:
    """Enqueue the first time after an instant, if there is one."""
    if not schedule.enabled:
        return
    beginning = schedule.created if schedule.start is None else schedule.start
    due = schedules.parse(schedule.expression, schedule.zone, beginning).after(instant)
    once = schedule.expression.startswith("at")
    if due is None or (not once and schedule.end is not None and due > schedule.end):
        return
    tick.later(call, group=schedule.group, name=schedule.name, course=schedule.course, at=due, due=due)


@scheduler.task
def tick(call: Call, group: str, name: str, course: str, at: float) -> None:
    """A schedule is due: its call is enqueued, somewhere in its window, and so is its next time."""
    from .schedules import Schedule

    schedule = Schedule.get(call, group, name)
    if schedule is None or schedule.course != course or not schedule.enabled:
        return
    window = schedule.window.get("MaximumWindowInMinutes", 0) * 60
    last = ends_with(schedule, at)
    fire.later(
        call,
        group=group,
        name=name,
        at=at,
        target=schedule.target,
        execution=names.uuid4(),
        since=call.now,
        last=last,
        delay=random.uniform(0, window) if window else 0.0,
    )
    if not last:
        await_next(call, schedule, max(at, call.now))


def ends_with(schedule: Schedule, at: float) -> bool:
    """Whether this is the last time."""
    if schedule.expression.startswith("at"):
        return True
    following = schedules.parse(
        schedule.expression, schedule.zone, schedule.created if schedule.start is None else schedule.start
    ).after(at)
    return following is None or (schedule.end is not None and following > schedule.end)


@scheduler.task
async def fire(
    call: Call,
    group: str,
    name: str,
    at: float,
    target: dict[str, Any],
    execution: str,
    since: float,
    last: bool,
    tries: int = 0,
) -> None:
    """Call the target of a schedule."""
    where = f"schedule/{group}/{name}"
    told = {
        "aws.scheduler.schedule-arn": call.arn(where, "scheduler"),
        "aws.scheduler.scheduled-time": iso(at),
        "aws.scheduler.execution-id": execution,
        "aws.scheduler.attempt-number": str(tries + 1),
    }
    text = text_for(call, target, told)
    metrics.count(call, group, "InvocationAttemptCount")
    try:
        await invoke(call, target, text, told)
    except (Failed, Fault) as error:
        failed = error if isinstance(error, Failed) else Failed.of(error)
        throttled = ("TargetErrorThrottledCount",) if failed.code == "THROTTLING" else ()
        metrics.count(call, group, "TargetErrorCount", *throttled)
        delay, exhausted = targets.retry(target.get("RetryPolicy", {}), tries, since, call.now)
        with call.transaction():
            if not failed.final and not exhausted:
                again = {"at": at, "target": target, "execution": execution, "since": since, "last": last}
                fire.later(call, group=group, name=name, **again, tries=tries + 1, delay=delay)
                return
            metrics.count(call, group, "InvocationDroppedCount")
            bury(call, group, target, text, told, failed, exhausted, tries)
            complete(call, group, name, last)
    else:
        with call.transaction():
            complete(call, group, name, last)


def complete(call: Call, group: str, name: str, last: bool) -> None:
    """Delete a schedule that has run for the last time, if it wants that."""
    from .schedules import Schedule

    if last and (found := Schedule.get(call, group, name)) and found.after_completion == "DELETE":
        found.delete(call)


def iso(instant: float) -> str:
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def text_for(call: Call, target: dict[str, Any], told: dict[str, str]) -> str:
    """The input, with what the schedule knows put in; or the event that Scheduler sends by itself."""
    text = target.get("Input")
    if text is None:
        return json.dumps(
            {
                "version": "0",
                "id": told["aws.scheduler.execution-id"],
                "detail-type": "Scheduled Event",
                "source": "aws.scheduler",
                "account": call.account,
                "time": told["aws.scheduler.scheduled-time"],
                "region": call.region,
                "resources": [told["aws.scheduler.schedule-arn"]],
                "detail": "{}",
            },
            separators=(",", ":"),
        )
    for name, value in told.items():
        text = text.replace(f"<{name}>", value)
    return str(text)


def acting(call: Call, target: dict[str, Any], told: dict[str, str]) -> Principal:
    service = identity.service("scheduler.amazonaws.com", told["aws.scheduler.schedule-arn"], call.account)
    with call.transaction():
        return roles.taken_on(call, target["RoleArn"], names.token(16, names.HEX), service)


async def invoke(call: Call, target: dict[str, Any], text: str, told: dict[str, str]) -> None:
    to = arn.parse(target["Arn"])
    principal = acting(call, target, told)
    if is_universal(to):
        service, _, action = to.resource.removeprefix(UNIVERSAL).partition(":")
        given = text if "Input" in target else ""
        try:
            await universal.perform(call, service, action, given, principal)
        except ValueError as error:
            raise Failed("INVALID_PARAMETER", str(error), final=True) from error
        return
    execution = told["aws.scheduler.execution-id"]
    sending = Sending(call, to, text, target, principal, execution, given="Input" in target)
    await targets.invoke(sending, {**targets.WAYS, "event-bus": to_bus})


def to_bus(sending: Sending) -> None:
    block = sending.block("EventBridgeParameters")
    entry = {
        "EventBusName": str(sending.to),
        "Source": block.get("Source"),
        "DetailType": block.get("DetailType"),
        "Detail": sending.text,
        "Time": sending.call.now,
    }
    with sending.call.transaction():
        answer = sending.aws("events").put_events(entries=[entry])
    if answer["FailedEntryCount"]:
        (failed,) = answer["Entries"]
        raise Failed("SDK_CLIENT_ERROR", f"{failed['ErrorCode']}: {failed['ErrorMessage']}", final=True)


def bury(
    call: Call,
    group: str,
    target: dict[str, Any],
    text: str,
    told: dict[str, str],
    failed: Failed,
    exhausted: str,
    tries: int,
) -> None:
    """Put what was not delivered into the schedule's dead-letter queue, as its role may."""
    schedule_arn = told["aws.scheduler.schedule-arn"]
    log.warning("%s: %s was not called: %s", schedule_arn, target["Arn"], failed)
    queue = target.get("DeadLetterConfig", {}).get("Arn")
    if not queue:
        return
    attributes = {
        "ERROR_CODE": failed.code,
        "ERROR_MESSAGE": str(failed)[:1024],
        "EXECUTION_ID": told["aws.scheduler.execution-id"],
        "EXHAUSTED_RETRY_CONDITION": "" if failed.final else exhausted,
        "IS_PAYLOAD_TRUNCATED": "false",
        "RETRY_ATTEMPTS": str(tries),
        "SCHEDULED_TIME": told["aws.scheduler.scheduled-time"],
        "SCHEDULE_ARN": schedule_arn,
        "TARGET_ARN": target["Arn"],
    }
    try:
        targets.bury(call, arn.parse(queue), text, attributes, acting(call, target, told))
        metrics.count(call, group, "InvocationsSentToDeadLetterCount")
    except Fault as fault:
        metrics.count(call, group, "InvocationsFailedToBeSentToDeadLetterCount")
        log.warning("%s: nor could it be kept: %s", schedule_arn, fault)
