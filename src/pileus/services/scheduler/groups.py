"""Schedule groups: the default one, and those that customers make."""

from __future__ import annotations

from typing import Any, Self

from pileus.kernel import Call, Fault, Record, arn
from pileus.kernel import tags as tagging
from pileus.kernel.access.target import Target
from pileus.kernel.resource_type import resource_type
from pileus.kernel.tagging import declare

from . import faults, scheduler

DEFAULT = "default"
PER_PAGE = 100
PIECE = 200
ACTIVE, DELETING = "ACTIVE", "DELETING"


@resource_type(
    scheduler,
    "Name",
    create="CreateScheduleGroup",
    read="GetScheduleGroup",
    list="ListScheduleGroups",
    delete="DeleteScheduleGroup",
    missing="ResourceNotFoundException",
)
class Group(Record, arn="schedule-group/{name}", cfn="AWS::Scheduler::ScheduleGroup"):
    name: str
    created: float
    modified: float
    state: str = ACTIVE
    tags: dict[str, str] = {}
    token: str = ""
    """The client token that made it."""

    @classmethod
    def named(cls, call: Call, name: str) -> Self:
        """The group of a name; the default one is there even if nobody has touched it."""
        found = cls.get(call, name)
        if found is None and name == DEFAULT:
            found = cls(DEFAULT, 0.0, 0.0)
        if found is None:
            raise faults.missing("Schedule group", name)
        return found

    def described(self, call: Call) -> dict[str, Any]:
        return {
            "Arn": self.arn(call),
            "Name": self.name,
            "State": self.state,
            "CreationDate": self.created,
            "LastModificationDate": self.modified,
        }


ON_SCHEDULES = ("CreateSchedule", "DeleteSchedule", "GetSchedule", "UpdateSchedule")
ON_GROUPS = ("CreateScheduleGroup", "DeleteScheduleGroup", "GetScheduleGroup")


@scheduler.targets(root=False)
def targets(call: Call, request: dict[str, Any]) -> list[Target] | None:
    """The schedule or group that a request names."""
    if call.operation in ON_SCHEDULES:
        return [Target(call.arn(f"schedule/{request.get('GroupName') or DEFAULT}/{request['Name']}"), call.account)]
    if call.operation in ON_GROUPS:
        return [Target(call.arn(f"schedule-group/{request['Name']}"), call.account)]
    return None


@scheduler.operation
def create_schedule_group(
    call: Call, name: str, tags: list[dict[str, str]] = [], client_token: str = ""
) -> dict[str, Any]:
    present = Group.get(call, name)
    if present and client_token and present.token == client_token:
        return {"ScheduleGroupArn": present.arn(call)}
    if present or name == DEFAULT:
        raise faults.exists("Schedule group", name)
    group = Group(name, call.now, call.now, tags=tagging.checked(tags), token=client_token).put(call)
    return {"ScheduleGroupArn": group.arn(call)}


@scheduler.operation(on=Group.named)
def get_schedule_group(call: Call, group: Group) -> dict[str, Any]:
    return group.described(call)


@scheduler.operation
def list_schedule_groups(
    call: Call, name_prefix: str = "", next_token: str = "", max_results: int = PER_PAGE
) -> dict[str, Any]:
    if Group.get(call, DEFAULT) is None:
        Group(DEFAULT, call.now, call.now).put(call)
    bounds: dict[str, Any] = {"since": (name_prefix,), "before": (name_prefix + "\U0010ffff",)}
    page = Group.page(call, limit=max_results, token=next_token, **bounds)
    return {"ScheduleGroups": [group.described(call) for group in page.items], "NextToken": page.token}


@scheduler.operation(on=Group.named)
def delete_schedule_group(call: Call, group: Group, client_token: str = "") -> dict[str, Any]:
    """Delete a group with all its schedules."""
    if group.name == DEFAULT:
        raise faults.validation("The default schedule group cannot be deleted.")
    group.state = DELETING
    group.put(call)
    clear.later(call, name=group.name)
    return {}


@scheduler.task
def clear(call: Call, name: str) -> None:
    """Remove a group's schedules piece by piece, and then the group."""
    from .schedules import Schedule

    schedules = list(Schedule.scan(call, name, limit=PIECE))
    for schedule in schedules:
        schedule.delete(call)
    group = Group.get(call, name)
    if len(schedules) == PIECE:
        clear.later(call, name=name)
    elif group:
        group.delete(call)


# Tags


def of(call: Call, resource_arn: str) -> Group:
    try:
        kind, _, name = arn.parse(resource_arn).resource.partition("/")
    except ValueError:
        kind, name = "", ""
    if kind != "schedule-group":
        raise Fault("ValidationException", f"Invalid resource ARN {resource_arn}: only schedule groups have tags.")
    return Group.named(call, name)


declare(scheduler, of)
