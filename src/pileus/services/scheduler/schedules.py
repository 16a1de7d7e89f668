"""Schedules: create, change, list, delete."""

from __future__ import annotations

from typing import Any, Self

from pileus.kernel import Call, Record, names
from pileus.kernel.resource_type import resource_type

from . import checking, faults, running, scheduler
from .groups import ACTIVE, DEFAULT, Group

PER_PAGE = 100
ENABLED = "ENABLED"
Members = dict[str, Any]


@resource_type(
    scheduler,
    "Name",
    create="CreateSchedule",
    read="GetSchedule",
    update="UpdateSchedule",
    list="ListSchedules",
    delete="DeleteSchedule",
    missing="ResourceNotFoundException",
)
class Schedule(
    Record, key=("group", "name"), arn="schedule/{group}/{name}", cfn="AWS::Scheduler::Schedule", kw_only=True
):
    group: str
    name: str
    expression: str
    zone: str
    window: Members
    target: Members
    state: str
    description: str = ""
    start: float | None = None
    end: float | None = None
    key: str = ""
    after_completion: str = "NONE"
    created: float
    modified: float
    course: str = ""
    """Of its present course: what an earlier one has enqueued is void."""
    token: str = ""
    """The client token that made it."""

    @property
    def enabled(self) -> bool:
        return self.state == ENABLED

    @classmethod
    def named(cls, call: Call, name: str, group_name: str = DEFAULT) -> Self:
        Group.named(call, group_name)
        found = cls.get(call, group_name, name)
        if found is None:
            raise faults.missing("Schedule", name)
        return found


@scheduler.operation
def create_schedule(
    call: Call,
    name: str,
    schedule_expression: str,
    target: Members,
    flexible_time_window: Members,
    group_name: str = DEFAULT,
    start_date: float | None = None,
    end_date: float | None = None,
    description: str = "",
    schedule_expression_timezone: str = "UTC",
    state: str = ENABLED,
    kms_key_arn: str = "",
    client_token: str = "",
    action_after_completion: str = "NONE",
) -> Members:
    group = Group.named(call, group_name)
    if group.state != ACTIVE:
        raise faults.missing("Schedule group", group_name)
    present = Schedule.get(call, group_name, name)
    if present and client_token and present.token == client_token:
        return {"ScheduleArn": present.arn(call)}
    if present:
        raise faults.exists("Schedule", name)
    zone = schedule_expression_timezone
    checking.check(call, schedule_expression, zone, flexible_time_window, target, start_date, end_date)
    schedule = Schedule(
        group=group_name,
        name=name,
        expression=schedule_expression,
        zone=zone,
        window=flexible_time_window,
        target=target,
        state=state,
        description=description,
        start=start_date,
        end=end_date,
        key=kms_key_arn,
        after_completion=action_after_completion,
        created=call.now,
        modified=call.now,
        course=names.token(12),
        token=client_token,
    ).put(call)
    running.begin(call, schedule, fresh=True)
    return {"ScheduleArn": schedule.arn(call)}


@scheduler.operation(on=Schedule.named)
def update_schedule(
    call: Call,
    schedule: Schedule,
    schedule_expression: str,
    target: Members,
    flexible_time_window: Members,
    start_date: float | None = None,
    end_date: float | None = None,
    description: str = "",
    schedule_expression_timezone: str = "UTC",
    state: str = ENABLED,
    kms_key_arn: str = "",
    client_token: str = "",
    action_after_completion: str = "NONE",
) -> Members:
    """Put other settings in the place of a schedule's; what is left out is as by default."""
    zone = schedule_expression_timezone
    checking.check(call, schedule_expression, zone, flexible_time_window, target, start_date, end_date)
    schedule.expression, schedule.zone = schedule_expression, zone
    schedule.window, schedule.target = flexible_time_window, target
    schedule.start, schedule.end = start_date, end_date
    schedule.description, schedule.state, schedule.key = description, state, kms_key_arn
    schedule.after_completion = action_after_completion
    schedule.modified, schedule.course = call.now, names.token(12)
    schedule.put(call)
    running.begin(call, schedule, fresh=False)
    return {"ScheduleArn": schedule.arn(call)}


@scheduler.operation(on=Schedule.named)
def get_schedule(call: Call, schedule: Schedule) -> Members:
    return {
        "Arn": schedule.arn(call),
        "GroupName": schedule.group,
        "Name": schedule.name,
        "ScheduleExpression": schedule.expression,
        "ScheduleExpressionTimezone": schedule.zone,
        "StartDate": schedule.start,
        "EndDate": schedule.end,
        "Description": schedule.description or None,
        "State": schedule.state,
        "CreationDate": schedule.created,
        "LastModificationDate": schedule.modified,
        "KmsKeyArn": schedule.key or None,
        "Target": {"RetryPolicy": RETRY} | schedule.target,
        "FlexibleTimeWindow": schedule.window,
        "ActionAfterCompletion": schedule.after_completion,
    }


RETRY = {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185}


@scheduler.operation
def list_schedules(
    call: Call,
    group_name: str = "",
    name_prefix: str = "",
    state: str = "",
    next_token: str = "",
    max_results: int = PER_PAGE,
) -> Members:
    if group_name:
        Group.named(call, group_name)
    scope: tuple[str, ...] = (group_name,) if group_name else ()
    page = Schedule.page(
        call,
        *scope,
        limit=max_results,
        token=next_token,
        where=lambda one: one.name.startswith(name_prefix) and state in ("", one.state),
    )
    return {"Schedules": [summary(call, one) for one in page.items], "NextToken": page.token}


def summary(call: Call, schedule: Schedule) -> Members:
    return {
        "Arn": schedule.arn(call),
        "Name": schedule.name,
        "GroupName": schedule.group,
        "State": schedule.state,
        "CreationDate": schedule.created,
        "LastModificationDate": schedule.modified,
        "Target": {"Arn": schedule.target["Arn"]},
    }


@scheduler.operation(on=Schedule.named)
def delete_schedule(call: Call, schedule: Schedule, client_token: str = "") -> Members:
    schedule.delete(call)
    return {}
